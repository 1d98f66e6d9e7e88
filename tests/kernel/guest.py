"""A machine with a real kernel: boots it, and reads what it says until its end."""

import collections
import dataclasses
import re
import statistics
import subprocess
import threading

# What guest/init sets. Half a second is the agent's and the meter's interval.
PERIOD_SECONDS = 5
MEGABYTE = 1 << 20

# A guest takes about 45 seconds; this ends one that hangs.
PATIENCE_SECONDS = 240

PERCENT = r"-|\d+\.\d\d%"
WINDOW = re.compile(
    rf"^(?P<time>\S+) CPUUtilization=(?P<cpu>{PERCENT}) MaxCPUUtilization=(?P<max_cpu>{PERCENT})"
    rf" MemoryUtilization=(?P<memory>{PERCENT}) MaxMemoryUtilization=(?P<max_memory>{PERCENT})"
    r" samples=(?P<samples>\d+) "
)


@dataclasses.dataclass
class Reading:
    """What the meter read at one moment: nanoseconds and bytes."""

    time: int
    cpu: int
    usage: int
    file: int
    shared: int
    slabs: int

    @staticmethod
    def of(line, layout):
        numbers = [int(number) for number in line.split()]
        if layout == "v2":
            numbers[1] *= 1000  # usage_usec
        else:
            numbers.append(0)  # v1 has no count of reclaimable slabs
        return Reading(*numbers)

    @property
    def used(self):
        return self.usage - self.file + self.shared - self.slabs


@dataclasses.dataclass
class Kernel:
    """What the kernel counted in one window: CPU in percent of one core, memory in bytes."""

    cpu: float
    mean_cpu: float
    used: float
    usage: float

    @staticmethod
    def of(readings, start):
        begin, end = start * 10**9, (start + PERIOD_SECONDS) * 10**9
        pairs = [(a, b) for a, b in zip(readings, readings[1:]) if begin <= b.time < end]
        if len(pairs) < PERIOD_SECONDS:
            raise AssertionError(f"the meter stalled: {len(pairs)} readings in the window")
        cpu = lambda a, b: 100 * (b.cpu - a.cpu) / (b.time - a.time)
        return Kernel(
            cpu=statistics.median(cpu(a, b) for a, b in pairs),
            mean_cpu=cpu(pairs[0][0], pairs[-1][1]),
            used=statistics.median(b.used for _, b in pairs),
            usage=statistics.median(b.usage for _, b in pairs),
        )


class Guest:
    """All that one guest said, by layout: of each agent its output, log and exit code."""

    def __init__(self, layout, kernel, initramfs):
        self.layout = layout
        self.console, self.said = boot(layout, kernel, initramfs)
        # name of the phase -> start of its steady window
        self.phases = {
            name: int(start) for name, start in map(str.split, self.said["guest.phase"])
        }
        total = re.search(r"MemTotal: +(\d+) kB", "\n".join(self.said["memory"]))
        self.memory_bytes = int(total[1]) * 1024

    def window(self, agent, phase):
        """The values of the agent's line for the phase's window; None where it has `-`."""
        start = self.phases[phase]
        for match in map(WINDOW.match, self.said[f"{agent}.out"]):
            if match and seconds(match["time"]) == start:
                values = {name: match[name] for name in ("cpu", "max_cpu", "memory", "max_memory")}
                return {
                    name: None if text == "-" else float(text.rstrip("%"))
                    for name, text in values.items()
                }
        raise AssertionError(f"no window of {agent} at {start}:\n{self.tell(agent)}")

    def kernel(self, agent, phase):
        readings = [Reading.of(line, self.layout) for line in self.said[f"{agent}.meter"]]
        return Kernel.of(readings, self.phases[phase])

    def log(self, agent):
        return "\n".join(self.said[f"{agent}.log"])

    def tell(self, agent):
        parts = (f"{agent}.{part}" for part in ("code", "log", "out"))
        return "\n".join(f"{part}: {line}" for part in parts for line in self.said[part])


def boot(layout, kernel, initramfs):
    """Runs the guest to its end. Returns its whole console, and the lines for the test by name."""
    arguments = ["console=ttyS0", "quiet", "loglevel=1", "panic=-1", f"layout={layout}"]
    if layout == "v2":
        arguments.append("cgroup_no_v1=all")
    # Software emulation, because it is everywhere. The kernel in it is as real as any.
    command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults"]
    command += ["-no-reboot", "-display", "none", "-serial", "stdio"]
    command += ["-kernel", kernel, "-initrd", initramfs, "-append", " ".join(arguments)]
    qemu = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    guard = threading.Timer(PATIENCE_SECONDS, qemu.kill)
    guard.start()
    console, said = [], collections.defaultdict(list)
    with qemu:
        for line in map(str.rstrip, qemu.stdout):
            console.append(line)
            if line.startswith("@@ "):
                name, _, text = line[3:].partition(" |" if " |" in line else " ")
                said[name].append(text)
    guard.cancel()
    if "end" not in said:
        raise AssertionError(f"{layout}: the guest did not come to its end:\n" + "\n".join(console))
    return console, said


def seconds(time):
    import calendar
    import time as clock

    return calendar.timegm(clock.strptime(time, "%Y-%m-%dT%H:%M:%SZ"))
