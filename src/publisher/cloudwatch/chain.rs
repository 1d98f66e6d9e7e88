//! The providers of credentials in their order, and the error when none has any.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{Result, future};
use aws_sdk_cloudwatch::config::ProvideCredentials;
use tokio::time::timeout;

use super::disk::{self, Checked};
use super::mistaken::Mistaken;
use super::mistakes;

/// The SDK's chain, whose error begins with the user's mistakes.
#[derive(Debug)]
pub struct Chain {
    providers: CredentialsProviderChain,
    profile: Option<String>,
    /// That of the client that this is a part of, for the credentials of its first send.
    checked: Mutex<Option<Checked>>,
}

impl Chain {
    pub fn of(
        providers: CredentialsProviderChain,
        profile: Option<String>,
        checked: Checked,
    ) -> Self {
        Self { providers, profile, checked: Mutex::new(Some(checked)) }
    }

    /// Not longer than an attempt of a request has: the SDK's own limit leaves no error of credentials, so that the
    /// endpoint would seem to have failed.
    async fn in_time(&self) -> Result {
        let found = timeout(LONGEST_SEARCH, self.credentials()).await;
        found.unwrap_or_else(|_| Err(CredentialsError::provider_error(TooLate)))
    }

    async fn credentials(&self) -> Result {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if checked.is_none() {
            // When credentials expire, the SDK reads the files again, and may hang then.
            let checked = disk::check(self.profile.as_deref()).await;
            checked.map_err(CredentialsError::provider_error)?;
        }
        let failure = match self.providers.provide_credentials().await {
            Ok(credentials) => return Ok(credentials),
            Err(failure) => failure,
        };
        // The SDK's error does not mention a file that it could not read or half a key pair, so these are
        // looked for here.
        let mistakes = mistakes::look(self.profile.as_deref()).all().join("; ");
        match mistakes.is_empty() {
            true => Err(failure),
            false => Err(CredentialsError::invalid_configuration(Mistaken { mistakes, failure })),
        }
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.in_time())
    }
}

/// A provider was asked, and does not answer.
#[derive(Debug)]
pub struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AWS credentials were not found within {LONGEST_SEARCH:?}")
    }
}

impl std::error::Error for TooLate {}

/// All providers together answer in a fraction of a second. An attempt of a request has 3 s, and one by OTLP 3.3 s.
const LONGEST_SEARCH: Duration = Duration::from_millis(2900);

/// Stands in the chain for a profile that cannot give credentials here, with the reason.
#[derive(Debug)]
pub struct Unsupported(pub String);

impl ProvideCredentials for Unsupported {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // Not `not_loaded`, after which the chain would ask its next provider.
        let reason = self.0.clone();
        future::ProvideCredentials::ready(Err(CredentialsError::invalid_configuration(reason)))
    }
}
