//! Whoever discards all changes has the agent as its files say it, and whoever undoes that has the changes again.

use serde_json::{Value, json};

use crate::Served;
use crate::reload::{AFTER, BEFORE, at};

/// Entries of the blacklist, and the limit of what waits.
fn left_out(served: &Served) -> (Vec<Value>, Value) {
    let list = served.json("/blacklist");
    let ids = list["values"].as_array().expect("a list").iter().map(|of| of["id"].clone());
    (ids.collect(), served.json("/buffer/console")["limit"].clone())
}

fn changed(served: &Served) {
    for id in ["disks", "loops"] {
        let entry = json!({ "id": id, "target": id });
        assert_eq!(served.send("POST", "/blacklist", "", &entry).status, 201);
    }
    let limit = json!({ "limit": 120 });
    assert_eq!(served.send("PUT", "/buffer/console", "", &limit).status, 204);
}

#[test]
fn all_that_requests_have_changed_is_discarded_and_comes_back() {
    let served = at(BEFORE);
    let first = served.json("/buffer/console")["limit"].clone();
    let changes = || served.json("/config")["changes"].clone();
    let none = changes();
    changed(&served);
    served.write_config(AFTER);
    // A reload alone leaves them as they are.
    let (status, answer) = served.post("/config/reload");
    assert_eq!((status, &answer["blacklist"]["removed"]), (200, &json!([])), "{answer}");
    assert_eq!(left_out(&served), (vec![json!("disks"), json!("loops")], json!(120)));
    let generation = answer["generation"].as_u64().expect("a number");
    let (status, answer) = served.post("/config/reload?discard_changes=true");
    assert_eq!(status, 200);
    assert_eq!(answer["generation"], generation + 1, "that is a change by itself");
    assert_eq!(answer["blacklist"]["removed"], json!(["disks", "loops"]));
    assert_eq!(answer["buffers"]["changed"], json!(["console"]));
    assert_eq!(left_out(&served), (vec![], first));
    assert_eq!(changes(), none);
    // The files are as they were: what an undo goes back to is still the same.
    assert_eq!(served.post("/config/reload").0, 200);
    served.agent.wait_for_log("blacklist: removed disks, loops; buffers: changed console");
    // What was set since stays.
    let entry = json!({ "id": "loops", "check": "a" });
    assert_eq!(served.send("POST", "/blacklist", "", &entry).status, 201);
    let (status, answer) = served.post("/config/undo");
    assert_eq!(status, 200);
    assert_eq!(answer["blacklist"]["added"], json!(["disks"]), "{answer}");
    assert_eq!(left_out(&served), (vec![json!("disks"), json!("loops")], json!(120)));
    assert_eq!(served.json("/blacklist/loops")["check"], "a");
    let again = served.again();
    assert_eq!(left_out(&again), (vec![json!("disks"), json!("loops")], json!(120)));
}

#[test]
fn what_is_discarded_is_gone_after_a_restart_and_broken_files_discard_nothing() {
    let served = at(BEFORE);
    let first = served.json("/buffer/console")["limit"].clone();
    changed(&served);
    served.write_config("checks: [");
    assert_eq!(served.post("/config/reload?discard_changes=true").0, 422);
    assert_eq!(left_out(&served).0.len(), 2);
    served.write_config(BEFORE);
    assert_eq!(served.post("/config/reload?discard_changes=true").0, 200);
    // An undo takes back the last reload, and that one has discarded nothing.
    served.write_config(AFTER);
    assert_eq!(served.post("/config/reload").0, 200);
    let (_, answer) = served.post("/config/undo");
    assert_eq!(answer["blacklist"]["added"], json!([]));
    served.write_config(BEFORE);
    assert_eq!(left_out(&served.again()), (vec![], first));
}
