//! A check as a request of the API has it: the keys of a file, in JSON.

use serde_json::Value as Json;

use super::document::Document;
use super::{alarm, check, notification, threshold};
use crate::alarm::Alarm;
use crate::clock::now_ms;
use crate::config::yaml::{Key, Node, Place, Value};
use crate::model::{CheckType, Configured};
use crate::notification::{Notification, Plan, Suppression};
use crate::threshold::Threshold;

/// What the body of a request describes.
#[derive(Debug)]
pub struct OfBody<T> {
    pub configured: T,
    /// What is most likely a mistake.
    pub warnings: Vec<String>,
}

/// The check of this id with these settings, or all that is wrong with them. Values are taken as they are: who may
/// change a check may not read the variables of the agent by that.
pub fn of_body(
    id: &str,
    body: &Json,
    table: &[&'static CheckType],
) -> Result<OfBody<Configured>, Vec<String>> {
    taken_apart(body, |node, document| check::configured(&key(id), node, table, document))
}

/// The same of an alarm of a check. What is null is as if it were not there.
pub fn alarm_of_body(check: &str, id: &str, body: &Json) -> Result<OfBody<Alarm>, Vec<String>> {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    taken_apart(&body, |node, document| alarm::alarm(check, &key(id), node, document))
}

/// The same of a threshold.
pub fn threshold_of_body(id: &str, body: &Json) -> Result<OfBody<Threshold>, Vec<String>> {
    taken_apart(body, |node, document| threshold::threshold(&key(id), node, document))
}

/// The same of a notification.
pub fn notification_of_body(id: &str, body: &Json) -> Result<OfBody<Notification>, Vec<String>> {
    taken_apart(body, |node, document| notification::notification(&key(id), node, document))
}

/// The same of a plan. What it names may be missing.
pub fn plan_of_body(id: &str, body: &Json) -> Result<OfBody<Plan>, Vec<String>> {
    taken_apart(body, |node, document| Some(notification::plan(&key(id), node, document)?.0))
}

/// The same of a suppression, which begins now where it has no start.
pub fn suppression_of_body(id: &str, body: &Json) -> Result<OfBody<Suppression>, Vec<String>> {
    taken_apart(body, |node, document| {
        notification::suppression(&key(id), node, now_ms(), document)
    })
}

fn taken_apart<T>(
    body: &Json,
    parse: impl FnOnce(&Node, &mut Document<'_>) -> Option<T>,
) -> Result<OfBody<T>, Vec<String>> {
    let mut document = Document::of_body();
    let configured = parse(&node(body), &mut document);
    let Document { problems, warnings, .. } = document;
    match configured {
        Some(configured) if problems.is_empty() => Ok(OfBody { configured, warnings }),
        _ => Err(problems.into_iter().map(|problem| problem.text).collect()),
    }
}

fn key(id: &str) -> Key {
    Key { place: NOWHERE, text: id.to_owned() }
}

/// JSON has no places.
const NOWHERE: Place = Place { line: 0, column: 0 };

fn node(json: &Json) -> Node {
    let plain = |text: String| Value::Scalar { text, is_quoted: false };
    let value = match json {
        Json::Null => plain(String::new()),
        Json::Bool(yes) => plain(yes.to_string()),
        Json::Number(number) => plain(number.to_string()),
        Json::String(text) => Value::Scalar { text: text.clone(), is_quoted: true },
        Json::Array(all) => Value::List(all.iter().map(node).collect()),
        Json::Object(all) => {
            // A key without a name is of nobody.
            let named = all.iter().filter(|(name, _)| !name.is_empty());
            let key = |name: &String| Key { place: NOWHERE, text: name.clone() };
            Value::Map(named.map(|(name, value)| (key(name), node(value))).collect())
        }
    };
    Node { place: NOWHERE, value }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::TABLE;

    fn problems(body: &Json) -> Vec<String> {
        of_body("web", body, TABLE).expect_err("it is wrong")
    }

    #[test]
    fn a_body_has_what_a_file_has_and_no_variables() {
        let body = json!({
            "type": "remote.http", "label": "${HOME}", "period": 30, "timeout": "5s", "disabled": 1,
            "details": { "url": "http://127.0.0.1/${HOME}" }, "metadata": { "team": "web" },
            "target_alias": "x", "monitoring_zones_poll": ["mzdfw"], "unknown": [1],
        });
        let OfBody { configured, warnings } = of_body("web", &body, TABLE).expect("it is valid");
        assert_eq!((&*configured.id, &*configured.label), ("web", "${HOME}"));
        assert_eq!(configured.period.as_secs(), 30);
        assert!(configured.is_disabled);
        let url = format!("{:?}", configured.details);
        assert!(url.contains("http://127.0.0.1/${HOME}"), "{url}");
        let expected = [
            "monitoring_zones_poll has no effect",
            "target_alias has no effect",
            "unknown key \"unknown\" is ignored: a check has type, label, disabled, period, timeout, details, \
             publish, alarms, metadata",
        ];
        assert_eq!(warnings, expected);
        // One that is mistyped is no key of another program.
        let refused = |body: &Json| problems(body).join("; ");
        assert!(
            refused(&json!({ "type": "agent.memory", "perod": 5 }))
                .starts_with("unknown key \"perod\": a check has type, label, ")
        );
        // A client leaves out what is empty.
        let none = json!({ "type": "agent.memory" });
        assert!(of_body("memory", &none, TABLE).is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let starts = |body: Json, expected: &[&str]| {
            let problems = problems(&body);
            assert_eq!(problems.len(), expected.len(), "{problems:?}");
            for (problem, expected) in problems.iter().zip(expected) {
                assert!(problem.starts_with(expected), "{problem}");
            }
        };
        starts(
            json!({ "type": "agent.memry", "period": "often", "disabled": [] }),
            &[
                "type \"agent.memry\": expected one of agent.cpu, ",
                "disabled: expected one value, and this is a list",
                "period \"often\": expected seconds from 1 to ",
            ],
        );
        starts(json!({}), &["type is missing: expected one of agent.cpu, "]);
        starts(json!([]), &["check web: expected keys with values, and this is a list"]);
        starts(
            json!("x"),
            &["check web: expected keys with values, such as period: 60, not \"x\""],
        );
        starts(
            json!({ "type": "remote.http", "details": { "ur": "http://x/" }, "url": "http://x/" }),
            &[
                "url is a detail: put it below details:",
                "unknown key \"ur\": remote.http has url, ",
                "details: url is missing: ",
            ],
        );
    }
}
