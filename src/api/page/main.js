// Begins: which part is shown, how it stands with the connection, and the token.

import { hasForgotten, setToken, token } from './api.js';
import { agentNow } from './clock.js';
import { ask, byId, endDialog, h, put, tell } from './dom.js';
import { connection, known, on, rest, start } from './live.js';
import { route } from './metric.js';
import './strip.js';
import './checks.js';
import './host.js';
import './events.js';
import { duration, time, when, zone } from './words.js';

const pill = byId('connection');
const retry = byId('retry');
const leave = byId('leave');

/** Asks for a token, and why. */
function askForToken(reason) {
    const field = h('input', {
        type: 'password',
        name: 'token',
        autocomplete: 'off',
        required: true,
        minlength: '8',
        // Nothing else can be sent.
        pattern: '[!-~]+',
        title: 'A token has letters, digits and signs of ASCII, and no blanks',
        autofocus: true,
    });
    const enter = (event) => {
        event.preventDefault();
        setToken(field.value.trim());
        endDialog();
    };
    const form = h(
        'form',
        { onsubmit: enter },
        hasForgotten()
            ? h('p', {}, 'Another agent answers at this address now. The token of before was not sent to it.')
            : null,
        h(
            'p',
            {},
            token()
                ? `The agent refuses the token of before: ${reason}.`
                : 'This agent answers only with a token. One with scope read shows everything; one with scope write also allows changes.',
        ),
        h('label', {}, 'Token ', field),
        h(
            'p',
            { class: 'dim' },
            'It is one of the lines of --api-token-file, the variable CLOUDWATCH_METRICS_AGENT_API_TOKEN, or a token of Keystone. It is kept for this tab only, and is gone when the tab is closed.',
        ),
        h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'Enter')),
    );
    // Escape closes it as well: then the same is asked again, because there is nothing to be seen without.
    ask('Token', [form], start);
}

leave.addEventListener('click', () => {
    rest();
    setToken(null);
    location.reload();
});
retry.addEventListener('click', start);

const WORDS = { connecting: '… connecting', open: '● live', polled: '● asking each 5 s', lost: '✖ connection lost', token: '? token needed' };

function showConnection() {
    const { state, reason, again, since } = connection;
    leave.hidden = !token();
    retry.hidden = !['lost', 'polled'].includes(state);
    document.body.classList.toggle('lost', state === 'lost');
    let text = WORDS[state];
    if (state === 'lost') {
        const left = again ? `; trying again in ${Math.max(0, Math.ceil((again - performance.now()) / 1000))} s` : '';
        text += `: ${reason}${left}. What is shown is of ${when(known.sampled ?? since)}`;
    } else if (state === 'polled') text += `: ${reason}`;
    else if (state === 'open' && known.sampled && known.agent) {
        const late = (agentNow() - known.sampled) / 1000;
        if (late > 20 + 10 * known.agent.sample_interval)
            text = `▲ no sample for ${duration(Math.round(late))}: see the log of the agent`;
    }
    put(pill, text);
    pill.className = `pill ${state}`;
    put(byId('clock'), known.sampled ? `${time(known.sampled)} ${zone()}` : zone());
}

let before = null;
let wasLost = false;
on('connection', () => {
    const { state, reason } = connection;
    showConnection();
    if (state !== before) {
        if (state === 'lost') tell(`The connection is lost: ${reason}. It is tried again.`);
        if (state === 'open' && wasLost) tell('Connected again.');
        wasLost = state === 'lost' || (wasLost && state !== 'open');
        if (state === 'token') askForToken(reason);
        before = state;
    }
});
on('values', (batch) => batch?.check === 'utilization' && showConnection());
setInterval(showConnection, 1000);

addEventListener('hashchange', route);
route();
start();
