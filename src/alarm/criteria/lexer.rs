//! Cuts criteria into words, numbers, texts and signs.

use std::ops::Range;

use super::mistake::Mistake;
use super::words::quoted;

/// A piece of criteria, and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'t> {
    pub kind: Kind<'t>,
    pub at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'t> {
    Word(&'t str),
    /// Finite.
    Number(f64),
    /// What was in quotes, without its escapes.
    Text(String),
    Sign(&'static str),
    /// `:set`
    Set,
    End,
}

/// Reads one piece after another. It goes over the text once, so it takes as long as the text is.
pub struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next piece; the end again and again when there is none.
    pub fn token(&mut self) -> Result<Token<'t>, Mistake> {
        self.skip_blanks_and_comments()?;
        let start = self.at;
        let kind = match self.rest().chars().next() {
            None => Kind::End,
            Some(quote @ ('\'' | '"')) => self.text_in(quote)?,
            Some(':') => self.set()?,
            Some(_) if begins_number(self.rest()) => self.number()?,
            Some(letter) if is_of_word(letter) => Kind::Word(self.advance(word_end(self.rest()))),
            Some(other) => self.sign(other)?,
        };
        Ok(Token { kind, at: start..self.at })
    }

    /// What stands at a place.
    pub fn at(&self, place: Range<usize>) -> &'t str {
        &self.text[place]
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Goes on by so many bytes, and returns what stands there.
    fn advance(&mut self, bytes: usize) -> &'t str {
        let passed = &self.rest()[..bytes];
        self.at += bytes;
        passed
    }

    /// Says what is wrong with the next bytes.
    fn mistake(&self, bytes: usize, problem: &str) -> Mistake {
        let at = self.at..self.at + bytes;
        let message = format!("{}: {problem}", quoted(&self.text[at.clone()]));
        Mistake { at, message }
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), Mistake> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.advance(rest.len() - trimmed.len());
            if trimmed.starts_with('#') {
                self.advance(trimmed.find('\n').unwrap_or(trimmed.len()));
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    return Err(self.mistake(2, UNCLOSED_COMMENT));
                };
                self.advance(length + "/**/".len());
            } else {
                return Ok(());
            }
        }
    }

    fn text_in(&mut self, quote: char) -> Result<Kind<'t>, Mistake> {
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((place, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.advance(place + 1);
                    return Ok(Kind::Text(text));
                }
                '\\' => text.extend(letters.next().into_iter().flat_map(|(_, of)| escaped(of))),
                _ => text.push(letter),
            }
        }
        Err(self.mistake(1, &format!("the text that begins here has no end: expected {quote}")))
    }

    fn set(&mut self) -> Result<Kind<'t>, Mistake> {
        let length = 1 + word_end(&self.rest()[1..]);
        if &self.rest()[..length] != SET {
            return Err(self.mistake(length, "expected :set"));
        }
        self.advance(length);
        Ok(Kind::Set)
    }

    fn number(&mut self) -> Result<Kind<'t>, Mistake> {
        let rest = self.rest();
        let length = number_end(rest);
        let whole = length
            + rest[length..]
                .find(|c| !is_of_word(c) && c != '.')
                .unwrap_or_else(|| rest.len() - length);
        if whole > length {
            return Err(self.mistake(whole, NO_NUMBER));
        }
        let number = rest[..length].parse().ok().filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| self.mistake(length, TOO_LARGE))?;
        self.advance(length);
        Ok(Kind::Number(number))
    }

    fn sign(&mut self, first: char) -> Result<Kind<'t>, Mistake> {
        let rest = self.rest();
        // Of two signs with the same beginning the longer one is meant, so those of other languages come first.
        if let Some((sign, problem)) = OF_OTHERS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            return Err(self.mistake(sign.len(), problem));
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.advance(sign.len());
            return Ok(Kind::Sign(sign));
        }
        let problem = match first {
            '!' => "there is no !: use != or nregex, or turn the comparison around",
            '&' => "expected &&",
            '|' => "expected ||",
            '+' | '-' | '*' | '/' | '%' => {
                "there is no arithmetic: use percentage, rate or previous"
            }
            '‘' | '’' | '‚' | '“' | '”' | '„' | '«' | '»' | '`' | '´' => {
                "this does not enclose a text: use ' or \""
            }
            _ => "expected a word, a number, a text in quotes, or a sign such as == or &&",
        };
        Err(self.mistake(first.len_utf8(), problem))
    }
}

/// What a letter behind `\` stands for. Of all but these the `\` stays, because `\d` and `\.` are of regular
/// expressions, whose authors do not expect to write each `\` twice.
fn escaped(letter: char) -> impl Iterator<Item = char> {
    let (backslash, letter) = match letter {
        'n' => (None, '\n'),
        'r' => (None, '\r'),
        't' => (None, '\t'),
        '\\' | '\'' | '"' => (None, letter),
        other => (Some('\\'), other),
    };
    backslash.into_iter().chain([letter])
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn word_end(text: &str) -> usize {
    text.find(|letter| !is_of_word(letter)).unwrap_or(text.len())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Whether it begins as `5`, `-5`, `.5` or `-.5` does.
fn begins_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// How many bytes of a text that begins with a number are of that.
fn number_end(text: &str) -> usize {
    let mut end = usize::from(text.starts_with('-'));
    end += digits(&text[end..]);
    if let Some(fraction) = text[end..].strip_prefix('.')
        && let length @ 1.. = digits(fraction)
    {
        end += 1 + length;
    }
    if let Some(exponent) = text[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        if let length @ 1.. = digits(&exponent[sign..]) {
            end += 1 + sign + length;
        }
    }
    end
}

const SET: &str = ":set";

/// Longer ones before their beginnings.
const SIGNS: [&str; 17] =
    ["==", "!=", ">=", "<=", "&&", "||", "=", ">", "<", "(", ")", "{", "}", "[", "]", ",", ";"];

/// Signs of other languages, and what is meant.
const OF_OTHERS: [(&str, &str); 8] = [
    ("===", "expected =="),
    ("!==", "expected !="),
    ("=>", "expected >="),
    ("=<", "expected <="),
    ("<>", "expected !="),
    ("=~", "expected regex"),
    ("!~", "expected nregex"),
    ("//", "this begins no comment: use # or /* */"),
];

const UNCLOSED_COMMENT: &str = "the comment that begins here has no end: expected */";
const NO_NUMBER: &str = "expected a number without a unit, such as 5, -1.5 or 1e9";
const TOO_LARGE: &str = "expected a number up to 1.8e308";

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let mut lexer = Lexer::new(text);
        let next = || lexer.token().expect("a token").kind;
        std::iter::repeat_with(next).take_while(|kind| *kind != Kind::End).collect()
    }

    #[test]
    fn a_number_has_a_sign_a_fraction_and_an_exponent() {
        for (text, expected) in [
            ("-10000", -10000.0),
            (".8", 0.8),
            ("-.8", -0.8),
            ("1e9", 1e9),
            ("2.5E-3", 0.0025),
            ("1e+2", 100.0),
            ("18446744073709551615", 18_446_744_073_709_551_615.0),
        ] {
            assert_eq!(kinds(text), [Kind::Number(expected)], "{text}");
        }
    }

    #[test]
    fn a_backslash_stays_unless_it_escapes_a_quote_a_backslash_or_a_blank() {
        let text = |text: &str| Kind::Text(text.to_owned());
        assert_eq!(kinds(r#"'it\'s' "a \"b\"" '"'"#), [text("it's"), text("a \"b\""), text("\"")]);
        assert_eq!(kinds(r"'\d+\.\\.\n\t\r'"), [text("\\d+\\.\\.\n\t\r")]);
        assert_eq!(kinds(r"'\\'"), [text("\\")]);
    }

    #[test]
    fn comments_and_all_blanks_are_passed_over_and_not_in_texts() {
        let text = "# 'a'\r\n\u{a0}/* if\n# */b/**/c '# /* x */' # d";
        let expected = [Kind::Word("b"), Kind::Word("c"), Kind::Text("# /* x */".to_owned())];
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn signs_need_no_blanks() {
        let expected = [Kind::Sign(">="), Kind::Number(-1.0), Kind::Sign("&&"), Kind::Sign("(")];
        assert_eq!(kinds(">=-1&&("), expected);
        assert_eq!(kinds("<= =;")[1..], [Kind::Sign("="), Kind::Sign(";")]);
    }
}
