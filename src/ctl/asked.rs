//! What is sent for a verb with its arguments.

use hyper::{Method, Uri};
use serde_json::json;

use super::changes::{changes, is_whole, known};
use super::collection;
use super::request::{Request, Show};
use crate::client::{PATIENCE, encoded};
use crate::verb::{Does, Verb};

/// All that is sent for a verb; nothing where more has to be asked or read first. Or what is wrong with the arguments.
pub fn requests(verb: &Verb, arguments: &[String], by: &str) -> Result<Vec<Request>, Vec<String>> {
    let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
    let filled = |path: &str, argument: &str| path.replace("{}", &encoded(argument));
    Ok(match (verb.does, &texts[..]) {
        (Does::One(path), [id, ..]) => vec![Request::get(filled(path, id), Show::Fields)],
        (Does::Values, texts) => collection::of_values(texts, by)?,
        (Does::List(of), texts) => collection::requests(verb, of, texts, by)?,
        (Does::Each(method, path, done), ids) => {
            let method = if method == "DELETE" { Method::DELETE } else { Method::POST };
            let request = |id: &&str| {
                Request::write(method.clone(), filled(path, id) + by, Show::done(id, done))
            };
            ids.iter().map(request).collect()
        }
        (Does::Change, [id, pairs @ ..]) => {
            let body = changes(pairs, &known())?;
            let (path, show) = (filled(CHECK, id) + by, Show::done(id, "changed"));
            vec![Request { body: Some(body), ..Request::write(Method::PUT, path, show) }]
        }
        (Does::Configure(path), _) => {
            vec![slow(Request::write(Method::POST, path.to_owned() + by, Show::Configured))]
        }
        (Does::Flush, parts) => {
            let only = parts.first().map(|part| format!("&part={}", encoded(part)));
            let path = format!("/flush{by}{}", only.unwrap_or_default());
            vec![slow(Request::write(Method::POST, path, Show::Flushed))]
        }
        (Does::Events, ["add", _]) => Vec::new(),
        (Does::Events, [other, ..]) => {
            return Err(vec![format!("events {other:?}: expected add JSON")]);
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
            ("flush", &["a b"], &["POST /flush?_who=me&part=a%20b"]),
            ("values", &["web/a/b"], &["GET /values/web/a%2Fb"]),
            (
                "values",
                &["put", "push/a/b", "-7.5"],
                &[
                    r#"POST /values?_who=me {"values":[{"check":"push","metric":"a/b","value":-7.5}]}"#,
                ],
            ),
            ("values", &["drop", "push/*"], &["DELETE /values?_who=me&match=push%2F%2A"]),
            // What is added is read first.
            ("blacklist", &["add", r#"{"check":"a"}"#], &[]),
            ("blacklist", &["remove", "x"], &["DELETE /blacklist/x?_who=me"]),
            (
                "alarms",
                &["change", "a/b", "disabled=true", "label=full"],
                &[r#"PUT /entities/self/alarms/a%2Fb?_who=me {"disabled":true,"label":"full"}"#],
            ),
            (
                "thresholds",
                &["remove", "x", "y"],
                &["DELETE /thresholds/x?_who=me", "DELETE /thresholds/y?_who=me"],
            ),
            ("plans", &["show", "default"], &["GET /notification_plans/default"]),
            ("notifications", &["test", "pager"], &["POST /notifications/pager/test?_who=me"]),
            (
                "buffer",
                &["cloudwatch", "limit=5"],
                &[r#"PUT /buffer/cloudwatch?_who=me {"limit":5}"#],
            ),
            // What is sent is only known when the clocks have been compared.
            ("time", &["sync", "endpoint"], &[]),
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
            (
                "values",
                &["put", "push/a", "x"],
                "values put \"push/a x\": expected CHECK/METRIC and a ",
            ),
            (
                "values",
                &["put", "push/a", "inf"],
                "values put \"push/a inf\": expected CHECK/METRIC ",
            ),
            ("values", &["drop"], "values \"drop\": expected CHECK/METRIC, "),
            ("values", &["a/b", "c"], "values \"a/b\": expected CHECK/METRIC, "),
            (
                "blacklist",
                &["add"],
                "blacklist \"add\": expected one of add JSON, remove ID, show ID",
            ),
            (
                "blacklist",
                &["change", "x", "check=a"],
                "blacklist \"change\": expected one of add ",
            ),
            ("alarms", &["ad"], "alarms \"ad\": expected one of add JSON, change ID KEY=VALUE, "),
            ("alarms", &["change", "x"], "alarms \"change\": expected one of add JSON, "),
            ("plans", &["test", "x"], "plans \"test\": expected one of add JSON, "),
            ("alarms", &["change", "x", "label"], "change \"label\": expected KEY=VALUE"),
            ("events", &["raise"], "events \"raise\": expected add JSON"),
            ("buffer", &["emf"], "buffer \"emf\": expected limit=COUNT behind it, "),
            ("buffer", &["emf", "limit=-1"], "buffer \"emf\": expected limit=COUNT behind it, "),
            ("time", &["sync", "all"], "time \"sync all\": expected nothing, sync, sync endpoint "),
            ("get", &["values"], "get \"values\": expected a path that begins with /, "),
            ("get", &["/a b"], "get \"/a b\": expected a path that begins with /, "),
            ("change", &["a", "perod=5"], "change \"perod=5\": expected KEY=VALUE with one of "),
        ] {
            let wrong = sent(name, arguments).expect_err("it is wrong");
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
