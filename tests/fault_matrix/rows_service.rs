//! The rows of the service, of the way to it, and of credentials.

use fake_cloudwatch::{Answer, Certificate, Endless};

use crate::faults::Effect::{Forever, LosesReplies, Outage, RejectsOne, Works};
use crate::faults::{Fault, Needs, UnderWay};
use crate::{credentials, network};

pub const OF_THE_SERVICE: &[Fault] = &[
    Fault::new("none", Works, |_| {}, "Each window arrives once."),
    Fault::new(
        "connection refused",
        Outage,
        network::refused,
        "Kept in the backlog, tried three times each period, delivered when it works \
         again.",
    )
    .request(UnderWay::Never)
    .says("Connection refused"),
    Fault::new(
        "accepts and never answers",
        Outage,
        |s| s.answers(Answer::Hang),
        "Each attempt is given up after 3 s; the shutdown timeout ends the last one.",
    )
    .request(UnderWay::Hangs)
    .says("timeout"),
    Fault::new(
        "answers headers and stalls",
        Outage,
        |s| s.answers(Answer::StallAfterHeaders),
        "As an endpoint that never answers.",
    )
    .request(UnderWay::Hangs)
    .says("timeout"),
    Fault::new(
        "resets mid-request",
        Outage,
        |s| s.answers(Answer::Reset),
        "Tried again; kept in the backlog.",
    )
    .request(UnderWay::AtOnce)
    .says("onnection")
    .retried(),
    Fault::new(
        "takes the data, loses the reply",
        LosesReplies,
        |s| s.answers(Answer::TakeThenReset),
        "The one case in which a datum can arrive twice: the agent cannot tell a lost reply \
         from a lost request. Median and maximum do not change by it.",
    )
    .says("onnection"),
    Fault::new(
        "500",
        Outage,
        |s| s.answers(Answer::internal_failure()),
        "Tried again; kept in the backlog.",
    )
    .says("InternalFailure")
    .retried(),
    Fault::new(
        "503 with HTML",
        Outage,
        |s| s.answers(Answer::service_unavailable()),
        "As 500: a proxy or load balancer in between.",
    )
    .says("HTTP 503")
    .retried(),
    Fault::new("429", Outage, |s| s.answers(Answer::too_many_requests()), "As 500.")
        .says("HTTP 429")
        .retried(),
    Fault::new(
        "Throttling (400)",
        Outage,
        |s| s.answers(Answer::throttling()),
        "As 500: the account's quota.",
    )
    .says("Throttling")
    .retried(),
    Fault::new(
        "AccessDenied",
        Outage,
        |s| s.answers(Answer::access_denied()),
        "Kept in the backlog and tried each period, so that nothing is lost if it is \
         allowed within `--buffer` periods; the log says what to allow.",
    )
    .says("add the permission cloudwatch:PutMetricData"),
    Fault::new(
        "ExpiredToken, then valid",
        Outage,
        |s| s.answers(Answer::expired_token()),
        "Kept until the credentials are renewed.",
    )
    .says("ExpiredToken"),
    Fault::new(
        "InvalidParameterValue for one datum",
        RejectsOne,
        network::rejects_one,
        "That datum is dropped alone and counted; the others arrive.",
    )
    .says("rejected"),
    Fault::new(
        "garbage in place of HTTP",
        Outage,
        |s| s.answers(Answer::Garbage(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        "As 500.",
    )
    .retried(),
    Fault::new(
        "200 with a page of HTML",
        Outage,
        |s| s.answers(Answer::page()),
        "A portal that answers everything has taken nothing: kept in the backlog.",
    ),
    Fault::new(
        "200 with nothing",
        Outage,
        |s| s.answers(Answer::bare(200)),
        "Without a header of CloudWatch's nothing proves that it was taken: kept in the backlog.",
    )
    .says("is not from CloudWatch"),
    Fault::new(
        "answers without an end",
        Outage,
        |s| s.answers(Answer::Endless(Endless::Chunks)),
        "An answer is given up after 1 MB, and tried again; kept in the backlog.",
    )
    .request(UnderWay::AtOnce)
    .says("over the limit of 1048576 bytes")
    .retried(),
    Fault::new(
        "answers without an end, drop by drop",
        Outage,
        |s| s.answers(Answer::Endless(Endless::Drip)),
        "As an endpoint that never answers.",
    )
    .request(UnderWay::Hangs)
    .says("timeout"),
    Fault::new(
        "TLS: unknown issuer",
        Outage,
        |s| network::tls(s, Certificate::UnknownIssuer),
        "Nothing is sent to whom is not trusted; kept in the backlog.",
    )
    .request(UnderWay::Never)
    .says("UnknownIssuer"),
    Fault::new(
        "TLS: expired",
        Outage,
        |s| network::tls(s, Certificate::Expired),
        "As an unknown issuer.",
    )
    .request(UnderWay::Never)
    .says("expired"),
    Fault::new(
        "TLS: wrong name",
        Outage,
        |s| network::tls(s, Certificate::WrongName),
        "As an unknown issuer.",
    )
    .request(UnderWay::Never)
    .says("not valid for name"),
    Fault::new(
        "no CA bundle at all",
        Forever,
        network::no_roots,
        "The roots that are part of the binary are used. AWS is trusted by them; the \
         endpoint of this test is not.",
    )
    .request(UnderWay::Never)
    .says("UnknownIssuer")
    .needs(Needs::Namespace),
    Fault::new(
        "DNS: no such name",
        Outage,
        |s| drop(network::name(s, "nowhere")),
        "Kept in the backlog.",
    )
    .request(UnderWay::Never)
    .says("DNS settings")
    .needs(Needs::Namespace),
    Fault::new(
        "DNS: no answer",
        Outage,
        |s| drop(network::name(s, "silent")),
        "The lookup hangs in a thread of its own and holds nothing up.",
    )
    .request(UnderWay::Hangs)
    .needs(Needs::Namespace),
    Fault::new(
        "proxy refuses",
        Outage,
        network::proxy_refuses,
        "Kept in the backlog; the proxy is not gone round.",
    )
    .request(UnderWay::Never)
    .says("check HTTPS_PROXY and NO_PROXY"),
    Fault::new("proxy answers 502", Outage, network::proxy_502, "As a proxy that refuses.")
        .request(UnderWay::Never)
        .says("check HTTPS_PROXY and NO_PROXY"),
    Fault::new(
        "no credentials, then a file of them",
        Outage,
        credentials::file_appears,
        "Kept in the backlog until there are some.",
    )
    .request(UnderWay::Never)
    .says("name a readable file, or unset AWS_SHARED_CREDENTIALS_FILE"),
    Fault::new(
        "no credentials, then a task role",
        Outage,
        credentials::role_appears,
        "Kept in the backlog until there are some.",
    )
    .request(UnderWay::Never)
    .says("set a task role"),
    Fault::new(
        "credentials endpoint hangs",
        Outage,
        credentials::endpoint_hangs,
        "Part of the attempt, with its timeout; holds nothing up.",
    )
    .request(UnderWay::Hangs),
    Fault::new(
        "credentials endpoint answers without an end",
        Outage,
        credentials::endpoint_is_endless,
        "An answer is given up after 1 MB; kept in the backlog.",
    )
    .request(UnderWay::Never)
    .says("over the limit of 1048576 bytes"),
    Fault::new(
        "EC2 metadata hangs",
        Outage,
        credentials::metadata_hangs,
        "Asked for a second, then it counts as not there.",
    )
    .request(UnderWay::Hangs),
    Fault::new(
        "EC2 metadata answers without an end",
        Outage,
        credentials::metadata_is_endless,
        "As a credentials endpoint that does.",
    )
    .request(UnderWay::Never)
    .says("over the limit of 1048576 bytes"),
];
