"""How the cost of checks grows with their number: 1, 10, 100 and 1,000 checks every 30 s, with a store on disk and
alarms, for a day of simulated time, in which the agent's clocks run faster (fast.c).

    growth.py [--times N] [--hours N] [COUNT...]      in Markdown; at once, 96 times as fast: a quarter of an hour

It takes the release for this machine's own libc (`cargo build --release`), as a static binary loads no library that
changes its clocks. So only what grows with the number says something about the static one, which takes less memory.
The kernel's timers keep their time, so there are fewer samples of CPU and memory than in a day."""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import everything
import local
import process
from endpoint import Endpoint

WORK = pathlib.Path("target/footprint/growth")
PROGRAM = pathlib.Path("target/release/cloudwatch_metrics_agent")
DAY_HOURS = 24
# What needs no server, and no helper thread whose time would pass as fast.
MIX = {"agent.disk": 3, "agent.network": 3, "agent.cpu": 1, "agent.memory": 2, "agent.load_average": 1}


@dataclasses.dataclass
class Agent:
    count: int
    store: pathlib.Path
    api: int
    running: subprocess.Popen
    memory: list[dict[str, int]] = dataclasses.field(default_factory=list)

    def look(self) -> None:
        if self.running.poll() is not None:
            raise RuntimeError(f"the agent with {self.count} checks ended with {self.running.returncode}")
        self.memory.append(process.memory(self.running.pid))

    def series(self) -> int:
        """How many it keeps a history of."""
        count, marker = 0, ""
        while marker is not None:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/metrics_list?limit=1000{marker}") as answer:
                page = json.load(answer)
            count += sum(metric["history"] for metric in page["values"])
            following = page["metadata"]["next_marker"]
            marker = following and f"&marker={urllib.parse.quote(following, safe='')}"
        return count


def start(count: int, times: int, library: pathlib.Path, stack: contextlib.ExitStack) -> Agent:
    folder = (WORK / str(count)).resolve()
    folder.mkdir(parents=True)
    all_on = everything.everything(Endpoint(folder), 60, 0, interval=60, count=count, mix=MIX, thresholds={}, more=["--max-metrics=100000", "--publish=console"])
    agent = dataclasses.replace(all_on.agent, program=PROGRAM)
    agent.environment |= {"LD_PRELOAD": str(library), "FAST_TIMES": str(times), "RUST_LOG": "warn"}
    log = stack.enter_context((folder / "log").open("w"))
    command = [agent.program, *agent.publishing]
    running = subprocess.Popen(list(map(str, command)), env=agent.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    stack.callback(running.wait)
    stack.callback(running.kill)
    return Agent(count, all_on.store, all_on.api, running)


def main() -> None:
    # Who ends this early must not leave anything behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=96)
    parser.add_argument("--hours", type=float, default=DAY_HOURS)
    parser.add_argument("counts", nargs="*", type=int)
    arguments = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    library = (WORK / "fast.so").resolve()
    source = pathlib.Path(__file__).with_name("fast.c")
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, source], check=True)
    hour = 3600 / arguments.times
    with contextlib.ExitStack() as stack:
        agents = [start(count, arguments.times, library, stack) for count in arguments.counts or (1, 10, 100, 1000)]
        begun = time.monotonic()
        # Of a day: after an hour, half of it and all of it.
        looks = [share * arguments.hours for share in (1 / 24, 1 / 2, 1)]
        for hours in looks:
            time.sleep(max(0, begun + hours * hour - time.monotonic()))
            for agent in agents:
                agent.look()
        print(f"{arguments.hours:g} hours, {arguments.times} times as fast, all at once; load {os.getloadavg()[0]:.1f}\n")
        first, middle, last = (f"after {hours:.3g} h" for hours in looks)
        print(f"| checks | series | CPU in {arguments.hours:g} h | RSS {first} | {middle} | {last} | of it anonymous | on disk | written |")
        print("| --- |" + 8 * " --- |")
        for agent in agents:
            pid = agent.running.pid
            cells = [f"{process.cpu_seconds(pid)['total']:.1f} s", *(f"{memory['rss'] / 1e6:.2f} MB" for memory in agent.memory)]
            cells += [f"{agent.memory[-1]['anonymous'] / 1e6:.2f} MB", f"{local.folder_bytes(agent.store) / 1e6:.2f} MB", f"{local.written_bytes(pid) / 1e6:,.0f} MB"]
            print(f"| {agent.count:,} | {agent.series():,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is not there: build it with `cargo build --release --locked`")
    main()
