//! Finds mistakes in the user's settings of credentials and region that the SDK ignores: for it, a file
//! that cannot be read is empty, and half a key pair is none.

pub mod files;

use std::io;
use std::path::Path;

use aws_runtime::env_config::section::Profile;

use self::files::{Found, files};

/// The environment and files to look at, as functions, so that a test can give its own.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The value of a variable that is set to something.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// What `--profile` says.
    pub profile: Option<&'a str>,
}

/// Texts for people: each mistake with its file or variable and the cure.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// In the configuration files, which may also be the reason why no region is found.
    pub of_files: Vec<String>,
    pub of_credentials: Vec<String>,
    /// Why the profile cannot give credentials here, though nothing is wrong with it.
    pub unsupported: Option<String>,
}

impl Mistakes {
    /// The mistakes that may be the reason for missing credentials.
    pub fn all(self) -> Vec<String> {
        [self.of_files, self.of_credentials].concat()
    }
}

/// Looks at the environment of this process and at the files that it names.
pub fn look(profile: Option<&str>) -> Mistakes {
    look_with(profile, &files::read)
}

/// The same, reading the files in this way.
pub fn look_with(profile: Option<&str>, read: &dyn Fn(&Path) -> io::Result<Vec<u8>>) -> Mistakes {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    find(Place { variable: &variable, read, profile })
}

/// All mistakes of a place.
pub fn find(place: Place<'_>) -> Mistakes {
    let Found { mistakes: of_files, profiles, looked_at } = files(place);
    let mut mistakes = Mistakes { of_files, ..Mistakes::default() };
    mistakes.of_credentials.extend(key_pair(place));
    mistakes.of_credentials.extend(web_identity(place));
    mistakes.of_credentials.extend(container_token(place));
    let named = match (place.profile, (place.variable)("AWS_PROFILE")) {
        (Some(name), _) => Some(("--profile", name.to_owned())),
        (None, Some(name)) => Some(("AWS_PROFILE", name)),
        (None, None) => None,
    };
    let name = named.as_ref().map_or("default", |(_, name)| name);
    let Some(profiles) = profiles else { return mistakes };
    match (profiles.get_profile(name), &named) {
        (Some(profile), _) => {
            mistakes.of_credentials.extend(profile_keys(profile));
            // With chained roles, the credentials come from the last profile of the chain.
            let mut last = profile;
            for _ in 0..LONGEST_CHAIN {
                let source = last.get("source_profile").filter(|_| last.get("role_arn").is_some());
                let Some(source) = source.and_then(|name| profiles.get_profile(name)) else {
                    break;
                };
                last = source;
            }
            mistakes.unsupported = unsupported(last);
            let file = last.get("web_identity_token_file");
            let name = format!("web_identity_token_file of profile {:?}:", last.name());
            mistakes.of_credentials.extend(file.and_then(|file| token(place, &name, file)));
        }
        (None, Some((origin, name))) => mistakes.of_files.push(format!(
            "{origin} {name:?}: profile not found in {}: expected [profile {name}] in the configuration \
             file or [{name}] in the credentials file",
            looked_at.join(" or "),
        )),
        (None, None) => {}
    }
    mistakes
}

/// Half a pair in the environment.
fn key_pair(place: Place<'_>) -> Option<String> {
    let set = |name: &str| (place.variable)(name).is_some();
    let (key, token) = (set(KEY), set(TOKEN));
    // The SDK accepts this older name of the variable, too.
    let secret = set(SECRET) || set("SECRET_ACCESS_KEY");
    let half =
        |this: &str, other: &str| format!("{this} is set without {other}: set both, or none");
    match (key, secret, token) {
        (true, false, _) => Some(half(KEY, SECRET)),
        (false, true, _) => Some(half(SECRET, KEY)),
        (false, false, true) => Some(half(TOKEN, &format!("{KEY} and {SECRET}"))),
        _ => None,
    }
}

/// Half a pair in a profile.
fn profile_keys(profile: &Profile) -> Option<String> {
    let has = |key: &str| profile.get(key).is_some_and(|value| !value.trim().is_empty());
    let half = |this: &str, other: &str| {
        Some(format!("profile {:?} has {this} without {other}: expected both", profile.name()))
    };
    let (key, secret) = ("aws_access_key_id", "aws_secret_access_key");
    match (has(key), has(secret)) {
        (true, false) => half(key, secret),
        (false, true) => half(secret, key),
        _ => None,
    }
}

/// A web identity with only one of the two that it needs, a token and a role; or a bad token file.
fn web_identity(place: Place<'_>) -> Vec<String> {
    let file = (place.variable)(IDENTITY);
    let mut mistakes = Vec::new();
    match (&file, (place.variable)(ROLE)) {
        (Some(_), None) => {
            mistakes
                .push(format!("{IDENTITY} is set without {ROLE}: set {ROLE} to the role's ARN"));
        }
        (None, Some(_)) => {
            mistakes
                .push(format!("{ROLE} is set without {IDENTITY}: set {IDENTITY} to a token file"));
        }
        _ => {}
    }
    mistakes.extend(file.and_then(|file| token(place, IDENTITY, &file)));
    mistakes
}

/// The token that the agent sends to the credentials endpoint of EKS.
fn container_token(place: Place<'_>) -> Option<String> {
    let file = (place.variable)(CONTAINER_TOKEN)?;
    let wrong = token(place, CONTAINER_TOKEN, &file);
    // The SDK sends the whole file as a header, and a header has no line breaks.
    let has_more = |text: &Vec<u8>| text.trim_ascii() != &text[..];
    let more = (place.read)(Path::new(&file)).ok().filter(has_more).map(|_| {
        format!(
            "{CONTAINER_TOKEN} {file:?} has spaces or a line break around the token: remove them"
        )
    });
    wrong.or(more)
}

/// What is wrong with the file of a token.
fn token(place: Place<'_>, variable: &str, file: &str) -> Option<String> {
    let wrong = match (place.read)(Path::new(file)).map(String::from_utf8) {
        Ok(Ok(token)) if !token.trim().is_empty() => return None,
        Ok(Ok(_)) => "is empty".to_owned(),
        Ok(Err(_)) => "is not text".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    Some(format!("{variable} {file:?} {wrong}: expected a file with a token"))
}

/// Why a profile cannot give credentials here.
fn unsupported(profile: &Profile) -> Option<String> {
    let key =
        ["sso_session", "sso_start_url", "sso_account_id", "credential_process", "login_session"];
    let key = key.into_iter().find(|key| profile.get(key).is_some())?;
    // A profile with one of these still works: the SDK looks for them first.
    let others = ["credential_source", "web_identity_token_file"];
    let has_others = others.iter().any(|key| profile.get(key).is_some());
    (!has_others).then(|| {
        format!(
            "profile {:?} has {key}, which this agent does not support: use a task or instance \
             role, or run eval \"$(aws configure export-credentials --profile {} --format env)\" before it starts",
            profile.name(),
            profile.name(),
        )
    })
}

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
pub const IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub const ROLE: &str = "AWS_ROLE_ARN";
const CONTAINER_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Profiles may name each other in a circle.
const LONGEST_CHAIN: usize = 8;

#[cfg(test)]
mod tests;
