//! `publish:` of a check: which of its metrics go to CloudWatch, and under which names.

use std::collections::BTreeMap;

use super::document::Document;
use crate::config::name;
use crate::config::near::did_you_mean;
use crate::config::typed::Typed;
use crate::config::yaml::{Node, Value};
use crate::model::{AVAILABLE, CheckType, Publication};
use crate::sorted::sort;

/// `none`, `all`, a list of metrics, or a map from metrics to their names in CloudWatch.
pub fn publication(
    kind: &CheckType,
    node: &Node,
    document: &mut Document<'_>,
) -> Option<Publication> {
    let mut names = BTreeMap::new();
    match &node.value {
        Value::Scalar { .. } => {
            let Some(typed) = document.scalar("publish", node) else {
                return Some(Publication::by_default(kind));
            };
            match typed.text.as_str() {
                "none" | "[]" => {}
                "all" => return Some(Publication::All),
                // One metric needs no list.
                _ => add(kind, &typed, None, &mut names, document),
            }
        }
        Value::List(nodes) => {
            for node in nodes {
                if let Some(typed) = document.item("publish", node) {
                    add(kind, &typed, None, &mut names, document);
                }
            }
        }
        Value::Map(entries) => {
            for (key, node) in entries {
                let origin = document.told(key.place, "publish");
                let metric = Typed::in_file(&*key.text, origin);
                let published = document.scalar("publish", node);
                add(kind, &metric, published, &mut names, document);
            }
        }
    }
    let mut published: Vec<_> = names.values().collect();
    sort(&mut published);
    if let Some(twice) = published.windows(2).find(|pair| pair[0] == pair[1]) {
        let text =
            format!("publish: two metrics would have the name {}: give each its own", twice[0]);
        document.note(node.place, &text);
    }
    Some(Publication::Some(names))
}

/// Adds a metric under its name in CloudWatch, or under that which its type gives.
fn add(
    kind: &CheckType,
    metric: &Typed,
    published: Option<Typed>,
    names: &mut BTreeMap<String, String>,
    document: &mut Document<'_>,
) {
    // A type that declares none finds its metrics when it runs.
    let is_known = kind.metrics.is_empty() || metric.text == AVAILABLE;
    match kind.metric(&metric.text) {
        Some(declared) if declared.is_text => {
            document.wrong(metric, "a metric that is a number; this one is a text");
            return;
        }
        None if !is_known => {
            let numbers = kind.metrics.iter().filter(|metric| !metric.is_text);
            let own = [AVAILABLE].into_iter().filter(|own| kind.metric(own).is_none());
            let known: Vec<_> = numbers.map(|metric| metric.name).chain(own).collect();
            let near = did_you_mean(&metric.text, &known);
            document.wrong(metric, &format!("none, all, or any of {}{near}", known.join(", ")));
            return;
        }
        _ => {}
    }
    let name = match published {
        Some(typed) => match name::dimension_name(&typed.text) {
            Ok(name) => name,
            Err(expected) => return document.wrong(&typed, &expected),
        },
        None => kind.published_name(&metric.text),
    };
    if names.insert(metric.text.clone(), name).is_some() {
        document.wrong(metric, "each metric once");
    }
}
