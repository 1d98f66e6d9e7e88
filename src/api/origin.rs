//! Keeps pages of a browser on the same machine away: a page must not read this through a name that leads
//! here (DNS rebinding), nor send requests from elsewhere.

use std::net::IpAddr;

use hyper::header::{ACCEPT_LANGUAGE, HOST, HeaderMap, HeaderName, ORIGIN, REFERER};
use hyper::{Uri, Version};

use super::failure::Failure;

/// Which page a request comes from, as browsers say since 2023: `same-origin`, `same-site`, `cross-site`, or `none` of the user.
const SITE: &str = "sec-fetch-site";

/// Where it answers.
#[derive(Clone, Copy)]
pub struct Place {
    /// How its URLs begin.
    pub scheme: &'static str,
    /// At a socket, which a browser reaches only through a tunnel.
    pub is_unix: bool,
}

/// Refuses a request whose `Host` is none of this machine's, or that comes from a page of another one.
pub fn check(
    headers: &HeaderMap,
    uri: &Uri,
    version: Version,
    place: Place,
    names: &[String],
) -> Result<(), Failure> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (host, None) => host.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()),
        (_, Some(_)) => return Err(Failure::bad("Host is there twice: expected it once")),
    };
    if place.is_unix {
        // A tunnel takes a browser here as well, which has to name this machine. Other clients of a socket send all sorts
        // of things, but no name that a page could have been loaded from.
        match &host {
            Some(host) if is_of_browser(headers) || is_name(host) => own(host, names)?,
            _ => {}
        }
    } else {
        match &host {
            Some(host) => own(host, names)?,
            // No browser leaves it out.
            None if version == Version::HTTP_11 => {
                return Err(Failure::bad("Host is missing: HTTP/1.1 needs it"));
            }
            None => {}
        }
        // A proxy is asked with a whole URL.
        if let Some(authority) = uri.authority() {
            own(authority.as_str(), names)?;
        }
    }
    // The page itself may be linked to. No answer to another site is of use to it, but what is asked would be done.
    if headers.get(SITE).is_some_and(|site| site == "cross-site") && uri.path() != "/" {
        return Err(Failure::forbidden(
            "Sec-Fetch-Site cross-site: pages of another site may only link to /",
        ));
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let is_own = host.is_some_and(|host| {
        let of = origin.split_once("://").filter(|(scheme, _)| {
            // A proxy in front of this may speak TLS, under a name that is told here.
            let is_told = || without_port(&host).is_some_and(|name| is_one_of(name, names));
            *scheme == place.scheme || *scheme == "https" && is_told()
        });
        of.is_some_and(|(_, of)| of.eq_ignore_ascii_case(&host))
    });
    match is_own {
        true => Ok(()),
        false => Err(Failure::forbidden(format!(
            "Origin {origin:?}: pages of another origin may not use this"
        ))),
    }
}

/// Refuses a host that is neither an address nor one of these names.
fn own(host: &str, names: &[String]) -> Result<(), Failure> {
    let name = without_port(host).unwrap_or_default().to_ascii_lowercase();
    let is_address = name.parse::<IpAddr>().is_ok();
    if is_address || name == "localhost" || is_one_of(&name, names) {
        return Ok(());
    }
    Err(Failure::forbidden(format!(
        "Host {host:?}: expected an address, localhost or a name of --api-host"
    )))
}

fn is_one_of(name: &str, names: &[String]) -> bool {
    names.iter().any(|of| of.eq_ignore_ascii_case(name))
}

/// Whether a page could have been loaded from it, as a name server or a search list of names has it: all with a dot, whatever
/// signs it has beside letters. Paths, encoded or not, and single words, as clients of sockets send them, are none.
fn is_name(host: &str) -> bool {
    host.contains('.') && !host.contains(['/', '%'])
}

/// Whether a browser has sent it. `Sec-Fetch-…` and `Origin` are not in each request: a page of plain HTTP that reads what it
/// takes for its own server sends neither. But each has the languages of its user, which other clients do not send.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let is_of = |name: &HeaderName| name.as_str().starts_with("sec-fetch-");
    [ORIGIN, REFERER, ACCEPT_LANGUAGE].iter().any(|name| headers.contains_key(name))
        || headers.keys().any(is_of)
}

/// The name or address. Nothing where what follows is no port. Only URLs have brackets around an address of version 6.
fn without_port(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    let port = rest.strip_prefix(':');
    (rest.is_empty() || port.is_some_and(is_port)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(headers: &[(HeaderName, &str)], uri: &str, is_unix: bool) -> u16 {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value")));
        let (headers, uri) = (headers.collect(), uri.parse().expect("a URI"));
        let names = ["agent.local".to_owned()];
        let checked =
            check(&headers, &uri, Version::HTTP_11, Place { scheme: "http", is_unix }, &names);
        checked.map_or_else(|failure| failure.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_host_is_an_address_or_a_known_name() {
        for (host, expected) in [
            ("127.0.0.1:8080", 200),
            ("10.1.2.3", 200),
            ("[::1]:8080", 200),
            ("[::1]", 200),
            ("localhost:8080", 200),
            ("LOCALHOST", 200),
            ("Agent.Local:80", 200),
            ("evil.example", 403),
            ("localhost.evil.example:8080", 403),
            ("127.0.0.1.evil.example", 403),
            ("evil.example:127.0.0.1", 403),
            ("", 403),
        ] {
            assert_eq!(status(&[(HOST, host)], "/", false), expected, "{host:?}");
            // Through a tunnel; what is no name of a server is none that a page could have.
            let expected = if host.is_empty() { 200 } else { expected };
            assert_eq!(status(&[(HOST, host)], "/", true), expected, "{host:?}");
        }
        assert_eq!(status(&[], "/", false), 400);
        assert_eq!(status(&[(HOST, "localhost"), (HOST, "evil")], "/", false), 400);
        assert_eq!(status(&[(HOST, "localhost")], "http://evil.example/", false), 403);
        assert_eq!(status(&[(HOST, "localhost")], "http://localhost:1/", false), 200);
    }

    #[test]
    fn a_socket_has_no_name_that_a_page_could_have_been_loaded_from() {
        let language = (ACCEPT_LANGUAGE, "en");
        let mode = (HeaderName::from_static("sec-fetch-mode"), "cors");
        let referer = (REFERER, "http://evil:8091/");
        for (host, of_client, of_browser) in [
            ("a$b.evil.example", 403, 403),
            ("a!b.evil.example:8091", 403, 403),
            ("~*.evil.example", 403, 403),
            ("evil.", 403, 403),
            ("a_b.evil.example:x", 403, 403),
            ("evil", 200, 403),
            ("evil:8091", 200, 403),
            ("d", 200, 403),
            ("", 200, 403),
            ("%2Frun%2Fagent.sock", 200, 403),
            ("/run/agent.sock", 200, 403),
            ("localhost:8091", 200, 200),
            ("[::1]:8091", 200, 200),
            ("10.1.2.3", 200, 200),
            ("agent.local", 200, 200),
        ] {
            assert_eq!(status(&[(HOST, host)], "/", true), of_client, "{host:?}");
            for sign in [&language, &mode, &referer] {
                let headers = [(HOST, host), sign.clone()];
                assert_eq!(status(&headers, "/", true), of_browser, "{host:?} {sign:?}");
            }
        }
    }

    #[test]
    fn pages_of_another_site_may_only_link_to_the_page() {
        let site = HeaderName::from_static(SITE);
        for (of, path, expected) in [
            ("cross-site", "/", 200),
            ("cross-site", "/?x=1", 200),
            ("cross-site", "/agent", 403),
            ("cross-site", "/v1.0/x/agent", 403),
            ("same-site", "/agent", 200),
            ("same-origin", "/agent", 200),
            ("none", "/agent", 200),
        ] {
            for is_unix in [false, true] {
                let headers = [(HOST, "localhost"), (site.clone(), of)];
                assert_eq!(status(&headers, path, is_unix), expected, "{of} {path}");
            }
        }
    }

    #[test]
    fn an_origin_is_the_host_itself() {
        for (origin, expected) in [
            ("http://localhost:80", 200),
            ("http://LOCALHOST:80", 200),
            ("http://localhost", 403),
            ("https://localhost:80", 403),
            ("http://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            let headers = [(HOST, "localhost:80"), (ORIGIN, origin)];
            assert_eq!(status(&headers, "/", false), expected, "{origin:?}");
            assert_eq!(status(&headers, "/", true), expected, "{origin:?}");
        }
        assert_eq!(status(&[(ORIGIN, "http://x")], "/", true), 403);
        for host in ["d", "agent", "%2Frun%2Fagent.sock", "/run/agent.sock"] {
            assert_eq!(status(&[(HOST, host)], "/", true), 200, "{host:?}");
        }
        for (host, origin, expected) in [
            ("agent.local", "https://agent.local", 200),
            ("AGENT.local:81", "https://agent.LOCAL:81", 200),
            ("localhost", "https://localhost", 403),
            ("agent.local", "https://agent.local:81", 403),
        ] {
            assert_eq!(
                status(&[(HOST, host), (ORIGIN, origin)], "/", false),
                expected,
                "{origin:?}"
            );
        }
    }
}
