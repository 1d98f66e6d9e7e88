//! What was typed behind `query`, valid.

use std::path::PathBuf;

use super::Screen;
use super::select::{self, Select};
use super::time::{Moment, moment};
use crate::config::cli::{Cli, variable};
use crate::config::{
    API, AgentApi, FROM, OUTPUT, POINTS, Problems, RESOLUTION, SELECT, STORE, TO, did_you_mean,
    folder_of_history,
};
use crate::store::Resolution;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub place: Place,
    /// Nothing for a list of all metrics.
    pub metric: Option<String>,
    /// From the first millisecond to the one after the last.
    pub range_ms: [i64; 2],
    pub resolution: Option<Resolution>,
    pub points: Option<u128>,
    pub select: Vec<Select>,
    pub form: Form,
    pub screen: Option<Screen>,
}

/// Where the history is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a folder that no agent has open.
    Folder(PathBuf),
    /// Through the API of an agent.
    Api(AgentApi),
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Text,
    Json,
    Csv,
}

impl Query {
    /// What the command line asks for at this time, or every problem in it.
    pub fn new(
        cli: &Cli,
        metric: Option<&str>,
        now_ms: i64,
        screen: Option<Screen>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let place = place(cli, &mut problems);
        let default = [Moment::Before(HOUR_MS), Moment::Before(0)];
        let range_ms = range_ms(cli, default, now_ms, &mut problems);
        let resolution = problems.optional(cli, RESOLUTION, resolution);
        let points = problems.optional(cli, POINTS, points);
        let select = problems.optional(cli, SELECT, select::parse);
        let form = problems.optional(cli, OUTPUT, form).unwrap_or_default();
        match place {
            Some(place) if problems.is_empty() => Ok(Self {
                place,
                metric: metric.map(str::to_owned),
                range_ms,
                resolution,
                points,
                select: select.unwrap_or_else(select::default),
                form,
                screen,
            }),
            _ => Err(problems),
        }
    }
}

/// Where both are set, what was typed counts before a variable, and an agent that runs before its folder, which it has
/// open.
fn place(cli: &Cli, problems: &mut Problems) -> Option<Place> {
    match [cli.is_typed(API), cli.is_typed(STORE)] {
        [true, true] => {
            problems.of_several("--api and --store: expected one of them".to_owned());
            None
        }
        [false, true] => folder_of_history(cli, problems).map(Place::Folder),
        _ if cli.value(API).is_some() => AgentApi::new(cli, problems).map(Place::Api),
        _ if cli.value(STORE).is_some() => folder_of_history(cli, problems).map(Place::Folder),
        _ => {
            problems.of_several(format!(
                "--api or --store is missing: name the address of an agent that runs, as in {}, or the folder of a \
                 history, as in {}",
                variable(API),
                variable(STORE)
            ));
            None
        }
    }
}

/// From the first millisecond that is asked for to the one after the last.
pub fn range_ms(
    cli: &Cli,
    [first, last]: [Moment; 2],
    now_ms: i64,
    problems: &mut Problems,
) -> [i64; 2] {
    let (from, to) = (problems.optional(cli, FROM, moment), problems.optional(cli, TO, moment));
    let is_valid = problems.is_empty();
    let range_ms = [from.unwrap_or(first).at(now_ms), to.unwrap_or(last).at(now_ms)];
    if range_ms[1] <= range_ms[0] && is_valid {
        match (cli.value(FROM), cli.value(TO)) {
            (Some(from), to) => {
                let end = to.map_or_else(|| "now".to_owned(), |to| to.text);
                problems.add(&from, &format!("a time before the end of the range, {end}"));
            }
            (None, Some(to)) => {
                problems.add(
                    &to,
                    "a time in the last hour, or an earlier start of the range in --from",
                );
            }
            (None, None) => {}
        }
    }
    range_ms
}

/// The level of this name.
pub fn resolution(text: &str) -> Result<Resolution, String> {
    Resolution::of_name(text).ok_or_else(Resolution::expected)
}

fn points(text: &str) -> Result<u128, String> {
    let text = text.trim();
    let is_whole = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    // More than that is as good as that.
    let points = is_whole.then(|| text.parse().unwrap_or(u128::MAX)).filter(|points| *points > 0);
    points.ok_or_else(|| "a whole number of points from 1 on, such as 100".to_owned())
}

fn form(text: &str) -> Result<Form, String> {
    match text {
        "text" => Ok(Form::Text),
        "json" => Ok(Form::Json),
        "csv" => Ok(Form::Csv),
        _ => Err(format!("text, json or csv{}", did_you_mean(text, &["text", "json", "csv"]))),
    }
}

const HOUR_MS: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_its_name_in_any_case() {
        assert_eq!(resolution("min5"), Ok(Resolution::Min5));
        let expected = "one of FULL, MIN5, MIN20, MIN60, MIN240, MIN1440";
        assert_eq!(resolution("5m"), Err(expected.to_owned()));
    }

    #[test]
    fn points_have_no_end() {
        assert_eq!(points("1"), Ok(1));
        assert_eq!(points(&"9".repeat(60)), Ok(u128::MAX));
        for wrong in ["", "0", "-1", "1.5", "many", "+1"] {
            assert!(points(wrong).is_err(), "{wrong}");
        }
    }
}
