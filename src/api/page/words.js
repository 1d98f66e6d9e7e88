// Numbers, units and times as people read them.

import { agentNow } from './clock.js';

/** What is shown where there is no value. */
export const NONE = '–';

/** Three digits that count, and no more than people need. */
export function digits(value) {
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString('en');
    if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
    if (size >= 10) return value.toFixed(1);
    if (size >= 1) return value.toFixed(2);
    return value === 0 ? '0' : Number(value.toPrecision(2)).toString();
}

const scaled = (value, steps, names) => {
    let place = 0;
    while (place < names.length - 1 && Math.abs(value) >= steps * 0.9995) {
        value /= steps;
        place += 1;
    }
    return `${digits(value)} ${names[place]}`.trim();
};

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A count without a unit; large ones in thousands and millions. */
export const count = (value) =>
    Math.abs(value) < 1e5 ? digits(value) : scaled(value, 1000, ['', 'k', 'M', 'G', 'T', 'P', 'E']);

export const bytes = (value) => scaled(value, 1024, BYTES);

export function duration(seconds) {
    const size = Math.abs(seconds);
    if (size === 0) return '0 s';
    if (size < 1e-3) return `${digits(seconds * 1e6)} µs`;
    if (size < 0.1) return `${digits(seconds * 1e3)} ms`;
    if (size < 120) return `${digits(seconds)} s`;
    if (size < 7200) return `${digits(Math.round(seconds / 60))} min`;
    if (size < 172800) return `${digits(Math.round(seconds / 360) / 10)} h`;
    return `${digits(Math.round(seconds / 8640) / 10)} d`;
}

// What the API calls a unit, and how a number of it is written. Kilobytes and megabytes are those of the kernel: 1024.
const UNITS = new Map([
    ['percent', (value) => `${digits(value)} %`],
    ['bytes', bytes],
    ['kilobytes', (value) => bytes(value * 1024)],
    ['megabytes', (value) => bytes(value * 1048576)],
    ['seconds', duration],
    ['milliseconds', (value) => duration(value / 1000)],
    ['count', count],
    ['', count],
]);

/** A number with its unit; a text as it is. */
export function shown(value, unit = '') {
    if (value === null || value === undefined) return NONE;
    if (typeof value === 'string') return value;
    // A distribution.
    if (typeof value === 'object') return `mean ${shown(value.mean, unit)}, max ${shown(value.max, unit)}`;
    const [of, per] = unit.split('/');
    const number = UNITS.get(of)?.(value) ?? `${count(value)} ${of}`;
    return per ? `${number}/${per === 'second' ? 's' : per}` : number;
}

/** The unit of how a counter grows. */
export const perSecond = (unit) => `${unit}/second`;

const two = (number) => String(number).padStart(2, '0');

/** The time of day in the zone of the reader. */
export function time(ms) {
    const at = new Date(ms);
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function day(ms) {
    const at = new Date(ms);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** What the zone of the reader is from UTC at this time: another one in summer than in winter. */
export function offset(ms) {
    const minutes = -new Date(ms).getTimezoneOffset();
    const from = Math.abs(minutes);
    const sign = minutes < 0 ? '−' : '+';
    const rest = from % 60 ? `:${two(from % 60)}` : '';
    return minutes ? `UTC${sign}${Math.floor(from / 60)}${rest}` : 'UTC';
}

/** Day and time. The zone is named with its offset of now, so a time of another one has it beside it. */
export function moment(ms) {
    const of = offset(ms);
    return `${day(ms)} ${time(ms)}${of === offset(agentNow()) ? '' : ` ${of}`}`;
}

/** The time, with the day where it is not today. */
export function when(ms) {
    const whole = moment(ms);
    return whole === `${day(agentNow())} ${time(ms)}` ? time(ms) : whole;
}

/** What there is to say of a number without a value. */
export const unavailableText = ({ reason, since }) =>
    `unavailable${since ? ` since ${when(since)}` : ''}, because ${reason}`;

/** From one time to another, which has its day where that is another one. */
export function span(from, to) {
    const isSameDay = day(from) === day(to) && offset(from) === offset(to);
    return `${moment(from)} to ${isSameDay ? time(to) : moment(to)}`;
}

/** The zone of the reader, by its name and by what it is from UTC now. */
export function zone() {
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const of = offset(agentNow());
    return !name || name === 'UTC' ? of : `${name} (${of})`;
}

export const ago = (ms) => {
    const seconds = Math.max(0, (agentNow() - ms) / 1000);
    return seconds < 2 ? 'now' : `${duration(Math.round(seconds))} ago`;
};

/** One of it without, several with an s. */
export const several = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;

/** How alarms and thresholds stand of which none is known to be bad, as a kind of state and in words. */
export function allOk(alarms, thresholds) {
    const isOn = ({ disabled }) => !disabled;
    const [ofAlarms, ofThresholds] = [alarms.filter(isOn), thresholds.filter(isOn)];
    const number = ofAlarms.length + ofThresholds.length;
    // One that has no metric as yet says nothing either.
    const isUnclear = ({ counts: { ok, warning, failure, unknown } }) => unknown > 0 || ok + warning + failure === 0;
    const unknown = ofAlarms.filter((of) => !of.state || of.unknown).length + ofThresholds.filter(isUnclear).length;
    if (!number) return ['off', 'All alarms and thresholds are disabled'];
    if (unknown)
        return [
            'unknown',
            `Alarms and thresholds: ${number - unknown} OK, ${unknown} unknown or not evaluated yet`,
        ];
    return ['ok', number === 1 ? 'The one alarm or threshold is OK' : `All ${number} alarms and thresholds are OK`];
}
