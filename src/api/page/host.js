// What the machine or container is and has, as tables. Each is read when it is opened.

import { get } from './api.js';
import { byId, empty, h, scrolled, table } from './dom.js';
import { on } from './live.js';
import { count, moment, shown, when } from './words.js';

const box = h('div', { class: 'host' });
byId('host').append(h('div', { class: 'title' }, h('h2', {}, 'Host info')), box);

const words = (name) => name.replaceAll('_', ' ');

const TIMES = [
    'idle',
    'irq',
    'nice',
    'soft_irq',
    'stolen',
    'sys',
    'user',
    'wait',
    'total',
    'time',
    'rtime',
    'wtime',
    'time_sys',
    'time_user',
    'time_total',
];

// What a field is in, by its type and its name, as docs/host-info.md has it.
function unitOf(type, field) {
    if (field.endsWith('percent')) return 'percent';
    if (field.endsWith('bytes') || (type === 'kernel_modules' && field === 'size')) return 'bytes';
    if (type === 'memory') return field === 'ram' ? 'megabytes' : field.includes('page') ? 'count' : 'bytes';
    if (type === 'filesystems') return ['total', 'used', 'free', 'avail'].includes(field) ? 'kilobytes' : 'count';
    if (type === 'processes' && ['memory_resident', 'memory_share', 'memory_size'].includes(field)) return 'bytes';
    if (['cpus', 'disks', 'processes'].includes(type) && TIMES.includes(field)) return 'milliseconds';
    if (type === 'date' && field === 'uptime') return 'seconds';
    return null;
}

/** A value as people read it; behind the pointer is the number itself. */
function cell(type, field, value) {
    if (typeof value !== 'number') return text(value);
    if (field === 'timestamp' || field === 'time_start_time') return moment(value);
    const unit = unitOf(type, field);
    return unit
        ? h('span', { title: String(value) }, unit === 'count' ? count(value) : shown(value, unit))
        : String(value);
}

function text(value) {
    if (value === null || value === undefined) return '';
    if (Array.isArray(value)) return value.map(text).join(', ');
    if (typeof value === 'object')
        return Object.entries(value)
            .map(([name, of]) => `${name} ${text(of)}`)
            .join(', ');
    return String(value);
}

/** Objects as a table; one alone as its fields, which would be too wide. */
function asTable(type, info) {
    const name = words(type);
    if (!info.length) return empty('There are none here.');
    if (info.length === 1)
        return table(
            name,
            ['field', 'value'],
            Object.entries(info[0]).map(([field, value]) => [words(field), cell(type, field, value)]),
        );
    const fields = [...new Set(info.flatMap(Object.keys))];
    // What tells them apart stands first.
    const first = ['name', 'id', 'pid', 'mount', 'dir_name', 'path'].find((field) => fields.includes(field));
    if (first) fields.sort((one, other) => (other === first) - (one === first));
    return table(
        name,
        fields.map(words),
        info.map((of) => fields.map((field) => cell(type, field, of[field]))),
    );
}

async function read(name, into) {
    into.replaceChildren(h('p', { class: 'dim' }, 'Reading …'));
    try {
        const { info, timestamp } = await get(`agents/self/host_info/${name}`);
        const again = h('button', { type: 'button', onclick: () => read(name, into) }, 'Read again');
        into.replaceChildren(
            h('p', { class: 'dim' }, `As of ${when(timestamp)}. `, again),
            scrolled(words(name), asTable(name, info)),
        );
    } catch (error) {
        into.replaceChildren(empty(`${error.message}.`));
    }
}

function fold(name) {
    const into = h('div');
    const open = ({ target }) => target.open && !into.hasChildNodes() && read(name, into);
    return h('details', { ontoggle: open }, h('summary', {}, words(name)), into);
}

let isShown = false;
on('other', () => {
    isShown = false;
    box.replaceChildren();
});
on('all', async () => {
    if (isShown) return;
    isShown = true;
    try {
        const { types } = await get('agents/self/host_info_types');
        box.replaceChildren(...types.map(fold));
    } catch {
        isShown = false;
    }
});
