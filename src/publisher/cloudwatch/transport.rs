//! HTTP and TLS, and which proxy is used.

use std::env;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use hyper::Uri;
use rustls::client::Resumption;

use super::disk;
use super::failure::out_of_resources;
use super::http::{Connector, Proxy, Reach};
use crate::config::{CaFile, is_http_url};
use crate::publisher::{Fact, Failure, PublishError};
use crate::roots::{self, Roots};

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
pub fn connector_that_trusts(trusted: &Roots) -> Result<SharedHttpConnector, PublishError> {
    let tls = roots::client();
    let tls = tls.map_err(|error| misconfigured(format!("cannot set up TLS: {error}")))?;
    let mut tls = tls.with_root_certificates(trusted.trusted()).with_no_client_auth();
    tls.resumption = Resumption::in_memory_sessions(MOST_SESSIONS);
    let reach = Reach { tls: Arc::new(tls), proxy: proxy()? };
    Ok(SharedHttpConnector::new(Connector::new(reach)))
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
fn proxy() -> Result<Option<Proxy>, PublishError> {
    let Some((name, value)) = first_set(PROXY_VARIABLES) else { return Ok(None) };
    // As for curl, a proxy without a scheme is an HTTP proxy.
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    // The value may hold a password, so it is not shown.
    let has_host = url.parse::<Uri>().is_ok_and(|url| url.host().is_some());
    if !is_http_url(&url) || !has_host {
        let expected = "expected a URL such as http://proxy.example:3128";
        return Err(misconfigured(format!("{name}: {expected}")));
    }
    let exceptions = first_set(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, list)| list);
    Ok(Some(Proxy::new(&url, &[&exceptions, ",", NEVER_PROXIED].concat())))
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

/// Of servers with TLS there are three at most: CloudWatch, STS and a proxy.
const MOST_SESSIONS: usize = 4;
