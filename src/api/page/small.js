// Small charts: a line without axes, for where many stand side by side.

import { ask, endDialog, h, put, scrolled, svg, table } from './dom.js';
import { moment, shown, zone } from './words.js';

const WIDTH = 120;
const HEIGHT = 28;

/** So many columns are drawn; of more values each column has the least and the greatest of its own. */
const COLUMNS = 60;

/** The line of these values between two times, where null is a gap. */
export function line(times, values, [from, to], top) {
    const y = (value) => (HEIGHT - 1 - (Math.min(value, top) / (top || 1)) * (HEIGHT - 2)).toFixed(1);
    let [path, isOpen, column, group] = ['', false, null, []];
    const draw = () => {
        if (!group.length) return;
        const known = group.map(([, value]) => value);
        const [least, most] = [Math.min(...known), Math.max(...known)];
        const middle = (group[0][0] + group.at(-1)[0]) / 2;
        const x = (((middle - from) / (to - from)) * WIDTH).toFixed(1);
        path += `${isOpen ? 'L' : 'M'}${x} ${y(most)}`;
        if (least !== most) path += `L${x} ${y(least)}`;
        // A value alone is a dot.
        if (!isOpen) path += 'h.1';
        [isOpen, group] = [true, []];
    };
    times.forEach((time, place) => {
        const at = Math.floor(((time - from) / (to - from)) * COLUMNS);
        const value = values[place];
        if (at !== column || value === null) draw();
        column = at;
        if (value === null) isOpen = false;
        else group.push([time, value]);
    });
    draw();
    return path;
}

// As many rows as the table of a large chart has.
const MOST_ROWS = 500;

/** The place of a small chart. It opens the table behind it. */
export const chartBox = () => h('button', { type: 'button', class: 'small', hidden: true, onclick: showTable });

function showTable({ currentTarget: { shows } }) {
    const { name, recent, unit } = shows;
    const { times, values } = recent.since(recent.times.at(-1) - recent.seconds);
    const rows = times.flatMap((time, at) => (values[at] === null ? [] : [[moment(time * 1000), shown(values[at], unit)]]));
    const left = rows.length - MOST_ROWS;
    ask(name, [
        scrolled(`${name} as a table`, table(name, [`time, ${zone()}`, 'value'], rows.reverse().slice(0, MOST_ROWS))),
        left > 0 ? h('p', { class: 'dim' }, `The newest ${MOST_ROWS} of ${rows.length} values.`) : '',
        h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: endDialog }, 'Close')),
    ]);
}

/**
 * Draws what is recent into `element`, up to `now`, in seconds. Percents have one scale, up to 100 or to what is above it. Of
 * anything else it is its own, and so stands beside it.
 * What a screen reader says begins with `name`.
 */
export function small(element, name, recent, unit, now) {
    const to = Math.max(now, recent.times.at(-1) ?? now);
    const { times, values } = recent.since(to - recent.seconds);
    const known = values.filter((value) => value !== null);
    const least = known.reduce((one, other) => Math.min(one, other), 0);
    const greatest = known.reduce((one, other) => Math.max(one, other), 0);
    const shifted = least < 0 ? values.map((value) => (value === null ? null : value - least)) : values;
    // What is above 100 % is drawn as well.
    const top = Math.max(unit === 'percent' ? 100 : 0, greatest - least) || 1;
    const scale = `${least ? `${shown(least, unit)} to` : '0 –'} ${shown(least + top, unit)}`;
    const label = known.length
        ? `${name}: from ${shown(Math.min(...known), unit)} to ${shown(greatest, unit)}, drawn ${scale}`
        : `${name}: no values yet`;
    let drawing = element.firstChild;
    if (!drawing) {
        drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
        drawing.append(
            svg('path', { class: 'base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
            svg('path', { class: 'line' }),
        );
        element.append(drawing, h('span', { class: 'scale', 'aria-hidden': 'true' }));
    }
    put(element.lastChild, scale);
    element.shows = { name, recent, unit };
    element.hidden = false;
    element.setAttribute('aria-label', `${label}. Opens the table`);
    drawing.lastChild.setAttribute('d', line(times, shifted, [to - recent.seconds, to], top));
}

/** The newest values of one metric, as many as a small chart of this long shows. */
export class Recent {
    constructor(seconds) {
        Object.assign(this, { seconds, times: [], values: [] });
    }

    /** Takes what the history has, and around it what is here alone: from before a history began anew, and what has come since. */
    fill(times, values, least) {
        if (!times.length) return;
        const own = { times: this.times, values: this.values };
        const before = own.times.filter((time) => time < times[0]).length;
        Object.assign(this, { times: own.times.slice(0, before), values: own.values.slice(0, before) });
        // This one makes a gap where there is one.
        this.add(times[0], values[0], least);
        this.times.push(...times.slice(1));
        this.values.push(...values.slice(1));
        own.times.forEach((time, place) => this.add(time, own.values[place], least));
    }

    /** What is from this time on. */
    since(from) {
        const first = this.times.findIndex((time) => time >= from);
        const of = first < 0 ? this.times.length : first;
        return { times: this.times.slice(of), values: this.values.slice(of) };
    }

    /** Takes the next value. A pause of several usual ones, which are `least` seconds or more, is a gap. */
    add(time, value, least) {
        const last = this.times.at(-1);
        if (last !== undefined && time <= last) return;
        if (last !== undefined && value !== null && time - last > 3.5 * this.usual(least)) {
            this.times.push((last + time) / 2);
            this.values.push(null);
        }
        this.times.push(time);
        this.values.push(value);
        const old = this.times.findIndex((of) => of >= time - this.seconds);
        // Not each time, because it moves all of them.
        if (old > 60) {
            this.times.splice(0, old);
            this.values.splice(0, old);
        }
    }

    /** The seconds from one of the newest values to the next, as the middle of them is. */
    usual(least) {
        const { times } = this;
        const gaps = times
            .slice(-20)
            .map((time, place, some) => time - (some[place - 1] ?? time))
            .slice(1);
        gaps.sort((one, other) => one - other);
        return Math.max(least, gaps[gaps.length >> 1] ?? 0);
    }

    last() {
        return this.values.at(-1) ?? null;
    }
}

/** When the history is read: at first, after a break, and a while after it could not be. */
export class Due {
    constructor(pause = 15000) {
        Object.assign(this, { at: -Infinity, pause });
    }

    /** Whether it is to be read now; then it is not any more. */
    take(now = performance.now()) {
        if (now < this.at) return false;
        this.at = Infinity;
        return true;
    }

    /** It is read again, at once or after a pause. */
    again(pause = 0, now = performance.now()) {
        this.at = now + pause;
    }

    failed(now = performance.now()) {
        this.again(this.pause, now);
    }
}
