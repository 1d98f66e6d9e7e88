//! Damaged files, and outputs that take nothing.

use std::fs;
use std::io::{Read, pipe};

use rustix::process::Signal;
use support::folder::Folder;
use support::server::wait_until;
use support::{Agent, command, full_pipe, run};

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
fn of_many_that_salvage_at_once_one_does_and_nothing_is_lost() {
    let folder = history();
    let export =
        || crate::on(&folder, &["store", "export", "--format", "csv"]).expect_code(0).stdout;
    let before = export();
    let path = folder.path("history.redb");
    let mut damaged = fs::read(&path).expect("a file");
    damaged[64..320].fill(0);
    let name = folder.whole();
    let taken = format!("the history in {name} is open in another process: end that one first\n");
    let kept = format!("the history in {name} can be read: it stays as it is\n");
    for round in 1..=3 {
        fs::write(&path, &damaged).expect("a file");
        let mut salvage = command();
        salvage.args(["store", "salvage"]).arg(&name);
        let all: Vec<_> = (0..5).map(|_| Agent::start(&mut salvage)).collect();
        let ended: Vec<_> = all.into_iter().map(Agent::wait).collect();
        let done = ended.iter().filter(|ended| ended.stdout.starts_with("taken over: ")).count();
        assert_eq!(done, 1, "{ended:#?}");
        let is_clear = |text: &str| text == taken || text == kept || text.starts_with("taken over");
        let others = ended.iter().map(|ended| format!("{}{}", ended.stdout, ended.stderr));
        assert!(others.into_iter().all(|text| is_clear(&text)), "{ended:#?}");
        let mut names: Vec<_> = fs::read_dir(&name)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        names.sort();
        let asides = ["history.redb.damaged", "history.redb.damaged.2", "history.redb.damaged.3"];
        assert_eq!(names[0], "history.redb");
        assert_eq!(names[1..], asides[..round]);
        assert_eq!(export(), before, "{round}");
    }
}

#[test]
fn of_many_that_find_nothing_whole_one_puts_it_aside_and_none_begins_anew() {
    let folder = Folder::of(&[]);
    let name = folder.whole();
    let mut salvage = command();
    salvage.args(["store", "salvage"]).arg(&name);
    let mut asides = Vec::new();
    for round in 1..=5 {
        folder.write("history.redb", [b'x'; 9000]);
        asides.push(match round {
            1 => "history.redb.damaged".to_owned(),
            _ => format!("history.redb.damaged.{round}"),
        });
        let all: Vec<_> = (0..5).map(|_| Agent::start(&mut salvage)).collect();
        let ended: Vec<_> = all.into_iter().map(|agent| agent.wait().expect_code(1)).collect();
        let aside = &asides[round - 1];
        let texts = [
            format!("nothing of the history in {name} is whole: the file is {aside} now\n"),
            format!("the history in {name} is open in another process: end that one first\n"),
            format!(
                "no history in {name}: the folder has no file history.redb; name the folder that the agent has in \
                 --store\n"
            ),
        ];
        let places = ended.iter().map(|of| texts.iter().position(|text| *text == of.stderr));
        let places: Vec<_> = places.map(|place| place.expect("one of these texts")).collect();
        assert_eq!(places.iter().filter(|place| **place == 0).count(), 1, "{ended:#?}");
        let mut names: Vec<_> = fs::read_dir(&name)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        names.sort();
        assert_eq!(names, asides, "{ended:#?}");
    }
}

#[test]
fn a_link_in_the_place_of_the_file_is_named() {
    let folder = history();
    let path = folder.path("history.redb");
    fs::rename(&path, folder.path("other")).expect("a file");
    let mut damaged = fs::read(folder.path("other")).expect("a file");
    damaged[64..320].fill(0);
    folder.write("other", &damaged);
    std::os::unix::fs::symlink(folder.path("other"), &path).expect("a link");
    let why = format!(
        "the history in {} cannot be opened: {path} is a symbolic link: expected a file of its own\n",
        folder.whole()
    );
    for command in ["verify", "salvage", "prune"] {
        let ended = crate::on(&folder, &["store", command]).expect_code(1);
        assert_eq!(ended.stderr, why, "{command}");
    }
    assert_eq!(fs::read(folder.path("other")).ok(), Some(damaged));
}

#[test]
fn a_last_write_that_is_damaged_is_told_once() {
    let folder = Folder::of(&[]);
    let store = folder.path("history");
    let agent = Agent::start(&mut crate::agent(&store));
    let file = folder.path("history/history.redb");
    // Where in the header the slot of the last write is, and its number.
    let slot = |bytes: &[u8]| 64 + 128 * usize::from(bytes[9] & 1);
    let writes = |bytes: &[u8]| bytes[slot(bytes) + 104];
    wait_until("some writes", || fs::read(&file).is_ok_and(|of| of.len() > 320 && writes(&of) > 3));
    agent.signal(Signal::KILL);
    agent.wait();
    let mut bytes = fs::read(&file).expect("a file");
    // The checksum of the slot of the last write.
    let last = slot(&bytes);
    bytes[last + 112] ^= 1;
    fs::write(&file, &bytes).expect("a file");
    let verify = || run(command().args(["store", "verify", &store])).expect_code(0).stderr;
    let told = format!(
        "the last write to {file} is damaged or incomplete: the history is as the write before left it, and the points \
         since then, of one --store-sync at most, are lost\n"
    );
    assert_eq!(verify(), told);
    assert_eq!(verify(), "");
    fs::write(&file, &bytes).expect("a file");
    let agent = Agent::start(&mut crate::agent(&store));
    agent.wait_for_log(told.trim_end());
    agent.terminate().expect_code(0);
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
