"""What is kept, which plots are asked for, and how they are timed: the same for every store."""

from __future__ import annotations

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

    @property
    def start(self) -> int:
        return self.end - self.step * self.count


def of(name: str) -> list[Plot]:
    """At each resolution the newest 1,440 points, or all there are."""
    _, days = points.SETS[name]
    end = points.START_MS // 1000 + days * DAY
    steps = [("FULL", 30)] + [(resolution, length) for resolution, length, _ in LEVELS]
    return [
        Plot(resolution, step, min(MOST_POINTS, days * DAY // step), end) for resolution, step in steps
    ]


def timed_ms(plot: Plot, ask: Callable[[Plot], object], count: Callable[[object], int]) -> float:
    """The median time of a plot. One that does not give its points is not fast but wrong."""
    found = count(ask(plot))
    # The first bucket may be cut, and an end may be included.
    if abs(found - plot.count) > 1:
        raise SystemExit(f"a plot of {plot.resolution} gave {found} points and not {plot.count}")
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        ask(plot)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
