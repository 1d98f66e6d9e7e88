//! The configuration files read again beside what requests have changed.

use serde_json::{Value, json};

use crate::reload::{BEFORE, CHECKS, at};

#[test]
fn what_stays_as_a_request_has_changed_it_is_named() {
    let served = at(BEFORE);
    let changed = served.send("PUT", &format!("{CHECKS}/b"), "", &json!({ "label": "mine" }));
    assert_eq!(changed.status, 204);
    assert_eq!(served.send("DELETE", &format!("{CHECKS}/a"), "", &Value::Null).status, 204);
    served.write_config(&BEFORE.replace("period: 1", "period: 3"));
    let (_, answer) = served.post("/config/reload");
    assert_eq!(answer["overridden"], json!(["a", "b"]), "{answer}");
    assert_eq!(answer["unchanged"], 2);
    served.agent.wait_for_log("now, which stay as requests have changed them: a, b");
    let (_, answer) = served.post("/config/reload?discard_changes=true");
    assert_eq!((&answer["added"], &answer["changed"]), (&json!(["a"]), &json!(["b"])));
    assert_eq!(answer["overridden"], json!([]));
}
