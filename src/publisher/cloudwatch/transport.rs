//! HTTP and TLS, and which proxy is used.

use std::env;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::base64;

use super::capped::Capped;
use super::disk;
use super::dns::Resolver;
use super::failure::out_of_resources;
use crate::config::{CaFile, is_http_url};
use crate::publisher::{Fact, Failure, PublishError};
use crate::roots::Roots;

/// One connector for everything that the SDK asks for: CloudWatch, STS, and the endpoints of
/// credentials. Each connector of its own would parse the trusted roots again, and have to be
/// bounded again. With `ca_file` only what that has is trusted.
pub async fn connector(ca_file: Option<&CaFile>) -> Result<SharedHttpConnector, PublishError> {
    let ca_file = ca_file.cloned();
    let roots =
        disk::read(move || Roots::load_for(ca_file.as_ref())).await?.map_err(|unusable| {
            match unusable.passes {
                true => out_of_resources(unusable.to_string()),
                false => misconfigured(unusable.to_string()),
            }
        })?;
    roots.warn();
    connector_that_trusts(&roots)
}

/// What the SDK takes such a connector as.
pub fn client_of(connector: SharedHttpConnector) -> SharedHttpClient {
    http_client_fn(move |_settings, _components| connector.clone())
}

/// The same, with these roots.
pub fn connector_that_trusts(roots: &Roots) -> Result<SharedHttpConnector, PublishError> {
    let roots = TrustStore::empty().with_pem_certificate(to_pem(roots));
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let tls = tls.map_err(|error| misconfigured(format!("cannot set up TLS: {error}")))?;
    let connector = Connector::builder()
        .connector_settings(
            HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build(),
        )
        .proxy_config(proxy()?)
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_with_resolver(Resolver);
    Ok(SharedHttpConnector::new(Capped(SharedHttpConnector::new(connector))))
}

/// As the SDK takes them.
fn to_pem(roots: &Roots) -> String {
    let mut bundle = String::new();
    for root in roots.certificates() {
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        bundle.push_str(&base64::encode(root));
        bundle.push_str("\n-----END CERTIFICATE-----\n");
    }
    bundle
}

/// Which proxy is used, for people. It may hold a password, so it is not shown.
pub fn describe_proxy() -> Fact {
    match first_set(PROXY_VARIABLES) {
        Some((name, _)) => {
            let note = Some("except for the hosts in NO_PROXY".to_owned());
            Fact { note, ..Fact::known("proxy", format!("from {name}")) }
        }
        None => Fact::known("proxy", "none"),
    }
}

/// The proxy for HTTPS, from the usual variables. Plain HTTP goes direct: it is only used for
/// endpoints on this machine or link-local ones, the credentials' and metadata's among them,
/// which no proxy can reach.
fn proxy() -> Result<ProxyConfig, PublishError> {
    let Some((name, value)) = first_set(PROXY_VARIABLES) else {
        return Ok(ProxyConfig::disabled());
    };
    // As for curl, a proxy without a scheme is an HTTP proxy.
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    // The value may hold a password, so it is not shown.
    let not_a_url =
        || misconfigured(format!("{name}: expected a URL such as http://proxy.example:3128"));
    if !is_http_url(&url) {
        return Err(not_a_url());
    }
    let proxy = ProxyConfig::https(url.as_str()).map_err(|_| not_a_url())?;
    let exceptions = first_set(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, list)| list);
    Ok(proxy.no_proxy(exceptions + "," + NEVER_PROXIED))
}

fn first_set<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| {
        env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value))
    })
}

fn misconfigured(causes: String) -> PublishError {
    PublishError::new(Failure::Misconfigured, causes)
}

/// Where a proxy for HTTPS may be named; the first that is set counts.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The metadata services of EC2, ECS and EKS: link-local, whatever the scheme.
const NEVER_PROXIED: &str =
    "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23";

/// TCP and TLS together: three round trips, which even around the world take under a second.
/// After this the attempt has failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
