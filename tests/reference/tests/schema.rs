//! docs/configuration.schema.json takes what the agent takes, as far as a schema can tell.

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

/// Whether a file is valid by the schema.
fn is_valid(file: &Value) -> bool {
    let schema: Value = serde_json::from_str(&reference::schema::document()).expect("JSON");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("file:///schema.json", schema).expect("a resource");
    let index = compiler.compile("file:///schema.json", &mut schemas).expect("a schema");
    schemas.validate(file, index).is_ok()
}

#[test]
fn what_is_right_is_valid() {
    for file in [
        json!({}),
        json!({ "namespace": "MyApp", "service": "web", "period": "5m", "buffer": 0, "once": false }),
        json!({ "dimension": { "Stage": "prod" }, "metrics": ["cpu", "memory"], "pod-exclude": "istio" }),
        json!({ "checks": { "root": {
            "type": "agent.filesystem",
            "period": 30,
            "details": { "target": "/" },
            "publish": ["used_percent"],
            "alarms": { "full": { "criteria": "x" } },
        } } }),
        json!({ "checks": { "load": { "type": "agent.load_average", "publish": { "1m": "Load" } } } }),
        json!({ "thresholds": { "hot": { "check": "utilization", "failure_max": 90, "of": "max" } } }),
        json!({ "checks": { "load": { "type": "agent.load_average", "details": null } } }),
        json!({ "checks": { "web": { "type": "agent.process", "details": { "user": 33 } } } }),
        json!({
            "notifications": {
                "hook": { "type": "webhook", "details": { "url": "https://example.com/hook" } },
                "log": { "type": "log" },
            },
            "notification_plans": { "default": { "critical_state": ["hook", "log"], "ok_state": "log" } },
            "suppressions": { "night": { "start_time": 5, "checks": ["root"] }, "all": null },
        }),
    ] {
        assert!(is_valid(&file), "{file}");
    }
}

#[test]
fn what_is_wrong_is_not() {
    for file in [
        json!([]),
        json!({ "peroid": 60 }),
        json!({ "thresholds": { "hot": { "failure_max": 90 } } }),
        json!({ "thresholds": { "hot": { "metric": "cpu", "failure_mx": 90 } } }),
        json!({ "thresholds": { "hot": { "metric": "cpu", "of": "mean" } } }),
        json!({ "config": "x" }),
        json!({ "period": [60] }),
        json!({ "checks": { "root": { "type": "agent.filesystem" } } }),
        json!({ "checks": { "root": { "type": "agent.filesystem", "details": {} } } }),
        json!({ "checks": { "root": { "type": "agent.filesystem", "details": { "targt": "/" } } } }),
        json!({ "checks": { "load": { "period": 60 } } }),
        json!({ "checks": { "web": { "type": "agent.process" } } }),
        json!({ "checks": { "web": { "type": "agent.process", "details": {} } } }),
        json!({ "checks": { "load": { "type": "agent.lod" } } }),
        json!({ "checks": { "load": { "type": "agent.load_average", "details": { "target": "/" } } } }),
        json!({ "checks": { "load": { "type": "agent.load_average", "tiemout": 5 } } }),
        json!({ "notifications": { "hook": { "type": "webhook", "details": {} } } }),
        json!({ "notifications": { "hook": { "type": "email" } } }),
        json!({ "notification_plans": { "default": { "bad_state": ["hook"] } } }),
        json!({ "suppressions": { "night": { "start": 5 } } }),
    ] {
        assert!(!is_valid(&file), "{file}");
    }
}
