"""The points that every store is given: the same in each run, on each machine.

    points.py SET FILE

SET is `three-days` (202 series) or `thirty-days` (22 series). In both, the last two series have a
point every 0.9 s and all others every 30 s. FILE gets the points in the order of their time, each in
20 bytes, little endian: u32 series, i64 milliseconds since 1970, f64 value.
"""

from __future__ import annotations

import hashlib
import heapq
import random
import struct
import sys
from pathlib import Path
from typing import Callable, Iterator

RECORD = struct.Struct("<Iqd")
# 2026-01-01 00:00 UTC. A fixed day, because the files have to be the same in every run.
START_MS = 1_767_225_600_000
DAY_MS = 86_400_000
SLOW_MS, FAST_MS = 30_000, 900
FAST_SERIES = 2
SETS = {"three-days": (200, 3), "thirty-days": (20, 30)}
# Only random() is used: what it gives for a seed is the same in every version of Python.
SEED = 20_260_101


def percent(chance: random.Random) -> Callable[[], float]:
    """A noisy percentage with four decimals that keeps coming back to its own level."""
    level, noise = 5 + 70 * chance.random(), 0.5 + 6 * chance.random()
    value = level

    def step() -> float:
        nonlocal value
        value += 0.2 * (level - value) + noise * (chance.random() - 0.5)
        if chance.random() < 0.004:
            value += 60 * chance.random()
        value = min(max(value, 0.0), 100.0)
        return round(value, 4)

    return step


def gauge(chance: random.Random) -> Callable[[], float]:
    """An integer that mostly stays, as numbers of processes and connections do, or bytes in pages."""
    unit = 4096 if chance.random() < 0.5 else 1
    value = 50 + int(5000 * chance.random())

    def step() -> float:
        nonlocal value
        if chance.random() < 0.4:
            value = max(value + int(21 * chance.random()) - 10, 0)
        return float(value * unit)

    return step


def counter(chance: random.Random) -> Callable[[], float]:
    """A counter: a steady rate with bursts, nothing now and then, and a reset about once a day."""
    rate, value = 10 ** (1 + 4 * chance.random()), int(1e9 * chance.random())

    def step() -> float:
        nonlocal value
        luck = chance.random()
        if luck < 1 / 2880:
            value = 0
        elif luck > 0.15:
            burst = 20 if luck > 0.99 else 1
            value += int(rate * burst * (0.5 + chance.random()))
        return float(value)

    return step


def constant(chance: random.Random) -> Callable[[], float]:
    """The size of a disk, a limit: the same for ever."""
    value = float(int(1e12 * chance.random()))
    return lambda: value


# Of ten series, so many are of each kind.
KINDS = [percent] * 4 + [gauge] * 3 + [counter] * 2 + [constant]


def of_series(number: int, slow: int, end_ms: int) -> Iterator[tuple[int, int, float]]:
    """The points of one series, as (milliseconds, series, value)."""
    chance = random.Random(SEED + number)
    fast = number >= slow
    step_ms = FAST_MS if fast else SLOW_MS
    # The fast ones are CPU and memory in percent.
    value = (percent if fast else KINDS[number % len(KINDS)])(chance)
    # Checks do not all run at the same instant, and a timer is a little late now and then.
    due = START_MS + (0 if fast else int(chance.random() * step_ms))
    while due < end_ms:
        luck = chance.random()
        late = 0 if luck < 0.7 else 1 if luck < 0.95 else 2
        yield due + late, number, value()
        due += step_ms


def write(name: str, file: Path) -> tuple[int, str]:
    """Writes a set; gives how many points there are and the SHA-256 of the file."""
    slow, days = SETS[name]
    end_ms = START_MS + days * DAY_MS
    series = (of_series(number, slow, end_ms) for number in range(slow + FAST_SERIES))
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    digest, count, block = hashlib.sha256(), 0, bytearray()
    with unfinished.open("wb") as out:
        for at_ms, number, value in heapq.merge(*series):
            block += RECORD.pack(number, at_ms, value)
            count += 1
            if len(block) >= 1 << 20:
                digest.update(block)
                out.write(block)
                block.clear()
        digest.update(block)
        out.write(block)
    # Whoever stops this half-way must not leave a file that looks whole.
    unfinished.rename(file)
    return count, digest.hexdigest()


def read(file: Path) -> Iterator[tuple[int, int, float]]:
    """The points of a file, as (series, milliseconds, value)."""
    return RECORD.iter_unpack(file.read_bytes())


def by_minute(file: Path) -> Iterator[list[tuple[int, int, float]]]:
    """The points of a file, a minute's at a time: what an agent would write together."""
    minute, batch = None, []
    for point in read(file):
        if point[1] // 60_000 != minute:
            if batch:
                yield batch
            minute, batch = point[1] // 60_000, []
        batch.append(point)
    if batch:
        yield batch


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SETS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(SETS)} FILE")
    points, digest = write(sys.argv[1], Path(sys.argv[2]))
    print(f"{sys.argv[2]}: {points} points, SHA-256 {digest}")
