//! The rows: what goes wrong, and what is to be expected then.

use fake_cloudwatch::{Answer, Certificate};

use crate::scene::{Scene, Stream};
use crate::{credentials, files, network};

/// One thing that goes wrong.
pub struct Fault {
    pub name: &'static str,
    /// What it means for a user.
    pub meaning: &'static str,
    pub build: fn(&mut Scene),
    pub effect: Effect,
    pub request: UnderWay,
    /// What the log says about it as soon as a send or a reading has failed.
    pub says: &'static str,
    pub needs: Needs,
}

/// What becomes of the summaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// All of them arrive, and the end is quick.
    Works,
    /// As [`Works`](Effect::Works), but for one datum that the service never takes.
    RejectsOne,
    /// As [`Works`](Effect::Works), but these metrics cannot be measured.
    Blind(&'static [&'static str]),
    /// None arrives until the fault ends.
    Outage,
    /// None arrives, and the fault cannot end while the agent runs.
    Forever,
    /// They arrive, but the agent cannot know.
    LosesReplies,
}

/// How SIGTERM can be sent while a request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// The endpoint holds its answer back until SIGTERM was sent.
    Held,
    /// The fault itself holds the request.
    Hangs,
    /// It is over as soon as it arrives.
    AtOnce,
    /// It fails before there is one.
    Never,
}

/// What the test itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Network and mounts of its own.
    Namespace,
    /// A control group that can be made and removed.
    Cgroup,
}

const CPU: &[&str] = &["CPUUtilization", "MaxCPUUtilization"];
const MEMORY: &[&str] = &["MemoryUtilization", "MaxMemoryUtilization"];
const BOTH: &[&str] =
    &["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"];

macro_rules! fault {
    ($name:literal, $effect:expr, $request:ident, $says:literal, $needs:ident, $build:expr, $meaning:literal) => {
        Fault {
            name: $name,
            meaning: $meaning,
            build: $build,
            effect: $effect,
            request: UnderWay::$request,
            says: $says,
            needs: Needs::$needs,
        }
    };
}

use Effect::{Blind, Forever, LosesReplies, Outage, RejectsOne, Works};

pub const FAULTS: &[Fault] = &[
    fault!("none", Works, Held, "", Nothing, |_| {}, "Each window arrives once."),
    fault!(
        "connection refused",
        Outage,
        Never,
        "Connection refused",
        Nothing,
        network::refused,
        "Kept in the backlog, tried three times each period, delivered when it works again."
    ),
    fault!(
        "accepts and never answers",
        Outage,
        Hangs,
        "timeout",
        Nothing,
        |s| s.answers(Answer::Hang),
        "Each attempt is given up after 3 s; the shutdown timeout ends the last one."
    ),
    fault!(
        "answers headers and stalls",
        Outage,
        Hangs,
        "timeout",
        Nothing,
        |s| s.answers(Answer::StallAfterHeaders),
        "As an endpoint that never answers."
    ),
    fault!(
        "resets mid-request",
        Outage,
        AtOnce,
        "onnection",
        Nothing,
        |s| s.answers(Answer::Reset),
        "Tried again; kept in the backlog."
    ),
    fault!(
        "takes the data, loses the reply",
        LosesReplies,
        Held,
        "onnection",
        Nothing,
        |s| s.answers(Answer::TakeThenReset),
        "The one case in which a datum can arrive twice: nobody can tell a lost reply from a lost request. Median and maximum do not change by it."
    ),
    fault!(
        "500",
        Outage,
        Held,
        "InternalFailure",
        Nothing,
        |s| s.answers(Answer::internal_failure()),
        "Tried again; kept in the backlog."
    ),
    fault!(
        "503 with HTML",
        Outage,
        Held,
        "HTTP 503",
        Nothing,
        |s| s.answers(Answer::service_unavailable()),
        "As 500: a proxy or load balancer in between."
    ),
    fault!(
        "429",
        Outage,
        Held,
        "HTTP 429",
        Nothing,
        |s| s.answers(Answer::too_many_requests()),
        "As 500."
    ),
    fault!(
        "Throttling (400)",
        Outage,
        Held,
        "Throttling",
        Nothing,
        |s| s.answers(Answer::throttling()),
        "As 500: the account's quota."
    ),
    fault!(
        "AccessDenied",
        Outage,
        Held,
        "allow the role or user cloudwatch:PutMetricData",
        Nothing,
        |s| s.answers(Answer::access_denied()),
        "Kept in the backlog and tried each period, so that nothing is lost if it is allowed within `--buffer` periods; the log says what to allow."
    ),
    fault!(
        "ExpiredToken, then valid",
        Outage,
        Held,
        "ExpiredToken",
        Nothing,
        |s| s.answers(Answer::expired_token()),
        "Kept until the credentials are renewed."
    ),
    fault!(
        "InvalidParameterValue for one datum",
        RejectsOne,
        Held,
        "rejected",
        Nothing,
        network::rejects_one,
        "That datum is dropped alone and counted; the others arrive."
    ),
    fault!(
        "garbage in place of HTTP",
        Outage,
        Held,
        "",
        Nothing,
        |s| s.answers(Answer::Garbage(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        "As 500."
    ),
    fault!(
        "200 with a page of HTML",
        Outage,
        Held,
        "",
        Nothing,
        |s| s.answers(Answer::page()),
        "A portal that answers everything has taken nothing: kept in the backlog."
    ),
    fault!(
        "TLS: unknown issuer",
        Outage,
        Never,
        "UnknownIssuer",
        Nothing,
        |s| network::tls(s, Certificate::UnknownIssuer),
        "Nothing is sent to whom is not trusted; kept in the backlog."
    ),
    fault!(
        "TLS: expired",
        Outage,
        Never,
        "expired",
        Nothing,
        |s| network::tls(s, Certificate::Expired),
        "As an unknown issuer."
    ),
    fault!(
        "TLS: wrong name",
        Outage,
        Never,
        "not valid for name",
        Nothing,
        |s| network::tls(s, Certificate::WrongName),
        "As an unknown issuer."
    ),
    fault!(
        "no CA bundle at all",
        Forever,
        Never,
        "UnknownIssuer",
        Nothing,
        network::no_roots,
        "The roots that are part of the binary are used. AWS is trusted by them; the endpoint of this test is not."
    ),
    fault!(
        "DNS: no such name",
        Outage,
        Never,
        "name resolution",
        Namespace,
        |s| network::name(s, "nowhere"),
        "Kept in the backlog."
    ),
    fault!(
        "DNS: no answer",
        Outage,
        Hangs,
        "",
        Namespace,
        |s| network::name(s, "silent"),
        "The lookup hangs in a thread of its own and holds nothing up."
    ),
    fault!(
        "proxy refuses",
        Outage,
        Never,
        "check HTTPS_PROXY and NO_PROXY",
        Nothing,
        network::proxy_refuses,
        "Kept in the backlog; the proxy is not gone round."
    ),
    fault!(
        "proxy answers 502",
        Outage,
        Never,
        "check HTTPS_PROXY and NO_PROXY",
        Nothing,
        network::proxy_502,
        "As a proxy that refuses."
    ),
    fault!(
        "no credentials, then a file of them",
        Outage,
        Never,
        "give it a task role",
        Nothing,
        credentials::file_appears,
        "Kept in the backlog until there are some."
    ),
    fault!(
        "no credentials, then a task role",
        Outage,
        Never,
        "give it a task role",
        Nothing,
        credentials::role_appears,
        "Kept in the backlog until there are some."
    ),
    fault!(
        "credentials endpoint hangs",
        Outage,
        Hangs,
        "",
        Nothing,
        credentials::endpoint_hangs,
        "Part of the attempt, with its timeout; holds nothing up."
    ),
    fault!(
        "EC2 metadata hangs",
        Outage,
        Hangs,
        "",
        Nothing,
        credentials::metadata_hangs,
        "Asked for a second, then it counts as not there."
    ),
    fault!(
        "/proc/stat vanishes",
        Blind(CPU),
        Held,
        "CPU is absent from now on",
        Namespace,
        |s| files::missing(s, "stat"),
        "CPU is not sent, memory is; the log says why."
    ),
    fault!(
        "/proc/stat is unreadable",
        Blind(CPU),
        Held,
        "CPU is absent from now on",
        Namespace,
        |s| files::unreadable(s, "stat"),
        "CPU is not sent, memory is; the log says why."
    ),
    fault!(
        "/proc/stat is garbage",
        Blind(CPU),
        Held,
        "CPU is absent from now on",
        Namespace,
        |s| files::garbage(s, "stat"),
        "CPU is not sent until it can be read again."
    ),
    fault!(
        "/proc/meminfo is garbage",
        Blind(MEMORY),
        Held,
        "memory is absent from now on",
        Namespace,
        |s| files::garbage(s, "meminfo"),
        "Memory is not sent until it can be read again."
    ),
    fault!(
        "/proc vanishes",
        Blind(BOTH),
        Held,
        "memory is absent from now on",
        Namespace,
        files::no_proc,
        "There is nothing to send; it ends well."
    ),
    fault!(
        "cgroup is removed",
        Blind(BOTH),
        Held,
        "memory is absent from now on",
        Cgroup,
        files::cgroup_removed,
        "What was measured before it is sent."
    ),
    fault!(
        "stdout closed (--dry-run)",
        Works,
        Never,
        "",
        Nothing,
        |s| s.dry_run(Stream::Closed),
        "The system's runtime puts /dev/null in its place; nothing fails."
    ),
    fault!(
        "stdout: reader gone (--dry-run)",
        Forever,
        Never,
        "closed it",
        Nothing,
        |s| s.dry_run(Stream::ReaderGone),
        "Said in the log, exit code 1."
    ),
    fault!(
        "stdout: full pipe (--dry-run)",
        Outage,
        Never,
        "standard output",
        Nothing,
        |s| s.dry_run(Stream::Full),
        "Tried for 3 s, kept in the backlog; sampling goes on."
    ),
    fault!(
        "stderr closed",
        Works,
        Held,
        "",
        Nothing,
        |s| s.stderr = Stream::Closed,
        "The log is lost, nothing else."
    ),
    fault!(
        "stderr: reader gone",
        Works,
        Held,
        "",
        Nothing,
        |s| s.stderr = Stream::ReaderGone,
        "The log is lost, nothing else."
    ),
    fault!(
        "stderr: full pipe",
        Works,
        Held,
        "",
        Nothing,
        |s| s.stderr = Stream::Full,
        "The log is lost, nothing else."
    ),
    fault!(
        "out of file descriptors",
        Outage,
        Never,
        "Too many open files",
        Nothing,
        files::no_descriptors,
        "Kept in the backlog until a connection can be opened."
    ),
];
