//! Tokens of the API, as the configuration sees them.

use futures_util::future::LocalBoxFuture;

/// Tokens in a file beside the configuration, which is read again with that.
pub trait Tokens {
    /// Reads the file, and changes nothing so far. The error says what is wrong with it.
    fn read(&self) -> LocalBoxFuture<'static, Result<Found, String>>;
}

/// What was read, to be put in force.
pub struct Found {
    /// Whether it is other than what is in force.
    pub is_new: bool,
    pub put: Box<dyn FnOnce()>,
}
