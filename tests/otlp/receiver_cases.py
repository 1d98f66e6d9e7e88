"""The receiver of these tests finds each thing that it looks for. Nothing else would notice if it did not."""

import gzip
import time
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from receiver import KEY, SECRET, Receiver

SECOND = 10**9


def request(count=1, start=0, end=0, labels=0, name="a", spare=0):
    """So many gauges of this second, with a start and an end that are so far off, in nanoseconds."""
    message = ExportMetricsServiceRequest()
    of_resource = message.resource_metrics.add()
    metrics = of_resource.scope_metrics.add().metrics
    now = time.time_ns() // SECOND * SECOND
    for number in range(count):
        metric = metrics.add(name=f"{name}{number or ''}", description="x" * spare)
        point = metric.gauge.data_points.add(as_double=1, time_unix_nano=now + end)
        point.start_time_unix_nano = now - SECOND + start
        for label in range(labels):
            point.attributes.add(key=f"l{label}").value.string_value = "x"
    return message


def histogram(count=1, buckets=(1,)):
    message = request(0)
    metric = message.resource_metrics[0].scope_metrics[0].metrics.add(name="h")
    now = time.time_ns() // SECOND * SECOND
    point = metric.exponential_histogram.data_points.add(count=count, time_unix_nano=now)
    point.start_time_unix_nano = now - SECOND
    point.positive.bucket_counts.extend(buckets)
    return message


def twice():
    message = request()
    message.resource_metrics.add().CopyFrom(message.resource_metrics[0])
    return message


def problems_of(message, content_type="application/x-protobuf"):
    receiver = Receiver()
    body = gzip.compress(message.SerializeToString())
    headers = {"content-type": content_type, "content-encoding": "gzip"}
    urllib.request.urlopen(urllib.request.Request(receiver.url, body, headers), timeout=30).close()
    problems, receiver.problems = receiver.problems, []
    return problems


def the_receiver_finds_what_is_wrong():
    for message in [request(), request(end=1, name="a.sample"), request(count=1000), request(labels=148), histogram(3, [0, 3]), histogram(160, [1] * 160)]:
        assert problems_of(message) == [], message
    for message, problem in [
        (request(count=1001), "1001 points in a request"),
        (request(spare=1_000_000), "bytes in a request"),
        (request(labels=149), "151 labels"),
        (request(end=601 * SECOND), "s ahead"),
        (request(start=-15 * 86400 * SECOND, end=-15 * 86400 * SECOND), "a is too old"),
        (request(start=2 * SECOND), "a begins after its end"),
        (request(end=1), "a is not at a whole second"),
        (request(start=1), "a is not at a whole second"),
        (twice(), "a is there twice"),
        (histogram(2, [1]), "h: the buckets are not the count"),
        (histogram(161, [1] * 161), "h has too many buckets"),
    ]:
        found = problems_of(message)
        assert len(found) == 1 and problem in found[0], (problem, found)
    assert problems_of(request(), "application/json") == ["another content type"]


def the_receiver_looks_at_signatures():
    for secret, region, service, expected in [
        (SECRET, "eu-west-1", "monitoring", []),
        ("another", "eu-west-1", "monitoring", ["a wrong signature"]),
        (SECRET, "eu-west-2", "monitoring", ["a wrong signature"]),
        (SECRET, "eu-west-1", "metrics", ["a wrong signature"]),
        (None, "", "", ["a wrong signature"]),
    ]:
        receiver = Receiver(signed=True)
        headers = {"content-type": "application/x-protobuf"}
        signed = AWSRequest("POST", f"{receiver.url}/v1/metrics", headers, request().SerializeToString())
        if secret:
            SigV4Auth(Credentials(KEY, secret), service, region).add_auth(signed)
        sent = urllib.request.Request(signed.url, signed.body, dict(signed.headers))
        urllib.request.urlopen(sent, timeout=30).close()
        problems, receiver.problems = receiver.problems, []
        assert problems == expected, (service, problems)


CASES = [the_receiver_finds_what_is_wrong, the_receiver_looks_at_signatures]
