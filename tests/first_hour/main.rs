//! The mistakes of a first hour, each with what the program says to it: what is wrong, where it came
//! from, and what to do. The texts are stored in tests/expected/mistakes.txt; `UPDATE_EXPECTED=1` stores
//! them anew, to be read by a person.
#![cfg(target_os = "linux")]

use std::process::Command;

use fake_cloudwatch::{Certificate, FakeCloudWatch, refused_url};
use support::{TemporaryFile, assert_expected, command, run};

/// Publishes one window.
const PUBLISHING: &[&str] = &[
    "--namespace=MyApp",
    "--service=web",
    "--scope=host",
    "--once",
    "--period=1",
    "--shutdown-timeout=3",
];
/// Prints one window.
const PREVIEW: &[&str] = &["--once", "--period=1", "--dry-run", "--scope=host"];

const REGION: (&str, &str) = ("AWS_REGION", "eu-west-1");
const KEY: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "secret");

/// Arguments with the mistake, what stands before them, and the variables.
type Mistake<'a> = (&'a [&'a str], &'a [&'a str], &'a [(&'a str, &'a str)]);

/// On the command line and in the variables of the program.
const TYPED: &[Mistake<'static>] = &[
    (&["--perod", "60"], &[], &[]),
    (&["--interval", "5"], &[], &[]),
    (&["--service_name", "web"], &[], &[]),
    (&["--colour", "red"], &[], &[]),
    (&["-namespace", "MyApp"], &[], &[]),
    (&["\u{2014}namespace", "MyApp"], &[], &[]),
    (&["--dry-run", "false"], &[], &[]),
    (&["--dimension", "Stage", "prod"], &[], &[]),
    (&["my-service", "--port", "80"], &["--namespace=MyApp", "--service=web"], &[]),
    (&["explain"], &["--namespace=MyApp"], &[]),
    (&["explian"], &[], &[]),
    (&["--check"], &[], &[]),
    (&["--period=\"60\""], PUBLISHING_WITHOUT_PERIOD, &[]),
    (&["--"], &["--namespace=MyApp", "--service=web"], &[]),
    (&["--period"], &[], &[]),
    (&[], &[], &[]),
    (&["--period=0"], PUBLISHING_WITHOUT_PERIOD, &[]),
    (&["--period=5 minutes"], PUBLISHING_WITHOUT_PERIOD, &[]),
    (&["--sample-interval=2m"], PREVIEW, &[]),
    (&["--region=eu-west-1a"], PUBLISHING, &[]),
    (&["--region=Ireland"], PUBLISHING, &[]),
    (&["--endpoint-url=monitoring.eu-west-1.amazonaws.com"], PUBLISHING, &[]),
    (&["--namespace=AWS/MyApp", "--service=web"], &[], &[]),
    (&["--dimension=Stage=prod,blue"], PREVIEW, &[]),
    (&["--metrics=cpu,mem"], PREVIEW, &[]),
    (&["--scope=pods"], &["--once", "--period=1", "--dry-run"], &[]),
    (&["--publish=stdout"], PREVIEW_WITHOUT_DRY_RUN, &[]),
    (&["--per-container"], PREVIEW, &[]),
    (&["--service=\"web\""], PREVIEW, &[]),
    (&["--service=$(hostname)"], PREVIEW, &[]),
    (&["--dimension=Stage={{ stage }}"], PREVIEW, &[]),
    (&["--memory=working-set"], PREVIEW, &[]),
    (&["--metrics=cpu,throttling"], PREVIEW, &[]),
    (&[], PREVIEW, &[("CLOUDWATCH_METRICS_AGENT_NAMESPAC", "MyApp")]),
    (&[], PREVIEW, &[("CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL", "fast")]),
    (&[], PREVIEW, &[("RUST_LOG", "warning")]),
    (&[], PREVIEW, &[("RUST_LOG", "cloudwatch_metrics_agent=verbose")]),
];

const PUBLISHING_WITHOUT_PERIOD: &[&str] = &["--namespace=MyApp", "--service=web"];
const PREVIEW_WITHOUT_DRY_RUN: &[&str] = &["--once", "--period=1"];

/// With AWS.
const AWS: &[Mistake<'static>] = &[
    (&[], PUBLISHING, &[]),
    (&[], PUBLISHING, &[REGION]),
    (&[], PUBLISHING, &[REGION, KEY]),
    (&[], PREVIEW, &[("AWS_SECRET_ACCESS_KEY", "\"secret\"")]),
    (&["--profile=prod"], PUBLISHING, &[REGION]),
    (&[], PUBLISHING, &[("AWS_REGION", "eu-west-1b"), KEY, SECRET]),
    (&[], PUBLISHING, &[REGION, ("AWS_CONFIG_FILE", "/nonexistent/config")]),
    (&[], PUBLISHING, &[REGION, KEY, SECRET, ("HTTPS_PROXY", "proxy example:3128")]),
    (&[], PUBLISHING, &[REGION, KEY, SECRET, ("SSL_CERT_FILE", "/nonexistent/roots.pem")]),
];

fn command_of((mistake, before, variables): &Mistake<'_>) -> Command {
    let mut command = command();
    command.args(*before).args(*mistake).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("HOME", "/nonexistent").envs(variables.iter().copied());
    command
}

/// What was typed, and what was said that a user has to look at, without times.
fn said(typed: &Mistake<'_>, command: &mut Command) -> String {
    let (mistake, before, variables) = typed;
    let variables = variables.iter().map(|(name, value)| format!("{name}={value:?}"));
    let words =
        before.iter().chain(*mistake).map(|word| match word.contains([' ', '"', '$', '{']) {
            true => format!("'{word}'"),
            false => (*word).to_owned(),
        });
    let line: Vec<_> =
        variables.chain(["cloudwatch_metrics_agent".to_owned()]).chain(words).collect();
    let ended = run(command);
    let told = ended.stderr.lines().filter_map(|line| match line.strip_prefix('[') {
        // The last line has counts and times; its cause was said before.
        Some(_) if line.contains("] stopped;") || line.contains(" INFO ") => None,
        Some(line) => {
            let (_, text) = line.split_once(' ').expect("a time");
            let (level, text) = text.split_once(' ').expect("a level");
            let (_, text) = text.split_once("] ").expect("a part");
            Some(format!("{level}: {text}"))
        }
        None => Some(line.to_owned()),
    });
    let told: Vec<_> = told.collect();
    assert!(!told.is_empty(), "nothing was said to {line:?}: {ended:#?}");
    let code = ended.status.code().expect("no signal");
    format!("$ {}\n{}\n({code})\n\n", line.join(" "), told.join("\n"))
}

#[test]
fn each_mistake_is_told_with_its_cure() {
    let typed = TYPED.iter().chain(AWS);
    let text: String = typed.map(|mistake| said(mistake, &mut command_of(mistake))).collect();
    assert_expected("mistakes.txt", &text);
}

/// What depends on a server and its port.
#[test]
fn what_a_server_answers_is_told_with_its_cure() {
    let typed: Mistake<'_> = (&[], PUBLISHING, &[REGION, KEY, SECRET]);
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let text = said(&typed, command_of(&typed).env("AWS_ENDPOINT_URL", cloudwatch.url()));
    let cure = "name the endpoint's root certificates with --ca-file or SSL_CERT_FILE, and check the clock (";
    assert!(text.contains(cure) && text.contains("UnknownIssuer)"), "{text}");
    let typed: Mistake<'_> = (
        &["--endpoint-url=https://monitoring.eu-west-1.invalid"],
        PUBLISHING,
        &[REGION, KEY, SECRET],
    );
    let text = said(&typed, &mut command_of(&typed));
    let cure = "check the endpoint or region, and this machine's DNS settings (the name monitoring.eu-west-1.invalid: ";
    assert!(text.contains(cure), "{text}");
    let typed: Mistake<'_> = (&[], PUBLISHING, &[REGION, KEY, SECRET]);
    let roots = TemporaryFile::new("roots.pem", cloudwatch.ca_pem().expect("TLS has a CA"));
    let mut refused = command_of(&typed);
    refused.env("HTTPS_PROXY", refused_url()).env("SSL_CERT_FILE", roots.path());
    let text = said(&typed, &mut refused);
    assert!(text.contains("check HTTPS_PROXY and NO_PROXY ("), "{text}");
}
