//! Explains where to and with whose credentials it would publish, without sending anything to CloudWatch.

use std::time::Duration;

use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatch::config::{ProvideCredentials, Region, SharedHttpClient};
use tokio::time::timeout;

use super::address;
use super::client::{Client, answers, nobody, on_ecs};
use super::disk;
use super::failure::{self, causes};
use super::transport;
use crate::config::CaFile;
use crate::publisher::Fact;
use crate::roots::Roots;

/// The trusted roots and the proxy alone.
pub async fn facts_of_transport(ca_file: Option<&CaFile>) -> Vec<Fact> {
    let (_, trusted) = roots(ca_file).await;
    vec![trusted, transport::describe_proxy()]
}

/// Region, endpoint, credentials, trusted roots and proxy, each with its source. With `connecting` also
/// whether a server answers there.
pub async fn facts(client: &Client, connecting: bool) -> Vec<Fact> {
    let mut facts = vec![Fact::known("call", "PutMetricData")];
    if let Err(error) = client.check_files().await {
        facts.push(Fact::noted("files", error.to_string()));
        return facts;
    }
    let (roots, trusted) = roots(client.ca_file()).await;
    let http = match transport::connector_that_trusts(&roots) {
        Ok(connector) => transport::client_of(connector),
        Err(error) => {
            facts.push(Fact::noted("HTTP_client", format!("none: {error}")));
            return facts;
        }
    };
    let providers = ProviderConfig::without_region().with_http_client(http.clone());
    let region = client.region(&providers).await;
    match &region {
        Some((source, region)) => {
            let note = Some(format!("from {source}"));
            facts.push(Fact { note, ..Fact::known("region", region.to_string()) });
        }
        None => {
            // On ECS, `Client::region` does not ask the instance.
            let instance = if on_ecs() { "" } else { ", instance metadata" };
            let looked = format!("not found (looked in --region, environment, profile{instance})");
            let mut unknown = vec![looked];
            unknown.extend(client.mistakes().of_files);
            facts.push(Fact::noted("region", unknown.join("; ")).cured_by(failure::NO_REGION));
        }
    }
    let region = region.map(|(_, region)| region);
    facts.push(credentials(client, &http, region.clone()).await);
    match region {
        Some(region) => {
            let found = endpoint(client, http.clone(), region.clone()).await;
            let is_known = found.value.is_some();
            facts.push(found);
            if connecting && is_known {
                facts.push(connection(client, http, region).await);
            }
        }
        None => facts.push(Fact::noted("endpoint", "unknown: needs a region")),
    }
    facts.push(trusted);
    facts.push(transport::describe_proxy());
    facts
}

/// The trusted roots, as far as there are any, and where they are from.
async fn roots(ca_file: Option<&CaFile>) -> (Roots, Fact) {
    let ca_file = ca_file.cloned();
    let unknown = |why: String| (Roots::default(), Fact::noted(TRUSTED_ROOTS, why));
    match disk::read(move || Roots::load_for(ca_file.as_ref())).await {
        Ok(Ok(roots)) => {
            roots.warn();
            let note = roots.skipped();
            let known = Fact { note, ..Fact::known(TRUSTED_ROOTS, roots.origin()) };
            (roots, known)
        }
        // Of the other facts, only credentials from STS need trusted roots.
        Ok(Err(unusable)) => unknown(unusable.to_string()),
        Err(error) => unknown(error.to_string()),
    }
}

/// The provider that has credentials. Their values are not shown.
async fn credentials(client: &Client, http: &SharedHttpClient, region: Option<Region>) -> Fact {
    let mistakes = client.mistakes().all();
    let mut failures = mistakes.clone();
    for (name, provider) in client.credentials(http, region) {
        match timeout(CREDENTIALS_TIMEOUT, provider.provide_credentials()).await {
            Ok(Ok(_)) => {
                let note = (!mistakes.is_empty()).then(|| mistakes.join("; "));
                return Fact { note, ..Fact::known("credentials", name) };
            }
            Ok(Err(error)) => {
                failures.push(format!("{name}: {}", causes(&error)));
                // As the SDK's chain does: the next provider is asked only where this one has none.
                if !matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
                    break;
                }
            }
            Err(_) => failures.push(format!("{name}: no answer within {CREDENTIALS_TIMEOUT:?}")),
        }
    }
    let cure =
        if mistakes.is_empty() { failure::NO_CREDENTIALS.to_owned() } else { mistakes.join("; ") };
    Fact::noted("credentials", format!("not found; {}", failures.join("; "))).cured_by(cure)
}

/// The address that a request would go to. The request is stopped before it is sent.
async fn endpoint(client: &Client, http: SharedHttpClient, region: Region) -> Fact {
    // The address does not depend on the credentials.
    let sdk = client.with(http, region, nobody()).await;
    match address::of(&sdk).await {
        Ok(Some(address)) => Fact::known("endpoint", address),
        Ok(None) => Fact::noted("endpoint", "unknown"),
        Err(error) => Fact::noted("endpoint", format!("unknown: {}", causes(&error))),
    }
}

/// Whether a server answers at the endpoint: a request without data, by nobody, which CloudWatch refuses.
async fn connection(client: &Client, http: SharedHttpClient, region: Region) -> Fact {
    let sdk = client.with(http, region, nobody()).await;
    match answers(sdk.put_metric_data().send().await.err()) {
        Ok(()) => Fact::known("connection", "CloudWatch answers"),
        Err(error) => Fact::noted("connection", error.to_string()),
    }
}

const TRUSTED_ROOTS: &str = "trusted_roots";

/// How long each provider of credentials may take.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);
