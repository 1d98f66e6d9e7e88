//! The providers of credentials in their order, and the error when none has any.

use std::sync::{Mutex, PoisonError};

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{Result, future};
use aws_sdk_cloudwatch::config::ProvideCredentials;

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
        future::ProvideCredentials::new(self.credentials())
    }
}

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
