//! The page for people, as a browser gets it; what it does there is tested in tests/page.

use std::env;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloudwatch_metrics_agent::{Described, Store};
use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};

use crate::Served;
use crate::client::{Answer, Client, Place};

const TOKEN: (&str, &str) = ("CLOUDWATCH_METRICS_AGENT_API_TOKEN", "a-token-that-may-write");

/// The most bytes of the page, compressed: with more it would not be there at once over a slow tunnel.
const LARGEST: usize = 60_000;

fn packed(served: &Served, path: &str) -> Answer {
    let head = "Host: localhost\r\nAccept-Encoding: gzip, br\r\n\r\n";
    served.ask(&format!("GET {path} HTTP/1.1\r\n{head}"))
}

fn unpacked(answer: &Answer) -> String {
    let mut text = String::new();
    GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("it is compressed");
    text
}

/// What stands between the first of one and the next of the other.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).expect(begin).1;
    rest.split_once(end).expect(end).0
}

#[test]
fn the_page_is_one_small_file_that_its_policy_allows_and_nothing_else() {
    let served = Served::at_port(&[], &[TOKEN]);
    let answer = packed(&served, "/");
    assert_eq!(answer.status, 200, "it needs no token");
    assert_eq!(answer.header("content-type"), Some("text/html;charset=utf-8"));
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.body.len() <= LARGEST, "{} bytes", answer.body.len());
    let page = unpacked(&answer);
    let policy = answer.header("content-security-policy").expect("there is one");
    for (kind, tag) in [("script-src", "script"), ("style-src", "style")] {
        let text = between(&page, &format!("<{tag}>"), &format!("</{tag}>"));
        let hash = STANDARD.encode(digest(&SHA256, text.as_bytes()));
        assert_eq!(between(policy, &format!("{kind} "), ";"), format!("'sha256-{hash}'"));
        assert_eq!(page.matches(&format!("<{tag}>")).count(), 1);
    }
    for rule in
        ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    // What the policy would refuse is not there, and nothing is asked of anywhere else.
    let (before, after) = page.split_once("<script>").expect("a script");
    let markup = [before, after.split_once("</script>").expect("its end").1].concat();
    for refused in [" style=", " onclick", " src=", "href=\"http", "@import", "url("] {
        assert!(!markup.contains(refused), "{refused}");
    }
    assert!(page.contains("Copyright (c)") && page.contains("uPlot (v1.6.32)"), "its licence");
}

#[test]
fn by_its_mark_an_agent_is_known_before_it_gets_a_token() {
    let mark = |served: &Served, path: &str| {
        let head = format!("Host: localhost\r\nX-Auth-Token: {}\r\n\r\n", TOKEN.1);
        let answer = served.ask(&format!("GET {path} HTTP/1.1\r\n{head}"));
        answer.header("x-agent").map(str::to_owned)
    };
    let served = Served::at_port(&[], &[TOKEN]);
    let own = mark(&served, "/").expect("there is one");
    assert!(own.len() > 10 && own.bytes().all(|byte| byte.is_ascii_digit()), "{own}");
    assert_eq!(mark(&served, "/agent").as_ref(), Some(&own));
    assert_eq!(packed(&served, "/").header("x-agent"), Some(&*own), "it needs no token");
    let refused = packed(&served, "/agent");
    assert_eq!((refused.status, refused.header("x-agent")), (401, Some(&*own)));
    for path in ["/time", "/healthz", "/readyz", "/no/such/path"] {
        assert_eq!(mark(&served, path).as_ref(), Some(&own), "{path}");
    }
    // Of the same machine, at another address.
    assert_ne!(mark(&Served::at_port(&[], &[TOKEN]), "/"), Some(own));
}

#[test]
fn who_takes_nothing_compressed_gets_the_same() {
    let served = Served::at_socket();
    let page = unpacked(&packed(&served, "/"));
    for path in ["/", "/v1.0/self/", "/?x=1"] {
        let plain = served.get(path);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        assert_eq!(plain.header("vary"), Some("accept-encoding"));
        assert_eq!(plain.text(), page, "{path}");
    }
    for (coding, length) in [("gzip", packed(&served, "/").body.len()), ("identity", page.len())] {
        let mut client = Client::at(&served.place);
        client.send(&format!(
            "HEAD / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {coding}\r\n\r\n"
        ));
        let head = client.answer_to("HEAD").expect("an answer");
        assert_eq!(head.header("content-length"), Some(&*length.to_string()), "{coding}");
    }
    let refused = served.ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    let api = served.json("/openapi.json");
    let described = &api["paths"]["/"]["get"];
    assert!(described["responses"]["200"]["content"]["text/html"].is_object(), "{described}");
    assert_eq!(described["security"], serde_json::json!([]));
}

#[test]
fn the_agent_tells_what_its_percents_are_of_and_what_may_be_done() {
    let served = Served::at_socket();
    let agent = served.json("/agent");
    assert_eq!((&agent["service"], &agent["period"]), (&"web".into(), &1.into()), "{agent}");
    assert_eq!(agent["sample_interval"], 0.1);
    assert_eq!(agent["access"], "write");
    let measured = &agent["measured"];
    assert!(measured["scope"].as_str().is_some_and(|scope| !scope.is_empty()), "{agent}");
    assert!(measured["cpu"]["cores"].as_f64().is_some_and(|cores| cores > 0.0), "{agent}");
    assert!(measured["memory"]["bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{agent}");
    assert!(measured["memory"]["origin"].as_str().is_some_and(|of| !of.is_empty()), "{agent}");
    let open = Served::at_port(&[], &[]);
    assert_eq!(open.json("/agent")["access"], "read", "a port without tokens");
    // Not for those without a token, however they got the page.
    let closed = Served::at_port(&[], &[TOKEN]);
    assert_eq!(closed.get("/agent").error().0, 401);
}

/// Disables a check with these headers, and gives the status.
fn disable(served: &Served, headers: &str) -> u16 {
    let path = "/entities/self/checks/load/disable";
    let head = format!("{headers}X-Auth-Token: {}\r\nContent-Length: 0\r\n\r\n", TOKEN.1);
    served.ask(&format!("POST {path} HTTP/1.1\r\n{head}")).status
}

#[test]
fn the_page_of_a_proxy_with_tls_may_change_what_its_token_may() {
    let served = Served::at_port(&["--api-host", "Status.Example"], &[TOKEN]);
    let own = "Host: localhost:8091\r\nOrigin: http://localhost:8091\r\n";
    assert_eq!(disable(&served, own), 204, "a tunnel of another port");
    for (host, origin, expected) in [
        ("status.example", "https://status.example", 204),
        ("status.example", "http://status.example", 204),
        ("status.example:8443", "https://status.example:8443", 204),
        // It is not told, or it is another one.
        ("localhost", "https://localhost", 403),
        ("127.0.0.1", "https://127.0.0.1", 403),
        ("status.example", "https://evil.example", 403),
        ("status.example", "https://status.example:8443", 403),
        ("status.example", "wss://status.example", 403),
        ("status.example", "https://status.example.evil.example", 403),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(disable(&served, &headers), expected, "{host} {origin}");
    }
}

/// A tunnel such as `ssh -L 8091:/run/agent.sock` takes a browser to a socket, where no token is needed.
#[test]
fn a_name_that_is_bound_to_a_tunnel_leads_to_no_socket() {
    let served = Served::at_socket();
    let status = |host: &str| {
        let request = format!("GET /agent HTTP/1.1\r\nHost: {host}\r\n\r\n");
        served.ask(&request).status
    };
    for host in [
        "evil.example",
        "evil.example:8091",
        "localhost.evil.example",
        "a.b.c:1",
        "a$b.evil.example",
        "evil:8091\r\nAccept-Language: en",
        "localhost\r\nSec-Fetch-Site: cross-site",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    // As clients of sockets send them, which no name server has.
    for host in
        ["localhost", "localhost:8091", "127.0.0.1:8091", "[::1]:1", "d", "%2Frun%2Fa.sock", ""]
    {
        assert_eq!(status(host), 200, "{host}");
    }
    assert!(matches!(served.place, Place::Unix(_)));
}

/// Makes a history of ten days, two of them with every value, in the folder `PAGE_STORE`, for tests/page/run.sh: CPU and memory
/// each 0.9 s as of a service with a busy day, and beside them three metrics each 30 s, one of them a counter that begins again.
#[test]
#[ignore = "it makes the data of tests/page/run.sh"]
fn makes_two_days_of_data() {
    let folder = env::var("PAGE_STORE").expect("PAGE_STORE is the folder");
    let now_ms: i64 = env::var("PAGE_NOW_MS").expect("PAGE_NOW_MS").parse().expect("a number");
    let mut store = Store::in_folder(folder.as_ref(), u64::MAX);
    assert!(store.open().is_ok(), "it is new");
    let mut series = |check: &str, name: &str, unit: &str, is_counter| {
        let (check, name, unit) = (check.into(), name.into(), unit.into());
        store.series(Described { check, name, unit, letter: 'D', is_counter }).expect("room")
    };
    let cpu = series("utilization", "cpu", "percent", false);
    let memory = series("utilization", "memory", "percent", false);
    let used = series("disk", "used_percent", "percent", false);
    let received = series("net", "rx_bytes", "bytes", true);
    let load = series("load", "1m", "", false);
    // Ten in each second, and begun again each 40 minutes in the middle of a point of five.
    let steady = series("net", "steady", "bytes", true);
    let mut random = 1u64;
    let mut noise = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % 10_000) as f64 / 1e4
    };
    let (day_ms, mut bytes) = (86_400_000, 0.0);
    let mut next_commit = now_ms - 10 * day_ms;
    let mut at_ms = next_commit;
    while at_ms < now_ms {
        let hours = (at_ms % day_ms) as f64 / 3.6e6;
        let busy = 30.0 + 22.0 * ((hours - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        // A deployment each day, during which nothing is measured for 40 minutes: twelve hours ago, whatever time it is now.
        let back = ((now_ms - at_ms) % day_ms) as f64 / 3.6e6;
        let is_away = (12.0..12.667).contains(&back);
        if !is_away {
            let peak = if noise() > 0.996 { 40.0 * noise() } else { 0.0 };
            store.put(cpu, at_ms, busy + 6.0 * noise() + peak, at_ms);
            store.put(memory, at_ms, 41.0 + hours * 0.9 + noise(), at_ms);
            if at_ms / 900 % 33 == 0 {
                store.put(used, at_ms, 61.0 + hours / 3.0, at_ms);
                store.put(load, at_ms, busy / 20.0 + noise() / 4.0, at_ms);
                // The machine was started anew with the deployment.
                bytes = if back < 12.0 && back > 11.96 {
                    0.0
                } else {
                    bytes + 27e3 * busy * (1.0 + noise())
                };
                store.put(received, at_ms, bytes, at_ms);
                let since_ms = (at_ms - 150_000) % 2_400_000;
                store.put(steady, at_ms, since_ms as f64 / 100.0, at_ms);
            }
        }
        // Of older days the rollups are enough, so a value each 30 s.
        at_ms += if at_ms < now_ms - 2 * day_ms { 29_700 } else { 900 };
        if at_ms >= next_commit {
            next_commit += 600_000;
            assert!(store.commit(at_ms, true).is_ok(), "there is room");
        }
    }
    assert!(store.commit(now_ms, true).is_ok(), "there is room");
}
