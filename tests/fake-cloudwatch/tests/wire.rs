//! What is read off the wire and recorded, and what is refused.

mod client;

use std::io::Write;
use std::net::TcpStream;
use std::time::SystemTime;

use ciborium::Value;
use client::{
    Client, body, cbor, datum, map, now, put_metric_data, raw_request, request, sent_datum,
    timestamp,
};
use fake_cloudwatch::{Datum, FakeCloudWatch, Request, refused_url};
use flate2::Compression;
use flate2::write::GzEncoder;

#[test]
fn a_whole_request_is_taken_and_recorded() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let body = put_metric_data("My/App", vec![full_datum()]);
    let authorization = "authorization: AWS4-HMAC-SHA256 \
                         Credential=AKIDEXAMPLE/20261122/us-east-1/monitoring/aws4_request, \
                         SignedHeaders=host, Signature=00\r\n";
    let before = SystemTime::now();
    client.send(&request(&body, authorization));
    let reply = client.reply().unwrap();

    assert_eq!(reply.status, 200);
    let requests = cloudwatch.requests();
    let expected = Request {
        received: requests[0].received,
        status: Some(200),
        taken: true,
        wire_bytes: body.len(),
        decoded_bytes: body.len(),
        gzip: false,
        access_key_id: Some("AKIDEXAMPLE".to_owned()),
        region: Some("us-east-1".to_owned()),
        peer_port: client.port(),
        namespace: "My/App".to_owned(),
        data: vec![recorded_full_datum()],
    };
    assert_eq!(requests, [expected]);
    assert!(before <= requests[0].received && requests[0].received <= SystemTime::now());
    assert_eq!(cloudwatch.data(), [recorded_full_datum()]);
}

#[test]
fn what_was_left_out_is_filled_in() {
    let cloudwatch = FakeCloudWatch::start();
    let values = Value::Array(vec![1.into(), 2.5.into()]);
    let sent = map(vec![
        ("MetricName", "CPU".into()),
        ("Values", values),
        ("Unit", Value::Null),
        ("EntityFromTheFuture", true.into()),
    ]);
    let reply = Client::connect(cloudwatch.address()).put(&put_metric_data("Test", vec![sent]));

    assert_eq!(reply.status, 200);
    let expected = Datum {
        timestamp: cloudwatch.requests()[0].received,
        values: vec![1.0, 2.5],
        counts: vec![1.0, 1.0],
        set: None,
        ..datum(0.0)
    };
    assert_eq!(cloudwatch.data(), [expected]);
}

#[test]
fn whole_seconds_are_a_timestamp_too() {
    let cloudwatch = FakeCloudWatch::start();
    let seconds = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let sent = map(vec![
        ("MetricName", "CPU".into()),
        ("Timestamp", Value::Tag(1, Box::new(seconds.into()))),
        ("Value", 1.into()),
    ]);
    let reply = Client::connect(cloudwatch.address()).put(&put_metric_data("Test", vec![sent]));

    assert_eq!(reply.status, 200);
    let timestamp = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    assert_eq!(cloudwatch.data(), [Datum { timestamp, ..datum(1.0) }]);
}

#[test]
fn gzip_is_undone() {
    let cloudwatch = FakeCloudWatch::start();
    let plain = put_metric_data("Test", vec![sent_datum(1.0); 100]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&plain).unwrap();
    let zipped = encoder.finish().unwrap();
    let mut client = Client::connect(cloudwatch.address());
    client.send(&request(&zipped, "content-encoding: gzip\r\n"));

    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(cloudwatch.data(), vec![datum(1.0); 100]);
    let request = &cloudwatch.requests()[0];
    let lengths = (request.gzip, request.wire_bytes, request.decoded_bytes);
    assert_eq!(lengths, (true, zipped.len(), plain.len()));
}

#[test]
fn a_connection_serves_many_requests_in_any_pieces() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    assert_eq!(client.put(&body(1.0)).status, 200);
    // Two at once, as a pipelining client would; then one cut in the middle of its body.
    client.send(&[request(&body(2.0), ""), request(&body(3.0), "")].concat());
    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(client.reply().unwrap().status, 200);
    let whole = request(&body(4.0), "");
    let (first, second) = whole.split_at(whole.len() - 5);
    client.send(first);
    client.send(second);
    assert_eq!(client.reply().unwrap().status, 200);

    assert_eq!(cloudwatch.data(), [datum(1.0), datum(2.0), datum(3.0), datum(4.0)]);
    let ports: Vec<u16> = cloudwatch.requests().iter().map(|request| request.peer_port).collect();
    assert_eq!(ports, [client.port(); 4]);
}

#[test]
fn a_request_beyond_the_limits_is_refused_whole() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let reply = client.put(&put_metric_data("Test", vec![sent_datum(1.0), sent_datum(f64::NAN)]));

    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("x-amzn-query-error"), "InvalidParameterValue;Sender");
    let (error_type, message) = reply.fault();
    assert_eq!(error_type, "com.amazonaws.cloudwatch#InvalidParameterValueException");
    assert_eq!(message, "The value NaN for parameter MetricData.member.2.Value is invalid.");
    assert_eq!(cloudwatch.data(), []);
    let request = &cloudwatch.requests()[0];
    assert_eq!((request.status, request.taken, request.data.len()), (Some(400), false, 2));
    assert_eq!(client.put(&body(1.0)).status, 200);
}

#[test]
fn more_than_a_megabyte_is_refused() {
    let cloudwatch = FakeCloudWatch::start();
    let padding = "x".repeat(1_000_000);
    let body = cbor(&map(vec![("Namespace", "Test".into()), ("Padding", padding.into())]));
    let reply = Client::connect(cloudwatch.address()).put(&body);

    assert_eq!(reply.status, 413);
    assert_eq!(reply.header("x-amzn-query-error"), "RequestEntityTooLarge;Sender");
}

#[test]
fn bad_gzip_is_malformed() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    client.send(&request(b"not gzip", "content-encoding: gzip\r\n"));
    let reply = client.reply().unwrap();

    assert_eq!(reply.status, 400);
    assert_eq!(reply.header("x-amzn-query-error"), "MalformedHttpRequestException;Sender");
    let request = &cloudwatch.requests()[0];
    assert_eq!((request.wire_bytes, request.decoded_bytes), (8, 0));
}

#[test]
fn bad_cbor_is_a_serialization_error() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let untagged = map(vec![("Timestamp", 1.0.into())]);
    let bad = [
        vec![0xff],
        body(1.0)[..20].to_vec(),
        [body(1.0), vec![0]].concat(),
        cbor(&"text".into()),
        cbor(&map(vec![("Namespace", 1.into())])),
        cbor(&map(vec![("MetricData", map(vec![]))])),
        put_metric_data("Test", vec![untagged]),
    ];
    for body in &bad {
        let reply = client.put(body);
        assert_eq!(reply.status, 400, "{body:?}");
        assert_eq!(reply.header("x-amzn-query-error"), "SerializationException;Sender");
        assert_eq!(reply.fault().0, "com.amazonaws.cloudwatch#SerializationException");
    }
    assert_eq!(cloudwatch.data(), []);
}

#[test]
fn anything_else_is_not_found() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let put = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    let list = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    let cbor = "content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor\r\n";
    let json = "content-type: application/json\r\nsmithy-protocol: rpc-v2-cbor\r\n";
    let bare = "content-type: application/cbor\r\n";
    for (method, path, headers) in [
        ("POST", "/", cbor),
        ("POST", list, cbor),
        ("GET", put, cbor),
        ("POST", put, json),
        ("POST", put, bare),
    ] {
        client.send(&raw_request(method, path, headers, &body(1.0)));
        assert_eq!(client.reply().unwrap().status, 404, "{method} {path} {headers}");
    }
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn refused_url_refuses() {
    let url = refused_url();
    let address = url.strip_prefix("http://").unwrap();
    let error = TcpStream::connect(address).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

fn full_datum() -> Value {
    let dimension =
        |name: &str, value: &str| map(vec![("Name", name.into()), ("Value", value.into())]);
    map(vec![
        ("MetricName", "MemoryUtilization".into()),
        ("Dimensions", Value::Array(vec![dimension("B", "2"), dimension("A", "1")])),
        ("Timestamp", timestamp(now())),
        ("Values", Value::Array(vec![1.5.into(), 40.into()])),
        ("Counts", Value::Array(vec![66.into(), 1.0.into()])),
        ("Unit", "Percent".into()),
        ("StorageResolution", 60.into()),
    ])
}

fn recorded_full_datum() -> Datum {
    Datum {
        namespace: "My/App".to_owned(),
        name: "MemoryUtilization".to_owned(),
        dimensions: vec![("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned())],
        timestamp: now(),
        values: vec![1.5, 40.0],
        counts: vec![66.0, 1.0],
        set: None,
        unit: Some("Percent".to_owned()),
        storage_resolution: Some(60),
    }
}

#[test]
fn a_success_has_both_forms_in_turn_and_the_headers_of_the_service() {
    let cloudwatch = FakeCloudWatch::start();
    let mut client = Client::connect(cloudwatch.address());
    let body = put_metric_data("My/App", vec![full_datum()]);
    for (content, content_type) in [(&b""[..], None), (&b"\xa0"[..], Some("application/cbor"))] {
        let reply = client.put(&body);
        assert_eq!((reply.status, &reply.body[..]), (200, content));
        assert_eq!(reply.find_header("content-type"), content_type);
        assert_eq!(reply.header("smithy-protocol"), "rpc-v2-cbor");
        assert!(!reply.header("x-amzn-requestid").is_empty());
    }
}
