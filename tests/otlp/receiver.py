"""A receiver of OTLP over HTTP, which decodes with generated code and holds requests to the limits of CloudWatch."""

import gzip
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class Point:
    """One point with all that names it."""

    def __init__(self, resource, metric, kind, point, temporality):
        self.resource = resource
        self.name, self.unit, self.kind, self.temporality = metric.name, metric.unit, kind, temporality
        self.attributes = {pair.key: pair.value.string_value for pair in point.attributes}
        self.start, self.time = point.start_time_unix_nano, point.time_unix_nano
        self.raw = point
        self.value = None if kind == "exponential_histogram" else point.as_double

    def series(self):
        return (self.name, tuple(sorted(self.attributes.items())))

    def short(self):
        return self.name.removeprefix("cloudwatch_metrics_agent.")


class Received:
    def __init__(self, path, headers, body, message):
        self.at, self.path, self.headers, self.body, self.message = time.monotonic(), path, headers, body, message
        self.points = list(points_of(message))
        self.status = None


def points_of(message):
    for of_resource in message.resource_metrics:
        resource = {pair.key: pair.value.string_value for pair in of_resource.resource.attributes}
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                for point in data.data_points:
                    yield Point(resource, metric, kind, point, getattr(data, "aggregation_temporality", None))


def limits(received, size):
    """What CloudWatch would refuse, and what no receiver wants."""
    now = time.time_ns()
    if len(received.points) > 1000:
        yield f"{len(received.points)} points in a request"
    if size > 1_000_000:
        yield f"{size} bytes in a request"
    seen = set()
    for point in received.points:
        labels = len(point.resource) + len(point.attributes) + 2
        if labels > 150:
            yield f"{labels} labels"
        if not (point.time - now) < 600e9:
            yield f"{point.name} is {(point.time - now) / 1e9} s ahead"
        if now - point.time > 14 * 86400e9:
            yield f"{point.name} is too old"
        if not 0 < point.start <= point.time:
            yield f"{point.name} begins after its end"
        is_sample = point.name.endswith(".sample")
        if not is_sample and (point.start % 10**9 or point.time % 10**9):
            yield f"{point.name} is not at a whole second"
        key = (point.series(), point.time)
        if key in seen:
            yield f"{point.name} is there twice at {point.time}"
        seen.add(key)
        if point.kind == "exponential_histogram":
            raw = point.raw
            buckets = [*raw.positive.bucket_counts, *raw.negative.bucket_counts]
            if sum(buckets) + raw.zero_count != raw.count:
                yield f"{point.name}: the buckets are not the count"
            if len(raw.positive.bucket_counts) > 160 or len(raw.negative.bucket_counts) > 160:
                yield f"{point.name} has too many buckets"


class Receiver:
    """Answers as `answer(received)` says: a status, headers and a body, or None for 200."""

    # Those of the case that runs, of which each is looked at in the end.
    made = []

    def __init__(self, answer=lambda received: None, signed=False, ahead=0):
        self.answer, self.signed, self.ahead = answer, signed, ahead
        self.received, self.problems, self.changed = [], [], threading.Condition()
        outer = self
        Receiver.made.append(self)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.take(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, handler):
        if "content-length" not in handler.headers:
            self.problems.append("a request without a length")
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        plain = gzip.decompress(body) if handler.headers.get("content-encoding") == "gzip" else body
        received = Received(handler.path, dict(handler.headers), body, ExportMetricsServiceRequest.FromString(plain))
        with self.changed:
            self.problems += limits(received, len(plain))
            if handler.headers["content-type"] != "application/x-protobuf":
                self.problems.append("another content type")
            if self.signed and not is_signed(handler, body):
                self.problems.append("a wrong signature")
            self.received.append(received)
            status, headers, answer = self.answer(received) or (200, {}, ExportMetricsServiceResponse())
            received.status = status
            self.changed.notify_all()
        if not isinstance(answer, bytes):
            answer = answer.SerializeToString()
            headers = {"content-type": "application/x-protobuf", **headers}
        handler.send_response_only(status)
        handler.send_header("Date", formatdate(time.time() + self.ahead, usegmt=True))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def wait_until(self, what, holds, seconds=60):
        with self.changed:
            if not self.changed.wait_for(lambda: holds(self), seconds):
                raise AssertionError(f"not within {seconds} s: {what}")

    def taken(self):
        """The points of all requests that were answered with 200."""
        return [point for received in self.received if received.status == 200 for point in received.points]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def is_signed(handler, body):
    """Whether botocore makes the same signature."""
    headers = handler.headers
    given = headers.get("authorization", "")
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        return False
    signed = {name: headers[name] for name in names}
    request = AWSRequest("POST", f"http://{headers['host']}{handler.path}", headers=signed, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(KEY, SECRET), "monitoring", "eu-west-1")
    string = auth.string_to_sign(request, auth.canonical_request(request))
    expected = auth.signature(string, request)
    return given.endswith(f"Signature={expected}") and "/eu-west-1/monitoring/aws4_request" in given


def free_port():
    """Below those that the system gives to connections."""
    import random
    import socket

    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
