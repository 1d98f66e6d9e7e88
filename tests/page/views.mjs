// What there is to be seen, live and back through the history.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import {
    READ,
    WRITE,
    clean,
    enter,
    fits,
    ink,
    isAccessible,
    isLive,
    now,
    refusals,
    sees,
    shop,
    until,
} from './looks.mjs';
import { parts } from './parts.mjs';
import { agent, memory, proxy, visit } from './world.mjs';

export const views = {
    'numbers as texts, resolutions, rates, gaps, windows and CSV': parts,

    async 'the first screen has all without scrolling, and is read in light and dark'() {
        const { url } = await shop();
        for (const dark of [false, true]) {
            const page = await enter(url, READ, { dark });
            await sees(page, 'The whole ECS task is measured', '#measured');
            await sees(page, '100 % are 2 cores', '#now');
            await sees(page, '100 % are 3 GiB', '#now');
            await sees(page, 'CRITICAL', '#alarms');
            await sees(page, '127.0.0.1:9 refused the connection', '#alarms');
            for (const name of ['web', 'worker', 'log-router'])
                await page.locator('.containers h3', { hasText: name }).waitFor();
            await sees(page, 'CPU pressure', '.numbers');
            await sees(page, 'cloudwatch', '.publishers');
            const bottom = await page.locator('#now').evaluate((of) => of.getBoundingClientRect().bottom);
            assert.ok(bottom <= 720, `it ends at ${bottom}`);
            await until(page, () => /median of the window \d/.test(document.querySelector('.readout').textContent));
            assert.ok((await ink(page, '.gauges')) > 5000);
            await sees(page, 'Europe/Berlin (UTC+', '#clock');
            assert.equal(await page.title(), '(1) shop');
            await isAccessible(page, dark ? 'dark' : 'light');
            await fits(page);
            clean(page);
            await page.context().close();
        }
    },

    async 'the first chart is there within 300 ms with two days of data'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        const times = [];
        for (let visits = 0; visits < 7; visits += 1) {
            await page.reload({ waitUntil: 'commit' });
            // From the first byte of the page to a line on the chart.
            times.push(
                await page.evaluate(
                    () =>
                        new Promise((told) => {
                            const look = () => {
                                const readout = document.querySelector('.readout')?.textContent ?? '';
                                if (
                                    document.querySelector('.gauges canvas') &&
                                    readout.includes('median of the window') &&
                                    !readout.includes('–')
                                )
                                    told(performance.now());
                                else requestAnimationFrame(look);
                            };
                            look();
                        }),
                ),
            );
        }
        times.sort((one, other) => one - other);
        console.log(`  first chart after ${times.map(Math.round).join(', ')} ms`);
        if (process.env.PAGE_TIMES) assert.ok(times[3] < 300, `${times[3]} ms`);
        clean(page);
    },

    async 'samples come by the stream, and a broken connection says so and comes back'() {
        const { port } = await agent({
            args: ['--dry-run', '--store', 'memory', '--service', 'shop', '--api-host', 'status.example'],
        });
        const between = await proxy(port);
        const page = await visit(`http://127.0.0.1:${between.port}${between.prefix}/`, { allowed: refusals });
        await isLive(page);
        const readout = () => page.locator('.readout').first().textContent();
        await until(page, () => document.querySelector('.readout').textContent.includes('sample'));
        const first = await readout();
        await until(page, (before) => document.querySelector('.readout').textContent !== before, first);
        clean(page);
        between.cut();
        await sees(page, '✖ connection lost', '#connection');
        await sees(page, 'trying again in', '#connection');
        await page.getByRole('button', { name: 'Try now' }).click();
        await sees(page, '✖ connection lost', '#connection');
        const shown = await readout();
        between.mend();
        await isLive(page);
        await until(page, (before) => document.querySelector('.readout').textContent !== before, shown);
        assert.ok(await page.locator('body:not(.lost)').count());
        // Without a slash at its end the prefix works as well.
        await page.goto(`http://127.0.0.1:${between.port}${between.prefix}`);
        await isLive(page);
    },

    async 'a metric: ranges, zoom by mouse and keys, the resolution that fits, band, gaps, table, CSV'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        const asked = [];
        page.on(
            'request',
            // Not where only the oldest point is asked for.
            (request) => /\/plot\?(?!.*limit=)/.test(request.url()) && asked.push(new URL(request.url()).searchParams),
        );
        await page.locator('.gauges h2 a', { hasText: 'CPU' }).click();
        await page.getByRole('heading', { name: 'utilization / cpu' }).waitFor();
        const facts = '#metric p[role=status]';
        await sees(page, 'every value', facts);
        assert.equal(asked.at(-1).get('resolution'), 'FULL', 'an hour of samples');
        for (const [range, resolution, words] of [
            ['2 d', 'MIN5', '5 minutes a point'],
            ['10 d', 'MIN20', '20 minutes a point'],
            ['5 y', 'MIN1440', '1 day a point'],
            ['1 d', 'MIN5', '5 minutes a point'],
        ]) {
            asked.length = 0;
            await page.getByRole('link', { name: range, exact: true }).click();
            await sees(page, words, facts);
            assert.equal(asked.at(-1).get('resolution'), resolution, range);
        }
        await sees(page, 'from minimum to maximum', '.key');
        await isAccessible(page, 'metric');
        // A day with a break of 40 minutes: the chart has a gap there, and the table no row.
        await page.getByText('Table of the points').click();
        await page.locator('#metric tbody tr').first().waitFor();
        const rows = await page.locator('#metric tbody tr').count();
        assert.ok(rows > 270 && rows < 285, `${rows} of 288 rows, 8 of them in the break`);
        const box = await page.locator('#metric .u-over').boundingBox();
        await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
        await sees(page, /average \d+(\.\d+)? %/, '#metric .readout');
        asked.length = 0;
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.52, box.y + 60, { steps: 5 });
        await page.mouse.up();
        await sees(page, 'every value', facts);
        const zoomed = asked.at(-1);
        assert.equal(zoomed.get('resolution'), 'FULL');
        const length = (zoomed.get('to') - zoomed.get('from')) / 60000;
        assert.ok(length > 20 && length < 40, `${length} minutes of a day's fiftieth`);
        const before = await page.evaluate(() => location.hash);
        await page.getByRole('button', { name: 'Zoom out' }).click();
        await until(page, (hash) => location.hash !== hash, before);
        await page.goBack();
        await until(page, (hash) => location.hash === hash, before);
        await page.goBack();
        await sees(page, '5 minutes a point', facts);
        // The same by keys alone.
        await page.locator('#metric .plot').focus();
        for (const press of ['Home', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(press);
        const told = await page.locator('#told').textContent();
        assert.match(told, /average \d/);
        asked.length = 0;
        await page.keyboard.press('+');
        await until(page, () => location.hash.includes('from='));
        const [download] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('button', { name: 'Download CSV' }).click(),
        ]);
        const csv = fs
            .readFileSync(await download.path(), 'utf8')
            .trim()
            .split('\r\n');
        assert.match(download.suggestedFilename(), /^utilization-cpu\.csv$/);
        assert.match(csv[0], /^timestamp_ms,time,count,average \(percent\),min \(percent\),max \(percent\)$/);
        assert.ok(
            csv.length > 50 && csv.slice(1).every((row) => row.split(',').length === 6 && !row.includes('null')),
            csv.slice(0, 3).join(),
        );
        clean(page);
        // A counter, as its growth in a second, which is never negative.
        await page.goto(`${url}/#metric?check=net&metric=rx_bytes&range=1d`);
        await page.reload();
        await isLive(page);
        await sees(page, 'a counter: how it grows in a second', facts);
        const [rates] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('button', { name: 'Download CSV' }).click(),
        ]);
        const growth = fs
            .readFileSync(await rates.path(), 'utf8')
            .trim()
            .split('\r\n')
            .slice(1)
            .map((row) => Number(row.split(',')[3]));
        assert.ok(
            growth.length > 100 && growth.every((rate) => rate >= 0 && rate < 1e8),
            `${Math.min(...growth)} to ${Math.max(...growth)}`,
        );
        // What is not there.
        await page.goto(`${url}/#metric?check=net&metric=nothing`);
        await sees(page, 'not', '#metric .empty');
        // A text has its changes.
        await page.goto(`${url}/#metric?check=disk&metric=options`);
        await sees(page, 'a text: the history has its changes', facts);
    },

    async 'a phone'() {
        const { url } = await shop();
        const page = await enter(url, WRITE, { size: { width: 390, height: 844 } });
        await sees(page, 'log-router', '.containers');
        await fits(page);
        await isAccessible(page, 'phone');
        await page.locator('.gauges h2 a').first().click();
        await sees(page, 'every value', '#metric');
        await fits(page);
        assert.ok((await ink(page, '#metric')) > 3000);
        await page.getByRole('link', { name: '← All' }).click();
        await page.getByRole('button', { name: 'Silence database' }).click();
        const box = await page.locator('dialog').boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
        clean(page);
    },

    async 'an open page leaves the memory of the agent as it was'() {
        const seconds = Number(process.env.PAGE_OPEN ?? 20);
        const { url, pid } = await shop();
        const page = await enter(url, READ);
        await page.waitForTimeout(5000);
        const figures = [memory(pid)];
        const end = Date.now() + seconds * 1000;
        while (Date.now() < end) {
            await page.waitForTimeout(Math.min(10000, Math.max(1, end - Date.now())));
            figures.push(memory(pid));
        }
        console.log(
            `  ${seconds} s: ${figures[0]} kB, at the end ${figures.at(-1)} kB, at most ${Math.max(...figures)} kB`,
        );
        assert.ok(figures.at(-1) <= figures[0] + 1500, figures.join(' '));
        clean(page);
    },
};
