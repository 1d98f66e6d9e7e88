use std::time::Duration;

use super::super::tests::{absent, assert_complete, number, open, roots, run};
use super::linux::NO_VERSION_2;
use super::*;
use crate::model::{Check, Findings};
use crate::source::others::ROOT_GROUP;
use crate::source::pressure::ADVICE;
use support::tree::Tree;

/// The files of pressure with these totals of `some`, and `full` with half of them.
fn change(tree: &Tree, directory: &str, ending: &str, totals: [u64; 3]) {
    for (resource, total) in ["cpu", "memory", "io"].into_iter().zip(totals) {
        let average = "avg10=77.00 avg60=0.00 avg300=0.00";
        let half = total / 2;
        tree.change(&format!(
            "== {directory}/{resource}{ending}\nsome {average} total={total}\nfull {average} total={half}\n"
        ));
    }
}

/// A second run, ten seconds after the first.
async fn second(check: &mut Box<dyn Check>, tree: &Tree) -> Result<Findings, String> {
    tokio::time::advance(Duration::from_secs(10)).await;
    let found = run(check, tree).await;
    if let Ok(found) = &found {
        assert_complete(&TYPE, found);
    }
    found
}

const IN_CONTAINER: &str = "== proc/self/cgroup\n0::/\n== proc/self/mountinfo\n\
    30 24 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n== sys/fs/cgroup/cgroup.events\npopulated 1\n";

#[tokio::test(start_paused = true)]
async fn a_percentage_is_the_growth_of_the_total_over_the_time() {
    let tree = Tree::new("");
    change(&tree, "proc/pressure", "", [1_000_000, 0, 7_000]);
    let mut check = open(&TYPE, &[("scope", "machine")], &roots(&tree));
    let first = run(&mut check, &tree).await.expect("it is there");
    assert_complete(&TYPE, &first);
    assert_eq!(number(&first, "cpu_some_percent"), 0.0, "of two readings, and not avg10");
    assert_eq!(number(&first, "cpu_some_total"), 1000.0);
    change(&tree, "proc/pressure", "", [3_500_000, 1_000_000, 7_000]);
    let found = second(&mut check, &tree).await.expect("it is there");
    let names =
        ["cpu_some_percent", "memory_some_percent", "memory_full_percent", "io_full_percent"];
    assert_eq!(names.map(|name| number(&found, name)), [25.0, 10.0, 5.0, 0.0]);
    assert_eq!([number(&found, "cpu_some_total"), number(&found, "io_some_total")], [3500.0, 7.0]);
    // The kernel writes zeros there, of the machine.
    assert_eq!(absent(&found, "cpu_full_percent"), ROOT_GROUP);
    assert_eq!(absent(&found, "cpu_full_total"), ROOT_GROUP);
    assert_eq!(found.raw.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_takes_two_readings() {
    let tree = Tree::new("");
    change(&tree, "proc/pressure", "", [0, 0, 0]);
    let mut check = open(&TYPE, &[("scope", "machine")], &roots(&tree));
    let mut first = Box::pin(run(&mut check, &tree));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    change(&tree, "proc/pressure", "", [125_000, 250_500, 0]);
    let found = first.await.expect("it is there");
    // Of 250 ms; what the clock is behind is no more than all of the time.
    let names = ["cpu_some_percent", "memory_some_percent", "io_some_percent"];
    assert_eq!(names.map(|name| number(&found, name)), [50.0, 100.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn auto_is_the_container_where_it_has_files_and_else_the_machine() {
    let tree = Tree::new(IN_CONTAINER);
    change(&tree, "proc/pressure", "", [9_000_000; 3]);
    let mut auto = open(&TYPE, &[], &roots(&tree));
    let found = run(&mut auto, &tree).await.expect("the machine has files");
    assert_eq!(number(&found, "cpu_some_total"), 9000.0);
    let mut container = open(&TYPE, &[("scope", "container")], &roots(&tree));
    let error = run(&mut container, &tree).await.expect_err("it has no files");
    assert!(error.contains("no control group of a container"), "{error}");
    change(&tree, "sys/fs/cgroup", ".pressure", [2_000_000; 3]);
    let found = second(&mut auto, &tree).await.expect("the machine has files");
    assert_eq!(number(&found, "cpu_some_total"), 9000.0, "it stays with what it has taken");
    let mut auto = open(&TYPE, &[], &roots(&tree));
    let found = run(&mut auto, &tree).await.expect("the container has files");
    assert_eq!(number(&found, "cpu_some_total"), 2000.0);
    change(&tree, "sys/fs/cgroup", ".pressure", [4_000_000; 3]);
    let found = second(&mut auto, &tree).await.expect("the container has files");
    assert_eq!(
        [number(&found, "cpu_some_percent"), number(&found, "cpu_full_percent")],
        [20.0, 10.0]
    );
    assert!(run(&mut container, &tree).await.is_ok());
    let targets = TYPE.targets.expect("it has some")(&roots(&tree)).expect("readable");
    let ids: Vec<_> = targets.into_iter().map(|target| target.id).collect();
    assert_eq!(ids, ["container", "machine"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_of_the_machine_is_no_container() {
    let tree = Tree::new(
        "== proc/self/cgroup\n0::/system.slice/agent.service\n== proc/self/mountinfo\n\
         30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
    );
    change(&tree, "sys/fs/cgroup/system.slice/agent.service", ".pressure", [1; 3]);
    change(&tree, "proc/pressure", "", [9_000_000; 3]);
    let found = run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.expect("it is there");
    assert_eq!(number(&found, "cpu_some_total"), 9000.0);
}

#[tokio::test(start_paused = true)]
async fn a_pod_or_task_is_the_group_above_the_container_where_it_is_visible() {
    for above in ["kubepods.slice/kubepods-pod9.slice", "ecs/bf1ddbfbbc8f45c9b1ac4f779368741e"] {
        let tree = Tree::new(&format!(
            "== proc/self/cgroup\n0::/{above}/app/sub\n== proc/self/mountinfo\n\
             30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
        ));
        change(&tree, &format!("sys/fs/cgroup/{above}/app"), ".pressure", [1_000_000; 3]);
        change(&tree, &format!("sys/fs/cgroup/{above}"), ".pressure", [5_000_000; 3]);
        for (scope, expected) in [("container", 1000.0), ("pod", 5000.0)] {
            let mut check = open(&TYPE, &[("scope", scope)], &roots(&tree));
            let found = run(&mut check, &tree).await.expect("it is there");
            assert_eq!(number(&found, "cpu_some_total"), expected, "{above} {scope}");
        }
    }
    // In a namespace of its own nothing above is visible.
    let tree = Tree::new(IN_CONTAINER);
    change(&tree, "sys/fs/cgroup", ".pressure", [1; 3]);
    let mut check = open(&TYPE, &[("scope", "pod")], &roots(&tree));
    let error = run(&mut check, &tree).await.expect_err("it cannot be seen");
    assert!(error.starts_with("the control group of a pod or task is not visible here"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn version_1_has_no_pressure_of_a_container() {
    let tree = Tree::new(
        "== proc/self/cgroup\n4:memory:/x\n== proc/self/mountinfo\n\
         30 24 0:26 / /cgroup rw - cgroup cgroup rw,memory\n",
    );
    let mut container = open(&TYPE, &[("scope", "container")], &roots(&tree));
    assert_eq!(run(&mut container, &tree).await, Err(NO_VERSION_2.to_owned()));
    change(&tree, "proc/pressure", "", [9_000_000; 3]);
    assert!(run(&mut open(&TYPE, &[], &roots(&tree)), &tree).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_kernel_without_pressure_is_unavailable_with_the_cure() {
    let tree = Tree::new("== proc/\n");
    let mut check = open(&TYPE, &[], &roots(&tree));
    let error = format!("proc/pressure/cpu not found: {ADVICE}");
    assert_eq!(run(&mut check, &tree).await, Err(error));
}

#[tokio::test(start_paused = true)]
async fn one_file_without_its_lines_leaves_the_others() {
    let tree = Tree::new("");
    change(&tree, "proc/pressure", "", [1, 1, 1]);
    tree.change("== proc/pressure/io (missing)\n== proc/pressure/memory\nsome total=x\n");
    let mut check = open(&TYPE, &[], &roots(&tree));
    let found = run(&mut check, &tree).await.expect("that of the CPU is there");
    assert_complete(&TYPE, &found);
    assert!(absent(&found, "io_some_percent").ends_with(ADVICE));
    assert!(absent(&found, "memory_some_total").ends_with("has no total in microseconds"));
    assert!(absent(&found, "memory_full_percent").ends_with("has no line full"));
}

#[tokio::test(start_paused = true)]
async fn a_total_that_goes_back_gives_no_percentage_once() {
    let tree = Tree::new("");
    change(&tree, "proc/pressure", "", [9_000_000; 3]);
    let mut check = open(&TYPE, &[], &roots(&tree));
    run(&mut check, &tree).await.expect("it is there");
    change(&tree, "proc/pressure", "", [1_000_000; 3]);
    let found = second(&mut check, &tree).await.expect("it is there");
    assert_eq!(absent(&found, "io_some_percent"), "the total went back since the run before");
    change(&tree, "proc/pressure", "", [2_000_000; 3]);
    let found = second(&mut check, &tree).await.expect("it is there");
    assert_eq!(number(&found, "io_some_percent"), 10.0);
}
