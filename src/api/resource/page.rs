//! The page for people, which asks all other resources by itself.

use hyper::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};

use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::reply::Reply;

/// The page. It has nothing of what is measured, so whoever reaches the port may have it.
pub fn page(_: &Asked) -> Result<Reply, Failure> {
    let reply = Reply::packed(PAGE, HTML);
    let reply = reply.with(CONTENT_SECURITY_POLICY, POLICY.to_owned());
    Ok(reply.with(REFERRER_POLICY, "no-referrer".to_owned()))
}

pub const HTML: &str = "text/html;charset=utf-8";

/// Made by `build.rs`, compressed.
const PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));

/// It allows the script and the style of the page by their hashes, and requests to where it came from.
const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/page.policy"));
