"""The agent with everything on beside what people would set up in its place to watch one machine and keep its
history there: all at the same time, so that each meets the same machine.

    local.py [--period SECONDS] [--rounds N] [--only NAMES] [SECONDS]

Each round counts for so many seconds (180) after 95 of warming up.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import contenders
import counts
import everything
import monitors
import process

from endpoint import Endpoint
from table import MB, Row, markdown, print_targets

WORK = pathlib.Path("target/footprint/local")
# Every check has run twice by then, and the store was written.
WARM_SECONDS = 95
# Of three writes of the store and six runs of each check.
LEAST_SECONDS = 180
# What our own figures are held against.
TARGETS = [
    ("rss", 8.0e6), ("anonymous", 4.0e6), ("cpu", 0.06), ("calls", 4), ("instructions", 32_000), ("threads", 1),
    ("start", 4), ("flush", 15),
]  # fmt: skip
ROWS = [
    Row("size", "programs and plugins, stripped", "MB"),
    Row("mapped", "with the libraries they run with", "MB"),
    Row("processes", "processes", ""),
    Row("threads", "threads", ""),
    Row("most_threads", "  most at any moment", ""),
    Row("rss", "RSS, sum of all processes", "MB"),
    Row("anonymous", "  of it anonymous", "MB"),
    Row("cpu", "CPU a minute", "s"),
    Row("children", "  in addition, of programs that it starts", "s"),
    Row("switches", "context switches a minute", ""),
    Row("written", "written to the disk, extrapolated to a day", "MB"),
    Row("kept", "in its folder at the end", "MB"),
    Row("plot", "a plot of memory over all of the time", "ms"),
    Row("points", "  points in it", ""),
    Row("instructions", "instructions a sample, user space", ""),
    Row("calls", "system calls a sample", ""),
    Row("start", "exec to first reading, under strace", "ms"),
    Row("start_least", "  least of 7", "ms"),
    Row("flush", "SIGTERM to exit", "ms"),
    Row("flush_least", "  least of 7", "ms"),
]
PLOTS = 51
STARTS = 7
# The next number of threads is looked at after so long.
LOOK_SECONDS = 0.02


def children_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def written_bytes(pid: int) -> int:
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    field = dict(line.split(": ") for line in lines)
    return int(field["write_bytes"]) - int(field["cancelled_write_bytes"])


def folder_bytes(folder: pathlib.Path) -> int:
    """What its files take on the disk: holes are not counted."""
    return sum(512 * file.stat().st_blocks for file in folder.rglob("*") if file.is_file())


def reading(pids: list[int]) -> dict[str, float]:
    return {
        "time": time.monotonic(),
        "cpu": sum(process.cpu_seconds(pid)["total"] for pid in pids),
        "children": sum(map(children_seconds, pids)),
        "switches": sum(sum(process.switches(pid).values()) for pid in pids),
        "written": sum(map(written_bytes, pids)),
    }


class Looking:
    """How many threads a process has, looked at all the time."""

    def __init__(self, pids: list[int]):
        self._pids, self._over, self.seen = pids, threading.Event(), []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.seen.append(sum(map(process.threads, self._pids)))

    def end(self) -> list[int]:
        self._over.set()
        self._thread.join()
        return self.seen


def plot_ms(monitor: monitors.Monitor, seconds: float) -> tuple[float, int]:
    """The median time of a plot, and how many points it has."""
    with monitor.asking(seconds) as ask:
        points = ask()
        times = []
        for _ in range(PLOTS):
            begun = time.perf_counter()
            ask()
            times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times), points


def side_by_side(all_monitors: list[monitors.Monitor], seconds: int, warm: int) -> dict[str, dict]:
    figures = {}
    with contextlib.ExitStack() as stack:
        for monitor in all_monitors:
            stack.enter_context(monitor.running())
        time.sleep(warm)
        before = {monitor.name: reading(monitor.pids()) for monitor in all_monitors}
        looking = {monitor.name: Looking(monitor.pids()) for monitor in all_monitors[:1]}
        time.sleep(seconds)
        for monitor in all_monitors:
            pids = monitor.pids()
            after, begun = reading(pids), before[monitor.name]
            seen = looking[monitor.name].end() if monitor.name in looking else [sum(map(process.threads, pids))]
            spent = {name: after[name] - begun[name] for name in after}
            memory = [process.memory(pid) for pid in pids]
            minutes = spent["time"] / 60
            figures[monitor.name] = {
                "processes": len(pids),
                "threads": statistics.mode(seen),
                "most_threads": max(seen),
                "rss": sum(each["rss"] for each in memory),
                "anonymous": sum(each["anonymous"] for each in memory),
                "cpu": spent["cpu"] / minutes,
                "children": spent["children"] / minutes,
                "switches": spent["switches"] / minutes,
                "written": spent["written"] * 1440 / minutes,
                "mapped": sum(map(os.path.getsize, {file for pid in pids for file in process.mapped_files(pid)})),
                "kept": folder_bytes(monitor.data),
            }
        # Only now: who is asked has work to do.
        for monitor in all_monitors:
            took, points = plot_ms(monitor, warm + seconds)
            figures[monitor.name] |= {"plot": took, "points": points}
    return figures


def of_ours(endpoint: Endpoint, web: int) -> dict[str, float]:
    """What is measured of the agent alone: a sample without the checks, its start and its end."""
    with_checks = everything.everything(endpoint, 86_400, web)
    figures: dict[str, list] = {"start": [], "flush": []}
    for _ in range(STARTS):
        with_checks.empty()
        figures["start"].append(counts.first_sample_ms(with_checks.agent))
        with_checks.empty()
        running = with_checks.agent.start(True, subprocess.DEVNULL)
        try:
            # Three samples and some runs of checks are neither published nor written by then.
            time.sleep(3)
            figures["flush"].append(process.end(running))
        finally:
            running.kill()
            running.wait()
    medians = {name: statistics.median(values) for name, values in figures.items()}
    # A busy machine makes most of them longer, and none shorter.
    medians |= {f"{name}_least": min(values) for name, values in figures.items()}
    # Checks that do not run meanwhile: what a run of each costs is counted by checks.py.
    quiet = everything.everything(endpoint, 86_400, web, count=0)
    quiet.empty()
    calls, kinds = counts.system_calls(quiet.agent)
    say("system calls a sample: " + " ".join(f"{kind}={count:.2f}" for kind, count in kinds.items()))
    quiet.empty()
    return medians | {"calls": calls, "instructions": counts.instructions(quiet.agent)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    # Who ends this early must not leave anything behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=int, default=180)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--period", type=int, default=60, help="for a try: less than 60, and it warms up for less")
    parser.add_argument("--only", default=None, metavar="NAMES", help=f"some of {','.join(monitors.ALL)}")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(monitors.ALL)
    if unknown := set(names) - set(monitors.ALL):
        parser.error(f"no such monitor: {', '.join(sorted(unknown))}")
    is_try = arguments.period < 60
    warm = WARM_SECONDS // 3 if is_try else WARM_SECONDS
    seconds = arguments.seconds if is_try else max(arguments.seconds, LEAST_SECONDS)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    contenders.evict(contenders.OURS)
    endpoint = Endpoint(WORK)
    results: dict[str, dict[str, list]] = {}
    load = os.getloadavg()[0]
    with everything.web_server() as web:
        say("all local: a sample, the start and the end")
        own = of_ours(endpoint, web)
        for number in range(arguments.rounds):
            say(f"all local, round {number + 1} of {arguments.rounds}: {', '.join(names)} at the same time")
            with tempfile.TemporaryDirectory(dir=WORK) as folder:
                at_once = [monitors.ALL[name](pathlib.Path(folder).resolve() / name, endpoint, web) for name in names]
                for name, of in side_by_side(at_once, seconds, warm).items():
                    for key, value in of.items():
                        results.setdefault(name, {}).setdefault(key, []).append(value)
                for monitor in at_once:
                    results[monitor.name].setdefault("size", []).append(monitor.size())
    medians = {name: {key: statistics.median(values) for key, values in of.items()} for name, of in results.items()}
    ours = next(iter(medians))
    if ours == everything.NAME:
        medians[ours] |= own
    conditions = f"{arguments.rounds} rounds of {seconds} s, all at the same time; load before {load:.1f}, at the end {os.getloadavg()[0]:.1f}"
    (WORK.parent / "local.json").write_text(json.dumps({"conditions": conditions, "medians": medians, "all": results, "ours": own}, indent=1) + "\n")
    print(f"\nAll local: {conditions}.\n")
    print(markdown(ROWS, medians))
    if ours == everything.NAME:
        print_targets("all local", ROWS, medians[ours], TARGETS)
        print(f"\nMB are {MB:,} bytes; in brackets is how many times ours.")


if __name__ == "__main__":
    main()
