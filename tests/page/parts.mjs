// The parts of the page that need no browser: numbers as texts, resolutions, rates, gaps, windows, CSV.

import assert from 'node:assert/strict';

globalThis.location = { pathname: '/' };
const { columns, csv, median, resolutionFor, stepOf, windows, RESOLUTIONS } = await import('./parts/points.js');
const { bytes, count, duration, shown } = await import('./parts/words.js');

export function parts() {
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
    const counter = columns([at(0, 100), at(30, 160), at(60, 160), at(90, 30), at(300, 90)], true, 30);
    assert.deepEqual(counter.times, [30, 60, 90, 120, 300]);
    assert.deepEqual(counter.average, [2, 0, 1, null, null], 'it began again, and then there was a gap');
    const rolled = columns([at(0, 50, { max: 100 }), at(300, 250, { max: 400 })], true, 300);
    assert.deepEqual(rolled.average, [1]);
    assert.deepEqual(columns([], true, 30).times, []);
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
}
