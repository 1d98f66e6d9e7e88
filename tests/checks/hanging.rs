//! A mount whose server never answers: its check has no result, and no other waits for it.

use std::path::Path;

use cloudwatch_metrics_agent::Roots;
use futures_util::poll;

use crate::{configured, run, runtime, targets};
use support::namespace::{is_inside, path_in_folder, skip};

#[test]
fn a_mount_that_never_answers_holds_up_its_own_check_alone() {
    let test = "hanging::a_mount_that_never_answers_holds_up_its_own_check_alone";
    if !Path::new("/dev/fuse").exists() {
        return skip(test, "it needs FUSE");
    }
    // The server of the mounts would read the requests from these descriptors.
    let script = "mkdir \"$folder/alive\"; mount -t tmpfs -o size=64k none \"$folder/alive\"
        for number in 3 4 5 6 7; do
            mkdir \"$folder/dead-$number\"
            eval \"exec $number<>/dev/fuse\"
            mount -i -t fuse none \"$folder/dead-$number\" \
                -o fd=$number,rootmode=40000,user_id=0,group_id=0
        done";
    if !is_inside(test, &[], script) {
        return;
    }
    let open = |name: &str| {
        let point = path_in_folder(name);
        configured("agent.filesystem", &[("target", &point)]).open(&Roots::default())
    };
    // Time passes at once where all wait.
    let mut paused = tokio::runtime::Builder::new_current_thread();
    let paused = paused.enable_time().start_paused(true).build().expect("a runtime");
    paused.block_on(async {
        let mut dead: Vec<_> = (3..7).map(|number| open(&format!("dead-{number}"))).collect();
        let mut alive = open("alive");
        let mut runs: Vec<_> = dead.iter_mut().map(|check| check.run()).collect();
        for run in &mut runs {
            assert!(poll!(run.as_mut()).is_pending(), "it waits for the mount");
        }
        // Four are as many as may hang: a further one waits a short while for a thread.
        let refused = open("dead-7").run().await.expect_err("there is no thread");
        assert_eq!(refused, "no thread for asking a mount, calls that still have no answer: 4");
        for run in &mut runs {
            assert!(poll!(run.as_mut()).is_pending(), "it waits for the mount");
        }
        // The next runs, after these took too long.
        drop(runs);
        for (check, number) in dead.iter_mut().zip(3..) {
            let error = check.run().await.expect_err("the mount has not answered");
            let point = path_in_folder(&format!("dead-{number}"));
            assert_eq!(error, format!("{point} has not answered for 1 s"));
        }
        // What the kernel answers for itself has threads of its own.
        let answered = alive.run().await;
        assert!(answered.is_ok(), "{answered:?}");
    });
    // What asks no mount for anything is not held up.
    let state = run("agent.filesystem_state", &[]).expect("the list of mounts can be read");
    assert!(state.number("total_rw") >= 1.0);
    assert!(targets("agent.filesystem").contains(&path_in_folder("dead-3")));
    run("agent.load_average", &[]).expect("it asks no mount");
}

#[test]
fn more_checks_at_once_than_threads_all_have_a_result() {
    let script = "mount -t tmpfs -o size=64k none \"$folder\"";
    if !is_inside("hanging::more_checks_at_once_than_threads_all_have_a_result", &[], script) {
        return;
    }
    let point = path_in_folder("");
    let check = configured("agent.filesystem", &[("target", point.trim_end_matches('/'))]);
    let open = |_| check.open(&Roots::default());
    let mut checks: Vec<_> = (0..50).map(open).collect();
    let runs = futures_util::future::join_all(checks.iter_mut().map(|check| check.run()));
    for found in runtime().block_on(runs) {
        let found = found.expect("it answers");
        assert_eq!(found.values[0].quantity.number(), Some(64.0), "{found:#?}");
    }
}

#[test]
fn beside_a_mount_that_never_answers_another_is_measured() {
    let test = "hanging::beside_a_mount_that_never_answers_another_is_measured";
    if !Path::new("/dev/fuse").exists() {
        return skip(test, "it needs FUSE");
    }
    let script = "mkdir \"$folder/alive\" \"$folder/dead\"
        mount -t tmpfs -o size=64k none \"$folder/alive\"
        exec 3<>/dev/fuse
        mount -i -t fuse none \"$folder/dead\" -o fd=3,rootmode=40000,user_id=0,group_id=0";
    if !is_inside(test, &[], script) {
        return;
    }
    let open = |name: &str| {
        let point = path_in_folder(name);
        configured("agent.filesystem", &[("target", &point)]).open(&Roots::default())
    };
    runtime().block_on(async {
        let (mut dead, mut alive) = (open("dead"), open("alive"));
        let mut hangs = dead.run();
        assert!(poll!(hangs.as_mut()).is_pending(), "it waits for the mount");
        for _ in 0..20 {
            let found = alive.run().await.expect("it answers");
            assert_eq!(found.values[0].quantity.number(), Some(64.0), "{found:#?}");
            assert!(poll!(hangs.as_mut()).is_pending(), "it waits for the mount");
        }
        drop(hangs);
        for _ in 0..20 {
            let error = dead.run().await.expect_err("the mount has not answered");
            assert!(error.contains("has not answered for"), "no further thread hangs: {error}");
            alive.run().await.expect("it answers");
        }
    });
}
