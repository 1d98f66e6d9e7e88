// What is wrong: alarms and metrics of thresholds that are not OK, and one line that sums up all of it.

import { isSilenced, silencedText } from './actions.js';
import { h, kindOf } from './dom.js';
import { known, on } from './live.js';
import { several } from './words.js';

/** What is not OK, the worst first, and last the alarms that are OK and silenced. */
export function troubles() {
    const ofAlarms = known.alarms
        .filter((alarm) => !alarm.disabled && alarm.state && (alarm.state !== 'OK' || isSilenced(alarm)))
        .map((alarm) => ({
            kind: alarm.state === 'OK' ? 'off' : kindOf(alarm.state),
            state: alarm.state,
            name: alarm.label,
            check: alarm.check_id,
            id: alarm.id,
            status: alarm.status,
            since: alarm.since,
            alarm,
        }));
    const ofThresholds = known.thresholds
        .filter(({ disabled }) => !disabled)
        .flatMap(({ label, not_ok: all }) =>
            // What was OK and has no value now is counted as unknown, and is no trouble by itself.
            all
                .filter(({ state }) => state && state !== 'OK')
                .map(({ check, metric, state, status, since, unknown }) => ({
                    kind: kindOf(state),
                    state,
                    name: label,
                    check,
                    metric,
                    status: unknown ? `${status} (now: ${unknown})` : status,
                    since,
                })),
        );
    const order = { critical: 0, warning: 1, unknown: 2, off: 3 };
    return [...ofAlarms, ...ofThresholds].sort(
        (one, other) => order[one.kind] - order[other.kind] || (other.since ?? 0) - (one.since ?? 0),
    );
}

let byCheck = new Map();

/** Those of a check. */
export const troublesOf = (id) => byCheck.get(id) ?? [];

/** Whether nobody is notified of it, behind a comma. A threshold is silenced with its check. */
export function silenceOf({ alarm, check }) {
    const of = alarm ?? known.checks.find(({ id }) => id === check);
    return of?.active_suppressions.length ? `, ${silencedText(of)}` : '';
}

/** The place of the card of a check in the page. */
export const placeOf = (id) => `check-${id}`;

/** A link to the card of a check. */
export const cardOf = (id) => h('a', { href: `#${encodeURIComponent(placeOf(id))}` }, id);

/** Whether a check that is enabled has failed. */
export const isLost = ({ id, disabled }) => !disabled && known.runs.get(id)?.available === false;

/** What is wrong, in one line with a link to each part; nothing where all is well. */
export const summary = h('p', { id: 'summary', class: 'critical', hidden: true });

let summed = '';
function sumUp() {
    const all = troubles();
    byCheck = new Map();
    for (const of of all) byCheck.set(of.check, [...troublesOf(of.check), of]);
    const bad = all.filter(({ kind }) => kind !== 'off');
    const silent = bad.filter(silenceOf).length;
    const lost = known.checks.filter(isLost).length;
    const failing = known.publishers.filter(({ failure }) => failure !== null).length;
    const are = (number) => (number === 1 ? 'is' : 'are');
    const parts = [
        bad.length && ['#alarms', `${several(bad.length, 'alarm')}${silent ? ` (${silent} silenced)` : ''}`],
        lost && ['#checks', `${lost} of ${several(known.checks.length, 'check')} ${are(lost)} not available`],
        failing && ['#publishers', `${several(failing, 'publisher')} ${are(failing)} failing`],
    ].filter(Boolean);
    // The same links stay, so that the focus stays where it is.
    const now = JSON.stringify(parts);
    if (now === summed) return;
    summed = now;
    summary.hidden = !parts.length;
    summary.replaceChildren(
        ...parts.flatMap(([href, text], place) => [place ? ' · ' : '', h('a', { href }, text)]),
    );
}

on('all', sumUp);
