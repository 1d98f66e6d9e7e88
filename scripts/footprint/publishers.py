"""What a publish costs by PutMetricData, by the embedded metric format and by OTLP: the same windows of the
same machine at the same time, to the same local endpoint over TLS, or to a file.

    publishers.py [--period SECONDS] [--rounds N] [--publishes N]

Prints a table of medians over the rounds. Instructions are counted by callgrind, once. Takes some five minutes.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import process
from contenders import OURS

ENDPOINT = pathlib.Path("target/debug/fake-cloudwatch")
BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
# The first ones load the trusted roots, open the connection, and map code.
SETTLED_PUBLISHES = 3


class Endpoint:
    """Takes PutMetricData and OTLP, and notes how long each request was that it took."""

    def __init__(self, folder: pathlib.Path):
        own, self.roots = folder / "own.pem", folder / "roots.pem"
        self.sizes: list[int] = []
        command = [ENDPOINT, "--tls", "--ca-file", own]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip().replace("127.0.0.1", "localhost")
        # As many as a system has.
        self.roots.write_text(BUNDLE.read_text() + own.read_text())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.sizes.append(json.loads(line)["wire_bytes"])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Log:
    """Where the lines of the embedded metric format and of the console go."""

    def __init__(self, folder: pathlib.Path, name: str):
        self.path = folder / name
        self.file = self.path.open("wb")

    @property
    def sizes(self) -> list[int]:
        return [len(line) for line in self.path.read_bytes().splitlines(keepends=True)]

    def close(self) -> None:
        self.file.close()


NOTHING = "nothing is published"
OTLP_ALONE = "OTLP, histograms alone"
CONTENDERS = {
    NOTHING: ["--publish", "console", "--period", "86400"],
    "PutMetricData": ["--publish", "cloudwatch"],
    "PutMetricData, distributions": ["--publish", "cloudwatch", "--statistics", "distribution"],
    "EMF": ["--publish", "emf"],
    "OTLP": ["--publish", "otlp"],
    OTLP_ALONE: ["--publish", "otlp", "--statistics", "distribution"],
}


class Run:
    def __init__(self, name: str, folder: pathlib.Path, period: int, wrapper=()):
        self.name, options = name, CONTENDERS[name]
        prints = {"emf", "console"} & set(options)
        self.sink = Log(folder, f"{name}.log") if prints else Endpoint(folder)
        arguments = ["--namespace", "Footprint", "--service", "footprint", "--scope", "host", "--sample-interval", "0.9"]
        if "--period" not in options:
            arguments += ["--period", str(period)]
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "RUST_LOG": "error"}
        if not prints:
            arguments += ["--endpoint-url", self.sink.url]
            environment |= {
                "SSL_CERT_FILE": str(self.sink.roots), "AWS_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
            }  # fmt: skip
        out = self.sink.file if prints else subprocess.DEVNULL
        self.process = subprocess.Popen(
            [*wrapper, OURS, *arguments, *options], env=environment, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def cpu_ms(self) -> float:
        return 1000 * process.cpu_seconds(self.process.pid)["total"]

    def close(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.sink.close()


def measured(period: int, publishes: int) -> dict[str, dict[str, float]]:
    """All of them at the same time."""
    with tempfile.TemporaryDirectory(dir="target") as name:
        runs = []
        for number, contender in enumerate(CONTENDERS):
            folder = pathlib.Path(name, str(number))
            folder.mkdir()
            runs.append(Run(contender, folder, period))
        try:
            time.sleep(period * SETTLED_PUBLISHES + period / 2)
            before = [(run.cpu_ms(), len(run.sink.sizes)) for run in runs]
            time.sleep(period * publishes)
            figures = {}
            for run, (cpu, sent) in zip(runs, before, strict=True):
                sizes, memory = run.sink.sizes[sent:], process.memory(run.process.pid)
                figures[run.name] = {
                    "CPU": run.cpu_ms() - cpu,
                    "publishes": len(sizes),
                    "bytes": statistics.median(sizes) if sizes else 0,
                    "RSS": memory["rss"] / 1e6,
                    "anonymous": memory["anonymous"] / 1e6,
                }
        finally:
            for run in runs:
                run.close()
    idle = figures[NOTHING]["CPU"]
    for name, of in figures.items():
        # What sampling takes is no part of a publish.
        of["CPU"] = (of["CPU"] - idle) / max(of["publishes"], 1)
    return figures


def instructions(period: int, publishes: int) -> dict[str, float]:
    """In user space, of a publish."""
    with tempfile.TemporaryDirectory(dir="target") as name:
        runs, counts = [], []
        for number, contender in enumerate(CONTENDERS):
            folder = pathlib.Path(name, str(number))
            folder.mkdir()
            counts.append(folder / "counts")
            wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts[-1]}"]
            runs.append(Run(contender, folder, period, wrapper))
        try:
            time.sleep(period * SETTLED_PUBLISHES + period / 2)
            for run in runs:
                dump(run)
            before = [len(run.sink.sizes) for run in runs]
            time.sleep(period * publishes)
            for run in runs:
                dump(run)
            sent = [len(run.sink.sizes) - count for run, count in zip(runs, before, strict=True)]
            totals = [total(pathlib.Path(f"{path}.2")) for path in counts]
        finally:
            for run in runs:
                run.close()
    return {
        run.name: (counted - totals[0]) / max(count, 1)
        for run, counted, count in zip(runs, totals, sent, strict=True)
    }


def dump(run: Run) -> None:
    """Has the next part written, of what was counted since the last."""
    command = ["vgdb", "--max-invoke-ms=10", f"--pid={run.process.pid}", "dump"]
    subprocess.run(command, check=True, capture_output=True)


def total(path: pathlib.Path) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("totals:"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--period", type=int, default=10, help="between two publishes, seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--publishes", type=int, default=6, help="of each round")
    arguments = parser.parse_args()
    rounds = [measured(arguments.period, arguments.publishes) for _ in range(arguments.rounds)]
    counted = instructions(arguments.period, arguments.publishes)
    print(f"binary {OURS.stat().st_size / 1e6:.2f} MB; load {os.getloadavg()[0]:.1f}")
    print("| | CPU a publish | instructions, user space | bytes of the body | RSS | of it anonymous |\n| --- | --- | --- | --- | --- | --- |")
    for name in CONTENDERS:
        middle = {key: statistics.median(of[name][key] for of in rounds) for key in rounds[0][name]}
        costs = [f"{middle['CPU']:.2f} ms", f"{counted[name]:,.0f}", f"{middle['bytes']:,.0f}"]
        costs = ["–"] * 3 if name == NOTHING else costs
        row = [name, *costs, f"{middle['RSS']:.2f} MB", f"{middle['anonymous']:.2f} MB"]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
