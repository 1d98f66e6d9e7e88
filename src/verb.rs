//! What `ctl` does with an agent that runs: a line for each verb.

use self::Cell::{Counts, Plain, Seconds, Time, Value};
use self::Does::{Configure, Each, One};

/// A verb of `ctl`.
#[derive(Debug, PartialEq, Eq)]
pub struct Verb {
    pub name: &'static str,
    pub takes: Takes,
    pub about: &'static str,
    pub does: Does,
}

/// The arguments of a verb: how many at least and at most, and what the help calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes(pub usize, pub usize, pub &'static str);

/// What is asked of the agent, and how the answer is shown. In a path, `{}` is the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Lists what is there, or changes that list.
    List(&'static Collection),
    /// Shows one object.
    One(&'static str),
    /// Lists the newest values, shows one, puts one, or drops some.
    Values,
    /// Sends this method without a body for each argument. The last text is what has been done then.
    Each(&'static str, &'static str, &'static str),
    /// Runs a check that is there or that JSON describes, which may take as long as its timeout.
    Run,
    /// Lists the checks, each with its last run.
    Checks,
    /// Sends JSON, which may be in a file, as the body.
    Add,
    /// Changes some keys.
    Change,
    /// Changes the configuration as a whole.
    Configure(&'static str),
    Flush,
    /// Lists events, or raises one.
    Events,
    Buffer,
    Time,
    /// Shows whatever answer there is.
    Any,
}

/// Things that are listed, and changed one at a time.
#[derive(Debug, PartialEq, Eq)]
pub struct Collection {
    pub path: &'static str,
    /// All that the items have where none are named.
    pub columns: &'static [Column],
    /// One of them, in a sentence.
    pub one: &'static str,
    /// The words for what can be done with one.
    pub actions: &'static [&'static str],
}

/// A heading, the field that is below it, and how it is shown.
pub type Column = (&'static str, &'static str, Cell);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Plain,
    /// Milliseconds since 1970.
    Time,
    Seconds,
    /// A number in the unit that stands beside it, or several in short.
    Value,
    /// How many there are of each sort, without those of which there is none.
    Counts,
}

const NOTHING: Takes = Takes(0, 0, "");
const ID: Takes = Takes(1, 1, "ID");
const IDS: Takes = Takes(1, MANY, "ID");
const FILE: Takes = Takes(1, 1, "JSON|FILE|-");
const CHANGES: Takes = Takes(2, MANY, "ID KEY=VALUE");
const METRIC: Takes = Takes(0, 3, "CHECK/METRIC|put CHECK/METRIC NUMBER|drop PATTERN");
const RUN: Takes = Takes(1, 1, "ID|JSON");
const EVENT: Takes = Takes(0, 2, "add JSON");
const ENTRY: Takes = Takes(0, MANY, "add JSON|remove ID|show ID");
const ITEM: Takes = Takes(0, MANY, "add JSON|change ID KEY=VALUE|remove ID|show ID");
const TESTED: Takes = Takes(0, MANY, "add JSON|change ID KEY=VALUE|remove ID|show ID|test ID");
const PART: Takes = Takes(0, 1, "PUBLISHER|history");
const LIMIT: Takes = Takes(0, 2, "PUBLISHER limit=COUNT");
const SYNC: Takes = Takes(0, 2, "sync endpoint|none");
const PATH: Takes = Takes(1, 1, "PATH");

/// So many that nobody has as many.
const MANY: usize = 1000;

/// All verbs, in the order of the help.
#[rustfmt::skip]
pub static VERBS: &[Verb] = &[
    verb("checks", NOTHING, "List the checks, and how each has run last", Does::Checks),
    verb("check", ID, "Show a check", One("/entities/self/checks/{}")),
    verb("enable", IDS, "Run checks that are disabled", Each("POST", "/entities/self/checks/{}/enable", "enabled")),
    verb("disable", IDS, "Stop running checks", Each("POST", "/entities/self/checks/{}/disable", "disabled")),
    verb("restart", IDS, "Open checks anew, without what they have counted", Each("POST", "/entities/self/checks/{}/restart", "restarted")),
    verb("run", RUN, "Run a check now, or one that JSON describes, and show its result", Does::Run),
    verb("add", FILE, "Add a check: JSON, a file with it, or - for standard input", Does::Add),
    verb("change", CHANGES, "Change a check, such as period=30 or details.target=/", Does::Change),
    verb("remove", IDS, "Remove checks", Each("DELETE", "/entities/self/checks/{}", "removed")),
    verb("alarms", ITEM, "List the alarms and where they stand, or change one", Does::List(ALARMS)),
    verb("alarm", ID, "Show an alarm", One("/entities/self/alarms/{}")),
    verb("reload", NOTHING, "Read the configuration files again", RELOAD),
    verb("undo", NOTHING, "Go back to the configuration before the last reload", Configure("/config/undo")),
    verb("flush", PART, "Publish and write down what has been measured so far", Does::Flush),
    verb("events", EVENT, "List what has happened, or raise an event", Does::Events),
    verb("thresholds", ITEM, "List the thresholds, or change one", Does::List(THRESHOLDS)),
    verb("notifications", TESTED, "List who is told of alarms, or change or test one", Does::List(NOTIFICATIONS)),
    verb("plans", ITEM, "List which notifications are for which states, or change one", Does::List(PLANS)),
    verb("suppressions", ITEM, "List when nobody is told, or change one", Does::List(SUPPRESSIONS)),
    verb("blacklist", ENTRY, "List what is not collected, or change that list", Does::List(BLACKLIST)),
    verb("buffer", LIMIT, "Show what waits for delivery, or set how much may", Does::Buffer),
    verb("time", SYNC, "Compare the clock of the agent with the one here", Does::Time),
    verb("values", METRIC, "Show the newest values, put one, or drop some", Does::Values),
    verb("get", PATH, "Show any resource of the API, such as /capabilities", Does::Any),
];

/// The columns of checks.
pub const OF_CHECK: &[Column] = &[
    ("id", "id", Plain),
    ("type", "type", Plain),
    ("period", "period", Seconds),
    ("disabled", "disabled", Plain),
    ("available", "available", Plain),
    ("last run", "timestamp", Time),
    ("status", "status", Plain),
];

const ALL: &[&str] = &["add", "change", "remove", "show"];

const ALARMS: &Collection =
    &Collection { path: "/entities/self/alarms", columns: OF_ALARM, one: "an alarm", actions: ALL };

const THRESHOLDS: &Collection =
    &Collection { path: "/thresholds", columns: OF_THRESHOLD, one: "a threshold", actions: ALL };

const NOTIFICATIONS: &Collection = &Collection {
    path: "/notifications",
    columns: OF_NOTIFICATION,
    one: "a notification",
    actions: &["add", "change", "remove", "show", "test"],
};

const PLANS: &Collection = &Collection {
    path: "/notification_plans",
    columns: OF_PLAN,
    one: "a notification plan",
    actions: ALL,
};

const SUPPRESSIONS: &Collection =
    &Collection { path: "/suppressions", columns: &[], one: "a suppression", actions: ALL };

// An entry is replaced as a whole, which is not what `change` means.
const BLACKLIST: &Collection = &Collection {
    path: "/blacklist",
    columns: OF_ENTRY,
    one: "an entry of the blacklist",
    actions: &["add", "remove", "show"],
};

const OF_NOTIFICATION: &[Column] = &[
    ("id", "id", Plain),
    ("type", "type", Plain),
    ("label", "label", Plain),
    ("sent", "sent", Plain),
    ("failed", "failed", Plain),
    ("waiting", "waiting", Plain),
    ("error", "error", Plain),
];

const OF_PLAN: &[Column] = &[
    ("id", "id", Plain),
    ("label", "label", Plain),
    ("critical", "critical_state", Plain),
    ("warning", "warning_state", Plain),
    ("ok", "ok_state", Plain),
];

const OF_THRESHOLD: &[Column] = &[
    ("id", "id", Plain),
    ("check", "check", Plain),
    ("metric", "metric", Plain),
    ("target", "target", Plain),
    ("warning below", "warning_min", Plain),
    ("above", "warning_max", Plain),
    ("failure below", "failure_min", Plain),
    ("above", "failure_max", Plain),
    ("disabled", "disabled", Plain),
    ("metrics", "counts", Counts),
];

const OF_ALARM: &[Column] = &[
    ("id", "id", Plain),
    ("check", "check_id", Plain),
    ("disabled", "disabled", Plain),
    ("state", "state", Plain),
    ("since", "since", Time),
    ("status", "status", Plain),
];

/// The columns of the newest values.
pub const OF_VALUE: &[Column] = &[
    ("check", "check", Plain),
    ("metric", "metric", Plain),
    ("value", "value", Value),
    ("age", "age", Seconds),
    ("stale", "stale", Plain),
];

const OF_ENTRY: &[Column] = &[
    ("id", "id", Plain),
    ("mode", "mode", Plain),
    ("match", "match", Plain),
    ("check", "check", Plain),
    ("metric", "metric", Plain),
    ("target", "target", Plain),
];

/// The columns of what waits to be published.
pub const OF_BUFFER: &[Column] = &[
    ("publisher", "publisher", Plain),
    ("limit", "limit", Plain),
    ("waiting", "waiting", Plain),
    ("oldest", "oldest", Time),
    ("dropped", "dropped", Plain),
    ("endpoint", "endpoint", Plain),
    ("failing since", "failing_since", Time),
    ("failure", "failure", Plain),
];

/// The columns of events.
pub const OF_EVENT: &[Column] = &[
    ("time", "timestamp", Time),
    ("severity", "severity", Plain),
    ("kind", "kind", Plain),
    ("check", "check_id", Plain),
    ("alarm", "alarm_id", Plain),
    ("message", "message", Plain),
];

/// Reads the files again.
pub const RELOAD: Does = Configure("/config/reload");

pub const CHECKS: &str = "/entities/self/checks";

const fn verb(name: &'static str, takes: Takes, about: &'static str, does: Does) -> Verb {
    Verb { name, takes, about, does }
}

impl Verb {
    pub fn of_name(name: &str) -> Option<&'static Self> {
        VERBS.iter().find(|verb| verb.name == name)
    }

    /// Whether it may change something, so that it can be said why.
    pub fn may_change(&self) -> bool {
        match self.does {
            One(_) | Does::Checks | Does::Any => false,
            Does::List(_)
            | Does::Values
            | Does::Events
            | Each(..)
            | Does::Run
            | Does::Add
            | Does::Change
            | Configure(_)
            | Does::Flush
            | Does::Buffer
            | Does::Time => true,
        }
    }
}
