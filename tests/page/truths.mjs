// What is shown is true: times, scales, what is lost, and to whom a token is given.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';

import { READ, WRITE, clean, config, enter, fits, isAccessible, isLive, refusals, sees, shop, tokens, until } from './looks.mjs';
import { agent, file, freePort, proxy, task, visit } from './world.mjs';

const HOUR = 3600e3;

/** Has the history of what `isOf` says consist of these points, each with a time in ms and a value. */
const past = (page, isOf, points) =>
    page.route('**/plot?*', (route) => {
        const { pathname, searchParams } = new URL(route.request().url());
        if (!isOf(decodeURIComponent(pathname))) return route.continue();
        const [from, to] = ['from', 'to'].map((name) => Number(searchParams.get(name)));
        const values = points(from, to).map(([timestamp, average]) => ({ timestamp, average, min: 1, max: average, numPoints: 4 }));
        return route.fulfill({ json: { values, metadata: { next_marker: null } } });
    });

/** A point each so often between two times, of what `value` gives. */
function each(from, to, step, value) {
    const all = [];
    for (let at = Math.ceil(from / step) * step; at < to; at += step) all.push([at, value(all.length)]);
    return all;
}

export const truths = {
    async 'the clock of the browser may be wrong, and be set while the page is open'() {
        const { url } = await shop();
        for (const hours of [-5, 26]) {
            const page = await enter(url, READ, { clock: true, ahead: hours * HOUR });
            await sees(page, 'database-down', '#alarms');
            for (const ahead of [hours, -hours]) {
                await page.clock.setSystemTime(Date.now() + ahead * HOUR);
                const before = await page.locator('.readout').first().textContent();
                await until(page, (of) => document.querySelector('.readout').textContent !== of, before);
                await isLive(page);
                assert.match(await page.locator('.readout').first().textContent(), /^\d\d:\d\d:\d\d {3}sample/, 'of today');
                assert.match(await page.locator('#alarms').textContent(), /since \d\d:\d\d:\d\d, (now|\d+ s ago)/);
                await until(page, () => /ran (now|\d+ s ago)/.test(document.querySelector('#checks').textContent));
            }
            const [asked] = await Promise.all([
                page.waitForRequest(/utilization\/metrics\/cpu\/plot/),
                page.locator('.gauges h2 a', { hasText: 'CPU' }).click(),
            ]);
            const to = Number(new URL(asked.url()).searchParams.get('to'));
            assert.ok(Math.abs(to - Date.now()) < 60000, `${(to - Date.now()) / 1000} s`);
            clean(page);
            await page.context().close();
        }
    },

    async 'times of summer and winter have their own offsets'() {
        const { url } = await shop();
        const page = await enter(url, READ, { zone: 'Europe/Berlin' });
        await past(page, () => true, (from, to) => each(from, to, HOUR, () => 10));
        const rows = async (change) => {
            await page.goto(`${url}/#metric?check=utilization&metric=cpu&from=${change - 3 * HOUR}&to=${change + 3 * HOUR}`);
            await sees(page, '6 points', '#metric p[role=status]');
            await page.locator('#metric details').evaluate((of) => (of.open = true));
            const day = new Date(change).toISOString().slice(0, 10);
            await until(page, (of) => document.querySelector('#metric tbody td')?.textContent.startsWith(of), day);
            return page.locator('#metric tbody td:first-child').allTextContents();
        };
        const autumn = await rows(Date.UTC(2026, 9, 25, 1));
        assert.equal(new Set(autumn).size, 6, autumn.join());
        const twice = autumn.filter((text) => text.startsWith('2026-10-25 02:00:00'));
        // One of them is of the offset of now, whatever time of the year it is.
        assert.equal(twice.length, 2);
        assert.equal(twice.filter((text) => /02:00:00 UTC\+[12]$/.test(text)).length, 1, twice.join());
        assert.match(await page.locator('#metric p[role=status]').textContent(), /UTC\+[12].*Europe\/Berlin \(UTC\+[12]\)/);
        const spring = await rows(Date.UTC(2027, 2, 28, 1));
        assert.ok(!spring.some((text) => text.includes(' 02:00')), spring.join());
        clean(page);
    },

    async 'what is above 100 % is drawn above it, and what is old is no value of now'() {
        const { url } = await shop();
        const page = await visit('about:blank', { allowed: refusals });
        const isCpu = (path) => /[/.]cpu\/plot$/.test(path);
        await past(page, isCpu, (_from, to) => each(to - 10 * 60e3, to - 5 * 60e3, 1000, (place) => (place % 2 ? 150 : 50)));
        // No sample comes.
        await page.route('**/values?*', (route) => route.fulfill({ json: { values: [], metadata: { next_marker: null } } }));
        await page.route('**/values/stream', (route) => setTimeout(() => route.abort().catch(() => {}), 20000));
        await page.goto(url);
        await page.locator('input[name=token]').fill(READ);
        await page.keyboard.press('Enter');
        await sees(page, '(old: of ', '.gauges article');
        await until(page, () => document.querySelector('.gauges canvas'));
        await page.locator('.gauges .plot').first().focus();
        for (const press of ['Home', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(press);
        const told = await page.locator('#told').textContent();
        const [over, point] = await Promise.all(
            ['.u-over', '.u-cursor-pt'].map((of) => page.locator(`.gauges ${of}`).first().boundingBox()),
        );
        assert.match(told, /maximum 150 %/);
        assert.ok(point.y + point.height / 2 >= over.y, `${told}: ${point.y} above ${over.y}`);
        await page.unroute('**/values?*');
        await page.unroute('**/values/stream');
        // Its history begins with what is written of it.
        const headers = { 'X-Auth-Token': READ };
        const list = `${url}/entities/self/checks/utilization/metrics?limit=100`;
        const isKept = ({ name, history }) => name === 'web.cpu' && history;
        while (!(await (await fetch(list, { headers })).json()).values.some(isKept)) await page.waitForTimeout(100);
        await page.reload();
        await isLive(page);
        const path = page.locator('.containers article', { hasText: 'web' }).locator('.cpu path.line');
        while (((await path.getAttribute('d')) ?? '').length < 200) await page.waitForTimeout(100);
        const drawn = [...(await path.getAttribute('d')).matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y).toFixed(1));
        // A third of the height, and all of it.
        assert.ok(drawn.includes('18.3') && drawn.includes('1.0'), [...new Set(drawn)].join());
    },

    async 'windows that are lost and that are refused are told apart'() {
        const publishing = ['--publish', 'cloudwatch', '--region', 'eu-west-1', '--endpoint-url', 'http://127.0.0.1:9'];
        const { url } = await agent({
            args: [...publishing, '--namespace', 'MyApp', '--service', 'shop', '--period', '1', '--buffer', '1'],
            env: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'none' },
        });
        const page = await visit(url);
        await sees(page, /[1-9]\d* lost/, '.publishers');
        assert.doesNotMatch(await page.locator('.publishers').textContent(), /refused ·|\d refused$/);
        await page.route('**/buffer?*', async (route) => {
            const answer = await route.fetch();
            const body = await answer.json();
            Object.assign(body.values[0], { dropped: 7, rejected: 3 });
            return route.fulfill({ json: body });
        });
        await sees(page, '4 lost · 3 refused', '.publishers');
        clean(page);
    },

    async 'a token is given to nobody else behind the same address'() {
        const args = ['--dry-run', '--api-token-file', tokens(), '--store', 'memory'];
        const [one, two] = [await agent({ args }), await agent({ args, env: await task() })];
        const between = await proxy(one.port);
        const page = await visit(`http://127.0.0.1:${between.port}${between.prefix}/`, { allowed: [/./] });
        await page.locator('input[name=token]').fill(WRITE);
        await page.keyboard.press('Enter');
        await isLive(page);
        assert.ok(between.given.get(one.port).has(WRITE));
        // A browser asks again by itself what breaks off, so nobody is there for a moment.
        const isLost = () => until(page, () => document.querySelector('#connection').className === 'pill lost');
        between.cut();
        await isLost();
        between.lead(two.port);
        between.mend();
        await sees(page, 'Another agent answers at this address now', 'dialog');
        assert.equal(between.given.get(two.port)?.size ?? 0, 0);
        await page.locator('input[name=token]').fill(READ);
        await page.keyboard.press('Enter');
        await isLive(page);
        // Another program gets none, either.
        const seen = [];
        const other = http.createServer((asked, answer) => {
            seen.push(asked.headers['x-auth-token']);
            answer.statusCode = 404;
            answer.end('{}');
        });
        await new Promise((up) => other.listen(0, '127.0.0.1', up));
        between.cut();
        await isLost();
        between.lead(other.address().port);
        between.mend();
        await sees(page, 'no agent answers at this address (404', '#connection');
        assert.deepEqual(seen.filter(Boolean), []);
        other.closeAllConnections();
        other.close();
        // The one that has taken it gets it again.
        between.lead(two.port);
        await page.getByRole('button', { name: 'Try now' }).click();
        await isLive(page);
    },

    async 'an agent that starts again is the same one'() {
        const args = ['--dry-run', '--api-token-file', tokens(), '--store', 'memory'];
        const one = await agent({ args });
        const page = await enter(one.url, WRITE);
        await one.end();
        await sees(page, '✖ connection lost', '#connection');
        await agent({ args, port: one.port });
        await isLive(page);
        assert.equal(await page.locator('dialog[open]').count(), 0);
    },

    async 'a tab that is duplicated has the token until it is logged out of, and a token that cannot be sent is not taken'() {
        const { url } = await agent({ args: ['--dry-run', '--api-token-file', tokens(), '--store', 'memory'] });
        const page = await visit(url, { allowed: refusals });
        const field = page.locator('input[name=token]');
        await field.fill('пароль-ключ');
        await page.keyboard.press('Enter');
        assert.equal(await field.evaluate((of) => of.validity.patternMismatch), true);
        assert.equal(await page.locator('dialog[open]').count(), 1);
        await field.fill(WRITE);
        await page.keyboard.press('Enter');
        await isLive(page);
        // What belongs to a tab is copied as by "Duplicate".
        const [copy] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => void open(location.href))]);
        await isLive(copy);
        await copy.getByRole('button', { name: 'Log out' }).click();
        await sees(copy, 'This agent answers only with a token', 'dialog');
        await page.reload();
        await isLive(page);
        clean(page);
    },

    async 'behind each small chart is a table'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        await until(page, () => document.querySelectorAll('.small:not([hidden])').length > 10);
        const names = await page.locator('.small:not([hidden])').evaluateAll((all) => all.map((of) => of.getAttribute('aria-label')));
        assert.ok(names.every((name) => /^.+, the last .+: .+\. Opens the table$/.test(name)), names.join('\n'));
        const chart = page.getByRole('button', { name: /^Memory of web, the last 15 minutes/ });
        await until(page, () => document.querySelector('.containers .small[aria-label*=from]'));
        await chart.focus();
        await page.keyboard.press('Enter');
        await page.locator('dialog tbody tr').first().waitFor();
        assert.match(await page.locator('dialog thead').textContent(), /^time, Europe\/Berlin \(UTC\+\d\)value$/);
        assert.match(await page.locator('dialog tbody tr').first().textContent(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[\d.]+ %$/);
        await isAccessible(page, 'table of a small chart');
        await page.keyboard.press('Escape');
        assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /^Memory of web/);
        clean(page);
    },

    async 'one alarm is silenced, and told again also when it is OK by then'() {
        const port = await freePort();
        const { url } = await agent({ args: ['--dry-run', '--api-token-file', tokens(), '--config', config(port)] });
        const reader = await enter(url, READ);
        await sees(reader, 'database-down', '#alarms');
        assert.equal(await reader.locator('#alarms button').count(), 0);
        const page = await enter(url, WRITE);
        await page.getByRole('button', { name: 'Silence alarm database-down' }).click();
        await sees(page, 'Nobody is notified of this alarm of database', 'dialog');
        await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
        await sees(page, 'alarm database-down is silenced until', 'dialog');
        await page.keyboard.press('Escape');
        await sees(page, /, silenced until \d\d:\d\d/, '#alarms');
        const all = await (await fetch(`${url}/suppressions`, { headers: { 'X-Auth-Token': READ } })).json();
        const [{ checks, alarms }] = all.values;
        assert.deepEqual([checks, alarms], [['database'], ['database-down']]);
        const check = page.locator('#checks article', { hasText: 'remote.tcp' });
        assert.doesNotMatch(await check.locator('.title').textContent(), /silenced/, 'the check itself is not');
        const database = net.createServer((socket) => socket.end());
        database.listen(port, '127.0.0.1');
        await until(page, () => /OK.*database-down.*, silenced until/.test(document.querySelector('#alarms').textContent));
        assert.doesNotMatch(await page.title(), /^\(/);
        await isAccessible(page, 'silenced');
        await page.getByRole('button', { name: 'End silence alarm database-down' }).click();
        await page.locator('dialog').getByRole('button', { name: 'End it' }).click();
        await sees(page, 'has ended', 'dialog');
        await page.keyboard.press('Escape');
        await sees(page, 'All 2 alarms and thresholds are OK', '#alarms');
        assert.equal(await page.locator('#alarms button').count(), 0);
        database.close();
        clean(page);
    },

    async 'odd names and units break nothing'() {
        const { url } = await agent({
            args: ['--dry-run', '--api-token-file', tokens(), '--config', file('odd.yaml', 'checks:\n  odd: {type: agent.push, period: 30}\n')],
        });
        const names = ['x'.repeat(250), '__proto__', 'constructor', '<b>bold</b>', '\u202Eevil', 'שלום', '📈', 'a/b?c#d%2F'];
        const units = ['count', '__proto__', 'constructor', 'toString/valueOf', '<i>', 'a/b/c', 'ü', 'percent'];
        const values = names.map((metric, place) => ({ check: 'odd', metric, value: 1000 + place, unit: units[place] }));
        const answer = await fetch(`${url}/values`, {
            method: 'POST',
            body: JSON.stringify({ values }),
            headers: { 'X-Auth-Token': WRITE, 'Content-Type': 'application/json' },
        });
        assert.deepEqual(await answer.json(), { taken: names.length, rejected: [] });
        for (const width of [1280, 320]) {
            const page = await enter(url, READ, { size: { width, height: 720 } });
            const rows = page.locator('#checks article', { hasText: 'agent.push' }).locator('tbody tr');
            await until(page, (of) => document.querySelectorAll('#checks tbody tr').length >= of, names.length);
            // Of what was handed in before there are figures of all of it.
            const texts = await rows.evaluateAll((all) => all.map(({ cells }) => cells[0].textContent + cells[1].textContent));
            const shown = texts.map((text) => text.replace(/mean (.+), max \1$/, '$1')).sort();
            const expected = ['1,000', '1,001 __proto__', '1,002 constructor', '1,003 toString/valueOf', '1,004 <i>', '1,005 a/b', '1,006 ü', '1,007 %'];
            assert.deepEqual(shown, names.map((name, place) => name + expected[place]).sort());
            await fits(page);
            for (const metric of names.slice(0, 6)) {
                await page.goto(`${url}/#metric?${new URLSearchParams({ check: 'odd', metric })}`);
                await until(page, (of) => document.querySelector('#metric h2')?.textContent === `odd / ${of}`, metric);
                await fits(page);
            }
            clean(page);
            await page.context().close();
        }
    },
};
