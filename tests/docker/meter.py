"""What the machine itself counts for a container, or for all that runs on it, read from outside."""

import collections
import os
import pathlib
import statistics
import threading
import time

from container import PATIENCE_SECONDS, PERIOD_SECONDS, SAMPLE_SECONDS, docker

# Nanoseconds: wall clock and CPU time. Bytes: memory with all page cache, and as it is compared.
Reading = collections.namedtuple("Reading", "time cpu usage memory")
# Nanoseconds, and what the kernel counted: periods of the CPU quota, those in which it was used up,
# processes that were killed because the memory was.
Events = collections.namedtuple("Events", "time periods throttled oom_kills")


class Meter:
    """Takes a reading as often as the agent takes a sample, or as it is told."""

    def __init__(self, counters, kind=Reading, every=SAMPLE_SECONDS):
        self.readings = []
        self._counters = counters
        self._kind = kind
        self._every = every
        self._read()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic() + self._every
        while not self._ended.wait(max(0, due - time.monotonic())):
            self._read()
            due += self._every

    def _read(self):
        self.readings.append(self._kind(time.time_ns(), *self._counters()))

    def stop(self):
        self._ended.set()
        self._thread.join(PATIENCE_SECONDS)

    def end(self):
        """Takes a last reading, which completes the last window that was told of."""
        self.stop()
        self._read()

    def covers(self, window):
        first, last = self.readings[0], self.readings[-1]
        return first.time <= window.start * 10**9 and window.end * 10**9 <= last.time

    def window(self, window):
        """Medians: CPU in percent of one core, then bytes, with all page cache and as compared."""
        begin, end = window.start * 10**9, window.end * 10**9
        pairs = zip(self.readings, self.readings[1:])
        pairs = [(a, b) for a, b in pairs if begin <= b.time < end]
        if len(pairs) < PERIOD_SECONDS / SAMPLE_SECONDS / 2:
            raise AssertionError(f"the meter stalled: {len(pairs)} readings in the window")
        return (
            statistics.median(100 * (b.cpu - a.cpu) / (b.time - a.time) for a, b in pairs),
            statistics.median(b.usage for _, b in pairs),
            statistics.median(b.memory for _, b in pairs),
        )


CGROUPS = pathlib.Path("/sys/fs/cgroup")
# Where run.sh has the engine put its containers.
PARENT = "agent-test"


def counters_of_container(name, working_set):
    """Reads the container's cgroups, where the engine made them."""
    groups, is_v2 = groups_of(name)
    if is_v2:
        return lambda: counters_v2(groups["memory"], working_set)
    return lambda: counters_v1(groups["cpuacct"], groups["memory"], working_set)


def events_of_container(name):
    """Reads there how often limits were hit."""
    groups, is_v2 = groups_of(name)
    kills = groups["memory"] / ("memory.events" if is_v2 else "memory.oom_control")

    def events():
        stat = fields(groups["cpu"] / "cpu.stat")
        return stat["nr_periods"], stat["nr_throttled"], fields(kills)["oom_kill"]

    return events


def groups_of(name):
    """The container's directory for each controller, and whether they are all the one of v2."""
    group = f"{PARENT}/" + docker("inspect", "--format", "{{.Id}}", name)
    is_v2 = (CGROUPS / "cgroup.controllers").exists()
    controllers = ("cpu", "cpuacct", "memory")
    return {name: CGROUPS / ("" if is_v2 else name) / group for name in controllers}, is_v2


def counters_v1(account, memory, working_set):
    cpu = int((account / "cpuacct.usage").read_text())
    usage = int((memory / "memory.usage_in_bytes").read_text())
    stat = fields(memory / "memory.stat")
    droppable = stat["total_cache"] - stat["total_shmem"]
    return cpu, usage, usage - (stat["total_inactive_file"] if working_set else droppable)


def counters_v2(group, working_set):
    cpu = 1000 * fields(group / "cpu.stat")["usage_usec"]
    usage = int((group / "memory.current").read_text())
    stat = fields(group / "memory.stat")
    droppable = stat["file"] - stat["shmem"] + stat["slab_reclaimable"]
    return cpu, usage, usage - (stat["inactive_file"] if working_set else droppable)


def counters_of_host():
    """Reads what the kernel counts for the machine."""
    first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, first.split()[1:])
    ticks = user + nice + system + irq + softirq + steal
    stat = fields(pathlib.Path("/proc/meminfo"))
    usage = stat["MemTotal:"] - stat["MemFree:"]
    droppable = stat["Buffers:"] + stat["Cached:"] - stat["Shmem:"] + stat["SReclaimable:"]
    return ticks * 10**9 // os.sysconf("SC_CLK_TCK"), 1024 * usage, 1024 * (usage - droppable)


def fields(path):
    """The number behind each name."""
    return {line.split()[0]: int(line.split()[1]) for line in path.read_text().splitlines()}
