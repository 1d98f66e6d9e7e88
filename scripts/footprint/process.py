"""What the kernel counts for a process, read from outside."""

import os
import pathlib
import select
import subprocess
import time

PATIENCE_SECONDS = 60


def memory(pid: int) -> dict[str, int]:
    """Bytes, exact: the sums in `status` may lag behind by some pages for each CPU."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    field = {line.split()[0]: 1024 * int(line.split()[1]) for line in lines}
    rss, anonymous = field["Rss:"], field["Anonymous:"]
    return {"rss": rss, "anonymous": anonymous, "file": rss - anonymous}


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid: int) -> dict[str, float]:
    """Of all threads, ended ones too: what the scheduler counts to the nanosecond, and what of it the
    kernel takes for user and system time, which it only samples."""
    # The clock of another process, as clock_getcpuclockid(3) makes it of a pid.
    both, user, total = (time.clock_gettime_ns((~pid << 3) | kind) for kind in (0, 1, 2))
    return {"total": total / 1e9, "user": user / 1e9, "system": (both - user) / 1e9}


def switches(pid: int) -> dict[str, int]:
    """Context switches of the threads that are there."""
    sums = {"voluntary": 0, "involuntary": 0}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except FileNotFoundError:
            continue  # It ended meanwhile.
        field = dict(line.split(":", 1) for line in lines)
        sums["voluntary"] += int(field["voluntary_ctxt_switches"])
        sums["involuntary"] += int(field["nonvoluntary_ctxt_switches"])
    return sums


def mapped_files(pid: int) -> list[str]:
    """The files whose code it has mapped: program, plugins, libraries."""
    lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return sorted({line.split()[5] for line in lines if "x" in line.split()[1] and "/" in line})


class Samples:
    """Counts the samples that a process takes, from outside and without slowing it: each is a burst of
    bytes read from files, which the kernel counts (a socket's are not among them)."""

    def __init__(self, process: subprocess.Popen):
        self._process = process

    def wait(self, count: int) -> None:
        """Until so many bursts are over. The first may be that of the start and the first sample."""
        read, changed, in_burst = self._read(), time.monotonic(), False
        deadline = changed + PATIENCE_SECONDS + 2 * count
        while count > 0:
            time.sleep(POLL_SECONDS)
            now, latest = time.monotonic(), self._read()
            if latest - read > SIGNAL_BYTES:
                read, changed, in_burst = latest, now, True
            elif in_burst and now - changed > QUIET_SECONDS:
                count, in_burst = count - 1, False
            if now > deadline or self._process.poll() is not None:
                raise RuntimeError(f"{self._process.args} takes no samples")

    def _read(self) -> int:
        text = pathlib.Path(f"/proc/{self._process.pid}/io").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("rchar:"))


# Between two samples nothing is read for longer than this.
QUIET_SECONDS = 0.3
# A sample reads more, and what wakes a thread, or valgrind, reads less.
SIGNAL_BYTES = 100
POLL_SECONDS = 0.02


def end(process: subprocess.Popen) -> float:
    """SIGTERM, and the milliseconds until it has ended, which has to be as after a success."""
    started = time.monotonic()
    process.terminate()
    wait_for_end(process)
    took = (time.monotonic() - started) * 1000
    # Who handles no SIGTERM ends by it.
    if process.wait() not in (0, -15):
        raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
    return took


def wait_for_end(process: subprocess.Popen) -> None:
    """Wakes at once: `Popen.wait` with a timeout looks every 50 ms."""
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], PATIENCE_SECONDS)[0]:
            raise TimeoutError(f"{process.args[0]} does not end")
    finally:
        os.close(descriptor)
