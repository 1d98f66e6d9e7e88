// Every check: how it stands, when it has run, and its newest values, each with a small chart.

import { buttons, silencedText } from './actions.js';
import { agentNow } from './clock.js';
import { badge, byId, empty, h, once, put } from './dom.js';
import { figureOf, hasHistory, known, oldText, on, paceOf, periodOf } from './live.js';
import { RESOLUTIONS, columns, points, stepOf } from './points.js';
import { Due, Recent, chartBox, small } from './small.js';
import { isLost, placeOf, silenceOf, troublesOf } from './troubles.js';
import { ago, digits, duration, several, shown, unavailableText, when } from './words.js';

// A check may have thousands of metrics. So many are shown until more are asked for.
const FIRST = 8;
const MORE = 100;

// What a small chart here looks back on, in seconds.
const HOUR = 3600;

const filter = h('input', { type: 'search', id: 'filter', autocomplete: 'off', oninput: once(() => showAll()) });
const note = h('span', { class: 'dim', role: 'status' });
const all = h('div', { class: 'checks' });
const rights = h('p', { class: 'dim' });
byId('checks').append(
    h('div', { class: 'title' }, h('h2', {}, 'Checks'), h('label', { for: 'filter' }, 'Find '), filter, note),
    rights,
    all,
);

/** Charts are read when they come into sight, so that thousands of them ask for nothing. */
const sight = new IntersectionObserver(
    (entries) => {
        for (const { target, isIntersecting } of entries) {
            target.metric.isSeen = isIntersecting;
            target.metric.load();
        }
    },
    { rootMargin: '100px' },
);

// One chart after the other: the agent answers others as well, and what was asked for by a page that is gone.
let turn = Promise.resolve();

class Row {
    constructor(check, metric) {
        Object.assign(this, { check, metric, recent: new Recent(HOUR), due: new Due(), isSeen: false });
        this.value = h('td', { class: 'value' });
        this.box = chartBox();
        const link = h('a', { href: `#metric?${new URLSearchParams({ check, metric })}` }, metric);
        this.element = h('tr', {}, h('th', { scope: 'row' }, link), this.value, h('td', {}, this.box));
        this.element.metric = this;
        this.draw = once(() => {
            if (this.recent.times.length)
                small(this.box, `${metric} of ${check}, the last hour`, this.recent, this.unit, agentNow() / 1000);
        });
        sight.observe(this.element);
    }

    load() {
        if (!this.isSeen || this.isText || !hasHistory()) return;
        if (!known.kept.has(`${this.check}/${this.metric}`) || !this.due.take()) return;
        turn = turn.then(() => this.read());
    }

    async read() {
        // It was scrolled past meanwhile, or is gone.
        if (!this.isSeen || !this.element.isConnected) return this.due.again();
        const now = agentNow();
        const period = periodOf(this.check);
        // Values that come often are read as averages: a small chart shows no more.
        const resolution = HOUR / period <= 720 ? RESOLUTIONS[0] : RESOLUTIONS[1];
        try {
            const found = await points(
                this.check,
                this.metric,
                now - HOUR * 1000,
                now,
                resolution,
                this.isCounter ? 'growth' : 'average',
            );
            const step = Math.max(period, stepOf(found, resolution, period));
            const { times, average } = columns(found, this.isCounter, step, resolution, now);
            this.recent.fill(times, average, paceOf(this.check));
        } catch {
            this.due.failed();
        }
        this.draw();
    }

    take(value) {
        const { value: now, unit } = figureOf(value);
        Object.assign(this, { unit, isCounter: value.kind === 'counter', isText: value.type === 's' });
        put(this.value, `${shown(now, unit)}${oldText(value)}`);
        this.value.classList.toggle('dim', value.stale);
        if (typeof now === 'number') this.recent.add(value.timestamp / 1000, now, paceOf(this.check));
        // There may be a history by now, or it was not to be had before.
        this.load();
        if (this.box.isConnected) this.draw();
    }
}

class Check {
    constructor(id) {
        Object.assign(this, { id, rows: new Map(), most: FIRST });
        this.state = h('span');
        this.facts = h('span', { class: 'dim' });
        this.buttons = h('span', { class: 'actions' });
        this.status = h('p', { class: 'cure', hidden: true });
        this.unavailableNames = h('summary');
        this.unavailableList = h('ul');
        this.unavailable = h('details', { hidden: true }, this.unavailableNames, this.unavailableList);
        this.alarms = h('ul', { class: 'troubles', hidden: true, 'aria-label': `Alarms of ${id}` });
        this.body = h('tbody');
        this.more = h('button', {
            type: 'button',
            hidden: true,
            onclick: () => {
                this.most += MORE;
                this.show();
            },
        });
        const head = h(
            'thead',
            { class: 'hidden' },
            h(
                'tr',
                {},
                ['metric', 'newest value', 'last hour'].map((text) => h('th', { scope: 'col' }, text)),
            ),
        );
        this.table = h('table', {}, h('caption', { class: 'hidden' }, `Newest values of ${id}`), head, this.body);
        this.element = h(
            'article',
            { class: 'panel', id: placeOf(id) },
            h('div', { class: 'title' }, h('h3', {}, id), this.state, this.facts, this.buttons),
            this.status,
            this.unavailable,
            this.alarms,
            this.table,
            this.more,
        );
    }

    get() {
        return known.checks.find(({ id }) => id === this.id);
    }

    show() {
        const check = this.get();
        if (!check) return;
        const run = known.runs.get(this.id);
        const isSampled = this.id === 'utilization';
        const states = {
            disabled: ['off', 'disabled'],
            sampled: ['ok', 'measured'],
            none: ['unknown', 'has not run yet'],
            yes: ['ok', 'available'],
            no: ['critical', 'not available'],
        };
        const state = check.disabled
            ? 'disabled'
            : isSampled
              ? 'sampled'
              : !run
                ? 'none'
                : run.available
                  ? 'yes'
                  : 'no';
        if (this.shownState !== state) {
            this.shownState = state;
            this.state.replaceChildren(badge(...states[state]));
        }
        const label = check.label !== check.id ? `${check.label} · ` : '';
        const last = run && !check.disabled ? ` · ran ${ago(run.timestamp)}, took ${duration(run.duration)}` : '';
        const silenced = silencedText(check);
        put(
            this.facts,
            `${label}${check.type} · each ${duration(check.period)}${last}${silenced ? ` · ${silenced}` : ''}`,
        );
        this.status.hidden = state !== 'no';
        if (run) put(this.status, `Unavailable since ${when(run.since)}: ${run.status}`);
        this.showUnavailable(isSampled ? known.agent.unavailable : (state === 'yes' && run.unavailable) || []);
        this.showAlarms(state === 'no' ? run.status : null);
        // The same buttons stay the same elements, so that the focus stays where it is.
        const acts = [check.disabled, check.active_suppressions, known.agent.access].join();
        if (acts !== this.acts) {
            this.acts = acts;
            this.buttons.replaceChildren(...buttons(check));
        }
        this.showValues();
    }

    /** Its alarms and thresholds that are not OK; what the check itself says stands there already. */
    showAlarms(said) {
        const found = troublesOf(this.id);
        const lines = found.map((of) => {
            const about = of.status && of.status !== said ? `: ${of.status}` : '';
            return `${of.name}${of.metric ? ` (${of.metric})` : ''}${about}${silenceOf(of)}`;
        });
        const key = JSON.stringify([lines, found.map(({ state }) => state)]);
        if (this.alarmed === key) return;
        this.alarmed = key;
        this.alarms.hidden = !found.length;
        this.alarms.replaceChildren(
            ...found.map(({ kind, state }, place) => h('li', {}, badge(kind, state), ` ${lines[place]}`)),
        );
    }

    /** Its metrics without a value, by their names; opened, with the reasons. */
    showUnavailable(all) {
        this.unavailable.hidden = !all.length;
        put(this.unavailableNames, `Unavailable: ${all.map(({ metric }) => metric).join(', ')}`);
        const texts = all.map((of) => `${of.metric}: ${unavailableText(of)}`);
        if (this.unavailableList.textContent !== texts.join('')) this.unavailableList.replaceChildren(...texts.map((text) => h('li', {}, text)));
    }

    /** Whether its type publishes this metric by default. */
    isFirst(metric) {
        return known.headlines.has(`${this.get()?.type}/${metric}`);
    }

    showValues() {
        const values = known.values.get(this.id) ?? new Map();
        const wanted = filter.value.trim().toLowerCase();
        const isOfCheck = this.id.toLowerCase().includes(wanted);
        const names = [...values.keys()]
            .filter((name) => isOfCheck || `${this.id}/${name}`.toLowerCase().includes(wanted))
            .sort((one, other) => this.isFirst(other) - this.isFirst(one) || (one < other ? -1 : 1));
        this.element.hidden = Boolean(wanted) && !isOfCheck && !names.length;
        const most = names.slice(0, this.most);
        for (const [name, row] of this.rows) {
            if (most.includes(name)) continue;
            sight.unobserve(row.element);
            row.element.remove();
            this.rows.delete(name);
        }
        most.forEach((name, place) => {
            if (!this.rows.has(name)) this.rows.set(name, new Row(this.id, name));
            const row = this.rows.get(name);
            row.take(values.get(name));
            if (this.body.children[place] !== row.element)
                this.body.insertBefore(row.element, this.body.children[place] ?? null);
        });
        this.table.hidden = !most.length;
        const left = names.length - most.length;
        this.more.hidden = left <= 0;
        put(this.more, `Show ${Math.min(left, MORE)} more of ${names.length}`);
        return names.length;
    }

    take(batch) {
        let isNew = false;
        const values = known.values.get(this.id);
        for (const { metric } of batch.values) {
            const row = this.rows.get(metric);
            if (row) row.take(values.get(metric));
            else isNew ||= this.rows.size < this.most;
        }
        if (isNew) this.showValues();
    }
}

const checks = new Map();

function showAll() {
    if (!known.agent) return;
    const ids = known.checks.map(({ id }) => id);
    for (const [id, check] of checks) {
        if (ids.includes(id)) continue;
        check.element.remove();
        checks.delete(id);
    }
    // What is not available first, then what has an alarm: it is what is looked for.
    const isAlarmed = ({ id }) => troublesOf(id).some(({ kind }) => kind !== 'off');
    const rank = (of) => (isLost(of) ? 0 : isAlarmed(of) ? 1 : 2);
    const order = [...known.checks].sort((one, other) => rank(one) - rank(other) || (one.id < other.id ? -1 : 1));
    order.forEach(({ id }, place) => {
        if (!checks.has(id)) checks.set(id, new Check(id));
        const check = checks.get(id);
        if (all.children[place] !== check.element) all.insertBefore(check.element, all.children[place] ?? null);
        check.show();
    });
    const lost = order.filter(isLost).length;
    const values = [...known.values.values()].reduce((sum, of) => sum + of.size, 0);
    const isNone = Boolean(filter.value.trim()) && order.every(({ id }) => checks.get(id).element.hidden);
    const found = isNone ? 'no check matches · ' : '';
    put(note, `${found}${several(order.length, 'check')}${lost ? `, ${lost} not available` : ''}, ${digits(values)} values`);
    put(
        rights,
        known.agent.access === 'write'
            ? ''
            : 'Nothing can be changed from here: that needs a token with scope write, or the unix socket.',
    );
    rights.hidden = known.agent.access === 'write';
    all.querySelector('.empty')?.remove();
    if (order.length <= 1) {
        all.append(
            empty(
                'There are no other checks than CPU and memory. A file of ',
                h('code', {}, '--config'),
                ' or ',
                h('code', {}, 'ctl add'),
                ' adds some: disks, networks, databases, ports, plugins.',
            ),
        );
    }
}

// What a link leads to is not hidden.
addEventListener('hashchange', () => {
    if (!filter.value || !location.hash.startsWith('#check-')) return;
    filter.value = '';
    showAll();
});
// What has come while there was no connection is in the history.
on('begun', () => {
    for (const { rows } of checks.values()) for (const { due } of rows.values()) due.again();
});
on('other', () => {
    all.replaceChildren();
    checks.clear();
});
on('all', showAll);
on('values', (batch) => {
    if (!batch) showAll();
    else checks.get(batch.check)?.take(batch);
});
