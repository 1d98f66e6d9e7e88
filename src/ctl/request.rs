//! What is sent for a verb with its arguments.

use std::env;
use std::time::Duration;

use hyper::{Method, Uri};
use serde_json::{Value, json};

use super::changes::{changes, is_whole};
use crate::client::{PATIENCE, encoded};
use crate::config::WHY;
use crate::config::cli::{Cli, variable};
use crate::verb::{CHECKS, Does, Verb};

/// A request, and how its answer is shown.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub patience: Duration,
    pub show: Show,
}

/// How an answer is shown to people.
#[derive(Debug, PartialEq, Eq)]
pub enum Show {
    /// This line: all that there is to say is that it is done.
    Done(String),
    /// The id of what was added.
    Added,
    /// Each field of an object.
    Fields,
    /// The results of a check.
    Results,
    /// What has changed in the configuration.
    Configured,
    /// What was published and written.
    Flushed,
    /// All of it, indented where it is JSON.
    Whole,
}

impl Request {
    fn get(path: String, show: Show) -> Self {
        Self { method: Method::GET, path, body: None, patience: PATIENCE, show }
    }

    fn write(method: Method, path: String, show: Show) -> Self {
        Self { method, path, body: None, patience: PATIENCE, show }
    }

    pub fn test(id: &str, by: &str, patience: Duration) -> Self {
        let path = format!("{CHECKS}/{}/test{by}", encoded(id));
        Self { patience, ..Self::write(Method::POST, path, Show::Results) }
    }

    pub fn add(body: Value, by: &str) -> Self {
        let request = Self::write(Method::POST, format!("{CHECKS}{by}"), Show::Added);
        Self { body: Some(body), ..request }
    }
}

/// All that is sent for a verb; nothing where more has to be asked or read first. Or what is wrong with the arguments.
pub fn requests(verb: &Verb, arguments: &[String], by: &str) -> Result<Vec<Request>, Vec<String>> {
    let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
    let filled = |path: &str, argument: &str| path.replace("{}", &encoded(argument));
    Ok(match (verb.does, &texts[..]) {
        (Does::One(path), [id, ..]) => vec![Request::get(filled(path, id), Show::Fields)],
        // The name of a metric has slashes of its own.
        (Does::ListOrOne(path, _), [name, ..]) => {
            let Some((check, metric)) = name.split_once('/') else {
                return Err(vec![format!(
                    "{} {name:?}: expected CHECK/METRIC, such as utilization/cpu",
                    verb.name
                )]);
            };
            let path = format!("{path}/{}/{}", encoded(check), encoded(metric));
            vec![Request::get(path, Show::Fields)]
        }
        (Does::Each(method, path, done), ids) => {
            let method = if method == "DELETE" { Method::DELETE } else { Method::POST };
            let request = |id: &&str| {
                let show = Show::Done(format!("{id}: {done}"));
                Request::write(method.clone(), filled(path, id) + by, show)
            };
            ids.iter().map(request).collect()
        }
        (Does::Change, [id, pairs @ ..]) => {
            let body = changes(pairs)?;
            let (path, show) = (filled(CHECK, id) + by, Show::Done(format!("{id}: changed")));
            vec![Request { body: Some(body), ..Request::write(Method::PUT, path, show) }]
        }
        (Does::Configure(path), _) => {
            vec![slow(Request::write(Method::POST, path.to_owned() + by, Show::Configured))]
        }
        (Does::Flush, _) => {
            vec![slow(Request::write(Method::POST, format!("/flush{by}"), Show::Flushed))]
        }
        (Does::Blacklist, []) | (Does::Buffer, []) => Vec::new(),
        (Does::Blacklist, ["add", text]) => {
            let body = serde_json::from_str(text).ok().filter(Value::is_object);
            let body = body
                .ok_or_else(|| vec![format!("blacklist add {text:?}: expected a JSON object")])?;
            let request = Request::write(Method::POST, format!("/blacklist{by}"), Show::Added);
            vec![Request { body: Some(body), ..request }]
        }
        (Does::Blacklist, ["remove", id]) => {
            let show = Show::Done(format!("{id}: removed"));
            vec![Request::write(Method::DELETE, filled("/blacklist/{}", id) + by, show)]
        }
        (Does::Blacklist, [other, ..]) => {
            return Err(vec![format!("blacklist {other:?}: expected add JSON or remove ID")]);
        }
        (Does::Buffer, [publisher, rest @ ..]) => {
            let limit = rest.first().and_then(|text| text.strip_prefix("limit="));
            let limit =
                limit.filter(|text| is_whole(text)).and_then(|text| text.parse::<u64>().ok());
            let Some(limit) = limit else {
                let expected = "expected limit=COUNT behind it, such as limit=60";
                return Err(vec![format!("buffer {publisher:?}: {expected}")]);
            };
            let show = Show::Done(format!("{publisher}: limit {limit}"));
            let request = Request::write(Method::PUT, filled("/buffer/{}", publisher) + by, show);
            vec![Request { body: Some(json!({ "limit": limit })), ..request }]
        }
        (Does::Time, [] | ["sync"] | ["sync", "endpoint" | "none"]) => Vec::new(),
        (Does::Time, others) => {
            let others = others.join(" ");
            return Err(vec![format!(
                "time {others:?}: expected nothing, sync, sync endpoint or sync none"
            )]);
        }
        (Does::Any, [path, ..]) => {
            let is_path = path.starts_with('/') && path.parse::<Uri>().is_ok();
            if !is_path {
                let expected =
                    "expected a path that begins with /, such as /capabilities, and has no blanks";
                return Err(vec![format!("get {path:?}: {expected}")]);
            }
            vec![Request::get((*path).to_owned(), Show::Whole)]
        }
        _ => Vec::new(),
    })
}

/// What may wait for a disk or for CloudWatch.
fn slow(request: Request) -> Request {
    Request { patience: PATIENCE * 8, ..request }
}

/// Who changes something and why, as the query of a request.
pub fn source_of_writes(cli: &Cli) -> String {
    let name = |name| env::var(name).ok().filter(|name| !name.trim().is_empty());
    let who = name("USER").or_else(|| name("LOGNAME"));
    let who = who.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let why = cli.value(WHY).filter(|why| !why.text.trim().is_empty());
    let why = why.map(|why| format!("&_why={}", encoded(&why.text))).unwrap_or_default();
    format!("?_who={}{why}", encoded(&who))
}

/// What is said where no agent is named.
pub fn no_address() -> String {
    format!(
        "--api is missing: name the address that the agent has in --api, as in unix:/run/agent.sock, or set {}",
        variable(crate::config::API)
    )
}

const CHECK: &str = "/entities/self/checks/{}";

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str, arguments: &[&str]) -> Result<Vec<String>, String> {
        let verb = Verb::of_name(name).expect("a verb");
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let line = |of: Request| {
            let body = of.body.map(|body| format!(" {body}")).unwrap_or_default();
            format!("{} {}{body}", of.method, of.path)
        };
        let requests = requests(verb, &arguments, "?_who=me");
        requests.map(|all| all.into_iter().map(line).collect()).map_err(|all| all.join("\n"))
    }

    #[test]
    fn each_verb_has_its_request() {
        for (name, arguments, expected) in [
            ("check", &["a/b c"][..], &["GET /entities/self/checks/a%2Fb%20c"][..]),
            (
                "disable",
                &["a", "b"],
                &[
                    "POST /entities/self/checks/a/disable?_who=me",
                    "POST /entities/self/checks/b/disable?_who=me",
                ],
            ),
            ("remove", &["a"], &["DELETE /entities/self/checks/a?_who=me"]),
            (
                "change",
                &["a", "period=30", "details.target=/"],
                &[r#"PUT /entities/self/checks/a?_who=me {"details":{"target":"/"},"period":30}"#],
            ),
            ("reload", &[], &["POST /config/reload?_who=me"]),
            ("flush", &[], &["POST /flush?_who=me"]),
            ("values", &["web/a/b"], &["GET /values/web/a%2Fb"]),
            (
                "blacklist",
                &["add", r#"{"check":"a"}"#],
                &[r#"POST /blacklist?_who=me {"check":"a"}"#],
            ),
            ("blacklist", &["remove", "x"], &["DELETE /blacklist/x?_who=me"]),
            (
                "buffer",
                &["cloudwatch", "limit=5"],
                &[r#"PUT /buffer/cloudwatch?_who=me {"limit":5}"#],
            ),
            ("get", &["/values?limit=1"], &["GET /values?limit=1"]),
        ] {
            let expected = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(sent(name, arguments), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_with_arguments_is_told_before_anything_is_sent() {
        for (name, arguments, expected) in [
            ("values", &["cpu"][..], "values \"cpu\": expected CHECK/METRIC, "),
            ("blacklist", &["add"], "blacklist \"add\": expected add JSON or remove ID"),
            ("blacklist", &["add", "[1]"], "blacklist add \"[1]\": expected a JSON object"),
            ("buffer", &["emf"], "buffer \"emf\": expected limit=COUNT behind it, "),
            ("buffer", &["emf", "limit=-1"], "buffer \"emf\": expected limit=COUNT behind it, "),
            ("get", &["values"], "get \"values\": expected a path that begins with /, "),
            ("get", &["/a b"], "get \"/a b\": expected a path that begins with /, "),
            ("change", &["a", "perod=5"], "change \"perod=5\": expected KEY=VALUE with one of "),
        ] {
            let wrong = sent(name, arguments).expect_err("it is wrong");
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
