//! Which AWS: region, endpoint and profile.

/// `--region`: it becomes a part of the endpoint's host name.
pub fn region(text: &str) -> Result<String, String> {
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_label) {
        return Err("a region such as eu-west-1".into());
    }
    Ok(text.to_owned())
}

/// `--endpoint-url`.
pub fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', ':', '?', '#']).next()).unwrap_or_default();
    if host.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("a URL such as https://monitoring.eu-west-1.amazonaws.com".into());
    }
    Ok(text.to_owned())
}

/// `--profile`: whether it exists is found out when the files are read.
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
    }

    #[test]
    fn urls() {
        for text in ["http://127.0.0.1:5070", "https://x.example/path", "http://[::1]:80"] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in ["", "x.example", "ftp://x.example", "https://", "http:///x", "http://a b"] {
            assert!(url(text).is_err(), "{text:?}");
        }
    }
}
