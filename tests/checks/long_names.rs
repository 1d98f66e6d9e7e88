//! `agent.process`, of processes whose names are longer than the 15 bytes that the kernel keeps.

use std::os::unix::process::CommandExt;

use support::folder::Folder;

use crate::processes::NOBODY;
use crate::run;
use crate::worker::{WAIT, Worker, name};

#[test]
fn a_name_that_is_longer_than_the_kernel_keeps_is_found() {
    let long = format!("{}-and-much-longer", name('l'));
    let _worker = Worker::start(&long, WAIT, &[]);
    let found = run("agent.process", &[("name", &long)]).expect("it can be read");
    assert_eq!(found.number("count"), 1.0);
    let other = run("agent.process", &[("name", &format!("{long}x"))]).expect("it can be read");
    assert_eq!(other.number("count"), 0.0);
}

/// As servers do that write into their arguments what they do at the moment.
#[test]
fn one_with_other_arguments_is_found_by_its_program() {
    let long = format!("{}-and-much-longer", name('t'));
    let folder = Folder::of(&[]);
    let program = folder.path(&long);
    // By a process of its own: another test that starts one meanwhile would keep a file busy that is written here.
    crate::output("cp", &["/bin/sh", &program]);
    let _worker = Worker::start_program_as(&program, &long, WAIT, &[], |command| {
        command.arg0("worker: idle");
    });
    let count = |name: &str| run("agent.process", &[("name", name)]).map(|of| of.number("count"));
    assert_eq!([count(&long), count(&format!("{long}x"))], [Ok(1.0), Ok(0.0)]);
    // Whoever may not read which program it is cannot count it, and does not say that there is none.
    if rustix::process::geteuid().is_root() {
        // Where that user can run it, wherever this was built.
        support::folder::mode(folder.whole(), 0o755);
        let agent = folder.path("agent");
        crate::output("cp", &[support::binary().to_str().expect("text"), &agent]);
        let mut other = std::process::Command::new(agent);
        other.args(["check", "agent.process", &format!("name={long}")]).env_clear();
        other.uid(NOBODY).gid(NOBODY);
        let said = support::run(&mut other).expect_code(1);
        let expected = "may be one of them, and /proc/";
        assert!(said.stdout.contains(expected) || said.stderr.contains(expected), "{said:?}");
    } else {
        support::namespace::skip("long_names::another_user", "it needs root");
    }
    // Its file is replaced under it, as by an upgrade.
    std::fs::remove_file(&program).expect("it is there");
    assert_eq!(count(&long), Ok(1.0));
}
