"""Graphite's whisper: a file for each series, with one value at each level, here the average.

It is called as carbon does it, a minute's points of a series at a time; minimum and maximum would
take two more files for each series.
"""

from __future__ import annotations

import time
from pathlib import Path

import whisper

import plots
import points

KEEPS = "average only; FULL 2 days"
HOW = "called from Python in the same process; for each series a file of full size from the start, 12 bytes a value"


def create(path: str, series: int) -> None:
    step = plots.full_step(series)
    archives = [(step, plots.FULL_KEPT // step)] + [(length, kept // length) for _, length, kept in plots.LEVELS]
    whisper.create(path, archives, xFilesFactor=0, aggregationMethod="average")


def measure(name: str, file: Path, folder: Path) -> dict:
    paths = {series: str(folder / f"{series}.wsp") for series, _, _ in points.read(file)}
    for series, path in paths.items():
        create(path, series)
    count, spent, cpu = 0, 0.0, 0.0
    for batch in points.by_minute(file):
        by_series: dict[int, list[tuple[int, float]]] = {}
        for series, at_ms, value in batch:
            by_series.setdefault(series, []).append((at_ms // 1000, value))
        now = batch[-1][1] // 1000
        begun, cpu_begun = time.perf_counter(), time.process_time()
        for series, pairs in by_series.items():
            whisper.update_many(paths[series], pairs, now)
        spent += time.perf_counter() - begun
        cpu += time.process_time() - cpu_begun
        count += len(batch)

    def fetch(plot: plots.Plot) -> tuple:
        # whisper leaves the first instant out.
        start, end = plot.start - plot.step, plot.end - plot.step
        return whisper.fetch(paths[plots.SERIES], start, end, now=plot.end, archiveToSelect=plot.step)

    def values(answer: tuple) -> list[float]:
        return [value for value in answer[1] if value is not None]

    asked = {plot.resolution: plots.timed_ms(plot, fetch, values) for plot in plots.of(name, file)}
    return {
        "points": count, "bytes": plots.size(folder), "insert_ns_a_point": spent / count * 1e9,
        "insert_cpu_ns_a_point": cpu / count * 1e9, "plots_ms": asked,
    }
