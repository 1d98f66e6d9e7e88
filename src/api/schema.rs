//! The shapes of the answers.

use serde_json::{Map, Value, json};

/// A shape: the name, and of each field the name and what it is. A question mark is for what may be null.
type Shape = (&'static str, &'static [(&'static str, &'static str)]);

const SHAPES: &[Shape] = &[
    (
        "Entity",
        &[
            ("id", "string"),
            ("label", "string"),
            ("ip_addresses", "object?"),
            ("metadata", "object"),
            ("agent_id", "string"),
            ("uri", "string?"),
            ("active_suppressions", "array"),
            ("scheduled_suppressions", "array"),
        ],
    ),
    (
        "Check",
        &[
            ("id", "string"),
            ("label", "string"),
            ("type", "string"),
            ("period", "number"),
            ("timeout", "number"),
            ("details", "object"),
            ("disabled", "boolean"),
            ("metadata", "object"),
            ("publish", "any"),
            ("source", "string"),
            ("monitoring_zones_poll", "array?"),
            ("target_alias", "string?"),
            ("target_resolver", "string?"),
            ("active_suppressions", "array"),
            ("scheduled_suppressions", "array"),
        ],
    ),
    (
        "Metric",
        &[
            ("name", "string"),
            ("unit", "string"),
            ("type", "string"),
            ("kind", "string"),
            ("updated", "integer"),
            ("history", "boolean"),
        ],
    ),
    (
        "Alarm",
        &[
            ("id", "string"),
            ("label", "string"),
            ("check_id", "string"),
            ("criteria", "string"),
            ("disabled", "boolean"),
            ("notification_plan_id", "string?"),
            ("metadata", "object"),
            ("source", "string"),
            ("active_suppressions", "array"),
            ("scheduled_suppressions", "array"),
            ("state", "string?"),
            ("status", "string"),
            ("since", "integer?"),
            ("unknown", "string?"),
        ],
    ),
    (
        "Threshold",
        &[
            ("id", "string"),
            ("label", "string"),
            ("check", "string?"),
            ("metric", "string?"),
            ("target", "string?"),
            ("warning_min", "number?"),
            ("warning_max", "number?"),
            ("failure_min", "number?"),
            ("failure_max", "number?"),
            ("invert", "boolean"),
            ("percentage", "string?"),
            ("of", "string"),
            ("hits", "integer"),
            ("hysteresis", "number"),
            ("persist", "boolean"),
            ("persist_ok", "boolean"),
            ("missing", "string"),
            ("missing_after", "integer"),
            ("disabled", "boolean"),
            ("source", "string"),
            ("counts", "object"),
            ("not_ok", "array"),
        ],
    ),
    (
        "Effective",
        &[
            ("check", "string"),
            ("metric", "string"),
            ("target", "string?"),
            ("threshold", "string?"),
            ("thresholds", "array"),
            ("state", "string?"),
            ("value", "number?"),
            ("status", "string"),
            ("since", "integer?"),
            ("unknown", "string?"),
        ],
    ),
    (
        "Event",
        &[
            ("id", "integer"),
            ("timestamp", "integer"),
            ("severity", "string"),
            ("kind", "string"),
            ("entity_id", "string"),
            ("check_id", "string?"),
            ("alarm_id", "string?"),
            ("state", "string?"),
            ("previous_state", "string?"),
            ("message", "string"),
            ("details", "object"),
        ],
    ),
    (
        "Overview",
        &[
            ("entity", "object"),
            ("checks", "array"),
            ("alarms", "array"),
            ("latest_alarm_states", "array"),
        ],
    ),
    (
        "AlarmChange",
        &[
            ("id", "string"),
            ("timestamp", "integer"),
            ("entity_id", "string"),
            ("check_id", "string?"),
            ("alarm_id", "string?"),
            ("previous_state", "string"),
            ("state", "string?"),
            ("status", "string"),
        ],
    ),
    (
        "MetricOfCheck",
        &[
            ("check", "string"),
            ("name", "string"),
            ("unit", "string"),
            ("type", "string"),
            ("kind", "string"),
            ("updated", "integer"),
            ("history", "boolean"),
        ],
    ),
    ("Point", &[("numPoints", "integer"), ("timestamp", "integer")]),
    ("Target", &[("id", "string"), ("label", "string")]),
    ("HostInfo", &[("timestamp", "integer"), ("info", "array")]),
    ("HostInfoTypes", &[("types", "array")]),
    (
        "CheckType",
        &[
            ("id", "string"),
            ("type", "string"),
            ("description", "string"),
            ("fields", "array"),
            ("metrics", "array"),
            ("schema", "object"),
        ],
    ),
    ("Agent", &[("id", "string"), ("last_connected", "integer")]),
    (
        "Process",
        &[
            ("id", "string"),
            ("version", "string"),
            ("pid", "integer"),
            ("started", "integer"),
            ("uptime", "number"),
            ("generation", "integer"),
            ("hash", "string"),
            ("kept", "boolean"),
        ],
    ),
    (
        "Connection",
        &[
            ("id", "string"),
            ("guid", "string"),
            ("endpoint", "string"),
            ("agent_id", "string"),
            ("bundle_version", "string"),
            ("process_version", "string"),
            ("agent_ip", "string?"),
        ],
    ),
    (
        "Run",
        &[
            ("check", "string"),
            ("available", "boolean"),
            ("status", "string"),
            ("timestamp", "integer"),
            ("duration", "number"),
        ],
    ),
    (
        "Value",
        &[
            ("check", "string"),
            ("metric", "string"),
            ("value", "any"),
            ("unit", "string"),
            ("type", "string"),
            ("kind", "string"),
            ("timestamp", "integer"),
            ("age", "number"),
            ("rate", "number?"),
            ("stale", "boolean"),
        ],
    ),
    (
        "Capabilities",
        &[
            ("version", "string"),
            ("check_types", "array"),
            ("resolutions", "array"),
            ("history", "object"),
            ("live", "array"),
            ("restart", "array"),
            ("limits", "object"),
        ],
    ),
    (
        "Time",
        &[
            ("timestamp", "integer"),
            ("uptime", "number"),
            ("started", "integer"),
            ("sent", "number?"),
            ("received", "integer"),
            ("answered", "integer"),
        ],
    ),
    (
        "Config",
        &[
            ("generation", "integer"),
            ("hash", "string"),
            ("since", "integer"),
            ("files", "array"),
            ("kept", "boolean"),
            ("changes", "object"),
            ("last_reload", "object?"),
        ],
    ),
    (
        "Reloaded",
        &[
            ("generation", "integer"),
            ("added", "array"),
            ("changed", "array"),
            ("removed", "array"),
            ("unchanged", "integer"),
            ("alarms", "object"),
            ("thresholds", "object"),
            ("notifications", "object"),
            ("needs_restart", "array"),
            ("not_kept", "string?"),
        ],
    ),
    (
        "Entry",
        &[
            ("id", "string"),
            ("mode", "string"),
            ("match", "string"),
            ("check", "string?"),
            ("metric", "string?"),
            ("target", "string?"),
        ],
    ),
    ("Collected", &[("collected", "boolean"), ("entry", "string?")]),
    ("Flushed", &[("succeeded", "integer"), ("failed", "integer"), ("parts", "array")]),
    (
        "Buffer",
        &[
            ("id", "string"),
            ("publisher", "string"),
            ("limit", "integer"),
            ("waiting", "integer"),
            ("oldest", "integer?"),
            ("delivered", "integer"),
            ("dropped", "integer"),
            ("overflowed", "integer"),
            ("expired", "integer"),
            ("rejected", "integer"),
            ("rejected_metrics", "integer"),
            ("retries", "integer"),
            ("failing_since", "integer?"),
            ("failure", "string?"),
        ],
    ),
    (
        "Notification",
        &[
            ("id", "string"),
            ("label", "string"),
            ("type", "string"),
            ("details", "object"),
            ("metadata", "object"),
            ("source", "string"),
            ("sent", "integer"),
            ("failed", "integer"),
            ("dropped", "integer"),
            ("waiting", "integer"),
            ("error", "string?"),
        ],
    ),
    (
        "NotificationPlan",
        &[
            ("id", "string"),
            ("label", "string"),
            ("ok_state", "array"),
            ("warning_state", "array"),
            ("critical_state", "array"),
            ("metadata", "object"),
            ("source", "string"),
        ],
    ),
    ("NotificationType", &[("id", "string"), ("description", "string"), ("fields", "array")]),
    ("Tried", &[("status", "string"), ("message", "string")]),
    (
        "Suppression",
        &[
            ("id", "string"),
            ("label", "string"),
            ("start_time", "integer"),
            ("end_time", "integer"),
            ("entities", "array"),
            ("checks", "array"),
            ("alarms", "array"),
            ("notification_plans", "array"),
            ("source", "string"),
        ],
    ),
    (
        "SuppressedChange",
        &[
            ("id", "string"),
            ("timestamp", "integer"),
            ("entity_id", "string"),
            ("check_id", "string?"),
            ("alarm_id", "string?"),
            ("notification_plan_id", "string"),
            ("suppressions", "array"),
            ("state", "string?"),
            ("transaction_id", "string"),
        ],
    ),
    ("Status", &[("status", "string")]),
    (
        ERROR,
        &[("type", "string"), ("code", "string"), ("message", "string"), ("details", "string")],
    ),
    ("Any", &[]),
];

/// What runs of checks, or of criteria, gave: not a page, but an array.
const RESULTS: &str = "Results";

/// The shape of each error.
pub const ERROR: &str = "Error";

/// The shapes of these names and of errors. A name with `List` behind it is a page of the others.
pub fn all<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let mut all = Map::new();
    for name in names.chain([ERROR]) {
        let of_item = name.strip_suffix(LIST);
        all.insert(of_item.unwrap_or(name).to_owned(), object(of_item.unwrap_or(name)));
        if let Some(item) = of_item {
            all.insert(name.to_owned(), list(item));
        }
    }
    all.into()
}

/// Leads to a shape.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

const LIST: &str = "List";

fn object(name: &str) -> Value {
    if name == RESULTS {
        return json!({ "type": "array", "items": { "type": "object" } });
    }
    let fields = SHAPES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, fields)| fields);
    let properties = fields.iter().map(|(field, kind)| ((*field).to_owned(), value(kind)));
    let required: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
    json!({ "type": "object", "properties": Value::Object(properties.collect()), "required": required })
}

fn value(kind: &str) -> Value {
    match kind.strip_suffix('?') {
        Some(kind) => json!({ "type": [kind, "null"] }),
        None if kind == "any" => json!({}),
        None => json!({ "type": kind }),
    }
}

fn list(item: &str) -> Value {
    let number_or_text = json!({ "type": ["string", "integer", "null"] });
    json!({
        "type": "object",
        "properties": {
            "values": { "type": "array", "items": reference(item) },
            "metadata": {
                "type": "object",
                "properties": {
                    "count": { "type": "integer" },
                    "limit": { "type": "integer" },
                    "marker": number_or_text,
                    "next_marker": number_or_text,
                    "next_href": { "type": ["string", "null"] },
                },
                "required": ["count", "limit", "marker", "next_marker", "next_href"],
            },
        },
        "required": ["values", "metadata"],
    })
}
