// Points of the history: which resolution is asked for, and what a chart makes of them.

import { list, get, ofCheck } from './api.js';
import { agentNow } from './clock.js';

const DAY = 86400e3;

/** The resolutions, the finest first: the length of a point and how long they are kept, in ms. */
export const RESOLUTIONS = [
    { name: 'FULL', length: 0, kept: 2 * DAY, words: 'every value' },
    { name: 'MIN5', length: 300e3, kept: 10 * DAY, words: '5 minutes a point' },
    { name: 'MIN20', length: 1200e3, kept: 20 * DAY, words: '20 minutes a point' },
    { name: 'MIN60', length: 3600e3, kept: 155 * DAY, words: '1 hour a point' },
    { name: 'MIN240', length: 14400e3, kept: 300 * DAY, words: '4 hours a point' },
    { name: 'MIN1440', length: 86400e3, kept: 1826 * DAY, words: '1 day a point' },
];

// A page of an answer has 1440 points. Of values as they were measured three pages are read, which is an hour of samples.
const PAGE = 1440;
const MOST = 3 * PAGE;

/**
 * The finest resolution that is kept as far back as `from` and has no more points than a screen can show. `period` is how
 * often the metric is measured, in seconds.
 */
export function resolutionFor(from, to, period, now = agentNow()) {
    const fits = ({ length, kept }) => {
        const points = (to - from) / (length || period * 1000);
        return points <= (length ? PAGE : MOST) && from >= now - kept - 60e3;
    };
    return RESOLUTIONS.find(fits) ?? RESOLUTIONS.at(-1);
}

/** The points of a metric. */
export async function points(check, metric, from, to, resolution, select = 'average,min,max') {
    const path = ofCheck(check, `metrics/${encodeURIComponent(metric)}/plot`);
    const of = `from=${Math.floor(from)}&to=${Math.ceil(to)}&resolution=${resolution.name}&select=${select}`;
    const all = [];
    let marker = '';
    // Beyond this it would be no chart any more.
    for (let pages = 0; pages < 8; pages += 1) {
        const page = await get(`${path}?${of}${marker}`);
        all.push(...page.values);
        if (page.metadata.next_marker === null) break;
        marker = `&marker=${encodeURIComponent(page.metadata.next_marker)}`;
    }
    return all;
}

/** Since when there is a history of a metric, of all its resolutions; null where there is none. */
export async function beginning(check, metric) {
    let found = null;
    for (const resolution of RESOLUTIONS) {
        const first = await oldest(check, metric, agentNow(), resolution);
        if (first === null) continue;
        found = first;
        // There is no more where it does not reach as far back as it could.
        if (first > agentNow() - resolution.kept + DAY / 12) break;
    }
    return found;
}

/** When the oldest point before a time is from; null where there is none. */
export async function oldest(check, metric, before, { name }) {
    const path = ofCheck(check, `metrics/${encodeURIComponent(metric)}/plot`);
    const { values } = await get(`${path}?from=0&to=${Math.floor(before)}&resolution=${name}&select=average&limit=1`);
    return values[0]?.timestamp ?? null;
}

export const metricsList = () => list('metrics_list');

/** How much a counter grew from one total to the next. One that was started again has counted from zero. */
export const grown = (before, after) => (after >= before ? after - before : Math.max(after, 0));

/**
 * Points as columns: times in seconds, and averages, minima and maxima. A counter, whose points have been read with `growth`, becomes its growth in a second. Where
 * points are missing there is a row of nulls, which a chart shows as a gap.
 */
export function columns(all, isCounter, step, resolution = RESOLUTIONS[0], now = agentNow()) {
    // A value may come late, or be missed once. A rollup that is missing had none at all.
    const most = (resolution.length ? 1.5 : 2.5) * step;
    const isApart = (time, before) => time - before.time > most;
    const to = { times: [], average: [], min: [], max: [], counts: [] };
    const row = (time, average, min, max, number) => {
        to.times.push(time);
        to.average.push(average);
        to.min.push(min);
        to.max.push(max);
        to.counts.push(number);
    };
    let before = null;
    for (const point of all) {
        const time = point.timestamp / 1000;
        // The newest rollup of a counter would be shared out over time that is still to come.
        if (isCounter && point.timestamp + resolution.length > now && resolution.length) break;
        if (before && isApart(time, before)) row(before.time + step, null, null, null, 0);
        if (isCounter) {
            const { first, last, growth } = point;
            if (before) {
                // From the last total of the point before to its first, and within it.
                const rate = (grown(before.last, first) + growth) / (time - before.time);
                row(time, isApart(time, before) ? null : rate, null, null, point.numPoints);
            }
            before = { time, last };
        } else {
            row(time, point.average, point.min ?? point.average, point.max ?? point.average, point.numPoints);
            before = { time };
        }
    }
    return to;
}

/**
 * The seconds between two points: those of the resolution, as often as a period has it, or of values the usual ones, which are
 * the period or more.
 */
export function stepOf(all, resolution, period) {
    const length = resolution.length / 1000;
    if (length) return length * Math.max(1, Math.ceil(period / length));
    const gaps = all
        .slice(-200)
        .map((point, place, some) => (point.timestamp - some[Math.max(0, place - 1)].timestamp) / 1000)
        .slice(1);
    gaps.sort((one, other) => one - other);
    return Math.max(period, gaps[gaps.length >> 1] ?? 0);
}

export function median(values) {
    const sorted = [...values].sort((one, other) => one - other);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Median and maximum of each window, at each of its samples. Windows begin at multiples of the period since 1970, as those
 * of the agent do.
 */
export function windows(times, values, period) {
    const medians = new Array(times.length).fill(null);
    const maxima = new Array(times.length).fill(null);
    const all = [];
    for (let start = 0; start < times.length;) {
        const at = Math.floor(times[start] / period);
        let end = start;
        while (end < times.length && Math.floor(times[end] / period) === at) end += 1;
        const known = values.slice(start, end).filter((value) => value !== null);
        if (known.length) {
            const [middle, greatest] = [median(known), Math.max(...known)];
            for (let place = start; place < end; place += 1) {
                if (values[place] !== null) [medians[place], maxima[place]] = [middle, greatest];
            }
            all.push({ time: at * period, median: middle, max: greatest, samples: known.length });
        }
        start = end;
    }
    return { medians, maxima, all };
}

/** A table for other programs: RFC 4180. */
export function csv(heads, rows) {
    const cell = (value) => {
        let text = value === null || value === undefined ? '' : String(value);
        // A program that opens it would take this text for a formula.
        if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
        return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [heads, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

export function download(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}
