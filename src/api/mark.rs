//! What shows that it is this agent that answers.

use hyper::header::HeaderName;
use ring::digest::{SHA256, digest};

use super::state::State;

/// Each answer has it. By it a client knows, before it sends a token, whether the agent that has taken the token still
/// answers, and a probe that it is an agent that does.
pub const X_AGENT: HeaderName = HeaderName::from_static("x-agent");

/// A hash of what this agent is: one machine may have several. Whoever reaches the port gets it, and so not the names.
pub fn mark(state: &State) -> String {
    let of = (state.entity(), &state.service, &state.address);
    let hash = digest(&SHA256, format!("{of:?}").as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
