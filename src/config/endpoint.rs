//! Which AWS: region, endpoint and profile.

/// `--region`: it becomes a part of the endpoint's host name.
pub fn region(text: &str) -> Result<String, String> {
    // The rules of a label of a host name (RFC 1035), with its 63 characters.
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_label) {
        return Err("a region such as eu-west-1".into());
    }
    // Its zones have a letter behind a number: eu-west-1a, us-west-2-lax-1a.
    let zone = text.strip_suffix(|last: char| last.is_ascii_lowercase());
    let zone = zone.filter(|zone| zone.ends_with(|last: char| last.is_ascii_digit()));
    let number = text.find(|letter: char| letter.is_ascii_digit());
    if let (Some(_), Some(number)) = (zone, number)
        && text[..number].matches('-').count() >= 2
    {
        let region = &text[..=number];
        return Err(format!("the region {region}, of which this is an availability zone"));
    }
    Ok(text.to_owned())
}

/// `--endpoint-url`.
pub fn url(text: &str) -> Result<String, String> {
    if !is_http_url(text) {
        return Err("a URL such as https://monitoring.eu-west-1.amazonaws.com".into());
    }
    Ok(text.to_owned())
}

/// The typed text with `***` in place of a user name and password, even if it is not a valid URL.
pub fn without_password(text: &str) -> String {
    let scheme = text.find("://").filter(|scheme| !text[..*scheme].contains('@'));
    let user = scheme.map_or(0, |scheme| scheme + "://".len());
    match text.rfind('@') {
        Some(at) if at > user => format!("{}***{}", &text[..user], &text[at..]),
        _ => text.to_owned(),
    }
}

/// Whether `text` is a URL of HTTP or HTTPS with a host, and with a port that is one if it has any.
/// The HTTP client replaces an invalid port by the default port, and so would connect to another
/// server.
pub fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(authority) = rest.and_then(|rest| rest.split(['/', '?', '#']).next()) else {
        return false;
    };
    let (_, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    // The colons within the brackets of an IPv6 address separate no port.
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && port.is_none_or(is_port) && text.chars().all(|c| c.is_ascii_graphic())
}

/// `--profile`. The files are read later, and with them it turns out whether it exists.
pub fn profile(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the name of a profile".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        assert_eq!(region("us-gov-east-1").as_deref(), Ok("us-gov-east-1"));
        for text in ["", "EU-WEST-1", "eu west", "eu/1", &"a".repeat(64)] {
            assert!(region(text).is_err(), "{text:?}");
        }
        let zone = "the region eu-west-1, of which this is an availability zone".to_owned();
        assert_eq!(region("eu-west-1a"), Err(zone));
        assert!(region("us-gov-west-1c").is_err());
        let local = "the region us-west-2, of which this is an availability zone".to_owned();
        assert_eq!(region("us-west-2-lax-1a"), Err(local));
        assert!(region("local-1a").is_ok(), "an endpoint of another kind may have any name");
    }

    #[test]
    fn a_password_is_not_shown_in_whatever_was_typed() {
        for (text, shown) in [
            ("https://user:word@x.example:y", "https://***@x.example:y"),
            ("user:word@x.example", "***@x.example"),
            ("http://user:w rd/@ss@x.example", "http://***@x.example"),
            ("user:word@https://x.example", "***@https://x.example"),
            ("x.example", "x.example"),
            ("@x.example", "@x.example"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }

    #[test]
    fn urls() {
        for text in [
            "http://127.0.0.1:5070",
            "https://x.example/path:1",
            "http://[::1]:80",
            "http://[::1]",
            "http://user:word@x.example:1",
        ] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "x.example",
            "ftp://x.example",
            "https://",
            "http:///x",
            "http://a b",
            "http://:80",
            "http://x:",
            "http://x:0",
            "http://x:99999",
            "http://x:y",
        ] {
            assert!(url(text).is_err(), "{text:?}");
        }
    }
}
