//! What is sent for a verb that lists things, or adds, changes and removes one of them.

use hyper::Method;
use serde_json::{Value, json};

use super::changes::changes;
use super::request::{Request, Show};
use crate::client::encoded;
use crate::verb::{Collection, Verb};

/// All that is sent; nothing where something has to be read first, or where all are listed. Or what is wrong.
pub fn requests(
    verb: &Verb,
    of: &Collection,
    arguments: &[&str],
    by: &str,
) -> Result<Vec<Request>, Vec<String>> {
    let [action, rest @ ..] = arguments else { return Ok(Vec::new()) };
    let path = |id: &str| format!("{}/{}", of.path, encoded(id));
    let write =
        |method, id: &str, done: &str| Request::write(method, path(id) + by, Show::done(id, done));
    match (*action, rest) {
        _ if !of.actions.contains(action) => {}
        ("add", [_]) => return Ok(Vec::new()),
        ("change", [id, pairs @ ..]) if !pairs.is_empty() => {
            let request = write(Method::PUT, id, "changed");
            return Ok(vec![Request { body: Some(changes(pairs, &[])?), ..request }]);
        }
        ("remove", ids @ [_, ..]) => {
            return Ok(ids.iter().map(|id| write(Method::DELETE, id, "removed")).collect());
        }
        ("show", [id]) => return Ok(vec![Request::get(path(id), Show::Fields)]),
        ("test", [id]) => {
            let path = format!("{}/test{by}", path(id));
            return Ok(vec![Request::write(Method::POST, path, Show::Tried)]);
        }
        _ => {}
    }
    let expected: Vec<_> = of.actions.iter().map(|action| with_arguments(action)).collect();
    Err(vec![format!("{} {action:?}: expected one of {}", verb.name, expected.join(", "))])
}

/// What is sent for the newest values: one of them, a new one, or that some are dropped.
pub fn of_values(arguments: &[&str], by: &str) -> Result<Vec<Request>, Vec<String>> {
    let named = |name: &str| {
        // The name of a metric has slashes of its own.
        let parts = name.split_once('/');
        parts.map(|(check, metric)| (check.to_owned(), metric.to_owned()))
    };
    match arguments {
        [] => Ok(Vec::new()),
        ["put", rest @ ..] => {
            let wrong = || {
                let text = rest.join(" ");
                vec![format!(
                    "values put {text:?}: expected CHECK/METRIC and a number, such as push/queue 7"
                )]
            };
            let [name, number] = rest else { return Err(wrong()) };
            let number: f64 = number.parse().map_err(|_| wrong())?;
            let (check, metric) = named(name).filter(|_| number.is_finite()).ok_or_else(wrong)?;
            let value = json!({ "check": check, "metric": metric, "value": number });
            let request = Request::write(Method::POST, format!("/values{by}"), Show::Taken);
            Ok(vec![Request { body: Some(json!({ "values": [value] })), ..request }])
        }
        ["drop", pattern] => {
            let path = format!("/values{by}&match={}", encoded(pattern));
            Ok(vec![Request::write(Method::DELETE, path, Show::Fields)])
        }
        [name, rest @ ..] => {
            let named = named(name).filter(|_| rest.is_empty());
            let (check, metric) = named.ok_or_else(|| {
                vec![format!("values {name:?}: expected CHECK/METRIC, such as utilization/cpu")]
            })?;
            let path = format!("/values/{}/{}", encoded(&check), encoded(&metric));
            Ok(vec![Request::get(path, Show::Fields)])
        }
    }
}

/// What came of values that were put, a line each.
pub fn taken(body: &Value) -> String {
    let rejected = body["rejected"].as_array().into_iter().flatten();
    let reasons = rejected.filter_map(|of| of["message"].as_str());
    let lines = reasons.map(|why| format!("rejected: {}", crate::shown::shown(why)));
    let first = format!("taken: {}", body["taken"]);
    [first].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn with_arguments(action: &str) -> String {
    match action {
        "add" => "add JSON".to_owned(),
        "change" => "change ID KEY=VALUE".to_owned(),
        other => format!("{other} ID"),
    }
}
