//! The fault matrix: the real binary with every fault, and SIGTERM at every moment.
//!
//!     FAULT_MATRIX_BINARY=PATH cargo test --test fault_matrix -- [--jobs N] [--rows FILE] \
//!         [--markdown FILE] [FILTER...]
//!
//! A filter is a part of a cell's name, such as `TLS` or `mid-window`. `scripts/faults.sh` runs
//! all of it, with the binary that is released. `--clock` sets the clock of the machine: it is for
//! one that is there for nothing else, and prints rows for `--rows`.

mod cell;
mod check;
mod clock;
mod credentials;
mod endpoints;
mod faults;
mod files;
mod lists;
mod log;
mod moments;
mod names;
mod namespace;
mod network;
mod pool;
mod resources;
mod rows_endpoints;
mod rows_machine;
mod rows_otlp;
mod rows_service;
mod scene;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use pool::Job;
use table::Table;

/// Inherited by every agent.
const PRIORITY: i32 = -10;

/// What was asked for.
struct Options {
    jobs: usize,
    clock: bool,
    rows: Option<PathBuf>,
    markdown: Option<PathBuf>,
    filters: Vec<String>,
}

fn main() -> ExitCode {
    lists::check_names();
    if std::env::var_os(scene::BINARY).is_none() {
        println!(
            "\nthe fault matrix is run by scripts/faults.sh, with the binary that is released\n"
        );
        return ExitCode::SUCCESS;
    }
    let options = options();
    if options.clock {
        return clock_rows(&options.filters);
    }
    // Above other work on this machine, where that is allowed: times are looked at.
    let _ = rustix::process::setpriority_process(None, PRIORITY);
    let missing = namespace::enter().err();
    if missing.is_none() {
        names::serve();
    }
    let needs = namespace::Has { namespace: missing, cgroups: files::cgroups_can_be_made() };
    let mut jobs = Job::all(&options.filters);
    jobs.retain(|job| !job.fault.is_of_the_clock());
    let started = tokio::time::Instant::now();
    let mut table = Table::new(pool::run(jobs, options.jobs, &needs));
    if let Some(file) = options.rows {
        table.add_rows(&std::fs::read_to_string(file).expect("the rows can be read"));
    }
    table.print();
    println!("{} cells at once, {:.0} s", options.jobs, started.elapsed().as_secs_f64());
    if let Some(file) = options.markdown {
        std::fs::write(file, table.markdown()).expect("the file can be written");
    }
    ExitCode::from(table.exit_code())
}

/// The rows of the clock, one after another.
fn clock_rows(filters: &[String]) -> ExitCode {
    let has = namespace::Has { namespace: None, cgroups: false };
    let mut code = 0;
    for fault in clock::OF_THE_CLOCK {
        let mut jobs = Job::all(filters);
        jobs.retain(|job| job.fault.name == fault.name);
        let mut results = Vec::new();
        for jobs in jobs.chunks(clock::AT_ONCE) {
            clock::meet(jobs.len());
            results.extend(pool::run(jobs.to_vec(), jobs.len(), &has));
        }
        let table = Table::new(results);
        table.print_rows();
        code = code.max(table.exit_code());
    }
    ExitCode::from(code)
}

fn options() -> Options {
    let filters = Vec::new();
    let jobs = pool::DEFAULT_JOBS;
    let mut options = Options { jobs, clock: false, rows: None, markdown: None, filters };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("this option has a value");
        match argument.as_str() {
            "--jobs" => options.jobs = value().parse().expect("--jobs: expected a number"),
            "--clock" => options.clock = true,
            "--rows" => options.rows = Some(value().into()),
            "--markdown" => options.markdown = Some(value().into()),
            _ => options.filters.push(argument),
        }
    }
    options
}
