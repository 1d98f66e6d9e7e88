//! Trusted roots that the user names: those that give nothing are an error at start, and the forms
//! that OpenSSL reads are read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fake_cloudwatch::{Certificate, FakeCloudWatch};
use serde_json::{Value, json};
use support::{Agent, TemporaryFile, command, publishing_to, run};

/// The bytes of the only certificate of a text in PEM.
fn der(pem: &str) -> Vec<u8> {
    openssl(&["x509", "-outform", "der"], pem.as_bytes())
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = Command::new("openssl");
    let child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("these tests need openssl");
    child.stdin.take().expect("a pipe").write_all(input).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

/// A file of these bytes.
fn file(name: &str, bytes: &[u8]) -> TemporaryFile {
    let file = TemporaryFile::new(name, "");
    fs::write(file.path(), bytes).expect("the target directory is writable");
    file
}

/// A folder of the test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target directory is writable");
    folder
}

/// What is said at the start that ends at once, with the code for wrong settings.
fn refused(variable: &str, value: &Path) -> String {
    let ended = run(publishing_to("http://127.0.0.1:9").env(variable, value)).expect_code(2);
    assert_eq!(ended.stdout, "");
    let start = format!("{variable} {value:?} has no trusted root: ");
    let end = format!("; correct it, or unset {variable} to use the system's roots\n");
    let reason = ended.stderr.strip_prefix(&start).and_then(|rest| rest.strip_suffix(&end));
    assert!(reason.is_some(), "{ended:#?}");
    reason.unwrap_or_default().to_owned()
}

#[test]
fn a_file_that_gives_nothing_is_refused_with_its_reason() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let der = file("root.der", &der(cloudwatch.ca_pem().expect("TLS has a CA")));
    let empty = file("empty.pem", b"");
    let other =
        file("other.pem", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n");
    let damaged =
        file("damaged.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let missing = Path::new("/nonexistent/roots.pem");
    let folder = folder("a_folder_for_a_file");
    for (path, reason) in [
        (missing, "PATH cannot be read: No such file or directory (os error 2)"),
        (empty.path(), "PATH is empty: expected certificates in PEM"),
        (
            der.path(),
            "PATH is in DER: expected PEM; convert it with openssl x509 -inform der -in PATH -out PATH.pem",
        ),
        (
            other.path(),
            "PATH has no certificate: expected PEM with a line -----BEGIN CERTIFICATE-----",
        ),
        (damaged.path(), "PATH has only certificates that are damaged or not supported"),
        (&folder, "PATH is a directory: name it in SSL_CERT_DIR"),
        (Path::new("/dev/null"), "PATH is not a regular file"),
    ] {
        let reason = reason.replace("PATH", &path.display().to_string());
        assert_eq!(refused("SSL_CERT_FILE", path), reason);
    }
}

/// A start looks for the first certificate alone. Only where the first 16 KiB have none, the whole file is read.
#[test]
fn a_certificate_counts_wherever_it_is_in_a_file() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let pem = cloudwatch.ca_pem().expect("TLS has a CA");
    for before in [0, (16 << 10) - 200, 16 << 10, 50_000] {
        let comment = "# about it\n".repeat(before / 11);
        let file = file("behind.pem", format!("{comment}{pem}").as_bytes());
        publishes(&cloudwatch, "SSL_CERT_FILE", file.path());
        let without = format!("{comment}{}", pem.replace(" CERTIFICATE", " SOMETHING"));
        fs::write(file.path(), without).expect("the target directory is writable");
        assert!(refused("SSL_CERT_FILE", file.path()).contains("has no certificate"));
    }
}

#[test]
fn the_conversion_that_the_error_tells_of_helps() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let der = file("root.der", &der(cloudwatch.ca_pem().expect("TLS has a CA")));
    let reason = refused("SSL_CERT_FILE", der.path());
    let (_, cure) = reason.split_once("convert it with openssl ").expect("a command");
    openssl(&cure.split(' ').collect::<Vec<_>>(), b"");
    let converted = der.path().with_extension("der.pem");
    publishes(&cloudwatch, "SSL_CERT_FILE", &converted);
    fs::remove_file(converted).expect("it was made");
}

#[test]
fn a_folder_that_gives_nothing_is_refused_with_its_reason() {
    let (empty, without) = (folder("roots-empty"), folder("roots-without"));
    let readme = without.join("README");
    fs::write(&readme, "no certificate").expect("the folder is writable");
    let missing = Path::new("/nonexistent/roots");
    let not_found = "/nonexistent/roots cannot be read: No such file or directory (os error 2)";
    assert_eq!(refused("SSL_CERT_DIR", missing), not_found);
    let is_empty = format!("{} has no files", empty.display());
    assert_eq!(refused("SSL_CERT_DIR", &empty), is_empty);
    let holds_none = refused("SSL_CERT_DIR", &without);
    assert!(holds_none.starts_with(&format!("{} has no certificate", readme.display())));
    let both = PathBuf::from(format!("{}:{}", missing.display(), empty.display()));
    assert_eq!(refused("SSL_CERT_DIR", &both), format!("{not_found}; {is_empty}"));
}

#[test]
fn a_file_that_nobody_may_read_is_refused() {
    let secret = file("secret.pem", b"");
    let nobody = fs::Permissions::from_mode(0o000);
    fs::set_permissions(secret.path(), nobody).expect("it is the test's own file");
    let mut agent = publishing_to("http://127.0.0.1:9");
    agent.env("SSL_CERT_FILE", secret.path());
    let ended = run(&mut as_anybody(&agent)).expect_code(2);
    assert!(ended.stderr.contains("Permission denied (os error 13); correct it"), "{ended:#?}");
}

/// The same command without the right of root to read everything.
fn as_anybody(command: &Command) -> Command {
    let mut without = Command::new("/usr/bin/setpriv");
    if rustix::process::geteuid().is_root() {
        without.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    without.arg(command.get_program()).args(command.get_args()).env_clear();
    without.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    without
}

/// Runs the agent until a window was taken over TLS.
fn publishes(cloudwatch: &FakeCloudWatch, variable: &str, value: &Path) {
    let taken = cloudwatch.data().len();
    let mut command = publishing_to(&cloudwatch.url());
    let agent = Agent::start(command.env(variable, value).env("RUST_LOG", "warn"));
    cloudwatch.wait_until("a window", |seen| seen.data.len() > taken);
    agent.terminate().expect_code(0);
}

#[test]
fn the_forms_that_openssl_reads_are_read() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let pem = cloudwatch.ca_pem().expect("TLS has a CA");
    let trusted = ["x509", "-addtrust", "serverAuth", "-setalias", "a root", "-trustout"];
    let trusted = openssl(&trusted, pem.as_bytes());
    assert!(trusted.starts_with(b"-----BEGIN TRUSTED CERTIFICATE-----"));
    let marked = [b"\xef\xbb\xbf", pem.as_bytes()].concat();
    let folder = folder("roots-odd");
    fs::write(folder.join("root.pem"), &marked).expect("the folder is writable");
    publishes(&cloudwatch, "SSL_CERT_DIR", &folder);
    let after = ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", pem].concat();
    for (name, bytes) in [
        ("marked.pem", &marked[..]),
        ("trusted.pem", &trusted),
        ("windows.pem", pem.replace('\n', "\r\n").as_bytes()),
        ("older.pem", pem.replace(" CERTIFICATE", " X509 CERTIFICATE").as_bytes()),
        ("after-a-damaged-one.pem", after.as_bytes()),
    ] {
        publishes(&cloudwatch, "SSL_CERT_FILE", file(name, bytes).path());
    }
}

#[test]
fn what_was_skipped_is_said() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let pem = cloudwatch.ca_pem().expect("TLS has a CA");
    let damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let file = file("roots.pem", [damaged, pem].concat().as_bytes());
    let path = file.path().display();
    let value = format!("1 of SSL_CERT_FILE \"{path}\"");
    let note = format!("skipped: 1 certificates in {path} are damaged or not supported");
    let expected = format!("trusted roots: {value} ({note})");
    let mut explaining = command();
    explaining.args(["explain", "-n", "Test", "-s", "Foo"]).env("SSL_CERT_FILE", file.path());
    explaining.env("AWS_EC2_METADATA_DISABLED", "true");
    let text = run(&mut explaining).expect_code(0).stdout;
    assert!(text.lines().any(|line| line == expected), "{expected}: {text}");
    explaining.args(["--output", "json"]);
    let mut roots = || {
        let text = run(&mut explaining).expect_code(0).stdout;
        let explanation: Value = serde_json::from_str(&text).expect("JSON");
        explanation["publishers"][0]["trusted_roots"].clone()
    };
    assert_eq!(roots(), json!({ "value": value, "note": note }));
    // Where nothing was skipped there is nothing to note, and where there is none there is no value.
    fs::write(file.path(), pem).expect("it is writable");
    assert_eq!(roots(), json!({ "value": value }));
    fs::write(file.path(), damaged).expect("it is writable");
    let none = roots();
    assert!(none["value"].is_null(), "{none}");
    assert!(none["note"].as_str().is_some_and(|n| n.contains("has no trusted root")), "{none}");
}

#[test]
fn publishers_without_tls_do_not_look_at_them() {
    let mut console = publishing_to("http://127.0.0.1:9");
    console.args(["--publish", "console"]).env("SSL_CERT_FILE", "/nonexistent/roots.pem");
    let agent = Agent::start(&mut console);
    agent.wait_for_stdout(" CPUUtilization=");
    agent.terminate().expect_code(0);
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let cloudwatch = FakeCloudWatch::start();
    publishes(&cloudwatch, "SSL_CERT_FILE", Path::new(""));
}

#[test]
fn a_command_starts_all_the_same_and_its_windows_go_when_the_file_is_there() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let file = file("later.pem", b"");
    let mut command = publishing_to(&cloudwatch.url());
    command.env("SSL_CERT_FILE", file.path());
    command.args(["--", "sh", "-c", "echo started; exec sleep 60"]);
    let agent = Agent::start(&mut command);
    agent.wait_for_stdout("started");
    let line = agent.wait_for_log("has no trusted root: ");
    assert!(line.contains(" ERROR "), "{line}");
    agent.wait_for_log("publishing failed (1 window kept): SSL_CERT_FILE ");
    assert_eq!(cloudwatch.requests(), []);
    fs::write(file.path(), cloudwatch.ca_pem().expect("TLS has a CA")).expect("it is writable");
    cloudwatch.wait_until("the windows that were kept", |seen| seen.data.len() >= 8);
    // That of `sleep`, which SIGTERM ends.
    agent.terminate().expect_code(128 + 15);
}
