//! The build without the host agent: what it has not, it says. What it has, the other tests try on it:
//! scripts/sidecar.sh runs both, with the binary in `AGENT_BINARY`.

use support::{command, run};

/// Standard output of a run that succeeds.
fn output(arguments: &[&str]) -> String {
    run(command().args(arguments)).expect_code(0).stdout
}

/// Standard error of a command line that is refused.
fn refusal(arguments: &[&str]) -> String {
    run(command().args(arguments)).expect_code(2).stderr
}

const WHY: &str =
    "this build is the sidecar, without checks, history and API; the releases have them\n";

#[test]
fn an_option_of_the_host_agent_is_unknown_and_the_help_has_none() {
    let help = output(&["--help"]);
    for option in [
        "--config",
        "--plugins",
        "--max-metrics",
        "--watch-config",
        "--state",
        "--store",
        "--store-size",
        "--store-sync",
        "--api",
        "--api-token-file",
        "--keystone-url",
        "--collectd-socket",
    ] {
        assert!(!help.contains(&format!("{option} ")), "{option} is in the help:\n{help}");
        for arguments in [&[option, "1"][..], &["explain", option, "1"]] {
            assert_eq!(refusal(arguments), format!("{option} is unknown here: {WHY}"));
        }
        let with_value = format!("{option}=1");
        assert_eq!(refusal(&[&with_value]), format!("{option} is unknown here: {WHY}"));
    }
    for option in ["--scope", "--publish", "--otlp-endpoint", "--report", "--pod-exclude", "--once"]
    {
        assert!(help.contains(option), "{option} is not in the help:\n{help}");
    }
}

#[test]
fn a_command_of_the_host_agent_is_unknown() {
    let help = output(&["--help"]);
    for name in ["check", "config", "host-info", "query", "store", "ctl", "top", "healthcheck"] {
        assert!(!help.contains(&format!("  {name} ")), "{name} is in the help:\n{help}");
        let expected = format!("the command {name} is unknown here: {WHY}");
        assert_eq!(refusal(&[name]), expected);
    }
    assert!(help.contains("  explain ") && help.contains("  install "), "{help}");
}

/// A task definition is shared by several builds, so its variables stop none.
#[test]
fn a_variable_of_the_host_agent_has_no_effect_and_the_log_says_so() {
    let ended = run(command()
        .args(["explain", "--scope", "host"])
        .env("CLOUDWATCH_METRICS_AGENT_STORE", "memory")
        .env("CLOUDWATCH_METRICS_AGENT_API", "127.0.0.1:1")
        .env("CLOUDWATCH_METRICS_AGENT_API_TOKEN", "short"));
    let text = ended.stdout;
    for name in ["STORE", "API", "API_TOKEN"] {
        let expected =
            format!("variable CLOUDWATCH_METRICS_AGENT_{name} has no effect: {}", WHY.trim_end());
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn a_misspelt_option_is_not_taken_for_one_that_is_left_out() {
    let text = refusal(&["--namespac", "Test"]);
    assert_eq!(text, "unknown option --namespac: did you mean --namespace?\n");
}

#[test]
fn the_version_names_the_build() {
    let expected = concat!(
        "cloudwatch_metrics_agent ",
        env!("CARGO_PKG_VERSION"),
        " (sidecar: without the host agent)\n"
    );
    assert_eq!(output(&["--version"]), expected);
    // What reads the number takes the second word.
    assert_eq!(expected.split_whitespace().nth(1), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_and_an_explanation_name_nothing_that_this_build_lacks() {
    for arguments in [&["--help"][..], &["explain", "--help"]] {
        let help = output(arguments);
        assert!(help.contains("Console, report and explain: text or json"), "{help}");
        for word in ["check ", "checks", "host-info", "history", "API", "alarm"] {
            assert!(!help.contains(word), "{word} is in the help:\n{help}");
        }
    }
    let text = output(&["explain", "--scope", "host"]);
    assert!(text.contains("\nshutdown timeout: 8 s\n"), "{text}");
    for line in ["history:", "api:", "collectd socket:"] {
        assert!(!text.contains(line), "{line} is in the explanation:\n{text}");
    }
    let json = output(&["explain", "--scope", "host", "--output", "json"]);
    assert!(json.contains("\"shutdown_timeout\"") && !json.contains("\"history\""), "{json}");
}
