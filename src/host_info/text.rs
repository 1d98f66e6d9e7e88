//! Host info as a person reads it.

use serde_json::Value;

use super::{HostInfo, TABLE};
use crate::shown::shown;

/// The records in aligned columns; a single one as lines of name and value.
pub fn text_table(of: &HostInfo, info: &Value) -> String {
    let records = info.as_array().map(Vec::as_slice).unwrap_or_default();
    match records {
        [] => format!("{}: there is none here", of.name),
        [record] => {
            let lines =
                of.fields.iter().map(|field| vec![(*field).to_owned(), cell(&record[field])]);
            aligned(&lines.collect::<Vec<_>>())
        }
        records => {
            let head = of.fields.iter().map(|field| (*field).to_owned()).collect();
            let row = |record: &Value| of.fields.iter().map(|field| cell(&record[field])).collect();
            let rows: Vec<_> = std::iter::once(head).chain(records.iter().map(row)).collect();
            aligned(&rows)
        }
    }
}

/// A value in its column. What is not there is a dash, as in the other tables.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => shown(text),
        Value::Number(number) if number.is_f64() => {
            format!("{:.1}", number.as_f64().unwrap_or_default())
        }
        other => shown(&other.to_string()),
    }
}

/// Columns as wide as their longest text, with two blanks between them.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The name of each type, and what it is about.
pub fn list() -> String {
    let rows = TABLE.iter().map(|of| vec![of.name.to_owned(), of.about.to_owned()]);
    aligned(&rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host_info::Unavailable;

    const OF: HostInfo = HostInfo {
        name: "things",
        about: "Things",
        fields: &["name", "size", "share"],
        gather: |_| Err(Unavailable::Failed(String::new())),
    };

    #[test]
    fn several_records_are_columns_one_is_lines_and_none_is_said() {
        let info = json!([
            { "name": "a", "size": 12345, "share": 12.345 },
            { "name": "größer", "size": null, "share": true },
        ]);
        let table = "name    size   share\na       12345  12.3\ngrößer  -      true";
        assert_eq!(text_table(&OF, &info), table);
        let one = json!([{ "name": "", "size": 7 }]);
        assert_eq!(text_table(&OF, &one), "name   -\nsize   7\nshare  -");
        assert_eq!(text_table(&OF, &json!([])), "things: there is none here");
    }

    #[test]
    fn a_foreign_text_controls_no_terminal_and_shows_no_password() {
        let info = json!([{ "name": "\u{1b}[2J\nx", "size": "//joe:hunter2@server/share" }]);
        let text = text_table(&OF, &info);
        assert_eq!(text, "name   \\u{1b}[2J\\nx\nsize   //***@server/share\nshare  -");
    }

    #[test]
    fn the_list_has_each_type_on_a_line() {
        let list = list();
        assert_eq!(list.lines().count(), TABLE.len());
        for (line, of) in list.lines().zip(TABLE) {
            assert!(line.starts_with(of.name) && line.ends_with(of.about), "{line}");
        }
    }
}
