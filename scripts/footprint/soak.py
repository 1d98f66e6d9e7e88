"""Runs the agent for minutes, with one fault of the endpoint after another, and fails if it grows or
loses a window.

    soak.py MINUTES
"""

import gzip
import io
import pathlib
import re
import signal
import sys
import time

import cbor
import contenders
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
COUNTS = re.compile(r"stopped; (windows=\d+ .*?) flush=")


def main() -> int:
    # Who ends this early must not leave the agent behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ends = time.monotonic() + 60 * float(sys.argv[1])
    endpoint = Endpoint(WORK)
    agent = contenders.ours(endpoint.roots, endpoint.url, PERIOD_SECONDS, INTERVAL_SECONDS)
    agent.environment["RUST_LOG"] = "info"
    path = WORK / "agent.log"
    cycles = []
    with path.open("w") as log:
        running = agent.start(True, log)
        try:
            print(f"{'cycle':>5}  {'after':<12}{'RSS, kB':>8}{'anonymous':>11}{'descriptors':>13}{'threads':>9}{'taken':>8}")
            # The first cycle warms up: the code of each fault is mapped when it is first called. So two
            # more are compared.
            while len(cycles) < 3 or time.monotonic() < ends:
                cycles.append([healthy_after(fault, len(cycles), endpoint, running.pid) for fault in FAULTS])
            took = process.end(running)
        finally:
            running.kill()
            running.wait()
    return judge(cycles, endpoint, path.read_text(), took)


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
    counts = {
        "rss": memory["rss"],
        "anonymous": memory["anonymous"],
        "descriptors": process.descriptors(pid),
        "threads": process.threads(pid),
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


def judge(cycles: list, endpoint: Endpoint, log: str, took: float) -> int:
    line = COUNTS.search(log.splitlines()[-1])
    if not line:
        raise RuntimeError(f"no counts at the end of the log: {log[-500:]}")
    counts = {name: int(value) for name, value in (count.split("=") for count in line[1].split())}
    at_server = taken(endpoint)
    without = max(at_server) - min(at_server) + 1 - len(at_server)
    # At the same moments of two cycles, so that each is compared with its like.
    growth = max(last["rss"] - second["rss"] for second, last in zip(cycles[1], cycles[-1]))
    all_phases = [phase for cycle in cycles for phase in cycle]
    print(f"\n{line[1]}")
    print(f"SIGTERM to exit {took:.0f} ms; seconds in between without a window {without:.0f}")
    print(f"RSS after the same fault, second and last cycle: grew by at most {growth // 1024} kB")
    wrong = []
    if growth > MOST_GROWTH_BYTES:
        wrong.append(f"it grew by more than {MOST_GROWTH_BYTES // 1024} kB")
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
