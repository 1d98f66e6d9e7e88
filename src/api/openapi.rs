//! The description of the API, made of the table of its resources (OpenAPI 3.1).

use hyper::Method;
use serde_json::{Map, Value, json};

use super::reply::EVENT_STREAM;
use super::route::{Parameter, Route};
use super::schema;

/// In place of a schema: server-sent events.
pub const STREAM: &str = "stream";

/// In place of a schema: a page for a browser.
pub const PAGE: &str = "page";

/// The description of these resources.
pub fn document(table: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in table {
        let item = paths.entry(path(route.pattern)).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    let schemas = table.iter().map(|route| route.schema);
    let schemas = schemas.filter(|name| !["", STREAM, PAGE].contains(name));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/v1.0/self" }, { "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schema::all(schemas),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "token": { "type": "apiKey", "in": "header", "name": "X-Auth-Token" },
            },
        },
        "security": [{ "bearer": [] }, { "token": [] }],
    })
}

fn path(pattern: &str) -> String {
    pattern.replace("...}", "}")
}

fn operation(route: &Route) -> Value {
    let of_path = route.pattern.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.trim_end_matches(['.', '}']);
        Some(
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        )
    });
    let of_query = route.parameters.iter().map(|Parameter { name, about, is_required }| {
        json!({ "name": name, "in": "query", "required": is_required, "description": about,
            "schema": { "type": "string" } })
    });
    let answer = match route.schema {
        _ if route.success == 204 => json!({ "description": "It is done" }),
        STREAM => content(EVENT_STREAM, &json!({ "type": "string" })),
        PAGE => content("text/html", &json!({ "type": "string" })),
        "" => content("text/plain", &json!({ "type": "string" })),
        name => content("application/json", &schema::reference(name)),
    };
    let error = json!({ "application/json": { "schema": schema::reference(schema::ERROR) } });
    let mut operation = Map::new();
    operation.insert("summary".to_owned(), route.summary.into());
    operation.insert("parameters".to_owned(), of_path.chain(of_query).collect());
    operation.insert(
        "responses".to_owned(),
        json!({
            route.success.to_string(): answer,
            "default": { "description": "Why there is none", "content": error },
        }),
    );
    if [Method::POST, Method::PUT].contains(route.method) {
        let content = json!({ "application/json": { "schema": { "type": "object" } } });
        operation.insert("requestBody".to_owned(), json!({ "content": content }));
    }
    if route.scope.is_none() {
        operation.insert("security".to_owned(), json!([]));
    }
    operation.into()
}

fn content(of: &str, schema: &Value) -> Value {
    json!({ "description": "The answer", "content": { of: { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::table::TABLE;

    #[test]
    fn each_resource_is_described_and_each_reference_leads_somewhere() {
        let document = document(TABLE);
        for route in TABLE {
            let method = route.method.as_str().to_ascii_lowercase();
            let described = &document["paths"][path(route.pattern)][method];
            assert_eq!(described["summary"], route.summary);
            let places = path(route.pattern).matches('{').count();
            let parameters = described["parameters"].as_array().expect("an array");
            assert_eq!(parameters.len(), places + route.parameters.len(), "{}", route.pattern);
        }
        let text = document.to_string();
        for (at, start) in text.match_indices("\"#/components/schemas/") {
            let name = text[at + start.len()..].split('"').next().expect("a name");
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert_eq!(document["paths"]["/healthz"]["get"]["security"], json!([]));
    }
}
