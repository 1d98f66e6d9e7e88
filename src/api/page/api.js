// Requests to the API that this page came from. All paths are relative to the page, so that a proxy may put something in
// front of them.

const base = location.pathname.replace(/[^/]$/, '$&/');

// One address may lead to several agents: by their paths, or one after the other through a tunnel.
const TOKEN = `token ${base}`;
const kept = () => JSON.parse(sessionStorage.getItem(TOKEN) ?? '{}');

/** The token of this tab: it is gone with the tab. */
export const token = () => kept().token;

/** Keeps a token; of which agent it is, is known when that has taken it. */
export function setToken(value, agents = null) {
    if (value) sessionStorage.setItem(TOKEN, JSON.stringify({ token: value, agents }));
    else sessionStorage.removeItem(TOKEN);
}

/** The API has answered, and not with what was asked for. */
export class Refused extends Error {
    constructor(status, message, object) {
        super(message);
        this.status = status;
        this.object = object;
    }
}

// A hash of the id of the agent, which it gives to everyone with each answer.
const MARK = 'X-Agent';

// An agent may get another id while it runs: at first it is the name of its host.
const MOST_MARKS = 4;

// Who answers may be another one after each break, so it is asked for its mark before it gets the token.
let breaks = 0;
let isMet = false;
let meeting = null;
let isForgotten = false;

/** From now on somebody else may answer. */
export function distrust() {
    breaks += 1;
    [isMet, meeting] = [false, null];
}

/** Whether the token was given up because another agent answers. */
export const hasForgotten = () => isForgotten;

async function meet() {
    const of = breaks;
    const answer = await fetch(base, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(30000) });
    const mark = answer.headers.get(MARK);
    if (!mark) throw new Refused(0, `no agent answers at this address (${answer.status} ${answer.statusText})`);
    const { agents } = kept();
    if (agents && !agents.includes(mark)) {
        setToken(null);
        isForgotten = true;
    }
    isMet = of === breaks;
}

async function headers() {
    while (token() && !isMet) await (meeting ??= meet().finally(() => (meeting = null)));
    return token() ? { 'X-Auth-Token': token() } : {};
}

/** The agent has taken the token. */
function remember(mark) {
    const { token: value, agents } = kept();
    if (value && mark && !agents?.includes(mark)) setToken(value, [mark, ...(agents ?? [])].slice(0, MOST_MARKS));
    isForgotten = false;
}

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
    const of = { method, headers: {}, cache: 'no-store' };
    if (body !== undefined) {
        of.headers['Content-Type'] = 'application/json';
        of.body = JSON.stringify(body);
    }
    for (let tries = 1; ; tries += 1) {
        const answer = await inTurn(async () => {
            // Only now: while it waited for its turn, or after a pause, somebody else may answer.
            const all = { ...of.headers, ...(await headers()) };
            return fetch(base + path, { ...of, headers: all, signal: AbortSignal.timeout(30000) });
        });
        const text = await answer.text();
        if (answer.ok) {
            remember(answer.headers.get(MARK));
            return { status: answer.status, object: text ? JSON.parse(text) : null };
        }
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
        const answer = await fetch(base + path, { headers: await headers(), cache: 'no-store', signal: own.signal });
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
