//! Each answer does on the wire what its name says, and takes the data or not.

mod client;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use client::{Client, Reply, answering, body, datum, one_request, put_metric_data, request};
use fake_cloudwatch::{Answer, Endless, FakeCloudWatch, Refused, Skew};

#[test]
fn status_is_sent_as_given() {
    let (cloudwatch, mut client) = answering(Answer::service_unavailable());
    let reply = client.put(&body(1.0));

    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("content-type"), "text/html");
    assert_eq!(reply.body, b"<html><body><h1>503 Service Unavailable</h1></body></html>");
    assert_refused(&cloudwatch, 503);
}

#[test]
fn errors_are_those_of_the_service() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let mut ask = |answer| {
        cloudwatch.answer_next(answer);
        let reply: Reply = client.put(&body(1.0));
        let query_error = reply.header("x-amzn-query-error").to_owned();
        (reply.status, query_error, reply.fault().0)
    };
    let expected = |status, query_error: &str, error_type: &str| {
        let error_type = format!("com.amazonaws.cloudwatch#{error_type}");
        (status, query_error.to_owned(), error_type)
    };
    assert_eq!(
        ask(Answer::throttling()),
        expected(400, "Throttling;Sender", "ThrottlingException")
    );
    assert_eq!(
        ask(Answer::access_denied()),
        expected(403, "AccessDenied;Sender", "AccessDeniedException")
    );
    assert_eq!(
        ask(Answer::expired_token()),
        expected(403, "ExpiredToken;Sender", "ExpiredTokenException")
    );
    assert_eq!(
        ask(Answer::internal_failure()),
        expected(500, "InternalFailure;Receiver", "InternalFailure")
    );
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn skewed_is_refused_with_a_date_that_is_off() {
    for skew in [Skew::Ahead(Duration::from_secs(3600)), Skew::Behind(Duration::from_secs(3600))] {
        let (cloudwatch, mut client) = answering(Answer::Skewed(skew));
        let before = SystemTime::now();
        let reply = client.put(&body(1.0));

        assert_eq!(reply.header("x-amzn-query-error"), "RequestTimeTooSkewed;Sender");
        let date = httpdate::parse_http_date(reply.header("date")).unwrap();
        let (after, hour) = (SystemTime::now(), Duration::from_secs(3600));
        // An HTTP date has whole seconds.
        let second = Duration::from_secs(1);
        let (earliest, latest) = match skew {
            Skew::Ahead(_) => (before + hour - second, after + hour),
            Skew::Behind(_) => (before - hour - second, after - hour),
        };
        assert!(earliest <= date && date <= latest, "{date:?} of {skew:?}");
        assert_refused(&cloudwatch, 403);
    }
}

#[test]
fn reject_where_fails_the_whole_request() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::reject_where(|datum| datum.values == [2.0]));
    let mut client = Client::connect(cloudwatch.address());
    let data = vec![client::sent_datum(1.0), client::sent_datum(2.0)];

    let reply = client.put(&put_metric_data("Test", data));
    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("x-amzn-query-error"), "InvalidParameterValue;Sender");
    assert_refused(&cloudwatch, 400);
    assert_eq!(client.put(&body(1.0)).status, 200);
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
}

#[test]
fn held_is_taken_once_released() {
    let (cloudwatch, mut client) = answering(Answer::Hold);
    client.send(&request(&body(1.0), ""));
    let seen = cloudwatch.wait_until("the request", one_request);

    assert_eq!((seen.requests[0].status, seen.data), (None, vec![]));
    assert!(client.is_silent());
    cloudwatch.release();
    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
    assert_eq!(cloudwatch.requests()[0].status, Some(200));
}

#[test]
fn held_goes_on_as_told_once_released() {
    let (cloudwatch, mut client) = answering(Answer::hold_then(Answer::too_many_requests()));
    client.send(&request(&body(1.0), ""));
    cloudwatch.wait_until("the request", one_request);

    assert!(client.is_silent());
    cloudwatch.release();
    assert_eq!(client.reply().unwrap().status, 429);
    assert_refused(&cloudwatch, 429);
}

#[test]
fn a_page_is_no_answer_of_the_service_and_takes_nothing() {
    let (cloudwatch, mut client) = answering(Answer::page());
    let reply = client.put(&body(1.0));

    assert_eq!((reply.status, reply.header("content-type")), (200, "text/html"));
    assert_refused(&cloudwatch, 200);
}

#[test]
fn a_bare_answer_has_no_header_of_the_service_and_takes_nothing() {
    let (cloudwatch, mut client) = answering(Answer::bare(200));
    let reply = client.put(&body(1.0));

    assert_eq!((reply.status, &reply.body[..]), (200, &b""[..]));
    for name in ["content-type", "smithy-protocol", "x-amzn-requestid"] {
        assert_eq!(reply.find_header(name), None);
    }
    assert_refused(&cloudwatch, 200);
}

#[test]
fn take_with_answers_with_these_headers_alone() {
    let (cloudwatch, mut client) = answering(Answer::TakeWith(&[("x-amzn-requestid", "a")]));
    let reply = client.put(&body(1.0));

    assert_eq!((reply.status, &reply.body[..]), (200, &b""[..]));
    assert_eq!(reply.find_header("smithy-protocol"), None);
    assert_eq!(reply.header("x-amzn-requestid"), "a");
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
}

#[test]
fn what_is_endless_goes_on_until_it_is_released() {
    for endless in [Endless::Chunks, Endless::Drip, Endless::Promised(1 << 40), Endless::Head] {
        let (cloudwatch, mut client) = answering(Answer::Endless(endless));
        client.send(&request(&body(1.0), ""));
        let enough = if endless == Endless::Drip { 300 } else { 8 << 20 };
        client.read_at_least(enough);
        cloudwatch.release();
        let _ = client.rest();
        assert_refused(&cloudwatch, 200);
    }
}

#[test]
fn release_does_not_count_for_later_requests() {
    let (cloudwatch, mut client) = answering(Answer::Hold);
    cloudwatch.release();
    client.send(&request(&body(1.0), ""));
    cloudwatch.wait_until("the request", one_request);

    assert!(client.is_silent());
    assert_eq!(cloudwatch.data(), []);
    cloudwatch.release();
    assert_eq!(client.reply().unwrap().status, 200);
}

#[test]
fn hang_says_nothing_to_the_end() {
    let (cloudwatch, mut client) = answering(Answer::Hang);
    client.send(&request(&body(1.0), ""));
    cloudwatch.wait_until("the request", one_request);
    assert!(client.is_silent());

    // Another connection is served meanwhile.
    assert_eq!(Client::connect(cloudwatch.address()).put(&body(2.0)).status, 200);

    cloudwatch.release();
    assert_eq!(client.rest().unwrap(), b"");
    assert_eq!(cloudwatch.data(), [datum(2.0)]);
    let statuses: Vec<_> = cloudwatch.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [None, Some(200)]);
}

#[test]
fn stall_sends_headers_and_no_body() {
    let (cloudwatch, mut client) = answering(Answer::StallAfterHeaders);
    client.send(&request(&body(1.0), ""));
    let head = client.head().unwrap();

    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-length: 1\r\n"), "{head}");
    assert!(client.is_silent());
    cloudwatch.release();
    assert_eq!(client.rest().unwrap(), b"");
    assert_not_answered(&cloudwatch);
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn reset_does_not_wait_for_the_body() {
    let (cloudwatch, mut client) = answering(Answer::Reset);
    let whole = request(&body(1.0), "");
    client.send(&whole[..whole.len() - body(1.0).len()]);

    assert_eq!(client.rest().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_not_answered(&cloudwatch);
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn take_then_reset_keeps_the_data() {
    let (cloudwatch, mut client) = answering(Answer::TakeThenReset);
    client.send(&request(&body(1.0), ""));

    assert_eq!(client.rest().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_not_answered(&cloudwatch);
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
}

#[test]
fn take_then_reset_takes_nothing_that_is_invalid() {
    let (cloudwatch, mut client) = answering(Answer::TakeThenReset);
    client.send(&request(&body(f64::INFINITY), ""));

    assert_eq!(client.rest().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn garbage_is_sent_as_it_is() {
    let garbage = b"\x16\x03\x01 not HTTP \x00\xff".to_vec();
    let (cloudwatch, mut client) = answering(Answer::Garbage(garbage.clone()));
    client.send(&request(&body(1.0), ""));

    assert_eq!(client.rest().unwrap(), garbage);
    assert_not_answered(&cloudwatch);
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn queued_answers_go_before_the_standing_one() {
    let cloudwatch = FakeCloudWatch::start();
    cloudwatch.answer_always(Answer::internal_failure());
    cloudwatch.answer_next(Answer::throttling());
    cloudwatch.answer_next(Answer::Take);
    let mut client = Client::connect(cloudwatch.address());

    let statuses = [1.0, 2.0, 3.0, 4.0].map(|value| client.put(&body(value)).status);
    assert_eq!(statuses, [400, 200, 500, 500]);
    cloudwatch.answer_always(Answer::Take);
    assert_eq!(client.put(&body(5.0)).status, 200);
    assert_eq!(cloudwatch.data(), [datum(2.0), datum(5.0)]);
}

#[test]
fn a_port_refuses_until_there_is_a_server() {
    let refused = Refused::start().unwrap();
    let address = refused.address();
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);

    let cloudwatch = refused.serve(None).unwrap();
    assert_eq!(cloudwatch.address(), address);
    assert_eq!(Client::connect(address).put(&body(1.0)).status, 200);
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
}

#[test]
fn drop_ends_every_kind_of_connection() {
    let cloudwatch = FakeCloudWatch::start();
    let address = cloudwatch.address();
    let mut idle = Client::connect(address);
    assert_eq!(idle.put(&body(1.0)).status, 200);
    let mut cut = Client::connect(address);
    cut.send(&request(&body(1.0), "")[..40]);
    cloudwatch.answer_next(Answer::Hold);
    let mut held = Client::connect(address);
    held.send(&request(&body(1.0), ""));
    cloudwatch.wait_until("the held request", |seen| seen.requests.len() == 2);
    cloudwatch.answer_next(Answer::StallAfterHeaders);
    let mut stalled = Client::connect(address);
    stalled.send(&request(&body(1.0), ""));
    stalled.head().unwrap();
    drop(cloudwatch);

    for client in [&mut idle, &mut held, &mut stalled, &mut cut] {
        assert_eq!(client.rest().unwrap(), b"");
    }
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn assert_refused(cloudwatch: &FakeCloudWatch, status: u16) {
    let request = &cloudwatch.requests()[0];
    assert_eq!((request.status, request.taken), (Some(status), false));
    assert_eq!(cloudwatch.data(), []);
}

fn assert_not_answered(cloudwatch: &FakeCloudWatch) {
    let statuses: Vec<_> = cloudwatch.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None]);
}
