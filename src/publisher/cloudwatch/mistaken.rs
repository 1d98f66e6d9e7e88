//! The error of credentials that the user's mistakes are the reason of.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;

/// The user's mistakes, and the SDK's failure after them.
#[derive(Debug)]
pub struct Mistaken {
    pub mistakes: String,
    pub failure: CredentialsError,
}

impl fmt::Display for Mistaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes)
    }
}

impl Error for Mistaken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.failure)
    }
}
