//! Credentials of a role by the token of a web identity, as on EKS.
//!
//! The SDK would send the token as it is in its file, with the line break that an editor or `echo`
//! puts behind it, and STS would reject that.

use std::time::SystemTime;
use std::{env, io};

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_cloudwatch::config::{ProvideCredentials, Region, SharedHttpClient};
use log::debug;

use super::mistakes;

/// Asks STS for a role, where the environment names a token and the role.
#[derive(Debug)]
pub struct WebIdentity {
    pub http: SharedHttpClient,
    pub region: Option<Region>,
    pub profile: Option<String>,
}

impl WebIdentity {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        // After `not_loaded` the SDK's chain asks its next provider. Any other error ends the chain.
        let not_set = |name: &str| CredentialsError::not_loaded(format!("{name} is not set"));
        let file = set(mistakes::IDENTITY).ok_or_else(|| not_set(mistakes::IDENTITY))?;
        let role = set(mistakes::ROLE).ok_or_else(|| not_set(mistakes::ROLE))?;
        let token = mistakes::files::read(file.as_ref()).and_then(|token| {
            String::from_utf8(token).map_err(|error| io::Error::other(error.utf8_error()))
        });
        let token = token.map_err(CredentialsError::provider_error)?;
        let session = set("AWS_ROLE_SESSION_NAME").unwrap_or_else(session_name);
        let sts = aws_sdk_sts::Client::new(&self.loader().load().await);
        let request = sts.assume_role_with_web_identity().role_arn(role).role_session_name(session);
        let answer = request.web_identity_token(token.trim()).send().await;
        let answer = answer.map_err(CredentialsError::provider_error)?.credentials;
        let given = answer.ok_or_else(|| CredentialsError::unhandled("STS sent no credentials"))?;
        let until = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        let (key, secret) = (given.access_key_id, given.secret_access_key);
        Ok(Credentials::new(
            key,
            secret,
            Some(given.session_token),
            Some(until),
            "WebIdentityToken",
        ))
    }

    /// The configuration that the SDK's own client of STS would have.
    fn loader(&self) -> ConfigLoader {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(self.http.clone())
            .region(self.region.clone())
            .no_credentials();
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        debug!("asking STS for the web identity's role");
        loader
    }
}

/// Names this run where AWS lists who used the role.
fn session_name() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("web-identity-token-{}", since.as_millis())
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
