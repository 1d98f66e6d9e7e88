// Below the two charts: what else tells of trouble, the containers of a task or pod, and the publishers.

import { agentNow } from './clock.js';
import { badge, empty, h, once, put } from './dom.js';
import { hasHistory, known, oldText, on, paceOf, periodOf, unavailableOf, valueOf } from './live.js';
import { SPAN, strip } from './overview.js';
import { RESOLUTIONS, columns, points, stepOf } from './points.js';
import { Due, Recent, chartBox, small } from './small.js';
import { ago, count, digits, duration, several, shown, unavailableText } from './words.js';

// Of these the first screen shows those that are measured; the others are told how to be.
const NUMBERS = [
    [
        'throttling',
        'Throttling',
        'throttling',
        'of the scheduling periods in which there was work, those in which the CPU quota was used up',
    ],
    [
        'oom-kills',
        'OOM kills',
        'oom-kills',
        'processes that were killed because the memory limit was reached, since the agent started',
    ],
    ['cpu-pressure', 'CPU pressure', 'pressure', 'of the time, when some task waited for a CPU'],
    ['memory-pressure', 'Memory pressure', 'pressure', 'of the time, when some task waited for memory'],
    ['io-pressure', 'IO pressure', 'pressure', 'of the time, when some task waited for a disk'],
];

/** A series of the first screen, with its small chart. */
class Small {
    constructor(metric, name, unit) {
        Object.assign(this, { metric, name, unit, recent: new Recent(SPAN), due: new Due() });
        this.box = chartBox();
        this.draw = once(() => small(this.box, `${name}, the last 15 minutes`, this.recent, unit, agentNow() / 1000));
    }

    async load() {
        if (!hasHistory() || !known.kept.has(`utilization/${this.metric}`) || !this.due.take()) return;
        const now = agentNow();
        try {
            const all = await points(
                'utilization',
                this.metric,
                now - SPAN * 1000,
                now + 1000,
                RESOLUTIONS[0],
                'average',
            );
            const { times, average } = columns(all, false, stepOf(all, RESOLUTIONS[0], periodOf('utilization')));
            this.recent.fill(times, average, paceOf('utilization'));
        } catch {
            this.due.failed();
        }
        this.draw();
    }

    add(time, value) {
        this.recent.add(time, value, paceOf('utilization'));
        this.draw();
    }
}

const numbers = h('dl', { class: 'numbers' });
const missing = h('p', { class: 'dim missing' });
const unavailableList = h('ul', { class: 'missing', 'aria-label': 'Unavailable' });
const containers = h('div', { class: 'containers' });
const publishers = h('div', { class: 'publishers' });
const titleOfContainers = h('h2', {}, 'Containers');
const boxOfContainers = h('section', { class: 'panel', 'aria-label': 'Containers' }, titleOfContainers, containers);
strip.append(
    h('section', { class: 'panel', 'aria-label': 'Throttling, OOM kills and pressure' }, numbers, unavailableList, missing),
    h(
        'div',
        { class: 'two' },
        boxOfContainers,
        h('section', { class: 'panel', id: 'publishers', 'aria-label': 'Publishers' }, h('h2', {}, 'Publishers'), publishers),
    ),
);

const cells = NUMBERS.map(([metric, name, word, about]) => {
    const series = new Small(metric, name, metric === 'oom-kills' ? 'count' : 'percent');
    const value = h('span', { class: 'value' });
    const link = h('a', { href: `#metric?check=utilization&metric=${metric}`, title: about }, name);
    const cell = h('div', { class: 'cell' }, h('dt', {}, link), h('dd', {}, value, series.box));
    return { metric, name, word, series, value, cell };
});

function showNumbers() {
    const absent = new Set();
    for (const { metric, name, word, series, value, cell } of cells) {
        const newest = valueOf('utilization', metric);
        const unavailable = unavailableOf(metric);
        if (!newest && !unavailable) {
            cell.remove();
            absent.add(word);
            continue;
        }
        if (!cell.isConnected) numbers.append(cell);
        series.load();
        if (unavailable) {
            put(value, 'unavailable');
            value.classList.remove('warning');
            continue;
        }
        const isCount = metric === 'oom-kills';
        const isTrouble = isCount ? newest.value > 0 : metric === 'throttling' && newest.value >= 25;
        const text = isCount ? count(newest.value) : `${digits(newest.value)} %`;
        put(value, `${isTrouble ? '▲ ' : ''}${text}${oldText(newest)}`);
        value.classList.toggle('warning', isTrouble);
        value.title = name;
    }
    // Only a control group has a limit that could be reached.
    if (['host', 'task'].includes(known.agent.measured.scope))
        ['throttling', 'oom-kills'].forEach((word) => absent.delete(word));
    const words = [...absent];
    put(
        missing,
        words.length
            ? `Not measured: ${words.join(', ')}. Start the agent with --metrics cpu,memory,${words.join(',')}; where this system has no such numbers, its log says so.`
            : '',
    );
}

const names = new Map([...NUMBERS.map(([metric, name]) => [metric, name]), ['cpu', 'CPU'], ['memory', 'Memory']]);

/** The name of a number for people, and of which container it is. */
function nameOf(metric) {
    const dot = metric.lastIndexOf('.');
    const number = metric.slice(dot + 1);
    return `${names.get(number) ?? number}${dot > 0 ? ` of ${metric.slice(0, dot)}` : ''}`;
}

/** What was asked for and has no value, one line for each reason. CPU and memory of the whole say it above. */
function showUnavailable() {
    const lines = new Map();
    for (const of of known.agent.unavailable) {
        if (['cpu', 'memory'].includes(of.metric)) continue;
        const text = unavailableText(of);
        lines.set(text, [...(lines.get(text) ?? []), nameOf(of.metric)]);
    }
    const texts = [...lines].map(([text, all]) => `${all.join(', ')}: ${text}`);
    if (unavailableList.textContent === texts.join('')) return;
    unavailableList.replaceChildren(...texts.map((text) => h('li', {}, text)));
}

// By name: the card of a container.
const cards = new Map();

/** The containers, by what stands before the name of their numbers. */
function namesOfContainers() {
    const unavailable = known.agent.unavailable.map(({ metric }) => metric);
    const all = [...(known.values.get('utilization')?.keys() ?? []), ...unavailable];
    const names = all.flatMap((metric) => /^(.+)\.(?:cpu|memory)$/.exec(metric)?.[1] ?? []);
    return [...new Set(names)].sort();
}

function card(name) {
    const parts = [
        ['cpu', 'CPU'],
        ['memory', 'Memory'],
    ].map(([number, word]) => {
        const series = new Small(`${name}.${number}`, `${word} of ${name}`, 'percent');
        const value = h('span', { class: 'value' });
        const link = h(
            'a',
            {
                href: `#metric?${new URLSearchParams({ check: 'utilization', metric: series.metric })}`,
                'aria-label': `${word} of ${name}`,
            },
            word,
        );
        return { series, value, row: h('div', { class: `row ${number}` }, link, series.box, value) };
    });
    return {
        parts,
        element: h(
            'article',
            {},
            h('h3', { title: name }, name),
            parts.map(({ row }) => row),
        ),
    };
}

function showContainers() {
    const names = namesOfContainers();
    boxOfContainers.hidden = !names.length && !['task', 'pod'].includes(known.agent.measured.scope);
    put(
        titleOfContainers,
        names.length ? `Containers (${names.length}), each in percent of its own limit` : 'Containers',
    );
    for (const name of cards.keys()) {
        if (names.includes(name)) continue;
        cards.get(name).element.remove();
        cards.delete(name);
    }
    for (const name of names) {
        if (cards.has(name)) continue;
        cards.set(name, card(name));
        containers.append(cards.get(name).element);
    }
    for (const { parts } of cards.values()) {
        for (const { series, value } of parts) {
            const newest = valueOf('utilization', series.metric);
            const now = newest ? `${shown(newest.value, 'percent')}${oldText(newest)}` : '–';
            put(value, unavailableOf(series.metric) ? 'unavailable' : now);
            series.load();
        }
    }
    if (!names.length && !boxOfContainers.hidden) {
        containers.replaceChildren(empty('Add ', h('code', {}, '--per-container'), ' to see each container.'));
    } else containers.querySelector('.empty')?.remove();
}

function publisher(of) {
    const isFailing = of.failure !== null;
    const state = isFailing
        ? badge(of.dropped ? 'critical' : 'warning', 'failing')
        : of.delivered
          ? badge('ok', 'delivers')
          : badge('info', 'nothing sent yet');
    const facts = [
        of.waiting ? `${several(of.waiting, 'window')} of at most ${of.limit} waiting` : 'nothing waits',
        of.oldest ? `the oldest from ${ago(of.oldest)}` : '',
        `${count(of.delivered)} delivered`,
        // What is lost counts what was refused as well.
        of.dropped > of.rejected ? `${count(of.dropped - of.rejected)} lost` : '',
        of.rejected ? `${count(of.rejected)} refused` : '',
    ].filter(Boolean);
    const since =
        isFailing && of.failing_since ? ` for ${duration(Math.round((agentNow() - of.failing_since) / 1000))}` : '';
    return h(
        'li',
        {},
        h('strong', {}, of.publisher),
        ' ',
        state,
        h('span', { class: 'dim' }, `${since} · ${facts.join(' · ')}`),
        isFailing ? h('p', { class: 'cure' }, of.failure) : null,
    );
}

function showPublishers() {
    const all = known.publishers;
    const items = all.length
        ? h('ul', {}, all.map(publisher))
        : empty('Nothing is published. ', h('code', {}, '--publish'), ' names where to.');
    publishers.replaceChildren(items);
}

/** All small charts here. */
const allSmall = () => [...cells, ...[...cards.values()].flatMap(({ parts }) => parts)].map(({ series }) => series);

// What has come while there was no connection is in the history.
on('begun', () => allSmall().forEach(({ due }) => due.again()));
on('other', () => {
    for (const series of allSmall()) series.recent = new Recent(SPAN);
});
on('all', () => {
    showNumbers();
    showUnavailable();
    showContainers();
    showPublishers();
});
on('values', (batch) => {
    if (!known.agent) return;
    if (batch?.check === 'utilization') {
        const time = batch.timestamp / 1000;
        for (const { metric, value } of batch.values) {
            cells.find((cell) => cell.metric === metric)?.series.add(time, value);
            const dot = metric.lastIndexOf('.');
            const part =
                dot > 0 && cards.get(metric.slice(0, dot))?.parts.find(({ series }) => series.metric === metric);
            if (part) {
                part.series.add(time, value);
                put(part.value, shown(value, 'percent'));
            }
        }
    }
    showNumbers();
    // All values were read: a container may have ended.
    if (!batch) showContainers();
});
