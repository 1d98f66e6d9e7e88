// Small charts: a line without axes, for where many stand side by side.

import { svg } from './dom.js';
import { NONE, shown } from './words.js';

const WIDTH = 120;
const HEIGHT = 28;

/** So many columns are drawn; of more values each column has the least and the greatest of its own. */
const COLUMNS = 60;

/** The line of these values, where null is a gap. */
function line(values, top) {
    const size = Math.max(1, Math.ceil(values.length / COLUMNS));
    const step = WIDTH / Math.max(1, values.length - 1);
    const y = (value) => (HEIGHT - 1 - (Math.min(value, top) / (top || 1)) * (HEIGHT - 2)).toFixed(1);
    let path = '';
    let isOpen = false;
    for (let start = 0; start < values.length; start += size) {
        const known = values.slice(start, start + size).filter((value) => value !== null);
        if (!known.length) {
            isOpen = false;
            continue;
        }
        const [least, most] = [Math.min(...known), Math.max(...known)];
        const x = (start * step).toFixed(1);
        path += `${isOpen ? 'L' : 'M'}${x} ${y(most)}`;
        if (least !== most) path += `L${x} ${y(least)}`;
        // A value alone is a dot.
        if (!isOpen) path += 'h.1';
        isOpen = true;
    }
    return path;
}

/**
 * Draws values into `element`. `most` is the top where it is known, as 100 of percents; else the greatest value is.
 * What a screen reader says begins with `name`.
 */
export function small(element, name, values, unit, most) {
    const known = values.filter((value) => value !== null);
    const least = known.reduce((one, other) => Math.min(one, other), 0);
    const greatest = known.reduce((one, other) => Math.max(one, other), 0);
    const shifted = least < 0 ? values.map((value) => (value === null ? null : value - least)) : values;
    const top = most ?? (greatest - least || 1);
    const label = known.length
        ? `${name}: from ${shown(Math.min(...known), unit)} to ${shown(greatest, unit)}`
        : `${name}: no values yet`;
    let drawing = element.firstChild;
    if (!drawing) {
        drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
        drawing.append(
            svg('path', { class: 'base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
            svg('path', { class: 'line' }),
        );
        element.append(drawing);
    }
    drawing.setAttribute('aria-label', label);
    drawing.lastChild.setAttribute('d', line(shifted, top));
}

/** The newest values of one metric, as many as a small chart of this long shows. */
export class Recent {
    constructor(seconds) {
        Object.assign(this, { seconds, times: [], values: [] });
    }

    /** Takes what the history has, in front of what has come meanwhile. */
    fill(times, values) {
        const first = this.times[0] ?? Infinity;
        const older = times.findIndex((time) => time >= first);
        const end = older < 0 ? times.length : older;
        this.times = [...times.slice(0, end), ...this.times];
        this.values = [...values.slice(0, end), ...this.values];
    }

    /** Takes the next value. A pause of several usual ones, which are `least` seconds or more, is a gap. */
    add(time, value, least) {
        const last = this.times.at(-1);
        if (last !== undefined && time <= last) return;
        if (last !== undefined && time - last > 3.5 * this.usual(least)) {
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

/** A figure with its name, as `CPU 12 %`. */
export const figure = (value, unit) => (value === null || value === undefined ? NONE : shown(value, unit));
