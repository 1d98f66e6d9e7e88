//! The shapes of the answers.

mod shapes;
mod told;

use serde_json::{Map, Value, json};

use self::shapes::SHAPES;
use self::told::TOLD;
use crate::sorted::object_of;

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
    let mut shapes = SHAPES.iter().chain(TOLD);
    let fields = shapes.find(|(of, _)| *of == name).map_or(&[][..], |(_, fields)| fields);
    let properties = fields.iter().map(|(field, kind)| ((*field).to_owned(), value(kind)));
    let required: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
    json!({ "type": "object", "properties": Value::Object(object_of(properties)), "required": required })
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
