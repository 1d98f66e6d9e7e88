//! HTTP and TLS: which roots are trusted and which proxy is used.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::base64;
use log::{debug, warn};
use rustls_native_certs::CertificateResult;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::capped::Capped;
use super::failure::out_of_resources;
use super::names::{Names, was_refused};
use crate::publisher::{Failure, PublishError};
use crate::settings::is_http_url;

/// One connector for everything that the SDK asks for: CloudWatch, STS, and the endpoints of
/// credentials. Each connector of its own would parse the trusted roots again, and have to be
/// bounded again.
pub fn http_client() -> Result<SharedHttpClient, PublishError> {
    let tls = TlsContext::builder().with_trust_store(trust_store()?).build();
    let tls = tls.map_err(|error| misconfigured(format!("TLS cannot be set up: {error}")))?;
    let connector = Connector::builder()
        .connector_settings(
            HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build(),
        )
        .proxy_config(proxy()?)
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_with_resolver(Names);
    let connector = SharedHttpConnector::new(Capped(SharedHttpConnector::new(connector)));
    Ok(http_client_fn(move |_settings, _components| connector.clone()))
}

/// The roots of the system, which `SSL_CERT_FILE` and `SSL_CERT_DIR` may name; where it has none,
/// as in an empty image, those of Mozilla that were current when this was built.
///
/// They are loaded here and not by the SDK, which would keep them for good beside what it makes of
/// them, and would read a directory that holds the same ones again. It takes only what it can parse,
/// so one that is odd is left out here.
fn trust_store() -> Result<TrustStore, PublishError> {
    let found = system_roots();
    if let Some(error) = found.errors.iter().find(|error| was_refused(*error)) {
        // They are there, so others must not take their place.
        return Err(out_of_resources(format!("trusted roots: {error}")));
    }
    let mut roots = found.certs;
    if roots.is_empty() {
        debug!(
            "no trusted roots in this system, so {} bundled ones are used",
            TLS_SERVER_ROOT_CERTS.len()
        );
        roots = TLS_SERVER_ROOT_CERTS.to_vec();
    }
    let mut bundle = String::new();
    for root in roots.into_iter().filter(|root| webpki::anchor_from_trusted_cert(root).is_ok()) {
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        bundle.push_str(&base64::encode(root));
        bundle.push_str("\n-----END CERTIFICATE-----\n");
    }
    Ok(TrustStore::empty().with_pem_certificate(bundle))
}

/// The roots of the system: those of its bundle, or if that has none, all that can be found.
fn system_roots() -> CertificateResult {
    let mut found = bundle().map_or_else(CertificateResult::default, |file| {
        rustls_native_certs::load_certs_from_paths(Some(&file), None)
    });
    if found.certs.is_empty() {
        found = rustls_native_certs::load_native_certs();
    }
    for error in &found.errors {
        warn!("trusted roots: {error}");
    }
    found
}

/// The file that all trusted roots are in, unless a directory of them is asked for.
#[cfg(target_os = "linux")]
fn bundle() -> Option<PathBuf> {
    match (env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")) {
        (None, None) => openssl_probe::probe().cert_file,
        (file, None) => file.map(PathBuf::from),
        (_, Some(_)) => None,
    }
}

/// Elsewhere the roots lie in a store of the system's own.
#[cfg(not(target_os = "linux"))]
fn bundle() -> Option<PathBuf> {
    None
}

/// Which roots are trusted, for people.
pub fn describe_roots() -> String {
    match (system_roots().certs.len(), bundle()) {
        (0, _) => {
            format!("{} of Mozilla, bundled: the system has none", TLS_SERVER_ROOT_CERTS.len())
        }
        (count, Some(file)) => format!("{count} of the system, {}", file.display()),
        (count, None) => format!("{count} of the system"),
    }
}

/// Which proxy is used, for people. It may hold a password, so it is not shown.
pub fn describe_proxy() -> String {
    match first_set(PROXY_VARIABLES) {
        Some((name, _)) => format!("the one of {name}, but for the hosts of NO_PROXY"),
        None => "none".to_owned(),
    }
}

/// The proxy for HTTPS, from the usual variables. Plain HTTP goes direct: it is only used for
/// endpoints on this machine or link-local ones, the credentials' and metadata's among them,
/// which no proxy can reach.
fn proxy() -> Result<ProxyConfig, PublishError> {
    let Some((name, value)) = first_set(PROXY_VARIABLES) else {
        return Ok(ProxyConfig::disabled());
    };
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
    PublishError { kind: Failure::Misconfigured, causes, advice: None }
}

/// Where a proxy for HTTPS may be named; the first that is set counts.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The metadata services of EC2, ECS and EKS: link-local, whatever the scheme.
const NEVER_PROXIED: &str =
    "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23";

/// TCP and TLS together: three round trips, which even around the world take under a second.
/// After this the attempt has failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
