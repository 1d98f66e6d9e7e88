// What may be changed from here. Each asks first, and then shows what the API has answered, word for word.

import { call, ofCheck } from './api.js';
import { agentNow } from './clock.js';
import { ask, endDialog, h, tell } from './dom.js';
import { known, mayWrite, readSoon } from './live.js';
import { moment, when, zone } from './words.js';

// An agent without a folder for it keeps nothing that is changed from here.
const LOST = 'This lasts until the agent restarts: it runs without --state, which would keep it.';

/** The text of an answer. */
const answerText = (status, object) =>
    `${status}${object ? `\n${JSON.stringify(object, null, 2)}` : ' (no content: it is done)'}`;

/**
 * Asks, sends, and shows the answer. `request()` gives method, path and body at the time of sending; `fields` are further
 * questions.
 */
export function confirm({ title, about, word, fields = [], request, said, lasts = true }) {
    const why = h('input', { name: 'why', autocomplete: 'off', maxlength: '200' });
    const answer = h('div', { 'aria-live': 'polite' });
    const send = h('button', { type: 'submit', class: 'primary' }, word);
    const cancel = h('button', { type: 'button', onclick: endDialog }, 'Cancel');
    const submit = async (event) => {
        event.preventDefault();
        send.disabled = true;
        const { method, path, body } = request();
        const of = new URLSearchParams({ _who: 'the page', ...(why.value ? { _why: why.value } : {}) });
        let [kind, text, sentence] = ['done', '', ''];
        try {
            const { status, object } = await call(method, `${path}?${of}`, body);
            text = answerText(status, object);
            sentence = said?.(object, why.value) ?? '';
        } catch (error) {
            kind = 'refused';
            text = error.status
                ? answerText(error.status, error.object ?? { message: error.message })
                : `no answer: ${error.message}. It may be done all the same.`;
        }
        const pre = h('pre', { class: kind, tabindex: '0' }, text);
        answer.replaceChildren(
            h('h3', {}, kind === 'done' ? 'The agent has answered' : 'The agent has refused'),
            sentence ? h('p', { class: 'said' }, sentence) : '',
            sentence ? h('details', {}, h('summary', {}, 'The answer'), pre) : pre,
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
        lasts && !known.agent.kept ? h('p', { class: 'warning' }, LOST) : null,
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

/** Asks for how long nobody is to be notified of what this suppression is for. */
function silence(name, about, of) {
    const length = h(
        'select',
        { name: 'length' },
        LENGTHS.map(([minutes, words]) => h('option', { value: minutes }, words)),
    );
    confirm({
        title: `Silence ${name}`,
        about,
        word: 'Silence',
        fields: [h('label', {}, 'For ', length)],
        said: ({ end_time: end }, why) =>
            `${name} is silenced until ${moment(end)} ${zone()}, by the page${why ? `: ${why}` : ''}.`,
        request: () => ({
            method: 'POST',
            path: 'suppressions',
            body: {
                label: `${name}, by the page`,
                ...of,
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

/** Those of its active suppressions that name it, in this list, and so can be ended. */
const silencedBy = ({ id, active_suppressions: active }, list) =>
    known.suppressions.filter((of) => active.includes(of.id) && of[list].includes(id));

/** Whether a suppression names this alarm. */
export const isSilenced = (alarm) => silencedBy(alarm, 'alarms').length > 0;

/** Whether nobody is notified of a check or an alarm, as a text. */
export function silencedText({ active_suppressions: active }) {
    if (!active.length) return '';
    const ends = known.suppressions
        .filter(({ id }) => active.includes(id))
        .map(({ end_time: end }) => end);
    const until = ends.length && ends.every(Boolean) ? ` until ${when(Math.max(...ends))}` : '';
    return `silenced${until}`;
}

const button = (word, id, act) => h('button', { type: 'button', 'aria-label': `${word} ${id}`, onclick: act }, word);

/** The buttons of a check; none for those who may only read. */
export function buttons(check) {
    if (!mayWrite()) return [];
    const { id } = check;
    const all = [];
    if (id !== 'utilization') {
        if (check.disabled) all.push(button('Enable', id, change(id, 'enable', 'It runs again with its period.')));
        else
            all.push(
                button(
                    'Disable',
                    id,
                    change(
                        id,
                        'disable',
                        'It does not run any more until it is enabled. Its alarms say nothing meanwhile; its history stays.',
                    ),
                ),
            );
        all.push(
            button('Run once', id, () =>
                confirm({
                    title: `Run ${id} once`,
                    lasts: false,
                    about: 'It runs now, beside its period. The answer is its result.',
                    word: 'Run once',
                    request: () => ({ method: 'POST', path: ofCheck(id, 'test') }),
                }),
            ),
        );
    }
    const about = `Nobody is notified of the alarms and thresholds of ${id} for this long. They are evaluated and shown all the same.`;
    all.push(button('Silence', id, () => silence(id, about, { checks: [id] })));
    for (const of of silencedBy(check, 'checks')) all.push(endOf(of, id, 'its alarms and thresholds are told again'));
    return all;
}

const endOf = (suppression, name, what) =>
    button('End silence', name, () =>
        confirm({
            title: `End the silence of ${name}`,
            about: `From now on ${what}.`,
            word: 'End it',
            said: () => `The silence of ${name} has ended: from now on ${what}.`,
            request: () => ({ method: 'DELETE', path: `suppressions/${encodeURIComponent(suppression.id)}` }),
        }),
    );

/** The buttons of one alarm. */
export function alarmButtons(alarm) {
    if (!mayWrite()) return [];
    const { id, check_id: check } = alarm;
    const own = silencedBy(alarm, 'alarms');
    if (own.length) return own.map((of) => endOf(of, `alarm ${id}`, 'it is told again'));
    const about = `Nobody is notified of this alarm of ${check} for this long; of the other alarms of ${check} they are. It is evaluated and shown all the same.`;
    return [button('Silence', `alarm ${id}`, () => silence(`alarm ${id}`, about, { checks: [check], alarms: [id] }))];
}
