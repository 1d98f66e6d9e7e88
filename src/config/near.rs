//! The word that was most likely meant.

/// One of these words, if a typed one is near to it.
pub fn nearest<'word>(typed: &str, words: &[&'word str]) -> Option<&'word str> {
    let near = mistyped(typed, words);
    let typed = typed.to_lowercase().replace('_', "-");
    let is_part = |word: &&&str| {
        let mut parts = word.split('-');
        parts.any(|part| part == typed) || typed.split('-').any(|part| part == **word)
    };
    let is_beginning = |word: &&&str| typed.len() >= LEAST_BEGINNING && word.starts_with(&typed);
    near.or_else(|| words.iter().find(is_part).or_else(|| words.iter().find(is_beginning)).copied())
}

/// One of these words, if a typed one is it with few mistakes.
pub fn mistyped<'word>(typed: &str, words: &[&'word str]) -> Option<&'word str> {
    let spelt = |word: &str| word.to_lowercase().replace('_', "-");
    let typed = spelt(typed);
    let distance = |word: &&str| strsim::osa_distance(&typed, &spelt(word));
    let near = words.iter().min_by_key(|word| distance(word));
    // Two mistakes in three letters are another word.
    near.filter(|word| distance(word) <= MOST_MISTAKES.min(typed.len() / 2)).copied()
}

/// The same as the end of a sentence.
pub fn did_you_mean(typed: &str, words: &[&str]) -> String {
    nearest(typed, words).map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}

/// Letters that are wrong, missing, too many or changed places. More than that is another word.
const MOST_MISTAKES: usize = 2;

/// A shorter beginning is that of too many words.
const LEAST_BEGINNING: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_by_few_mistakes_a_part_or_its_beginning() {
        let words = ["cpu", "memory", "oom-kills", "network", "sample-interval"];
        for (typed, expected) in [
            ("CPU", Some("cpu")),
            ("memroy", Some("memory")),
            ("mem", Some("memory")),
            ("oom_kills", Some("oom-kills")),
            ("interval", Some("sample-interval")),
            ("net", Some("network")),
            ("disk", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &words), expected, "{typed:?}");
        }
        assert_eq!(did_you_mean("memroy", &words), "; did you mean memory?");
    }
}
