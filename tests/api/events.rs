//! Events of alarms, checks and requests: their list and their stream.

use std::collections::HashSet;

use serde_json::{Value, json};
use support::server::wait_until;

use crate::Served;
use crate::alarms::{CONFIG, door_of};
use crate::client::Client;

/// A stream that is read line by line. Without chunks, as HTTP/1.0 has none.
pub struct Stream(Client);

impl Stream {
    pub fn of(served: &Served, path: &str, headers: &str) -> Self {
        let mut client = Client::at(&served.place);
        client.send(&format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n"));
        let head = client.lines_of_block();
        assert!(head[0].ends_with(" 200 OK"), "{head:?}");
        assert!(head.contains(&"content-type: text/event-stream".to_owned()), "{head:?}");
        Self(client)
    }

    /// The next event: its name and data.
    pub fn next(&mut self) -> (String, Value) {
        loop {
            let block = self.0.lines_of_block();
            let field = |name: &str| {
                block
                    .iter()
                    .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                    .map(str::to_owned)
            };
            // Else it is a comment.
            if let Some(event) = field("event") {
                let data: Value =
                    serde_json::from_str(&field("data").expect("data")).expect("JSON");
                if event != "gap" && data["id"].is_u64() {
                    assert_eq!(field("id"), Some(data["id"].to_string()));
                }
                return (event, data);
            }
        }
    }

    /// The next event for which this holds.
    pub fn find(&mut self, holds: impl Fn(&str, &Value) -> bool) -> Value {
        loop {
            let (event, data) = self.next();
            if holds(&event, &data) {
                return data;
            }
        }
    }
}

impl Client {
    /// The lines up to an empty one.
    fn lines_of_block(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| Some(self.line().expect("the stream goes on")));
        lines.take_while(|line| !line.is_empty()).collect()
    }
}

fn is_of(alarm: &str, state: &str) -> impl Fn(&str, &Value) -> bool {
    let (alarm, state) = (json!(alarm), json!(state));
    move |event, data| event == "alarm" && data["alarm_id"] == alarm && data["state"] == state
}

#[test]
fn an_alarm_that_changes_is_an_event_in_the_list_and_in_the_stream() {
    let served = door_of(CONFIG, &[]);
    served.wait_for_state("ajar", &json!("OK"));
    let mut stream = Stream::of(&served, "/events/stream", "");
    served.set_door("5");
    let critical = stream.find(is_of("ajar", "CRITICAL"));
    for (field, expected) in [
        ("severity", json!("critical")),
        ("kind", json!("alarm")),
        ("check_id", json!("door")),
        ("previous_state", json!("OK")),
        ("message", json!("open by 5")),
        ("details", json!({ "label": "The door stands open", "notification_plan_id": null })),
    ] {
        assert_eq!(critical[field], expected, "{critical}");
    }
    served.set_door("0");
    let ok = stream.find(is_of("ajar", "OK"));
    assert_eq!((&ok["severity"], &ok["previous_state"]), (&json!("info"), &json!("CRITICAL")));
    assert!(ok["id"].as_u64() > critical["id"].as_u64());
    // The same in the list; the first OK says nothing.
    let of_alarm = |query: &str| {
        let all = served.json(&format!("/events?{query}"))["values"].clone();
        let all = all.as_array().expect("an array").clone();
        all.into_iter().filter(|event| event["alarm_id"] == "ajar").collect::<Vec<_>>()
    };
    assert_eq!(of_alarm(""), [critical.clone(), ok.clone()]);
    assert_eq!(of_alarm("severity=warning"), std::slice::from_ref(&critical));
    assert_eq!(of_alarm(&format!("after={}", critical["id"])), std::slice::from_ref(&ok));
    let time = |event: &Value| event["timestamp"].as_i64().expect("milliseconds");
    assert_eq!(of_alarm(&format!("to={}", time(&critical))), [Value::Null; 0]);
    assert_eq!(of_alarm(&format!("from={}", time(&ok))), std::slice::from_ref(&ok));
    assert_eq!(served.json(&format!("/events/{}", ok["id"])), ok);
    // As existing clients read it, the newest first.
    let changes = served.json("/changelogs/alarms?entityId=self&reverse=True&limit=1");
    let change = &changes["values"][0];
    assert_eq!(change["id"], ok["id"].to_string());
    assert_eq!((&change["previous_state"], &change["state"]), (&json!("CRITICAL"), &json!("OK")));
    assert!(changes["metadata"]["next_marker"].is_string(), "{changes}");
    assert_eq!(served.get("/changelogs/alarms?entityId=x").status, 404);
}

#[test]
fn a_check_that_is_lost_and_a_change_by_a_request_are_events() {
    let served = door_of(CONFIG, &[]);
    served.wait_for_state("ajar", &json!("OK"));
    let mut stream = Stream::of(&served, "/events/stream?after=0", "");
    served.set_door("nothing");
    let lost = stream.find(|event, _| event == "check");
    assert_eq!((&lost["state"], &lost["severity"]), (&json!("unavailable"), &json!("warning")));
    assert!(lost["message"].as_str().is_some_and(|text| text.starts_with("check door is una")));
    served.set_door("0");
    let back = stream.find(|event, _| event == "check");
    assert_eq!(
        (&back["state"], &back["previous_state"]),
        (&json!("available"), &json!("unavailable"))
    );
    // A port without a token can only be read.
    let reading = Served::at_port(&[], &[]);
    let body = json!({ "message": "x" });
    assert_eq!(reading.send("POST", "/events", "", &body).status, 403);
}

#[test]
fn what_a_request_raises_and_changes_is_followed_from_any_event_on() {
    let served = Served::at_socket();
    let post = |body: Value| served.send("POST", "/v1.0/me/events?_who=me", "", &body);
    let first = post(json!({ "message": "deployed", "details": { "version": "1.2" } }));
    assert_eq!(first.status, 201, "{first:?}");
    let first_id = first.json()["id"].to_string();
    assert_eq!(first.header("location"), Some(&*format!("/v1.0/me/events/{first_id}")));
    let second = json!({ "message": "slow", "severity": "warning", "check_id": "load" });
    assert_eq!(post(second).json()["check_id"], "load");
    served.send(
        "POST",
        "/entities/self/checks/load/disable?_who=joe&_why=a+test",
        "",
        &Value::Null,
    );
    // From the first one on, by either way; the header is that of a client that connects again.
    let last = format!("Last-Event-ID: {first_id}\r\n");
    for (query, header) in [("after=0", &*last), (&*format!("after={first_id}"), "")] {
        let mut stream = Stream::of(&served, &format!("/events/stream?{query}"), header);
        assert_eq!(stream.find(|event, _| event == "posted")["message"], "slow");
        let change = stream.find(|event, _| event == "configuration");
        assert_eq!(change["message"], "check load was disabled through the API by joe: a test");
    }
    let mut warnings = Stream::of(&served, "/events/stream?after=0&severity=warning", "");
    assert_eq!(warnings.find(|event, _| event == "posted")["message"], "slow");
    // Of another life of the agent: all that is there follows, and that something may be missing is said.
    let mut stream = Stream::of(&served, "/events/stream", "Last-Event-ID: 7\r\n");
    assert_eq!(stream.next(), ("gap".to_owned(), json!({ "missed": null })));
    assert_eq!(stream.find(|event, _| event == "posted")["message"], "deployed");
    for (body, message) in [
        (json!({}), "message: expected a text of 1 to 1000 bytes"),
        (json!({ "message": "x".repeat(1001) }), "message: expected a text of 1 to 1000 bytes"),
        (json!({ "message": 5 }), "message: expected a text, not 5"),
        (
            json!({ "message": "x", "severity": "bad" }),
            "severity \"bad\": expected info, warning or critical",
        ),
        (json!({ "message": "x", "check_id": "y" }), "check_id \"y\": expected the id of a check"),
        (
            json!({ "message": "x", "details": { "x": "x".repeat(1000) } }),
            "details: expected an object of at most 1000 bytes",
        ),
    ] {
        let answer = post(body.clone());
        assert_eq!((answer.status, &answer.json()["message"]), (400, &json!(message)), "{body}");
    }
    for path in
        ["/events?after=x", "/events?from=now", "/events/stream?severity=all", "/events?to="]
    {
        assert_eq!(served.get(path).status, 400, "{path}");
    }
    assert_eq!(served.get("/events/5").error(), (404, "notFoundError".to_owned()));
}

#[test]
fn too_many_events_of_requests_are_refused() {
    let served = Served::at_socket();
    let body = json!({ "message": "again" });
    let mut answers = std::iter::repeat_with(|| served.send("POST", "/events", "", &body));
    let refused = answers.find(|answer| answer.status != 201).expect("there is no end of them");
    assert_eq!(refused.error(), (429, "rateLimit".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[test]
fn values_are_followed_as_they_come() {
    let served = Served::at_socket();
    let mut of_load = Stream::of(&served, "/values/stream?check=load", "");
    for _ in 0..2 {
        let (event, data) = of_load.next();
        assert_eq!(
            (&*event, &data["check"], &data["available"]),
            ("values", &json!("load"), &json!(true))
        );
        let metrics = data["values"].as_array().expect("an array");
        let minute = metrics.iter().find(|of| of["metric"] == "1m").expect("a metric of it");
        assert!(minute["value"].is_number() && minute["unit"].is_string(), "{minute}");
    }
    let mut all = Stream::of(&served, "/values/stream", "");
    let sample = all.find(|_, data| data["check"] == "utilization");
    assert!(sample["values"].as_array().is_some_and(|of| !of.is_empty()), "{sample}");
    let lost = all.find(|_, data| data["check"] == "tcp");
    assert_eq!(
        (&lost["available"], &lost["values"][0]["metric"]),
        (&json!(false), &json!("available"))
    );
    assert_eq!(served.get("/values/stream?check=none").status, 404);
    let overview = served.json("/views/overview");
    let entity = &overview["values"][0];
    assert_eq!(entity["entity"], served.json("/entities/self"));
    assert_eq!(entity["alarms"][0], served.json("/entities/self/alarms/high"));
    assert_eq!(entity["latest_alarm_states"][0]["alarm_id"], "high");
    let page = served.get("/metrics");
    assert!(page.text().contains("cloudwatch_metrics_agent_api_streams 2\n"), "{}", page.text());
}

#[test]
fn streams_are_few_and_end_with_the_agent() {
    let served = Served::at_socket();
    let mut streams: Vec<_> = (0..16).map(|_| Stream::of(&served, "/events/stream", "")).collect();
    let refused = served.get("/events/stream");
    assert_eq!(refused.error(), (503, "serviceUnavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(served.get("/entities").status, 200);
    streams.pop();
    wait_until("room", || {
        let mut client = Client::at(&served.place);
        client.send(
            "HEAD /events/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
        );
        let head = client.lines_of_block();
        // Never compressed: who reads it is to have each event at once.
        assert!(!head.iter().any(|line| line.starts_with("content-encoding")), "{head:?}");
        head[0].ends_with(" 200 OK")
    });
    let mut chunked = Client::at(&served.place);
    chunked.send("GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(chunked.lines_of_block().contains(&"transfer-encoding: chunked".to_owned()));
    let ended = served.agent.terminate();
    assert!(ended.status.success(), "{ended:?}");
    for Stream(mut client) in streams {
        while client.line().is_some() {}
    }
}

#[test]
fn a_change_that_is_done_is_told_also_where_its_client_goes_away() {
    let served = door_of(CONFIG, &[]);
    served.wait_for_state("ajar", &json!("OK"));
    let mut stream = Stream::of(&served, "/events/stream", "");
    let post = |id: &str| {
        let body = json!({ "id": id, "type": "agent.cpu", "disabled": true }).to_string();
        let length = body.len();
        format!(
            "POST /entities/self/checks HTTP/1.1\r\nHost: localhost\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    for number in 0..8 {
        // It closes its connection without having read anything. The agent may see that before it has read all.
        Client::at(&served.place).send(&post(&format!("c{number}")));
    }
    assert_eq!(served.ask(&post("last")).status, 201);
    let checks = served.json("/entities/self/checks");
    let ids = checks["values"].as_array().expect("a list").iter();
    let ids = ids.map(|of| of["id"].as_str().expect("an id"));
    let mut untold: HashSet<_> = ids.filter(|id| id.starts_with(['c', 'l'])).collect();
    assert!(untold.contains("last"), "{untold:?}");
    while !untold.is_empty() {
        let told = stream.find(|event, _| event == "configuration");
        untold.remove(told["check_id"].as_str().expect("an id"));
    }
}
