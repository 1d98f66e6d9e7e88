//! What an API needs that others than this machine can reach: TLS, and a service that knows tokens.

use std::path::PathBuf;

use super::cli::{Cli, missing};
use super::endpoint::is_http_url;
use super::options::{
    API_CLIENT_CA, API_INSECURE, API_TLS_CERT, API_TLS_KEY, KEYSTONE_PROJECT, KEYSTONE_URL,
    KEYSTONE_WRITE_ROLE,
};
use super::problems::{Blame, Problems};
use super::quantity;
use super::typed::Typed;

/// The files for TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its root.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The roots of the clients' certificates, where clients need one.
    pub client_ca: Option<PathBuf>,
}

/// An OpenStack Keystone that tells whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keystone {
    /// Without `/v3` and without a slash at its end.
    pub url: String,
    pub project: Project,
    /// The role in the project that may write. Any role may read.
    pub write_role: String,
}

/// Of which project the tokens have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Project {
    Id(String),
    /// Of the domain `default`: elsewhere others might have a project of the same name.
    Name(String),
}

impl TlsFiles {
    /// Those that are set; nothing where none is or a problem was noted.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let mut file = |option| {
            let typed = cli.value(option)?;
            Some((problems.of_api(&typed, path), typed))
        };
        let (certificate, key) = (file(API_TLS_CERT), file(API_TLS_KEY));
        let client_ca = file(API_CLIENT_CA);
        let typed = [&certificate, &key, &client_ca].map(|of| of.as_ref().map(|(_, typed)| typed));
        for (option, of) in [(API_TLS_CERT, &certificate), (API_TLS_KEY, &key)] {
            let other = typed.iter().flatten().next();
            if let (None, Some(other)) = (of, other) {
                problems.lacks(other, option);
            }
        }
        let (certificate, key) = (certificate?.0?, key?.0?);
        let client_ca = match client_ca {
            Some((path, _)) => Some(path?),
            None => None,
        };
        Some(Self { certificate, key, client_ca })
    }
}

impl Keystone {
    /// The one that is set; nothing where none is or a problem was noted.
    pub fn new(cli: &Cli, problems: &mut Problems) -> Option<Self> {
        let [typed_url, typed_project, typed_role] =
            [KEYSTONE_URL, KEYSTONE_PROJECT, KEYSTONE_WRITE_ROLE].map(|option| cli.value(option));
        let needed = [(KEYSTONE_URL, &typed_url), (KEYSTONE_PROJECT, &typed_project)];
        let any = [&typed_url, &typed_project, &typed_role].into_iter().flatten().next();
        for (option, typed) in needed {
            if let (None, Some(any)) = (typed, any) {
                problems.lacks(any, option);
            }
        }
        let url = typed_url.and_then(|typed| problems.of_api(&typed.without_password(), url));
        let project = typed_project.and_then(|typed| problems.of_api(&typed, project));
        let write_role = match typed_role {
            Some(typed) => problems.of_api(&typed, role),
            None => Some(DEFAULT_WRITE_ROLE.to_owned()),
        };
        Some(Self { url: url?, project: project?, write_role: write_role? })
    }
}

impl Problems {
    /// An option that is missing for another one of the API.
    fn lacks(&mut self, other: &Typed, option: &str) {
        let blame = if other.is_in_file { Blame::Check } else { Blame::Typed };
        self.note(blame, format!("{}: {}", other.origin, missing(option)));
    }
}

/// Whether an address that others can reach may be without TLS.
pub fn is_insecure(cli: &Cli, problems: &mut Problems) -> bool {
    let typed = cli.value(API_INSECURE);
    typed.and_then(|typed| problems.of_api(&typed, quantity::boolean)).unwrap_or(false)
}

pub fn path(text: &str) -> Result<PathBuf, String> {
    (!text.is_empty()).then(|| text.into()).ok_or_else(|| "the path of a file".to_owned())
}

/// The URL of a Keystone, which may end in its version.
fn url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let text = text.strip_suffix("/v3").unwrap_or(text).trim_end_matches('/');
    // It stands in quotes in a header, too.
    let is_plain = !text.contains(['@', '?', '#', '"', '\\']);
    match is_http_url(text) && is_plain {
        true => Ok(text.to_owned()),
        false => Err("a URL without user and query, such as https://keystone.example:5000".into()),
    }
}

fn project(text: &str) -> Result<Project, String> {
    let text = named(text, "the id of a project, or the name of one in the domain default")?;
    // Keystone makes ids of this form. As a name another project could have the same text.
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(if is_id { Project::Id(text.to_ascii_lowercase()) } else { Project::Name(text) })
}

fn role(text: &str) -> Result<String, String> {
    named(text, "the name of a role, such as admin")
}

/// A name as Keystone allows it.
fn named(text: &str, expected: &str) -> Result<String, String> {
    let is_name = !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME;
    let is_name = is_name && !text.contains(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| expected.to_owned())
}

const DEFAULT_WRITE_ROLE: &str = "admin";

/// Of roles; those of projects have at most 64.
const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_that_of_the_service_with_or_without_its_version() {
        for text in ["https://k:5000", "https://k:5000/", "https://k:5000/v3", "https://k:5000/v3/"]
        {
            assert_eq!(url(text).as_deref(), Ok("https://k:5000"), "{text}");
        }
        assert_eq!(url("http://k/identity/v3").as_deref(), Ok("http://k/identity"));
        for text in
            ["", "k:5000", "ftp://k", "https://", "https://u:p@k", "http://k/?x", "http://k/\"x"]
        {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_project_that_looks_like_an_id_is_one() {
        let id = "7456e0d6917c4d8fb3f0d8d48477eb3b";
        assert_eq!(project(id), Ok(Project::Id(id.to_owned())));
        assert_eq!(project(&id.to_uppercase()), Ok(Project::Id(id.to_owned())));
        for name in ["ops", &id[1..], "7456e0d6-917c-4d8f-b3f0-d8d48477eb3b", "two words"] {
            assert_eq!(project(name), Ok(Project::Name(name.to_owned())), "{name}");
        }
        for text in ["", " ", "a\nb", &"x".repeat(256)] {
            assert!(project(text).is_err(), "{text:?}");
        }
    }
}
