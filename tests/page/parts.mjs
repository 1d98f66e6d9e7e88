// The parts of the page that need no browser: numbers as texts, resolutions, rates, gaps, windows, CSV.

import assert from 'node:assert/strict';
import fs from 'node:fs';

globalThis.location = { pathname: '/agents/one' };
globalThis.document = { getElementById: () => ({ addEventListener() {} }) };
const stored = new Map();
globalThis.sessionStorage = {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => stored.set(name, value),
    removeItem: (name) => stored.delete(name),
};
const { distrust, get, hasForgotten, setToken, token } = await import('./parts/api.js');
const { setClock } = await import('./parts/clock.js');
const { columns, csv, grown, median, resolutionFor, stepOf, windows, RESOLUTIONS } = await import('./parts/points.js');
const { Due, Recent, line } = await import('./parts/small.js');
const { allOk, bytes, count, duration, moment, shown, span, when } = await import('./parts/words.js');

export async function parts() {
    for (const [value, unit, expected] of [
        [12.3456, 'percent', '12.3 %'],
        [99.96, 'percent', '100.0 %'],
        [0, 'percent', '0 %'],
        [0.0123, 'percent', '0.012 %'],
        [100, 'percent', '100 %'],
        [0, 'bytes', '0 B'],
        [1023, 'bytes', '1,023 B'],
        [1024, 'bytes', '1 KiB'],
        [1536, 'bytes', '1.50 KiB'],
        [5 * 2 ** 40, 'bytes', '5 TiB'],
        [2 ** 20, 'kilobytes', '1 GiB'],
        [1500, 'bytes/second', '1.46 KiB/s'],
        [12, 'count', '12'],
        [1234567, 'count', '1.23 M'],
        [99999, '', '99,999'],
        [2.5, 'count/second', '2.50/s'],
        [0.0005, 'seconds', '500 µs'],
        [0.9, 'seconds', '0.9 s'],
        [90, 'seconds', '90 s'],
        [7200, 'seconds', '2 h'],
        [345600, 'seconds', '4 d'],
        [250, 'milliseconds', '0.25 s'],
        [42, 'widgets', '42 widgets'],
        [42, '__proto__', '42 __proto__'],
        [42, 'constructor', '42 constructor'],
        [-1536, 'bytes', '-1.50 KiB'],
        ['up', '', 'up'],
        [null, 'percent', '–'],
        [undefined, '', '–'],
        [{ mean: 1, max: 2, min: 0, count: 3 }, 'seconds', 'mean 1 s, max 2 s'],
    ])
        assert.equal(shown(value, unit), expected, `${value} ${unit}`);
    assert.equal(duration(0), '0 s');
    assert.equal(bytes(2 ** 60), '1,024 PiB');
    assert.equal(count(1e21), '1,000 E');

    const [early, late] = [new Date(2026, 10, 28, 4, 51, 55), new Date(2026, 10, 28, 23, 0, 0)].map(Number);
    assert.equal(span(early, late), `${moment(early)} to 23:00:00`);
    assert.equal(span(early, late + 86400e3), `${moment(early)} to ${moment(late + 86400e3)}`);

    const now = 1.8e12;
    const back = (hours, period, ago = 0) =>
        resolutionFor(now - (hours + ago) * 3600e3, now - ago * 3600e3, period, now).name;
    for (const [hours, period, ago, expected] of [
        [0.25, 0.9, 0, 'FULL'],
        [1, 0.9, 0, 'FULL'],
        [6, 0.9, 0, 'MIN5'],
        [24, 30, 0, 'FULL'],
        [48, 30, 0, 'MIN5'],
        [48, 60, 0, 'FULL'],
        [48, 0.9, 0, 'MIN5'],
        [240, 0.9, 0, 'MIN20'],
        [720, 30, 0, 'MIN60'],
        [3720, 30, 0, 'MIN240'],
        [43824, 30, 0, 'MIN1440'],
        // What is older than that is not there: five minutes of last week have rollups alone.
        [0.1, 0.9, 168, 'MIN5'],
        [0.1, 0.9, 360, 'MIN20'],
        [1, 30, 24 * 100, 'MIN60'],
        [1, 30, 24 * 200, 'MIN240'],
        [1, 30, 24 * 400, 'MIN1440'],
        [1, 30, 24 * 9000, 'MIN1440'],
    ])
        assert.equal(back(hours, period, ago), expected, `${hours} h each ${period} s, ${ago} h ago`);

    const at = (seconds, average, more = {}) => ({ timestamp: seconds * 1000, average, numPoints: 1, ...more });
    // A point of a counter: `first` and `last` are the total itself where it is one value.
    const sum = (seconds, first, last = first, growth = last - first) => ({ timestamp: seconds * 1000, numPoints: 1, first, last, growth });
    const gauge = columns([at(0, 1), at(30, 2), at(120, 3, { min: 1, max: 9 })], false, 30);
    assert.deepEqual(gauge.times, [0, 30, 60, 120]);
    assert.deepEqual(gauge.average, [1, 2, null, 3], 'a gap');
    assert.deepEqual(
        [gauge.min, gauge.max],
        [
            [1, 2, null, 1],
            [1, 2, null, 9],
        ],
    );
    // The store, what is published and `top` follow the same table.
    const table = fs.readFileSync('tests/fixtures/plot/growth.tsv', 'utf8').trim().split('\n').slice(1);
    assert.ok(table.length > 4, table);
    for (const row of table) {
        const [totals, expected] = row.split('\t').map((of) => of.split(',').map(Number));
        assert.deepEqual(totals.slice(1).map((total, place) => grown(totals[place], total)), expected, row);
        const all = totals.map((total, place) => sum(place, total));
        assert.deepEqual(columns(all, true, 1).average, expected, `each second ${row}`);
    }
    const counter = columns([sum(0, 100), sum(30, 160), sum(60, 160), sum(90, 30), sum(300, 90)], true, 30);
    assert.deepEqual(counter.times, [30, 60, 90, 120, 300]);
    assert.deepEqual(counter.average, [2, 0, 1, null, null], 'it began again, and then there was a gap');
    const rolled = columns([sum(0, 10, 100), sum(300, 130, 400)], true, 300);
    assert.deepEqual(rolled.average, [1]);
    // To 1010, and after that from 0 to 900 within the rollup.
    assert.deepEqual(columns([sum(0, 900, 1000), sum(300, 1004, 900, 906)], true, 300).average, [910 / 300]);
    assert.deepEqual(columns([], true, 30).times, []);
    const min5 = RESOLUTIONS[1];
    const missing = [at(0, 1), at(300, 2), at(900, 3)];
    assert.deepEqual(columns(missing, false, 300, min5).average, [1, 2, null, 3], 'one rollup is missing');
    assert.deepEqual(columns(missing, false, 300).average, [1, 2, 3], 'one value is missing');
    assert.deepEqual(columns([sum(0, 1), sum(300, 2), sum(900, 8)], true, 300, min5).average, [1 / 300, null, null]);
    // The newest rollup has only begun.
    const begun = [sum(0, 100), sum(300, 400), sum(600, 430)];
    const averages = [at(0, 100), at(300, 400), at(600, 430)];
    assert.deepEqual(columns(begun, true, 300, min5, 630e3).average, [1]);
    assert.deepEqual(columns(begun, true, 300, min5, 900e3).average, [1, 0.1]);
    assert.deepEqual(columns(averages, false, 300, min5, 630e3).average, [100, 400, 430], 'an average is one at any time');
    assert.deepEqual(columns(begun, true, 300, RESOLUTIONS[0], 630e3).average, [1, 0.1], 'values are whole');
    assert.equal(stepOf([], min5, 3600), 3600, 'less often than rollups');
    assert.equal(stepOf([], min5, 400), 600);
    assert.equal(stepOf([at(0, 1), at(3, 1), at(6, 1), at(100, 1)], RESOLUTIONS[0], 0.9), 3);
    assert.equal(stepOf([at(0, 1)], RESOLUTIONS[0], 0.9), 0.9);
    assert.equal(stepOf([], RESOLUTIONS[1], 0.9), 300);

    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    const { medians, maxima, all } = windows([58, 59, 60, 61, 119], [1, 5, 2, null, 4], 60);
    assert.deepEqual(medians, [3, 3, 3, null, 3]);
    assert.deepEqual(maxima, [5, 5, 4, null, 4]);
    assert.deepEqual(
        all.map(({ time, samples }) => [time, samples]),
        [
            [0, 2],
            [60, 2],
        ],
    );
    assert.deepEqual(windows([], [], 60).all, []);

    assert.equal(
        csv(
            ['a', 'b'],
            [
                [1, 'x,y'],
                [null, 'say "no"'],
                ['two\nlines', 0.1],
            ],
        ),
        'a,b\r\n1,"x,y"\r\n,"say ""no"""\r\n"two\nlines",0.1\r\n',
    );
    // No text becomes a formula; numbers stay numbers.
    assert.equal(
        csv(['-a'], [['=1+1'], ['+x'], ['@y,"z"'], [-5], ['a=b'], ['\tx']]),
        `'-a\r\n'=1+1\r\n'+x\r\n"'@y,""z"""\r\n-5\r\na=b\r\n'\tx\r\n`,
    );
    smallCharts();
    await tokens();
    await turns();
    times();
    alarms();
}

function smallCharts() {
    // Each value stands where its time is: half of the hour is empty, and what is older is not drawn.
    const of = (path) => [...path.matchAll(/[ML](\S+) /g)].map(([, x]) => Number(x));
    assert.deepEqual(of(line([0, 900, 3600], [1, 2, 3], [0, 3600], 3)), [0, 30, 120]);
    assert.equal(line([0, 900, 1800], [1, null, 3], [0, 3600], 3).match(/M/g).length, 2, 'a gap');
    assert.equal(line([10, 11, 12], [1, null, 3], [0, 3600], 3).match(/M/g).length, 2, 'a gap within a column');
    assert.equal(line([], [], [0, 3600], 3), '');
    const recent = new Recent(3600);
    for (let time = 0; time <= 7200; time += 30) recent.add(time, time, 30);
    assert.equal(recent.since(3600).times[0], 3600);
    assert.equal(recent.since(3600).values.length, 121);
    assert.deepEqual(recent.since(9999), { times: [], values: [] });

    // After a break the history fills the gap, and what is newer than it stays.
    const broken = new Recent(3600);
    [0, 30, 300, 330].forEach((time) => broken.add(time, 1, 30));
    assert.ok(broken.values.includes(null));
    const times = Array.from({ length: 11 }, (_, place) => place * 30);
    broken.fill(times, times.map(() => 2), 30);
    assert.deepEqual(broken.times, [...times, 330]);
    assert.deepEqual(broken.values.slice(-2), [2, 1]);
    // A history in memory begins anew with the agent; what was seen before stays, with a gap.
    const anew = new Recent(3600);
    [0, 30, 60].forEach((time) => anew.add(time, 1, 30));
    anew.fill([600, 630], [2, 2], 30);
    assert.deepEqual(anew.values, [1, 1, 1, null, 2, 2]);
    anew.fill([], [], 30);
    assert.equal(anew.times.length, 6);

    const due = new Due(15000);
    assert.deepEqual([due.take(1000), due.take(2000)], [true, false], 'once');
    due.failed(2000);
    assert.deepEqual([due.take(16999), due.take(17000), due.take(1e12)], [false, true, false], 'after a failure');
    due.again(0, 5);
    assert.ok(due.take(5), 'after a break');
}

/** A token is of the agent that has taken it, whatever answers after a break. */
async function tokens() {
    const real = globalThis.fetch;
    let mark = 'a';
    const asked = [];
    globalThis.fetch = async (path, { method, headers = {} }) => {
        asked.push([method, headers['X-Auth-Token']]);
        const all = new Headers(mark ? { 'X-Agent': mark } : {});
        const isKnown = mark !== null && (mark !== 'b' || method === 'HEAD');
        return { ok: isKnown, status: mark ? 401 : 404, statusText: 'x', headers: all, text: async () => '{}' };
    };
    setToken('secret-one');
    assert.deepEqual([...stored.keys()], ['token /agents/one/']);
    await get('agent');
    await get('time');
    const [ask, send] = [['HEAD', undefined], ['GET', 'secret-one']];
    assert.deepEqual(asked.splice(0), [ask, send, send], 'asked who it is, once');
    // The id becomes known while it runs.
    mark = 'a-longer-id';
    await get('agent');
    for (const of of ['a', 'a-longer-id']) {
        distrust();
        mark = of;
        await Promise.all([get('time'), get('time')]);
    }
    assert.deepEqual(asked.splice(0), [send, ask, send, send, ask, send, send]);
    distrust();
    mark = null;
    await assert.rejects(get('time'), /no agent answers at this address/);
    assert.deepEqual([asked.splice(0), token()], [[ask], 'secret-one'], 'it may come back');
    mark = 'b';
    await assert.rejects(get('time'), { status: 401 });
    assert.deepEqual([asked.splice(0), token(), hasForgotten()], [[ask, ['GET', undefined]], undefined, true]);
    assert.equal(stored.size, 0);
    globalThis.fetch = real;
}

/** A request that waits for its turn over a break takes no token to another agent. */
async function turns() {
    const real = globalThis.fetch;
    let mark = 'one';
    const [sent, cut] = [[], []];
    const answer = () => ({ ok: true, status: 200, headers: new Map([['X-Agent', mark]]), text: async () => '{}' });
    globalThis.fetch = (_, { method, headers = {} }) => {
        if (method === 'HEAD') return Promise.resolve(answer());
        sent.push(headers['X-Auth-Token']);
        return new Promise((_, no) => cut.push(() => no(new Error('cut'))));
    };
    const settle = async () => {
        for (let step = 0; step < 200; step += 1) await null;
    };
    setToken('secret', ['one']);
    const all = Array.from({ length: 6 }, () => get('time').catch(() => 'cut'));
    await settle();
    assert.deepEqual(sent.splice(0), Array(4).fill('secret'), 'two wait');
    distrust();
    mark = 'two';
    cut.splice(0).forEach((one) => one());
    await settle();
    assert.deepEqual(sent, [undefined, undefined]);
    cut.splice(0).forEach((one) => one());
    await Promise.all(all);
    globalThis.fetch = real;
}

/** Times of a zone, whatever the offset of now is. */
function times() {
    const before = process.env.TZ;
    const at = (zone, now, ms) => {
        process.env.TZ = zone;
        setClock(now, performance.now());
        return [moment(ms), when(ms)].join(' | ');
    };
    const [winter, summer, change] = [Date.UTC(2026, 11, 1), Date.UTC(2026, 6, 1), Date.UTC(2026, 9, 25, 1)];
    for (const [zone, now, ms, expected] of [
        ['Europe/Berlin', winter, change - 1800e3, '2026-10-25 02:30:00 UTC+2 | 2026-10-25 02:30:00 UTC+2'],
        ['Europe/Berlin', winter, change + 1800e3, '2026-10-25 02:30:00 | 2026-10-25 02:30:00'],
        ['Europe/Berlin', summer, change - 1800e3, '2026-10-25 02:30:00 | 2026-10-25 02:30:00'],
        ['Europe/Berlin', summer, change + 1800e3, '2026-10-25 02:30:00 UTC+1 | 2026-10-25 02:30:00 UTC+1'],
        ['Europe/Berlin', change + 60e3, change - 60e3, '2026-10-25 02:59:00 UTC+2 | 2026-10-25 02:59:00 UTC+2'],
        ['Australia/Lord_Howe', winter, summer, '2026-07-01 10:30:00 UTC+10:30 | 2026-07-01 10:30:00 UTC+10:30'],
        ['America/St_Johns', summer, winter, '2026-11-30 20:30:00 UTC−3:30 | 2026-11-30 20:30:00 UTC−3:30'],
        ['Europe/London', summer, winter, '2026-12-01 00:00:00 UTC | 2026-12-01 00:00:00 UTC'],
        ['UTC', winter, winter - 1, '2026-11-30 23:59:59 | 2026-11-30 23:59:59'],
        ['UTC', winter, winter, '2026-12-01 00:00:00 | 00:00:00'],
    ])
        assert.equal(at(zone, now, ms), expected, `${zone} at ${new Date(now).toISOString()}`);
    process.env.TZ = before ?? 'UTC';
}

function alarms() {
    const ok = { state: 'OK', unknown: null };
    const counts = (good, unknown) => ({ counts: { ok: good, warning: 0, failure: 0, unknown } });
    for (const [ofAlarms, ofThresholds, kind, words] of [
        [[ok], [counts(3, 0)], 'ok', 'All 2 alarms and thresholds are OK'],
        [[ok], [], 'ok', 'The one alarm or threshold is OK'],
        [[ok, { state: null }], [], 'unknown', 'Alarms and thresholds: 1 OK, 1 unknown or not evaluated yet'],
        [[{ state: 'OK', unknown: 'no value' }], [], 'unknown', 'Alarms and thresholds: 0 OK, 1 unknown or not evaluated yet'],
        [[], [counts(5, 1), counts(0, 0)], 'unknown', 'Alarms and thresholds: 0 OK, 2 unknown or not evaluated yet'],
        [[ok, { state: null, disabled: true }], [], 'ok', 'The one alarm or threshold is OK'],
        [[{ state: null, disabled: true }], [], 'off', 'All alarms and thresholds are disabled'],
    ])
        assert.deepEqual(allOk(ofAlarms, ofThresholds), [kind, words]);
}
