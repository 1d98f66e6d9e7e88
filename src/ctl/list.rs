//! Lists of the API, with all of their pages.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::show::{table, whole};
use super::{REFUSED, Told, refused};
use crate::client::{Client, Unanswered, encoded};
use crate::config::Output;
use crate::verb::{CHECKS, Column, OF_CHECK};

/// Shows what a path has: a table of its items, or its fields where it is no list.
pub async fn run(
    client: &Client,
    path: &str,
    columns: &[Column],
    output: Output,
) -> Result<Told, Unanswered> {
    Ok(match all(client, path).await? {
        Ok(list) => Told::of(match output {
            Output::Json => list.text,
            Output::Text => match list.body["values"].as_array() {
                Some(values) => table(values, columns),
                None => whole(&list.body),
            },
        }),
        Err(complaint) => Told::failed(complaint, REFUSED),
    })
}

/// Shows the checks, each with its last run.
pub async fn checks(client: &Client, output: Output) -> Result<Told, Unanswered> {
    let mut checks = match all(client, CHECKS).await? {
        Ok(list) if output == Output::Json => return Ok(Told::of(list.text)),
        Ok(list) => list.body,
        Err(complaint) => return Ok(Told::failed(complaint, REFUSED)),
    };
    let runs = match all(client, "/runs").await? {
        Ok(list) => list.body,
        Err(complaint) => return Ok(Told::failed(complaint, REFUSED)),
    };
    let runs = runs["values"].as_array().into_iter().flatten();
    let runs: HashMap<_, _> = runs.filter_map(|run| Some((run["check"].as_str()?, run))).collect();
    let Some(values) = checks["values"].as_array_mut() else {
        return Ok(Told::failed(client.odd("values"), REFUSED));
    };
    for check in values.iter_mut().filter(|of| of.is_object()) {
        let run = check["id"].as_str().and_then(|id| runs.get(id).copied());
        if let Some(run) = run {
            for field in ["available", "status", "timestamp"] {
                check[field] = run[field].clone();
            }
        }
    }
    Ok(Told::of(table(values, OF_CHECK)))
}

/// A whole list.
pub struct List {
    pub body: Value,
    /// As the agent has answered; made of all pages where there are several.
    pub text: String,
}

/// All pages of a list, or why the agent has refused it.
pub async fn all(client: &Client, path: &str) -> Result<Result<List, String>, Unanswered> {
    let begin = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{begin}limit={PAGE}");
    let mut list: Option<List> = None;
    let mut marker = String::new();
    loop {
        let answer = client.get(&format!("{path}{marker}")).await?;
        if !answer.status.is_success() || answer.json().is_null() {
            return Ok(Err(refused(client, &answer)));
        }
        let mut body = answer.json();
        let next = match &body["metadata"]["next_marker"] {
            Value::Null => None,
            Value::String(text) => Some(format!("&marker={}", encoded(text))),
            other => Some(format!("&marker={other}")),
        };
        let is_empty = body["values"].as_array().is_none_or(Vec::is_empty);
        match &mut list {
            None => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                list = Some(List { body, text });
            }
            Some(List { body: whole, .. }) => {
                if let (Some(all), Some(more)) =
                    (whole["values"].as_array_mut(), body["values"].as_array_mut())
                {
                    all.append(more);
                }
            }
        }
        let Some(mut list) = list.take_if(|_| next.is_none()) else {
            let count = list.as_ref().and_then(|list| list.body["values"].as_array());
            // Else it would never end.
            let is_endless = is_empty || next.as_ref() == Some(&marker);
            if is_endless || count.is_none_or(|all| all.len() > MOST_ITEMS) {
                return Ok(Err(client.odd("next_marker")));
            }
            marker = next.unwrap_or_default();
            continue;
        };
        if !marker.is_empty() {
            let count = list.body["values"].as_array().map_or(0, Vec::len);
            list.body["metadata"] = json!({ "count": count, "limit": count, "marker": null, "next_marker": null, "next_href": null });
            list.text = list.body.to_string();
        }
        return Ok(Ok(list));
    }
}

/// The most that a page has.
const PAGE: usize = 1000;

/// An agent has at most some ten thousand of anything that is listed.
const MOST_ITEMS: usize = 200_000;
