//! Where the API listens, and who may use it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::cli::{Cli, variable};
use super::options::{API, API_HOST, API_TOKEN, API_TOKEN_FILE};
use super::problems::{Blame, Parse, Problems, wrong};
use super::typed::Typed;
use crate::model::Secret;
use crate::shown::shown;

/// What is set of the API, where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiSettings {
    pub address: ApiAddress,
    /// The file of the tokens.
    pub token_file: Option<PathBuf>,
    /// The token of the variable, which may read and write.
    pub token: Option<Secret>,
    /// Names of this machine in URLs, beside `localhost` and addresses.
    pub hosts: Vec<String>,
}

/// Where the API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port of loopback.
    Tcp(SocketAddr),
}

impl ApiSettings {
    /// What is set of the API; nothing where it is not asked for or a problem was noted.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let token_file = cli.value(API_TOKEN_FILE);
        let token_file = token_file.and_then(|typed| problems.of_api(&typed, path));
        let hosts = cli.values(API_HOST).into_iter();
        let hosts: Vec<_> = hosts.filter_map(|typed| problems.of_api(&typed, host)).collect();
        let token = token(|name| std::env::var(name).ok(), problems);
        let address = problems.of_api(&cli.value(API)?, address)?;
        Some(Self { address, token_file, token, hosts })
    }
}

impl Problems {
    /// A value of the API. In a file it is beside a command as if it was one of a check: only the API is left
    /// out.
    fn of_api<T>(&mut self, typed: &Typed, parse: Parse<T>) -> Option<T> {
        let wrong_as = |expected: String| wrong(&typed.origin, typed.shown(), &expected);
        let blame = if typed.is_in_file { Blame::Check } else { Blame::Typed };
        parse(&typed.text).map_err(|expected| self.note(blame, wrong_as(expected))).ok()
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", shown(&path.display().to_string())),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// `unix:` and a path, or an address of loopback with a port.
fn address(text: &str) -> Result<ApiAddress, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.starts_with('/') && path.len() <= LONGEST_PATH {
            true => Ok(ApiAddress::Unix(path.into())),
            false => Err(format!(
                "unix: and a path that begins with / and has at most {LONGEST_PATH} bytes"
            )),
        };
    }
    let address = text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>();
    match address {
        Ok(address) if address.port() == 0 => Err(format!("a port from 1 to 65535: {ALLOWED}")),
        Ok(address) if address.ip().is_loopback() => Ok(ApiAddress::Tcp(address)),
        Ok(_) => Err(format!("an address that only this machine can reach: {ALLOWED}")),
        Err(_) => Err(ALLOWED.to_owned()),
    }
}

const ALLOWED: &str = "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT";

/// What the kernel takes as the path of a socket (unix(7)), with the zero at its end.
const LONGEST_PATH: usize = 107;

fn path(text: &str) -> Result<PathBuf, String> {
    (!text.is_empty()).then(|| text.into()).ok_or_else(|| "the path of a file".to_owned())
}

/// A name as in a URL, without a port.
fn host(text: &str) -> Result<String, String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let text = text.trim();
    match !text.is_empty() && text.len() <= 253 && text.chars().all(is_of_name) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("the name of a host, without scheme and port, such as agent.local".to_owned()),
    }
}

/// The token of the variable. A problem does not show it.
fn token(read: impl Fn(&str) -> Option<String>, problems: &mut Problems) -> Option<Secret> {
    let name = variable(API_TOKEN);
    let text = read(&name).filter(|text| !text.is_empty())?;
    match is_token(&text) {
        true => Some(Secret(text)),
        false => {
            problems.note(Blame::Typed, format!("{name}: expected {EXPECTED_TOKEN}"));
            None
        }
    }
}

/// Whether it can be sent in a header as it is.
pub fn is_token(text: &str) -> bool {
    (SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What `is_token` wants.
pub const EXPECTED_TOKEN: &str =
    "a token of 8 to 1024 printable ASCII characters without blanks (its value is not shown)";

/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 8;

/// Far below what headers may have.
const LONGEST_TOKEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_can_reach_an_address() {
        let tcp = |text: &str| ApiAddress::Tcp(text.parse().expect("an address"));
        for (text, expected) in [
            ("127.0.0.1:8125", tcp("127.0.0.1:8125")),
            ("127.9.9.9:1", tcp("127.9.9.9:1")),
            ("localhost:80", tcp("127.0.0.1:80")),
            ("[::1]:65535", tcp("[::1]:65535")),
            ("unix:/run/agent.sock", ApiAddress::Unix("/run/agent.sock".into())),
        ] {
            assert_eq!(address(text), Ok(expected), "{text}");
        }
        for (text, reason) in [
            ("0.0.0.0:8080", "an address that only this machine can reach: unix:/PATH, 127.0.0.1"),
            ("[::]:8080", "an address that only this machine"),
            ("10.0.0.1:80", "an address that only this machine"),
            ("127.0.0.1:0", "a port from 1 to 65535"),
            ("127.0.0.1", "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT"),
            ("::1:80", "unix:/PATH"),
            (":8080", "unix:/PATH"),
            ("http://127.0.0.1:80", "unix:/PATH"),
            ("", "unix:/PATH"),
            ("unix:run.sock", "unix: and a path that begins with /"),
            (&format!("unix:/{}", "x".repeat(107)), "at most 107 bytes"),
        ] {
            let expected = address(text).expect_err("it is refused");
            assert!(expected.starts_with(reason) || expected.ends_with(reason), "{expected}");
        }
    }

    #[test]
    fn a_host_is_a_name_alone() {
        assert_eq!(host("Agent.Local").as_deref(), Ok("agent.local"));
        for text in ["", "http://x", "x:80", "x/y", "*", "a b", &"x".repeat(254)] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_token_can_be_sent_and_is_never_shown() {
        let token = |text: &str| {
            let mut problems = Problems::default();
            let found = token(|_| Some(text.to_owned()), &mut problems);
            (found, problems.to_string())
        };
        assert_eq!(token("abcd-1234"), (Some(Secret("abcd-1234".to_owned())), String::new()));
        assert_eq!(token(""), (None, String::new()));
        for text in ["short", "with blanks in it", "café-café", &"x".repeat(1025)] {
            let (found, problem) = token(text);
            let start = "CLOUDWATCH_METRICS_AGENT_API_TOKEN: expected a token of 8 to 1024 ";
            assert!(found.is_none() && problem.starts_with(start), "{problem}");
            assert!(!problem.contains(text), "{problem}");
        }
    }
}
