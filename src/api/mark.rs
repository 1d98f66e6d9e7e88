//! What shows that it is this agent that answers.

use hyper::header::{HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};

use super::state::State;

/// Each answer to a request has it. By it a client knows, before it sends a token, whether the agent that has taken the token still
/// answers, and a probe that it is an agent that does.
pub const X_AGENT: HeaderName = HeaderName::from_static("x-agent");

/// A hash of what this agent is: one machine may have several. Whoever reaches the port gets it, and so not the names.
pub fn mark(state: &State) -> HeaderValue {
    let of = (state.entity(), &state.service, &state.address);
    let hash = digest(&SHA256, format!("{of:?}").as_bytes());
    let number =
        hash.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    HeaderValue::from(number)
}
