//! Damaged files, and outputs that take nothing.

use std::fs;
use std::io::{Read, pipe};

use rustix::process::Signal;
use support::{Agent, command, full_pipe};

use crate::{each, history};

#[test]
fn a_damaged_file_is_told_and_left_as_it_is() {
    let folder = history();
    let path = folder.path("history.redb");
    let whole = fs::read(&path).expect("a file");
    let mut changed = whole.clone();
    // All but its head, so that it is still a database.
    changed[4096..].iter_mut().for_each(|byte| *byte ^= 0x55);
    let no_database = vec![b'x'; whole.len()];
    for bytes in [changed, no_database] {
        fs::write(&path, &bytes).expect("a file");
        for ended in each(&folder.whole()) {
            let ended = ended.expect_code(1);
            let begins =
                format!("the history in {} is damaged and cannot be read: ", folder.whole());
            assert!(ended.stderr.starts_with(&begins), "{ended:#?}");
            assert_eq!(ended.stdout, "");
            assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        }
    }
}

/// Each byte of the file that is in use is under a checksum, and none makes the program panic.
#[test]
fn a_byte_that_has_changed_anywhere_is_found_or_does_not_matter() {
    let folder = history();
    let path = folder.path("history.redb");
    let whole = fs::read(&path).expect("a file");
    let mut found = 0;
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).expect("a file");
        let ended = crate::on(&folder, &["store", "verify"]);
        assert!(matches!(ended.status.code(), Some(0 | 1)), "byte {place}: {ended:#?}");
        assert!(!ended.stderr.contains("panicked"), "byte {place}: {ended:#?}");
        found += usize::from(ended.status.code() == Some(1));
    }
    assert!(found > 0);
}

#[test]
fn what_is_whole_is_taken_over_by_a_command() {
    let folder = history();
    let path = folder.path("history.redb");
    let salvage = || crate::on(&folder, &["store", "salvage"]);
    let export =
        || crate::on(&folder, &["store", "export", "--format", "csv"]).expect_code(0).stdout;
    let name = folder.whole();
    let kept = format!("the history in {name} can be read: it stays as it is\n");
    assert_eq!(salvage().expect_code(0).stdout, kept);
    let before = export();
    let whole = fs::read(&path).expect("a file");
    let mut damaged = whole.clone();
    damaged[64..320].fill(0);
    fs::write(&path, &damaged).expect("a file");
    let told = salvage().expect_code(0).stdout;
    let end = " metrics\nthe damaged file is history.redb.damaged\n";
    assert!(told.starts_with("taken over: ") && told.ends_with(end), "{told}");
    assert_eq!(export(), before);
    crate::on(&folder, &["store", "verify"]).expect_code(0);
    assert_eq!(fs::read(folder.path("history.redb.damaged")).ok(), Some(damaged));
    let mut random = whole;
    random[64..].iter_mut().step_by(7).for_each(|byte| *byte ^= 1);
    fs::write(&path, &random).expect("a file");
    let told = salvage().expect_code(1).stderr;
    let nothing = format!(
        "nothing of the history in {name} is whole: the file is history.redb.damaged.2 now\n"
    );
    assert_eq!(told, nothing);
    assert!(!fs::exists(&path).expect("the folder is readable"));
}

#[test]
fn a_reader_that_has_gone_is_no_error_to_tell() {
    let folder = history();
    let export = |format: &str| {
        let mut command = command();
        command.args(["store", "export", "--format", format]).arg(folder.whole());
        command
    };
    for format in ["csv", "json", "openmetrics"] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let ended = Agent::start_with_stdout(&mut export(format), writer).wait().expect_code(1);
        assert_eq!(ended.stderr, "", "{format}");
    }
    let mut query = command();
    query.args(["query", "cpu", "--output", "csv", "--store"]).arg(folder.whole());
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let ended = Agent::start_with_stdout(&mut query, writer).wait().expect_code(1);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_full_pipe_is_waited_for_and_a_signal_ends_that() {
    let folder = history();
    let mut export = command();
    export.args(["store", "export", "--format", "csv"]).arg(folder.whole());
    let (mut reader, writer) = full_pipe();
    let agent = Agent::start_with_stdout(&mut export, writer);
    // As soon as there is room again it goes on to the end.
    let mut all = Vec::new();
    drop(export);
    reader.read_to_end(&mut all).expect("a pipe");
    agent.wait().expect_code(0);
    let text = String::from_utf8_lossy(&all);
    assert!(text.trim_start_matches('x').starts_with("check,metric,"), "{text}");

    let mut export = command();
    export.args(["store", "export", "--format", "csv"]).arg(folder.whole());
    let (_reader, writer) = full_pipe();
    let agent = Agent::start_with_stdout(&mut export, writer);
    agent.signal(Signal::TERM);
    agent.wait();
}

#[test]
fn a_full_disk_is_told() {
    let folder = history();
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut export = command();
    export.args(["store", "export", "--format", "csv"]).arg(folder.whole());
    let ended = Agent::start_with_stdout(&mut export, full).wait().expect_code(1);
    assert_eq!(
        ended.stderr,
        "standard output takes nothing: No space left on device (os error 28)\n"
    );
}
