// What the agent says now: values as they come, and all else each few seconds. Who draws something of it subscribes.

import { Refused, follow, get, list } from './api.js';
import { perSecond } from './words.js';

/** All that is known. */
export const known = {
    /** The process, what is measured, and what may be done. */
    agent: null,
    capabilities: null,
    checks: [],
    /** By check: how its last run ended. */
    runs: new Map(),
    /** By check, and then by metric: the newest value. */
    values: new Map(),
    alarms: [],
    thresholds: [],
    publishers: [],
    suppressions: [],
    /** The newest last. */
    events: [],
    /** Whether all of this was read once. */
    isRead: false,
    /** All metrics that have a value or a history, and the `CHECK/METRIC` of those that have one. */
    metrics: [],
    kept: new Set(),
    /** When the newest sample was taken. */
    sampled: null,
};

/** How it stands with the agent: `connecting`, `open`, `lost` or `token`; why, and when it is tried again. */
export const connection = { state: 'connecting', reason: '', since: Date.now(), again: null };

const listeners = { all: [], values: [], events: [], connection: [], begun: [] };

/** Calls `heard` when something of this kind is new: `all`, `values` (with what has come), `events`, `connection`, or `begun`. */
export const on = (kind, heard) => listeners[kind].push(heard);

const say = (kind, what) => listeners[kind].forEach((heard) => heard(what));

function is(state, reason = '', again = null) {
    if (connection.state !== state) connection.since = Date.now();
    Object.assign(connection, { state, reason, again });
    say('connection');
}

export const mayWrite = () => known.agent?.access === 'write';
export const hasHistory = () => Boolean(known.capabilities?.history.enabled);

/** How often a check gives values, in seconds. */
export function periodOf(check) {
    if (check === 'utilization') return known.agent?.sample_interval ?? 0.9;
    return known.checks.find(({ id }) => id === check)?.period ?? 30;
}

export const valueOf = (check, metric) => known.values.get(check)?.get(metric);

/** What is shown of a value: of a counter how it grows. */
export function figureOf(value) {
    const { kind, rate, unit } = value;
    return kind === 'counter' ? { value: rate, unit: perSecond(unit) } : { value: value.value, unit };
}

function take(check, metric, value) {
    if (!known.values.has(check)) known.values.set(check, new Map());
    const of = known.values.get(check);
    const before = of.get(metric);
    if (value.kind === 'counter' && value.rate === undefined) {
        const grown = before ? value.value - before.value : 0;
        const seconds = before ? (value.timestamp - before.timestamp) / 1000 : 0;
        value.rate = seconds > 0 ? (grown < 0 ? value.value : grown) / seconds : null;
    }
    of.set(metric, value);
}

/** All values, as they are now. */
async function readValues() {
    const all = await list('values');
    known.values.clear();
    for (const value of all) take(value.check, value.metric, value);
}

/** Which metrics have a history. */
async function readMetrics() {
    if (!hasHistory()) return;
    const all = await list('metrics_list');
    known.kept = new Set(all.filter(({ history }) => history).map(({ check, name }) => `${check}/${name}`));
    known.metrics = all;
}

// What changes seldom, or is told by no stream.
async function read() {
    const [agent, checks, runs, alarms, thresholds, publishers, suppressions] = await Promise.all([
        get('agent'),
        list('entities/self/checks'),
        list('runs'),
        list('entities/self/alarms'),
        list('thresholds'),
        list('buffer'),
        list('suppressions'),
    ]);
    Object.assign(known, { agent, checks, alarms, thresholds, publishers, suppressions });
    known.runs = new Map(runs.map((run) => [run.check, run]));
    const ids = new Set(checks.map(({ id }) => id));
    for (const check of known.values.keys()) if (!ids.has(check)) known.values.delete(check);
    say('all');
}

/** Reads the events since the last one, and says whether there are any. */
async function readEvents() {
    const last = known.events.at(-1)?.id ?? 0;
    const found = await list(`events?after=${last}`);
    // A later question may have been answered first.
    const fresh = found.filter(({ id }) => id > (known.events.at(-1)?.id ?? 0));
    known.events.push(...fresh);
    known.events.splice(0, known.events.length - MOST_EVENTS);
    if (fresh.length) say('events');
    return fresh.length > 0;
}

// As many as the agent keeps.
const MOST_EVENTS = 1000;

/** Reads all again, soon: something was changed. A check that changes all the time does not have it read all the time. */
let soon = null;
let readAt = 0;
export function readSoon() {
    const pause = Math.max(250, readAt + 2000 - Date.now());
    soon ??= setTimeout(async () => {
        soon = null;
        readAt = Date.now();
        await Promise.all([read(), readEvents()]).catch(broken);
    }, pause);
}

// What no stream tells is looked at this often. Events are few, so they have no stream of their own: a browser opens six
// connections to one address, and several windows of this page are to share them.
const LOOK = 5000;

// The agent answers long lists in the one thread that measures, so they are asked for less often.
const LONG = 200;
const looksFor = () => {
    if (isAsleep) return 1;
    return known.checks.length + known.alarms.length + known.thresholds.length < LONG ? 2 : 12;
};

function lookOften(signal, looks = 1) {
    const look = async () => {
        try {
            const isNew = await readEvents();
            if (isNew || looks % looksFor() === 0) await read();
            if (!signal.aborted) lookOften(signal, looks + 1);
        } catch (error) {
            if (!signal.aborted) broken(error);
        }
    };
    timer = setTimeout(look, isAsleep ? 12 * LOOK : LOOK);
}

// After a failure it is tried again after so many seconds, then longer and longer.
const PAUSES = [1, 2, 4, 8, 15, 30];
let failures = 0;
let running = null;
let timer = null;
let isAsleep = false;

function broken(error) {
    if (!running) return;
    running.abort();
    running = null;
    clearTimeout(timer);
    if (error instanceof Refused && error.status === 401) return is('token', error.message);
    const seconds = PAUSES[Math.min(failures, PAUSES.length - 1)];
    failures += 1;
    const reason = error instanceof Refused ? error.message : 'the agent does not answer';
    is('lost', reason, Date.now() + seconds * 1000);
    timer = setTimeout(start, seconds * 1000);
}

/** Begins, or begins again at once. */
export async function start() {
    running?.abort();
    clearTimeout(timer);
    running = new AbortController();
    isAsleep = false;
    const { signal } = running;
    const ends = (error) => signal.aborted || broken(error);
    if (connection.state !== 'lost') is('connecting');
    try {
        // This also finds out whether a token is needed, before the stream is opened.
        [known.agent, known.capabilities] = await Promise.all([get('agent'), get('capabilities')]);
        say('begun');
        await Promise.all([read(), readValues(), readMetrics(), readEvents()]);
        if (signal.aborted) return;
        known.isRead = true;
        say('all');
        say('values', null);
        follow('values/stream', signal, opened, values).catch(ends);
        lookOften(signal);
    } catch (error) {
        ends(error);
    }
}

function opened() {
    failures = 0;
    is('open');
}

function values(kind, batch) {
    // What was missed of values is in the history.
    if (kind !== 'values') return;
    const { check, timestamp, available } = batch;
    if (check === 'utilization') known.sampled = timestamp;
    else {
        const run = known.runs.get(check);
        if (run && run.available !== available) readSoon();
        if (run) Object.assign(run, { timestamp, available });
        else readSoon();
    }
    for (const value of batch.values) take(check, value.metric, { ...value, check, timestamp });
    say('values', batch);
}

/** Ends all of it, as while nobody looks. */
export function rest() {
    running?.abort();
    running = null;
    clearTimeout(timer);
}

// A page that nobody looks at gives its stream back after a while, and looks each minute whether its title is still right.
const UNSEEN = 300000;
let unseen = null;
document.addEventListener('visibilitychange', () => {
    clearTimeout(unseen);
    if (!document.hidden) return isAsleep && start();
    unseen = setTimeout(() => {
        if (!running) return;
        rest();
        isAsleep = true;
        running = new AbortController();
        lookOften(running.signal);
    }, UNSEEN);
});
