//! The words of a command, with quotes as collectd has them.

/// The words of a line. The error is what is wrong with it.
pub fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // Also within a word: message="all is well".
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' if is_quoted => {
                let next = letters.next().ok_or("Backslash at end of string.")?;
                word.get_or_insert_default().push(next);
            }
            _ if letter.is_ascii_whitespace() && !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if is_quoted {
        return Err("Unterminated quoted string.");
    }
    words.extend(word);
    Ok(words)
}

/// Name and value of a word that is an option.
pub fn option(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    (!name.is_empty() && name.chars().all(is_of_name)).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_apart_by_blanks_that_are_not_quoted() {
        for (line, expected) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("LISTVAL", &["LISTVAL"]),
            ("  GETVAL\tbox/load/load ", &["GETVAL", "box/load/load"]),
            (r#"GETVAL "box/my plugin/gauge-sp ace""#, &["GETVAL", "box/my plugin/gauge-sp ace"]),
            (r#"message="hello \"world\" \\" a"#, &[r#"message=hello "world" \"#, "a"]),
            (r#"a\b "" c"#, &[r"a\b", "", "c"]),
        ] {
            assert_eq!(words(line).expect(line), expected, "{line}");
        }
        assert_eq!(words(r#"PUTVAL "box/tt/gauge-a N:1"#), Err("Unterminated quoted string."));
        assert_eq!(words("a \"b\\"), Err("Backslash at end of string."));
    }

    #[test]
    fn an_option_has_a_plain_name() {
        assert_eq!(option("interval=1"), Some(("interval", "1")));
        assert_eq!(option("meta:k=v=w"), Some(("meta:k", "v=w")));
        for word in ["N:1", "=1", "a b=1", "ü=1"] {
            assert_eq!(option(word), None, "{word}");
        }
    }
}
