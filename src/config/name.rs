//! CloudWatch's rules for names (API reference of PutMetricData, `MetricDatum`, `Dimension`).

/// A namespace: 1 to 255 characters, and not in the part that is kept for AWS services.
pub fn namespace(text: &str) -> Result<String, String> {
    if text.starts_with("AWS/") {
        return Err("a namespace that does not begin with AWS/ (reserved for AWS services)".into());
    }
    plain(text, 255)
}

/// The name of a dimension: 1 to 255 characters.
pub fn dimension_name(text: &str) -> Result<String, String> {
    plain(text, 255)
}

/// The value of a dimension: 1 to 1024 characters.
pub fn dimension_value(text: &str) -> Result<String, String> {
    ascii(text, 1024)
}

fn plain(text: &str, longest: usize) -> Result<String, String> {
    if text.starts_with(':') {
        return Err("no colon at the start".into());
    }
    ascii(text, longest)
}

fn ascii(text: &str, longest: usize) -> Result<String, String> {
    if !text.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
        return Err("printable ASCII characters only".into());
    }
    if text.len() > longest {
        return Err(format!("at most {longest} characters, not {}", text.len()));
    }
    if text.trim().is_empty() {
        return Err("at least one character that is not a space".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_service_takes_them() {
        for text in ["A", "my app/web #1", "AWS", "x:y", &"n".repeat(255)] {
            assert_eq!(namespace(text).as_deref(), Ok(text));
            assert_eq!(dimension_name(text).as_deref(), Ok(text));
        }
        for text in [":x", "AWS/ECS", &"v".repeat(1024)] {
            assert_eq!(dimension_value(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn names_that_the_service_rejects() {
        for text in ["", "  ", ":x", "caf\u{e9}", "a\nb", "a\u{7f}", &"n".repeat(256)] {
            assert!(namespace(text).is_err(), "{text:?}");
            assert!(dimension_name(text).is_err(), "{text:?}");
        }
        assert!(namespace("AWS/ECS").is_err());
        // Two bytes each.
        let only_ascii = "printable ASCII characters only".to_owned();
        assert_eq!(namespace(&"\u{e9}".repeat(200)), Err(only_ascii));
        for text in ["", "\t", " ", "\u{3bb}", &"v".repeat(1025)] {
            assert!(dimension_value(text).is_err(), "{text:?}");
        }
    }
}
