//! The fault matrix: the real binary with every fault, and SIGTERM at every moment.
//!
//!     cargo test --test fault_matrix -- [--jobs N] [--markdown FILE] [FILTER...]
//!
//! A filter is a part of a cell's name, such as `TLS` or `mid-window`. `scripts/faults.sh` runs
//! all of it, with the binary that is released.

#[path = "fault_matrix/cell.rs"]
mod cell;
#[path = "fault_matrix/check.rs"]
mod check;
#[path = "fault_matrix/credentials.rs"]
mod credentials;
#[path = "fault_matrix/faults.rs"]
mod faults;
#[path = "fault_matrix/files.rs"]
mod files;
#[path = "credentials/http.rs"]
#[allow(dead_code, reason = "the tests of credentials use all of it")]
mod http;
#[path = "fault_matrix/lists.rs"]
mod lists;
#[path = "fault_matrix/log.rs"]
mod log;
#[path = "fault_matrix/moments.rs"]
mod moments;
#[path = "fault_matrix/names.rs"]
mod names;
#[path = "fault_matrix/namespace.rs"]
mod namespace;
#[path = "fault_matrix/network.rs"]
mod network;
#[path = "fault_matrix/pool.rs"]
mod pool;
#[path = "fault_matrix/rows_machine.rs"]
mod rows_machine;
#[path = "fault_matrix/rows_service.rs"]
mod rows_service;
#[path = "fault_matrix/scene.rs"]
mod scene;
mod support;
#[path = "fault_matrix/table.rs"]
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use pool::Job;
use table::Table;

/// What was asked for.
struct Options {
    jobs: usize,
    markdown: Option<PathBuf>,
    filters: Vec<String>,
}

fn main() -> ExitCode {
    lists::check_names();
    let options = options();
    let missing = namespace::enter().err();
    if missing.is_none() {
        names::serve();
    }
    let needs = namespace::Has { namespace: missing, cgroups: files::cgroups_can_be_made() };
    let jobs = Job::all(&options.filters);
    let started = tokio::time::Instant::now();
    let table = Table::new(pool::run(jobs, options.jobs, &needs));
    table.print();
    println!("{} cells at once, {:.0} s", options.jobs, started.elapsed().as_secs_f64());
    if let Some(file) = options.markdown {
        std::fs::write(file, table.markdown()).expect("the file can be written");
    }
    ExitCode::from(table.exit_code())
}

fn options() -> Options {
    let mut options = Options { jobs: pool::DEFAULT_JOBS, markdown: None, filters: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("this option has a value");
        match argument.as_str() {
            "--jobs" => options.jobs = value().parse().expect("--jobs: expected a number"),
            "--markdown" => options.markdown = Some(value().into()),
            _ => options.filters.push(argument),
        }
    }
    options
}
