//! The task metadata endpoint of ECS, version 4: plain HTTP to a link-local address.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use hyper::Method;

use crate::surroundings::http::{error_of, request};

/// Where the endpoint is.
#[derive(Clone, Debug)]
pub struct TaskEndpoint {
    base: String,
}

impl TaskEndpoint {
    /// The endpoint of this process's container, if it runs in an ECS task.
    pub fn from_environment() -> Option<Self> {
        let base = std::env::var(VARIABLE).ok().filter(|base| !base.is_empty())?;
        Some(Self { base: base.trim_end_matches('/').to_owned() })
    }

    /// The address of a resource.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The parsed answer, if its status is 200 and it comes in time. An error names the address.
    pub async fn get<T, E: Display>(
        &self,
        path: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> io::Result<T> {
        let url = self.url(path);
        let body = request(Method::GET, &url, &[], TIMEOUT).await?;
        parse(&body).map_err(|error| error_of(&url, error))
    }
}

/// The address of a resource where there is no endpoint, for people.
pub fn no_url(path: &str) -> String {
    format!("${VARIABLE}{path}")
}

/// The error of asking for a resource where there is no endpoint.
pub fn no_endpoint(path: &str) -> io::Error {
    error_of(&no_url(path), "the variable is not set: this is not an ECS task")
}

/// Set in each container of a task (Amazon ECS developer guide, task metadata endpoint version 4).
pub const VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The endpoint answers in milliseconds. After this the last figures stay in use, and it is asked
/// again at the next poll.
const TIMEOUT: Duration = Duration::from_secs(2);
