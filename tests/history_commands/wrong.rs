//! What is said of each wrong value.

use support::{command, run};

use crate::{history, on, query};

const TIME: &str = "expected a time: -90m, -12h or -7d before now; now; today, yesterday or a date such as 2026-11-29, \
                    each from local midnight; 2026-11-29T08:00:00Z or 2026-11-29T09:00:00+01:00; or \
                    milliseconds since 1970";

#[test]
fn each_wrong_value_of_a_query_is_told_and_all_together() {
    let folder = history();
    let wrong =
        ["cpu", "--from", "-1x", "--to", "1795939200", "--resolution", "5m", "--select", "avg"];
    let ended = query(&folder, &[&wrong[..], &["--output", "xml"]].concat()).expect_code(2);
    assert_eq!(
        ended.stderr,
        format!(
            "--from \"-1x\": {TIME}\n\
             --to \"1795939200\": expected milliseconds: these are seconds, write 1795939200000\n\
             --resolution \"5m\": expected one of FULL, MIN5, MIN20, MIN60, MIN240, MIN1440\n\
             --select \"avg\": expected any of average, min, max and variance, with commas, not \"avg\"\n\
             --output \"xml\": expected text, json or csv\n"
        )
    );
    for (arguments, expected) in [
        (
            &["cpu", "--points", "few"][..],
            "--points \"few\": expected a whole number of points from 1 on, such as 100\n",
        ),
        (
            &["cpu", "--from", "now", "--to", "-1h"],
            "--from \"now\": expected a time before the end of the range, -1h\n",
        ),
        (
            &["cpu", "--to", "-2h"],
            "--to \"-2h\": expected a time in the last hour, or an earlier start of the range in --from\n",
        ),
        (
            &["cpu", "--resolutin", "FULL"],
            "unknown option --resolutin: did you mean --resolution?\n",
        ),
        (
            &["cpu", "--period", "5"],
            "query has no option --period: cloudwatch_metrics_agent query --help lists those it has\n",
        ),
        (
            &[],
            "query: expected a metric, such as utilization/cpu; cloudwatch_metrics_agent query --list \
             lists them\n",
        ),
    ] {
        let ended = query(&folder, arguments).expect_code(2);
        assert_eq!(ended.stderr, expected);
    }
    let both = query(&folder, &["cpu", "--points", "5", "--resolution", "FULL"]).expect_code(2);
    assert!(both.stderr.contains("cannot be used with"), "{both:#?}");
}

#[test]
fn a_folder_has_to_be_named() {
    let place = "the folder of a history, such as /var/lib/history or ./history; what is in memory ends with \
                 its agent";
    for text in ["memory", "history"] {
        let ended = run(command().args(["query", "cpu", "--store", text])).expect_code(2);
        assert_eq!(ended.stderr, format!("--store \"{text}\": expected {place}\n"));
    }
    let ended = run(command().args(["store", "verify"])).expect_code(2);
    assert!(ended.stderr.contains("<PATH>"), "{ended:#?}");
}

#[test]
fn a_metric_that_is_not_there_is_told_with_the_one_that_was_meant() {
    let folder = history();
    let how = "cloudwatch_metrics_agent query --list lists all";
    for (typed, expected) in [
        ("cpv", "the history has none of this name; did you mean cpu?"),
        ("utilization/mem", "check utilization has no metric \"mem\"; did you mean memory?"),
        ("nothing/like/that", "the history has none of this name"),
    ] {
        let expected = format!("metric {typed:?}: {expected}; {how}\n");
        let ended = query(&folder, &[typed]).expect_code(1);
        assert_eq!([ended.stdout, ended.stderr], [String::new(), expected.clone()]);
        let path = folder.whole();
        let export = ["store", "export", "--format", "csv", &path, typed];
        let ended = run(command().args(export)).expect_code(1);
        assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
    }
}

#[test]
fn each_wrong_value_of_store_is_told() {
    let folder = history();
    for (arguments, expected) in [
        (&["export"][..], "--format is missing: expected csv, json or openmetrics\n".to_owned()),
        (
            &["export", "--format", "cvs"],
            "--format \"cvs\": expected csv, json or openmetrics; did you mean csv?\n".to_owned(),
        ),
        (
            &["export", "--format", "csv", "--from", "last week"],
            format!("--from \"last week\": {TIME}\n"),
        ),
        (
            &["export", "--format", "csv", "--resolution", "1h"],
            "--resolution \"1h\": expected one of FULL, MIN5, MIN20, MIN60, MIN240, MIN1440\n"
                .to_owned(),
        ),
        (
            &["prune", "--store-size", "5"],
            "--store-size \"5\": expected bytes from 1MB to 1TB, such as 256MB or 2GiB\n"
                .to_owned(),
        ),
        (&["verify", "--output", "csv"], "--output \"csv\": expected text or json\n".to_owned()),
    ] {
        let ended = on(&folder, &[&["store"], arguments].concat()).expect_code(2);
        assert_eq!([ended.stdout, ended.stderr], [String::new(), expected]);
    }
}
