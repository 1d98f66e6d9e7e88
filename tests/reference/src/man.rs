//! The man page: what the definition of the command line gives, and what it does not tell.

use std::io::{self, Write};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use cloudwatch_metrics_agent::cli::definition;

/// The page, in roff.
pub fn page() -> io::Result<Vec<u8>> {
    let command = definition();
    let name = command.get_name().to_owned();
    let version = command.get_version().unwrap_or_default().to_owned();
    let man = Man::new(command);
    let mut page = Vec::new();
    // Without a date: two builds of one commit give the same page. The library would leave an empty
    // field out, and the others would move up.
    writeln!(page, r#".TH {} 1 "" "{name} {version}" "User Commands""#, name.to_uppercase())?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut more = Roff::default();
    for (title, entries) in MORE {
        more.control("SH", [*title]);
        for (name, meaning) in *entries {
            more.control("TP", []);
            more.text([bold(*name)]);
            more.text([roman(*meaning)]);
        }
    }
    more.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// A section's title, and its names with their meanings.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

const MORE: &[Section] = &[
    (
        "COMMANDS",
        // They have no pages of their own.
        &[
            (
                "explain",
                "Show what would be measured and published with the same options, how it is known, and exit. Sends nothing to CloudWatch.",
            ),
            (
                "check TYPE [KEY=VALUE ...], check ID --config PATH",
                "Run one check once, of a type with these details or that of a file, print its result and exit with 0 if it is available, else with 1. With --explain also where each value comes from, with --output json as JSON.",
            ),
            (
                "check --list, check TYPE --targets",
                "List the types of checks with their details and metrics; list what a check of a type can be pointed at here.",
            ),
            (
                "config check [PATH ...]",
                "Print what is wrong with configuration files and exit with 2, or how many metrics their checks publish and what those cost.",
            ),
            ("config example", "Print a configuration file with every key and what it means."),
            (
                "host-info [TYPE]",
                "Print what this machine or container is and has; without a type, which types there are.",
            ),
            (
                "query METRIC, query --list",
                "Print what was measured, from the history in the folder of --store: as a table, JSON or CSV, from and until a time, at a resolution. List the metrics that it has.",
            ),
            (
                "store verify PATH",
                "Read the whole history in a folder, print what is there and what is damaged, and exit with 1 where something is.",
            ),
            (
                "store export PATH --format csv|json|openmetrics [METRIC ...]",
                "Print the points of a history.",
            ),
            (
                "store prune PATH",
                "Remove what is too old or has no room from a history, and give the space back.",
            ),
            (
                "store salvage PATH",
                "Make a new history of what is whole in a damaged one, which is renamed.",
            ),
            (
                "ctl VERB [ARGUMENT ...] --api ADDRESS",
                "Show and change what an agent that runs does, through its API: checks, alarms, values and more; ctl --help lists the verbs. Exit with 0 where it is done, 1 where the agent has refused it or failed, and 3 where none has answered.",
            ),
            (
                "top --api ADDRESS",
                "Show live what an agent that runs measures, through its API: CPU and memory with a chart, containers, checks, alarms that are not OK, publishers with a backlog; the history of each metric as a chart. The key ? shows the keys. Where standard output is no terminal, print one table. Exit as ctl does.",
            ),
            (
                "healthcheck --api ADDRESS [--ready] [--timeout DURATION]",
                "Ask an agent that runs whether it is healthy, or ready, and exit with 0, or with 1 and a line that says why it is not. For probes that run a command.",
            ),
            (
                "install DIR",
                "Copy this program into a directory, which has to exist, and exit. The copy replaces an earlier one and is complete at once; one that runs is not disturbed. Needs no settings.",
            ),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            (
                "CLOUDWATCH_METRICS_AGENT_...",
                "The option of that name, in capitals and with _ for -, as CLOUDWATCH_METRICS_AGENT_PERIOD for --period. The command line wins over it, and it over a configuration file; set to nothing it counts as not set.",
            ),
            (
                "RUST_LOG",
                "What is logged on standard error: error, warn, info, debug or off. By default warnings, errors, and what is measured and where it is sent.",
            ),
            (
                "AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, ...",
                "As for other programs that use AWS.",
            ),
            ("SSL_CERT_FILE, SSL_CERT_DIR", "The trusted roots, in place of the system's."),
            (
                "HTTPS_PROXY, ALL_PROXY, NO_PROXY",
                "The proxy for HTTPS, and the hosts that are reached without it.",
            ),
        ],
    ),
    (
        "FILES",
        &[(
            "--config PATH",
            "A YAML file with options under their names and checks by id below the key checks, or a folder with one check in each *.yaml. The command line and the variables win over it. One to which any user may write is refused.",
        )],
    ),
    (
        "SIGNALS",
        &[(
            "SIGTERM, SIGINT",
            "Close the open window, deliver what is left within the shutdown timeout, and exit. A second one exits at once.",
        )],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "Everything was delivered."),
            (
                "1",
                "Something could not be delivered or installed, a check that was run once is unavailable, or it could not start.",
            ),
            ("2", "Wrong use or settings."),
            (
                "with a command",
                "That of the command; 128 and the number of the signal that ended it; 127 if it was not found, 126 if it could not be run.",
            ),
        ],
    ),
];
