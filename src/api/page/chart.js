// A chart with axes, by uPlot: colours of the page, limits as lines, a cursor for mouse, finger and keys.

import { h, put, tell } from './dom.js';
import { day, offset, shown, time, when } from './words.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const charts = new Set();

/** The value of a colour of the style, which is another one by night. */
let colours = {};
export function colour(name) {
    colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    return colours[name];
}

dark.addEventListener('change', () => {
    colours = {};
    for (const chart of charts) chart.plot?.redraw(false, true);
});

const watch = new ResizeObserver((all) => {
    for (const { target } of all) target.chart?.resize();
});

/** Lines across the chart, such as limits: `{ value, label }`. Those beyond the scale are left out. */
function limitLines(plot, limits) {
    const { ctx, bbox } = plot;
    const dpr = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * dpr}px system-ui, sans-serif`;
    ctx.lineWidth = dpr;
    const taken = [];
    for (const { value, label } of limits) {
        if (value > plot.scales.y.max * 1.001 || value < plot.scales.y.min) continue;
        const y = Math.round(plot.valToPos(value, 'y', true)) + 0.5;
        ctx.strokeStyle = ctx.fillStyle = colour('limit');
        ctx.setLineDash([7 * dpr, 4 * dpr]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        // Where two are close their texts stand side by side.
        const ends = taken.filter((of) => Math.abs(of.y - y) < 30 * dpr).map(({ right }) => right);
        const left = Math.max(bbox.left, ...ends) + (ends.length ? 14 : 6) * dpr;
        const isHigh = y - bbox.top < 16 * dpr;
        ctx.textAlign = 'left';
        ctx.textBaseline = isHigh ? 'top' : 'bottom';
        const at = y + (isHigh ? 3 : -2) * dpr;
        // It is to be read above what is measured, too.
        const { width } = ctx.measureText(label);
        ctx.fillStyle = colour('panel');
        ctx.fillRect(left - 2 * dpr, isHigh ? at : at - 12 * dpr, width + 4 * dpr, 12 * dpr);
        ctx.fillStyle = colour('limit');
        ctx.fillText(label, left, at);
        taken.push({ y, right: left + width });
    }
    ctx.restore();
}

// From 0 on, and with room for the highest line; where all is below 0, the other way.
const scale = (of) => (_plot, least, most) => {
    if (of.top) return [0, of.top];
    if (least === null || most === null) return [0, 1];
    const low = Math.min(0, least);
    const high = Math.max(0, most);
    return [low - (low && 0.05 * (high - low)), high + 0.05 * (high - low || 1)];
};

// Steps between the lines of a chart: round numbers, and of bytes those of 1024.
const BINARY = [1, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4, 1024 ** 5];
const stepsOf = (unit) =>
    /^(kilo|mega)?bytes/.test(unit)
        ? BINARY.flatMap((power) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * power))
        : undefined;

/** The times below a chart: the day in place of the time where another one begins. */
function timeAxis(_plot, splits) {
    let before = null;
    // A day has 23 hours where summer time begins.
    const isLong = splits.length > 1 && splits[1] - splits[0] >= 82800;
    let from = null;
    return splits.map((at) => {
        const of = day(at * 1000);
        const zone = offset(at * 1000);
        const isOther = from !== null && zone !== from;
        from = zone;
        const isNew = before !== null && of !== before;
        before = of;
        if (isLong) return of.slice(5);
        // From here on the clocks say another time.
        if (isOther) return zone;
        if (isNew) return of.slice(5);
        return splits[1] - splits[0] < 60 ? time(at * 1000) : time(at * 1000).slice(0, 5);
    });
}

/**
 * A chart of columns over time. `of` has `name`, `unit`, `lines` (each with `label`, `colour` and, where wanted, `width`, `dash`
 * and `band`, the place of the line down to which it is filled), `limits`, `top`, `height`, and `zoomed(from, to)` in seconds.
 */
export class Chart {
    constructor(of) {
        Object.assign(this, { of, data: null, plot: null });
        this.readout = h('p', { class: 'readout' });
        this.box = h('div', {
            class: 'plot',
            tabindex: '0',
            role: 'group',
            'aria-label': `${of.name}: chart. Arrow keys move the cursor${of.zoomed ? ', plus and minus zoom' : ''}; the table below has the values`,
            onkeydown: (event) => this.key(event),
        });
        this.box.chart = this;
        this.element = h('div', { class: 'chart' }, this.box, this.readout);
        charts.add(this);
        watch.observe(this.box);
    }

    /** Shows these columns, the first of which are times in seconds; `range` is what the axis of time shows. */
    set(data, range) {
        Object.assign(this, { data, range });
        if (!this.plot) return this.make();
        this.plot.batch(() => {
            this.plot.setData(data, false);
            this.plot.setScale('x', { min: range[0], max: range[1] });
        });
        // The scale of the values is chosen anew by this.
        this.plot.redraw(true, true);
        this.read();
    }

    make() {
        const { of } = this;
        const width = this.box.clientWidth;
        if (!width || !this.data) return;
        const axis = {
            stroke: () => colour('dim'),
            grid: { stroke: () => colour('line'), width: 1 },
            ticks: { show: false },
            font: '11px system-ui, sans-serif',
        };
        const series = of.lines.map(({ label, colour: name, width: thick, dash }) => ({
            label,
            stroke: name ? () => colour(name) : undefined,
            width: thick ?? (name ? 1.5 : 0),
            dash,
            points: { show: name ? undefined : false, size: 4, fill: () => colour(name ?? 'line') },
        }));
        const bands = of.lines.flatMap((line, place) =>
            line.band ? [{ series: [place + 1, line.band], fill: () => colour('band') }] : [],
        );
        this.plot = new uPlot(
            {
                width,
                height: of.height,
                series: [{}, ...series],
                bands,
                legend: { show: false },
                padding: [8, 16, 0, 0],
                scales: {
                    x: { time: true, range: (_plot, min, max) => this.range ?? [min, max] },
                    y: { range: scale(of) },
                },
                axes: [
                    { ...axis, size: 22, gap: 4, space: 70, values: timeAxis },
                    {
                        ...axis,
                        // What is longer than before gets more room.
                        size: (_plot, texts) =>
                            (texts ?? []).reduce((most, { length }) => Math.max(most, 14 + 6.2 * length), 44),
                        gap: 4,
                        space: 28,
                        ...(stepsOf(of.unit) && { incrs: stepsOf(of.unit) }),
                        values: (_plot, splits) =>
                            splits.map((at) => shown(Number(at.toPrecision(6)), of.unit).replace(/\.0+ /, ' ')),
                    },
                ],
                cursor: { drag: { x: Boolean(of.zoomed), y: false, setScale: false }, points: { size: 7 }, y: false },
                hooks: {
                    draw: [(plot) => limitLines(plot, of.limits ?? [])],
                    setCursor: [() => this.read()],
                    setSelect: [(plot) => this.selected(plot)],
                },
            },
            this.data,
            this.box,
        );
        this.read();
    }

    resize() {
        if (!this.plot) return this.make();
        const width = this.box.clientWidth;
        if (width && width !== this.plot.width) this.plot.setSize({ width, height: this.of.height });
    }

    selected(plot) {
        const { left, width } = plot.select;
        if (width < 5) return;
        const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        this.of.zoomed(from, to);
    }

    /** The values under the cursor, or the newest ones. */
    read(speaks = false) {
        const [times, ...columns] = this.data;
        const place = this.plot?.cursor.idx ?? times.length - 1;
        const at = times[place];
        if (at === undefined) return;
        const values = this.of.lines.map(({ label }, line) => `${label} ${shown(columns[line][place], this.of.unit)}`);
        const text = `${when(at * 1000)}   ${values.join('   ')}${this.of.more?.(place) ?? ''}`;
        put(this.readout, text);
        if (speaks) tell(text);
    }

    key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || !this.plot) return;
        const [times] = this.data;
        const last = times.length - 1;
        const now = this.plot.cursor.idx ?? last;
        const page = Math.max(1, Math.round(times.length / 20));
        const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -page, PageDown: page, Home: -last, End: last };
        if (event.key in steps && last >= 0) {
            event.preventDefault();
            const place = Math.min(last, Math.max(0, now + steps[event.key]));
            this.plot.setCursor({ left: this.plot.valToPos(times[place], 'x'), top: 10 });
            this.read(true);
        } else if (this.of.zoomed && ['+', '=', '-'].includes(event.key)) {
            const [from, to] = this.range;
            const middle = this.plot.cursor.idx == null ? (from + to) / 2 : times[now];
            const half = ((to - from) / 2) * (event.key === '-' ? 2 : 0.5);
            this.of.zoomed(middle - half, middle + half);
        }
    }

    end() {
        charts.delete(this);
        watch.unobserve(this.box);
        this.plot?.destroy();
    }
}

/** Which line of a chart is which. */
export const key = (lines) =>
    h(
        'ul',
        { class: 'key' },
        lines.map(([kind, text]) => h('li', {}, h('span', { class: `mark ${kind}`, 'aria-hidden': 'true' }), text)),
    );
