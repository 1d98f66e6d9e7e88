// What the cases look at, and the agents that they look at it with.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';

import { agent, file, folder, task, visit } from './world.mjs';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const CONFIG = `
service: shop
namespace: MyApp
checks:
  disk: {type: agent.filesystem, period: 1, details: {target: /}}
  net: {type: agent.network, period: 1, details: {target: lo}}
  load: {type: agent.load_average, period: 1}
  database:
    type: remote.tcp
    period: 1
    details: {host: 127.0.0.1, port: 9}
    alarms:
      database-down: {criteria: "return new AlarmStatus(OK, 'it answers');"}
thresholds:
  memory-high: {check: utilization, metric: memory, warning_max: 95}
`;

export const READ = 'read-token-of-the-tests';
export const WRITE = 'write-token-of-the-tests';

/** The file of the checks; the database is to answer at this port, at which nothing does. */
export const config = (port = 9) => file(`agent-${port}.yaml`, CONFIG.replace('port: 9}', `port: ${port}}`));
export const tokens = () => file('tokens', `read ${READ}\nwrite ${WRITE}\n`);
export const refusals = [
    /status of 401/,
    /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_NETWORK/,
];

/** Waits until this is shown. */
export const sees = (page, text, at = 'body') => page.locator(at).getByText(text).first().waitFor({ timeout: 15000 });

/** Waits until a function of the page, with this argument, gives something. */
export const until = (page, what, of) => page.waitForFunction(what, of, { timeout: 20000 });

export const isLive = (page) => sees(page, '● live', '#connection');

/** Nothing in the console, no request to elsewhere, nothing that the policy refused. */
export function clean(page) {
    assert.deepEqual(page.errors, [], page.refused.join('\n'));
}

export async function isAccessible(page, name) {
    // The policy of the page lets no script in, so it comes by the debugger.
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
    const grave = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    assert.deepEqual(
        grave.map(
            ({ id, nodes }) =>
                `${name}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`,
        ),
        [],
    );
}

/** Points of ink of the chart of an element: canvases have no elements to look at. */
export const ink = (page, selector) =>
    page
        .locator(`${selector} canvas`)
        .first()
        .evaluate((canvas) => {
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
            return count;
        });

/** No part of the page is wider than the window, as soon as the charts have followed it. */
export async function fits(page) {
    const widths = () => page.evaluate(() => `${document.documentElement.scrollWidth} of ${innerWidth} points wide`);
    const isSo = () => document.documentElement.scrollWidth <= innerWidth;
    await page.waitForFunction(isSo, null, { timeout: 5000 }).catch(async () => assert.fail(await widths()));
}

export const now = Number(process.env.PAGE_NOW_MS);
const store = () => {
    const copy = `${folder}/history-${Math.random().toString(36).slice(2)}`;
    fs.cpSync(process.env.PAGE_STORE, copy, { recursive: true });
    fs.chmodSync(copy, 0o700);
    return copy;
};

const publishing = [
    '--publish',
    'cloudwatch',
    '--region',
    'eu-west-1',
    '--endpoint-url',
    'http://127.0.0.1:9',
    '--period',
    '60',
];

/** The task of three containers with two days of history. */
export async function shop(further = []) {
    const started = await agent({
        args: [
            '--config',
            config(),
            ...publishing,
            '--per-container',
            '--metrics',
            'cpu,memory,pressure',
            '--store',
            store(),
            '--api-token-file',
            tokens(),
            ...further,
        ],
        env: { ...(await task()), AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'none' },
    });
    // Until the history is open its points are answered 503, which the console tells.
    const plot = `${started.url}/entities/self/checks/utilization/metrics/memory/plot?from=${now - 60000}&to=${now}&resolution=FULL`;
    while ((await fetch(plot, { headers: { 'X-Auth-Token': READ } })).status !== 200)
        await new Promise((go) => setTimeout(go, 50));
    return started;
}

/** A page with a token. */
export async function enter(url, token, options) {
    const page = await visit(url, { allowed: refusals, ...options });
    await page.locator('input[name=token]').fill(token);
    await page.keyboard.press('Enter');
    await isLive(page);
    return page;
}
