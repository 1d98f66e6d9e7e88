"""What checks cost: instructions in user space and system calls of a run of each type, and CPU and memory
of fifty checks. `checks.py` prints the table of docs/footprint.md, in some six minutes; guard.py takes
one run of all types together."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from contenders import OURS
from servers import servers

RUNS = 10
# By then each has run, and has what it compares the next run with.
SETTLED_SECONDS = 4
CALL = re.compile(r"^\d+ +\d+\.\d+ (\w+)\(")


def types() -> dict[str, dict[str, str]]:
    """Each type that needs no server, and details that fit any machine."""
    listed = json.loads(ask("check", "--list", "--output=json"))
    return {of["type"]: details(of) for of in listed if of["type"] not in NEEDS_MORE}


# Types that need something to talk to, which servers.py starts.
NEEDS_MORE = {
    "agent.redis", "agent.mysql", "agent.apache", "agent.prometheus", "agent.plugin", "agent.statsd", "remote.http", "remote.tcp",
}  # fmt: skip


def details(of: dict) -> dict[str, str]:
    fixed = {"agent.filesystem": {"target": "/"}, "agent.network": {"target": "lo"}, "agent.process": {"name": "cloudwatch_metrics_agent"}}
    if of["type"] in fixed:
        return fixed[of["type"]]
    if any(detail["name"] == "target" and not detail["optional"] for detail in of["details"]):
        targets = json.loads(ask("check", of["type"], "--targets", "--output=json"))["values"]
        return {"target": targets[0]["id"]}
    return {}


def ask(*arguments: str) -> str:
    return subprocess.run([OURS, *arguments], check=True, capture_output=True, text=True, env={}).stdout


def configuration(checks: dict[str, dict[str, str]], period: int, count: int = 1) -> str:
    """A file with so many checks of each of these types. JSON is YAML."""
    return json.dumps({"checks": {
        f"{kind}-{number}": {"type": kind, "period": period, "details": of}
        for kind, of in checks.items() for number in range(count)
    }})  # fmt: skip


def start(folder: pathlib.Path, text: str | None, wrapper=(), plugins: pathlib.Path | None = None, **options) -> subprocess.Popen:
    """An agent that publishes nothing and hardly samples."""
    command = [*wrapper, OURS, "--dry-run", "--period=86400", "--sample-interval=60", "--scope=host", "--max-metrics=100000"]
    if plugins:
        command.append(f"--plugins={plugins}")
    if text:
        file = folder / "agent.yaml"
        file.write_text(text)
        command.append(f"--config={file}")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, **quiet, **options)


def instructions(checks: dict[str, dict[str, str]], plugins: pathlib.Path | None = None) -> float:
    """User space, of one run of each."""
    with tempfile.TemporaryDirectory(dir="target") as name:
        folder = pathlib.Path(name)
        counts = folder / "counts"
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}"]
        counted = start(folder, configuration(checks, period=1), wrapper, plugins)
        try:
            time.sleep(SETTLED_SECONDS)
            dump(counted)
            time.sleep(RUNS)
            dump(counted)
            return total(pathlib.Path(f"{counts}.2")) / RUNS
        finally:
            counted.kill()
            counted.wait()


def dump(counted: subprocess.Popen) -> None:
    """Has the next part written, of what was counted since the last."""
    command = ["vgdb", "--max-invoke-ms=10", f"--pid={counted.pid}", "dump"]
    subprocess.run(command, check=True, capture_output=True)


def total(path: pathlib.Path) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("totals:"))


def system_calls(checks: dict[str, dict[str, str]], plugins: pathlib.Path | None = None) -> float:
    """Of all threads, of one run of each."""
    with tempfile.TemporaryDirectory(dir="target") as name:
        folder = pathlib.Path(name)
        trace = folder / "trace"
        wrapper = ["strace", "-f", "-ttt", "-qq", "-s", "0", "-o", str(trace), "--"]
        traced = start(folder, configuration(checks, period=1), wrapper, plugins, start_new_session=True)
        try:
            time.sleep(SETTLED_SECONDS)
            before = calls(trace)
            time.sleep(RUNS)
            return (calls(trace) - before).total() / RUNS
        finally:
            os.killpg(traced.pid, 9)
            traced.wait()


def calls(trace: pathlib.Path) -> Counter:
    return Counter(call[1] for line in trace.read_text().splitlines() if (call := CALL.match(line)))


def resident(process: subprocess.Popen) -> int:
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[1])


def cpu_seconds(process: subprocess.Popen) -> float:
    stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def fifty(seconds: int = 90) -> tuple[float, int, int]:
    """CPU seconds a minute of fifty checks every 30 s, and resident bytes with them and without any."""
    every = types()
    with tempfile.TemporaryDirectory(dir="target") as with_checks, tempfile.TemporaryDirectory(dir="target") as without:
        each = -(-50 // len(every))
        some = dict(json.loads(configuration(every, 30, each)))
        some["checks"] = dict(list(some["checks"].items())[:50])
        running = start(pathlib.Path(with_checks), json.dumps(some))
        alone = start(pathlib.Path(without), None)
        try:
            # Each has run once.
            time.sleep(31)
            before = [cpu_seconds(process) for process in (running, alone)]
            time.sleep(seconds)
            used = [cpu_seconds(process) for process in (running, alone)]
            more = (used[0] - before[0]) - (used[1] - before[1])
            return more * 60 / seconds, resident(running), resident(alone)
        finally:
            for process in (running, alone):
                process.kill()
                process.wait()


def table(every: dict[str, dict[str, str]], plugins: pathlib.Path | None = None) -> None:
    def costs(kind: str) -> tuple[float, float]:
        return instructions({kind: every[kind]}, plugins), system_calls({kind: every[kind]}, plugins)

    with ThreadPoolExecutor(max_workers=2) as pool:
        counted = list(pool.map(costs, every))
    print("| type | instructions a run, user space | system calls a run |\n| --- | --- | --- |")
    for kind, (user, calls_) in zip(every, counted, strict=True):
        print(f"| `{kind}` | {user:,.0f} | {calls_:.1f} |")


def main() -> int:
    table(types())
    with tempfile.TemporaryDirectory(dir="target") as name, servers(pathlib.Path(name)) as more:
        table(more, pathlib.Path(name).resolve() / "plugins")
    cpu, running, alone = fifty()
    print(f"\nfifty checks every 30 s: {cpu:.4f} s of CPU a minute, RSS {running / 1e6:.2f} MB, without any {alone / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
