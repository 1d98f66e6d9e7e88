"""A machine with a real kernel: boots it, and reads what it says until its end."""

import bisect
import calendar
import collections
import dataclasses
import itertools
import re
import statistics
import subprocess
import threading
import time as clock

# What guest/init sets, in seconds.
PERIOD = 10
SAMPLE_INTERVAL = 1
CPU_READING_SECONDS = 0.025
QUOTA_PERIOD_SECONDS = 0.1

# A guest has booted after about 3 seconds, and says so.
BOOT_SECONDS = 60
# A guest takes about 50 seconds; this ends one that hangs.
PATIENCE_SECONDS = 180

PERCENT = r"-|\d+\.\d\d%"
WINDOW = re.compile(
    rf"^(?P<time>\S+) CPUUtilization=(?P<cpu>{PERCENT}) MaxCPUUtilization=(?P<max_cpu>{PERCENT})"
    rf" MemoryUtilization=(?P<memory>{PERCENT}) MaxMemoryUtilization=(?P<max_memory>{PERCENT})"
    rf" CPUThrottling=(?P<throttling>{PERCENT}) OOMKills=(?P<oom_kills>-|\d+)"
    r" samples=(?P<samples>\d+) "
)
# The groups of the containers that the agent of the pod sees.
POD = ("pod-web", "pod-db")
VALUES = ("cpu", "max_cpu", "memory", "max_memory", "throttling", "oom_kills")


@dataclasses.dataclass
class Range:
    """The least and the greatest result that a statistic can have had, and the mean."""

    low: float
    high: float
    mean: float


@dataclasses.dataclass
class Memory:
    """Medians of a window, in bytes."""

    used: float
    usage: float
    slabs: float


class Guest:
    """All that one guest said: of each agent its output, log and exit code, and of each meter
    its readings."""

    def __init__(self, layout, kernel, initramfs):
        self.layout = layout
        self.said = boot(layout, kernel, initramfs)
        # name of the phase -> start of its window
        self.phases = {
            name: int(start) for name, start in map(str.split, self.said["guest.phase"])
        }
        total = re.search(r"MemTotal: +(\d+) kB", "\n".join(self.said["memory"]))
        self.memory_bytes = int(total[1]) * 1024

    def window(self, agent, phase):
        """The values of the agent's line for the phase's window; None where it has `-`."""
        start, out = self.phases[phase], f"{agent}.out"
        # The containers of a pod are lines of its agent, and its own line has no name.
        name = agent if agent in POD else None
        lines = self.said["pod.out" if name else out]
        of_it = lambda line: (re.search(r" ContainerName=(\S+)", line) or [None, None])[1] == name
        for match in map(WINDOW.match, filter(of_it, lines)):
            if match and seconds(match["time"]) == start:
                values = {name: match[name] for name in VALUES}
                return {
                    name: None if text == "-" else float(text.rstrip("%"))
                    for name, text in values.items()
                }
        raise AssertionError(f"no window of {agent} at {start}:\n{self.tell(agent)}")

    def kernel_cpu(self, agent, phase):
        """In cores."""
        unit = 1000 if self.layout == "v2" else 1  # usage_usec, cpuacct.usage
        readings = [(moment, used * unit) for moment, used, *_ in self.readings(agent, "cpu")]
        return cpu_of_window(readings, self.phases[phase])

    def kernel_memory(self, agent, phase):
        start = self.phases[phase]
        window = range(start * 10**9, (start + PERIOD) * 10**9)
        readings = [
            # v1 has no count of reclaimable slabs.
            (usage - file + shared - sum(slabs), usage, sum(slabs))
            for moment, _, usage, file, shared, *slabs in self.readings(agent, "memory")
            if moment in window
        ]
        return Memory(*map(statistics.median, zip(*readings)))

    def kernel_throttling(self, agent, phase):
        """The least and the greatest percent that the agent can have seen. It takes its readings at
        the first tick after either end of the window, or later by as long as its quota makes it
        wait, which is the rest of one of the kernel's periods, or of two in turn."""
        readings = self.readings(agent, "cpu")
        second, shares = 10**9, []
        start, step = self.phases[phase] * second, round(CPU_READING_SECONDS * second)
        late = range(0, round(2 * QUOTA_PERIOD_SECONDS * second) + step, step)
        # From the meter's last reading before the window on: what the agent sees may lie between.
        for tick in range(start - step, start + round(SAMPLE_INTERVAL * second) + step, step):
            begin, end = (
                {first_from(readings, moment + wait)[2:] for wait in late}
                for moment in (tick, tick + PERIOD * second)
            )
            for before, after in itertools.product(begin, end):
                periods, throttled = (late - early for early, late in zip(before, after))
                shares.append(100 * throttled / periods if periods else 0)
        return min(shares), max(shares)

    def kernel_oom_kills(self, agent, phase):
        """What was killed from the window's start to its end."""
        readings = self.readings(agent, "memory")
        start = self.phases[phase]
        _, before, *_ = first_from(readings, start * 10**9)
        _, after, *_ = first_from(readings, (start + PERIOD) * 10**9)
        return after - before

    def readings(self, agent, part):
        return [tuple(map(int, line.split())) for line in self.said[f"{agent}.{part}"]]

    def log(self, agent):
        return "\n".join(self.said[f"{agent}.log"])

    def tell(self, agent):
        parts = (f"{agent}.{part}" for part in ("code", "log", "out"))
        return "\n".join(f"{part}: {line}" for part in parts for line in self.said[part])


def boot(layout, kernel, initramfs):
    """Runs the guest to its end. Returns its lines for the test, by name."""
    arguments = ["console=ttyS0", "quiet", "loglevel=1", "panic=-1", f"layout={layout}"]
    if layout == "v2":
        arguments.append("cgroup_no_v1=all")
    # Software emulation, because it is everywhere. The kernel in it is as real as any.
    command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults"]
    command += ["-no-reboot", "-display", "none", "-serial", "stdio"]
    command += ["-kernel", kernel, "-initrd", initramfs, "-append", " ".join(arguments)]
    return said_by(command)


def said_by(command):
    """Runs the emulator until its guest ends. Returns the guest's lines for the test, by name."""
    console = run(command)
    if not console:
        # Software emulation of several CPUs now and then hangs before the kernel has said a word.
        # Nothing of the test has run then, so this repeats no part of it.
        print("the emulator hung before the guest ran, and is started anew", flush=True)
        console = run(command)
    said = collections.defaultdict(list)
    for line in console:
        if line.startswith("@@ "):
            name, _, text = line.removeprefix("@@ ").partition(" |")
            said[name].append(text)
    if "end" not in said:
        raise AssertionError("the guest did not come to its end:\n" + "\n".join(console))
    return said


def run(command):
    """The lines that the emulator prints: none if it hangs before the first."""
    qemu = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    guards = [threading.Timer(PATIENCE_SECONDS, qemu.kill), threading.Timer(BOOT_SECONDS, qemu.kill)]
    for guard in guards:
        guard.start()
    console = []
    try:
        with qemu:
            for line in qemu.stdout:
                guards[1].cancel()
                console.append(line.rstrip())
    finally:
        for guard in guards:
            guard.cancel()
    return console


def cpu_of_window(readings, start, period=PERIOD, sample_interval=SAMPLE_INTERVAL):
    """The median of the samples that the agent can have taken, and the mean, in cores. Where its ticks
    lie is unknown, so all places are tried: the steadier the load, the closer the range."""
    second = 10**9
    interval, step = round(sample_interval * second), round(CPU_READING_SECONDS * second)
    medians = []
    for offset in range(0, interval, step):
        ticks = range(start * second + offset - interval, (start + period) * second, interval)
        at = [first_from(readings, tick) for tick in ticks]
        medians.append(statistics.median(map(cores, at, at[1:])))
    first, last = (first_from(readings, moment * second) for moment in (start, start + period))
    return Range(min(medians), max(medians), cores(first, last))


def first_from(readings, moment):
    """The first reading at the moment, in nanoseconds, or after it."""
    return readings[bisect.bisect_left(readings, (moment,))]


def cores(before, after):
    """Cores that were used between two readings of moment and CPU time, in nanoseconds."""
    return (after[1] - before[1]) / (after[0] - before[0])


def seconds(time):
    return calendar.timegm(clock.strptime(time, "%Y-%m-%dT%H:%M:%SZ"))
