// Requests to the API that this page came from. All paths are relative to the page, so that a proxy may put something in
// front of them.

const base = location.pathname.replace(/[^/]$/, '$&/');

// One address may lead to several agents: by their paths, or one after the other through a tunnel.
const TOKEN = `token ${base}`;
const kept = () => JSON.parse(sessionStorage.getItem(TOKEN) ?? '{}');

/** The token of this tab: it is gone with the tab. */
export const token = () => kept().token;

/** Keeps a token for the agent with this id; it is known when the agent has taken it. */
export function setToken(value, agent = null) {
    if (value) sessionStorage.setItem(TOKEN, JSON.stringify({ token: value, agent }));
    else sessionStorage.removeItem(TOKEN);
}

/**
 * Whether the token, if there is one, is of this agent. One of another agent is given up. An agent that is known may have
 * another id by now: at first it is the name of its host.
 */
export function isTokenOf(id, isKnown = false) {
    const { token: value, agent } = kept();
    const isOwn = isKnown || (agent ?? id) === id;
    if (value) setToken(isOwn && value, id);
    return !value || isOwn;
}

/** The API has answered, and not with what was asked for. */
export class Refused extends Error {
    constructor(status, message, object) {
        super(message);
        this.status = status;
        this.object = object;
    }
}

const headers = () => (token() ? { 'X-Auth-Token': token() } : {});

// The agent answers 16 requests at once, to all its clients. This page leaves most of them to others.
const AT_ONCE = 4;
let underWay = 0;
const waiting = [];

async function inTurn(work) {
    if (underWay >= AT_ONCE) await new Promise((go) => waiting.push(go));
    underWay += 1;
    try {
        return await work();
    } finally {
        underWay -= 1;
        waiting.shift()?.();
    }
}

const pause = (ms) => new Promise((go) => setTimeout(go, ms));

/** The answer to a request; throws `Refused` with the words of the API, and another error where there is no answer. */
export async function call(method, path, body) {
    const of = { method, headers: headers(), cache: 'no-store' };
    if (body !== undefined) {
        of.headers['Content-Type'] = 'application/json';
        of.body = JSON.stringify(body);
    }
    for (let tries = 1; ; tries += 1) {
        const answer = await inTurn(() => fetch(base + path, { ...of, signal: AbortSignal.timeout(30000) }));
        const text = await answer.text();
        if (answer.ok) return { status: answer.status, object: text ? JSON.parse(text) : null };
        // It is busy. What only reads may be asked again.
        if (answer.status === 503 && method === 'GET' && tries < 4) {
            await pause(Math.min(5, Number(answer.headers.get('Retry-After')) || 1) * 1000 * tries);
            continue;
        }
        let object = null;
        try {
            object = JSON.parse(text);
        } catch {
            // A proxy has answered, and not the agent.
        }
        throw new Refused(answer.status, object?.message ?? `${answer.status} ${answer.statusText}`, object);
    }
}

export const get = async (path) => (await call('GET', path)).object;

/** All items of a list, page by page. */
export async function list(path) {
    const all = [];
    const join = path.includes('?') ? '&' : '?';
    let marker = null;
    do {
        const next = marker === null ? '' : `&marker=${encodeURIComponent(marker)}`;
        const page = await get(`${path}${join}limit=1000${next}`);
        all.push(...page.values);
        marker = page.metadata.next_marker;
    } while (marker !== null);
    return all;
}

/** The path of something below a check. */
export const ofCheck = (check, rest) => `entities/self/checks/${encodeURIComponent(check)}/${rest}`;

// A stream sends at least a comment each 15 s. Where nothing comes for so long it is broken, whatever the network says.
const SILENCE = 40000;

/**
 * Follows server-sent events until `signal` is aborted or the connection ends, which throws. `EventSource` would do it, but
 * can send no token.
 */
export async function follow(path, signal, opened, event) {
    const own = new AbortController();
    const stop = () => own.abort();
    signal.addEventListener('abort', stop);
    let silence = setTimeout(stop, SILENCE);
    try {
        const answer = await fetch(base + path, { headers: headers(), cache: 'no-store', signal: own.signal });
        if (!answer.ok) {
            const object = await answer.json().catch(() => null);
            throw new Refused(answer.status, object?.message ?? answer.statusText, object);
        }
        opened();
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = '';
        for (;;) {
            const { done, value } = await reader.read();
            if (done) throw new Error('the stream has ended');
            clearTimeout(silence);
            silence = setTimeout(stop, SILENCE);
            const messages = (rest + value).split('\n\n');
            rest = messages.pop();
            for (const message of messages) {
                const fields = {};
                for (const line of message.split('\n')) {
                    const at = line.indexOf(': ');
                    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
                }
                if (fields.data) event(fields.event, JSON.parse(fields.data), fields.id);
            }
        }
    } finally {
        clearTimeout(silence);
        signal.removeEventListener('abort', stop);
    }
}
