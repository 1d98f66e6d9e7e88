//! The page for people, which asks all other resources by itself.

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY};
use ring::digest::{SHA256, digest};

use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;
use crate::api::state::State;

/// The page. It has nothing of what is measured, so whoever reaches the port may have it.
pub fn page(asked: &Asked) -> Result<Reply, Failure> {
    let reply = Reply::packed(PAGE, HTML);
    let reply = reply.with(CONTENT_SECURITY_POLICY, POLICY.to_owned());
    let reply = reply.with(REFERRER_POLICY, "no-referrer".to_owned());
    Ok(reply.with(X_AGENT, mark(&asked.state)))
}

/// By it the page knows, before it sends a token, whether the agent that has taken the token still answers.
pub const X_AGENT: HeaderName = HeaderName::from_static("x-agent");

/// A hash of what this agent is: one machine may have several. Whoever reaches the port gets it, and so not the names.
pub fn mark(state: &State) -> String {
    let of = (state.entity(), &state.service, &state.address);
    let hash = digest(&SHA256, format!("{of:?}").as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub const HTML: &str = "text/html;charset=utf-8";

/// Made by `build.rs`, compressed.
const PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));

/// It allows the script and the style of the page by their hashes, and requests to where it came from.
const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/page.policy"));
