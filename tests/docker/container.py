"""A container with the agent in it: runs it, hears what it says, and reads what the machine
counts for it meanwhile, from outside."""

import calendar
import collections
import dataclasses
import os
import pathlib
import re
import statistics
import subprocess
import threading
import time

PERIOD_SECONDS = 3
SAMPLE_SECONDS = 0.3
MEGABYTE = 1 << 20

# Longer than anything that a test waits for may take.
PATIENCE_SECONDS = 30

PERCENT = r"-|\d+\.\d\d%"
WINDOW = re.compile(
    rf"(?P<time>\S+) CPUUtilization=(?P<cpu>{PERCENT}) MaxCPUUtilization=(?P<max_cpu>{PERCENT})"
    rf" MemoryUtilization=(?P<memory>{PERCENT}) MaxMemoryUtilization=(?P<max_memory>{PERCENT})"
    r" samples=(?P<samples>\d+) "
)


class Container:
    """One container, from its start on."""

    def __init__(self, name, *arguments):
        command = ["docker", "run", "--rm", "--interactive", "--name", name, "--network", "none"]
        command += ["--env", "RUST_LOG=info", *arguments]
        self.name = name
        self.output, self.log = [], []
        self._heard = threading.Condition()
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._client = subprocess.Popen(command, text=True, bufsize=1, errors="replace", **pipes)
        self._listeners = [
            threading.Thread(target=self._listen, args=ears, daemon=True)
            for ears in ((self._client.stdout, self.output), (self._client.stderr, self.log))
        ]
        for listener in self._listeners:
            listener.start()

    def _listen(self, pipe, lines):
        with pipe:
            for line in pipe:
                with self._heard:
                    lines.append(line.rstrip("\n"))
                    self._heard.notify_all()

    def wait(self, lines, pattern, count=1):
        """Waits until this many lines of `output` or `log` match."""
        said = lambda: sum(1 for line in lines if re.search(pattern, line)) >= count
        with self._heard:
            if not self._heard.wait_for(said, PATIENCE_SECONDS):
                raise AssertionError(f"{self.name} said no {count} of {pattern}\n{self.tell()}")

    def wait_for_windows(self, count):
        """Waits for as many windows more."""
        self.wait(self.output, WINDOW, len(self.windows()) + count)

    def tell_load(self):
        """Makes the load read its file."""
        self._client.stdin.write("\n")
        self.wait(self.output, "^load: cached$")

    def stop(self):
        """Stops it with the engine's defaults. Returns the agent's exit code."""
        docker("stop", self.name)
        code = self._client.wait(PATIENCE_SECONDS)
        for listener in self._listeners:
            listener.join(PATIENCE_SECONDS)
        return code

    def remove(self):
        """Whatever happened, leaves nothing behind."""
        subprocess.run(["docker", "rm", "--force", self.name], capture_output=True, check=False)
        self._client.stdin.close()
        self._client.wait(PATIENCE_SECONDS)

    def windows(self):
        """The windows that the agent told of so far."""
        return [Window.of(match) for match in map(WINDOW.match, list(self.output)) if match]

    def tell(self):
        return "\n".join([*self.output, *self.log])


@dataclasses.dataclass
class Window:
    """One line of the agent: seconds since the epoch, and percent; None where it has `-`."""

    start: int
    cpu: float
    memory: float
    samples: int

    @staticmethod
    def of(match):
        percent = lambda text: None if text == "-" else float(text.rstrip("%"))
        start = calendar.timegm(time.strptime(match["time"], "%Y-%m-%dT%H:%M:%SZ"))
        return Window(
            start, percent(match["cpu"]), percent(match["memory"]), int(match["samples"])
        )

    @property
    def end(self):
        return self.start + PERIOD_SECONDS


# Nanoseconds and bytes: wall clock, CPU time, memory in all, in use, and without inactive pages.
Reading = collections.namedtuple("Reading", "time cpu usage used working_set")


class Meter:
    """Takes a reading as often as the agent takes a sample."""

    def __init__(self, counters):
        self.readings = []
        self._counters = counters
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic()
        while not self._ended.wait(max(0, due - time.monotonic())):
            self.readings.append(Reading(time.time_ns(), *self._counters()))
            due += SAMPLE_SECONDS

    def end(self):
        self._ended.set()
        self._thread.join(PATIENCE_SECONDS)

    def window(self, start):
        """Medians over a window: CPU in percent of one core, then memory in bytes."""
        begin, end = start * 10**9, (start + PERIOD_SECONDS) * 10**9
        pairs = zip(self.readings, self.readings[1:])
        pairs = [(a, b) for a, b in pairs if begin <= b.time < end]
        if len(pairs) < PERIOD_SECONDS / SAMPLE_SECONDS / 2:
            raise AssertionError(f"the meter stalled: {len(pairs)} readings in the window")
        cpu = statistics.median(100 * (b.cpu - a.cpu) / (b.time - a.time) for a, b in pairs)
        return cpu, *(statistics.median(b[part] for _, b in pairs) for part in (2, 3, 4))


CGROUPS = pathlib.Path("/sys/fs/cgroup")


def container_counters(name):
    """Reads the container's cgroups, where the engine made them."""
    group = "docker/" + docker("inspect", "--format", "{{.Id}}", name)
    if (CGROUPS / "cgroup.controllers").exists():
        return lambda: counters_v2(CGROUPS / group)
    return lambda: counters_v1(CGROUPS / "cpuacct" / group, CGROUPS / "memory" / group)


def counters_v1(account, memory):
    cpu = int((account / "cpuacct.usage").read_text())
    usage = int((memory / "memory.usage_in_bytes").read_text())
    stat = fields(memory / "memory.stat")
    used = usage - stat["total_cache"] + stat["total_shmem"]
    return cpu, usage, used, usage - stat["total_inactive_file"]


def counters_v2(group):
    cpu = 1000 * fields(group / "cpu.stat")["usage_usec"]
    usage = int((group / "memory.current").read_text())
    stat = fields(group / "memory.stat")
    used = usage - stat["file"] + stat["shmem"] - stat["slab_reclaimable"]
    return cpu, usage, used, usage - stat["inactive_file"]


def host_counters():
    """Reads what the kernel counts for the machine. A machine has no working set."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(
        int, fields("/proc/stat", rest=True)["cpu"].split()
    )
    work = user + nice + system + irq + softirq + steal
    memory = fields("/proc/meminfo")
    dropable = memory["Buffers:"] + memory["Cached:"] + memory["SReclaimable:"] - memory["Shmem:"]
    usage = 1024 * (memory["MemTotal:"] - memory["MemFree:"])
    return work * 10**9 // os.sysconf("SC_CLK_TCK"), usage, usage - 1024 * dropable, None


def fields(path, rest=False):
    """The first number behind each name, or all that is there."""
    lines = [line.split(maxsplit=1) for line in pathlib.Path(path).read_text().splitlines()]
    return {name: text if rest else int(text.split()[0]) for name, text in lines}


def docker(*arguments):
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    return done.stdout.strip()
