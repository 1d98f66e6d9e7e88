//! `agent.process`, of a process that goes on without its first thread.

use crate::run;
use crate::worker::{Worker, name};

/// The kernel calls such a process a zombie.
#[test]
fn a_process_whose_first_thread_has_ended_counts_with_all_that_it_has() {
    let mark = name('t');
    let script = "import ctypes, sys, threading
def run():
    while open('/proc/self/stat').read().rsplit(')', 1)[1].split()[0] != 'Z': pass
    print('ready', flush=True)
    sys.stdin.read()
threading.Thread(target=run).start()
ctypes.CDLL(None).pthread_exit(None)";
    let worker = Worker::start_program("/usr/bin/python3", &mark, script, &[&mark]);
    for which in ["name", "command"] {
        let details = [(which, &*mark), ("proportional", "yes")];
        let found = run("agent.process", &details).expect("it can be read");
        let numbers = ["count", "threads"].map(|name| found.number(name));
        assert_eq!(numbers, [1.0, 2.0], "{details:?} {found:#?}");
        assert!(found.number("open_files") >= 3.0, "{found:#?}");
        assert!(found.number("memory_resident") > f64::from(1 << 20), "{found:#?}");
        assert!(found.number("memory_proportional") > f64::from(1 << 18), "{found:#?}");
    }
    drop(worker);
    let found = run("agent.process", &[("name", &mark)]).expect("it can be read");
    assert_eq!(found.number("count"), 0.0);
}
