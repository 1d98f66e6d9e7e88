"""What one run of the agent sends by OTLP, as the lines say that its console prints beside it."""

import datetime
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections import Counter, namedtuple

from receiver import free_port

PREFIX = "cloudwatch_metrics_agent."
# The attributes that every point of the run has.
RESOURCE = {"service.name": "Foo", "host.name": os.uname().nodename}
# The values of a histogram are counted: {value: count}.
Sent = namedtuple("Sent", "kind value")
COUNTERS = {"app.jobs"}
# The applications of this test: a counter with a tag, a gauge, a set, and two distributions, one with zeros.
LINES = (
    "app.jobs:{n}|c|#queue:a\napp.depth:{n}.5|g\napp.users:u{n}|s\n"
    "app.took:{n}|ms\napp.took:{n}0|ms|@0.5\napp.size:0|h\napp.size:{n}.25|h"
)


def run(binary, url, windows, variables=None):
    """Runs an agent for so many windows, with an application that sends numbers to it. Returns what the
    lines say, and the agent's log."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "agent.yaml")
        with open(config, "w") as file:
            file.write(
                "checks:\n"
                "  root: {type: agent.filesystem, period: 1, details: {target: /}}\n"
                f"  app: {{type: agent.statsd, period: 1, details: {{port: {port}}}}}\n"
            )
        arguments = ["--service", "Foo", "--scope", "host", "--metrics", "cpu,memory,processes"]
        arguments += ["--publish", "otlp,console", "--output", "json", "--otlp-endpoint", url, "--config", config]
        environment = {"PATH": os.environ["PATH"], "HOME": folder, **(variables or {})}
        agent = subprocess.Popen(
            [binary, *arguments, "--period", "1", "--sample-interval", "0.1"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        said = []
        reading = threading.Thread(target=lambda: said.append(agent.stderr.read()))
        reading.start()
        try:
            lines = []
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as application:
                for line in agent.stdout:
                    lines.append(json.loads(line))
                    application.sendto(LINES.format(n=len(lines)).encode(), ("127.0.0.1", port))
                    if len(lines) == windows:
                        agent.send_signal(signal.SIGTERM)
            code = agent.wait(30)
        finally:
            agent.kill()
            reading.join()
    assert code == 0, f"exit code {code}\n{said[0]}"
    is_delta = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" in environment
    return points(lines, is_delta), said[0]


def points(lines, is_delta):
    """Each point that the lines stand for: {(name, attributes, seconds): Sent}"""
    found, totals = {}, {}
    for line in lines:
        start = datetime.datetime.fromisoformat(line["start"].replace("Z", "+00:00"))
        time = int(start.timestamp()) + 1

        def add(name, kind, value, **attributes):
            key = (PREFIX + name, tuple(sorted(attributes.items())))
            if kind == "histogram":
                # JSON has pairs of a value and its count.
                value = Counter({of: count for of, count in value})
                if not is_delta:
                    value = totals[key] = totals.get(key, Counter()) + value
            elif kind == "sum":
                value = totals[key] = totals.get(key, 0) + value
            found[*key, time] = Sent(kind, value)

        for name in ("cpu", "memory"):
            if (of := line[name]) is not None:
                add(f"{name}.utilization.median", "gauge", of["median"] / 100)
                add(f"{name}.utilization.max", "gauge", of["max"] / 100)
                parts = [(percent / 100, count) for percent, count in of["distribution"]]
                add(f"{name}.utilization", "histogram", parts)
        if line["processes"] is not None:
            add("processes", "gauge", line["processes"])
            add("processes.utilization", "gauge", line["process_utilization"] / 100)
        for check in line["checks"]:
            kind_of_check = {"root": "filesystem", "app": "statsd"}[check["id"]]
            for metric in check["metrics"]:
                of, attributes = metric["values"], {"Check": check["id"], **check.get("dimensions", {})}
                name = f"{kind_of_check}.{metric['name']}"
                if "distribution" in of:
                    add(name, "histogram", of["distribution"], **attributes)
                elif metric["name"] in COUNTERS:
                    add(name, "sum", of["sum"], **attributes)
                else:
                    add(name, "gauge", of["last"], **attributes)
    return found


def is_close(one, other, error=1e-9):
    return abs(one - other) <= error * max(abs(one), abs(other))


def assert_in_buckets(values, buckets, what, rounding=0.0):
    """Each value lies in a bucket, and no bucket has more than its values: [(above, up to, count)]"""
    left = sorted(values.elements())
    assert sum(count for *_, count in buckets) == len(left), f"{what}: {buckets} for {left}"
    for above, most, count in sorted(buckets):
        taken, left = left[:count], left[count:]
        low, high = above * (1 - rounding), most * (1 + rounding)
        assert all(low <= value <= high for value in taken), f"{what}: {taken} in {above} to {most}"
