//! Which servers are behind a proxy.

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// A proxy for HTTPS, and the servers that are reached without it.
#[derive(Debug)]
pub struct Proxy {
    matcher: Matcher,
    /// Exceptions of one port alone.
    at_ports: Vec<(u16, Matcher)>,
}

impl Proxy {
    /// `exceptions` is a list as in NO_PROXY: hosts and domains, addresses and networks, each for all ports or, with
    /// `:PORT` behind it, for that one.
    pub fn new(url: &str, exceptions: &str) -> Self {
        let without = |hosts: String| Matcher::builder().https(url.to_owned()).no(hosts).build();
        let (mut all, mut at_ports) = (Vec::new(), Vec::new());
        for entry in exceptions.split(',') {
            match split(entry.trim()) {
                (host, Some(port)) => at_ports.push((port, without(host.to_owned()))),
                (host, None) => all.push(host),
            }
        }
        Self { matcher: without(all.join(",")), at_ports }
    }

    /// The proxy that is before a server; nothing where it is reached without one.
    pub fn before(&self, url: &Uri, port: u16) -> Option<Intercept> {
        let through = self.matcher.intercept(url)?;
        let mut at_port = self.at_ports.iter().filter(|(of, _)| *of == port);
        at_port.all(|(_, matcher)| matcher.intercept(url).is_some()).then_some(through)
    }
}

/// The host of an exception, without brackets, and its port where it has one.
fn split(entry: &str) -> (&str, Option<u16>) {
    let (host, port) = match entry.rsplit_once(':') {
        // In an IPv6 address without brackets no colon is that of a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse().map_or((entry, None), |port| (host, Some(port)))
        }
        _ => (entry, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_with_a_port_is_one_at_that_port_alone() {
        let is_direct = |exceptions: &str, url: &str| {
            let url: Uri = url.parse().expect("a URL");
            let port = url.port_u16().unwrap_or(443);
            Proxy::new("http://proxy.example:3128", exceptions).before(&url, port).is_none()
        };
        for (exceptions, url, expected) in [
            ("x.example:8443", "https://x.example:8443", true),
            ("x.example:8443", "https://x.example", false),
            ("x.example:8443", "https://x.example:9443", false),
            ("x.example:8443", "https://y.example:8443", false),
            ("x.example:443", "https://x.example", true),
            ("a, x.example:8443 ,b", "https://www.x.example:8443", true),
            (".x.example:8443", "https://www.x.example:8443", true),
            ("x.example:8443", "https://notx.example:8443", false),
            ("x.example", "https://x.example:8443", true),
            ("x.example:80,x.example:8443", "https://x.example:8443", true),
            ("x.example:80,x.example", "https://x.example:8443", true),
            ("127.0.0.1:8443", "https://127.0.0.1:8443", true),
            ("127.0.0.1:8443", "https://127.0.0.1", false),
            ("10.0.0.0/8:8443", "https://10.1.2.3:8443", true),
            ("*:8443", "https://x.example:8443", true),
            ("*:8443", "https://x.example", false),
            ("[::1]:8443", "https://[::1]:8443", true),
            ("[::1]:8443", "https://[::1]", false),
            ("[::1]", "https://[::1]:8443", true),
            // The last part of an address is no port.
            ("fd00:ec2::254", "https://[fd00:ec2::254]", true),
            ("fd00:ec2::254", "https://[fd00:ec2::]:254", false),
            ("x.example:", "https://x.example", false),
            ("x.example:99999", "https://x.example", false),
            ("", "https://x.example", false),
        ] {
            assert_eq!(is_direct(exceptions, url), expected, "{exceptions:?} {url}");
        }
        assert!(is_direct("", "http://x.example"), "it is for HTTPS alone");
    }
}
