//! The table of resources: it makes the router, `Allow`, and the description of the API.

use hyper::Method;

use super::openapi::{self, PAGE as HTML, STREAM};
use super::reply::Reply;
use super::resource::{
    about, agent, alarm, alarm_change, blacklist, change, check, check_type, config, delivery,
    entity, host_info, metric, numbers, page, pushed, run, threshold, threshold_change, time,
    value, value_stream,
};
use super::route::{Answer, Parameter, Route};
use super::tokens::Scope;

/// An answer that is there at once.
macro_rules! now {
    ($answer:path) => {
        |asked| Box::pin(async move { $answer(&asked) })
    };
}

/// An answer that may take a while.
macro_rules! later {
    ($answer:path) => {
        |asked| Box::pin($answer(asked))
    };
}

mod told;

use self::told::TOLD;

/// All resources. Where several patterns fit, the first counts.
pub static TABLE: &[Route] = &joined::<{ TOLD.len() + OTHERS.len() }>(TOLD, OTHERS);

const OTHERS: &[Route] = &[
    Route { schema: HTML, ..open("/", "The page for people", now!(page::page)) },
    list("/entities", "The one entity of this agent", "EntityList", now!(entity::list)),
    one("/entities/{entity}", "The entity", "Entity", now!(entity::one)),
    list(CHECKS, "The checks", "CheckList", later!(check::list)),
    one(CHECK, "A check", "Check", later!(check::one)),
    write(&Method::POST, CHECKS, "Adds a check", 201, "Check", later!(change::create)),
    write(
        &Method::PUT,
        CHECK,
        "Changes what the body has of a check",
        204,
        "",
        later!(change::update),
    ),
    write(&Method::DELETE, CHECK, "Removes a check", 204, "", later!(change::remove)),
    act("/entities/{entity}/checks/{check}/enable", "Enables a check", later!(change::enable)),
    act("/entities/{entity}/checks/{check}/disable", "Disables a check", later!(change::disable)),
    act(
        "/entities/{entity}/checks/{check}/restart",
        "Opens a check anew, without what it has counted so far",
        later!(change::restart),
    ),
    write(
        &Method::POST,
        "/entities/{entity}/checks/{check}/test",
        "Runs a check at once",
        200,
        "Results",
        later!(change::test),
    ),
    write(
        &Method::POST,
        "/entities/{entity}/test-check",
        "Runs once what the body describes, and keeps nothing of it",
        200,
        "Results",
        later!(change::test_new),
    ),
    list(
        "/entities/{entity}/checks/{check}/metrics",
        "The metrics of a check that have a value or history",
        "MetricList",
        later!(metric::list),
    ),
    Route {
        parameters: POINTS,
        ..one(
            "/entities/{entity}/checks/{check}/metrics/{metric...}/plot",
            "The points of a metric over a while",
            "PointList",
            later!(metric::points),
        )
    },
    list(
        "/entities/{entity}/agent/check_types/{check_type}/targets",
        "What a check of this type can be pointed at here",
        "TargetList",
        later!(check_type::targets),
    ),
    one(
        "/entities/{entity}/agent/host_info/{type}",
        "What this machine or container is and has",
        "HostInfo",
        later!(host_info::of_entity),
    ),
    list("/check_types", "The types of checks", "CheckTypeList", now!(check_type::list)),
    one("/check_types/{check_type}", "A type of checks", "CheckType", now!(check_type::one)),
    one("/agent", "The process, and the configuration in force", "Process", later!(agent::process)),
    list("/agents", "This agent", "AgentList", now!(agent::list)),
    one("/agents/{agent}", "This agent", "Agent", now!(agent::one)),
    list(
        "/agents/{agent}/connections",
        "The address that this agent answers at",
        "ConnectionList",
        now!(agent::connections),
    ),
    one(
        "/agents/{agent}/host_info_types",
        "The types of host info",
        "HostInfoTypes",
        now!(host_info::types),
    ),
    one(
        "/agents/{agent}/host_info/{type}",
        "What this machine or container is and has",
        "HostInfo",
        later!(host_info::of_agent),
    ),
    list(ALARMS, "The alarms", "AlarmList", later!(alarm::list)),
    write(&Method::POST, ALARMS, "Adds an alarm", 201, "Alarm", later!(alarm_change::create)),
    write(
        &Method::PUT,
        ALARM,
        "Changes what the body has of an alarm",
        204,
        "",
        later!(alarm_change::update),
    ),
    write(&Method::DELETE, ALARM, "Removes an alarm", 204, "", later!(alarm_change::remove)),
    one(ALARM, "An alarm, and where it stands", "Alarm", later!(alarm::one)),
    Route {
        scope: Some(Scope::Read),
        ..write(
            &Method::POST,
            "/entities/{entity}/test-alarm",
            "What criteria say of results",
            200,
            "Results",
            now!(alarm::test),
        )
    },
    list("/thresholds", "The thresholds", "ThresholdList", later!(threshold::list)),
    write(
        &Method::POST,
        "/thresholds",
        "Adds a threshold",
        201,
        "Threshold",
        later!(threshold_change::create),
    ),
    Route {
        parameters: EFFECTIVE,
        ..one(
            "/thresholds/effective",
            "The threshold that wins for a metric, and where that stands",
            "Effective",
            later!(threshold::effective),
        )
    },
    one(
        THRESHOLD,
        "A threshold, and the metrics that are not OK",
        "Threshold",
        later!(threshold::one),
    ),
    write(
        &Method::PUT,
        THRESHOLD,
        "Changes what the body has of a threshold",
        204,
        "",
        later!(threshold_change::update),
    ),
    write(
        &Method::DELETE,
        THRESHOLD,
        "Removes a threshold",
        204,
        "",
        later!(threshold_change::remove),
    ),
    one("/config", "The configuration that is in force", "Config", later!(config::one)),
    Route {
        parameters: RELOAD,
        ..write(
            &Method::POST,
            "/config/reload",
            "Reads the configuration files again",
            200,
            "Reloaded",
            later!(config::reload),
        )
    },
    write(
        &Method::POST,
        "/config/undo",
        "Goes back to what was in force before the last reload",
        200,
        "Reloaded",
        later!(config::undo),
    ),
    list("/blacklist", "What is not collected", "EntryList", later!(blacklist::list)),
    Route {
        scope: Some(Scope::Read),
        ..write(
            &Method::POST,
            "/blacklist/check",
            "Whether a metric is collected",
            200,
            "Collected",
            later!(blacklist::check),
        )
    },
    one(ENTRY, "An entry of what is not collected", "Entry", later!(blacklist::one)),
    write(&Method::POST, "/blacklist", "Adds an entry", 201, "Entry", later!(blacklist::create)),
    write(&Method::PUT, ENTRY, "Replaces an entry", 204, "", later!(blacklist::update)),
    write(&Method::DELETE, ENTRY, "Removes an entry", 204, "", later!(blacklist::remove)),
    Route {
        parameters: FLUSH,
        ..write(
            &Method::POST,
            "/flush",
            "Publishes what the windows hold now, and writes the history",
            200,
            "Flushed",
            later!(delivery::flush),
        )
    },
    list("/buffer", "What waits to be published", "BufferList", later!(delivery::list)),
    one("/buffer/{publisher}", "What waits for one publisher", "Buffer", later!(delivery::one)),
    write(
        &Method::PUT,
        "/buffer/{publisher}",
        "Sets how many windows are kept",
        204,
        "",
        later!(delivery::update),
    ),
    list("/metrics_list", "The metrics of all checks", "MetricOfCheckList", later!(metric::all)),
    list("/runs", "How the last run of each check has ended", "RunList", later!(run::list)),
    list("/values", "The newest value of each metric", "ValueList", later!(value::list)),
    Route {
        parameters: &[optional("check", "The check; all checks where it is not set")],
        ..one("/values/stream", "The values as they come", STREAM, later!(value_stream::follow))
    },
    one("/values/{check}/{metric...}", "The newest value of a metric", "Value", later!(value::one)),
    Route {
        parameters: &[],
        ..write(&Method::POST, "/values", "Hands in values", 200, "Taken", later!(pushed::put))
    },
    Route {
        parameters: MATCH,
        ..write(&Method::DELETE, "/values", "Drops values", 200, "Dropped", later!(pushed::remove))
    },
    one("/capabilities", "What this agent can do", "Capabilities", later!(about::capabilities)),
    Route {
        parameters: &[optional("sent", "The time of the client, in milliseconds since 1970")],
        ..one("/time", "What time it is here", "Time", now!(time::now))
    },
    write(&Method::POST, "/time/sync", "Compares clocks", 200, "Sync", later!(time::sync)),
    open("/healthz", "Whether the agent lives", now!(about::health)),
    open("/readyz", "Whether values can be asked for", now!(about::readiness)),
    one("/metrics", "All numbers as text for Prometheus", "", later!(numbers::page)),
    one("/openapi.json", "This description", "Any", |_| {
        Box::pin(async { Ok(Reply::json(&openapi::document(TABLE))) })
    }),
];

const fn one(
    pattern: &'static str,
    summary: &'static str,
    schema: &'static str,
    answer: Answer,
) -> Route {
    let (method, parameters): (_, &[Parameter]) = (&Method::GET, &[]);
    let (scope, success) = (Some(Scope::Read), 200);
    Route { pattern, method, scope, parameters, summary, success, schema, answer }
}

/// A list in pages.
const fn list(
    pattern: &'static str,
    summary: &'static str,
    schema: &'static str,
    answer: Answer,
) -> Route {
    Route { parameters: PAGE, ..one(pattern, summary, schema, answer) }
}

/// The rows of two tables.
const fn joined<const COUNT: usize>(first: &[Route], second: &[Route]) -> [Route; COUNT] {
    let mut all = [first[0]; COUNT];
    let mut place = 0;
    while place < COUNT {
        let is_of_first = place < first.len();
        all[place] = if is_of_first { first[place] } else { second[place - first.len()] };
        place += 1;
    }
    all
}

/// What changes something.
const fn write(
    method: &'static Method,
    pattern: &'static str,
    summary: &'static str,
    success: u16,
    schema: &'static str,
    answer: Answer,
) -> Route {
    let (scope, parameters) = (Some(Scope::Write), WHO);
    Route { pattern, method, scope, parameters, summary, success, schema, answer }
}

/// What is done to something that is there, and is answered without a body.
const fn act(pattern: &'static str, summary: &'static str, answer: Answer) -> Route {
    write(&Method::POST, pattern, summary, 204, "", answer)
}

/// What needs no token.
const fn open(pattern: &'static str, summary: &'static str, answer: Answer) -> Route {
    Route { scope: None, ..one(pattern, summary, "Status", answer) }
}

const fn optional(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about, is_required: false }
}

const fn required(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about, is_required: true }
}

const CHECKS: &str = "/entities/{entity}/checks";
const CHECK: &str = "/entities/{entity}/checks/{check}";

const ALARMS: &str = "/entities/{entity}/alarms";
const ALARM: &str = "/entities/{entity}/alarms/{alarm}";

const ENTRY: &str = "/blacklist/{entry}";
const THRESHOLD: &str = "/thresholds/{threshold}";

const EFFECTIVE: &[Parameter] = &[
    required("metric", "CHECK/METRIC, as /metrics_list has check and name"),
    optional("target", "The target, where METRIC is a name without it"),
];

const WHO: &[Parameter] = &[BY, WHY];

const BY: Parameter = optional("_who", "Who changes it, for the log");
const WHY: Parameter = optional("_why", "Why it is changed, for the log");

const FLUSH: &[Parameter] =
    &[optional("part", "A publisher or history; all of them where it is not set"), BY, WHY];

const RELOAD: &[Parameter] =
    &[optional("discard_changes", "true takes back what was changed through the API"), BY, WHY];

const MATCH: &[Parameter] =
    &[required("match", "CHECK/METRIC, in which * is any number of characters"), BY, WHY];

const LIMIT: Parameter = optional("limit", "Items of a page, 1 to 1000; 100 where it is not set");
const MARKER: Parameter = optional("marker", "The next_marker of the page before");
const PAGE: &[Parameter] = &[LIMIT, MARKER];

const POINTS: &[Parameter] = &[
    required("from", "The first instant, in milliseconds since 1970"),
    required("to", "The instant after the last one, in milliseconds since 1970"),
    optional("points", "About how many points are wanted; this or resolution"),
    optional("resolution", "FULL, MIN5, MIN20, MIN60, MIN240 or MIN1440; this or points"),
    optional(
        "select",
        "Any of average, variance, min, max and growth, with commas; average where it is not set; of a text, text alone",
    ),
    optional("limit", "Points of a page, 1 to 1440, which is the default"),
    optional("marker", "The next_marker of the page before"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route::find;

    #[test]
    fn each_pattern_is_found_by_its_own_path() {
        for route in TABLE {
            let path = route.pattern.replace("...}", "}").replace(['{', '}'], "");
            let found = find(TABLE, &path).expect(route.pattern);
            assert_eq!(found.routes[0].pattern, route.pattern);
        }
    }
}
