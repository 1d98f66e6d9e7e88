//! Where the API listens, and who may use it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::cli::{Cli, variable};
use super::exposure::{self, Keystone, TlsFiles};
use super::options::{API, API_HOST, API_TLS_CERT, API_TOKEN, API_TOKEN_FILE, COLLECTD_SOCKET};
use super::preview;
use super::problems::{Blame, Problems};
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
    /// The files for TLS, where it is asked for.
    pub tls: Option<TlsFiles>,
    /// The service that knows further tokens, where there is one.
    pub keystone: Option<Box<Keystone>>,
}

/// The API of an agent that runs, for commands that ask it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentApi {
    pub address: ApiAddress,
    /// The file of its certificate, where it answers with TLS.
    pub certificate: Option<PathBuf>,
    pub token_file: Option<PathBuf>,
    pub token: Option<Secret>,
}

impl AgentApi {
    /// The one that is named; nothing where none is or a problem was noted.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let mut file = |option| {
            let typed = cli.value(option)?;
            problems.of_api(&typed, exposure::path)
        };
        let (certificate, token_file) = (file(API_TLS_CERT), file(API_TOKEN_FILE));
        let token = token(|name| std::env::var(name).ok(), problems);
        let is_insecure = exposure::is_insecure(cli, problems);
        let typed = cli.value(API)?;
        let address = problems.of_api(&typed, address)?;
        let is_far = |address: &SocketAddr| {
            let ip = address.ip();
            !ip.is_loopback() && !ip.is_unspecified()
        };
        let certificate = match &address {
            ApiAddress::Unix(_) => None,
            ApiAddress::Tcp(of) if is_far(of) && certificate.is_none() && !is_insecure => {
                let expected =
                    format!("an address that only this machine can reach: {ALLOWED}; {OF_CLIENT}");
                return problems.of_api(&typed, |_| Err(expected));
            }
            ApiAddress::Tcp(_) => certificate,
        };
        Some(Self { address, certificate, token_file, token })
    }
}

/// Where the API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port.
    Tcp(SocketAddr),
}

impl ApiSettings {
    /// What is set of the API; nothing where it is not asked for or a problem was noted.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let token_file = cli.value(API_TOKEN_FILE);
        let token_file = token_file.and_then(|typed| problems.of_api(&typed, exposure::path));
        let hosts = cli.values(API_HOST).into_iter();
        let hosts: Vec<_> = hosts.filter_map(|typed| problems.of_api(&typed, host)).collect();
        let token = token(|name| std::env::var(name).ok(), problems);
        let tls = TlsFiles::new(cli, problems);
        let keystone = Keystone::new(cli, problems).map(Box::new);
        let is_insecure = exposure::is_insecure(cli, problems);
        let typed = cli.value(API)?;
        let address = problems.of_api(&typed, address)?;
        let settings = Self { address, token_file, token, hosts, tls, keystone };
        // Nobody can reach it where it is not opened, and its token may be a variable of the service.
        if !preview::leaves(cli, API) {
            problems.of_api(&typed, |_| settings.reachable(is_insecure))?;
        }
        Some(settings)
    }

    /// Whether others than this machine can reach it.
    pub fn is_exposed(&self) -> bool {
        matches!(self.address, ApiAddress::Tcp(address) if !address.ip().is_loopback())
    }

    /// Refuses an address that others can reach where they could read what is sent, or where all of them may ask.
    fn reachable(&self, is_insecure: bool) -> Result<(), String> {
        if !self.is_exposed() {
            return Ok(());
        }
        if self.tls.is_none() && !is_insecure {
            return Err(format!("an address that only this machine can reach: {ALLOWED}; {CURE}"));
        }
        let has_client_ca = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let has_token = self.token_file.is_some() || self.token.is_some();
        match has_token || has_client_ca || self.keystone.is_some() {
            true => Ok(()),
            false => Err(WITHOUT_TOKENS.to_owned()),
        }
    }
}

/// The socket for clients of collectd, where there is to be one.
pub fn collectd_socket(
    cli: &Cli,
    api: Option<&ApiSettings>,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let typed = cli.value(COLLECTD_SOCKET)?;
    let path = problems.of_api(&typed, socket)?;
    if api.is_some_and(|api| api.address == ApiAddress::Unix(path.clone())) {
        let expected = "another path than that of --api, which speaks HTTP".to_owned();
        return problems.of_api(&typed, |_| Err(expected));
    }
    Some(path)
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", shown(&path.display().to_string())),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// `unix:` and a path, or an address with a port.
fn address(text: &str) -> Result<ApiAddress, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match is_of_socket(path) {
            true => Ok(ApiAddress::Unix(path.into())),
            false => Err(format!(
                "unix: and a path that begins with / and has at most {LONGEST_PATH} bytes"
            )),
        };
    }
    let address = text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>();
    match address {
        Ok(address) if address.port() == 0 => Err(format!("a port from 1 to 65535: {ALLOWED}")),
        Ok(address) => Ok(ApiAddress::Tcp(address)),
        Err(_) => Err(ALLOWED.to_owned()),
    }
}

/// A path alone.
fn socket(text: &str) -> Result<PathBuf, String> {
    let expected = || {
        let hint = if text.starts_with("unix:") { ", without unix:" } else { "" };
        format!("a path that begins with / and has at most {LONGEST_PATH} bytes{hint}")
    };
    is_of_socket(text).then(|| text.into()).ok_or_else(expected)
}

fn is_of_socket(path: &str) -> bool {
    path.starts_with('/') && path.len() <= LONGEST_PATH
}

const ALLOWED: &str = "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT";

const CURE: &str = "for another one set --api-tls-cert and --api-tls-key, or --api-insecure";

/// A token could be read on its way.
const OF_CLIENT: &str = "for another one name the certificate of the agent with --api-tls-cert";

const WITHOUT_TOKENS: &str = "tokens for an address that others can reach: set --api-token-file, \
     CLOUDWATCH_METRICS_AGENT_API_TOKEN, --keystone-url or --api-client-ca";

/// What the kernel takes as the path of a socket (unix(7)), with the zero at its end.
const LONGEST_PATH: usize = 107;

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
    fn an_address_has_a_port() {
        let tcp = |text: &str| ApiAddress::Tcp(text.parse().expect("an address"));
        for (text, expected) in [
            ("127.0.0.1:8125", tcp("127.0.0.1:8125")),
            ("127.9.9.9:1", tcp("127.9.9.9:1")),
            ("localhost:80", tcp("127.0.0.1:80")),
            ("[::1]:65535", tcp("[::1]:65535")),
            ("0.0.0.0:8080", tcp("0.0.0.0:8080")),
            ("unix:/run/agent.sock", ApiAddress::Unix("/run/agent.sock".into())),
        ] {
            assert_eq!(address(text), Ok(expected), "{text}");
        }
        for (text, reason) in [
            ("127.0.0.1:0", "a port from 1 to 65535"),
            ("0.0.0.0:0", "a port from 1 to 65535"),
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
    fn others_reach_an_address_by_tls_or_where_that_is_wanted_and_only_with_tokens() {
        let files = |ca: bool| TlsFiles {
            certificate: "/c".into(),
            key: "/k".into(),
            client_ca: ca.then(|| "/ca".into()),
        };
        let reachable = |address: &str, tls: Option<bool>, is_insecure, has_token: bool| {
            let settings = ApiSettings {
                address: super::address(address).expect("an address"),
                token_file: None,
                token: has_token.then(|| Secret("abcd-1234".to_owned())),
                hosts: Vec::new(),
                tls: tls.map(files),
                keystone: None,
            };
            settings.reachable(is_insecure)
        };
        for address in ["127.0.0.1:80", "[::1]:80", "unix:/x"] {
            assert_eq!(reachable(address, None, false, false), Ok(()), "{address}");
        }
        // An address of version 4 within one of version 6 is not taken for loopback.
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:127.0.0.1]:80"] {
            let refused = reachable(address, None, false, true).expect_err("no TLS");
            assert!(refused.starts_with("an address that only this machine can"), "{refused}");
            for (tls, is_insecure) in [(Some(false), false), (None, true), (Some(false), true)] {
                assert_eq!(reachable(address, tls, is_insecure, true), Ok(()), "{address}");
                let refused = reachable(address, tls, is_insecure, false).expect_err("no token");
                assert!(refused.starts_with("tokens for an address"), "{refused}");
            }
            assert_eq!(reachable(address, Some(true), false, false), Ok(()), "{address}");
        }
    }

    #[test]
    fn the_socket_for_clients_of_collectd_is_a_path_alone() {
        assert_eq!(socket("/run/agent/collectd.sock"), Ok("/run/agent/collectd.sock".into()));
        let expected = "a path that begins with / and has at most 107 bytes";
        for text in ["", "run.sock", &format!("/{}", "x".repeat(107))] {
            assert_eq!(socket(text), Err(expected.to_owned()), "{text:?}");
        }
        assert_eq!(socket("unix:/run/x"), Err(format!("{expected}, without unix:")));
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
