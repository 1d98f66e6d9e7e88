//! What plugins print, and what they are given.

use serde_json::json;

use super::*;

#[test]
fn a_plugin_of_ten_lines_gives_metrics_with_types_units_and_targets() {
    let script = "echo 'status 3 queues'
        for queue in mail web; do
          echo metric $queue.length int 7 jobs
        done
        echo metric oldest double 1.5 s
        echo metric version string 1.2  beta";
    let object = run(script, &[]);
    assert_eq!(object["status"], "3 queues");
    let of = |name: &str, value: Value, unit: &str, form: &str| json!({ "name": name, "value": value, "unit": unit, "type": form, "kind": "gauge" });
    let expected = json!([
        of("mail.length", json!(7.0), "jobs", "int64"),
        of("web.length", json!(7.0), "jobs", "int64"),
        of("oldest", json!(1.5), "seconds", "double"),
        of("version", json!("1.2 beta"), "", "string"),
    ]);
    assert_eq!(object["metrics"], expected);
}

#[test]
fn a_line_in_pieces_is_one_line() {
    let script =
        "printf 'metric active_processes '; sleep 0.3; printf 'int 200\\nmetric last int 1'";
    let object = run(script, &[]);
    assert_eq!(
        (value(&object, "active_processes"), value(&object, "last")),
        (&json!(200.0), &json!(1.0))
    );
}

#[test]
fn each_argument_is_one_and_the_environment_has_what_is_asked_for() {
    let script = "echo \"status $# $RAX_CHECK_ID $RAX_CHECK_TYPE $RAX_CHECK_PERIOD $RAX_DETAILS_FILE $RAX_DETAILS_TIMEOUT\"
        i=0; for argument in \"$@\"; do echo \"metric $i string $argument\"; i=$((i+1)); done
        ! read line";
    let object = run(script, &["args=a b", "args=${x}", "timeout=5000"]);
    assert_eq!(object["status"], "2 agent.plugin agent.plugin 60 plugin 5000");
    assert_eq!((value(&object, "0"), value(&object, "1")), (&json!("a b"), &json!("${x}")));
}

#[test]
fn what_a_plugin_says_of_the_time_counts() {
    let object = run("echo timestamp 1335744000000; echo metric a int 1", &[]);
    assert_eq!(object["timestamp"], 1_335_744_000_000_u64);
}

#[test]
fn a_plugin_that_is_unavailable_by_its_own_word_shows_its_metrics() {
    let object = run("echo state unavailable; echo metric a int 1", &[]);
    assert_eq!((&object["available"], value(&object, "a")), (&json!(false), &json!(1.0)));
}

#[test]
fn standard_error_goes_to_the_log_and_not_all_of_it() {
    let script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo \"trouble $i\" >&2; done; echo metric a int 1";
    let folder = plugins(&[("plugin", script)]);
    let (object, log) = result_of(&mut check(&folder, "plugin", &[]));
    assert_eq!(object["available"], true);
    let lines: Vec<_> =
        log.lines().filter(|line| line.contains("check agent.plugin: plugin: ")).collect();
    assert!(lines[0].ends_with("trouble 1") && lines[19].ends_with("trouble 20"), "{log}");
    assert!(lines[20].ends_with("more lines are left out") && lines.len() == 21, "{log}");
}

#[test]
fn much_on_standard_error_does_not_hold_up_the_result() {
    for much in ["head -c 9000000 /dev/zero >&2", "seq 2000000 >&2"] {
        let object = run(&format!("{much}; echo metric a int 1"), &[]);
        assert_eq!(object["available"], true, "{object}");
        assert_eq!(value(&object, "a"), &json!(1.0));
    }
}

#[test]
fn what_is_odd_is_taken_and_said() {
    let folder = plugins(&[
        ("fraction", "echo metric a int 99.83"),
        ("bytes", "printf 'status \\377\\nmetric a int 1\\n'"),
    ]);
    let (object, log) = result_of(&mut check(&folder, "fraction", &[]));
    assert_eq!(value(&object, "a"), &json!(99.83));
    assert!(log.contains("metric a: 99.83 is not of the type int64: taken as double"), "{log}");
    let (object, log) = result_of(&mut check(&folder, "bytes", &[]));
    assert_eq!(object["status"], "\u{fffd}");
    assert!(log.contains("its output is not UTF-8"), "{log}");
}

#[test]
fn too_much_output_is_an_error_and_ends_the_plugin() {
    for (script, expected) in [
        ("seq 1 20001 | sed 's/.*/metric m& string x/'", "expected at most 20000 metrics"),
        (
            "exec yes 'status aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
            "expected at most 4 MB of output",
        ),
        ("exec tr '\\0' a < /dev/zero", "expected lines of at most 64 kB"),
    ] {
        let status = refused(script, &[]);
        assert!(status.ends_with(expected), "{status}");
    }
    let object = run("seq 1 10001 | sed 's/.*/metric m& int &/'", &[]);
    assert_eq!(object["metrics"].as_array().map(Vec::len), Some(10_001));
}
