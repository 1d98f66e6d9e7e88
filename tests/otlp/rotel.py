"""The collector rotel takes what the agent sends, and sends on what it has understood of it."""

import os
import subprocess
import tempfile
from collections import Counter

import sent
from agent import BINARY
from receiver import Receiver, free_port

PROGRAM = os.environ.get("ROTEL", "")


class Rotel:
    """Sends all that it gets on to a receiver."""

    def __init__(self, receiver):
        self.folder = tempfile.TemporaryDirectory()
        port, grpc_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}/v1/metrics"
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        self.process = subprocess.Popen(
            [
                PROGRAM, "start", "--otlp-http-endpoint", f"127.0.0.1:{port}",
                "--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}",
                "--pid-file", os.path.join(self.folder.name, "pid"), "--exporter", "otlp",
                "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", receiver.url,
            ],
            env={}, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.folder.cleanup()


def a_collector_understands_each_point():
    receiver = Receiver()
    rotel = Rotel(receiver)
    try:
        # Until it listens, the agent keeps what it has, and tries again.
        points, _ = sent.run(BINARY, rotel.url, windows=6)
        receiver.wait_until("all points", lambda it: len(it.taken()) >= len(points))
    finally:
        rotel.close()
    left = dict(points)
    for point in receiver.taken():
        key = (point.name, tuple(sorted(point.attributes.items())), point.time // 10**9)
        what = f"{point.name} {point.attributes} at {key[-1]}"
        of = left.pop(key, None)
        assert of is not None, f"{what} was never sent, or came twice"
        assert point.resource == sent.RESOURCE, point.resource
        kind = {"exponential_histogram": "histogram"}.get(point.kind, point.kind)
        assert kind == of.kind, f"{what}: {kind}, sent {of.kind}"
        if kind == "histogram":
            raw = point.raw
            expected = sum(value * count for value, count in of.value.items())
            assert raw.count == of.value.total() and sent.is_close(raw.sum, expected), what
            sent.assert_in_buckets(of.value, buckets(raw), what, rounding=1e-12)
        else:
            assert point.value == of.value or sent.is_close(point.value, of.value, 1e-15), (what, point.value, of)
    assert not left, f"did not arrive: {list(left)[:5]}"
    kinds = Counter(of.kind for of in points.values())
    assert kinds.keys() == {"gauge", "sum", "histogram"} and kinds.total() > 50, kinds


def buckets(raw):
    """[(above, up to, count)]"""
    base = 2 ** (2**-raw.scale)
    found = [(0.0, 0.0, raw.zero_count)] if raw.zero_count else []
    for place, count in enumerate(raw.positive.bucket_counts, raw.positive.offset):
        if count:
            found.append((base**place, base ** (place + 1), count))
    return found


CASES = [a_collector_understands_each_point]
