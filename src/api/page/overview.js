// The first screen: what is measured, CPU and memory with the last 15 minutes, and what is not as it should be.

import { alarmButtons } from './actions.js';
import { Chart, key } from './chart.js';
import { agentNow } from './clock.js';
import { badge, byId, empty, h, once, put, table } from './dom.js';
import { hasHistory, known, mayWrite, on, paceOf, periodOf, unavailableOf } from './live.js';
import { RESOLUTIONS, columns, points, stepOf, windows } from './points.js';
import { Recent } from './small.js';
import { cardOf, silenceOf, summary, troubles } from './troubles.js';
import { ago, allOk, bytes, digits, duration, moment, several, unavailableText, when } from './words.js';

/** What the first screen looks back on, in seconds. */
export const SPAN = 900;

const SCALES = [5, 10, 25, 50, 100];

/** CPU and memory, each with its chart. */
class Gauge {
    constructor(metric, name, colour) {
        Object.assign(this, { metric, name, recent: new Recent(SPAN) });
        this.now = h('span', { class: 'value' }, '–');
        this.amount = h('span', { class: 'dim' });
        this.of = h('p', { class: 'of dim' });
        this.limits = [];
        this.chart = new Chart({
            name: `${name}, the last 15 minutes`,
            unit: 'percent',
            height: 190,
            top: 100,
            limits: this.limits,
            lines: [
                { label: 'sample', colour, width: 1 },
                { label: 'median of the window', colour: 'text', width: 2 },
                { label: 'maximum', colour: 'text', width: 1.25, dash: [3, 3] },
            ],
        });
        this.rows = h('div', {
            class: 'scrolled low',
            tabindex: '0',
            role: 'region',
            'aria-label': `${name} as a table`,
        });
        this.table = h(
            'details',
            { ontoggle: () => this.fillTable() },
            h('summary', {}, 'Table of the windows'),
            this.rows,
        );
        const link = h('a', { href: `#metric?check=utilization&metric=${metric}` }, name);
        this.element = h(
            'article',
            { class: 'panel' },
            h('div', { class: 'title' }, h('h2', {}, link), this.now, this.amount),
            this.of,
            this.chart.element,
            key([
                [`solid ${colour}`, 'each sample'],
                ['thick', 'median of a window'],
                ['dashed', 'maximum of a window'],
                ['limit', 'limit or threshold'],
            ]),
            this.table,
        );
        this.draw = once(() => this.show());
    }

    /** Reads what was before this page. */
    async load() {
        if (this.isLoading || !hasHistory()) return;
        this.isLoading = true;
        try {
            await this.read();
        } catch {
            this.isLoading = false;
        }
        this.draw();
    }

    async read() {
        const now = agentNow();
        const all = await points('utilization', this.metric, now - SPAN * 1000, now + 1000, RESOLUTIONS[0], 'average');
        const { times, average } = columns(all, false, stepOf(all, RESOLUTIONS[0], periodOf('utilization')));
        this.recent.fill(times, average, paceOf('utilization'));
    }

    add(time, value) {
        this.recent.add(time, value, paceOf('utilization'));
        this.draw();
    }

    /** What 100 percent are, in the unit of what is measured. */
    whole() {
        const limit = known.agent.measured[this.metric];
        return (
            limit && (limit.cores === undefined ? bytes(limit.bytes) : several(Number(limit.cores.toFixed(2)), 'core'))
        );
    }

    part(percent) {
        const limit = known.agent.measured[this.metric];
        if (!limit) return '';
        const part =
            limit.cores === undefined ? bytes((limit.bytes * percent) / 100) : digits((limit.cores * percent) / 100);
        return `${part} of ${this.whole()}`;
    }

    show() {
        if (!known.agent) return;
        const { recent, metric } = this;
        const end = Math.max(agentNow() / 1000 - 5, recent.times.at(-1) ?? 0);
        const now = recent.last();
        const unavailable = unavailableOf(metric);
        put(this.now, now === null || unavailable ? '–' : `${now.toFixed(1)} %`);
        // One from before the agent was away is not the one of now.
        const isOld = agentNow() / 1000 - recent.times.at(-1) > 20 + 10 * known.agent.sample_interval;
        const amount = isOld ? `(old: of ${when(recent.times.at(-1) * 1000)})` : this.part(now);
        put(this.amount, unavailable ? unavailableText(unavailable) : now === null ? 'no sample yet' : amount);
        this.amount.classList.toggle('critical', Boolean(unavailable));
        const limit = known.agent.measured[metric];
        put(this.of, limit ? `100 % are ${this.whole()}: ${limit.origin}` : 'not measured: see the log of the agent');
        const { period } = known.agent;
        this.windows = windows(recent.times, recent.values, period);
        this.limits.splice(0, Infinity, ...thresholdLines('utilization', metric));
        if (this.whole()) this.limits.push({ value: 100, label: `limit: ${this.whole()}` });
        const highest = Math.max(
            0,
            ...recent.values.slice(-5000),
            ...this.limits.slice(0, -1).map(({ value }) => value),
        );
        // Above 100 % it ends where the highest sample is. Both charts have one scale, because they stand side by side.
        this.highest = highest;
        const most = Math.max(...gauges.map((gauge) => gauge.highest ?? 0));
        this.chart.of.top = SCALES.find((top) => top >= most);
        if (this.drawnTop !== this.chart.of.top) gauges.forEach((gauge) => gauge !== this && gauge.draw());
        this.drawnTop = this.chart.of.top;
        // Without a history nothing can stand left of the first sample.
        const first = hasHistory() ? end - SPAN : Math.max(end - SPAN, Math.min(recent.times[0] ?? end, end - 60));
        this.chart.set([recent.times, recent.values, this.windows.medians, this.windows.maxima], [first, end]);
        if (this.table.open && !this.rows.contains(document.activeElement)) this.fillTable();
    }

    fillTable() {
        const rows = (this.windows?.all ?? [])
            .toReversed()
            .map(({ time, median, max, samples }) => [
                when(time * 1000),
                `${median.toFixed(2)} %`,
                `${max.toFixed(2)} %`,
                String(samples),
            ]);
        this.rows.replaceChildren(
            table(`${this.name} by windows`, ['window from', 'median', 'maximum', 'samples'], rows),
        );
    }
}

/** The bounds of the thresholds of a metric, as lines. */
export function thresholdLines(check, metric) {
    const dot = metric.lastIndexOf('.');
    const [target, name] = [dot > 0 ? metric.slice(0, dot) : null, metric.slice(dot + 1)];
    const isOf = (of) =>
        !of.disabled &&
        (of.of === 'value' || of.of === 'rate') &&
        !of.percentage &&
        (of.check ?? check) === check &&
        (of.metric ?? name) === name &&
        (of.target ?? target) === target &&
        (of.check || of.metric);
    const bounds = [
        ['warning_max', 'warning above'],
        ['failure_max', 'failure above'],
        ['warning_min', 'warning below'],
        ['failure_min', 'failure below'],
    ];
    return known.thresholds.filter(isOf).flatMap((of) =>
        bounds
            .filter(([bound]) => of[bound] !== null)
            .map(([bound, word]) => ({
                value: of[bound],
                label: `${word} ${digits(of[bound])} (${of.label})`,
            })),
    );
}

const gauges = [new Gauge('cpu', 'CPU', 'cpu'), new Gauge('memory', 'Memory', 'memory')];
const measured = h('p', { id: 'measured' });
const alarms = h('div', { id: 'alarms' });
const charts = h(
    'div',
    { class: 'gauges' },
    gauges.map(({ element }) => element),
);
const note = h('div');

/** Where the rest of the first screen is put. */
export const strip = h('div', { id: 'strip' });

byId('now').append(summary, measured, alarms, charts, note, strip);

function showMeasured() {
    const { agent } = known;
    const scopes = { host: 'This host', container: 'This container', task: 'The whole ECS task', pod: 'The whole pod' };
    const scope = scopes[agent.measured.scope] ?? 'Nothing yet';
    const samples = `a sample each ${duration(agent.sample_interval)}, a window each ${duration(agent.period)}`;
    put(measured, `${scope} is measured: ${samples}. Running since ${moment(agent.started)}.`);
    put(byId('service'), agent.service ?? agent.id);
    const dimensions = Object.entries(agent.dimensions).filter(
        ([name, value]) => name !== 'ServiceName' && value !== agent.id,
    );
    const names = dimensions.map(([name, value]) => `${name} ${value}`);
    put(byId('entity'), [...(agent.service ? [agent.id] : []), ...names, `version ${agent.version}`].join(' · '));
}

// More than these would push the charts off the screen.
const MOST_TROUBLES = 3;
let allAreShown = false;

function showAlarms() {
    const all = troubles();
    const bad = all.filter(({ kind }) => kind !== 'off').length;
    const number = known.alarms.length + known.thresholds.length;
    document.title = `${bad ? `(${bad}) ` : ''}${known.agent.service ?? known.agent.id}`;
    if (!number) {
        return drawAlarms('none', [], () =>
            empty(
                'No alarms and no thresholds: nothing says when something is wrong. See ',
                h('code', {}, 'docs/alarms.md'),
                '.',
            ),
        );
    }
    if (!all.length) {
        const [kind, text] = allOk(known.alarms, known.thresholds);
        return drawAlarms(text, [], () => h('p', {}, badge(kind, text)));
    }
    const shownOnes = allAreShown ? all : all.slice(0, MOST_TROUBLES);
    const texts = shownOnes.map((of) => [h('span', {}, of.status), h('span', {}, sinceText(of))]);
    const items = shownOnes.map((of, place) =>
        h(
            'li',
            {},
            badge(of.kind, of.state),
            ' ',
            of.metric
                ? h('a', { href: `#metric?${new URLSearchParams({ check: of.check, metric: of.metric })}` }, of.name)
                : h('strong', {}, of.name),
            h('span', { class: 'dim' }, ' (', of.alarm ? 'check ' : '', cardOf(of.check), of.metric ? `/${of.metric}` : '', '): '),
            texts[place][0],
            h('span', { class: 'dim' }, texts[place][1], silenceOf(of), ' '),
            of.alarm ? alarmButtons(of.alarm) : null,
        ),
    );
    const more = all.length - shownOnes.length;
    if (more)
        items.push(
            h(
                'li',
                {},
                h(
                    'button',
                    {
                        onclick: () => {
                            allAreShown = true;
                            showAlarms();
                        },
                    },
                    `${more} more`,
                ),
            ),
        );
    const same = shownOnes.map((of) => ({ ...of, status: '', since: 0, alarm: silenceOf(of) }));
    const key = JSON.stringify([same, all.length, number, mayWrite()]);
    const label = `Not OK: ${bad} of ${number}`;
    drawAlarms(key, texts.flat(), () => h('ul', { class: 'troubles', 'aria-label': label }, items));
}

const sinceText = ({ since }) => (since ? ` · since ${when(since)}, ${ago(since)}` : '');

// What is drawn, and those of its texts that change: values and ages.
const drawn = { key: null, texts: [] };

/** The same elements stay as long as only these texts change, so that the focus stays where it is. */
function drawAlarms(key, texts, make) {
    if (drawn.key === key) return texts.forEach((of, place) => put(drawn.texts[place], of.textContent));
    Object.assign(drawn, { key, texts });
    alarms.replaceChildren(make());
}

function showNote() {
    const what = [];
    if (known.capabilities && !hasHistory()) {
        what.push(
            empty(
                'There is no history, so charts begin when this page was opened. Start the agent with ',
                h('code', {}, '--store memory'),
                ' (4 MB) or a folder to keep two days of every value.',
            ),
        );
    }
    note.replaceChildren(...what);
}

on('other', () => {
    for (const gauge of gauges) gauge.recent = new Recent(SPAN);
});
on('begun', () => {
    showMeasured();
    // As soon as it can be, and not after all else: who looks wants the charts.
    for (const gauge of gauges) {
        gauge.show();
        gauge.isLoading = false;
        // An agent that has just begun may have nothing yet. Its list of metrics tells.
        if (known.agent.uptime > 5) gauge.load();
    }
});
on('all', () => {
    showMeasured();
    showAlarms();
    showNote();
    for (const gauge of gauges) {
        if (known.kept.has(`utilization/${gauge.metric}`)) gauge.load();
        gauge.draw();
    }
});
on('values', (batch) => {
    if (batch?.check !== 'utilization') return;
    for (const { metric, value } of batch.values) {
        gauges.find((gauge) => gauge.metric === metric)?.add(batch.timestamp / 1000, value);
    }
});
