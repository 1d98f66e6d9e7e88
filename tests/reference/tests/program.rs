//! What the program prints: a man page and completions that know every option.

use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};

use cloudwatch_metrics_agent::cli::definition;
use reference::configuration::{document, options};

fn reference(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reference")).args(arguments).output().expect("it was built")
}

fn printed(arguments: &[&str]) -> String {
    let output = reference(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a checker says of a text, or nothing where it is not installed, which is said; in CI that is
/// a failure.
fn checked(checker: &str, arguments: &[&str], text: &str) -> Option<String> {
    let command = Command::new(checker)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match command {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{checker} is not installed");
            eprintln!("SKIPPED: {checker} is not installed, so it checks nothing");
            return None;
        }
        Err(error) => panic!("{checker}: {error}"),
    };
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(text.as_bytes()).expect("it reads all");
    drop(input);
    let output = child.wait_with_output().expect("it is this process's child");
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_document_is_printed() {
    assert_eq!(printed(&["configuration"]), document());
}

#[test]
fn the_man_page_has_every_option_and_no_mistake() {
    let page = printed(&["man"]);
    for option in options() {
        let name = format!("\\-\\-{}", option.name.replace('-', "\\-"));
        assert!(page.contains(&format!("\\fB{name}\\fR")), "{name} is not in the man page");
        for short in option.others.iter().filter(|other| !other.starts_with("--")) {
            let short = short.replace('-', "\\-");
            assert!(page.contains(&format!("\\fB{short}\\fR")), "{short} is not in the man page");
        }
    }
    for command in definition().get_subcommands().map(|command| command.get_name()) {
        let name = command.replace('-', "\\-");
        assert!(page.contains(&format!("\n\\fB{name}")), "{command} is not in the man page");
    }
    // It has no date on purpose.
    if let Some(said) = checked("mandoc", &["-Tlint", "-Wwarning"], &page) {
        let mistakes: Vec<_> = said.lines().filter(|line| !line.contains("missing date")).collect();
        assert!(mistakes.is_empty(), "{mistakes:?}");
    }
}

#[test]
fn the_completions_have_every_option_and_are_valid() {
    for shell in ["bash", "zsh", "fish"] {
        let text = printed(&["completions", shell]);
        for option in options() {
            let name = match shell {
                "fish" => format!("-l {}", option.name),
                _ => format!("--{}", option.name),
            };
            assert!(text.contains(&name), "{name} is not in the completions of {shell}");
        }
        if let Some(said) = checked(shell, &["-n"], &text) {
            assert_eq!(said, "", "{shell}");
        }
    }
}

#[test]
fn wrong_use_is_told() {
    for arguments in [&[][..], &["completions"], &["completions", "tcsh"], &["man", "2"]] {
        let output = reference(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: "), "{output:?}");
    }
}
