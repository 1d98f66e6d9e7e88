//! What each resource answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Served;

fn is(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

fn ids(list: &Value, field: &str) -> Vec<String> {
    let values = list["values"].as_array().expect("an array").iter();
    values.map(|of| of[field].as_str().expect("a text").to_owned()).collect()
}

fn fields(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_entity_its_checks_and_the_agent() {
    let served = Served::at_socket();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let entity = served.json("/entities/self");
    assert_eq!((&entity["id"], &entity["label"]), (&json!(host), &json!("web")));
    assert_eq!(entity["metadata"], json!({ "ServiceName": "web" }));
    assert_eq!(served.json("/v1.0/any/entities")["values"], json!([entity]));
    assert_eq!(served.json(&format!("/entities/{host}")), entity);
    let checks = served.json("/entities/self/checks");
    assert_eq!(ids(&checks, "id"), ["load", "memory", "tcp", "utilization"]);
    assert_eq!(checks["metadata"]["next_marker"], Value::Null);
    let mut load = served.json("/entities/self/checks/load");
    assert_eq!(checks["values"][0], load);
    let expected = json!({
        "id": "load", "label": "load", "type": "agent.load_average", "period": 1, "timeout": 0.5,
        "details": {}, "disabled": false, "metadata": { "team": "web" }, "monitoring_zones_poll": null,
        "target_alias": null, "target_resolver": null, "active_suppressions": [],
        "scheduled_suppressions": [], "publish": null, "source": "file",
    });
    assert_eq!(load.take(), expected);
    let own = served.json("/v1.0/self/entities/self/checks/utilization");
    assert_eq!((&own["type"], &own["period"]), (&json!("agent.utilization"), &json!(0.1)));
    assert_eq!(served.json("/entities/self/checks/memory")["disabled"], true);
    let agent = served.json("/agents/self");
    assert_eq!(agent["id"], host);
    assert_eq!(served.json("/agents")["values"], json!([agent]));
    let connection = &served.json("/agents/self/connections")["values"][0];
    assert_eq!(connection["agent_id"], host);
    assert!(connection["endpoint"].as_str().is_some_and(|of| of.starts_with("unix:/")));
}

#[test]
fn a_list_has_pages_with_the_url_of_the_next_one() {
    let served = Served::at_socket();
    let (mut path, mut found) = ("/v1.0/self/entities/self/checks?limit=3".to_owned(), Vec::new());
    loop {
        let page = served.json(&path);
        found.extend(ids(&page, "id"));
        let Some(next) = page["metadata"]["next_href"].as_str() else { break };
        path = next.strip_prefix("http://localhost").expect("this host").to_owned();
    }
    assert_eq!(found, ["load", "memory", "tcp", "utilization"]);
    for limit in ["0", "1001", "x"] {
        let answer = served.get(&format!("/entities?limit={limit}"));
        assert_eq!(answer.error(), is(400, "invalidLimit"), "{limit}");
    }
}

#[test]
fn what_is_not_there_is_told_by_its_kind() {
    let served = Served::at_socket();
    let plot = "/entities/self/checks/utilization/metrics/cpu/plot";
    let range = "from=1795000000000&to=1795100000000";
    for (path, expected) in [
        ("/nothing", is(404, "notFoundError")),
        ("/v1.0/self", is(404, "notFoundError")),
        ("/entities/other", is(404, "parentNotFoundError")),
        ("/entities/other/checks", is(404, "parentNotFoundError")),
        ("/entities/self/checks/none", is(404, "notFoundError")),
        ("/entities/self/checks/none/metrics", is(404, "notFoundError")),
        ("/agents/other", is(404, "notFoundError")),
        ("/check_types/agent.none", is(404, "notFoundError")),
        ("/entities/self/agent/check_types/agent.memory/targets", is(404, "notFoundError")),
        ("/agents/self/host_info/none", is(404, "notFoundError")),
        ("/values/load/none", is(404, "notFoundError")),
        ("/values/none/1m", is(404, "notFoundError")),
        (plot, is(400, "badRequest")),
        (&format!("{plot}?{range}"), is(400, "badRequest")),
        (&format!("{plot}?from=1795000000&to=1795100000&points=1"), is(400, "badRequest")),
        (&format!("{plot}?{range}&points=1"), is(404, "notFoundError")),
        ("/time?sent=x", is(400, "badRequest")),
    ] {
        assert_eq!(served.get(path).error(), expected, "{path}");
    }
    let off = served.get(&format!("{plot}?{range}&points=1")).json();
    assert_eq!(off["message"], "history is off: --store turns it on");
    for method in ["POST", "PUT", "DELETE", "PATCH", "FROB"] {
        let answer = served.ask(&format!("{method} {plot} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(answer.error(), is(405, "methodNotAllowed"), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
}

/// Clients send the names of metrics as they are.
#[test]
fn the_name_of_a_metric_arrives_as_it_is() {
    let served = Served::at_socket();
    for (sent, name) in [
        ("/var.used", "/var.used"),
        ("50%", "50%"),
        ("..", ".."),
        ("a#b", "a#b"),
        ("a%23b%20c", "a#b c"),
        ("//", "//"),
        ("x/plot", "x/plot"),
        ("a+b", "a+b"),
    ] {
        let path = format!("/v1.0/self/entities/self/checks/load/metrics/{sent}/plot");
        assert_eq!(served.get(&path).error(), is(400, "badRequest"), "{sent}");
        let missing = served.get(&format!("/values/load/{sent}")).json();
        let expected = format!("check \"load\" has no value of a metric {name:?}");
        assert_eq!(missing["message"], expected, "{sent}");
    }
}

#[test]
fn values_and_metrics_are_the_newest() {
    let served = Served::at_socket();
    served.wait_for_value("load/1m");
    served.wait_for_value("utilization/cpu");
    let values = served.json("/values?limit=1000");
    let all: Vec<_> = values["values"].as_array().expect("an array").to_vec();
    let of = |check: &str, metric: &str| {
        let found = all.iter().find(|of| of["check"] == check && of["metric"] == metric);
        found.unwrap_or_else(|| panic!("no {metric} of {check} in {values:#}"))
    };
    let cpu = of("utilization", "cpu");
    assert_eq!(
        (&cpu["unit"], &cpu["type"], &cpu["kind"]),
        (&json!("percent"), &json!("D"), &json!("gauge"))
    );
    assert_eq!(cpu["stale"], false);
    assert!(cpu["value"].as_f64().is_some_and(|value| (0.0..=100.0).contains(&value)), "{cpu}");
    assert!(cpu["age"].as_f64().is_some_and(|age| age < 60.0), "{cpu}");
    let one = served.json("/values/load/1m");
    assert_eq!(fields(&one), fields(of("load", "1m")));
    let metrics = served.json("/entities/self/checks/load/metrics");
    assert!(ids(&metrics, "name").contains(&"1m".to_owned()), "{metrics}");
    let memory = served.json("/entities/self/checks/memory/metrics");
    assert_eq!(memory["values"], json!([]), "it is disabled");
    assert_eq!(served.get("/values/memory/used").error(), is(404, "notFoundError"));
}

#[test]
fn types_targets_and_host_info() {
    let served = Served::at_socket();
    let types = served.json("/check_types");
    let names = ids(&types, "id");
    assert!(names.contains(&"agent.utilization".to_owned()) && names.is_sorted(), "{names:?}");
    for name in &names {
        let one = served.json(&format!("/check_types/{name}"));
        assert!(types["values"].as_array().is_some_and(|all| all.contains(&one)), "{one}");
        assert!(["agent", "remote"].iter().any(|of| one["type"] == *of), "{one}");
    }
    let load = served.json("/check_types/agent.load_average");
    let metrics = load["metrics"].as_array().into_iter().flatten();
    let headlines: Vec<_> =
        metrics.filter(|of| of["headline"] == true).map(|of| &of["name"]).collect();
    assert_eq!(headlines, ["1m_per_core"]);
    let targets = served.json("/entities/self/agent/check_types/agent.network/targets");
    assert!(ids(&targets, "id").contains(&"lo".to_owned()), "{targets}");
    let types = served.json("/agents/self/host_info_types");
    assert!(types["types"].as_array().is_some_and(|all| all.contains(&json!("memory"))));
    for path in ["/agents/self/host_info/memory", "/v1.0/self/entities/self/agent/host_info/MEMORY"]
    {
        let info = served.json(path);
        assert_eq!(fields(&info), BTreeSet::from(["info", "timestamp"]));
        assert!(info["info"][0]["total"].is_u64(), "{info}");
    }
}

#[test]
fn what_it_can_and_how_it_is() {
    let served = Served::at_socket();
    let capabilities = served.json("/capabilities");
    assert_eq!(capabilities["history"]["enabled"], false);
    let resolution = |name: &str, length: Value, kept: u64| json!({ "name": name, "length_ms": length, "kept_seconds": kept, "oldest": null });
    let resolutions = &capabilities["resolutions"];
    assert_eq!(resolutions[0], resolution("FULL", Value::Null, 2 * 86_400 + 300));
    assert_eq!(resolutions[5], resolution("MIN1440", json!(86_400_000), 1827 * 86_400));
    let live = "alarms,blacklist,buffer,certificates,checks,configuration files,notifications,\
                thresholds,tokens,values";
    let live: Vec<_> = live.split(',').collect();
    assert_eq!(capabilities["live"], json!(live));
    // All options that the help names, and nothing else.
    let help = support::command().arg("--help").output().expect("it runs").stdout;
    let help = String::from_utf8(help).expect("text");
    // What is indented more than `      --period` goes on with the line before.
    let is_option =
        |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("       ");
    let options = help.lines().filter(is_option).flat_map(str::split_whitespace);
    let options = options.filter_map(|word| word.strip_prefix("--"));
    let names = options.map(|option| option.split('[').next().unwrap_or_default());
    let named: BTreeSet<_> = names.filter(|name| !["help", "version"].contains(name)).collect();
    let restart = capabilities["restart"].as_array().expect("a list").iter();
    let restart: BTreeSet<_> = restart.map(|name| name.as_str().expect("a name")).collect();
    assert_eq!(restart, named);
    let time = served.json("/time?sent=1795843899102.5");
    assert_eq!(time["sent"], 1_795_843_899_102.5);
    assert!(time["timestamp"].as_u64() >= time["started"].as_u64(), "{time}");
    assert_eq!(served.json("/healthz"), json!({ "status": "ok" }));
}

/// Each path of the description answers, and with the fields that it says.
#[test]
fn the_description_is_true() {
    let served = Served::at_socket();
    served.wait_for_value("load/1m");
    let entry = json!({ "id": "nothing", "metric": "none" });
    assert_eq!(served.send("POST", "/blacklist", "", &entry).status, 201);
    for (path, body) in [
        ("/notifications", json!({ "id": "hook", "type": "log" })),
        ("/notification_plans", json!({ "id": "hook", "ok_state": "hook" })),
        ("/suppressions", json!({ "id": "hook" })),
    ] {
        assert_eq!(served.send("POST", path, "", &body).status, 201, "{path}");
    }
    let event = served.send("POST", "/events", "", &json!({ "message": "x" })).json();
    let threshold = json!({ "id": "low", "metric": "none", "failure_min": 1 });
    assert_eq!(served.send("POST", "/thresholds", "", &threshold).status, 201);
    let document = served.json("/openapi.json");
    let schemas = &document["components"]["schemas"];
    let (mut looked_at, paths) = (0, document["paths"].as_object().expect("paths"));
    for (path, item) in paths {
        let reference =
            &item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = reference.as_str().and_then(|text| text.rsplit('/').next()) else {
            continue;
        };
        let path = path
            .replace("{entity}", "self")
            .replace("{agent}", "self")
            .replace("{check}", "load")
            .replace("{metric}", "1m")
            .replace("{alarm}", "high")
            .replace("{entry}", "nothing")
            .replace("{threshold}", "low")
            .replace("/effective", "/effective?metric=load/1m")
            .replace("{publisher}", "console")
            .replace("{notification}", "hook")
            .replace("{plan}", "hook")
            .replace("{suppression}", "hook")
            .replace("{event}", &event["id"].to_string())
            .replace("{notification_type}", "webhook")
            .replace("{type}", "memory")
            .replace("{check_type}", "agent.network");
        if path.ends_with("/plot") {
            continue;
        }
        let answer = served.json(&path);
        // Nothing of this has happened.
        let is_told = path.contains("/notification_history/");
        if is_told || ["/changelogs/alarms", "/suppression_logs"].contains(&&*path) {
            assert_eq!(answer["values"], json!([]), "{path}");
            continue;
        }
        let (object, schema) = match schema.strip_suffix("List") {
            Some(item) => (answer["values"][0].clone(), item),
            None => (answer, schema),
        };
        if let Some(properties) =
            schemas[schema]["properties"].as_object().filter(|of| !of.is_empty())
        {
            let described: BTreeSet<_> = properties.keys().map(String::as_str).collect();
            assert_eq!(fields(&object), described, "{path}");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 25, "{looked_at}");
}
