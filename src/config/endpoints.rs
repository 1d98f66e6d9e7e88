//! Several endpoints: the first is the one that is wanted, and the others stand by for it.

use std::path::PathBuf;

use super::cli::Cli;
use super::options::{CA_FILE, ENDPOINT_URL, REGION};
use super::typed::Typed;
use super::{Problems, endpoint, region};

/// AWS settings that override what the SDK finds by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    pub profile: Option<String>,
    /// The authorities that alone are trusted at the endpoint.
    pub ca_file: Option<CaFile>,
}

/// A file with the authorities that are trusted, and the option or variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaFile {
    pub path: PathBuf,
    pub origin: &'static str,
}

/// The endpoints of CloudWatch in the order of their options: at least one. As many regions as URLs are pairs;
/// one region or one URL is that of all.
pub(super) fn of_aws(cli: &Cli, problems: &mut Problems) -> (Aws, Vec<Aws>) {
    let (regions, urls) = (cli.values(REGION), cli.values(ENDPOINT_URL));
    let common = Aws {
        profile: problems.optional(cli, "profile", endpoint::profile),
        ca_file: problems.optional(cli, CA_FILE, ca_file),
        ..Aws::default()
    };
    let count = regions.len().max(urls.len()).max(1);
    if let Some(surplus) = surplus(&regions, &urls) {
        let (fewer, many) = (regions.len().min(urls.len()), regions.len().max(urls.len()));
        problems.add(
            surplus,
            &format!("as many of --{REGION} as of --{ENDPOINT_URL}, not {many} and {fewer}, or one of either"),
        );
        return (common, Vec::new());
    }
    let regions: Vec<_> = regions.iter().map(|typed| problems.check(typed, region)).collect();
    let places: Vec<_> = urls.iter().map(|typed| problems.url(typed)).collect();
    let of = |all: &[Option<String>], at: usize| all.get(at).or_else(|| all.first())?.clone();
    let all = (0..count).map(|at| Aws {
        region: of(&regions, at),
        endpoint_url: of(&places, at),
        ..common.clone()
    });
    let mut all: Vec<_> = all.collect();
    let last = urls.last().filter(|_| urls.len() == count).or(cli.values(REGION).last()).cloned();
    if let Some(typed) = last {
        limit(&typed, count, problems);
        let is_repeated = |(at, aws): (usize, &Aws)| all[..at].contains(aws);
        // What is wrong is missing from both, and is told already.
        let is_known = regions.iter().chain(&places).all(Option::is_some);
        if is_known && all.iter().enumerate().any(is_repeated) {
            problems.add(&typed.without_password(), EACH_ONCE);
        }
    }
    let first = all.remove(0);
    (first, all)
}

/// The one behind the last that has a partner.
fn surplus<'a>(regions: &'a [Typed], urls: &'a [Typed]) -> Option<&'a Typed> {
    let (many, few) = if regions.len() > urls.len() { (regions, urls) } else { (urls, regions) };
    many.get(few.len()).filter(|_| few.len() > 1)
}

/// URLs, each of them once.
pub(super) fn each_once(
    typed: &[Typed],
    url: impl Fn(&Typed, &mut Problems) -> Option<String>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut all = Vec::new();
    for one in typed {
        match url(one, problems) {
            Some(url) if all.contains(&url) => problems.add(&one.without_password(), EACH_ONCE),
            found => all.extend(found),
        }
    }
    if let Some(last) = typed.last() {
        limit(last, typed.len(), problems);
    }
    all
}

fn limit(last: &Typed, count: usize, problems: &mut Problems) {
    if count > MOST {
        let expected = format!("at most {MOST} endpoints, not {count}");
        problems.add(&last.without_password(), &expected);
    }
}

/// `--ca-file`. What is in it is read later.
fn ca_file(text: &str) -> Result<CaFile, String> {
    match text.trim().is_empty() {
        true => Err("a file with certificates (PEM)".into()),
        false => Ok(CaFile { path: text.into(), origin: "--ca-file" }),
    }
}

const EACH_ONCE: &str = "each endpoint once";

/// Each that stands by costs a connection and its memory when it is asked.
const MOST: usize = 8;
