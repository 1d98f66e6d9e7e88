"""An agent that sends OTLP, and what holds of all that arrives."""

import pathlib
import re
import signal
import subprocess
import sys
import tempfile

BINARY = sys.argv[1]
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
