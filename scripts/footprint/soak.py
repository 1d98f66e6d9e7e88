"""Runs the agent for minutes, with one fault of the endpoint after another, and fails if it grows or
loses a window.

    soak.py MINUTES [--everything]

With --everything it has the fifty checks with alarms of everything.py, a store on disk that is written each second,
the API, which is asked all the time, states that last over a restart, and a threshold that makes an event of each
sample, so that as many events as are kept are there after some minutes.
"""

import argparse
import contextlib
import gzip
import io
import json
import pathlib
import re
import signal
import statistics
import sys
import threading
import time
import urllib.request

import cbor
import contenders
import everything
import process
from endpoint import FAULTS, Endpoint, Request

WORK = pathlib.Path("target/soak")
PERIOD_SECONDS = 1
INTERVAL_SECONDS = 0.1
# Longer than an attempt may take (3 s), and much shorter than the backlog, so that nothing may be lost.
FAULT_SECONDS = 4
# Requests of one window each, after which a fault is over: what had to wait is sent.
CALM_REQUESTS = 3
# Between two requests, where nothing is under way.
REST_SECONDS = 0.4
# The kernel's and the allocator's grain; what leaks is more after a while.
MOST_GROWTH_BYTES = 64 * 1024
# With everything on: from the first half of the cycles to the second one, in the medians of both. The store
# holds the points of the hour, 12 bytes each: 500 series every 30 s and two of each sample are some 0.5 kB a second.
MOST_GROWTH_OF_ALL_BYTES = 256 * 1024
GROWTH_BY_DESIGN_BYTES = 550
# From so late on. By then the events are as many as are kept.
WARM_SECONDS = 150
# Helper threads and connections of checks are there for moments: of so many looks the one with the fewest counts.
LOOKS = 20
BETWEEN_LOOKS_SECONDS = 0.05
# One for each kind of work that may block: the store, mounts, processes, names, files.
MOST_THREADS = 6
ASKED = (
    "/entities/self/checks?limit=100", "/entities/self/alarms", "/metrics_list", "/metrics", "/values", "/agent", "/events",
    "/entities/self/checks/utilization/metrics/cpu/plot?from={hour_ago}&to={now}&points=200",
    "/entities/self/checks/utilization/metrics/memory/plot?from={hour_ago}&to={now}&resolution=FULL", "/",
)  # fmt: skip
BETWEEN_REQUESTS_SECONDS = 0.5
EACH_SAMPLE = {"each": {"metric": "memory", "warning_max": 0, "persist": True}}
COUNTS = re.compile(r"stopped; (windows=\d+ .*?) flush=")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float)
    parser.add_argument("--everything", action="store_true")
    arguments = parser.parse_args()
    # Who ends this early must not leave the agent behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ends = time.monotonic() + 60 * arguments.minutes
    with contextlib.ExitStack() as stack:
        if arguments.everything:
            work = WORK / "everything"
            endpoint = Endpoint(work)
            web = stack.enter_context(everything.web_server())
            more = ["--store-size=1MB", "--store-sync=1", "--max-metrics=1000"]
            all_on = everything.everything(endpoint, PERIOD_SECONDS, web, INTERVAL_SECONDS, more=more, thresholds=EACH_SAMPLE)
            all_on.empty()
            agent, asking = all_on.agent, Asking(all_on.api)
            stack.callback(asking.end)
        else:
            work, asking = WORK, None
            endpoint = Endpoint(work)
            agent = contenders.ours(endpoint.roots, endpoint.url, PERIOD_SECONDS, INTERVAL_SECONDS)
        agent.environment["RUST_LOG"] = "info"
        path = work / "agent.log"
        cycles = []
        log = stack.enter_context(path.open("w"))
        running = agent.start(True, log)
        try:
            if asking:
                asking.start()
            print(f"{'cycle':>5}  {'after':<12}{'RSS, kB':>8}{'anonymous':>11}{'descriptors':>13}{'threads':>9}{'taken':>8}")
            # The first cycle warms up: the code of each fault is mapped when it is first called. So two
            # more are compared.
            while len(cycles) < 3 or time.monotonic() < ends:
                cycles.append([healthy_after(fault, len(cycles), endpoint, running.pid) for fault in FAULTS])
            if asking:
                asking.end()
            took = process.end(running)
        finally:
            running.kill()
            running.wait()
    return judge(cycles, endpoint, path.read_text(), took, asking)


class Asking:
    """Asks the API for this and that until it is told to end."""

    def __init__(self, port: int):
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers, self.failed = 0, []

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._over.wait(BETWEEN_REQUESTS_SECONDS):
            now = round(1000 * time.time())
            path = ASKED[number % len(ASKED)].format(now=now, hour_ago=now - 3_600_000)
            number += 1
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=30) as answer:
                    answer.read()
                self.answers += 1
            except OSError as error:
                self.failed.append(f"{path}: {error}")


def healthy_after(fault: str, cycle: int, endpoint: Endpoint, pid: int) -> dict[str, int]:
    """Switches the fault on and off; what the kernel counts when all is well again."""
    endpoint.set_mode(fault)
    time.sleep(FAULT_SECONDS)
    before = len(endpoint.requests)
    endpoint.set_mode("take")

    def calm() -> bool:
        latest = endpoint.requests[before:][-CALM_REQUESTS:]
        return len(latest) == CALM_REQUESTS and all(len(windows(request)) == 1 for request in latest)

    endpoint.wait(f"the end of {fault}", calm)
    if all(len(windows(request)) == 1 for request in endpoint.requests[before:]):
        raise RuntimeError(f"{fault} did no harm, or what it harmed is lost: no window was sent after it")
    time.sleep(REST_SECONDS)
    memory = process.memory(pid)
    looks = [(process.descriptors(pid), process.threads(pid), time.sleep(BETWEEN_LOOKS_SECONDS)) for _ in range(LOOKS)]
    counts = {
        "rss": memory["rss"],
        "anonymous": memory["anonymous"],
        "at": time.monotonic(),
        "descriptors": min(look[0] for look in looks),
        "threads": min(look[1] for look in looks),
        "most threads": max(look[1] for look in looks),
    }
    print(f"{cycle:>5}  {fault:<12}{counts['rss'] // 1024:>8}{counts['anonymous'] // 1024:>11}"
          f"{counts['descriptors']:>13}{counts['threads']:>9}{len(taken(endpoint)):>8}", flush=True)  # fmt: skip
    return counts


def windows(request: Request) -> set[float]:
    """The starts of the windows in a request."""
    body = request.body
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return {datum["Timestamp"] for datum in cbor.read(io.BytesIO(body))["MetricData"]}


def taken(endpoint: Endpoint) -> set[float]:
    return set().union(*map(windows, endpoint.taken()))


def judge(cycles: list, endpoint: Endpoint, log: str, took: float, asking: Asking | None) -> int:
    line = COUNTS.search(log.splitlines()[-1])
    if not line:
        raise RuntimeError(f"no counts at the end of the log: {log[-500:]}")
    counts = {name: int(value) for name, value in (count.split("=") for count in line[1].split())}
    at_server = taken(endpoint)
    without = max(at_server) - min(at_server) + 1 - len(at_server)
    all_phases = [phase for cycle in cycles for phase in cycle]
    print(f"\n{line[1]}")
    print(f"SIGTERM to exit {took:.0f} ms; seconds in between without a window {without:.0f}")
    wrong = []
    if asking:
        warm = [phase for phase in all_phases if phase["at"] > all_phases[0]["at"] + WARM_SECONDS] or all_phases
        half = max(1, len(warm) // 2)
        first, last = warm[:half], warm[-half:]
        by_design = GROWTH_BY_DESIGN_BYTES * (statistics.median(of["at"] for of in last) - statistics.median(of["at"] for of in first))
        before, after = (statistics.median(phase["rss"] for phase in of) for of in (first, last))
        growth, most = round(after - before), round(MOST_GROWTH_OF_ALL_BYTES + by_design)
        print(f"RSS, medians of both halves after warming up: {before // 1024:.0f} and {after // 1024:.0f} kB; at most {most // 1024} kB more")
        print(f"the API answered {asking.answers} requests; {max(phase['most threads'] for phase in all_phases)} threads at most")
        if asking.failed or not asking.answers:
            wrong.append(f"the API failed {len(asking.failed)} times: {asking.failed[:3]}")
        if max(phase["most threads"] for phase in all_phases) > MOST_THREADS:
            wrong.append(f"it has more than {MOST_THREADS} threads")
    else:
        # At the same moments of two cycles, so that each is compared with its like.
        growth = max(last["rss"] - second["rss"] for second, last in zip(cycles[1], cycles[-1]))
        most = MOST_GROWTH_BYTES
        print(f"RSS after the same fault, second and last cycle: grew by at most {growth // 1024} kB")
    if growth > most:
        wrong.append(f"it grew by more than {most // 1024} kB")
    if len({phase["descriptors"] for phase in all_phases[len(FAULTS) - 1 :]}) > 1:
        wrong.append("its descriptors changed")
    if max(phase["threads"] for phase in all_phases) > 1:
        wrong.append("it has more than one thread at rest")
    if counts["windows"] != counts["delivered"]:
        wrong.append("windows were lost, though no fault outlasted the backlog")
    if len(at_server) != counts["delivered"]:
        wrong.append(f"{len(at_server)} windows arrived, and it says {counts['delivered']}")
    for problem in wrong:
        print(f"soak.sh: {problem}", file=sys.stderr)
    return len(wrong) > 0


sys.exit(main())
