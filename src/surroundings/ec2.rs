//! The metadata service of an EC2 instance, version 2: plain HTTP to a link-local address, or to
//! where the variables of the AWS SDKs say that it is.

use std::env;
use std::io;
use std::time::Duration;

use hyper::Method;

use crate::config::is_http_url;
use crate::surroundings::http::request;

/// Where the service is.
#[derive(Clone, Debug)]
pub struct InstanceEndpoint {
    base: String,
}

impl InstanceEndpoint {
    /// The service of this machine, whether or not it answers; an error where a variable forbids to ask
    /// it, or names no valid address.
    pub fn from_environment() -> io::Result<Self> {
        let base = base(|name| env::var(name).ok()).map_err(io::Error::other)?;
        Ok(Self { base })
    }

    /// The session token that each request needs (IMDSv2), valid for a minute.
    pub async fn token(&self) -> io::Result<String> {
        let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
        self.ask(Method::PUT, "/latest/api/token", lifetime).await
    }

    /// An entry of the instance's metadata.
    pub async fn metadata(&self, token: &str, path: &str) -> io::Result<String> {
        let path = format!("/latest/meta-data/{path}");
        self.ask(Method::GET, &path, ("x-aws-ec2-metadata-token", token)).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: (&'static str, &str),
    ) -> io::Result<String> {
        let url = format!("{}{path}", self.base);
        let body = request(method, &url, &[header], TIMEOUT).await?;
        Ok(String::from_utf8_lossy(&body).trim().to_owned())
    }
}

/// As the AWS SDK does it for region and credentials, so that all three ask the same service: the
/// endpoint wins over its mode.
fn base(variable: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if set(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(format!("{DISABLED} is true: unset it to use the EC2 metadata service"));
    }
    if let Some(url) = set(ENDPOINT) {
        return match url.starts_with("http://") && is_http_url(&url) {
            true => Ok(url.trim_end_matches('/').to_owned()),
            false => Err(format!("{ENDPOINT} {url:?}: expected a URL such as {BY_IPV4}")),
        };
    }
    match set(MODE) {
        None => Ok(BY_IPV4.to_owned()),
        Some(mode) if mode.eq_ignore_ascii_case("IPv4") => Ok(BY_IPV4.to_owned()),
        Some(mode) if mode.eq_ignore_ascii_case("IPv6") => Ok(BY_IPV6.to_owned()),
        Some(mode) => Err(format!("{MODE} {mode:?}: expected IPv4 or IPv6")),
    }
}

/// Variables of all AWS SDKs (SDKs and tools reference guide, IMDS client).
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

/// Amazon EC2 user guide, instance metadata.
const BY_IPV4: &str = "http://169.254.169.254";
const BY_IPV6: &str = "http://[fd00:ec2::254]";

/// The service is on the instance itself, and answers in milliseconds. After this it counts as not
/// there.
const TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn base_of(set: &[(&str, &str)]) -> Result<String, String> {
        base(|name| {
            let found = set.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_endpoint_is_link_local_unless_a_variable_names_another() {
        for (set, base) in [
            (&[][..], BY_IPV4),
            (&[(MODE, "ipv4")], BY_IPV4),
            (&[(MODE, "IPV6")], BY_IPV6),
            (&[(ENDPOINT, "http://127.0.0.1:1338/")], "http://127.0.0.1:1338"),
            (&[(ENDPOINT, "http://[::1]:80/x"), (MODE, "none")], "http://[::1]:80/x"),
            (&[(ENDPOINT, ""), (MODE, ""), (DISABLED, "")], BY_IPV4),
            // The SDK takes nothing but true for it.
            (&[(DISABLED, "1")], BY_IPV4),
        ] {
            assert_eq!(base_of(set).as_deref(), Ok(base), "{set:?}");
        }
    }

    #[test]
    fn a_variable_that_forbids_it_or_names_none_is_told() {
        for (set, reason) in [
            (&[(DISABLED, "true")][..], "AWS_EC2_METADATA_DISABLED is true"),
            (&[(DISABLED, "TRUE"), (ENDPOINT, "http://127.0.0.1")], "AWS_EC2_METADATA_DISABLED"),
            (&[(ENDPOINT, "https://x.example")], "\"https://x.example\": expected a URL such as"),
            (&[(ENDPOINT, "127.0.0.1:1338")], "AWS_EC2_METADATA_SERVICE_ENDPOINT \"127.0.0.1"),
            (&[(ENDPOINT, "http://x:y")], "expected a URL such as http://169.254.169.254"),
            (&[(MODE, "v6")], "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE \"v6\": expected IPv4 or"),
        ] {
            let error = base_of(set).expect_err("no endpoint");
            assert!(error.contains(reason), "{error}");
        }
    }
}
