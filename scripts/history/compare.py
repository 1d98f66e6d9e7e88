"""Gives the same points to every store, asks each for the same plots, and prints one table."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import graphite
import points
import prometheus
import rrd
import table

WORK = Path("target/history")
COMMAND = "cargo bench --quiet --bench history"
PEERS = {"rrdtool": rrd, "whisper": graphite, "prometheus": prometheus}


def ours(command: str, file: Path) -> dict:
    """What the agent's own bench says, which is the last line that it prints."""
    run = subprocess.run(
        shlex.split(command), env=os.environ | {"HISTORY_POINTS": str(file.resolve())}, stdout=subprocess.PIPE,
        text=True, check=False,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode != 0 or not lines:
        raise SystemExit(f"`{command}` ended with {run.returncode} and {len(lines)} results")
    return json.loads(lines[-1])


def once(name: str, of: str, command: str) -> dict:
    file = WORK / f"{of}.points"
    if name == "ours":
        return ours(command, file)
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return PEERS[name].measure(of, file, folder)
    finally:
        shutil.rmtree(folder)


def medians(runs: list[dict]) -> dict:
    """The median of each figure over the runs; a text is that of the first."""
    first = runs[0]
    return {
        key: medians([run[key] for run in runs]) if isinstance(value, dict)
        else statistics.median(run[key] for run in runs) if isinstance(value, (int, float))
        else value
        for key, value in first.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="ours," + ",".join(PEERS))
    parser.add_argument("--ours", default=COMMAND, metavar="COMMAND")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - {"ours", *PEERS}:
        parser.error(f"no such store: {', '.join(sorted(unknown))}")

    for of in points.SETS:
        file = WORK / f"{of}.points"
        if not file.exists():
            count, digest = points.write(of, file)
            print(f"{file}: {count} points, SHA-256 {digest}", file=sys.stderr)

    runs: dict[str, list[dict]] = {name: [] for name in names}
    # In turn, so that what else the machine does in these minutes is shared by all.
    for number in range(options.runs):
        for name in names:
            print(f"run {number + 1} of {options.runs}: {name}", file=sys.stderr)
            runs[name].append(once(name, "three-days", options.ours))
    results = {"three-days": {name: medians(of_name) for name, of_name in runs.items()}}
    print(table.markdown(results["three-days"], options.runs))
    _, _, load = os.getloadavg()
    print(f"- The machine has {os.cpu_count()} CPUs; its load average over the last 15 minutes was {load:.1f}.")

    if "ours" in names:
        # A month of it, which the others are not given: it would take them an hour.
        results["thirty-days"] = {"ours": ours(options.ours, WORK / "thirty-days.points")}
        print(table.month(results["thirty-days"]["ours"]))
    results["runs"] = runs
    (WORK / "history.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
