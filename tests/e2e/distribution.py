"""`--statistics distribution` read back from ministack, an emulator of AWS, with boto3.

    pip install -r tests/e2e/requirements.txt
    python tests/e2e/distribution.py PATH_TO_BINARY [unittest options]

Every statistic is computed here from the samples, and compared with what CloudWatch answers. Takes
about a minute; needs cargo, for the samples of tests/distribution/main.rs.

A value is rounded to 0.01 percent before it is sent, so each statistic of values may be off by half
of that. Percentiles are taken as linear between the two nearest ranks, which is what ministack does;
AWS does not publish how CloudWatch does it, which may be off by one rank from this.
"""

import datetime
import json
import os
import re
import signal
import statistics
import tempfile
import unittest

from emulator import CREDENTIALS, REGION, EmulatorTest, binary

PERIODS = (10, 60, 300, 3600)
WINDOWS = 3
METRICS = {"cpu": "CPUUtilization", "memory": "MemoryUtilization"}
PERCENTILES = (50, 90, 99)
# And what single precision adds to it.
ROUNDING = 0.005 + 1e-5

# Of the agent.
PERIOD = 10
SAMPLE_INTERVAL = 0.1
FULL_WINDOWS = 2
PARTS = ", ".join(rf"{part}: (?:None|Some\((?P<{part}>[\d.]+)\))" for part in METRICS)
SAMPLE = re.compile(rf"Sample \{{ {PARTS} \}}")
TAKEN = re.compile(r"INFO +cloudwatch_metrics_agent::publisher\S*\] \S+ CPUUtilization=")

STOP_SECONDS = 10
CARGO_SECONDS = 600


class Distribution(EmulatorTest):
    def setUp(self):
        super().setUp()
        self.cloudwatch = self.start_ministack()

    def test_every_statistic_of_known_samples_is_right_for_each_period(self):
        windows = self.send_known_samples()
        self.assertEqual([w["period"] for w in windows], sorted(PERIODS * WINDOWS))
        for period in PERIODS:
            of_period = [window for window in windows if window["period"] == period]
            begin, end = of_period[0]["start"], of_period[-1]["start"] + period
            for part, metric in METRICS.items():
                stored = self.read_back(metric, "Distribution", f"Period{period}", period, begin, end)
                self.assertEqual(list(stored), [window["start"] for window in of_period])
                for window in of_period:
                    self.assert_statistics(stored[window["start"]], window[part], metric, period)

    def test_what_the_agent_sampled_is_what_cloudwatch_holds(self):
        agent = self.start_agent()
        for _ in range(1 + FULL_WINDOWS):
            agent.wait_for(TAKEN)
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.wait(STOP_SECONDS), 0, "exit code")

        lines = agent.output["stderr"]
        windows = sum(1 for line in lines if TAKEN.search(line))
        now = datetime.datetime.now().timestamp()
        for part, metric in METRICS.items():
            samples = [match[part] for match in map(SAMPLE.search, lines) if match and match[part]]
            samples = list(map(float, samples))
            stored = self.read_back(metric, "EndToEnd", "FooService", PERIOD, now - 3600, now)
            self.assertEqual(len(stored), windows, metric)
            counts = [int(point["SampleCount"]) for point in stored.values()]
            self.assertEqual(sum(counts), len(samples), metric)
            full = PERIOD / SAMPLE_INTERVAL
            # A busy machine may make it miss some.
            self.assertTrue(all(full / 2 < count <= full + 1 for count in counts[1:-1]), counts)
            # The samples are in the order of the windows.
            for point, count in zip(stored.values(), counts):
                of_window, samples = samples[:count], samples[count:]
                self.assert_statistics(point, of_window, metric, PERIOD)

    # What is asserted

    def assert_statistics(self, point, samples, metric, period):
        about = f"{metric}, period {period}, {len(samples)} samples: {point}"
        self.assertEqual((point["SampleCount"], point["Unit"]), (len(samples), "Percent"), about)
        off = {
            "Minimum": abs(point["Minimum"] - min(samples)),
            "Maximum": abs(point["Maximum"] - max(samples)),
            "Average": abs(point["Average"] - statistics.fmean(samples)),
            "Sum": abs(point["Sum"] - sum(samples)) / len(samples),
        }
        ranks = percentiles(samples)
        for percentile in PERCENTILES:
            name = f"p{percentile}"
            off[name] = abs(point["ExtendedStatistics"][name] - ranks[percentile])
        worst = max(off, key=off.get)
        print(f"{about.split(': {')[0]}: at most {off[worst]:.5f} points off, {worst}")
        self.assertLessEqual(off[worst], ROUNDING, f"{worst} of {about}")

    # What takes part

    def send_known_samples(self):
        """Runs the test that sends to whom it is told; returns the samples."""
        with tempfile.TemporaryDirectory() as folder:
            samples = os.path.join(folder, "samples.json")
            told = {"DISTRIBUTION_ENDPOINT_URL": self.endpoint_url, "DISTRIBUTION_SAMPLES": samples}
            command = ["cargo", "test", "--locked", "--quiet", "--test", "distribution"]
            command += ["--", "--ignored", "--exact", "sends_known_samples"]
            sending = self.start("agent's windows", command, {**os.environ, **CREDENTIALS, **told})
            self.assertEqual(sending.wait(CARGO_SECONDS), 0, "exit code")
            with open(samples) as file:
                return json.load(file)

    def start_agent(self):
        command = [BINARY, "--namespace", "EndToEnd", "--service", "FooService", "--scope", "host"]
        command += ["--period", str(PERIOD), "--sample-interval", str(SAMPLE_INTERVAL)]
        command += ["--statistics", "distribution"]
        command += ["--endpoint-url", self.endpoint_url, "--region", REGION]
        log = "cloudwatch_metrics_agent::sampler=debug,cloudwatch_metrics_agent::publisher=info"
        return self.start("agent", command, {"RUST_LOG": log, **CREDENTIALS})

    def read_back(self, metric, namespace, service, period, begin, end):
        """The datapoints by their time; each kind of statistic is a question of its own."""
        asked = {
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": "ServiceName", "Value": service}],
            "StartTime": datetime.datetime.fromtimestamp(begin, datetime.timezone.utc),
            "EndTime": datetime.datetime.fromtimestamp(end, datetime.timezone.utc),
            "Period": period,
        }
        plain = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
        points = {}
        for kind in (
            {"Statistics": plain},
            {"ExtendedStatistics": [f"p{percentile}" for percentile in PERCENTILES]},
        ):
            answer = self.cloudwatch.get_metric_statistics(**asked, **kind)
            for point in answer["Datapoints"]:
                points.setdefault(int(point["Timestamp"].timestamp()), {}).update(point)
        return dict(sorted(points.items()))


def percentiles(samples):
    """By their number, 1 to 99."""
    if len(samples) == 1:
        return dict.fromkeys(range(1, 100), samples[0])
    return dict(enumerate(statistics.quantiles(samples, n=100, method="inclusive"), 1))


if __name__ == "__main__":
    BINARY = binary()
    unittest.main()
