//! Who may do what.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

use crate::config::{EXPECTED_TOKEN, is_token};
use crate::model::Secret;
use crate::permissions::writable_by_others;
use crate::shown::shown;

/// What a request may do. Who may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Write,
}

/// All tokens: of each only its hash, so that a comparison takes the same time whatever is sent.
#[derive(Clone, Default, PartialEq)]
pub struct Tokens(Vec<([u8; 32], Scope)>);

impl Tokens {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a token.
    pub fn add(&mut self, token: &Secret, scope: Scope) {
        self.0.push((hash(token.0.as_bytes()), scope));
    }

    /// Adds those of a file. It blocks. The warnings say what is most likely a mistake.
    pub fn read(&mut self, path: &Path) -> Result<Vec<String>, String> {
        let file = TokenFile::read(path)?;
        for (token, scope) in &file.tokens {
            self.add(token, *scope);
        }
        Ok(file.warnings)
    }

    /// What a token may do; nothing where it is an unknown one.
    pub fn scope_of(&self, token: &[u8]) -> Option<Scope> {
        let sent = hash(token);
        // Each is compared, so that the time does not tell which one it is.
        self.0.iter().fold(None, |found, (token, scope)| {
            if bool::from(token.ct_eq(&sent)) { Some(*scope).max(found) } else { found }
        })
    }
}

/// The tokens of a request.
pub struct Sent<'a> {
    /// Of `Authorization`.
    pub bearer: Option<&'a [u8]>,
    /// Of `X-Auth-Token`.
    pub own: Option<&'a [u8]>,
}

impl<'a> Sent<'a> {
    pub fn of(headers: &'a HeaderMap) -> Self {
        let bearer = headers.get(AUTHORIZATION).map(|value| {
            let parts = value.as_bytes().split_at_checked(BEARER.len());
            let parts = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
            // Of another scheme, there is no token in it, which is as wrong as a wrong one.
            parts.map_or(&b""[..], |(_, token)| token.trim_ascii())
        });
        Self { bearer, own: headers.get(X_AUTH_TOKEN).map(|value| value.as_bytes()) }
    }
}

/// What is in a file of tokens.
pub struct TokenFile {
    /// At least one.
    pub tokens: Vec<(Secret, Scope)>,
    /// What is most likely a mistake.
    pub warnings: Vec<String>,
}

impl TokenFile {
    /// Reads it, which blocks.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = shown(&path.display().to_string());
        let failed = |error: io::Error| format!("--api-token-file {name} cannot be read: {error}");
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(format!("--api-token-file {name} is not a regular file"));
        }
        if let Some(problem) = writable_by_others(path, &metadata) {
            return Err(format!("--api-token-file: {problem}"));
        }
        let mut text = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > LARGEST_FILE {
            return Err(format!("--api-token-file {name}: expected at most {LARGEST_FILE} bytes"));
        }
        let tokens = parse(&text);
        let tokens =
            tokens.map_err(|(line, what)| format!("--api-token-file {name}:{line}: {what}"))?;
        let mut warnings = Vec::new();
        if metadata.permissions().mode() & 0o004 != 0 {
            warnings.push(format!(
                "any user can read the tokens of the API in {name}: chmod o-r {name}"
            ));
        }
        if tokens.is_empty() {
            // Without any token all could read.
            return Err(format!(
                "--api-token-file {name} has no token: expected a line such as read TOKEN"
            ));
        }
        Ok(Self { tokens, warnings })
    }
}

/// The lines of a file. The error has the number of a line.
fn parse(text: &str) -> Result<Vec<(Secret, Scope)>, (usize, String)> {
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let token = |(number, line): (usize, &str)| {
        let mut words = line.split_whitespace();
        let scope = match words.next() {
            Some("read") => Scope::Read,
            Some("write") => Scope::Write,
            // The word may be the token itself.
            _ => return Err((number + 1, "expected read TOKEN or write TOKEN".to_owned())),
        };
        match (words.next().filter(|token| is_token(token)), words.next()) {
            (Some(token), None) => Ok((Secret(token.to_owned()), scope)),
            _ => Err((number + 1, format!("expected {EXPECTED_TOKEN}"))),
        }
    };
    lines.map(token).collect()
}

/// By what a token is known without being kept.
pub fn hash(token: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, token);
    digest.as_ref().try_into().unwrap_or_default()
}

const BEARER: &[u8] = b"Bearer ";

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Thousands of tokens. What is longer is not such a file.
const LARGEST_FILE: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use support::folder::{Folder, mode};

    fn tokens(text: &str) -> Result<Tokens, (usize, String)> {
        let mut tokens = Tokens::default();
        for (token, scope) in parse(text)? {
            tokens.add(&token, scope);
        }
        Ok(tokens)
    }

    #[test]
    fn all_tokens_are_compared_wherever_the_one_that_is_sent_stands() {
        for text in ["read abcd-1234\nwrite abcd-1234\n", "write abcd-1234\nread abcd-1234\n"] {
            let tokens = tokens(text).expect("a file");
            assert_eq!(tokens.scope_of(b"abcd-1234"), Some(Scope::Write), "{text}");
            // Of the same length, and of others, and alike but for the last byte.
            for token in [&b"abcd-1235"[..], b"abcd-123", b"abcd-12345", b"", b"Abcd-1234"] {
                assert_eq!(tokens.scope_of(token), None, "{token:?}");
            }
        }
    }

    #[test]
    fn a_wrong_line_is_told_without_its_token() {
        for (text, line) in [
            ("read abcd-1234\nhunter2-hunter2", 2),
            ("read hunter2", 1),
            ("read", 1),
            ("write hunter2-hunter2 hunter2", 1),
            ("admin hunter2-hunter2", 1),
        ] {
            let (number, what) = tokens(text).err().expect("it is wrong");
            assert_eq!(number, line, "{text}");
            assert!(what.starts_with("expected ") && !what.contains("hunter2"), "{what}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_to_is_refused() {
        let folder = Folder::of(&[("tokens", "read abcd-1234\n"), ("none", "\n")]);
        let read = |name: &str, bits| {
            mode(folder.path(name), bits);
            let read = Tokens::default().read(folder.path(name).as_ref());
            read.map(|warnings| {
                warnings.iter().map(|text| folder.relative(text)).collect::<Vec<_>>()
            })
            .map_err(|text| folder.relative(&text))
        };
        assert_eq!(read("tokens", 0o600), Ok(vec![]));
        let readable = "any user can read the tokens of the API in tokens: chmod o-r tokens";
        assert_eq!(read("tokens", 0o644), Ok(vec![readable.to_owned()]));
        let writable =
            "--api-token-file: any user can write to tokens, so it is not used: chmod o-w tokens";
        assert_eq!(read("tokens", 0o602), Err(writable.to_owned()));
        assert_eq!(
            read("none", 0o600),
            Err("--api-token-file none has no token: expected a line such as read TOKEN".to_owned())
        );
        let missing = Tokens::default().read(folder.path("x").as_ref()).expect_err("no file");
        let expected = "--api-token-file x cannot be read: No such file or directory (os error 2)";
        assert_eq!(folder.relative(&missing), expected);
        let no_file = Tokens::default().read(folder.whole().as_ref()).expect_err("a folder");
        assert_eq!(folder.relative(&no_file), "--api-token-file . is not a regular file");
    }
}
