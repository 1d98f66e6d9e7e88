"""Receivers that refuse, limit and err, clocks that differ, and settings that are wrong."""

import pathlib
import re
import tempfile
import time
from email.utils import formatdate

from agent import FOUR, HISTOGRAMS, Agent, assert_nothing_lost, some_windows, windows
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from receiver import Receiver
from what_is_sent import AWS, CUMULATIVE


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
    told = re.findall("(\\w+) of window .* was rejected and dropped", agent.said())
    assert told == ["MemoryUtilization"], told


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


def what_is_sent_again_has_the_same_figures():
    """Its answer was lost, or so it seems: each window is refused three times, and then taken."""
    tries = {}

    def answer(received):
        time = min((point.time for point in received.points), default=0)
        tries[time] = tries.get(time, 0) + 1
        if time and tries[time] <= 3:
            return 503, {"Retry-After": "0"}, b""

    receiver = Receiver(answer)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "agent.yaml")
        config.write_text("checks:\n  lo: {type: agent.network, period: 1, details: {target: lo}}\n")
        with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics", "--config", str(config)) as agent:
            receiver.wait_until("four windows", some_windows(4))
            counts = agent.stop()
    figures = {}
    for received in receiver.received:
        for point in received.points:
            bytes_of = point.raw.SerializeToString()
            assert figures.setdefault((point.series(), point.time), bytes_of) == bytes_of, point.series()
    assert max(count for time, count in tries.items() if time) >= 4, f"nothing was sent again: {tries}"
    # Also the sums, which have grown meanwhile: each answer of this test went through lo.
    sums = [point for point in receiver.taken() if point.short() == "network.rx_bytes"]
    assert len({point.value for point in sums}) > 1, sums
    for point in sums:
        assert (point.kind, point.temporality, point.unit) == ("sum", CUMULATIVE, "By")
        assert point.start == sums[0].start
    assert_nothing_lost(receiver, counts)


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

    for answer, said in [(partial, "refused all {} points of a request: no room"), (bad, "was rejected and dropped")]:
        receiver = Receiver(answer)
        with Agent("--otlp-endpoint", f"{receiver.url}/v1/metrics") as agent:
            seen = lambda it: {point.time for of in it.received for point in of.points}
            receiver.wait_until("three windows", lambda it: len(seen(it)) >= 3)
            counts = agent.stop()
        assert counts["rejected"] == counts["dropped"] == counts["windows"], counts
        assert counts["delivered"] == "0" and int(counts["rejected_metrics"]) >= 6 * (int(counts["windows"]) - 1), counts
        # The first window may be too short for CPU, and has half of the points then.
        said = said.format(next(len(of.points) for of in receiver.received if of.points))
        assert said in agent.said() and "has taken the first window" not in agent.said(), agent.said()


CASES = [
    what_is_refused_in_part_is_counted,
    a_point_that_is_refused_for_good_is_dropped_alone,
    a_window_of_which_all_is_refused_counts_as_rejected,
    a_limit_is_waited_for,
    what_is_sent_again_has_the_same_figures,
    windows_that_were_dropped_are_in_the_sums,
    what_is_wrong_is_told_with_its_cure,
    nothing_is_sent_to_a_clock_that_is_behind,
    a_signature_has_the_time_of_the_endpoint,
]
