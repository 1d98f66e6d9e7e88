//! docs/operations.md has each type of host info with all of its fields.

use std::path::Path;

use cloudwatch_metrics_agent::host_info::TABLE;

#[test]
fn each_type_is_documented_with_all_of_its_fields() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let (_, section) = document.split_once("\n## Host info\n").expect("it has a section");
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
    for (of, row) in TABLE.iter().zip(&rows) {
        let fields: Vec<_> = of.fields.iter().map(|field| format!("`{field}`")).collect();
        let expected = format!("| `{}` | {} | {} |", of.name, of.about, fields.join(", "));
        assert_eq!(*row, expected);
    }
    assert!(rows.len() > TABLE.len(), "then come the messages");
}
