"""What is kept, which plots are asked for, and how they are timed: the same for every store."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import points

DAY = 86_400
# Resolution, its length in seconds, how long it is kept. FULL is 30 s, or 1 s for the two fast series:
# neither RRDtool nor whisper has steps that are no whole seconds.
LEVELS = [
    ("MIN5", 300, 10 * DAY),
    ("MIN20", 1200, 20 * DAY),
    ("MIN60", 3600, 155 * DAY),
    ("MIN240", 14_400, 300 * DAY),
    ("MIN1440", 86_400, 1826 * DAY),
]
FULL_KEPT = 2 * DAY
MOST_POINTS = 1440
TIMES = 51
# A noisy percentage with a point every 30 s.
SERIES = 0


def full_step(series: int) -> int:
    slow, _ = points.SETS["three-days"]
    return 30 if series < slow else 1


@dataclass(frozen=True)
class Plot:
    """The newest points of one series at one resolution, in seconds: [start, end)."""

    resolution: str
    step: int
    count: int
    end: int
    # Of all points in it: what the average of its values has to be.
    mean: float

    @property
    def start(self) -> int:
        return self.end - self.step * self.count


def of(name: str, file: Path) -> list[Plot]:
    """At each resolution the newest 1,440 points, or all there are."""
    _, days = points.SETS[name]
    end = points.START_MS // 1000 + days * DAY
    values = [(at_ms, value) for series, at_ms, value in points.read(file) if series == SERIES]
    all_plots = []
    for resolution, step in [("FULL", 30)] + [(resolution, length) for resolution, length, _ in LEVELS]:
        count = min(MOST_POINTS, days * DAY // step)
        inside = [value for at_ms, value in values if at_ms >= 1000 * (end - step * count)]
        all_plots.append(Plot(resolution, step, count, end, statistics.fmean(inside)))
    return all_plots


def timed_ms(plot: Plot, ask: Callable[[Plot], object], values: Callable[[object], list[float]]) -> float:
    """The median time of a plot. One that does not give its points is not fast but wrong."""
    found = values(ask(plot))
    # The first bucket may be cut, and an end may be included.
    if abs(len(found) - plot.count) > 1:
        raise SystemExit(f"a plot of {plot.resolution} gave {len(found)} points and not {plot.count}")
    # RRDtool gives each step what lies in it of the points before and after.
    mean = statistics.fmean(found)
    if abs(mean - plot.mean) > 0.01 * abs(plot.mean):
        raise SystemExit(f"the points of a plot of {plot.resolution} have the average {mean} and not {plot.mean}")
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        ask(plot)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, which other programs of the machine disturb less than its time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
