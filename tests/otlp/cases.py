"""Cases of --publish otlp with the real binary: cases.py BINARY [CASE...]"""

import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import rotel
import victoria_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from receiver import KEY, SECRET, Receiver, free_port

BINARY = victoria_metrics.BINARY = rotel.BINARY = sys.argv[1]
CUMULATIVE, DELTA = 2, 1
AWS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}
FOUR = {
    f"{part}.utilization{end}" for part in ("cpu", "memory") for end in (".median", ".max")
}
HISTOGRAMS = {"cpu.utilization", "memory.utilization"}


class Agent:
    """An agent with windows of a second. It is killed where a case fails."""

    def __init__(self, *arguments, variables=None, log="warn,cloudwatch_metrics_agent=info"):
        self.directory = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.directory.name, "log")
        defaults = {"PERIOD": "1", "SAMPLE_INTERVAL": "0.1", "SCOPE": "host", "PUBLISH": "otlp", "SERVICE": "Foo"}
        environment = {f"CLOUDWATCH_METRICS_AGENT_{name}": value for name, value in defaults.items()}
        environment |= {"RUST_LOG": log, "HOME": self.directory.name, **(variables or {})}
        with self.log.open("wb") as log_file:
            self.process = subprocess.Popen(
                [BINARY, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file
            )

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        ended = self.process.wait(30)
        assert ended == code, f"exit code {ended}\n{self.said()}"
        counts = re.findall(r"stopped; (.*)", self.said())
        return {name: value for name, _, value in (pair.partition("=") for pair in " ".join(counts).split())}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def windows(points, name="memory.utilization.max"):
    return sorted(point.time for point in points if point.short() == name)


def assert_nothing_lost(receiver, counts):
    times = windows(receiver.taken())
    assert len(times) == len(set(times)), "a window was taken twice"
    steps = {after - before for before, after in zip(times, times[1:])}
    assert steps <= {10**9}, f"a window is missing: {steps}"
    assert counts["delivered"] == counts["windows"] and counts["dropped"] == "0", counts


def some_windows(count):
    return lambda receiver: len(set(windows(receiver.taken()))) >= count


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
    return receiver


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
    return receiver


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
    return receiver


def what_is_refused_in_part_is_counted():
    def answer(received):
        if received.points:
            response = ExportMetricsServiceResponse()
            response.partial_success.rejected_data_points = 2
            response.partial_success.error_message = "two of them have a bad label"
            return 200, {}, response

    receiver = Receiver(answer)
    with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
        receiver.wait_until("three windows", some_windows(3))
        counts = agent.stop()
    sends = len([received for received in receiver.received if received.points])
    assert counts["rejected_metrics"] == str(2 * sends), (counts, sends)
    assert agent.said().count("refused 2 points of a request and took the others: two of them") == 1, agent.said()
    assert_nothing_lost(receiver, counts)
    return receiver


def a_point_that_is_refused_for_good_is_dropped_alone():
    def answer(received):
        if any(point.short() == "memory.utilization.median" for point in received.points):
            return 400, {"content-type": "text/plain"}, b"out of order sample"

    receiver = Receiver(answer)
    with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
        receiver.wait_until("three windows", some_windows(3))
        counts = agent.stop()
    names = {point.short() for point in receiver.taken()}
    assert names == (FOUR | HISTOGRAMS) - {"memory.utilization.median"}, names
    assert_nothing_lost(receiver, counts)
    assert counts["rejected_metrics"] == counts["windows"], counts
    # Six points: each is found in a few requests, and none is tried for ever.
    assert len(receiver.received) <= 8 * int(counts["windows"]) + 1, len(receiver.received)
    assert len(re.findall("memory.*was rejected and dropped|was rejected and dropped", agent.said())) == 1
    return receiver


def a_limit_is_waited_for():
    """In seconds, and as a date by the receiver's clock, which is an hour ahead."""
    for ahead, wait in [(0, lambda: "3"), (3600, lambda: formatdate(time.time() + 3600 + 4, usegmt=True))]:
        limited = []

        def answer(received):
            if received.points and not limited:
                limited.append(received)
                return 429, {"Retry-After": wait()}, b""

        receiver = Receiver(answer, ahead=ahead)
        with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
            receiver.wait_until("four windows", some_windows(4))
            counts = agent.stop()
        after = next(received for received in receiver.received if received.at > limited[0].at)
        assert 3 <= after.at - limited[0].at < 60, after.at - limited[0].at
        assert_nothing_lost(receiver, counts)
    return receiver


def what_is_sent_again_has_the_same_figures():
    """Its answer was lost, or so it seems: each window is refused three times, and then taken."""
    tries = {}

    def answer(received):
        time = min((point.time for point in received.points), default=0)
        tries[time] = tries.get(time, 0) + 1
        if time and tries[time] <= 3:
            return 503, {"Retry-After": "0"}, b""

    receiver = Receiver(answer)
    with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics", "--metrics", "cpu,memory,oom-kills") as agent:
        receiver.wait_until("four windows", some_windows(4))
        counts = agent.stop()
    figures = {}
    for received in receiver.received:
        for point in received.points:
            bytes_of = point.raw.SerializeToString()
            assert figures.setdefault((point.series(), point.time), bytes_of) == bytes_of, point.series()
    kills = [point for point in receiver.taken() if point.short() == "memory.oom_kills"]
    for point in kills:
        assert (point.kind, point.temporality, point.unit) == ("sum", CUMULATIVE, "{count}")
        assert point.start == kills[0].start
    assert_nothing_lost(receiver, counts)
    return receiver


def windows_that_were_dropped_are_in_the_sums():
    state = {"down": True}

    def answer(received):
        if state["down"] and received.points:
            return 503, {}, b""

    receiver = Receiver(answer)
    endpoint = ["--otlp-endpoint", f"{receiver.url}/v1/metrics", "--buffer", "1"]
    variables = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
    with Agent(*endpoint, variables=variables) as agent:
        seen = lambda it: {point.time for of in it.received for point in of.points}
        receiver.wait_until("five windows", lambda it: len(seen(it)) >= 5)
        state["down"] = False
        receiver.wait_until("two windows", some_windows(2))
        counts = agent.stop(code=0)
    assert int(counts["overflowed"]) >= 1, counts
    all_points = [point for of in receiver.received for point in of.points]
    histograms = [point for point in all_points if point.short() == "memory.utilization"]
    first, last = min(histograms, key=lambda of: of.time), max(histograms, key=lambda of: of.time)
    assert first.start == last.start
    # Ten samples a second, also of the seconds that never arrived.
    assert last.raw.count > first.raw.count + 5 * (len(seen(receiver)) - 1), (first.raw.count, last.raw.count)
    return receiver


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
    return receiver


def nothing_is_sent_to_a_clock_that_is_behind():
    receiver = Receiver(ahead=-300)
    with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
        receiver.wait_until("three probes", lambda it: len(it.received) >= 3)
        assert not any(received.points for received in receiver.received)
        receiver.ahead = 0
        receiver.wait_until("two windows", some_windows(2))
        counts = agent.stop()
    assert "ahead of the endpoint's clock, and waits" in agent.said(), agent.said()
    assert_nothing_lost(receiver, counts)
    return receiver


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
    return receiver


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
    return receiver


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
    return receiver


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
        receiver.close()


def a_window_of_which_all_is_refused_counts_as_rejected():
    """By a partial success with all points, and by 400 for each."""
    def partial(received):
        if received.points:
            response = ExportMetricsServiceResponse()
            response.partial_success.rejected_data_points = len(received.points)
            response.partial_success.error_message = "no room"
            return 200, {}, response

    def bad(received):
        if received.points:
            return 400, {"content-type": "text/plain"}, b"no room"

    for answer, said in [(partial, "refused all 6 points of a request: no room"), (bad, "was rejected and dropped")]:
        receiver = Receiver(answer)
        with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
            seen = lambda it: {point.time for of in it.received for point in of.points}
            receiver.wait_until("three windows", lambda it: len(seen(it)) >= 3)
            counts = agent.stop()
        assert counts["rejected"] == counts["dropped"] == counts["windows"], counts
        assert counts["delivered"] == "0" and int(counts["rejected_metrics"]) >= 6 * (int(counts["windows"]) - 1), counts
        assert said in agent.said() and "has taken the first window" not in agent.said(), agent.said()
        receiver.close()


def what_is_wrong_is_told_with_its_cure():
    for variables, arguments, code, text in [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, [], 2, 'OTEL_EXPORTER_OTLP_PROTOCOL "grpc": expected http/protobuf'),
        ({}, ["--otlp-endpoint", "localhost:4317"], 2, '--otlp-endpoint "localhost:4317": expected the whole URL'),
        ({}, ["--sample-points", "-p", "600"], 2, "a --period of at most 300 s with it"),
    ]:
        with Agent(*arguments, variables=variables) as agent:
            assert agent.process.wait(30) == code and text in agent.said(), agent.said()
    for status, text in [
        (401, "check the key in --otlp-header or OTEL_EXPORTER_OTLP_HEADERS (HTTP 401: who is *** there)"),
        (404, "give the whole URL of the receiver with --otlp-endpoint"),
    ]:
        receiver = Receiver(lambda _: (status, {"content-type": "text/plain"}, b"who is hush-hush there"))
        arguments = ["--otlp-endpoint", f"{receiver.url}/", "--otlp-header", "authorization=Bearer hush-hush"]
        with Agent(*arguments) as agent:
            receiver.wait_until("two requests", lambda it: len(it.received) >= 2)
            agent.stop(code=1)
        assert text in agent.said() and "hush" not in agent.said(), agent.said()
    return receiver


def a_signature_has_the_time_of_the_endpoint():
    """A clock that is wrong by an hour: the first answer tells, and nothing with a time ahead is sent."""
    first = []

    def answer(received):
        if not first:
            first.append(received)
            return 403, {"content-type": "text/plain"}, b"Signature expired"

    receiver = Receiver(answer, ahead=3600)
    with Agent("--endpoint-url", receiver.url, variables=AWS) as agent:
        receiver.wait_until("two windows", some_windows(2))
        agent.stop()
    dates = [received.headers["x-amz-date"] for received in receiver.received]
    assert dates[0] < dates[1] and dates[0][:11] != dates[1][:11], dates[:2]
    return receiver


CASES = [
    signed_to_cloudwatch,
    to_a_receiver_with_a_key,
    deltas_and_the_variable_of_metrics,
    what_is_refused_in_part_is_counted,
    a_point_that_is_refused_for_good_is_dropped_alone,
    a_window_of_which_all_is_refused_counts_as_rejected,
    a_limit_is_waited_for,
    what_is_sent_again_has_the_same_figures,
    windows_that_were_dropped_are_in_the_sums,
    many_points_are_several_requests,
    nothing_is_sent_to_a_clock_that_is_behind,
    each_sample_can_be_a_point,
    checks_are_gauges_and_sums,
    the_place_is_told,
    each_agent_of_a_service_has_something_of_its_own,
    what_is_wrong_is_told_with_its_cure,
    a_signature_has_the_time_of_the_endpoint,
    *victoria_metrics.CASES,
    *rotel.CASES,
]
# The program that is not there.
CANNOT = {
    case: name
    for module, name in [(victoria_metrics, "VictoriaMetrics"), (rotel, "rotel")]
    for case in module.CASES
    if not module.PROGRAM
}


def main():
    chosen = [case for case in CASES if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    assert chosen, f"no such case: {sys.argv[2:]}"
    failed = skipped = 0
    for case in chosen:
        if case in CANNOT:
            skipped += 1
            print(f"SKIPPED {case.__name__}: there is no {CANNOT[case]} here", flush=True)
            continue
        try:
            receiver = case()
            if receiver:
                assert not receiver.problems, receiver.problems[:5]
                receiver.close()
            print(f"ok      {case.__name__}", flush=True)
        except Exception as problem:  # Each case is told of, whatever it fails with.
            failed += 1
            where = problem.__traceback__
            while where.tb_next:
                where = where.tb_next
            print(f"FAILED  {case.__name__}: line {where.tb_lineno}: {problem!r}"[:3000], flush=True)
    print(f"otlp: {len(chosen) - failed - skipped} of {len(chosen)} cases")
    sys.exit(1 if failed else 3 if skipped else 0)


if __name__ == "__main__":
    os.environ.pop("RUST_LOG", None)
    main()
