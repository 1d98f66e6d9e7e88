// Elements of the page. Texts of the API are only ever set as texts, so nothing in them becomes markup.

/**
 * An element. Of `has`, `on…` are listeners and all else attributes; what is false, null or undefined is left out.
 */
export function h(name, has = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(has)) {
        if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
        else if (value === true) element.setAttribute(key, '');
        else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export function svg(name, has = {}, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(has)) element.setAttribute(key, value);
    element.append(...children);
    return element;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text where it is another one, so that screen readers and selections are left alone. */
export function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** Has a screen reader say it. */
export function tell(text) {
    put(byId('told'), text);
}

// A sign beside each state, because colours alone tell some people nothing.
const SIGNS = { ok: '✓', warning: '▲', critical: '✖', unknown: '?', off: '‖', info: '•' };

const KINDS = { OK: 'ok', WARNING: 'warning', CRITICAL: 'critical', FAILURE: 'critical' };

/** The kind of a state of an alarm or a threshold. */
export const kindOf = (state) => KINDS[state] ?? 'unknown';

/** A state, as a sign and a word. */
export const badge = (kind, word) =>
    h('span', { class: `badge ${kind}` }, h('span', { 'aria-hidden': 'true' }, `${SIGNS[kind]} `), word);

/** A table; the first of `rows` are its heads. */
export function table(caption, heads, rows) {
    const head = h(
        'tr',
        {},
        heads.map((text) => h('th', { scope: 'col' }, text)),
    );
    const body = rows.map((row) =>
        h(
            'tr',
            {},
            row.map((cell) => h('td', {}, cell ?? '')),
        ),
    );
    return h('table', {}, h('caption', { class: 'hidden' }, caption), h('thead', {}, head), h('tbody', {}, body));
}

/** A table that is wider than the page scrolls in its own box, by keys as well. */
export const scrolled = (label, of) =>
    h('div', { class: 'scrolled', tabindex: '0', role: 'region', 'aria-label': label }, of);

export const empty = (...what) => h('p', { class: 'empty' }, ...what);

const dialog = byId('dialog');
let closed = () => {};
dialog.addEventListener('close', () => closed());

/** Shows this in the dialog; `done` is called when it is closed, whoever does it. */
export function ask(title, content, done = () => {}) {
    closed = done;
    dialog.replaceChildren(h('h2', { id: 'dialog-title' }, title), ...content);
    if (!dialog.open) dialog.showModal();
}

export const endDialog = () => dialog.close();

/** Several calls within one frame are one. */
export function once(draw) {
    let waits = false;
    return () => {
        if (waits) return;
        waits = true;
        requestAnimationFrame(() => {
            waits = false;
            draw();
        });
    };
}
