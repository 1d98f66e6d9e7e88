//! docs/configuration.schema.json: a JSON Schema (draft 2020-12) of the configuration file, for editors.

use cloudwatch_metrics_agent::check::{Form, Setting, TABLE};
use cloudwatch_metrics_agent::config_file::{
    self, KEYS_OF_CHECK, KEYS_OF_THRESHOLD, NOTIFICATION, NOTIFICATION_TYPES, PLAN, SUPPRESSION,
};
use serde_json::{Map, Value, json};

use crate::configuration::{self, Option as Described};

/// The schema, as the file has it.
pub fn document() -> String {
    let mut properties = Map::new();
    for option in configuration::options() {
        if config_file::options().contains(&option.name) {
            properties.insert(option.name.clone(), option_schema(&option));
        }
    }
    let checks = json!({
        "type": "object",
        "description": "Checks by their ids",
        "propertyNames": { "minLength": 1, "maxLength": 64 },
        "additionalProperties": { "$ref": "#/$defs/check" },
    });
    properties.insert(config_file::CHECKS.to_owned(), checks);
    let thresholds = json!({
        "type": ["object", "null"],
        "description": "Thresholds of metrics by their ids",
        "propertyNames": { "minLength": 1, "maxLength": 255 },
        "additionalProperties": { "$ref": "#/$defs/threshold" },
    });
    properties.insert(config_file::THRESHOLDS.to_owned(), thresholds);
    properties
        .insert(config_file::NOTIFICATIONS.to_owned(), by_id("Notifications", "notification"));
    properties.insert(config_file::PLANS.to_owned(), by_id("Notification plans", "plan"));
    properties.insert(config_file::SUPPRESSIONS.to_owned(), by_id("Suppressions", "suppression"));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of cloudwatch_metrics_agent",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": {
            "check": check(),
            "publish": publish(),
            "scalar": scalar(),
            "notification": notification(),
            "plan": with_lists(PLAN, &["label", "metadata"]),
            "suppression": with_lists(SUPPRESSION, &["label", "start_time", "end_time"]),
            "threshold": threshold(),
        },
    });
    let text = serde_json::to_string_pretty(&schema).expect("it is JSON");
    format!("{text}\n")
}

/// Things of one sort by their ids.
fn by_id(what: &str, definition: &str) -> Value {
    json!({
        "type": "object",
        "description": format!("{what} by their ids"),
        "propertyNames": { "minLength": 1, "maxLength": 64 },
        "additionalProperties": { "$ref": format!("#/$defs/{definition}") },
    })
}

fn notification() -> Value {
    let types: Vec<_> = NOTIFICATION_TYPES.iter().map(|kind| kind.name).collect();
    let mut properties = Map::new();
    for key in NOTIFICATION {
        properties.insert((*key).to_owned(), json!({ "$ref": "#/$defs/scalar" }));
    }
    properties.insert("type".to_owned(), json!({ "enum": types }));
    for key in ["details", "metadata"] {
        properties.insert(key.to_owned(), json!({ "type": ["object", "null"] }));
    }
    let kinds = NOTIFICATION_TYPES.iter();
    json!({
        "type": "object",
        "properties": properties,
        "required": ["type"],
        "additionalProperties": false,
        "allOf": kinds.map(|kind| details(kind.name, kind.settings, &[])).collect::<Vec<_>>(),
    })
}

/// What has these keys, all but some of them lists of ids.
fn with_lists(keys: &[&str], others: &[&str]) -> Value {
    let scalar = json!({ "$ref": "#/$defs/scalar" });
    let list = json!({ "anyOf": [scalar, { "type": "array", "items": scalar }] });
    let mut properties = Map::new();
    for key in keys {
        let of = match *key {
            "metadata" => json!({ "type": ["object", "null"] }),
            key if others.contains(&key) => scalar.clone(),
            _ => list.clone(),
        };
        properties.insert((*key).to_owned(), of);
    }
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean", "null"] })
}

fn option_schema(option: &Described) -> Value {
    let scalar = json!({ "$ref": "#/$defs/scalar" });
    let list = json!({ "type": "array", "items": scalar });
    let map = json!({ "type": "object", "additionalProperties": scalar });
    let takes_list = option.repeats || config_file::takes_commas(&option.name);
    let forms = match option.name.as_str() {
        "dimension" | "tags" => vec![scalar, list, map],
        _ if takes_list => vec![scalar, list],
        _ => vec![scalar],
    };
    let default = match option.default.as_str() {
        "none" | "off" | "required to publish" => String::new(),
        default => format!(" [default: {default}]"),
    };
    json!({ "description": format!("{}{default}", option.meaning), "anyOf": forms })
}

fn publish() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "description": "none, all, a list of metrics, or a map from metrics to their names in CloudWatch",
        "anyOf": [
            text,
            { "type": "array", "items": text },
            { "type": "object", "additionalProperties": { "type": ["string", "null"] } },
            { "type": "null" },
        ],
    })
}

fn threshold() -> Value {
    let mut properties = Map::new();
    for key in KEYS_OF_THRESHOLD {
        let schema = match *key {
            "of" => json!({ "enum": ["value", "rate", "median", "max", null] }),
            "missing" => json!({ "enum": ["ignore", "warning", "failure", null] }),
            _ => json!({ "$ref": "#/$defs/scalar" }),
        };
        properties.insert((*key).to_owned(), schema);
    }
    let matches = ["check", "metric", "target"].map(|key| json!({ "required": [key] }));
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "anyOf": matches,
    })
}

fn check() -> Value {
    let mut properties = Map::new();
    for key in KEYS_OF_CHECK {
        properties.insert((*key).to_owned(), json!({ "$ref": "#/$defs/scalar" }));
    }
    let types: Vec<_> = TABLE.iter().map(|kind| kind.name).collect();
    properties.insert("type".to_owned(), json!({ "enum": types }));
    properties.insert("publish".to_owned(), json!({ "$ref": "#/$defs/publish" }));
    for key in ["details", "metadata", "alarms"] {
        properties.insert(key.to_owned(), json!({ "type": ["object", "null"] }));
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": ["type"],
        "additionalProperties": false,
        "allOf": TABLE
            .iter()
            .map(|kind| details(kind.name, kind.settings, kind.one_of))
            .collect::<Vec<_>>(),
    })
}

/// The details of a type, where a check is of that type.
fn details(name: &str, settings: &[Setting], one_of: &[&str]) -> Value {
    let mut properties = Map::new();
    for setting in settings {
        properties.insert(setting.name.to_owned(), detail(setting));
    }
    let needed = settings.iter().filter(|setting| setting.is_required);
    let needed: Vec<_> = needed.map(|setting| setting.name).collect();
    let details = json!({
        "type": ["object", "null"],
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    });
    let mut details = details;
    if !one_of.is_empty() {
        let one = one_of.iter().map(|name| json!({ "required": [name] }));
        details["anyOf"] = one.collect();
    }
    let mut then = json!({ "properties": { "details": details } });
    if !needed.is_empty() || !one_of.is_empty() {
        then["required"] = json!(["details"]);
    }
    json!({
        "if": { "properties": { "type": { "const": name } } },
        "then": then,
    })
}

fn detail(setting: &Setting) -> Value {
    let scalar = json!({ "$ref": "#/$defs/scalar" });
    let form = match &setting.form {
        Form::Word(words) => json!({ "enum": words }),
        Form::List => json!({ "anyOf": [scalar, { "type": "array", "items": scalar }] }),
        Form::Text
        | Form::Secret
        | Form::YesOrNo
        | Form::Whole(..)
        | Form::Lasting(..)
        | Form::LastingMilliseconds(..) => scalar,
    };
    json!({ "description": setting.about, "allOf": [form] })
}
