//! What is asked, and what the answers give.

use super::super::said;
use super::connection::{Connection, Parts, UNEXPECTED};
use super::failure::{ERROR, Failure};
use super::metrics::{Answer, METRICS, origin};
use crate::model::{Declared, Findings};

/// Names with their values, of which one may be NULL.
type Values = Vec<(String, Option<String>)>;

/// A table that a query gave.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// All metrics, each with its value or a reason.
pub async fn findings(connection: &mut Connection, version: &str) -> Result<Findings, String> {
    let status = named(connection, Answer::Status).await?;
    let variables = named(connection, Answer::Variables).await?;
    let replica = replica(connection).await?;
    let mut found = Findings::default();
    found.raw("the server's version", version);
    for (answer, values) in [
        (Answer::Status, Ok(status)),
        (Answer::Variables, Ok(variables)),
        (Answer::Replica, replica),
    ] {
        add(answer, &values, &mut found);
    }
    Ok(found)
}

/// Adds the metrics that come from one answer, or the reason why it has none.
fn add(answer: Answer, values: &Result<Values, String>, found: &mut Findings) {
    let mut raw = Vec::new();
    for metric in METRICS {
        let (of, names) = origin(metric);
        if of != answer {
            continue;
        }
        let value = values.as_ref().map_err(String::clone).and_then(|values| {
            let is_named =
                |(key, _): &&(String, _)| names.iter().any(|name| name.eq_ignore_ascii_case(key));
            let (key, value) =
                values.iter().find(is_named).ok_or_else(|| missing(metric, &names))?;
            let value = value.as_deref().map(|value| without_statement(metric, value));
            raw.push(format!("{key}: {}", value.unwrap_or("NULL")));
            match value {
                Some("") => Err(EMPTY.to_owned()),
                Some(value) => Ok(value),
                None => Err(NULL.to_owned()),
            }
        });
        match value {
            Ok(text) if metric.is_text => found.text(metric.name, said(text.as_bytes(), None)),
            Ok(text) => match text.parse::<u64>() {
                Ok(number) => found.number(metric.name, number as f64),
                Err(_) => {
                    let text = said(text.as_bytes(), None);
                    let reason = format!("the server says {text:?}: expected a whole number");
                    found.absent(metric.name, reason);
                }
            },
            Err(reason) => found.absent(metric.name, reason),
        }
    }
    if !raw.is_empty() {
        found.raw(answer.query(), raw.join("\n"));
    }
}

/// An error of replication repeats the statement that failed, in which anything may stand.
fn without_statement<'a>(metric: &Declared, value: &'a str) -> &'a str {
    match metric.name {
        "replication.last_error" | "replication.last_io_error" => {
            let end =
                ["Query:", "query:", "query '"].iter().filter_map(|word| value.find(word)).min();
            value.get(..end.unwrap_or(value.len())).unwrap_or(value).trim_end()
        }
        _ => value,
    }
}

fn missing(metric: &Declared, names: &[&str]) -> String {
    match metric.name.starts_with("qcache.") {
        true => NO_QUERY_CACHE.to_owned(),
        false => format!("this server has no {}", names.join(" or ")),
    }
}

/// The rows of an answer that has a name and a value in each. Only those that are needed are asked for.
async fn named(connection: &mut Connection, answer: Answer) -> Result<Values, String> {
    let origins = METRICS.iter().map(origin).filter(|(of, _)| *of == answer);
    let names: Vec<_> = origins.flat_map(|(_, names)| names).collect();
    let query = format!("{} WHERE Variable_name IN ('{}')", answer.query(), names.join("','"));
    let table = ask(connection, &query).await?.map_err(|failure| failure.text(""))?;
    let rows = table.rows.into_iter();
    let pair = |row: Vec<Option<String>>| {
        let mut row = row.into_iter();
        Some((row.next()??, row.next()?))
    };
    rows.map(|row| pair(row).ok_or_else(|| UNEXPECTED.to_owned())).collect()
}

/// The columns of the only row, or why there is not that one.
async fn replica(connection: &mut Connection) -> Result<Result<Values, String>, String> {
    let mut answer = ask(connection, Answer::Replica.query()).await?;
    // Servers before MySQL 8.0.22 and MariaDB 10.5 know the other word alone.
    if matches!(&answer, Err(failure) if failure.code == SYNTAX) {
        answer = ask(connection, "SHOW SLAVE STATUS").await?;
    }
    let Table { columns, mut rows } = match answer {
        Ok(table) => table,
        Err(failure) if [1142, 1227].contains(&failure.code) => return Ok(Err(MAY_NOT.to_owned())),
        Err(failure) => return Ok(Err(failure.text(""))),
    };
    Ok(match (rows.pop(), rows.len()) {
        (None, _) => Err(NO_REPLICA.to_owned()),
        (Some(row), 0) => Ok(columns.into_iter().zip(row).collect()),
        (Some(_), others) => Err(format!(
            "the server replicates from {} servers, and these values are of one",
            others + 1
        )),
    })
}

/// The table that a query gives, or the server's error.
async fn ask(connection: &mut Connection, query: &str) -> Result<Result<Table, Failure>, String> {
    connection.command(QUERY, query).await?;
    let head = connection.receive().await?;
    if let Some((&ERROR, rest)) = head.split_first() {
        return Ok(Err(Failure::of(rest)));
    }
    let count = Parts(&head).length().filter(|count| (1..=MOST_COLUMNS).contains(count));
    let mut columns = Vec::new();
    for _ in 0..count.ok_or(UNEXPECTED)? {
        let packet = connection.receive().await?;
        columns.push(column(&packet).ok_or(UNEXPECTED)?);
    }
    if !is_end(&connection.receive().await?) {
        return Err(UNEXPECTED.to_owned());
    }
    let mut rows = Vec::new();
    loop {
        let packet = connection.receive().await?;
        if let Some((&ERROR, rest)) = packet.split_first() {
            return Ok(Err(Failure::of(rest)));
        }
        if is_end(&packet) {
            return Ok(Ok(Table { columns, rows }));
        }
        if rows.len() >= MOST_ROWS {
            return Err(UNEXPECTED.to_owned());
        }
        let mut parts = Parts(&packet);
        let values = columns.iter().map(|_| parts.value().map(|value| value.map(text)));
        rows.push(values.collect::<Option<Vec<_>>>().ok_or(UNEXPECTED)?);
    }
}

/// The name of a column, behind those of its catalog, schema and table.
fn column(packet: &[u8]) -> Option<String> {
    let mut parts = Parts(packet);
    for _ in 0..4 {
        parts.text()?;
    }
    parts.text().map(text)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&END) && packet.len() < 9
}

/// A command of the protocol.
const QUERY: u8 = 3;

/// What ends columns and rows.
const END: u8 = 0xfe;

/// An error of the server: it does not know such a statement.
const SYNTAX: u64 = 1064;

/// Replication has some 60 columns.
const MOST_COLUMNS: u64 = 256;

/// As many names as are asked for at once, and room for more.
const MOST_ROWS: usize = 256;

const NO_QUERY_CACHE: &str = "this server has no query cache, as MySQL since 8.0";
const NO_REPLICA: &str = "this server is no replica";
const MAY_NOT: &str =
    "the user may not see replication: grant it REPLICATION CLIENT, in MariaDB REPLICA MONITOR";
const EMPTY: &str = "the server returned an empty value";
const NULL: &str = "the server returned NULL: replication does not run";
