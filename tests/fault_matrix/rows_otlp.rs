//! The rows of OTLP: to CloudWatch with a signature, and to another receiver.

use fake_cloudwatch::{Answer, Certificate, Endless};

use crate::faults::Effect::{Forever, LosesReplies, Outage, RefusesPart, RejectsOne, Works};
use crate::faults::Publisher::{Otlp, Receiver};
use crate::faults::{Fault, Needs, UnderWay};
use crate::{credentials, network};

pub const OF_OTLP: &[Fault] = &[
    Fault::new("OTLP: none", Works, |_| {}, "Each window arrives once.").by(Receiver),
    Fault::new("OTLP to CloudWatch: none", Works, |_| {}, "Each window arrives once.").by(Otlp),
    Fault::new(
        "OTLP: connection refused",
        Outage,
        network::refused,
        "Kept in the backlog, tried three times each period, delivered when it works again.",
    )
    .by(Receiver)
    .request(UnderWay::Never)
    .says("Connection refused"),
    Fault::new(
        "OTLP: accepts and never answers",
        Outage,
        |s| s.answers(Answer::Hang),
        "Each attempt is given up after 3.3 s; the shutdown timeout ends the last one.",
    )
    .by(Receiver)
    .request(UnderWay::Hangs)
    .says("the endpoint did not answer within 3.3s"),
    Fault::new(
        "OTLP: answers headers and stalls",
        Outage,
        |s| s.answers(Answer::StallAfterHeaders),
        "As an endpoint that never answers.",
    )
    .by(Receiver)
    .request(UnderWay::Hangs)
    .says("the endpoint did not answer within 3.3s"),
    Fault::new(
        "OTLP: answers drop by drop",
        Outage,
        |s| s.answers(Answer::Endless(Endless::Drip)),
        "As an endpoint that never answers.",
    )
    .by(Receiver)
    .request(UnderWay::Hangs)
    .says("the endpoint did not answer within 3.3s"),
    Fault::new(
        "OTLP: answers without an end",
        Outage,
        |s| s.answers(Answer::Endless(Endless::Chunks)),
        "An answer is given up after 1 MB; kept in the backlog, and the next period tries again.",
    )
    .by(Receiver)
    .request(UnderWay::AtOnce)
    .says("over the limit of 1048576 bytes"),
    Fault::new(
        "OTLP: resets mid-request",
        Outage,
        |s| s.answers(Answer::Reset),
        "Tried again; kept in the backlog.",
    )
    .by(Receiver)
    .request(UnderWay::AtOnce)
    .says("onnection")
    .retried(),
    Fault::new(
        "OTLP: an answer is cut in the middle",
        Outage,
        |s| s.answers(Answer::CutShort),
        "As a reset.",
    )
    .by(Receiver)
    .request(UnderWay::AtOnce)
    .says("onnection")
    .retried(),
    Fault::new(
        "OTLP: garbage in place of HTTP",
        Outage,
        |s| s.answers(Answer::Garbage(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
        "As a reset.",
    )
    .by(Receiver)
    .request(UnderWay::AtOnce)
    .retried(),
    Fault::new(
        "OTLP: takes the data, loses the reply",
        LosesReplies,
        |s| s.answers(Answer::TakeThenReset),
        "The one case in which a point can arrive twice, with the same time and the same figures.",
    )
    .by(Receiver)
    .says("onnection"),
    Fault::new(
        "OTLP: 500",
        Outage,
        |s| s.answers(Answer::internal_failure()),
        "Kept in the backlog; the next period tries again, as the specification has it.",
    )
    .by(Receiver)
    .says("HTTP 500: InternalFailure"),
    Fault::new(
        "OTLP: 503 with HTML",
        Outage,
        |s| s.answers(Answer::service_unavailable()),
        "Tried again; kept in the backlog.",
    )
    .by(Receiver)
    .says("HTTP 503")
    .retried(),
    Fault::new(
        "OTLP: 503 with Retry-After, a second",
        Outage,
        |s| s.answers(Answer::RetryAfter { status: 503, wait: "1" }),
        "Tried again after that second.",
    )
    .by(Receiver)
    .says("HTTP 503")
    .retried(),
    Fault::new(
        "OTLP: 429 with Retry-After, an hour",
        Forever,
        |s| s.answers(Answer::RetryAfter { status: 429, wait: "3600" }),
        "Nothing is sent for ten minutes, nor at the end: kept in the backlog, and told.",
    )
    .by(Receiver)
    .says("HTTP 429"),
    Fault::new(
        "OTLP: 429 with Retry-After, a date that is over",
        Outage,
        |s| {
            let wait = "Sun, 06 Nov 1994 08:49:37 GMT";
            s.answers(Answer::RetryAfter { status: 429, wait });
        },
        "Tried again at once, three times a period.",
    )
    .by(Receiver)
    .says("HTTP 429")
    .retried(),
    Fault::new(
        "OTLP: 400 for one point",
        RejectsOne,
        network::rejects_one,
        "That point is dropped alone and counted; the others arrive.",
    )
    .by(Receiver)
    .says("rejected"),
    Fault::new(
        "OTLP: 200 with a partial success",
        RefusesPart,
        |s| s.answers(Answer::TakeSaying { refused: 1, message: "a bad label" }),
        "Not sent again; what was refused is counted, and told once.",
    )
    .by(Receiver)
    .says("the endpoint refused 1 points of a request and took the others: a bad label"),
    Fault::new(
        "OTLP: 200 with a page of HTML",
        Outage,
        |s| s.answers(Answer::page()),
        "A portal that answers everything has taken nothing: kept in the backlog.",
    )
    .by(Receiver)
    .says("which is no answer of OTLP"),
    Fault::new(
        "OTLP: 403",
        Outage,
        |s| s.answers(Answer::access_denied()),
        "Kept in the backlog and tried each period; the log says what to look at.",
    )
    .by(Receiver)
    .says("check the key in --otlp-header"),
    Fault::new(
        "OTLP to CloudWatch: AccessDenied",
        Outage,
        |s| s.answers(Answer::access_denied()),
        "Kept in the backlog and tried each period; the log says what to allow.",
    )
    .by(Otlp)
    .says("add the permission cloudwatch:PutMetricData"),
    Fault::new(
        "OTLP to CloudWatch: Throttling (400)",
        Outage,
        |s| s.answers(Answer::throttling()),
        "Tried again; kept in the backlog: the account's quota.",
    )
    .by(Otlp)
    .says("Throttling")
    .retried(),
    Fault::new(
        "OTLP to CloudWatch: credentials endpoint hangs",
        Outage,
        credentials::endpoint_hangs,
        "Part of the attempt, with its timeout; holds nothing up.",
    )
    .by(Otlp)
    .request(UnderWay::Hangs),
    Fault::new(
        "OTLP, TLS: unknown issuer",
        Outage,
        |s| network::tls(s, Certificate::UnknownIssuer),
        "Nothing is sent to whom is not trusted; kept in the backlog.",
    )
    .by(Receiver)
    .request(UnderWay::Never)
    .says("UnknownIssuer"),
    Fault::new(
        "OTLP, TLS: expired",
        Outage,
        |s| network::tls(s, Certificate::Expired),
        "As an unknown issuer.",
    )
    .by(Receiver)
    .request(UnderWay::Never)
    .says("expired"),
    Fault::new(
        "OTLP, DNS: no such name",
        Outage,
        |s| drop(network::name(s, "nowhere")),
        "Kept in the backlog.",
    )
    .by(Receiver)
    .request(UnderWay::Never)
    .says("DNS settings")
    .needs(Needs::Namespace),
    Fault::new(
        "OTLP: proxy refuses",
        Outage,
        network::proxy_refuses,
        "Kept in the backlog; the proxy is not gone round.",
    )
    .by(Receiver)
    .request(UnderWay::Never)
    .says("check HTTPS_PROXY and NO_PROXY"),
];
