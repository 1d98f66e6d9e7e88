"""The agent against ministack, an emulator of AWS, and against what the machine really does.

    pip install -r tests/e2e/requirements.txt
    python tests/e2e/ministack.py PATH_TO_BINARY [unittest options]

Takes about a minute: the windows are real ones. Linux only. The storage resolution cannot be seen
here, because ministack does not keep it.
"""

import dataclasses
import datetime
import functools
import os
import re
import signal
import statistics
import sys
import time
import unittest

from emulator import CREDENTIALS, REGION, EmulatorTest, binary
from machine import CPUS, Meter, tick_percent

PERIOD = 5
SAMPLE_INTERVAL = 0.5
FULL_WINDOWS = 3

NAMESPACE = "EndToEnd"
DIMENSIONS = [{"Name": "ServiceName", "Value": "FooService"}, {"Name": "Stage", "Value": "e2e"}]

# What each metric is made of: the sample, the statistic, and how exact a result of it is in points.
# CPU time is counted in clock ticks. Memory of other processes comes and goes between two readings;
# a part of the formula that is missing, or a wrong unit, is more than this.
CPU_TOLERANCE = tick_percent(SAMPLE_INTERVAL)
MEMORY_TOLERANCE = 0.5
METRICS = {
    "CPUUtilization": (Meter.cpu, statistics.median, CPU_TOLERANCE),
    "MaxCPUUtilization": (Meter.cpu, max, CPU_TOLERANCE),
    "MemoryUtilization": (Meter.memory, statistics.median, MEMORY_TOLERANCE),
    "MaxMemoryUtilization": (Meter.memory, max, MEMORY_TOLERANCE),
}

# Half of the CPUs are busy all the time, and the others too in 1.5 seconds of each window: median,
# mean and maximum of a window are three different numbers, also of the memory.
STEADY_CPUS = (CPUS + 1) // 2
STEADY_MEMORY_PERCENT = 2
BURST_MEMORY_PERCENT = 2
BURST = (PERIOD, 1.0, 2.5)

# Half a unit of the last place that is printed.
PRINTED_TOLERANCE = 0.005 + 1e-9
# Docker kills what has not ended by then.
STOP_SECONDS = 10

VALUES = " ".join(rf"{name}=(?P<{name}>-|\d+\.\d\d%)" for name in METRICS)
PLACE = " ".join([f"namespace={NAMESPACE}", *(f"{d['Name']}={d['Value']}" for d in DIMENSIONS)])
WINDOW = rf"(?P<start>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ) {VALUES} samples=(?P<samples>\d+) {PLACE}$"
CONSOLE_LINE = re.compile(rf"^{WINDOW}")
LOG_LINE = re.compile(rf"^\[\S+ INFO +cloudwatch_metrics_agent::publisher\S*\] {WINDOW}")


@dataclasses.dataclass
class Window:
    """A line of the agent; a metric that it could not measure is None."""

    start: int
    samples: int
    values: dict

    @staticmethod
    def of(match):
        start = datetime.datetime.fromisoformat(match["start"].replace("Z", "+00:00"))
        values = {name: match[name].rstrip("%") for name in METRICS}
        values = {name: None if text == "-" else float(text) for name, text in values.items()}
        return Window(int(start.timestamp()), int(match["samples"]), values)


class EndToEnd(EmulatorTest):
    def setUp(self):
        super().setUp()
        self.meter = Meter()
        self.addCleanup(self.meter.stop)
        self.start_load()
        self.cloudwatch = self.start_ministack()

    def test_cloudwatch_holds_what_the_machine_did(self):
        agent = self.start_agent_for_cloudwatch()
        for _ in range(1 + FULL_WINDOWS):
            agent.wait_for(LOG_LINE)
        windows = self.stop(agent, "stderr", LOG_LINE)

        self.assert_windows_follow_one_another(windows)
        self.assert_stored(windows)
        full = windows[1:-1]
        self.assertGreaterEqual(len(full), FULL_WINDOWS)
        for window in full:
            self.assert_as_the_meter_says(window)
            self.assert_known_load(window)

    def test_console_and_cloudwatch_tell_the_same(self):
        console = self.start_agent("agent --dry-run", ["--dry-run"], {})
        agent = self.start_agent_for_cloudwatch()
        # One more than in the other test: the two may have started on two sides of a boundary.
        for _ in range(2 + FULL_WINDOWS):
            agent.wait_for(LOG_LINE)
        printed = self.stop(console, "stdout", CONSOLE_LINE)
        delivered = self.stop(agent, "stderr", LOG_LINE)

        self.assertEqual(len(printed), len(console.output["stdout"]), "lines that are no window")
        stored = self.read_back(delivered)
        first = max(printed[0].start, delivered[0].start)
        last = min(printed[-1].start, delivered[-1].start)
        expected = list(range(first, last + 1, PERIOD))
        self.assertEqual([w.start for w in printed if first <= w.start <= last], expected)
        stored_starts = {start for _, start in stored if first <= start <= last}
        self.assertEqual(sorted(stored_starts), expected)

        full = [window for window in printed if first < window.start < last]
        self.assertGreaterEqual(len(full), FULL_WINDOWS)
        for window in full:
            for metric in ("CPUUtilization", "MemoryUtilization"):
                low, high = self.measured(metric, window)
                _, _, tolerance = METRICS[metric]
                self.assertAlmostEqual(
                    window.values[metric],
                    stored[metric, window.start]["Average"],
                    delta=high - low + 2 * tolerance,
                    msg=f"{metric} of {window}, where the meter has {low} to {high}",
                )

    # What is asserted

    def assert_windows_follow_one_another(self, windows):
        starts = [window.start for window in windows]
        self.assertEqual(starts, list(range(starts[0], starts[-1] + 1, PERIOD)))
        self.assertEqual(starts[0] % PERIOD, 0)
        # The one that was open when the agent was stopped has been flushed.
        self.assertIn(self.stopped_at // PERIOD * PERIOD, starts)

    def assert_stored(self, windows):
        """CloudWatch holds what was printed and nothing else."""
        place = {"Namespace": NAMESPACE, "Dimensions": DIMENSIONS}
        by_name = sorted(self.cloudwatch.list_metrics()["Metrics"], key=lambda m: m["MetricName"])
        for metric in by_name:
            metric["Dimensions"].sort(key=lambda dimension: dimension["Name"])
        self.assertEqual(by_name, [{**place, "MetricName": name} for name in sorted(METRICS)])

        printed = {
            (name, window.start): value
            for window in windows
            for name, value in window.values.items()
            if value is not None
        }
        stored = self.read_back(windows)
        self.assertEqual(set(stored), set(printed))
        for (name, start), point in stored.items():
            about = f"{name} at {start}: {point}"
            self.assertEqual((point["SampleCount"], point["Unit"]), (1, "Percent"), about)
            for statistic in ("Average", "Minimum", "Maximum"):
                self.assertAlmostEqual(
                    point[statistic], printed[name, start], delta=PRINTED_TOLERANCE, msg=about
                )
            # Points are shown at the whole second before them: this one lies on it.
            exact = self.points(name, start, start + 0.001)
            self.assertEqual([exact_point["SampleCount"] for exact_point in exact], [1], about)

    def assert_as_the_meter_says(self, window):
        expected_samples = PERIOD / SAMPLE_INTERVAL
        # A busy machine may make it miss some.
        self.assertGreater(window.samples, expected_samples / 2, window)
        self.assertLessEqual(window.samples, expected_samples + 1, window)
        for metric, (_, _, tolerance) in METRICS.items():
            low, high = self.measured(metric, window)
            value = window.values[metric]
            about = f"{metric} of {window}, where the meter has {low} to {high}"
            self.assertIsNotNone(value, about)
            self.assertGreaterEqual(value, low - tolerance, about)
            self.assertLessEqual(value, high + tolerance, about)

    def assert_known_load(self, window):
        at_least = 100 * STEADY_CPUS / CPUS - CPU_TOLERANCE
        self.assertGreaterEqual(window.values["CPUUtilization"], at_least, window)
        self.assertLessEqual(window.values["MaxCPUUtilization"], 100, window)
        self.assertGreaterEqual(window.values["MemoryUtilization"], STEADY_MEMORY_PERCENT, window)

    def measured(self, metric, window):
        sample, statistic, _ = METRICS[metric]
        sample = functools.partial(sample, self.meter)
        return self.meter.range(
            sample, statistic, window.start, window.start + PERIOD, SAMPLE_INTERVAL
        )

    # What takes part

    def start_load(self):
        script = os.path.join(os.path.dirname(__file__), "load.py")
        for cpu in range(CPUS):
            # The first of each kind holds the memory too.
            memory = {0: STEADY_MEMORY_PERCENT, STEADY_CPUS: BURST_MEMORY_PERCENT}.get(cpu, 0)
            arguments = [memory, *(() if cpu < STEADY_CPUS else BURST)]
            self.start("load", [sys.executable, script, *map(str, arguments)], {})
        for load in self.children:
            load.wait_for(re.compile("^ready$"))

    def start_agent_for_cloudwatch(self):
        where = ["--endpoint-url", self.endpoint_url, "--region", REGION]
        return self.start_agent("agent", where, CREDENTIALS)

    def start_agent(self, name, arguments, environment):
        command = [BINARY, "--namespace", NAMESPACE, "--service", "FooService"]
        command += ["--scope", "host", "--period", str(PERIOD), "--sample-interval", str(SAMPLE_INTERVAL)]
        command += ["--dimension", "Stage=e2e", *arguments]
        log = {"RUST_LOG": "cloudwatch_metrics_agent::publisher=info"}
        return self.start(name, command, {**log, **environment})

    def stop(self, agent, stream, line):
        """Stops the agent as Docker and ECS do; returns all its windows."""
        self.stopped_at = int(time.time())
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.wait(STOP_SECONDS), 0, "exit code")
        return [Window.of(match) for match in map(line.search, agent.output[stream]) if match]

    def read_back(self, windows):
        """All datapoints by metric and time, from well before these windows to well after them."""
        return {
            (name, int(point["Timestamp"].timestamp())): point
            for name in METRICS
            for point in self.points(name, windows[0].start - 300, windows[-1].start + 300)
        }

    def points(self, name, begin, end):
        return self.cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=name,
            Dimensions=DIMENSIONS,
            StartTime=datetime.datetime.fromtimestamp(begin, datetime.timezone.utc),
            EndTime=datetime.datetime.fromtimestamp(end, datetime.timezone.utc),
            # Not the agent's: a longer one would move the points onto its multiples.
            Period=1,
            Statistics=["SampleCount", "Average", "Minimum", "Maximum"],
        )["Datapoints"]


if __name__ == "__main__":
    BINARY = binary()
    unittest.main()
