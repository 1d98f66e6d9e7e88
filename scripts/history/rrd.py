"""RRDtool: a file for each series, with average, minimum and maximum at each level.

One rrdtool is spoken to through a pipe, so that no start of a program is timed.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import plots
import points

KEEPS = "average, min, max; FULL 2 days"
HOW = "`rrdtool -` through a pipe, text answers; for each series a file of full size from the start, 8 bytes a value"


class Tool:
    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["rrdtool", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        )

    def ask(self, *commands: str) -> list[str]:
        """What it prints for all commands, without the lines that say that it was done."""
        self.process.stdin.write("\n".join(commands) + "\n")
        self.process.stdin.flush()
        lines, open_answers = [], len(commands)
        while open_answers:
            line = self.process.stdout.readline()
            if not line or line.startswith("ERROR"):
                raise SystemExit(f"rrdtool: {line.strip() or 'it ended'}")
            if line.startswith("OK "):
                open_answers -= 1
            else:
                lines.append(line)
        return lines

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)


def create(series: int) -> str:
    step = plots.full_step(series)
    archives = [f"RRA:AVERAGE:0:1:{plots.FULL_KEPT // step}"]
    for _, length, kept in plots.LEVELS:
        archives += [f"RRA:{of}:0:{length // step}:{kept // length}" for of in ("AVERAGE", "MIN", "MAX")]
    # A point may be three steps late before its place is unknown.
    source = f"DS:value:GAUGE:{3 * step}:U:U"
    start = points.START_MS // 1000 - step
    return f"create {series}.rrd --start {start} --step {step} {source} {' '.join(archives)}"


def update(batch: list[tuple[int, int, float]]) -> list[str]:
    """A command for each series, with all its points of this minute."""
    by_series: dict[int, list[str]] = {}
    for series, at_ms, value in batch:
        by_series.setdefault(series, []).append(f"{at_ms // 1000}.{at_ms % 1000:03}:{value!r}")
    return [f"update {series}.rrd {' '.join(texts)}" for series, texts in by_series.items()]


def fetch(tool: Tool, plot: plots.Plot) -> list[str]:
    return tool.ask(
        f"fetch {plots.SERIES}.rrd AVERAGE --resolution {plot.step} --start {plot.start} --end {plot.end - 1}"
    )


def values(lines: list[str]) -> list[float]:
    return [float(line.split(":")[1]) for line in lines if ":" in line and "nan" not in line]


def measure(name: str, file: Path, folder: Path) -> dict:
    tool = Tool(folder)
    for series in {series for series, _, _ in points.read(file)}:
        tool.ask(create(series))
    count, spent, cpu = 0, 0.0, plots.cpu_seconds(tool.process.pid)
    for batch in points.by_minute(file):
        commands = update(batch)
        begun = time.perf_counter()
        tool.ask(*commands)
        spent += time.perf_counter() - begun
        count += len(batch)
    cpu = plots.cpu_seconds(tool.process.pid) - cpu
    asked = {
        plot.resolution: plots.timed_ms(plot, lambda plot: fetch(tool, plot), values) for plot in plots.of(name, file)
    }
    tool.end()
    return {
        "points": count, "bytes": plots.size(folder), "insert_ns_a_point": spent / count * 1e9,
        "insert_cpu_ns_a_point": cpu / count * 1e9, "plots_ms": asked,
    }
