// The time of the agent. The clock of this machine may be wrong by hours, and may be set while the page is open, so of it only
// what passes counts.

let [at, since] = [Date.now(), performance.now()];

/** What time it is at the agent, in ms since 1970; before it was asked, what this machine says. */
export const agentNow = () => at + performance.now() - since;

/** Takes what the agent has answered to a question of this time, as `performance.now()` has it. */
export function setClock(timestamp, asked) {
    // It was that late somewhere between question and answer.
    [at, since] = [timestamp, (asked + performance.now()) / 2];
}
