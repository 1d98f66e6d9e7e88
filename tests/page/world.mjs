// What the page is tested in: agents with the real binary, an ECS task that never was, a proxy with a prefix, and Chromium.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { chromium } from 'playwright-core';

export const binary = process.env.BINARY;
export const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'page-'));

const ends = [];
export async function endAll() {
    for (const end of ends.reverse()) await end();
    fs.rmSync(folder, { recursive: true, force: true });
}

/** A port of loopback that is free and below those that the system gives to clients. */
let next = 20000 + (process.pid % 9000);
export async function freePort() {
    for (; ; next += 1) {
        const server = net.createServer();
        const isFree = await new Promise((told) =>
            server.once('error', () => told(false)).listen(next, '127.0.0.1', () => told(true)),
        );
        if (!isFree) continue;
        await new Promise((told) => server.close(told));
        return next++;
    }
}

/** A file below the folder of this run. */
export function file(name, text, mode = 0o600) {
    const at = path.join(folder, name);
    fs.writeFileSync(at, text, { mode });
    return at;
}

/** An agent that runs until the end, or until `end` is called. */
export async function agent({ args = [], env = {}, port } = {}) {
    const at = port ?? (await freePort());
    const log = [];
    const child = spawn(binary, ['--api', `127.0.0.1:${at}`, ...args], {
        env: { PATH: process.env.PATH, AWS_EC2_METADATA_DISABLED: 'true', ...env },
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text) => log.push(text));
    const exited = once(child, 'exit');
    const url = `http://127.0.0.1:${at}`;
    const end = async () => {
        if (process.env.PAGE_LOG) console.log(log.join(''));
        if (child.exitCode === null) child.kill('SIGKILL');
        await exited;
    };
    ends.push(end);
    // It answers this before anything else.
    for (;;) {
        const isUp = await fetch(`${url}/healthz`).then(
            () => true,
            () => false,
        );
        if (isUp) break;
        if (child.exitCode !== null) throw new Error(`the agent has ended: ${log.join('')}`);
        await new Promise((go) => setTimeout(go, 50));
    }
    return { url, port: at, pid: child.pid, end, log: () => log.join('') };
}

/** Memory of a process in kB that it shares with nothing. */
export function memory(pid) {
    const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
    return of('Private_Clean') + of('Private_Dirty');
}

function serve(answer) {
    const server = http.createServer(answer);
    return new Promise((up) =>
        server.listen(0, '127.0.0.1', () => {
            ends.push(() => {
                server.closeAllConnections();
                server.close();
            });
            up({ url: `http://127.0.0.1:${server.address().port}`, port: server.address().port });
        }),
    );
}

/**
 * The metadata endpoint of an ECS task of three containers, which use what a wave says; of memory some use so many bytes until
 * `use` says something else.
 */
export async function task(memory = {}) {
    const names = ['web', 'worker', 'log-router'];
    const started = Date.now();
    const used = names.map(() => 0);
    let before = started;
    const load = (place, seconds) =>
        [0.9 + 0.6 * Math.sin(seconds / 40), 0.25 + 0.2 * Math.sin(seconds / 15), 0.03][place];
    const { url } = await serve((asked, answer) => {
        const now = Date.now();
        names.forEach((_, place) => (used[place] += (load(place, now / 1000) * (now - before)) / 1000));
        before = now;
        const containers = names.map((Name) => ({
            DockerId: Name,
            Name,
            Type: 'NORMAL',
            KnownStatus: 'RUNNING',
            Limits: { CPU: 0, Memory: 1024 },
        }));
        const told = {
            TaskARN: 'arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef',
            Family: 'shop',
            Revision: '7',
            AvailabilityZone: 'eu-west-1a',
            Cluster: 'shop',
            LaunchType: 'FARGATE',
            KnownStatus: 'RUNNING',
            Limits: { CPU: 2, Memory: 3072 },
            Containers: containers,
        };
        const statistics = Object.fromEntries(
            names.map((name, place) => [
                name,
                {
                    read: new Date(now).toISOString(),
                    cpu_stats: { cpu_usage: { total_usage: Math.round(used[place] * 1e9) } },
                    memory_stats: {
                        usage: memory[name] ?? Math.round((200 + 300 * (2 - place) + 20 * Math.sin(now / 30000)) * 2 ** 20),
                        limit: 2 ** 30,
                        stats: { inactive_file: 0, active_file: 0 },
                    },
                },
            ]),
        );
        answer.setHeader('content-type', 'application/json');
        answer.end(JSON.stringify(asked.url.endsWith('/stats') ? statistics : told));
    });
    const env = { ECS_CONTAINER_METADATA_URI_V4: `${url}/v4/x` };
    return Object.defineProperty(env, 'use', { value: (other) => (memory = other) });
}

/** A proxy that has an agent below a prefix, and that can be cut off. */
export async function proxy(to, prefix = '/agents/one') {
    const state = { to, isCut: false, open: new Set() };
    // By port, the tokens that were sent there.
    const given = new Map();
    const { port } = await serve((asked, answer) => {
        if (state.isCut || !asked.url.startsWith(prefix)) return asked.socket.destroy();
        state.open.add(answer);
        const token = asked.headers['x-auth-token'];
        if (token) given.set(state.to, (given.get(state.to) ?? new Set()).add(token));
        const of = {
            host: '127.0.0.1',
            port: state.to,
            method: asked.method,
            path: asked.url.slice(prefix.length) || '/',
            headers: asked.headers,
        };
        const on = http.request(of, (got) => {
            answer.writeHead(got.statusCode, got.headers);
            got.pipe(answer);
        });
        on.on('error', () => asked.socket.destroy());
        answer.on('close', () => {
            state.open.delete(answer);
            on.destroy();
        });
        asked.pipe(on);
    });
    const cut = () => {
        state.isCut = true;
        for (const answer of state.open) answer.socket?.destroy();
    };
    const lead = (other) => (state.to = other);
    return { port, prefix, given, cut, lead, mend: () => (state.isCut = false) };
}

let browser;
const contexts = [];

/** Ends all pages that are open: those of one case would go on asking their agents beside the next ones. */
export async function closePages() {
    for (const context of contexts.splice(0)) {
        // A request that the page is given an answer to may be under way.
        await Promise.all(context.pages().map((page) => page.unrouteAll({ behavior: 'ignoreErrors' })));
        await context.close();
    }
}

/** A page of a browser of its own, which notes each error and each request to anywhere else. */
export async function visit(
    url,
    { dark = false, size = { width: 1280, height: 720 }, allowed = [], zone = 'Europe/Berlin', clock = false, ahead = 0 } = {},
) {
    browser ??= await chromium.launch({
        executablePath: process.env.CHROMIUM,
        args: ['--no-sandbox', '--disable-gpu'],
    });
    const context = await browser.newContext({
        viewport: size,
        colorScheme: dark ? 'dark' : 'light',
        timezoneId: zone,
        locale: 'en-GB',
        acceptDownloads: true,
        isMobile: size.width < 600,
        hasTouch: size.width < 600,
        reducedMotion: 'reduce',
    });
    contexts.push(context);
    const page = await context.newPage();
    if (clock) await page.clock.install();
    if (ahead) await page.clock.setSystemTime(Date.now() + ahead);
    const errors = [];
    const refused = [];
    page.on('console', (message) => {
        const text = message.text();
        if (['error', 'warning'].includes(message.type()) && !allowed.some((of) => of.test(text))) errors.push(text);
    });
    // What the console says of it has no address.
    page.on('response', (answer) => answer.status() >= 400 && refused.push(`${answer.status()} ${answer.url()}`));
    page.on('pageerror', (error) => errors.push(String(error)));
    const { host } = new URL(url);
    page.on('request', (request) => {
        const of = new URL(request.url());
        if (!['data:', 'blob:'].includes(of.protocol) && of.host !== host) errors.push(`a request to ${request.url()}`);
    });
    await page.goto(url);
    Object.assign(page, { errors, refused });
    return page;
}

ends.push(async () => browser?.close());
