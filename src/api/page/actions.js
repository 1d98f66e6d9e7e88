// What may be changed from here. Each asks first, and then shows what the API has answered, word for word.

import { call, ofCheck } from './api.js';
import { ask, endDialog, h, tell } from './dom.js';
import { agentNow, known, mayWrite, readSoon } from './live.js';
import { when } from './words.js';

/** The text of an answer. */
const answerText = (status, object) =>
    `${status}${object ? `\n${JSON.stringify(object, null, 2)}` : ' (no content: it is done)'}`;

/**
 * Asks, sends, and shows the answer. `request()` gives method, path and body at the time of sending; `fields` are further
 * questions.
 */
export function confirm({ title, about, word, fields = [], request }) {
    const why = h('input', { name: 'why', autocomplete: 'off', maxlength: '200' });
    const answer = h('div', { 'aria-live': 'polite' });
    const send = h('button', { type: 'submit', class: 'primary' }, word);
    const cancel = h('button', { type: 'button', onclick: endDialog }, 'Cancel');
    const submit = async (event) => {
        event.preventDefault();
        send.disabled = true;
        const { method, path, body } = request();
        const of = new URLSearchParams({ _who: 'the page', ...(why.value ? { _why: why.value } : {}) });
        let [kind, text] = ['done', ''];
        try {
            const { status, object } = await call(method, `${path}?${of}`, body);
            text = answerText(status, object);
        } catch (error) {
            kind = 'refused';
            text = error.status
                ? answerText(error.status, error.object ?? { message: error.message })
                : `no answer: ${error.message}. It may be done all the same.`;
        }
        answer.replaceChildren(
            h('h3', {}, kind === 'done' ? 'The agent has answered' : 'The agent has refused'),
            h('pre', { class: kind, tabindex: '0' }, text),
        );
        tell(kind === 'done' ? `${title}: done` : `${title}: refused`);
        send.remove();
        cancel.textContent = 'Close';
        cancel.focus();
        readSoon();
    };
    const form = h(
        'form',
        { onsubmit: submit },
        h('p', {}, about),
        fields,
        h('label', {}, 'Why (for the log and the events) ', why),
        answer,
        h('div', { class: 'buttons' }, cancel, send),
    );
    ask(title, [form]);
}

const LENGTHS = [
    ['30', '30 minutes'],
    ['60', '1 hour'],
    ['240', '4 hours'],
    ['1440', '1 day'],
];

function silence(check) {
    const length = h(
        'select',
        { name: 'length' },
        LENGTHS.map(([minutes, words]) => h('option', { value: minutes }, words)),
    );
    confirm({
        title: `Silence ${check}`,
        about: `Nobody is notified of the alarms and thresholds of ${check} for this long. They are evaluated and shown all the same.`,
        word: 'Silence',
        fields: [h('label', {}, 'For ', length)],
        request: () => ({
            method: 'POST',
            path: 'suppressions',
            body: {
                label: `${check}, by the page`,
                checks: [check],
                end_time: Math.round(agentNow()) + Number(length.value) * 60000,
            },
        }),
    });
}

const change = (check, what, about) => () =>
    confirm({
        title: `${what[0].toUpperCase()}${what.slice(1)} ${check}`,
        about,
        word: what === 'test' ? 'Run once' : what[0].toUpperCase() + what.slice(1),
        request: () => ({ method: 'POST', path: ofCheck(check, what) }),
    });

/** The suppression of a check that is active and that can be ended. */
const silencedBy = ({ id, active_suppressions: active }) =>
    known.suppressions.filter((of) => active.includes(of.id) && of.checks.includes(id));

/** Whether nobody is notified of a check, as a text. */
export function silencedText(check) {
    if (!check.active_suppressions.length) return '';
    const ends = known.suppressions
        .filter(({ id }) => check.active_suppressions.includes(id))
        .map(({ end_time: end }) => end);
    const until = ends.length && ends.every(Boolean) ? ` until ${when(Math.max(...ends))}` : '';
    return `silenced${until}`;
}

/** The buttons of a check; none for those who may only read. */
export function buttons(check) {
    if (!mayWrite()) return [];
    const { id } = check;
    const button = (word, act) => h('button', { type: 'button', 'aria-label': `${word} ${id}`, onclick: act }, word);
    const all = [];
    if (id !== 'utilization') {
        if (check.disabled) all.push(button('Enable', change(id, 'enable', 'It runs again with its period.')));
        else
            all.push(
                button(
                    'Disable',
                    change(
                        id,
                        'disable',
                        'It does not run any more until it is enabled. Its alarms say nothing meanwhile; its history stays.',
                    ),
                ),
            );
        all.push(
            button('Run once', () =>
                confirm({
                    title: `Run ${id} once`,
                    about: 'It runs now, beside its period. The answer is its result.',
                    word: 'Run once',
                    request: () => ({ method: 'POST', path: ofCheck(id, 'test') }),
                }),
            ),
        );
    }
    all.push(button('Silence', () => silence(id)));
    for (const of of silencedBy(check)) {
        all.push(
            button('End silence', () =>
                confirm({
                    title: `End the silence of ${id}`,
                    about: 'From now on its alarms and thresholds are told again.',
                    word: 'End it',
                    request: () => ({ method: 'DELETE', path: `suppressions/${encodeURIComponent(of.id)}` }),
                }),
            ),
        );
    }
    return all;
}
