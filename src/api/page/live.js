// What the agent says now: values as they come, and all else each few seconds. Who draws something of it subscribes.

import { Refused, distrust, follow, get, list } from './api.js';
import { agentNow, setClock } from './clock.js';
import { grown } from './points.js';
import { perSecond, when } from './words.js';

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
    /** The `TYPE/METRIC` that checks of a type publish by default. */
    headlines: new Set(),
    /** When the newest sample was taken. */
    sampled: null,
};

/**
 * How it stands with the agent: `connecting`, `open`, `polled` without a stream, `lost` or `token`; why, since when, and when it is
 * tried again, as `performance.now()` has it.
 */
export const connection = { state: 'connecting', reason: '', since: agentNow(), again: null };

const listeners = { all: [], values: [], events: [], connection: [], begun: [], other: [] };

/** Calls `heard` when something of this kind is new: `all`, `values` (with what has come), `events`, `connection`, `begun`, or `other`: another agent. */
export const on = (kind, heard) => listeners[kind].push(heard);

const say = (kind, what) => listeners[kind].forEach((heard) => heard(what));

function is(state, reason = '', again = null) {
    if (connection.state !== state) connection.since = agentNow();
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

/** The most seconds from one value of a check to the next, as they come here. */
export const paceOf = (check) => Math.max(periodOf(check), isPolling ? LOOK / 1000 : 0);

async function readClock() {
    const asked = performance.now();
    const { timestamp } = await get('time');
    setClock(timestamp, asked);
}

export const valueOf = (check, metric) => known.values.get(check)?.get(metric);

/** Why a number of the built-in check that was asked for has no value; undefined where it has one. */
export const unavailableOf = (metric) => known.agent?.unavailable.find((of) => of.metric === metric);

/** What stands behind a value that is not of now. */
export const oldText = ({ stale, timestamp }) => (stale ? ` (old: of ${when(timestamp)})` : '');

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
        const seconds = before ? (value.timestamp - before.timestamp) / 1000 : 0;
        value.rate = seconds > 0 ? grown(before.value, value.value) / seconds : null;
    }
    of.set(metric, value);
    for (const came of reading) came.push([check, metric, value]);
}

// What the stream has brought since a list of all values was asked for, one for each list.
const reading = new Set();

/** All values, as they are now; what is not there any more is forgotten. */
async function readValues() {
    const came = [];
    reading.add(came);
    const all = await list('values').finally(() => reading.delete(came));
    known.values = new Map();
    for (const value of all) take(value.check, value.metric, value);
    for (const [check, metric, value] of came)
        if (value.timestamp >= (valueOf(check, metric)?.timestamp ?? 0)) take(check, metric, value);
}

/** Values without a stream: what is new of them is told as the stream would. */
async function askValues() {
    const before = known.values;
    await readValues();
    const batches = new Map();
    for (const [check, of] of known.values) {
        for (const [metric, value] of of) {
            const { timestamp } = value;
            if (value.stale || before.get(check)?.get(metric)?.timestamp === timestamp) continue;
            const key = `${timestamp} ${check}`;
            if (!batches.has(key)) batches.set(key, { check, timestamp, values: [] });
            batches.get(key).values.push(value);
        }
    }
    for (const batch of [...batches.values()].sort((one, other) => one.timestamp - other.timestamp)) {
        if (batch.check === 'utilization') known.sampled = batch.timestamp;
        say('values', batch);
    }
}

// One of another version does not say what is unavailable.
const whole = (agent) => ({ unavailable: [], ...agent });

// The id may become known only after a while.
const isSame = (one, other) => one?.started === other.started;

/** Takes what an agent says of itself. Of another one, or another life of it, nothing that was known holds. */
function meet(agent) {
    const before = known.agent;
    known.agent = whole(agent);
    if (!before || isSame(before, agent)) return;
    const none = { checks: [], alarms: [], thresholds: [], publishers: [], suppressions: [], events: [], metrics: [] };
    Object.assign(known, none, { runs: new Map(), values: new Map(), kept: new Set(), sampled: null, isRead: false });
    say('events');
    if (before.id !== agent.id) say('other');
}

/** Which metrics have a history. */
async function readMetrics() {
    if (!hasHistory()) return;
    const all = await list('metrics_list');
    known.kept = new Set(all.filter(({ history }) => history).map(({ check, name }) => `${check}/${name}`));
    known.metrics = all;
}

/** Which metrics of a type are those that count most. An agent of another version may not say it. */
async function readTypes() {
    const all = await list('check_types');
    const names = ({ id, metrics }) => metrics.filter(({ headline }) => headline).map(({ name }) => `${id}/${name}`);
    known.headlines = new Set(all.flatMap(names));
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
    // Something else answers now.
    if (!isSame(known.agent, agent)) return start();
    Object.assign(known, { agent: whole(agent), checks, alarms, thresholds, publishers, suppressions });
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
let readAt = -Infinity;
export function readSoon() {
    const pause = Math.max(250, readAt + 2000 - performance.now());
    soon ??= setTimeout(async () => {
        soon = null;
        readAt = performance.now();
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

// Values of which nothing comes any more, and the clock, are looked at each so many looks.
const MINUTE = 12;

function lookOften(signal, looks = 1) {
    const look = async () => {
        // Without a stream nothing says that somebody else answers now.
        if (isPolling || isAsleep) distrust();
        try {
            const isNew = await readEvents();
            if (isPolling) await askValues();
            if (isNew || looks % looksFor() === 0) await read();
            if (!isAsleep && looks % MINUTE === 0 && !signal.aborted) {
                await Promise.all([readClock(), readValues(), readMetrics()]);
                say('values', null);
                if (isPolling && !signal.aborted) stream(signal);
            }
            if (!signal.aborted) lookOften(signal, looks + 1);
        } catch (error) {
            if (!signal.aborted) broken(error);
        }
    };
    timer = setTimeout(look, isAsleep ? 12 * LOOK : LOOK);
}

// After a failure it is tried again after so many seconds, then longer and longer.
const PAUSES = [1, 2, 4, 8, 15, 30];
// A stream that has lived so long was a good one.
const GOOD = 30000;
let failures = 0;
let openedAt = Infinity;
let running = null;
let timer = null;
let isAsleep = false;
let isPolling = false;

function broken(error) {
    if (!running) return;
    rest();
    if (error instanceof Refused && error.status === 401) return is('token', error.message);
    if (performance.now() - openedAt > GOOD) failures = 0;
    openedAt = Infinity;
    const seconds = PAUSES[Math.min(failures, PAUSES.length - 1)];
    failures += 1;
    const reason = error instanceof Refused ? error.message : 'the agent does not answer';
    is('lost', reason, performance.now() + seconds * 1000);
    timer = setTimeout(start, seconds * 1000);
}

/** Begins, or begins again at once. */
export async function start() {
    rest();
    running = new AbortController();
    // What nobody looks at sleeps on after a failure.
    isAsleep &&= document.hidden;
    isPolling = false;
    const { signal } = running;
    const ends = (error) => signal.aborted || broken(error);
    if (connection.state !== 'lost') is('connecting');
    try {
        // This also finds out whether a token is needed, before the stream is opened.
        const [agent, capabilities] = await Promise.all([get('agent'), get('capabilities'), readClock()]);
        if (signal.aborted) return;
        known.capabilities = capabilities;
        meet(agent);
        say('begun');
        await Promise.all([read(), readValues(), readMetrics(), readEvents(), readTypes()]);
        if (signal.aborted) return;
        known.isRead = true;
        say('all');
        say('values', null);
        if (isAsleep) is('open');
        else stream(signal);
        lookOften(signal);
    } catch (error) {
        ends(error);
    }
}

function stream(signal) {
    follow('values/stream', signal, opened, values).catch((error) => {
        if (signal.aborted) return;
        if (!(error instanceof Refused) || error.status !== 503) return broken(error);
        // Others have all streams that there are. All else is answered.
        isPolling = true;
        is('polled', error.message);
    });
}

function opened() {
    openedAt = performance.now();
    isPolling = false;
    is('open');
}

function values(kind, batch) {
    // What was missed of values is in the history.
    if (kind !== 'values') return;
    const { check, timestamp, available } = batch;
    if (check === 'utilization') {
        known.sampled = timestamp;
        // What has a value is not unavailable any more.
        const unavailable = known.agent.unavailable.filter(({ metric }) => !batch.values.some((of) => of.metric === metric));
        if (unavailable.length < known.agent.unavailable.length) {
            known.agent.unavailable = unavailable;
            readSoon();
        }
        // This machine has slept meanwhile.
        if (timestamp > agentNow() + LOOK) readClock().catch(broken);
    } else {
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
    distrust();
}

// A page that nobody looks at gives its stream back after a while, and looks each minute whether its title is still right.
const UNSEEN = 300000;
let unseen = null;
document.addEventListener('visibilitychange', () => {
    clearTimeout(unseen);
    if (!document.hidden) return isAsleep && start();
    unseen = setTimeout(() => {
        isAsleep = connection.state !== 'token';
        // After a failure it is tried again all the same, and sleeps on then.
        if (!running) return;
        rest();
        running = new AbortController();
        lookOften(running.signal);
    }, UNSEEN);
});
