//! URLs of HTTP and HTTPS.

use std::fmt;

use crate::config::is_http_url;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub is_https: bool,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Path and query, as they are sent.
    pub path: String,
}

impl Url {
    /// Of a setting. A password in it may not be shown, and so is refused without the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "url {}: expected one that begins with http:// or https://, such as https://www.example.com/status",
                shown(text)
            )
        };
        if !is_http_url(text) {
            return Err(expected());
        }
        if authority(text).contains('@') {
            return Err(
                "url: expected no user and password in it: there are details for them".to_owned()
            );
        }
        Self::of(text).ok_or_else(expected)
    }

    /// Of a text that is the URL of a server without a user.
    fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let authority = authority(text);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let default = if is_https { 443 } else { 80 };
        let port =
            port.filter(|port| !port.is_empty()).map_or(Some(default), |port| port.parse().ok())?;
        let host = match host.strip_prefix('[') {
            // An address of version 6, which alone has colons.
            Some(address) => address.strip_suffix(']').filter(|address| address.contains(':'))?,
            None => Some(host).filter(|host| !host.contains(':'))?,
        };
        let host = host.to_ascii_lowercase();
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if host.is_empty() || port == 0 || !host.chars().all(is_host) {
            return None;
        }
        let path = rest[authority.len()..].split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { is_https, host, port, path })
    }

    /// Where a `Location` leads from here.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        let location = encoded(location.trim());
        let location = location.split('#').next().unwrap_or_default();
        let expected =
            || format!("the redirect leads to {}, which is no URL of HTTP", shown(location));
        let has_scheme = location.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
        let scheme = if self.is_https { "https" } else { "http" };
        let whole = match location {
            "" => return Ok(self.clone()),
            whole if has_scheme => whole.to_owned(),
            rest if rest.starts_with("//") => format!("{scheme}:{rest}"),
            path => {
                let own = self.path.split('?').next().unwrap_or_default();
                let path = match path.chars().next() {
                    Some('/') => path.to_owned(),
                    Some('?') => format!("{own}{path}"),
                    _ => {
                        format!("{}/{path}", own.rsplit_once('/').map_or("", |(folder, _)| folder))
                    }
                };
                return Ok(Self { path: without_dots(&path), ..self.clone() });
            }
        };
        if authority(&whole).contains('@') {
            return Err("the redirect leads to a URL with a user".to_owned());
        }
        Self::of(&whole).ok_or_else(expected)
    }

    /// Host and port, as `Host` has them.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Whether what is a secret of this server may be sent to another URL: it is the same server, or that
    /// with TLS.
    pub fn shares_secrets_with(&self, other: &Self) -> bool {
        let is_same = (self.is_https, self.port) == (other.is_https, other.port);
        let is_safer = !self.is_https && self.port == 80 && other.is_https && other.port == 443;
        self.host == other.host && (is_same || is_safer)
    }
}

/// Without the query, in which there may be a secret.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let whole = format!("{scheme}://{}{}", self.authority(), self.path);
        f.write_str(&shown(&whole))
    }
}

/// A text that should be a URL, without what may be a secret, and not too long. What is wrong with it may be
/// that it has no scheme.
fn shown(text: &str) -> String {
    let text = match text.split_once(['?', '#']) {
        Some((before, _)) => format!("{}?***", crate::secret::device(before)),
        None => crate::secret::device(text),
    };
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The text with blanks and all that is not ASCII as `%` and two digits, as servers should have sent it.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A path without `.` and `..`.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let is_folder = path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}{query}", parts.join("/"))
}

/// How much of a URL an error shows.
const MOST_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (text, is_https, host, port, path) in [
            ("http://example.com", false, "example.com", 80, "/"),
            ("https://Example.com?x=1#top", true, "example.com", 443, "/?x=1"),
            ("http://[::1]:8080/a/b?c", false, "::1", 8080, "/a/b?c"),
            ("https://[fd00::2]/", true, "fd00::2", 443, "/"),
        ] {
            let (host, path) = (host.to_owned(), path.to_owned());
            assert_eq!(url(text), Url { is_https, host, port, path }, "{text}");
        }
        assert_eq!(url("http://[::1]:8080/").authority(), "[::1]:8080");
        assert_eq!(url("https://h:443/").authority(), "h");
    }

    #[test]
    fn what_is_no_url_is_an_error_without_its_secrets() {
        for text in [
            "",
            "example.com",
            "ftp://h/",
            "http://",
            "http://h:0/",
            "http://h:x/",
            "http://a b/",
            "http://h/é",
        ] {
            let error = Url::parse(text).expect_err("no URL");
            assert!(
                error.ends_with("expected one that begins with http:// or https://, such as https://www.example.com/status"),
                "{error}"
            );
        }
        for text in ["http://joe:hunter2@h/", "http:/joe:hunter2@h/", "ftp://h/?token=hunter2"] {
            let error = Url::parse(text).expect_err("no URL");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(url("http://h/a?token=hunter2").to_string(), "http://h/a?***");
    }

    #[test]
    fn a_redirect_is_resolved_where_it_was_found() {
        let base = url("http://h:8080/a/b/c?x");
        for (location, expected) in [
            ("https://other/y", "https://other/y"),
            ("HTTP://other", "http://other/"),
            ("//other:81/y?z", "http://other:81/y?z"),
            ("/y", "http://h:8080/y"),
            ("y", "http://h:8080/a/b/y"),
            ("../y/./z", "http://h:8080/a/y/z"),
            ("../../../y", "http://h:8080/y"),
            ("..", "http://h:8080/a/"),
            ("?y", "http://h:8080/a/b/c?y"),
            ("/y#z", "http://h:8080/y"),
            ("", "http://h:8080/a/b/c?x"),
            ("/a b/é", "http://h:8080/a%20b/%C3%A9"),
        ] {
            assert_eq!(base.join(location), Ok(url(expected)), "{location}");
        }
        for location in ["mailto:x", "ftp://h/", "http://u:p@h/", "http://h:99999/", "http://"] {
            assert!(base.join(location).is_err(), "{location}");
        }
    }

    #[test]
    fn secrets_stay_with_their_server() {
        let of = |from, to| url(from).shares_secrets_with(&url(to));
        assert!(of("http://h/a", "http://h/b"));
        assert!(of("http://h/", "https://h/"));
        for (from, to) in [
            ("https://h/", "http://h/"),
            ("http://h/", "http://g/"),
            ("http://h/", "http://h:8080/"),
            ("http://h:8080/", "https://h/"),
        ] {
            assert!(!of(from, to), "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", location in "[a/.:?#@ é]{0,12}") {
            if let Ok(url) = Url::parse(&text) {
                drop(url.join(&location));
            }
            let joined = url("http://h:1/a/b").join(&location);
            if let Ok(joined) = joined {
                prop_assert!(joined.path.starts_with('/'));
            }
        }
    }
}
