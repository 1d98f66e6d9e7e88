// What has happened, the newest first; what happens is put on top.

import { badge, byId, empty, h, once, put } from './dom.js';
import { known, on } from './live.js';
import { moment, several, when } from './words.js';

// So many are shown until more are asked for.
const FIRST = 20;
let most = FIRST;

const items = h('ol', { class: 'events', reversed: true });
const more = h('button', {
    type: 'button',
    onclick: () => {
        most += 100;
        show();
    },
});
const count = h('span', { class: 'dim' });
const none = empty(
    'Nothing has happened yet. Alarms and thresholds that change, checks that are lost and come back, and changes through the API are told here.',
);
byId('events').append(h('div', { class: 'title' }, h('h2', {}, 'Events'), count), none, items, more);

function item(of) {
    const change = of.state ? `${of.previous_state ? `${of.previous_state} → ` : ''}${of.state}` : '';
    const about = [of.kind, of.alarm_id ?? of.threshold_id, of.check_id, change].filter(Boolean).join(' · ');
    return h(
        'li',
        { value: null },
        h('time', { datetime: new Date(of.timestamp).toISOString(), title: moment(of.timestamp) }, when(of.timestamp)),
        ' ',
        badge(of.severity, of.severity),
        ' ',
        h('span', {}, of.message),
        ' ',
        h('span', { class: 'dim' }, about),
    );
}

const drawn = new WeakMap();

function show() {
    const all = known.events.slice(-most).reverse();
    none.hidden = all.length > 0;
    const elements = all.map((of) => {
        if (!drawn.has(of)) drawn.set(of, item(of));
        return drawn.get(of);
    });
    items.replaceChildren(...elements);
    const left = known.events.length - all.length;
    more.hidden = left <= 0;
    put(more, `Show ${Math.min(left, 100)} earlier ones`);
    put(count, several(known.events.length, 'event'));
}

on('events', once(show));
on('all', once(show));
