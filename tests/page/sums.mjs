// What sums up how it goes, and what leads from there to the cause.

import assert from 'node:assert/strict';

import { clean, enter, fits, isAccessible, isLive, READ, refusals, sees, until, WRITE, tokens } from './looks.mjs';
import { agent, file, visit } from './world.mjs';

const CONFIG = `
service: shop
namespace: MyApp
checks:
  disk: {type: agent.filesystem, period: 1, details: {target: /}}
  load:
    type: agent.load_average
    period: 1
    alarms:
      load-high: {criteria: "return new AlarmStatus(WARNING, 'too much to do');"}
  zone:
    type: remote.tcp
    period: 1
    details: {host: 127.0.0.1, port: 9}
    alarms:
      zone-down: {criteria: "return new AlarmStatus(OK, 'it answers');"}
`;

const publishing = ['--publish', 'cloudwatch', '--region', 'eu-west-1', '--endpoint-url', 'http://127.0.0.1:9'];

export const sums = {
    async 'one line sums up what is wrong, and leads to it'() {
        const { url } = await agent({
            args: [...publishing, '--period', '1', '--api-token-file', tokens(), '--config', file('wrong.yaml', CONFIG)],
            env: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'none' },
        });
        const page = await enter(url, WRITE);
        const all = '2 alarms · 1 of 4 checks is not available · 1 publisher is failing';
        await until(page, (text) => document.querySelector('#summary').textContent === text, all);
        assert.equal(await page.locator('#summary').isVisible(), true);
        await isAccessible(page, 'sums');
        await fits(page);
        for (const [link, place] of [
            ['2 alarms', 'alarms'],
            ['checks', 'checks'],
            ['publisher', 'publishers'],
        ]) {
            await page.locator('#summary a', { hasText: link }).click();
            assert.equal(await page.evaluate(() => location.hash), `#${place}`);
            assert.equal(await page.locator(`#${place}`).isVisible(), true);
        }
        // The line of an alarm leads to the card of its check, also where that was not looked for.
        const line = page.locator('#alarms li', { hasText: 'load-high' });
        assert.match(await line.textContent(), /WARNING load-high \(check load\): too much to do · since \d\d:\d\d:\d\d, /);
        await page.locator('#filter').fill('nothing of this name');
        await sees(page, 'no check matches', '#checks');
        await page.evaluate(() => scrollTo(0, 0));
        await line.getByRole('link', { name: 'load' }).click();
        const card = page.locator('#check-load');
        await until(page, () => document.querySelector('#check-load').getBoundingClientRect().top < innerHeight);
        await sees(page, '▲ WARNING load-high: too much to do', '#check-load');
        assert.doesNotMatch(await page.locator('#checks [role=status]').textContent(), /no check/);
        const names = await page.locator('#checks article h3').allTextContents();
        assert.deepEqual(names, ['zone', 'load', 'disk', 'utilization'], 'what is lost, then what has an alarm');
        const metrics = await page.locator('#check-load tbody th').allTextContents();
        assert.deepEqual(metrics, ['1m_per_core', '15m', '1m', '5m'], 'what its type publishes first');
        // What the check says itself is not said twice.
        assert.match(await page.locator('#check-zone').textContent(), /CRITICAL zone-down(?!:)/);
        await card.getByRole('button', { name: 'Silence load' }).click();
        await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
        await sees(page, 'is silenced until', 'dialog');
        await page.keyboard.press('Escape');
        await sees(page, '2 alarms (1 silenced)', '#summary');
        await sees(page, /too much to do, silenced until \d\d:\d\d/, '#check-load');
        clean(page);
    },

    async 'nothing is said where all is well'() {
        const config = file('well.yaml', 'service: shop\nchecks:\n  disk: {type: agent.filesystem, period: 1, details: {target: /}}\n');
        const { url } = await agent({ args: ['--dry-run', '--api-token-file', tokens(), '--config', config] });
        const page = await enter(url, READ);
        await sees(page, '2 checks', '#checks');
        assert.equal(await page.locator('#summary').isVisible(), false);
        assert.equal(await page.locator('.checks .troubles:visible').count(), 0);
        await page.goto(`${url}/#%E0%A4%A`);
        await page.reload();
        clean(page);
    },

    async 'a metric says from when to when, where its history begins, and zooms in up to now'() {
        const { url } = await agent({ args: ['--dry-run', '--service', 'shop', '--store', 'memory'] });
        const isKept = ({ name, history }) => name === 'cpu' && history;
        const list = `${url}/metrics_list?limit=100`;
        while (!(await (await fetch(list)).json()).values.some(isKept)) await new Promise((go) => setTimeout(go, 50));
        const page = await visit(`${url}/#metric?check=utilization&metric=cpu&range=1h`, { allowed: refusals });
        await isLive(page);
        const facts = '#metric p[role=status]';
        await sees(page, /the history begins \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, facts);
        await page.getByRole('button', { name: 'Zoom in' }).click();
        await until(page, () => location.hash.includes('from='));
        const asked = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]);
        const [from, to] = ['from', 'to'].map((name) => Number(asked.get(name)));
        assert.ok(Math.abs(Date.now() - to) < 30000, `${Date.now() - to} ms ago`);
        assert.ok(Math.abs(to - from - 1800000) < 1000, `${to - from} ms`);
        await sees(page, 'every value', facts);
        // The end has its day where it is another one than that of the begin.
        const hash = (days, length) => {
            const end = Date.now() - days * 86400000;
            return `#metric?check=utilization&metric=cpu&from=${end - length}&to=${end}`;
        };
        const day = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
        for (const [days, length] of [
            [0, 86400000],
            [3, 172800000],
        ]) {
            await page.goto(`${url}/${hash(days, length)}`);
            await sees(page, new RegExp(`^${day} to ${day}, `), facts);
        }
        await page.route('**/plot?*', (route) => {
            const of = new URL(route.request().url()).searchParams;
            const isOlder = of.get('limit') === '1';
            const point = { timestamp: Number(of.get('to')) - 1000, average: 5, min: 5, max: 5, numPoints: 1 };
            return route.fulfill({ json: { values: isOlder ? [] : [point], metadata: { next_marker: null } } });
        });
        await page.goto(`${url}/${hash(0, 600000)}`);
        await sees(page, ' · 1 point, ', facts);
        clean(page);
    },
};
