//! The table: for people, and as Markdown for docs/reliability.md.

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;

use crate::check::{longest_gap, machine_was_slow, was_killed_before_its_handlers};
use crate::faults::{self, Fault};
use crate::lists::{KNOWN, known, senseless};
use crate::moments::{MOMENTS, Moment};
use crate::pool::{Job, Verdict};

/// All that was found out.
pub struct Table {
    results: Vec<(Job, Verdict)>,
    /// Rows that were made in another machine.
    more: Vec<Vec<String>>,
}

impl Table {
    pub fn new(results: Vec<(Job, Verdict)>) -> Self {
        Self { results, more: Vec::new() }
    }

    /// Adds what [`print_rows`](Table::print_rows) printed.
    pub fn add_rows(&mut self, text: &str) {
        let rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect());
        self.more.extend(rows);
    }

    /// The rows without a head, for another table, each behind a mark.
    pub fn print_rows(&self) {
        for row in self.rows().iter().skip(1) {
            println!("@@ row |{}", row.join("\t"));
        }
        self.print_problems();
    }

    fn of(&self, fault: &Fault, moment: Moment) -> Vec<&(Job, Verdict)> {
        let fits = |job: &Job| job.fault.name == fault.name && job.moment == moment;
        self.results.iter().filter(|(job, _)| fits(job)).collect()
    }

    /// The slowest end of a cell's runs, and a mark.
    fn cell(&self, fault: &Fault, moment: Moment) -> String {
        if senseless(fault, moment).is_some() {
            return NONE.to_owned();
        }
        let runs = self.of(fault, moment);
        let mut longest = None;
        let mut mark = "";
        for (_, verdict) in &runs {
            match verdict {
                Verdict::Ran(outcome, problems) => {
                    longest = longest.max(Some(outcome.end.quick));
                    if !problems.is_empty() {
                        mark = if known(fault, moment).is_some() { " known" } else { " FAILED" };
                    }
                }
                Verdict::Lost(_) => {
                    mark = if known(fault, moment).is_some() { " known" } else { " FAILED" };
                }
                Verdict::NotHere(_) => return "not here".to_owned(),
            }
        }
        match longest {
            Some(time) => format!("{:.3}{mark}", time.as_secs_f64()),
            None => mark.trim().to_owned(),
        }
    }

    fn row(&self, fault: &Fault) -> Vec<String> {
        let mut row = vec![fault.name.to_owned()];
        row.extend(MOMENTS.iter().map(|(moment, _)| self.cell(fault, *moment)));
        let outcomes = || {
            self.results.iter().filter(|(job, _)| job.fault.name == fault.name).filter_map(
                |(_, verdict)| match verdict {
                    Verdict::Ran(outcome, _) => Some(outcome),
                    _ => None,
                },
            )
        };
        let gap = outcomes().filter_map(|outcome| longest_gap(fault, outcome)).max();
        row.push(gap.map_or(NONE.to_owned(), |gap| format!("{:.2}", gap.as_secs_f64())));
        let peak = outcomes().map(|outcome| outcome.end.peak_kib).max().unwrap_or(0);
        row.push(format!("{:.1}", peak as f64 / 1024.0));
        row
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut head = vec!["fault".to_owned()];
        head.extend(MOMENTS.iter().map(|(_, name)| (*name).to_owned()));
        head.extend(["longest gap, s".to_owned(), "memory, MiB".to_owned()]);
        let ran = |fault: &&'static Fault| {
            self.results.iter().any(|(job, _)| job.fault.name == fault.name)
        };
        let rows = faults::all().filter(ran).map(|fault| self.row(fault));
        std::iter::once(head).chain(rows).chain(self.more.iter().cloned()).collect()
    }

    /// The table, then all that is wrong.
    pub fn print(&self) {
        let rows = self.rows();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<_> = (0..rows[0].len()).map(|c| width(c).unwrap_or(0)).collect();
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            println!("{}", cells.collect::<Vec<_>>().join(" | "));
        }
        self.print_problems();
        println!("\n{}", self.notes());
    }

    fn print_problems(&self) {
        for (job, verdict) in &self.results {
            let (problems, said) = match verdict {
                Verdict::Ran(outcome, problems) if !problems.is_empty() => {
                    let ended = &outcome.ended;
                    let status = (ended.status.code(), ended.status.signal());
                    (
                        problems.join("\n    "),
                        format!("{status:?} {:?}\n{}", outcome.arrived, ended.stderr),
                    )
                }
                Verdict::Lost(text) => (format!("the test got stuck: {text}"), String::new()),
                Verdict::NotHere(reason) => (format!("did not run: {reason}"), String::new()),
                Verdict::Ran(..) => continue,
            };
            println!("\n{}:\n    {problems}", job.name());
            let known = known(job.fault, job.moment);
            match known {
                Some(why) => println!("    !!! KNOWN: {why}"),
                None => println!("{}", said.trim_end()),
            }
        }
        self.print_known_that_pass();
    }

    /// A row is on the list as a whole, so it is off it as a whole.
    fn print_known_that_pass(&self) {
        for (name, only, _) in KNOWN {
            let of_it = |job: &Job| job.fault.name == *name && only.is_none_or(|m| m == job.moment);
            let mut runs = self.results.iter().filter(|(job, _)| of_it(job)).peekable();
            let passed = |(_, verdict): &(Job, Verdict)| matches!(verdict, Verdict::Ran(_, problems) if problems.is_empty());
            if runs.peek().is_some() && runs.all(passed) {
                println!("\n!!! {name} passes: take it off the list KNOWN");
            }
        }
    }

    /// What the table does not show, in sentences.
    pub fn notes(&self) -> String {
        let outcomes = || {
            self.results.iter().filter_map(|(job, verdict)| match verdict {
                Verdict::Ran(outcome, _) => Some((job, outcome)),
                _ => None,
            })
        };
        let slow = outcomes().filter(|(_, outcome)| machine_was_slow(outcome)).count();
        let most = outcomes().max_by_key(|(_, outcome)| outcome.end.waited);
        let (name, waited) = most.map(|(job, o)| (job.name(), o.end.waited)).unwrap_or_default();
        let early = outcomes().filter(|(job, outcome)| {
            job.moment == Moment::First10Ms && was_killed_before_its_handlers(outcome)
        });
        format!(
            "{} runs. In {slow} of them only the agent's own share was within 0.1 s: the longest that \
             one waited for a CPU at its end was {:.3} s ({name}). {} of the runs of the first 10 ms were \
             over before the program had begun.",
            self.results.len(),
            waited.as_secs_f64(),
            early.count(),
        )
    }

    /// A table for each group, without the columns that none of it has, and what its rows mean.
    pub fn markdown(&self) -> String {
        let rows = self.rows();
        let head = &rows[0];
        let mut text = String::new();
        for (heading, faults) in faults::GROUPS {
            let is_of_it = |row: &&Vec<String>| faults.iter().any(|fault| fault.name == row[0]);
            let of_it: Vec<_> = rows.iter().filter(is_of_it).collect();
            if of_it.is_empty() {
                continue;
            }
            let is_filled = |column: &usize| of_it.iter().any(|row| row[*column] != NONE);
            let columns: Vec<_> = (0..head.len()).filter(is_filled).collect();
            let line = |row: &Vec<String>| {
                let cells: Vec<_> = columns.iter().map(|column| &*row[*column]).collect();
                format!("| {} |", cells.join(" | "))
            };
            let rule = "| ---: ".repeat(columns.len() - 1);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "### {heading}\n\n{}\n| --- {rule}|", line(head));
            of_it.iter().for_each(|row| text.extend([&line(row), "\n"]));
            let _ = writeln!(text, "\n| fault | what it means |\n| --- | --- |");
            for fault in faults {
                let _ = writeln!(text, "| {} | {} |", fault.name, fault.meaning);
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}", self.notes());
        text
    }

    /// As of other test programs; 3 where some of it could not run here.
    pub fn exit_code(&self) -> u8 {
        let mut code = 0;
        for (job, verdict) in &self.results {
            let is_known = known(job.fault, job.moment).is_some();
            match verdict {
                Verdict::Ran(_, problems) if problems.is_empty() => {}
                Verdict::Ran(..) | Verdict::Lost(_) if is_known => {}
                Verdict::Ran(..) | Verdict::Lost(_) => return 101,
                Verdict::NotHere(_) => code = 3,
            }
        }
        code
    }
}

/// In a cell that makes no sense, or has nothing to tell.
const NONE: &str = "–";

impl Job {
    fn name(&self) -> String {
        let name = MOMENTS.iter().find(|(moment, _)| *moment == self.moment).map(|(_, name)| name);
        let offset = match self.moment {
            Moment::First10Ms => format!(", after {:?}", self.offset),
            _ => String::new(),
        };
        format!("{} × {}{offset}", self.fault.name, name.expect("every moment has a name"))
    }
}
