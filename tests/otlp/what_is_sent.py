"""What is sent, and to whom: names, units, attributes, and figures."""

import json
import math
import os
import pathlib
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent import FOUR, HISTOGRAMS, Agent, assert_nothing_lost, some_windows, windows
from receiver import KEY, SECRET, Receiver, free_port

CUMULATIVE, DELTA = 2, 1
AWS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}


def quantile(raw, part):
    """The middle of the bucket in which a part of the values lies below."""
    rank, base = math.ceil(part * raw.count), 2 ** (2**-raw.scale)
    if rank <= raw.zero_count:
        return 0.0
    rank -= raw.zero_count
    for place, count in enumerate(raw.positive.bucket_counts):
        rank -= count
        if rank <= 0:
            lower = base ** (raw.positive.offset + place)
            return lower * (1 + base) / 2
    raise AssertionError("no such rank")


def signed_to_cloudwatch():
    receiver = Receiver(signed=True)
    with Agent("--endpoint-url", receiver.url, variables=AWS) as agent:
        receiver.wait_until("four windows", some_windows(4))
        counts = agent.stop()
    first = receiver.received[0]
    assert not first.points and first.path == "/v1/metrics", "the clocks are compared first"
    assert all(of.headers.get("content-encoding") == "gzip" for of in receiver.received)
    points = receiver.taken()
    assert {point.short() for point in points} == FOUR | HISTOGRAMS, {point.short() for point in points}
    for point in points:
        expected = {"service.name": "Foo", "cloud.region": "eu-west-1", "host.name": os.uname().nodename}
        assert point.resource == expected, point.resource
        assert point.unit == "1" and not point.attributes, (point.unit, point.attributes)
        if point.short() in FOUR:
            assert point.kind == "gauge" and 0 <= point.value <= 1, point.value
        else:
            assert (point.kind, point.temporality) == ("exponential_histogram", CUMULATIVE)
    assert_nothing_lost(receiver, counts)
    # The counts grow from the same start, and the newest one has all samples.
    last = {}
    for point in points:
        if point.short() == "memory.utilization":
            before = last.get(point.short())
            assert before is None or (point.start == before.start and point.raw.count >= before.raw.count)
            last[point.short()] = point
    maximum = max(point.value for point in points if point.short() == "memory.utilization.max")
    highest = quantile(last["memory.utilization"].raw, 1.0)
    assert abs(highest - maximum) <= 0.045 * maximum + 1e-4, (highest, maximum)
    assert "taken the first window" in agent.said()


def to_a_receiver_with_a_key():
    receiver = Receiver()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20top-secret-key,x-scope=7",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=beta,service.name=Other",
    }
    arguments = ["--dimension", "Stage=beta", "--dimension", "deployment.environment.name=x"]
    with Agent(*arguments, variables=variables, log="debug") as agent:
        receiver.wait_until("two windows", some_windows(2))
        counts = agent.stop()
    for received in receiver.received:
        assert received.path == "/v1/metrics" and "content-encoding" not in received.headers
        assert received.headers["authorization"] == "Bearer top-secret-key" and received.headers["x-scope"] == "7"
    point = receiver.taken()[0]
    expected = {"service.name": "Foo", "deployment.environment.name": "beta", "host.name": os.uname().nodename}
    assert point.resource == expected, point.resource
    assert point.attributes == {"Stage": "beta"}, point.attributes
    assert "top-secret" not in agent.said(), agent.said()
    assert_nothing_lost(receiver, counts)


def deltas_and_the_variable_of_metrics():
    receiver = Receiver()
    variables = {
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{receiver.url}/opentelemetry/v1/metrics",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    }
    with Agent("--statistics", "distribution", variables=variables) as agent:
        receiver.wait_until("three windows", lambda it: len(windows(it.taken(), "memory.utilization")) >= 3)
        agent.stop()
    points = receiver.taken()
    assert {point.short() for point in points} == HISTOGRAMS, "the histogram alone"
    for point in points:
        assert point.temporality == DELTA and point.time - point.start <= 10**9 and point.raw.count <= 20
        assert point.raw.HasField("min") and point.raw.min <= point.raw.max
    assert {received.path for received in receiver.received} == {"/opentelemetry/v1/metrics"}


def many_points_are_several_requests():
    with tempfile.TemporaryDirectory() as folder:
        plugin = pathlib.Path(folder, "many")
        lines = "\n".join(f"metric m{number} int64 {number}" for number in range(1001))
        plugin.write_text(f"#!/bin/sh\ncat <<END\nstatus ok\n{lines}\nEND\n")
        plugin.chmod(0o755)
        config = pathlib.Path(folder, "agent.yaml")
        config.write_text(
            "checks:\n  many:\n    type: agent.plugin\n    period: 5\n    details: {file: many}\n    publish: all\n"
        )
        receiver = Receiver()
        arguments = ["--config", str(config), "--plugins", folder, "--max-metrics", "5000", "-p", "5"]
        with Agent(*arguments, "--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
            name = "plugin.m1000"
            receiver.wait_until("a window of the plugin", lambda it: len(windows(it.taken(), name)) >= 1)
            agent.stop()
    times = windows(receiver.taken(), "plugin.m1000")
    requests = [of for of in receiver.received if any(point.time == times[0] for point in of.points)]
    sizes = [len(received.points) for received in requests]
    assert len(sizes) == 2 and sizes[0] == 1000, sizes
    point = next(point for point in receiver.taken() if point.short() == "plugin.m7")
    assert (point.kind, point.value, point.attributes) == ("gauge", 7.0, {"Check": "many"}), point.attributes


def each_sample_can_be_a_point():
    receiver = Receiver()
    with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics", "--sample-points", "-p", "5") as agent:
        receiver.wait_until("a window", some_windows(1))
        agent.stop()
    points = receiver.taken()
    samples = [point for point in points if point.short() == "memory.utilization.sample"]
    assert len({point.time for point in samples}) == len(samples) > 0
    newest = max((point for point in points if point.short() == "memory.utilization"), key=lambda of: of.time)
    assert newest.raw.count == len(samples), (newest.raw.count, len(samples))


def checks_are_gauges_and_sums():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "agent.yaml")
        config.write_text(
            "checks:\n"
            "  root: {type: agent.filesystem, period: 1, details: {target: /}}\n"
            "  lo: {type: agent.network, period: 1, details: {target: lo}}\n"
        )
        receiver = Receiver()
        with Agent("--config", str(config), "--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
            received = lambda it: [point for point in it.taken() if point.short() == "network.rx_bytes"]
            receiver.wait_until("a growing sum", lambda it: len(received(it)) >= 3)
            agent.stop()
    sums = received(receiver)
    for before, after in zip(sums, sums[1:]):
        assert before.start == after.start and before.value <= after.value
    # The requests of this test go through lo.
    assert sums[-1].value > sums[0].value
    assert (sums[0].kind, sums[0].unit, sums[0].raw.WhichOneof("value")) == ("sum", "By", "as_double")
    assert sums[0].attributes == {"Check": "lo"}, sums[0].attributes
    used = next(point for point in receiver.taken() if point.short() == "filesystem.used_percent")
    assert (used.kind, used.unit) == ("gauge", "%") and 0 <= used.value <= 100


def the_place_is_told():
    task = {
        "Cluster": "main",
        "TaskARN": "arn:aws:ecs:eu-north-1:123456789012:task/main/158d1c8083dd49d6b527399fd6414f5c",
        "Family": "web",
        "Revision": "7",
        "LaunchType": "FARGATE",
        "AvailabilityZone": "eu-north-1a",
    }
    container = {"Name": "agent", "DockerId": "abc-1", "Image": "agent:1"}

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = json.dumps(task if self.path.endswith("/task") else container).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{server.server_port}/v4/x",
        "AWS_BATCH_JOB_ID": "job-1",
    }
    few = {
        "service.name": "Foo",
        "aws.ecs.task.family": "web",
        "aws.ecs.task.id": "158d1c8083dd49d6b527399fd6414f5c",
        "cloud.region": "eu-north-1",
    }
    for arguments in [[], ["--resource-attributes", "all"]]:
        receiver = Receiver()
        with Agent(
            *arguments, "--auto-dimensions", "task-id,cluster", "--otlp-endpoint", f"{receiver.url}/v1/metrics",
            variables=variables,
        ) as agent:
            receiver.wait_until("a window", some_windows(1))
            agent.stop()
        point = receiver.taken()[0]
        assert point.attributes == {"ClusterName": "main"}, point.attributes
        if not arguments:
            assert point.resource == few, point.resource
        else:
            expected = {
                **few,
                "cloud.account.id": "123456789012",
                "aws.ecs.cluster.arn": "arn:aws:ecs:eu-north-1:123456789012:cluster/main",
                "aws.ecs.launchtype": "fargate",
                "container.id": "abc-1",
                "aws.batch.job.id": "job-1",
            }
            assert expected.items() <= point.resource.items(), point.resource
    server.shutdown()


def each_agent_of_a_service_has_something_of_its_own():
    """Where no task's id tells two agents apart, one attribute does; none is added to one of the user's own."""
    host, pod = {"host.name": os.uname().nodename}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for variables, expected in [
        ({}, host),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b"}, {"a": "b", **host}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=7"}, {"service.instance.id": "7"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "host.name=other"}, {"host.name": "other"}),
        (pod, {"k8s.pod.name": os.uname().nodename}),
        (pod | {"POD_NAME": "web-1"}, {"k8s.pod.name": "web-1"}),
        ({"AWS_BATCH_JOB_ID": "job-1:7"}, {"aws.batch.job.id": "job-1:7"}),
        # Its endpoint does not answer, so that no id of a task is known.
        ({"ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{free_port()}/v4/x"}, host),
    ]:
        receiver = Receiver()
        with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics", variables=variables) as agent:
            receiver.wait_until("a window", some_windows(1))
            agent.stop()
        for point in receiver.taken():
            assert point.resource == {"service.name": "Foo", **expected}, (variables, point.resource)


CASES = [
    signed_to_cloudwatch,
    to_a_receiver_with_a_key,
    deltas_and_the_variable_of_metrics,
    many_points_are_several_requests,
    each_sample_can_be_a_point,
    checks_are_gauges_and_sums,
    the_place_is_told,
    each_agent_of_a_service_has_something_of_its_own,
]
