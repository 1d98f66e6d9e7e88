// One metric: any range of it that is kept, at the resolution that fits.

import { Chart, key } from './chart.js';
import { agentNow } from './clock.js';
import { byId, empty, h, put, scrolled, table } from './dom.js';
import { figureOf, hasHistory, known, oldText, on, periodOf, valueOf } from './live.js';
import { RESOLUTIONS, beginning, columns, csv, download, oldest, points, resolutionFor, stepOf } from './points.js';
import { thresholdLines } from './overview.js';
import { ago, day, digits, moment, perSecond, shown, span, unavailableText, zone } from './words.js';

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The ranges of the buttons: back from now. */
const RANGES = [
    ['15m', '15 m', 15 * MINUTE],
    ['1h', '1 h', HOUR],
    ['6h', '6 h', 6 * HOUR],
    ['1d', '1 d', DAY],
    ['2d', '2 d', 2 * DAY],
    ['10d', '10 d', 10 * DAY],
    ['30d', '30 d', 30 * DAY],
    ['155d', '155 d', 155 * DAY],
    ['1y', '1 y', 365 * DAY],
    ['5y', '5 y', 1826 * DAY],
];

// A range that ends now moves on this often, or with each point of its resolution.
const FOLLOW = 10000;

// More rows would make the page slow; the file has all.
const MOST_ROWS = 500;

const view = byId('metric');
let open = null;

class Metric {
    constructor(check, metric) {
        Object.assign(this, { check, metric, asked: 0, timer: null, loaded: null });
        this.links = RANGES.map(([id, word]) => h('a', { class: 'button', href: this.href({ range: id }) }, word));
        this.range = h('div', { class: 'ranges', role: 'group', 'aria-label': 'Range' }, this.links);
        this.now = h('span', { class: 'value' });
        this.facts = h('p', { class: 'dim', role: 'status' });
        this.place = h('div');
        this.rows = h('div');
        this.table = h(
            'details',
            { ontoggle: () => this.fillTable() },
            h('summary', {}, 'Table of the points'),
            this.rows,
        );
        const button = (word, act, label) =>
            h('button', { type: 'button', onclick: act, 'aria-label': label ?? word }, word);
        this.back = h('a', { href: '#now', class: 'button' }, '← All');
        this.day = h('input', { type: 'date', onchange: () => this.showDay() });
        this.moves = h(
            'div',
            { class: 'ranges', role: 'group', 'aria-label': 'Move and zoom' },
            button('Day before', () => this.shift(-DAY)),
            button('Day after', () => this.shift(DAY)),
            h('label', {}, 'Day ', this.day),
            button('◀', () => this.move(-0.5), 'Earlier'),
            button('▶', () => this.move(0.5), 'Later'),
            button('+', () => this.zoom(0.5), 'Zoom in'),
            button('−', () => this.zoom(2), 'Zoom out'),
            button('Download CSV', () => this.save()),
        );
        view.replaceChildren(
            h('div', { class: 'title' }, this.back, h('h2', { tabindex: '-1' }, `${check} / ${metric}`), this.now),
            h('div', { class: 'tools' }, this.range, this.moves),
            h('div', { class: 'panel' }, this.facts, this.place, this.table),
        );
    }

    /** What the list of metrics says of it. */
    about() {
        return (
            known.metrics.find((of) => of.check === this.check && of.name === this.metric) ??
            valueOf(this.check, this.metric)
        );
    }

    get isCounter() {
        return this.about()?.kind === 'counter';
    }

    get unit() {
        const unit = this.about()?.unit ?? '';
        return this.isCounter ? perSecond(unit) : unit;
    }

    show(asked) {
        const name = asked.get('range');
        const found = RANGES.find(([id]) => id === name);
        if (asked.has('from'))
            [this.from, this.to, this.length] = [Number(asked.get('from')), Number(asked.get('to')), null];
        else this.length = (found ?? RANGES[1])[2];
        this.chosen = asked.has('from') ? null : (found ?? RANGES[1])[0];
        // The same links stay, so that the focus stays where it is.
        RANGES.forEach(([id], place) => {
            if (id === this.chosen) this.links[place].setAttribute('aria-current', 'true');
            else this.links[place].removeAttribute('aria-current');
        });
        this.load();
    }

    href(of) {
        return `#metric?${new URLSearchParams({ check: this.check, metric: this.metric, ...of })}`;
    }

    /** Shows this range, in ms; the browser's way back leads to the one before. */
    go(from, to) {
        const least = 5000;
        const middle = (from + to) / 2;
        if (to - from < least) [from, to] = [middle - least / 2, middle + least / 2];
        const most = Math.min(to, agentNow());
        location.hash = this.href({ from: Math.round(Math.max(0, from - (to - most))), to: Math.round(most) }).slice(1);
    }

    move(part) {
        this.shift((this.to - this.from) * part);
    }

    shift(by) {
        this.go(this.from + by, this.to + by);
    }

    /** The day of the field, from midnight to midnight where the reader is. One that has not ended is shown as far as it is. */
    showDay() {
        const [year, month, date] = this.day.value.split('-').map(Number);
        const [from, to] = [date, date + 1].map((of) => new Date(year, month - 1, of).getTime());
        if (from < agentNow()) location.hash = this.href({ from, to: Math.min(to, Math.round(agentNow())) }).slice(1);
    }

    zoom(factor) {
        const length = this.to - this.from;
        // What ends now goes on to end now: the middle of it may have nothing.
        if (this.length || agentNow() - this.to < Math.max(MINUTE / 2, length / 20))
            return this.go(this.to - length * factor, this.to);
        const [middle, half] = [(this.from + this.to) / 2, ((this.to - this.from) / 2) * factor];
        this.go(middle - half, middle + half);
    }

    async load() {
        clearTimeout(this.timer);
        this.isDue = false;
        this.showNow();
        // What kind of metric it is, and its limits, are known then.
        if (!known.isRead) return;
        if (!hasHistory())
            return this.nothing(
                'There is no history: start the agent with --store memory or a folder, and this chart has two days of every value.',
            );
        if (this.about()?.type === 's') return this.texts();
        if (this.length) [this.from, this.to] = [agentNow() - this.length, agentNow()];
        const { check, metric, from, to } = this;
        this.day.max = day(agentNow());
        if (document.activeElement !== this.day) this.day.value = day(from);
        const resolution = resolutionFor(from, to, periodOf(check), agentNow());
        this.asked += 1;
        const { asked } = this;
        try {
            const select = this.isCounter ? 'growth' : 'average,min,max';
            const all = await points(check, metric, from, to, resolution, select);
            // Another range was asked for meanwhile, or another metric.
            if (asked !== this.asked || open !== this) return;
            const begins = all.length ? await this.beginOf(all, resolution, from, to) : await beginning(check, metric);
            if (asked !== this.asked || open !== this) return;
            this.draw(all, resolution, from, to, begins);
        } catch (error) {
            if (asked !== this.asked) return;
            this.nothing(`${error.message}.`);
        }
        if (this.length) this.timer = setTimeout(() => this.again(), Math.max(FOLLOW, resolution.length / 30));
    }

    /** When the history begins, where that is in this range; null where it is not. */
    async beginOf(all, resolution, from, to) {
        const first = all[0]?.timestamp;
        const step = 1000 * stepOf(all, resolution, periodOf(this.check));
        if (!first || first - from < Math.max(3 * step, (to - from) / 50)) return null;
        // What has begun there once does not begin earlier any more.
        if (this.begun === first) return first;
        const isOlder = (await oldest(this.check, this.metric, from, resolution)) !== null;
        if (isOlder) return null;
        this.begun = first;
        return first;
    }

    /** Follows what is measured; while nobody looks it waits for that. */
    again() {
        this.isDue = document.hidden;
        if (!this.isDue) this.load();
    }

    draw(all, resolution, from, to, begins) {
        const step = stepOf(all, resolution, periodOf(this.check));
        const of = columns(all, this.isCounter, step, resolution, agentNow());
        this.loaded = { of, resolution, from, to };
        const number = of.counts.filter(Boolean).length;
        const finer = RESOLUTIONS.find(({ name }) => name === 'FULL');
        const isOld =
            resolution.length && (to - from) / (periodOf(this.check) * 1000) < 1440 && from < agentNow() - finer.kept;
        put(
            this.facts,
            [
                `${span(from, to)}, ${zone()}`,
                `${digits(number)} point${number === 1 ? '' : 's'}, ${resolution.words}${resolution.length && !this.isCounter ? ' (average, and from minimum to maximum)' : ''}`,
                this.isCounter ? 'a counter: how it grows in a second' : '',
                isOld ? 'every value is kept for two days' : '',
                begins ? `the history begins ${moment(begins)}` : '',
            ]
                .filter(Boolean)
                .join(' · '),
        );
        if (!number)
            return this.nothing(
                `There are no points in this range.${begins ? ` The history of this metric begins ${moment(begins)}, ${ago(begins)}.` : ''} The newest value is from ${this.about()?.updated ? ago(this.about().updated) : 'before it'}; choose another range.`,
                true,
            );
        const isBand = resolution.length > 0 && !this.isCounter;
        if (this.chart && this.isBand === isBand) {
            this.chart.of.limits.splice(0, Infinity, ...this.limits());
        } else {
            this.chart?.end();
            this.isBand = isBand;
            this.chart = this.make(isBand);
            const lines = isBand
                ? [
                      ['solid cpu', 'average'],
                      ['band', 'from minimum to maximum'],
                  ]
                : [['solid cpu', this.isCounter ? 'growth in a second' : 'value']];
            const limit = this.limits().length ? [['limit', 'limit or threshold']] : [];
            this.place.replaceChildren(this.chart.element, key([...lines, ...limit]));
        }
        const data = isBand ? [of.times, of.average, of.max, of.min] : [of.times, of.average];
        this.chart.set(data, [from / 1000, to / 1000]);
        if (this.table.open && !this.rows.contains(document.activeElement)) this.fillTable();
    }

    limits() {
        const limits = this.isCounter ? [] : thresholdLines(this.check, this.metric);
        if (this.check === 'utilization' && ['cpu', 'memory'].includes(this.metric))
            limits.push({ value: 100, label: 'limit: 100 %' });
        return limits;
    }

    make(isBand) {
        const lines = isBand
            ? [{ label: 'average', colour: 'cpu' }, { label: 'max', band: 3 }, { label: 'min' }]
            : [{ label: this.isCounter ? 'growth' : 'value', colour: 'cpu' }];
        return new Chart({
            name: `${this.check} ${this.metric}`,
            unit: this.unit,
            height: Math.max(240, Math.min(420, innerHeight - 300)),
            lines,
            limits: this.limits(),
            zoomed: (from, to) => this.go(from * 1000, to * 1000),
        });
    }

    /** In the place of a chart. */
    nothing(text, keepsFacts = false) {
        this.chart?.end();
        this.chart = null;
        if (!keepsFacts) put(this.facts, '');
        this.place.replaceChildren(empty(text));
        this.rows.replaceChildren();
    }

    /** Texts have changes and no numbers. */
    async texts() {
        const [from, to] = this.length ? [agentNow() - this.length, agentNow()] : [this.from, this.to];
        [this.from, this.to] = [from, to];
        try {
            const all = await points(this.check, this.metric, from, to, RESOLUTIONS[0], 'text');
            if (open !== this) return;
            put(this.facts, `${span(from, to)}, ${zone()} · a text: the history has its changes`);
            const rows = all.toReversed().map(({ timestamp, text }) => [moment(timestamp), text]);
            this.texted = all;
            this.place.replaceChildren(scrolled('Changes', table('Changes', ['since', 'text'], rows)));
            this.table.hidden = true;
        } catch (error) {
            this.nothing(`${error.message}.`);
        }
    }

    heads() {
        const { resolution } = this.loaded;
        if (this.isCounter) return ['growth'];
        return resolution.length ? ['average', 'min', 'max'] : ['value'];
    }

    /** All points that are there, as numbers. */
    values() {
        const { of } = this.loaded;
        const columns = this.heads().map((head) => of[head] ?? of.average);
        return of.times.flatMap((time, place) =>
            of.average[place] === null
                ? []
                : [[Math.round(time * 1000), of.counts[place], ...columns.map((column) => column[place])]],
        );
    }

    fillTable() {
        if (!this.table.open || !this.loaded) return;
        const all = this.values();
        const rows = all
            .slice(-MOST_ROWS)
            .reverse()
            .map(([time, number, ...values]) => [
                moment(time),
                String(number),
                ...values.map((value) => shown(value, this.unit)),
            ]);
        const left = all.length - rows.length;
        this.rows.replaceChildren(
            scrolled(
                'Points as a table',
                table(`Points of ${this.check}/${this.metric}`, [`time, ${zone()}`, 'values', ...this.heads()], rows),
            ),
            left > 0
                ? h('p', { class: 'dim' }, `The newest ${MOST_ROWS}; ${digits(left)} more are in the CSV file.`)
                : '',
        );
    }

    save() {
        const file = `${this.check}-${this.metric}`.replace(/[^\w.-]+/g, '_');
        if (this.about()?.type === 's') {
            return download(
                `${file}.csv`,
                csv(
                    ['timestamp_ms', 'time', 'text'],
                    (this.texted ?? []).map(({ timestamp, text }) => [
                        timestamp,
                        new Date(timestamp).toISOString(),
                        text,
                    ]),
                ),
            );
        }
        if (!this.loaded) return;
        const rows = this.values().map(([time, ...rest]) => [time, new Date(time).toISOString(), ...rest]);
        const unit = this.unit ? ` (${this.unit})` : '';
        download(
            `${file}.csv`,
            csv(['timestamp_ms', 'time', 'count', ...this.heads().map((head) => head + unit)], rows),
        );
    }

    showNow() {
        const value = valueOf(this.check, this.metric);
        const unavailable = this.check === 'utilization' ? known.agent?.unavailable : known.runs.get(this.check)?.unavailable;
        const one = unavailable?.find(({ metric }) => metric === this.metric);
        if (one) return put(this.now, unavailableText(one));
        if (!value) return put(this.now, '');
        const { value: now, unit } = figureOf(value);
        put(this.now, `${shown(now, unit)}${oldText(value)}`);
    }

    end() {
        clearTimeout(this.timer);
        this.asked += 1;
        this.chart?.end();
        view.replaceChildren();
    }
}

/** The name of a place as it is; who has typed it may have made a mistake. */
function asPlace(name) {
    try {
        return decodeURIComponent(name);
    } catch {
        return name;
    }
}

/** Shows the metric that the address of the page names, or none. */
export function route() {
    const [name, query] = location.hash.slice(1).split('?');
    const isMetric = name === 'metric' && query;
    if (!isMetric && open && name === 'content') return;
    view.hidden = !isMetric;
    byId('overview').hidden = Boolean(isMetric);
    if (!isMetric) {
        open?.end();
        open = null;
        const part = byId(asPlace(name));
        if (part && name !== 'content') part.scrollIntoView();
        return;
    }
    const asked = new URLSearchParams(query);
    const [check, metric] = [asked.get('check') ?? '', asked.get('metric') ?? ''];
    const isNew = !open || open.check !== check || open.metric !== metric;
    if (isNew) {
        open?.end();
        open = new Metric(check, metric);
        scrollTo(0, 0);
        view.querySelector('h2').focus({ preventScroll: true });
    }
    open.show(asked);
}

let wasRead = false;
on('all', () => {
    // A part that the address names stands lower when all that is there now is drawn.
    if (known.isRead && !wasRead) open ? open.load() : setTimeout(() => open || route(), 300);
    wasRead = known.isRead;
});
on('begun', () => wasRead && open?.load());
on('values', (batch) => {
    if (open && (!batch || batch.check === open.check)) open.showNow();
});
document.addEventListener('visibilitychange', () => open?.isDue && open.again());
