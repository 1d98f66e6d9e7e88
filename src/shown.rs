//! Makes a foreign text fit to be shown: the message of a service, a page of a proxy, a name in the
//! metadata of a task, a line of a file.
//!
//! Every text in the log, an explanation or the live view passes through here. So a text from
//! outside cannot start a new log line, control the terminal or fill the disk, and passwords in
//! URLs are hidden.

use std::borrow::Cow;

use crate::writable::PIPE_BUF;

/// The text on one line, of [`MOST`] bytes at most. Characters that control a terminal, or that
/// change the order or the place of others, are escaped as in Rust. Of a text that is too long the
/// middle is left out: the cause stands at its beginning, and what to do about it at its end.
pub fn shown(text: &str) -> String {
    let text = without_passwords(text);
    if end_of_head(&text, MOST) == text.len() {
        return escape(&text);
    }
    let (head, rest) = text.split_at(end_of_head(&text, HEAD));
    let (middle, tail) = rest.split_at(start_of_tail(rest, TAIL));
    format!("{} [{} bytes left out] {}", escape(head), middle.len(), escape(tail))
}

/// A text of several lines as that, each on a line of its own behind so many blanks, and each fit to be
/// shown.
pub fn shown_lines(text: &str, indent: usize) -> String {
    let lines: Vec<_> = text.lines().map(shown).collect();
    if lines.len() < 2 {
        return lines.concat();
    }
    lines.iter().map(|line| format!("\n{:indent$}{line}", "")).collect()
}

/// The text with `***` in place of the user name and password of each URL. A user name may hold a
/// token, so it counts as much as a password.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let words = text.split_inclusive(char::is_whitespace);
    Cow::Owned(words.map(without_password).collect())
}

/// Everything before the last @ counts as user and password, because a password may contain any
/// character. Without a scheme, only a text with a colon after its last slash counts; the session
/// name in an ARN may be an e-mail address.
fn without_password(word: &str) -> String {
    // In the wrong place they are secrets, too.
    let scheme = word.find("://").filter(|scheme| !word[..*scheme].contains('@'));
    let (before, rest) = match scheme {
        Some(scheme) => word.split_at(scheme + "://".len()),
        None => word.split_at(word.find(char::is_alphanumeric).unwrap_or(0)),
    };
    let is_url = before.ends_with("://");
    match rest.rfind('@').map(|at| rest.split_at(at)) {
        Some((user, host)) if !user.is_empty() && (is_url || is_user_and_password(user)) => {
            format!("{before}***{host}")
        }
        _ => word.to_owned(),
    }
}

/// Whether a text ends in a name and a password, even behind a broken scheme (`http//`). The value of a
/// dimension such as Owner=team:x@example does not count.
fn is_user_and_password(text: &str) -> bool {
    let user = text.rsplit('/').next().unwrap_or(text);
    user.split_once(':').is_some_and(|(name, _)| !name.contains('='))
}

/// The end of the longest start of a text that fits into so many bytes when it is escaped.
fn end_of_head(text: &str, bytes: usize) -> usize {
    let mut room = bytes;
    let full = text.char_indices().find(|(_, c)| !takes(&mut room, *c));
    full.map_or(text.len(), |(at, _)| at)
}

/// The start of the longest end of a text that fits into so many bytes when it is escaped.
fn start_of_tail(text: &str, bytes: usize) -> usize {
    let mut room = bytes;
    let full = text.char_indices().rev().find(|(_, c)| !takes(&mut room, *c));
    full.map_or(0, |(at, c)| at + c.len_utf8())
}

fn takes(room: &mut usize, c: char) -> bool {
    let length = if is_plain(c) { c.len_utf8() } else { c.escape_default().len() };
    let left = room.checked_sub(length);
    *room = left.unwrap_or(0);
    left.is_some()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_plain(c) {
            true => escaped.push(c),
            false => escaped.extend(c.escape_default()),
        }
    }
    escaped
}

/// Whether a character has one place of its own. Controls of ASCII and Latin 1 have not, nor Unicode's
/// characters for direction, joining and line ends, nor its invisible ones.
pub fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        && !matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// With the time and the module, for which there are 256 bytes, a line of the log is no longer than
/// what a pipe takes at once, so that no line is torn.
pub const MOST: usize = PIPE_BUF - 256;

/// The bytes that are kept of a text that is too long. The rest is for the words in between.
const HEAD: usize = 2560;
const TAIL: usize = MOST - HEAD - 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_also_where_the_url_is_none() {
        for text in ["http//joe:hunter2@h", "https:/joe:hunter2@h", "(joe:hunter2@h)"] {
            let shown = shown(text);
            assert!(shown.contains("***@h") && !shown.contains("hunter2"), "{shown}");
        }
        for text in ["Owner=team:x@example.com", "arn:aws:sts::1:assumed-role/R/me@example.com"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["", "connection refused; set --region", "Größe 日本 …", r#"C:\new "x""#]
        {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_controls_a_terminal_or_turns_text_around_is_escaped() {
        for (text, expected) in [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\x1b[31mred\x07", r"\u{1b}[31mred\u{7}"),
            ("\u{9b}2J\u{7f}\0", r"\u{9b}2J\u{7f}\u{0}"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("\u{2066}a\u{2069}\u{200b}\u{feff}", r"\u{2066}a\u{2069}\u{200b}\u{feff}"),
            ("a\u{2028}b\u{2029}c\u{85}d", r"a\u{2028}b\u{2029}c\u{85}d"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        let most = "x".repeat(MOST);
        assert_eq!(shown(&most), most);
        for piece in ["x", "\n", "é", "日", "\u{202e}", "a\x1b[m"] {
            let text = format!("cause {} advice", piece.repeat(65 << 10));
            let short = shown(&text);
            assert!(short.len() <= MOST && short.len() > MOST - 128, "{}", short.len());
            assert!(short.starts_with("cause ") && short.ends_with(" advice"), "{short}");
            assert!(short.contains(" bytes left out] "), "{short}");
        }
    }

    #[test]
    fn how_much_is_left_out_is_told() {
        let text = "x".repeat(MOST + 1);
        let left_out = format!(" [{} bytes left out] ", text.len() - HEAD - TAIL);
        assert_eq!(shown(&text), ["x".repeat(HEAD), left_out, "x".repeat(TAIL)].concat());
    }

    #[test]
    fn urls_lose_their_user_and_password() {
        for (text, expected) in [
            ("https://user:word@x.example/path", "https://***@x.example/path"),
            ("http://token@[::1]:80", "http://***@[::1]:80"),
            ("(http://u:p@ss/w@x.example): refused", "(http://***@x.example): refused"),
            ("http://a:b@c http://d\nftp://e:f@g", "http://***@c http://d\\nftp://***@g"),
            ("endpoint `user:word@x.example`: no scheme", "endpoint `***@x.example`: no scheme"),
            ("mail to a@b, see http://c", "mail to a@b, see http://c"),
            ("arn:aws:sts::1:assumed-role/a/b@c is", "arn:aws:sts::1:assumed-role/a/b@c is"),
            ("@ ://@ a@", "@ ://@ a@"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
