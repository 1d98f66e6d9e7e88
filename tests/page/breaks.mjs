// What is open for long: tabs that nobody looks at, agents that end, streams that are refused, and metrics that vanish.

import assert from 'node:assert/strict';

import { READ, WRITE, clean, config, enter, isLive, refusals, sees, shop, tokens, until } from './looks.mjs';
import { agent, file, proxy, visit } from './world.mjs';

/** Has the page think that it is seen, or that it is not. */
const isSeen = (page, seen) =>
    page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }, !seen);

/** Lets the clock of the page run ahead, look by look, until this is so. The stream brings something between. */
async function runUntil(page, isSo, what) {
    for (let looks = 0; looks < 60; looks += 1) {
        if (await isSo()) return;
        await page.clock.fastForward(5100);
        await page.waitForTimeout(400);
    }
    assert.fail(`it was not: ${what}`);
}

/** The paths of the requests of a page that have this in them, as they come. */
function requests(page, part) {
    const all = [];
    page.on('request', (request) => request.url().includes(part) && all.push(request.url()));
    return all;
}

const streams = async (url) =>
    Number(/^cloudwatch_metrics_agent_api_streams (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())[1]);

const send = (url, method, path, body) =>
    fetch(url + path, {
        method,
        body: body && JSON.stringify(body),
        headers: { 'X-Auth-Token': WRITE, 'Content-Type': 'application/json' },
    });

export const breaks = {
    async 'a chart that nobody has looked at follows again, and the links of its ranges stay'() {
        const { url } = await shop();
        const page = await enter(url, READ, { clock: true });
        await page.goto(`${url}/#metric?check=utilization&metric=cpu`);
        await sees(page, 'every value', '#metric p[role=status]');
        const asked = requests(page, '/plot?');
        const of = () => asked.filter((path) => path.includes('select=average,min,max')).length;
        await isSeen(page, false);
        await page.clock.fastForward(12000);
        await page.waitForTimeout(300);
        assert.equal(of(), 0, 'nobody looks');
        await isSeen(page, true);
        await runUntil(page, () => of() > 0, 'it is read when it is looked at');
        const before = of();
        await runUntil(page, () => of() > before, 'it follows');
        await page.getByRole('link', { name: '15 m', exact: true }).focus();
        await page.keyboard.press('Enter');
        await until(page, () => document.querySelector('.ranges [aria-current]').textContent === '15 m');
        assert.equal(await page.evaluate(() => document.activeElement.textContent), '15 m');
        assert.equal(await page.locator('.ranges [aria-current]').count(), 1);
        clean(page);
    },

    async 'what is not there any more leaves the page, and what is new gets its history'() {
        const { url } = await agent({
            args: [
                '--dry-run',
                '--api-token-file',
                tokens(),
                '--store',
                'memory',
                '--config',
                file(
                    'gone.yaml',
                    `checks:
  jobs: {type: agent.push, period: 30, details: {series: 10}}
  load: {type: agent.load_average, period: 1}
thresholds:
  never: {check: load, metric: 1m, warning_max: -1}
`,
                ),
            ],
        });
        const value = { check: 'jobs', metric: 'waiting', value: 7, unit: 'count' };
        await send(url, 'POST', '/values', { values: [value, { ...value, metric: 'done', value: 8 }] });
        const page = await enter(url, WRITE, { clock: true });
        await sees(page, 'waiting', '#checks');
        // A link that nothing but its value and age change at stays the same one.
        const link = page.locator('#alarms a', { hasText: 'never' });
        await link.focus();
        await page.evaluate(() => (document.activeElement.dataset.mark = 'x'));
        const age = await page.locator('#alarms li').textContent();
        const followed = requests(page, 'values/stream');
        await send(url, 'DELETE', '/values?match=jobs/done');
        const rows = () => page.locator('#checks tbody th', { hasText: /^done$/ }).count();
        assert.equal(await rows(), 1);
        await runUntil(page, async () => (await rows()) === 0, 'done is gone');
        await runUntil(page, async () => (await page.locator('#alarms li').textContent()) !== age, 'the age grows');
        assert.equal(await page.evaluate(() => document.activeElement.dataset.mark), 'x');
        // A check of later: its first question for a history fails, the next one does not.
        const asked = requests(page, '/late/metrics/');
        let fails = 1;
        await page.route('**/late/metrics/**', (route) => (fails-- > 0 ? route.abort() : route.continue()));
        await send(url, 'POST', '/entities/self/checks', { id: 'late', type: 'agent.load_average', period: 1 });
        await page.getByLabel('Find').fill('late/1m');
        await runUntil(page, () => asked.length >= 2, 'its history is read, and again after a failure');
        assert.deepEqual(followed, [], 'by the stream of before');
        page.errors.splice(0, Infinity, ...page.errors.filter((text) => !/ERR_FAILED/.test(text)));
        clean(page);
    },

    async 'without a stream it asks each few seconds and says so'() {
        const { url } = await agent({ args: ['--dry-run', '--store', 'memory'] });
        const end = new AbortController();
        const others = await Promise.all(
            Array.from({ length: 16 }, () => fetch(`${url}/values/stream`, { signal: end.signal })),
        );
        assert.ok(others.every(({ status }) => status === 200));
        const page = await visit(url, { allowed: [/status of 503/] });
        await sees(page, '● asking each 5 s: 16 streams are open', '#connection');
        assert.equal(await page.locator('body.lost').count(), 0);
        const readout = () => page.locator('.readout').first().textContent();
        await until(page, () => document.querySelector('.readout').textContent.includes('sample'));
        const first = await readout();
        await until(page, (before) => document.querySelector('.readout').textContent !== before, first);
        assert.equal(await page.locator('body.lost').count(), 0);
        end.abort();
        while ((await streams(url)) > 0) await page.waitForTimeout(50);
        await page.getByRole('button', { name: 'Try now' }).click();
        await isLive(page);
        clean(page);
    },

    async 'a stream that ends at once is tried later and later'() {
        const { url } = await agent({ args: ['--dry-run'] });
        const page = await visit('about:blank');
        await page.route('**/values/stream', (route) =>
            route.fulfill({ status: 200, contentType: 'text/event-stream', body: ': hello\n\n' }),
        );
        await page.goto(url);
        await sees(page, /trying again in [34] s/, '#connection');
    },

    async 'another agent behind the same address begins anew'() {
        const [one, two] = [await agent({ args: ['--dry-run', '--config', config()] }), await agent({ args: ['--dry-run'] })];
        const between = await proxy(one.port);
        const page = await visit(`http://127.0.0.1:${between.port}${between.prefix}/`, { allowed: refusals });
        await isLive(page);
        await sees(page, 'check database is unavailable', '#events');
        between.cut();
        between.lead(two.port);
        await sees(page, '✖ connection lost', '#connection');
        between.mend();
        await isLive(page);
        await sees(page, 'Nothing has happened yet', '#events');
        await sees(page, 'There are no other checks than CPU and memory', '#checks');
        assert.equal(await page.locator('#checks h3', { hasText: 'database' }).count(), 0);
    },

    async 'a page that sleeps sleeps on after a failure'() {
        const { url, port } = await agent({ args: ['--dry-run', '--store', 'memory'] });
        const between = await proxy(port);
        const page = await visit(`http://127.0.0.1:${between.port}${between.prefix}/`, { allowed: refusals, clock: true });
        await isLive(page);
        await isSeen(page, false);
        await page.clock.fastForward(301000);
        while ((await streams(url)) > 0) await page.waitForTimeout(50);
        between.cut();
        const state = () => page.locator('#connection').getAttribute('class');
        await runUntil(page, async () => (await state()) === 'pill lost', 'it is lost');
        between.mend();
        await runUntil(page, async () => (await state()) === 'pill open', 'it is there again');
        assert.equal(await streams(url), 0, 'nobody looks');
        await isSeen(page, true);
        while ((await streams(url)) !== 1) await page.waitForTimeout(50);
    },

    async 'a silence is as long as it says, whatever time it is where the page is'() {
        const { url } = await agent({ args: ['--dry-run', '--api-token-file', tokens(), '--config', config()] });
        const page = await enter(url, WRITE, { clock: true });
        await page.clock.setSystemTime(Date.now() + 7200e3);
        await page.reload();
        await isLive(page);
        await page.getByRole('button', { name: 'Silence database' }).click();
        await page.locator('dialog').getByRole('button', { name: 'Silence' }).click();
        await sees(page, 'is silenced until', 'dialog');
        const { values } = await (await fetch(`${url}/suppressions`, { headers: { 'X-Auth-Token': READ } })).json();
        const minutes = (values[0].end_time - Date.now()) / 60000;
        assert.ok(minutes > 20 && minutes < 31, `${minutes} minutes of 30`);
    },
};
