//! What a page in a browser, a client with bad intentions or a proxy on the way might try.

use std::fs;

use serde_json::json;
use support::Agent;
use support::folder::Folder;
use support::server::free_port;

use crate::client::{Client, Place};
use crate::{CONFIG, Served, previewing};

const WRITE: &str = "a-token-that-may-write";

/// At a port, with a token that may write and a folder for what is changed.
fn served() -> Served {
    let (folder, port) = (Folder::of(&[("agent.yaml", CONFIG)]), free_port());
    for name in ["state", "plugins"] {
        fs::create_dir(folder.path(name)).expect("a folder");
    }
    folder.write("outside", "a text that nobody may read");
    let mut command = previewing(&folder);
    command.args(["--api", &format!("127.0.0.1:{port}"), "--state", &folder.path("state")]);
    command.args(["--plugins", &folder.path("plugins")]);
    command.env("CLOUDWATCH_METRICS_AGENT_API_TOKEN", WRITE);
    Served::of(Agent::start(&mut command), Place::Tcp(port), folder)
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

const OWN: &str = "Host: localhost\r\nX-Auth-Token: a-token-that-may-write\r\n";

/// Whether the check `load` is as its file says.
fn is_untouched(served: &Served) -> bool {
    let answer = served.ask(&request("GET", "/entities/self/checks/load", OWN, ""));
    answer.json()["disabled"] == false
}

#[test]
fn a_page_changes_nothing_even_where_it_knows_a_token() {
    let served = served();
    let disable = "/entities/self/checks/load/disable";
    for headers in [
        // A name of the page's own that leads here.
        OWN.replace("localhost", "evil.example"),
        OWN.replace("localhost", "localhost.evil.example"),
        OWN.replace("localhost", "evil.example:8091"),
        // A page of elsewhere.
        format!("{OWN}Origin: http://evil.example\r\n"),
        format!("{OWN}Origin: null\r\n"),
        format!("{OWN}Origin: https://localhost\r\n"),
        format!("{OWN}Origin: http://localhost:1\r\n"),
    ] {
        let answer = served.ask(&request("POST", disable, &headers, ""));
        assert_eq!(answer.error(), (403, "forbiddenError".to_owned()), "{headers}");
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
    }
    // What a form can send without asking first, which has no token.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = format!("Host: localhost\r\nContent-Type: {kind}\r\n");
        assert_eq!(served.ask(&request("POST", disable, &headers, "{}")).status, 401, "{kind}");
    }
    assert!(is_untouched(&served));
}

#[test]
fn nothing_is_changed_by_what_only_reads() {
    let served = served();
    for path in ["enable", "disable", "restart", "test"] {
        for further in ["", "X-HTTP-Method-Override: POST\r\n", "X-Method-Override: DELETE\r\n"] {
            for query in ["", "?_method=POST", "?method=DELETE&disabled=true"] {
                let path = format!("/entities/self/checks/load/{path}{query}");
                let headers = format!("{OWN}{further}");
                for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "CONNECT"] {
                    let mut client = Client::at(&served.place);
                    client.send(&request(method, &path, &headers, ""));
                    let status = client.answer_to(method).map(|answer| answer.status);
                    assert!(matches!(status, Some(400 | 405)), "{method} {path}: {status:?}");
                }
            }
        }
    }
    assert!(is_untouched(&served));
}

#[test]
fn a_path_leads_to_resources_alone() {
    let served = served();
    let outside = served.folder.path("outside");
    let encoded = outside.replace('/', "%2F");
    for path in [
        "/../../../../../../etc/passwd".to_owned(),
        "/..%2f..%2f..%2fetc%2fpasswd".to_owned(),
        "/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        "/v1.0/../../etc/passwd".to_owned(),
        "/v1.0/..%2F..%2Fetc/openapi.json/../passwd".to_owned(),
        "/entities/self/checks/..%2F..%2F..%2Fetc%2Fpasswd".to_owned(),
        "/entities/self/checks/load/../../../outside".to_owned(),
        "/agents/self/host_info/..%2F..%2Fetc%2Fpasswd".to_owned(),
        "/agents/self/host_info/%00".to_owned(),
        "/check_types/..%2F..%2Foutside".to_owned(),
        format!("/values/{encoded}"),
        format!("/entities/self/checks/{encoded}"),
        outside,
    ] {
        let answer = served.ask(&request("GET", &path, OWN, ""));
        assert_eq!(answer.error().0, 404, "{path}");
        assert!(!answer.text().contains("nobody may read") && !answer.text().contains("root:"));
    }
}

#[test]
fn a_name_from_outside_names_no_file() {
    let served = served();
    let before = files(&served.folder);
    for id in ["../../outside", "/outside", "..", "a/../../b", "%2e%2e%2foutside"] {
        let body = json!({ "id": id, "type": "agent.load_average", "period": 30 }).to_string();
        let answer = served.ask(&request("POST", "/entities/self/checks", OWN, &body));
        assert!([201, 400].contains(&answer.status), "{id}: {answer:?}");
    }
    // All that is kept is in the folder for it.
    assert_eq!(files(&served.folder), before);
    // And a plugin is one of its folder.
    for file in ["../outside", "/bin/sh", "..", "x/../../outside", "sh\u{0}"] {
        let details = json!({ "file": file });
        let body = json!({ "type": "agent.plugin", "details": details }).to_string();
        let answer = served.ask(&request("POST", "/entities/self/test-check", OWN, &body));
        let text = answer.text();
        let is_refused = answer.status == 400 || text.contains("\"available\":false");
        assert!(is_refused && !text.contains("nobody may read"), "{file:?}: {text}");
    }
}

/// All that is there beside the folder for it.
fn files(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.whole()).expect("it is there");
    let mut names: Vec<_> = entries
        .map(|of| of.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn of_a_request_with_two_ends_nothing_is_left_for_another() {
    let served = served();
    // A proxy might take the second request for a part of the first, or the other way round.
    let hidden = request("POST", "/entities/self/checks/load/disable", OWN, "");
    for ends in [
        format!("Content-Length: 0\r\nContent-Length: {}\r\n", hidden.len()),
        format!("Content-Length: {}, 0\r\n", hidden.len()),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
    ] {
        let mut client = Client::at(&served.place);
        client.send(&format!("POST /healthz HTTP/1.1\r\nHost: localhost\r\n{ends}\r\n{hidden}"));
        let answer = client.answer().expect("it is refused");
        assert_eq!(answer.error(), (400, "badRequest".to_owned()), "{ends}");
        assert!(client.is_closed(), "{ends}");
    }
    assert!(is_untouched(&served));
}
