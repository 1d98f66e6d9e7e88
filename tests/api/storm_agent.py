"""The agent of the storm, and what it takes of the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from pathlib import Path

from service import until

STEP_S = 0.2
HANG = "#!/bin/sh\nexec sleep {mark}\n"
# Its children outlive it, if nobody ends them.
FORK = "#!/bin/sh\nsleep {mark} &\nsleep {mark} &\necho 'metric forked int 2'\n"


class Agent:
    """A process with everything in a folder."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder, self.process = binary, folder, None
        # In memory: a disk that is busy would have whoever writes a line wait.
        self.output, self.log = (os.memfd_create(name) for name in ("output", "log"))
        self.socket, self.config = str(folder / "api.sock"), folder / "agent.yaml"
        # All that plugins start has this in its command line.
        self.mark = f"{100_000 + os.getpid()}"
        plugins = folder / "plugins"
        plugins.mkdir(mode=0o755)
        for name, text in (("hang.sh", HANG), ("fork.sh", FORK)):
            (plugins / name).write_text(text.format(mark=self.mark))
            (plugins / name).chmod(0o755)

    def start(self) -> None:
        folder = self.folder
        command = [
            self.binary, "--publish", "console", "--period", "5", "--sample-interval", str(STEP_S), "--buffer", "60",
            "--config", str(self.config), "--state", str(folder / "state"), "--store", str(folder / "store"),
            "--store-sync", "5", "--plugins", str(folder / "plugins"), "--max-metrics", "10000",
            "--api", f"unix:{self.socket}",
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.log, env={**os.environ, "RUST_LOG": "info"})

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> tuple[int | None, float]:
        """The exit code after SIGTERM, and how long that took; no code where it does not end."""
        begun = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        return code, time.monotonic() - begun

    def children(self) -> list[str]:
        """State and command line of all children, and of all that plugins have started."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
            if int(fields[1]) == self.pid or line == f"sleep {self.mark}":
                found.append(f"{fields[0]} {line}")
        return found

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settled(self, most: int) -> tuple[int, list[str]]:
        """Descriptors and children, once there are no children and at most so many descriptors; or after a while."""
        try:
            until(lambda: not self.children() and self.descriptors() <= most, "it is calm")
        except AssertionError:
            pass
        return self.descriptors(), self.children()

    def error_lines(self) -> str:
        return Path(f"/proc/self/fd/{self.log}").read_text(errors="replace")


class Waits(threading.Thread):
    """For how long the main thread could have run and had no CPU, in time (sched-stats.rst: the second field)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self._ended = Path(f"/proc/{pid}"), threading.Event()
        self._times, self._waited, self._where = [], [], []

    def run(self) -> None:
        while not self._ended.is_set():
            self._look()
            time.sleep(0.01)

    def _look(self) -> None:
        waited = int((self._process / "schedstat").read_text().split()[1]) / 1e6
        state = (self._process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        try:
            place = (self._process / "wchan").read_text()
        except OSError:
            place = ""
        self._times.append(time.time() * 1000)
        self._waited.append(waited)
        self._where.append(f"{state} {place}")

    def end(self) -> None:
        self._ended.set()
        self.join()

    def places(self, begin_ms: float, end_ms: float) -> dict[str, int]:
        """Where in the kernel it was found, and how often."""
        looks = slice(bisect_left(self._times, begin_ms), bisect_right(self._times, end_ms))
        return dict(Counter(self._where[looks]).most_common(4))

    def between(self, begin_ms: float, end_ms: float) -> float:
        """Milliseconds, from the last look before to the first one after."""
        first = max(bisect_right(self._times, begin_ms) - 1, 0)
        last = min(bisect_left(self._times, end_ms), len(self._times) - 1)
        return self._waited[last] - self._waited[first]
