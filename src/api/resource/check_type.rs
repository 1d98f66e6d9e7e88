//! The types of checks, and what each can be pointed at here.

use serde_json::{Value, json};

use super::check::UTILIZATION_TYPE;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::blocking::{self, Purpose};
use crate::check::TABLE;
use crate::model::{CheckType, Declared, Form, Setting};
use crate::sorted::object_of;

pub fn list(asked: &Asked) -> Result<Reply, Failure> {
    let types = TABLE.iter().map(|kind| (kind.name.to_owned(), Some(*kind)));
    let all = types.chain([(UTILIZATION_TYPE.to_owned(), None)]).collect();
    Ok(Reply::json(&page(asked, all, |_, kind| object(*kind))?))
}

pub fn one(asked: &Asked) -> Result<Reply, Failure> {
    let kind = match asked.name(0) {
        UTILIZATION_TYPE => None,
        name => Some(find(name)?),
    };
    Ok(Reply::json(&object(kind)))
}

/// What a type can be pointed at here. It may have to ask what never answers.
pub async fn targets(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let kind = match asked.name(1) {
        UTILIZATION_TYPE => None,
        name => find(name)?.targets,
    };
    let none = || format!("{} has no targets: a check of it needs none", asked.name(1));
    let targets = kind.ok_or_else(|| Failure::not_found(none()))?;
    let roots = asked.state.roots.clone();
    let found = blocking::call(Purpose::HostInfo, move || targets(&roots)).await;
    let found = found.map_err(|refused| Failure::unavailable(refused.to_string()))?;
    let found = found.map_err(Failure::internal)?;
    let found = found.into_iter().map(|of| (of.id, of.label)).collect();
    let page = page(&asked, found, |id, label| json!({ "id": id, "label": label }))?;
    Ok(Reply::json(&page))
}

fn find(name: &str) -> Result<&'static CheckType, Failure> {
    let kind = TABLE.iter().find(|kind| kind.name == name).copied();
    kind.ok_or_else(|| Failure::not_found(format!("check type {name:?} not found")))
}

/// The object of a type; of the built-in one without any.
fn object(kind: Option<&CheckType>) -> Value {
    let Some(kind) = kind else {
        let about = "CPU and memory, and the numbers of --metrics; it is built in";
        return json!({ "id": UTILIZATION_TYPE, "type": "agent", "description": about, "fields": [], "metrics": [],
            "schema": schema(&[]) });
    };
    let fields = kind
        .settings
        .iter()
        .map(|of| json!({ "name": of.name, "description": of.about, "optional": !of.is_required }));
    let metrics = kind.metrics.iter().map(|of| {
        let (name, unit, kind) = (of.name, of.unit.name(), of.kind.name());
        let is_headline = of.is_headline;
        json!({ "name": name, "unit": unit, "type": letter(of), "kind": kind, "headline": is_headline })
    });
    json!({
        "id": kind.name,
        "type": kind.name.split('.').next(),
        "description": kind.about,
        "fields": fields.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "schema": schema(kind.settings),
    })
}

/// The schema of the details of a check (JSON Schema 2020-12).
fn schema(settings: &[Setting]) -> Value {
    let properties = settings.iter().map(|of| {
        let mut schema = match of.form {
            Form::Text => json!({ "type": "string" }),
            Form::Word(words) => json!({ "enum": words }),
            Form::YesOrNo => json!({ "type": "boolean" }),
            Form::Whole(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Form::Lasting(..) | Form::LastingMilliseconds(..) => {
                json!({ "type": ["number", "string"] })
            }
            Form::List => json!({ "type": "array", "items": { "type": "string" } }),
            Form::Secret => json!({ "type": "string", "writeOnly": true }),
        };
        schema["description"] = of.about.into();
        (of.name.to_owned(), schema)
    });
    let required = settings.iter().filter(|of| of.is_required).map(|of| of.name);
    json!({
        "type": "object",
        "properties": Value::Object(object_of(properties)),
        "required": required.collect::<Vec<_>>(),
    })
}

/// The letter of the type of its values.
fn letter(metric: &Declared) -> &'static str {
    if metric.is_text { "s" } else { "D" }
}
