// What is done with the page, what goes wrong meanwhile, and where there is nothing or very much.

import assert from 'node:assert/strict';
import net from 'node:net';

import {
    READ,
    WRITE,
    clean,
    config,
    enter,
    isAccessible,
    isLive,
    refusals,
    sees,
    shop,
    tokens,
    until,
} from './looks.mjs';
import { agent, file, freePort, visit } from './world.mjs';

export const acts = {
    async 'a token is asked for, is kept for the tab, is refused and given back'() {
        const { url } = await agent({
            args: ['--dry-run', '--api-token-file', tokens(), '--config', config(), '--store', 'memory'],
        });
        const page = await visit(url, { allowed: refusals });
        await sees(page, 'This agent answers only with a token', 'dialog');
        await isAccessible(page, 'token');
        // Closing the dialog shows nothing.
        await page.keyboard.press('Escape');
        await sees(page, 'This agent answers only with a token', 'dialog');
        await page.locator('input[name=token]').fill('a-wrong-token');
        await page.keyboard.press('Enter');
        await sees(page, 'the token is not known to this agent', 'dialog');
        await page.locator('input[name=token]').fill(READ);
        await page.keyboard.press('Enter');
        await isLive(page);
        await sees(page, 'that needs a token with scope write', '#checks');
        assert.equal(await page.getByRole('button', { name: /^Disable/ }).count(), 0);
        await page.reload();
        await isLive(page);
        const kept = await page.evaluate(() => [Object.keys(localStorage).length, document.cookie, location.href]);
        assert.deepEqual(kept, [0, '', `${url}/`]);
        const other = await page.context().newPage();
        await other.goto(url);
        await sees(other, 'This agent answers only with a token', 'dialog');
        await page.getByRole('button', { name: 'Log out' }).click();
        await sees(page, 'This agent answers only with a token', 'dialog');
        assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        clean(page);
    },

    async 'changes ask first and show the true answer, by keys alone'() {
        const { url } = await agent({
            args: ['--dry-run', '--api-token-file', tokens(), '--config', config(), '--store', 'memory'],
        });
        const page = await enter(url, WRITE);
        const checks = async () =>
            (await fetch(`${url}/entities/self/checks/load`, { headers: { 'X-Auth-Token': WRITE } })).json();
        await page.getByRole('button', { name: 'Disable load' }).focus();
        await page.keyboard.press('Enter');
        await sees(page, 'It does not run any more', 'dialog');
        await isAccessible(page, 'dialog');
        await page.keyboard.press('Escape');
        assert.equal((await checks()).disabled, false, 'nothing without the second step');
        await page.keyboard.press('Enter');
        await page.keyboard.type('for the tests');
        await page.keyboard.press('Enter');
        await sees(page, 'The agent has answered', 'dialog');
        await sees(page, '204', 'dialog pre');
        assert.equal((await checks()).disabled, true);
        await page.keyboard.press('Enter');
        await sees(page, 'disabled', '#checks');
        await sees(page, 'for the tests', '#events');
        // The agent refuses what is not right, and the page shows that.
        await page.getByRole('button', { name: 'Run once database' }).click();
        await page.locator('dialog').getByRole('button', { name: 'Run once' }).click();
        await sees(page, 'refused the connection', 'dialog pre');
        await page.locator('dialog').getByRole('button', { name: 'Close' }).click();
        await page.getByRole('button', { name: 'Silence database' }).click();
        await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
        await sees(page, 'database is silenced until', 'dialog');
        await page.keyboard.press('Escape');
        await sees(page, 'silenced until', '#checks');
        await page.getByRole('button', { name: 'End silence database' }).click();
        await page.locator('dialog').getByRole('button', { name: 'End it' }).click();
        await sees(page, 'The silence of database has ended', 'dialog');
        await page.keyboard.press('Escape');
        await until(page, () => !document.querySelector('#checks').textContent.includes('silenced until'));
        // Somebody has removed it meanwhile: the refusal is told word for word.
        await page.getByRole('button', { name: 'Enable load' }).click();
        await fetch(`${url}/entities/self/checks/load`, { method: 'DELETE', headers: { 'X-Auth-Token': WRITE } });
        await page.locator('dialog').getByRole('button', { name: 'Enable' }).click();
        await sees(page, 'The agent has refused', 'dialog');
        await sees(page, 'not found', 'dialog pre');
        page.errors.splice(0, Infinity, ...page.errors.filter((text) => !/404/.test(text)));
        clean(page);
    },

    async 'a check that fails and comes back, and events that grow'() {
        const port = await freePort();
        const { url } = await agent({ args: ['--dry-run', '--config', config(port), '--store', 'memory'] });
        const page = await visit(url);
        await isLive(page);
        await sees(page, 'not available', '#checks');
        await sees(page, 'nothing listens there', '#checks');
        assert.equal(
            await page.locator('#checks article h3').first().textContent(),
            'database',
            'what is lost stands first',
        );
        await sees(page, 'check database is unavailable', '#events');
        await sees(page, 'database-down', '#alarms');
        // A counter as its growth in a second.
        await until(page, () => /rx_bytes\s*[\d.,]+ [KM]?i?B\/s/.test(document.querySelector('#checks').textContent));
        const database = net.createServer((socket) => socket.end());
        database.listen(port, '127.0.0.1');
        await sees(page, 'All 2 alarms and thresholds are OK', '#alarms');
        await sees(page, 'check database is available again', '#events');
        await until(page, () => !document.querySelector('#checks').textContent.includes('not available'));
        database.close();
        for (const name of ['memory', 'cpus', 'filesystems', 'processes']) {
            await page.locator('#host summary', { hasText: new RegExp(`^${name}$`) }).click();
        }
        await sees(page, 'used percent', '#host');
        await sees(page, 'needs a token on TCP', '#host');
        page.errors.splice(0, Infinity, ...page.errors.filter((text) => !/401/.test(text)));
        await isAccessible(page, 'all of it');
        clean(page);
    },

    async '2,000 series are listed in parts, found by a word, and slow nothing down'() {
        const { url } = await agent({
            args: [
                '--dry-run',
                '--api-token-file',
                tokens(),
                '--store',
                'memory:100MB',
                '--max-metrics',
                '3000',
                '--config',
                file('push.yaml', 'checks:\n  many: {type: agent.push, period: 30, details: {series: 3000}}\n'),
            ],
        });
        const values = Array.from({ length: 2000 }, (_, place) => ({
            check: 'many',
            metric: `queue-${String(place).padStart(4, '0')}.length`,
            value: place,
            unit: 'count',
        }));
        for (let start = 0; start < values.length; start += 500) {
            const body = JSON.stringify({ values: values.slice(start, start + 500) });
            const answer = await fetch(`${url}/values`, {
                method: 'POST',
                body,
                headers: { 'X-Auth-Token': WRITE, 'Content-Type': 'application/json' },
            });
            assert.deepEqual(await answer.json(), { taken: 500, rejected: [] });
        }
        const page = await enter(url, READ);
        await sees(page, 'Show 100 more of 2000', '#checks');
        const rows = () => page.locator('#checks article', { hasText: 'agent.push' }).locator('tbody tr').count();
        assert.equal(await rows(), 8);
        await page.getByRole('button', { name: 'Show 100 more of 2000' }).click();
        assert.equal(await rows(), 108);
        await page.getByLabel('Find').fill('queue-1234');
        await until(page, () => document.querySelectorAll('#checks tbody tr').length === 1);
        await sees(page, '1,234', '#checks');
        const elements = await page.evaluate(() => document.querySelectorAll('*').length);
        assert.ok(elements < 3000, `${elements} elements`);
        clean(page);
    },

    async 'without a history, checks, alarms and publishers the page says what to do'() {
        const { url } = await agent({ args: ['--dry-run'] });
        const page = await visit(url);
        await isLive(page);
        for (const text of [
            'There is no history',
            '--store memory',
            'No alarms and no thresholds',
            'There are no other checks than CPU and memory',
            'Nothing has happened yet',
            'Not measured: throttling',
            'that needs a token with scope write',
        ]) {
            if (
                text.startsWith('Not measured') &&
                (await page.locator('#measured').textContent()).startsWith('This host')
            )
                continue;
            await sees(page, text);
        }
        await until(page, () => document.querySelector('.readout').textContent.includes('median'));
        await page.goto(`${url}/#metric?check=utilization&metric=cpu`);
        await sees(page, 'There is no history', '#metric');
        await isAccessible(page, 'empty');
        clean(page);
    },

    async 'all of it by keys alone'() {
        const { url } = await shop();
        const page = await enter(url, READ);
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
        await page.keyboard.press('Enter');
        const passed = [];
        for (let presses = 0; presses < 60 && !passed.some((text) => text === 'filter'); presses += 1) {
            await page.keyboard.press('Tab');
            const [name, isSeen] = await page.evaluate(() => {
                const of = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(of);
                return [
                    of.id || of.getAttribute('aria-label') || of.textContent,
                    outlineStyle !== 'none' && outlineWidth !== '0px',
                ];
            });
            assert.ok(isSeen, `the focus is not seen at ${name}`);
            passed.push(name);
        }
        assert.ok(
            passed.some((text) => /^CPU, the last 15 minutes: chart/.test(text)) && passed.includes('filter'),
            passed.join(' | '),
        );
        await until(page, () => document.querySelector('.readout').textContent.includes('sample'));
        await page.locator('.plot').first().focus();
        await page.keyboard.press('ArrowLeft');
        assert.match(await page.locator('#told').textContent(), /sample \d/);
        clean(page);
    },

    async 'five windows share the connections of a browser, and a window that nobody looks at gives its stream back'() {
        const { url } = await agent({ args: ['--dry-run', '--store', 'memory'] });
        const streams = async () =>
            Number(
                /^cloudwatch_metrics_agent_api_streams (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())[1],
            );
        const first = await visit(url);
        const windows = [first];
        while (windows.length < 5) windows.push(await first.context().newPage());
        for (const window of windows) {
            await window.goto(url);
            await isLive(window);
            await until(window, () => document.querySelector('.readout').textContent.includes('sample'));
        }
        assert.equal(await streams(), 5);
        clean(first);
        await first.context().close();
        const page = await visit(url, { clock: true });
        await isLive(page);
        const isSeen = (hidden) =>
            page.evaluate((value) => {
                Object.defineProperty(document, 'hidden', { value, configurable: true });
                document.dispatchEvent(new Event('visibilitychange'));
            }, hidden);
        await isSeen(true);
        await page.clock.fastForward(301000);
        while ((await streams()) > 0) await page.waitForTimeout(100);
        await isSeen(false);
        while ((await streams()) !== 1) await page.waitForTimeout(100);
        // Its clock is five minutes ahead now, which is told in the place of "live".
        await until(page, () => document.querySelector('#connection').className === 'pill open');
        clean(page);
    },

    async 'texts of the API are never markup'() {
        const evil = '<img src=x onerror=alert(1)>';
        const { url } = await agent({
            args: [
                '--dry-run',
                '--api-token-file',
                tokens(),
                '--service',
                evil,
                '--config',
                config(),
                '--store',
                'memory',
            ],
        });
        const page = await enter(url, WRITE);
        const send = (path, body) =>
            fetch(url + path, {
                method: 'POST',
                body: JSON.stringify(body),
                headers: { 'X-Auth-Token': WRITE, 'Content-Type': 'application/json' },
            });
        await send('/events', { message: evil });
        await send('/entities/self/checks', { id: `evil${evil}`, label: evil, type: 'agent.load_average', period: 1 });
        await sees(page, evil, '#events');
        await sees(page, `evil${evil}`, '#checks');
        assert.equal(await page.evaluate(() => document.querySelectorAll('img').length), 0);
        clean(page);
    },
};
