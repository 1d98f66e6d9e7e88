//! An answer that is too long to be read.

use std::fmt;

use aws_smithy_runtime_api::client::result::ConnectorError;

use super::reach::Server;

/// An answer was longer than is allowed.
#[derive(Debug)]
pub struct TooLong {
    /// Of the server, without what may be a secret.
    address: String,
    most_bytes: usize,
}

impl TooLong {
    pub fn of(server: &Server, most_bytes: usize) -> Self {
        Self { address: server.to_string(), most_bytes }
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, most_bytes } = self;
        write!(f, "the answer of {address} is over the limit of {most_bytes} bytes")
    }
}

impl std::error::Error for TooLong {}

impl From<TooLong> for ConnectorError {
    fn from(error: TooLong) -> Self {
        Self::other(error.into(), None)
    }
}
