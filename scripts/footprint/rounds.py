"""The figures of a run: of a contender while it publishes, and of how it ends."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import process
from contenders import Contender
from endpoint import Endpoint

Figures = dict[str, float | None]

# Two samples and a reading.
START_SECONDS = 3.5


def published(contender: Contender, endpoint: Endpoint, period: int, seconds: int) -> Figures:
    """Runs it from its start over the first publish until about so many seconds later. What does not
    apply is None, and so is what it held before the first publish, if that came too early."""
    # The agent's windows end with the clock's: none shall end before the figures of the start are taken.
    left = period - time.time() % period
    if left < START_SECONDS:
        time.sleep(left)
    before = len(endpoint.taken())

    def publish(count: int) -> None:
        if not contender.publishes:
            # Nobody waits for anything but the time to pass.
            time.sleep(seconds if count else 0)
            return
        # By OTLP it first asks whether the server takes compressed bodies: one request more.
        aim = (taken(endpoint) if count else before + 1) + count
        # The delay of the first is less than half a period.
        timeout = (1.5 + count) * period + 30
        endpoint.wait(f"publish {count} of {contender.name}", lambda: taken(endpoint) >= aim, timeout)
        # What a publish costs is over by the next sample.
        samples.wait(1)

    running = contender.start(True, subprocess.DEVNULL)
    try:
        with contender.asked():
            samples = process.Samples(running)
            samples.wait(2)
            first = process.memory(running.pid)
            if taken(endpoint) != before:
                # On a busy machine collectd may send its very first sample at once.
                first = None
            publish(0)
            after = process.memory(running.pid)
            begin = reading(running.pid, endpoint)
            publish(max(1, round(seconds / period)))
            end = reading(running.pid, endpoint)
            last = process.memory(running.pid)
            threads = process.threads(running.pid)
            files = process.mapped_files(running.pid)
        process.end(running)
    finally:
        running.kill()
        running.wait()
    spent = {name: end[name] - begin[name] for name in begin}
    minutes = spent["time"] / 60
    figures: Figures = {"threads": threads, "mapped": sum(map(os.path.getsize, files))}
    for name in ("total", "voluntary", "involuntary"):
        figures[name] = spent[name] / minutes
    # What is over between two ticks of the kernel's clock is in neither, so only their ratio says something.
    ticked = spent["user"] + spent["system"]
    for name in ("user", "system"):
        figures[name] = figures["total"] * spent[name] / ticked if ticked else None
    moments = {"first": first, "after": after if contender.publishes else None, "last": last}
    for moment, memory in moments.items():
        for part in ("rss", "anonymous", "file"):
            figures[f"{part}_{moment}"] = memory and memory[part]
    figures["wire"] = spent["wire"] / spent["requests"] if contender.publishes else None
    return figures


def taken(endpoint: Endpoint) -> int:
    return sum(request.taken for request in endpoint.requests)


def reading(pid: int, endpoint: Endpoint) -> dict[str, float]:
    return {
        "time": time.monotonic(),
        "wire": endpoint.wire_bytes,
        "requests": len(endpoint.requests),
        **process.cpu_seconds(pid),
        **process.switches(pid),
    }


def flush_ms(contender: Contender, endpoint: Endpoint) -> float | None:
    """From SIGTERM to its end, with what was not yet published delivered; None if that was lost."""
    if not contender.publishes:
        return None
    before = len(endpoint.taken())
    running = contender.start(True, subprocess.DEVNULL)
    try:
        # The first sample of CPU takes two readings; one more, and the slowest has also set up.
        process.Samples(running).wait(3)
        took = process.end(running)
    finally:
        running.kill()
        running.wait()
    return took if len(endpoint.taken()) > before else None


def binary_bytes(contender: Contender) -> int:
    """Of the program and its plugins, without symbols."""
    with tempfile.TemporaryDirectory(dir="target") as folder:
        total = 0
        for file in (contender.program, *contender.plugins):
            copy = shutil.copy(file, folder)
            subprocess.run(["strip", copy], check=True)
            total += pathlib.Path(copy).stat().st_size
    return total
