"""What agent.statsd costs at 1,000, 10,000 and 100,000 datagrams a second: CPU, memory, what was dropped, and
by how much samples are late. `statsd.py` prints the table of docs/footprint.md, in two minutes. The sender
is on the same machine, and with few CPUs takes one of them."""

import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from checks import OURS, cpu_seconds, resident
from servers import free_port

SECONDS = 18
INTERVAL = 0.9
READ = re.compile(r"^(?:\d+ +)?(\d+\.\d+) pread64\(")


def measured(rate: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir="target") as name:
        folder, port = pathlib.Path(name), free_port()
        check = {"type": "agent.statsd", "period": 3, "publish": "all", "details": {"port": port}}
        (folder / "agent.yaml").write_text(json.dumps({"checks": {"numbers": check}}))
        trace = folder / "trace"
        # Only the reads of samples stop for it, and nothing of the socket.
        strace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=pread64", "-ttt", "-qq", "-s", "0", "-o", str(trace), "--"]
        options = ["--dry-run", "--output=json", f"--sample-interval={INTERVAL}", "--period=3", "--scope=host", f"--config={folder}/agent.yaml"]
        with open(folder / "lines", "w") as lines:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": lines, "stderr": subprocess.DEVNULL}
            traced = subprocess.Popen([*strace, OURS, *options], env={}, **quiet)
            wait_for(port)
            agent = child(traced.pid)
            try:
                before = cpu_seconds(agent)
                sent = send(port, rate)
                time.sleep(3.5)
                used = cpu_seconds(agent) - before
                memory = resident(agent)
            finally:
                # strace ends with it, and takes no signal itself.
                os.kill(agent.pid, signal.SIGTERM)
                traced.wait()
        return {
            "sent": sent,
            "cpu": used / SECONDS,
            "rss": memory,
            "late": lateness(trace.read_text()),
        } | counted((folder / "lines").read_text())


class Agent:
    def __init__(self, pid: int) -> None:
        self.pid = pid


def child(pid: int) -> Agent:
    """The program that strace runs."""
    return Agent(int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]))


def wait_for(port: int) -> None:
    while f":{port:04X} " not in pathlib.Path("/proc/net/udp").read_text():
        pass


def send(port: int, rate: int) -> int:
    """At that rate, in a burst each millisecond."""
    to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to.connect(("127.0.0.1", port))
    datagrams = [f"orders.{number}:{number}|c|#shop:{number % 4}".encode() for number in range(16)]
    start, sent = time.monotonic(), 0
    while (passed := time.monotonic() - start) < SECONDS:
        while sent < passed * rate:
            to.send(datagrams[sent % 16])
            sent += 1
        time.sleep(0.001)
    return sent


def lateness(trace: str) -> float:
    """By how much a sample was later than the one before and the interval: in milliseconds, the most."""
    times = [float(read[1]) for line in trace.splitlines() if (read := READ.match(line))]
    firsts = [time for before, time in zip([0.0, *times], times) if time - before > INTERVAL / 2]
    gaps = [after - before for before, after in zip(firsts, firsts[1:])]
    return 1000 * max(gap - INTERVAL for gap in gaps)


def counted(lines: str) -> dict[str, float]:
    totals = {"received_datagrams": 0.0, "kernel_dropped_datagrams": 0.0}
    for line in lines.splitlines():
        for check in json.loads(line)["checks"]:
            for metric in check["metrics"]:
                if metric["name"] in totals:
                    totals[metric["name"]] += metric["values"]["count"] * metric["values"]["mean"]
    return totals


def main() -> int:
    print("| datagrams a second | CPU | RSS | received | dropped by the kernel | a sample is late by |\n| --- | --- | --- | --- | --- | --- |")
    for rate in (0, 1_000, 10_000, 100_000):
        rounds = [measured(rate) for _ in range(3)]
        median = {key: statistics.median(of[key] for of in rounds) for key in rounds[0]}
        print(f"| {median['sent'] / SECONDS:,.0f} | {median['cpu']:.1%} | {median['rss'] / 1e6:.2f} MB | {median['received_datagrams']:,.0f} | {median['kernel_dropped_datagrams']:,.0f} | {median['late']:.1f} ms |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
