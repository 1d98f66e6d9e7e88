//! The task metadata endpoint of ECS, version 4: plain HTTP to a link-local address.

use std::io;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;

use crate::http::request;

/// Where the endpoint is.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: String,
}

impl Endpoint {
    /// The endpoint of this process's container, if it runs in an ECS task.
    pub fn from_environment() -> Option<Self> {
        let base = std::env::var(VARIABLE).ok().filter(|base| !base.is_empty())?;
        Some(Self { base: base.trim_end_matches('/').to_owned() })
    }

    /// No endpoint, for a task that is asked for where there is none: each answer is the error.
    pub fn unset() -> Self {
        Self { base: format!("${VARIABLE}") }
    }

    /// The address of a resource.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The body of the answer, if it is a good one and comes in time.
    pub async fn get(&self, path: &str) -> io::Result<Bytes> {
        if self.base.starts_with('$') {
            return Err(io::Error::other("the variable is not set, so this is not an ECS task"));
        }
        request(Method::GET, &self.url(path), &[], TIMEOUT).await
    }
}

/// Set in each container of a task (Amazon ECS developer guide, task metadata endpoint version 4).
pub const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The endpoint answers in milliseconds. After this the last figures stay in use, and it is asked
/// again at the next poll.
const TIMEOUT: Duration = Duration::from_secs(2);
