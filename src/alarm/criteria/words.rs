//! Words in messages.

/// A text in quotes, on one line, and cut where it is long.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTED) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The end of a sentence that names the word that was most likely meant, if one is near.
pub fn did_you_mean(typed: &str, words: &[&str]) -> String {
    if typed.chars().count() > LONGEST_QUOTED {
        return String::new();
    }
    let typed = typed.to_lowercase();
    let lower = words.iter().map(|word| (word, word.to_lowercase()));
    let near = lower.filter_map(|(word, lower)| {
        let mistakes = strsim::osa_distance(&typed, &lower);
        let is_beginning = typed.len() >= LEAST_BEGINNING && lower.starts_with(&typed);
        let is_near = mistakes <= MOST_MISTAKES.min(typed.len() / 2);
        (is_near || is_beginning).then_some((mistakes, word))
    });
    let nearest = near.min_by_key(|(mistakes, _)| *mistakes);
    nearest.map(|(_, word)| format!("; did you mean {word}?")).unwrap_or_default()
}

/// Characters of a foreign text in a message: enough to find it.
const LONGEST_QUOTED: usize = 60;

/// Letters that are wrong, missing, too many or changed places. More than that is another word.
const MOST_MISTAKES: usize = 2;

/// A shorter beginning is that of too many words.
const LEAST_BEGINNING: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_stays_on_one_line() {
        assert_eq!(quoted("a\n\"b\""), r#""a\n\"b\"""#);
        assert_eq!(quoted(&"é".repeat(60)), format!("{:?}", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(61)), format!("{:?}…", "é".repeat(60)));
    }

    #[test]
    fn the_nearest_word_is_named_as_it_is_written() {
        let words = ["metric", "percentage", "OK", "CRITICAL"];
        for (typed, expected) in [
            ("metrics", "; did you mean metric?"),
            ("percent", "; did you mean percentage?"),
            ("critcal", "; did you mean CRITICAL?"),
            ("ko", "; did you mean OK?"),
            ("x", ""),
            ("averages", ""),
        ] {
            assert_eq!(did_you_mean(typed, &words), expected, "{typed}");
        }
        assert_eq!(did_you_mean(&"m".repeat(100_000), &words), "");
    }
}
