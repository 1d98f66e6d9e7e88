"""VictoriaMetrics takes what the agent sends, and gives it back by query."""

import json
import os
import subprocess
import tempfile
import threading
import urllib.parse
import urllib.request
from collections import defaultdict

import sent
from agent import BINARY
from receiver import free_port

PROGRAM = os.environ.get("VICTORIA_METRICS", "")
# Its label of a bucket has four digits.
ROUNDED = 1e-3


class VictoriaMetrics:
    def __init__(self, *options):
        os.makedirs("target/tmp", exist_ok=True)
        self.folder = tempfile.TemporaryDirectory(dir="target/tmp", prefix="victoria-metrics-")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # Without the two for the time nothing is found for 30 s, and of points of one millisecond one stays.
        self.process = subprocess.Popen(
            [
                PROGRAM, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={self.folder.name}",
                "-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=64MB",
                *options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "started VictoriaMetrics in" in line:
                break
        else:
            raise AssertionError(f"VictoriaMetrics ended: {''.join(said)[-2000:]}")
        # It goes on to write there.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def metrics_url(self):
        return f"{self.url}/opentelemetry/v1/metrics"

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=30) as answer:
            return answer.read().decode()

    def flush(self):
        """What was taken can be found from now on."""
        self.get("/internal/force_flush")

    def all_points(self):
        """{(name, labels, seconds): value}"""
        found = {}
        # Without an end what lies a second ahead is not found.
        for line in self.get("/api/v1/export", **{"match[]": '{__name__!=""}', "end": "2100-01-01"}).splitlines():
            series = json.loads(line)
            name = series["metric"].pop("__name__")
            labels = tuple(sorted(series["metric"].items()))
            for time, value in zip(series["timestamps"], series["values"]):
                assert time % 1000 == 0, (name, time)
                found[name, labels, time // 1000] = value
        return found

    def query(self, query, time):
        """[(labels, value)]"""
        answer = json.loads(self.get("/api/v1/query", query=query, time=time))
        assert answer["status"] == "success", answer
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def what_was_sent_comes_back_by_query():
    with VictoriaMetrics() as server:
        points, log = sent.run(BINARY, server.metrics_url(), windows=6)
        server.flush()
        back = server.all_points()
        assert_the_same(points, back)
        newest = max(time for *_, time in points)
        assert_queries(server, points, newest)
    assert "otlp has taken the first window" in log, log


def assert_the_same(points, back):
    """Point by point; and nothing else is there."""
    buckets = defaultdict(list)
    for (name, labels, time), count in list(back.items()):
        ranges = [value for label, value in labels if label == "vmrange"]
        if ranges:
            del back[name, labels, time]
            others = tuple(pair for pair in labels if pair[0] != "vmrange")
            above, _, most = ranges[0].partition("...")
            buckets[name, others, time].append((float(above), float(most), int(count)))
    for (name, attributes, time), of in points.items():
        labels = tuple(sorted((*attributes, *sent.RESOURCE.items())))
        what = f"{name} {dict(attributes)} at {time}"
        if of.kind != "histogram":
            value = back.pop((name, labels, time), None)
            assert value is not None and sent.is_close(value, of.value), f"{what}: {value}, sent {of.value}"
            continue
        count, total = back.pop((name + "_count", labels, time)), back.pop((name + "_sum", labels, time))
        assert count == of.value.total(), f"{what}: {count} values, sent {of.value}"
        expected = sum(value * count for value, count in of.value.items())
        assert sent.is_close(total, expected), f"{what}: sum {total}, sent {expected}"
        sent.assert_in_buckets(of.value, buckets.pop((name + "_bucket", labels, time)), what, ROUNDED)
    assert not back and not buckets, f"was never sent: {list(back)[:5]} {list(buckets)[:5]}"
    kinds = {of.kind for of in points.values()}
    assert kinds == {"gauge", "sum", "histogram"} and len(points) > 50, (kinds, len(points))


def assert_queries(server, points, newest):
    """As docs/otlp.md writes them."""
    name = sent.PREFIX + "memory.utilization.max"
    values = {time: of.value for (of_name, _, time), of in points.items() if of_name == name}
    for time, value in values.items():
        [(labels, found)] = server.query(f'{{"{name}"}}', time)
        assert sent.is_close(found, value) and labels["service.name"] == "Foo", (labels, found, value)
    [(_, found)] = server.query(f'max(max_over_time({{"{name}"}}[1m])) by (service\\.name)', newest)
    assert sent.is_close(found, max(values.values())), (found, values)
    jobs = sent.PREFIX + "statsd.app.jobs"
    of_jobs = sorted((time, of.value) for (of_name, _, time), of in points.items() if of_name == jobs)
    [(_, grown)] = server.query(f'sum(increase({{"{jobs}", queue="a"}}[1m]))', newest)
    # What MetricsQL makes of a series that begins within the range: it grew from 0.
    assert sent.is_close(grown, of_jobs[-1][1]), (grown, of_jobs)


def percentiles_are_those_of_all_values():
    with VictoriaMetrics() as server:
        points, _ = sent.run(BINARY, server.metrics_url(), windows=6)
        server.flush()
        for name in ("cpu.utilization", "memory.utilization", "statsd.app.took"):
            name = sent.PREFIX + name
            newest, values = max(
                (time, sorted(of.value.elements())) for (of_name, _, time), of in points.items() if of_name == name
            )
            for part in (0.5, 0.95):
                # The buckets of the newest window alone: their bounds change when values come that are far off.
                buckets = f'sum(last_over_time({{"{name}_bucket"}}[1s])) by (vmrange)'
                found = server.query(f"histogram_quantile({part}, {buckets})", newest)
                assert len(found) == 1, (name, newest, found, server.query(buckets, newest), values)
                [(_, found)] = found
                # It interpolates between two values of which one has the rank.
                place = part * (len(values) - 1)
                low, high = values[int(place)], values[min(int(place) + 1, len(values) - 1)]
                assert low * 0.95 - 1e-3 <= found <= high * 1.05 + 1e-3, (name, part, found, low, high)


def deltas_are_dropped_there_without_a_word():
    """As docs/otlp.md says: a version that takes them makes this fail, and the page is to be changed."""
    preference = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    with VictoriaMetrics() as server:
        points, log = sent.run(BINARY, server.metrics_url(), windows=3, variables=preference)
        server.flush()
        found = {name for name, *_ in server.all_points()}
        page = server.get("/metrics").splitlines()
    for kind in ("sum", "exponential_histogram"):
        counted = f'vm_protoparser_rows_dropped_total{{type="opentelemetry",reason="unsupported_{kind}_aggregation"}} '
        [line] = [line for line in page if line.startswith(counted)]
        assert int(line.split()[-1]) > 0, line
    assert found == {name for (name, *_), of in points.items() if of.kind == "gauge"}, found
    assert "WARN" not in log and "ERROR" not in log, log


def names_of_prometheus_are_those_of_the_documentation():
    with VictoriaMetrics("-opentelemetry.usePrometheusNaming") as server:
        sent.run(BINARY, server.metrics_url(), windows=3)
        server.flush()
        back = server.all_points()
    names = {name for name, *_ in back}
    expected = {f"{part}_utilization_{end}" for part in ("cpu", "memory") for end in ("median_ratio", "max_ratio")}
    expected |= {f"{part}_utilization_{end}" for part in ("cpu", "memory") for end in ("bucket", "count", "sum")}
    expected |= {"processes", "processes_utilization_ratio", "filesystem_used_percent"}
    expected |= {"statsd_app_jobs_total", "statsd_app_depth", "statsd_app_users"}
    expected |= {f"statsd_app_took_milliseconds_{end}" for end in ("bucket", "count", "sum")}
    expected |= {f"statsd_app_size_{end}" for end in ("bucket", "count", "sum")}
    assert names == {f"cloudwatch_metrics_agent_{name}" for name in expected}, names
    labels = {name for _, labels, _ in back for name, _ in labels}
    assert labels == {"service_name", "host_name", "Check", "queue", "vmrange"}, labels


CASES = [
    what_was_sent_comes_back_by_query,
    percentiles_are_those_of_all_values,
    deltas_are_dropped_there_without_a_word,
    names_of_prometheus_are_those_of_the_documentation,
]
