//! Mistakes with credentials: each is named with its file or variable and the cure, by the log where
//! nothing can be published, and by `explain`.

use std::path::Path;
use std::process::Command;

use fake_cloudwatch::FakeCloudWatch;
use support::{Agent, TemporaryFile, command, publishing_to, run};

/// The arguments and environment of a user who has no credentials.
fn nobody(command: &mut Command, environment: &[(&str, &str)]) {
    command
        .args(["-n", "Test", "-s", "Foo", "--scope", "host"])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied());
}

/// The error that the log has of the first send.
fn failure(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let cloudwatch = FakeCloudWatch::start();
    let mut command = command();
    nobody(&mut command, environment);
    command.args(["-p", "1", "--endpoint-url", &cloudwatch.url()]).args(arguments);
    let agent = Agent::start(&mut command);
    let line = agent.wait_for_log("publishing failed (");
    assert!(line.contains(" ERROR "), "somebody has to act: {line}");
    agent.terminate().expect_code(1);
    assert_eq!(cloudwatch.requests(), []);
    line
}

fn explain(environment: &[(&str, &str)]) -> String {
    let mut command = command();
    command.arg("explain");
    nobody(&mut command, environment);
    run(&mut command).expect_code(0).stdout
}

const REGION: (&str, &str) = ("AWS_REGION", "eu-west-1");

/// Both the log and `explain` say it, and neither speaks of cargo.
fn assert_said(environment: &[(&str, &str)], expected: &str) {
    let environment = [environment, &[REGION]].concat();
    for text in [failure(&environment, &[]), explain(&environment)] {
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(!text.contains("cargo"), "{text}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of a test is text")
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let garbage = TemporaryFile::new("garbage", "hello");
    let garbage = text(garbage.path());
    let folder = env!("CARGO_TARGET_TMPDIR");
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        for (path, wrong) in [
            ("/nonexistent/aws", " cannot be read: No such file or directory (os error 2)"),
            (folder, " cannot be read: it is a directory"),
            ("/dev/null", " cannot be read: it is not a regular file"),
            (garbage, ": could not parse profile file: "),
        ] {
            assert_said(&[(variable, path)], &format!("{variable} {path:?}{wrong}"));
        }
    }
}

#[test]
fn a_region_that_was_to_come_from_a_file_that_cannot_be_used() {
    let variable = ("AWS_CONFIG_FILE", "/nonexistent/aws");
    let expected = "AWS region not found; AWS_CONFIG_FILE \"/nonexistent/aws\" cannot be read: ";
    let line = failure(&[variable], &[]);
    assert!(line.contains(expected), "{line}");
    assert!(line.contains("set --region or AWS_REGION ("), "{line}");
    let text = explain(&[variable]);
    assert!(text.contains("region: not found (looked in --region, environment, profile, instance metadata); AWS_CONFIG_FILE "));
}

#[test]
fn garbage_in_the_default_files_is_named() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home-of-garbage");
    std::fs::create_dir_all(home.join(".aws")).expect("the target directory is writable");
    for name in ["config", "credentials"] {
        let file = home.join(".aws").join(name);
        std::fs::write(&file, b"\xff\xfe[\0d\0").expect("it is writable");
        let expected = format!("{} is not UTF-8 text: save it as UTF-8", file.display());
        assert_said(&[("HOME", text(&home))], &expected);
        std::fs::remove_file(file).expect("it was made");
    }
}

#[test]
fn half_a_key_pair_is_named() {
    for (variable, other) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ] {
        let expected = format!("{variable} is set without {other}: set both, or none");
        assert_said(&[(variable, "value")], &expected);
    }
    for (key, other) in [
        ("aws_access_key_id", "aws_secret_access_key"),
        ("aws_secret_access_key", "aws_access_key_id"),
    ] {
        let file = TemporaryFile::new("half", &format!("[default]\n{key} = value\n"));
        let expected = format!("profile \"default\" has {key} without {other}: expected both");
        assert_said(&[("AWS_CONFIG_FILE", text(file.path()))], &expected);
    }
}

#[test]
fn a_web_identity_that_is_not_there_is_named() {
    let empty = TemporaryFile::new("empty", "\n");
    let empty = text(empty.path());
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/metrics");
    let variable = "AWS_WEB_IDENTITY_TOKEN_FILE";
    for (path, wrong) in [
        ("/nonexistent/token", "cannot be read: No such file or directory (os error 2)"),
        (env!("CARGO_TARGET_TMPDIR"), "cannot be read: it is a directory"),
        (empty, "is empty"),
    ] {
        let expected = format!("{variable} {path:?} {wrong}: expected a file with a token");
        assert_said(&[(variable, path), role], &expected);
    }
    let file = TemporaryFile::new("token", "token");
    let expected = "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN: ";
    assert_said(&[(variable, text(file.path()))], expected);
    assert_said(&[role], "AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE: ");
}

#[test]
fn profiles_that_are_not_supported_say_what_to_use_instead() {
    for key in ["sso_session = x", "credential_process = /bin/true", "login_session = arn"] {
        let config = format!("[profile dev]\n{key}\n[sso-session x]\nsso_region = eu-west-1\n");
        let file = TemporaryFile::new("config", &(config + "sso_start_url = https://x\n"));
        let key = key.split(' ').next().unwrap_or_default();
        let expected = format!(
            "profile \"dev\" has {key}, which this agent does not support: use a task or instance \
             role, or run eval \"$(aws configure export-credentials --profile dev --format env)\" \
             before it starts"
        );
        let environment = [("AWS_CONFIG_FILE", text(file.path())), ("AWS_PROFILE", "dev")];
        assert_said(&environment, &expected);
        // A send does not ask the task's endpoint after this, and so `explain` does not either.
        let endpoint = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/credentials");
        let explained = explain(&[&environment[..], &[REGION, endpoint]].concat());
        assert!(!explained.contains("EcsContainer"), "{explained}");
    }
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_the_files() {
    let config = TemporaryFile::new("config", "[other]\nregion = eu-west-1\n");
    let path = text(config.path());
    let files = format!("profile not found in AWS_CONFIG_FILE {path:?} or ~/.aws/credentials: ");
    let cure = "expected [profile other] in the configuration file";
    let file = ("AWS_CONFIG_FILE", path);
    assert_said(
        &[file, ("AWS_PROFILE", "other")],
        &format!("AWS_PROFILE \"other\": {files}{cure}"),
    );
    let line = failure(&[file, REGION], &["--profile", "other"]);
    assert!(line.contains(&format!("--profile \"other\": {files}{cure}")), "{line}");
}

#[test]
fn a_mistake_does_not_matter_where_there_are_credentials_and_explain_still_tells() {
    let cloudwatch = FakeCloudWatch::start();
    let file = ("AWS_CONFIG_FILE", "/nonexistent/aws");
    let mut command = publishing_to(&cloudwatch.url());
    let agent = Agent::start(command.env(file.0, file.1).env("RUST_LOG", "warn"));
    cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    assert_eq!(agent.terminate().expect_code(0).troubles(), [""; 0]);
    let pair = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), REGION, file];
    let text = explain(&pair);
    assert!(text.contains("credentials: Environment (AWS_CONFIG_FILE "), "{text}");
}

#[test]
fn a_file_that_appears_later_is_used() {
    let cloudwatch = FakeCloudWatch::start();
    let file = TemporaryFile::new("later", "garbage");
    let mut command = command();
    nobody(&mut command, &[REGION, ("AWS_CONFIG_FILE", text(file.path()))]);
    command.args(["-p", "1", "--endpoint-url", &cloudwatch.url()]);
    let agent = Agent::start(&mut command);
    agent.wait_for_log("could not parse profile file: ");
    let good = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = secret\n";
    std::fs::write(file.path(), good).expect("it is writable");
    let seen = cloudwatch.wait_until("a window", |seen| !seen.data.is_empty());
    assert_eq!(seen.requests[0].access_key_id.as_deref(), Some("AKIDFILE"));
    agent.terminate().expect_code(0);
}
