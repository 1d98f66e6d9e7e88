use serde_json::json;

use super::*;

const PROJECT: &str = "7456e0d6917c4d8fb3f0d8d48477eb3b";

fn settings(project: Project) -> config::Keystone {
    let url = "http://127.0.0.1:1".to_owned();
    config::Keystone { url, project, write_role: "admin".to_owned() }
}

/// A token as Keystone describes it.
fn token(project: &Value, roles: &[&str], expires_at: &str) -> Vec<u8> {
    let roles: Vec<_> = roles.iter().map(|name| json!({ "id": "x", "name": name })).collect();
    json!({ "token": { "project": project, "roles": roles, "expires_at": expires_at } })
        .to_string()
        .into_bytes()
}

const TIME: &str = "2026-11-29T16:00:00.000000Z";

fn before(seconds: u64) -> SystemTime {
    humantime::parse_rfc3339(TIME).expect("a time") - Duration::from_secs(seconds)
}

#[test]
fn a_role_in_the_project_may_read_and_one_of_them_may_write() {
    let project = json!({ "id": PROJECT, "name": "ops", "domain": { "id": "default" } });
    let by_id = settings(Project::Id(PROJECT.to_owned()));
    let by_name = settings(Project::Name("ops".to_owned()));
    for settings in [by_id, by_name] {
        for (roles, expected) in [
            (&["reader"][..], Found::Valid(Scope::Read, VALID_TIME)),
            (&["reader", "admin"], Found::Valid(Scope::Write, VALID_TIME)),
            (&["Admin", "admin2"], Found::Valid(Scope::Read, VALID_TIME)),
            (&[], Found::Refused),
        ] {
            let body = token(&project, roles, TIME);
            assert_eq!(judged(&body, &settings, before(3600)), Ok(expected), "{roles:?}");
        }
    }
}

#[test]
fn another_project_of_the_same_name_is_another_one() {
    let by_id = settings(Project::Id(PROJECT.to_owned()));
    let by_name = settings(Project::Name("ops".to_owned()));
    for (settings, project) in [
        (&by_id, json!({ "id": "x", "name": PROJECT, "domain": { "id": "default" } })),
        (&by_name, json!({ "id": "x", "name": "ops", "domain": { "id": "y" } })),
        (&by_name, json!({ "id": "x", "name": "ops", "domain": { "name": "default" } })),
        (&by_name, json!({ "id": "ops", "name": "x", "domain": { "id": "default" } })),
        (&by_name, json!({ "id": ["ops"], "name": ["ops"], "domain": { "id": "default" } })),
        (&by_name, Value::Null),
    ] {
        let body = token(&project, &["admin"], TIME);
        assert_eq!(judged(&body, settings, before(60)), Ok(Found::Refused), "{project}");
    }
}

#[test]
fn nothing_is_remembered_beyond_its_end() {
    let settings = settings(Project::Id(PROJECT.to_owned()));
    let body = token(&json!({ "id": PROJECT }), &["reader"], TIME);
    let left = |seconds| Found::Valid(Scope::Read, Duration::from_secs(seconds));
    assert_eq!(judged(&body, &settings, before(3)), Ok(left(3)));
    assert_eq!(judged(&body, &settings, before(60)), Ok(left(20)));
    assert_eq!(judged(&body, &settings, before(0) + VALID_TIME), Ok(Found::Refused));
}

#[test]
fn what_is_no_description_of_a_token_is_an_error() {
    let settings = settings(Project::Id(PROJECT.to_owned()));
    let project = json!({ "id": PROJECT });
    for body in [
        b"".to_vec(),
        b"<html>".to_vec(),
        b"{}".to_vec(),
        b"[]".to_vec(),
        b"{\"token\": 1}".to_vec(),
        token(&project, &["admin"], ""),
        token(&project, &["admin"], "tomorrow"),
    ] {
        let judged = judged(&body, &settings, before(60));
        assert!(judged.is_err(), "{judged:?}");
    }
    assert!(is_error(b"{\"error\":{\"code\":401,\"message\":\"x\"}}"));
    assert!(!is_error(b"<html>401</html>") && !is_error(b"") && !is_error(b"{}"));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_refused_tokens_takes_no_room_from_valid_ones() {
    let keystone = Keystone::new(settings(Project::Name("ops".to_owned()))).expect("a URL");
    let key = |number: usize| hash(&number.to_le_bytes());
    keystone.remember(key(0), Found::Valid(Scope::Read, VALID_TIME));
    for number in 1..2 * MOST_KNOWN {
        keystone.remember(key(number), Found::Refused);
    }
    assert_eq!(keystone.known.borrow().len(), MOST_KNOWN);
    assert!(keystone.known.borrow().contains_key(&key(0)));
    keystone.remember(key(1), Found::Unknown);
    assert_eq!(keystone.known.borrow().len(), MOST_KNOWN);
    tokio::time::advance(VALID_TIME).await;
    keystone.remember(key(1), Found::Refused);
    assert_eq!(keystone.known.borrow().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_token_is_not_asked_for() {
    // There is nothing at its address.
    let keystone = Keystone::new(settings(Project::Name("ops".to_owned()))).expect("a URL");
    for token in [&b""[..], b"with blank", b"\xff\xfe", "é".as_bytes(), &[b'x'; LONGEST + 1]] {
        assert_eq!(keystone.scope_of(token).await, Ok(None), "{token:?}");
    }
    let failure = keystone.scope_of(b"gAAAAAB").await.expect_err("nobody answers");
    assert_eq!((failure.status.as_u16(), &*failure.message), (503, AWAY));
    assert!(keystone.known.borrow().is_empty());
}
