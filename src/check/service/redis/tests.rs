//! Answers that a real server does not give, or that no longer exists.

use proptest::prelude::*;

use super::super::stream::Stream;
use super::super::tests::{Listening, absent, run, silence, value};
use super::{TYPE, findings};
use crate::model::Findings;
use crate::properties::{repeatable, text};

/// What is found where each command is answered so, one after another.
async fn answered(
    details: &[(&str, &str)],
    answers: &'static [&'static str],
) -> Result<Findings, String> {
    let serve = async |stream: &mut Stream| {
        for answer in answers {
            let head = stream.line(64).await.expect("a command").expect("its head");
            let words: usize =
                String::from_utf8_lossy(&head).trim_start_matches('*').parse().expect("words");
            for _ in 0..2 * words {
                stream.line(64).await.expect("a command").expect("a line of it");
            }
            stream.send(answer.as_bytes()).await.expect("the check listens");
        }
    };
    run(&TYPE, Listening::tcp().await, details, serve).await
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_what_to_do() {
    let password = &[("password", "hunter2")][..];
    let user = &[("password", "hunter2"), ("user", "joe")][..];
    for (details, answers, expected) in [
        (
            &[][..],
            &["-NOAUTH Authentication required.\r\n"][..],
            "the server wants a password: set password",
        ),
        (
            password,
            &["-WRONGPASS invalid username-password pair or user is disabled.\r\n"],
            "access denied: the password is wrong",
        ),
        (password, &["-ERR invalid password\r\n"], "access denied: the password is wrong"),
        (
            user,
            &["-WRONGPASS invalid\r\n"],
            "access denied: user or password is wrong, or the user is off",
        ),
        (
            user,
            &["-ERR wrong number of arguments for 'auth' command\r\n"],
            "the server knows no users, as before Redis 6: leave out user",
        ),
        (
            user,
            &["+OK\r\n", "-NOPERM this user has no permissions\r\n"],
            "the user may not run INFO: allow it, as with ACL SETUSER NAME +info, or set another user",
        ),
        (
            password,
            &["-ERR unknown command `AUTH`, with args beginning with: `hunter2`\r\n"],
            "the server has no command AUTH: expected Redis",
        ),
        (password, &["-hunter2 hunter2\r\n"], "the server answers AUTH with an error"),
        (password, &["-ODD hunter2\r\n"], "the server answers AUTH with ODD"),
        (
            &[],
            &["-LOADING Redis is loading the dataset in memory\r\n"],
            "the server loads its data and answers when that is done",
        ),
        (
            &[],
            &["-BUSY Redis is busy running a script.\r\n"],
            "the server runs a script and answers nothing else until it ends",
        ),
        (
            &[],
            &["-DENIED Redis is running in protected mode\r\n"],
            "protected mode: without a password the server answers its own machine only; set one there (requirepass) and here",
        ),
        (
            &[],
            &["-ERR max number of clients reached\r\n"],
            "the server has as many clients as it takes: raise its maxclients, or close some",
        ),
        (
            password,
            &["+OK\r\n", "-ERR odd hunter2\r\n"],
            "the server answers INFO with \"ERR odd ***\"",
        ),
        (
            &[],
            &["HTTP/1.1 400 Bad Request\r\n"],
            "what answers there is not Redis: correct host and port; it said \"HTTP/1.1 400 Bad Request\"",
        ),
        (&[], &["+OK\r\n"], "what answers there is not Redis: correct host and port"),
        (&[], &["$-1\r\n"], "what answers there is not Redis: correct host and port"),
        (
            &[],
            &["$99999999999\r\n"],
            "the answer has 99999999999 bytes, and 1048576 are read at most",
        ),
        (&[], &["$7\r\na:1\r\n"], "the server closed the connection"),
        (&[], &["$0\r\n\r\n"], "INFO has no line that Redis has"),
        (
            &[],
            &["\x15\x03\x03\x00\x02\x02\x46"],
            "the server speaks TLS there: set port to one without TLS, or host to its unix socket",
        ),
        (
            &[],
            &[""],
            "the server closed the connection without an answer; if TLS is spoken there, set port to one without it",
        ),
    ] {
        let error = answered(details, answers).await.expect_err("there is no result");
        assert_eq!(error, format!("HERE: {expected}"), "{answers:?}");
        assert!(error.len() < 256, "{error}");
    }
}

#[tokio::test]
async fn a_line_without_an_end_is_given_up() {
    let serve = async |stream: &mut Stream| {
        let more = [b'+'; 4096];
        while stream.send(&more).await.is_ok() {}
    };
    let error = run(&TYPE, Listening::tcp().await, &[], serve).await;
    let expected = "HERE: what answers there is not Redis: correct host and port";
    assert_eq!(error, Err(expected.to_owned()));
}

#[tokio::test]
async fn a_server_that_says_nothing_or_half_of_it_is_given_up() {
    let expected = "HERE: connected, but no answer within 0.5 s: the server hangs, or another one listens there";
    let silent = run(&TYPE, Listening::tcp().await, &[], silence).await;
    assert_eq!(silent, Err(expected.to_owned()));
    let half = async |stream: &mut Stream| {
        stream.send(b"$900\r\nredis_version:7").await.expect("the check listens");
        silence(stream).await;
    };
    let half = run(&TYPE, Listening::unix(), &[], half).await;
    assert_eq!(half, Err(expected.to_owned()));
}

/// A server without a password takes all commands.
#[tokio::test]
async fn a_password_that_nobody_wants_is_said_and_no_error() {
    for answers in [
        &["-ERR Client sent AUTH, but no password is set\r\n", "$13\r\nused_memory:5\r\n"],
        &[
            "-ERR AUTH <password> called without any password configured\r\n",
            "$13\r\nused_memory:5\r\n",
        ],
    ] {
        let found = answered(&[("password", "hunter2")], answers).await.expect("a result");
        let status = "the server wants no password: take password out of details, or set one there";
        assert_eq!(found.status.as_deref(), Some(status));
        assert_eq!(value(&found, "used_memory").as_deref(), Some("5"));
    }
}

#[test]
fn old_and_new_names_are_understood_and_what_is_missing_is_absent() {
    let old = "redis_version:2.4.18\r\nuptime_in_seconds:7\r\nbgsave_in_progress:1\r\n\
               changes_since_last_save:12\r\nconnected_clients:many\r\nused_memory:-1\r\n";
    let found = findings(old).expect("it is INFO");
    for (name, expected) in [
        ("version", "2.4.18"),
        ("uptime_in_seconds", "7"),
        ("bgsave_in_progress", "1"),
        ("changes_since_last_save", "12"),
    ] {
        assert_eq!(value(&found, name).as_deref(), Some(expected), "{name}");
    }
    for (name, expected) in [
        ("connected_clients", "INFO has connected_clients \"many\": expected a whole number"),
        ("used_memory", "INFO has used_memory \"-1\": expected a whole number"),
        ("evicted_keys", "INFO has no line evicted_keys"),
    ] {
        assert_eq!(absent(&found, name), Some(expected));
    }
    let new = "redis_version:7.2.4\nvalkey_version:8.0.1\nrdb_bgsave_in_progress:0\n";
    let found = findings(new).expect("it is INFO");
    assert_eq!(value(&found, "version").as_deref(), Some("8.0.1"));
    assert_eq!(value(&found, "bgsave_in_progress").as_deref(), Some("0"));
    let missing = "INFO has no line rdb_changes_since_last_save or changes_since_last_save";
    assert_eq!(absent(&found, "changes_since_last_save"), Some(missing));
}

const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:7\r\nconnected_clients:1\r\n\
                    used_memory:918000\r\nevicted_keys:0\r\n";

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn any_text_gives_each_metric_a_value_or_a_reason(text in text(INFO)) {
        if let Ok(found) = findings(&text) {
            prop_assert_eq!(found.values.len() + found.absent.len(), TYPE.metrics.len());
        }
    }
}
