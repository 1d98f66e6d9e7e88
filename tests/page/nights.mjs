// What somebody needs who is woken up: what is missing and why, yesterday, true scales, and what becomes of a change.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { READ, WRITE, clean, config, enter, fits, isAccessible, isLive, now, refusals, sees, shop, tokens, until } from './looks.mjs';
import { agent, file, folder, task, visit } from './world.mjs';

const HOUR = 3600e3;
const DAY = 24 * HOUR;

const hashOf = (page) => page.evaluate(() => location.hash);

/** From when to when the address of the page is. */
const rangeOf = async (page) => {
    const asked = new URLSearchParams((await hashOf(page)).split('?')[1]);
    return ['from', 'to'].map((name) => Number(asked.get(name)));
};

export const nights = {
    async 'what was asked for and has no value says so, since when and why'() {
        const full = await task({ worker: 5 * 2 ** 30 });
        const { url } = await agent({
            args: ['--dry-run', '--per-container', '--metrics', 'cpu,memory,processes,swap', '--config', config()],
            env: full,
        });
        const { unavailable } = await (await fetch(`${url}/agent`)).json();
        assert.ok(Array.isArray(unavailable));
        const page = await visit(url);
        await isLive(page);
        const memory = page.locator('.gauges article').nth(1).locator('.title');
        await until(page, () => /^Memory–unavailable since \d\d:\d\d:\d\d, because .*exceed the limit/.test(document.querySelectorAll('.gauges .title')[1].textContent));
        assert.doesNotMatch(await memory.textContent(), /%/);
        const list = page.getByRole('list', { name: 'Unavailable' });
        await sees(page, /^Memory of worker: unavailable since \d\d:\d\d:\d\d, because .*5368709120 bytes in use exceed the limit/, '#strip');
        await sees(page, /swap.*: unavailable, because /, '#strip');
        assert.ok((await list.locator('li').count()) >= 2);
        const worker = page.locator('.containers article', { hasText: 'worker' }).locator('.row.memory .value');
        assert.equal(await worker.textContent(), 'unavailable');
        const card = page.locator('#check-utilization summary');
        assert.match(await card.textContent(), /^Unavailable: .*memory/);
        await card.focus();
        await page.keyboard.press('Enter');
        await sees(page, /^swap: unavailable, because /, '#check-utilization');
        await page.goto(`${url}/#metric?check=utilization&metric=memory`);
        await sees(page, /^unavailable since .*, because .*exceed the limit/, '#metric .title');
        await page.goto(`${url}/#now`);
        await isAccessible(page, 'unavailable');
        await fits(page);
        // It comes back by itself.
        full.use({});
        await until(page, () => /^Memory[\d.]+ %/.test(document.querySelectorAll('.gauges .title')[1].textContent));
        await until(page, () => !/worker: unavailable/.test(document.querySelector('#strip').textContent));
        clean(page);
    },

    async 'a metric of a check that has none says why, and one that was lost says since when'() {
        const checks = file(
            'unavailable.yaml',
            'checks:\n  web: {type: remote.tcp, period: 1, details: {host: 127.0.0.1, port: 9}}\n' +
                '  one: {type: agent.process, period: 1, details: {name: init-of-nothing}}\n' +
                '  load: {type: agent.load_average, period: 1}\n',
        );
        const { url, port } = await agent({ args: ['--dry-run', '--config', checks] });
        const own = file('own.yaml', `checks:\n  api: {type: remote.tcp, period: 1, details: {host: 127.0.0.1, port: ${port}}}\n`);
        const other = await agent({ args: ['--dry-run', '--config', own] });
        const there = await visit(other.url);
        await sees(there, /^Unavailable: .*banner_match/, '#check-api');
        const page = await visit(url);
        await isLive(page);
        await sees(page, /^Unavailable since \d\d:\d\d:\d\d: .*nothing listens there/, '#check-web');
        const since = await page.locator('#check-web .cure').textContent();
        const row = page.locator('#check-web tr', { hasText: 'available' });
        await row.waitFor();
        // That it is not available is a value of now.
        assert.equal((await row.locator('.value').textContent()).trim(), '0');
        await until(page, () => /ran (now|[3-9] s ago)/.test(document.querySelector('#check-web').textContent));
        assert.equal(await page.locator('#check-web .cure').textContent(), since, 'since the first of them');
        const runs = (await (await fetch(`${url}/runs`)).json()).values;
        const web = runs.find(({ check }) => check === 'web');
        assert.ok(web.since <= web.timestamp && web.unavailable.length === 0, JSON.stringify(web));
        clean(page);
    },

    async 'yesterday is one press away, by keys as well, and its address is for others'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        await page.goto(`${url}/#metric?check=utilization&metric=cpu&range=1h`);
        const facts = '#metric p[role=status]';
        await sees(page, ' points, ', facts);
        const today = await page.locator(facts).textContent();
        await page.getByRole('button', { name: 'Day before' }).focus();
        await page.keyboard.press('Enter');
        await until(page, () => location.hash.includes('from='));
        const [from, to] = await rangeOf(page);
        assert.ok(Math.abs(Date.now() - DAY - to) < 60000 && Math.abs(to - from - HOUR) < 1000, `${from} ${to}`);
        await until(page, ([at, of]) => document.querySelector(at).textContent.slice(0, 10) < of.slice(0, 10), [facts, today]);
        const shownFacts = await page.locator(facts).textContent();
        // Somebody else opens it, with a token of their own.
        const colleague = await enter(page.url(), READ);
        await sees(colleague, shownFacts.split(' · ')[0], facts);
        await page.getByRole('button', { name: 'Day after' }).click();
        await until(page, (before) => Number(new URLSearchParams(location.hash.split('?')[1]).get('to')) > before, to + DAY / 2);
        // A day by its date.
        const day = new Date(now - 30 * HOUR);
        const text = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((of) => String(of).padStart(2, '0')).join('-');
        await page.getByLabel('Day', { exact: true }).fill(text);
        await sees(page, new RegExp(`^${text} 00:00:00 to `), facts);
        const [begin, end] = await rangeOf(page);
        assert.ok(end - begin >= 23 * HOUR && end - begin <= 25 * HOUR, `${end - begin}`);
        await isAccessible(page, 'a day');
        await page.setViewportSize({ width: 390, height: 844 });
        await fits(page);
        // Before the history there is none, and it says since when there is one.
        await page.goto(`${url}/#metric?check=utilization&metric=cpu&from=${now - 40 * DAY}&to=${now - 39 * DAY}`);
        await sees(page, /no points in this range\. The history of this metric begins \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, (9|10)(\.\d)? d ago/, '#metric');
        clean(page);
    },

    async 'percents that stand side by side have one scale, and what has its own names it'() {
        const { url } = await shop();
        const page = await enter(url, WRITE);
        await page.locator('.containers .small:not([hidden])').first().waitFor();
        await until(page, () => document.querySelectorAll('.numbers .scale').length > 1);
        const scales = async (at) => [...new Set(await page.locator(`${at} .small:not([hidden]) .scale`).allTextContents())];
        assert.deepEqual(await scales('.containers'), ['0 – 100 %']);
        assert.deepEqual(await scales('#check-disk tr:has-text("used_percent")'), ['0 – 100 %']);
        await until(page, () => /0 – [\d.]+ [KMG]i?B/.test(document.querySelector('#check-disk').textContent));
        const tops = await page.evaluate(() => [...document.querySelectorAll('.gauges .plot')].map((of) => of.chart.plot.scales.y.max));
        assert.equal(tops[0], tops[1], 'CPU and memory');
        // 250 % is no less than it is.
        const put = (value) =>
            fetch(`${url}/values`, {
                method: 'POST',
                body: JSON.stringify({ values: [{ metric: 'burst', value, unit: 'percent' }] }),
                headers: { 'X-Auth-Token': WRITE, 'Content-Type': 'application/json' },
            });
        await put(250);
        await page.reload();
        await isLive(page);
        const row = page.locator('#check-push tr', { hasText: 'burst' });
        await row.locator('.scale').waitFor();
        assert.equal(await row.locator('.scale').textContent(), '0 – 250 %');
        assert.equal(await row.locator('.value').textContent(), '250 %');
        clean(page);
    },

    async 'a counter that began again within a point grew by no more than it did'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        await page.goto(`${url}/#metric?check=net&metric=steady&from=${now - 11 * HOUR}&to=${now - HOUR}`);
        await sees(page, '5 minutes a point', '#metric');
        const [saved] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('button', { name: 'Download CSV' }).click(),
        ]);
        const rows = fs.readFileSync(await saved.path(), 'utf8').trim().split('\r\n').slice(1);
        const rates = rows.map((row) => Number(row.split(',')[3]));
        assert.ok(rates.length > 100, `${rates.length}`);
        // Ten in each second. A value comes each 30 s, so one point has a tenth more than another; and what it grew between the last
        // value and its new begin nobody has seen.
        assert.ok(Math.max(...rates) <= 11 && Math.min(...rates) >= 8.9, rates.join(' '));
        clean(page);
    },

    async 'who changes something learns whether it lasts, and a silence is told in a sentence'() {
        const args = ['--dry-run', '--api-token-file', tokens(), '--config', config()];
        const kept = `${folder}/state-${Math.random().toString(36).slice(2)}`;
        fs.mkdirSync(kept, { mode: 0o700 });
        for (const [further, isKept] of [
            [[], false],
            [['--state', kept], true],
        ]) {
            const { url } = await agent({ args: [...args, ...further] });
            const page = await enter(url, WRITE);
            const said = 'This lasts until the agent restarts: it runs without --state';
            await page.getByRole('button', { name: 'Run once load' }).click();
            assert.equal(await page.locator('dialog').getByText(said).count(), 0, 'a run changes nothing');
            await page.keyboard.press('Escape');
            await page.getByRole('button', { name: 'Silence load' }).click();
            assert.equal(await page.locator('dialog').getByText(said).count(), isKept ? 0 : 1);
            await page.locator('dialog input[name=why]').fill('a planned restart');
            await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
            const sentence = /^load is silenced until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d Europe\/Berlin \(UTC\+[12]\), by the page: a planned restart\.$/;
            await sees(page, sentence, 'dialog .said');
            assert.equal(await page.locator('dialog pre').isVisible(), false);
            await isAccessible(page, 'a silence');
            // The answer itself is there for whoever wants it.
            await page.locator('dialog summary').click();
            await sees(page, '201', 'dialog pre');
            await page.keyboard.press('Escape');
            await page.getByRole('button', { name: 'End silence load' }).click();
            await page.locator('dialog').getByRole('button', { name: 'End it' }).click();
            await sees(page, 'The silence of load has ended', 'dialog .said');
            clean(page);
        }
    },
};
