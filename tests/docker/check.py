"""The agent in real containers, against the machine's own counters of them.

    python3 tests/docker/check.py [unittest options]

Needs the engine and the image of tests/docker/run.sh. Each container takes about 15 seconds: its
windows are real ones.
"""

import os
import re
import time
import unittest

from container import (
    MEGABYTE, PERIOD_SECONDS, Container, Meter, container_counters, fields, host_counters,
)  # fmt: skip

# In points: percent of the limit.
CPU_TOLERANCE = 1
MEMORY_TOLERANCE = 0.5

HELD_MEGABYTES = 20
SHARED_MEGABYTES = 8
CACHED_MEGABYTES = 16
# What the agent, the load and the kernel need beside what is held.
MOST_OVERHEAD_MEGABYTES = 8

# Complete windows before the page cache grows, and after.
WINDOWS = 2

# How long the engine waits before it kills.
STOP_SECONDS = 10

MACHINE_CORES = os.sysconf("SC_NPROCESSORS_ONLN")
MACHINE_BYTES = 1024 * fields("/proc/meminfo")["MemTotal:"]

AGENT = ("/agent", "--namespace", "T", "--service", "S", "--dry-run", "--sample-interval", "0.3")


class Checks:
    """What holds in every container."""

    limits = ()
    options = ()
    # Percent of one core.
    load = 0
    cores = MACHINE_CORES
    bytes = MACHINE_BYTES
    scope = "container"
    cpu_tolerance = CPU_TOLERANCE

    @classmethod
    def setUpClass(cls):
        sizes = map(str, (cls.load, HELD_MEGABYTES, SHARED_MEGABYTES, CACHED_MEGABYTES))
        agent = [*AGENT, "--period", str(PERIOD_SECONDS)]
        agent += ["--scope", os.environ.get("SCOPE") or "auto", *cls.options]
        name = cls.__name__.lower()
        cls.container = Container(name, *cls.limits, "agent", "/load", *sizes, *agent)
        cls.addClassCleanup(cls.container.remove)
        cls.container.wait(cls.container.output, "^load: ready$")
        cls.meter = Meter(cls.counters(name))
        cls.addClassCleanup(cls.meter.end)
        # The first window is cut short, and the load comes up in it.
        cls.container.wait_for_windows(1 + WINDOWS)
        before = time.time()
        cls.container.tell_load()
        after = time.time()
        # The cache grows in the first of these.
        cls.container.wait_for_windows(1 + WINDOWS)
        cls.meter.end()
        cls.code = cls.container.stop()
        last_reading = cls.meter.readings[-1].time / 10**9
        cls.windows = [w for w in cls.container.windows()[1:] if w.end <= last_reading]
        cls.before = [window for window in cls.windows if window.end <= before]
        cls.after = [window for window in cls.windows if window.start >= after]
        cls.print_table()

    @classmethod
    def counters(cls, name):
        return container_counters(name)

    @classmethod
    def expected(cls, window):
        """CPU, memory and memory with page cache, as the machine counted them, in percent."""
        cpu, usage, used, working_set = cls.meter.window(window.start)
        memory = working_set if "working-set" in cls.options else used
        return min(100, cpu / cls.cores), 100 * memory / cls.bytes, 100 * usage / cls.bytes

    @classmethod
    def print_table(cls):
        """Every figure that is compared, for whoever reads the output."""
        print(f"\n{cls.__name__}: percent of the limit, as the agent | the machine has it")
        for window in cls.windows:
            cpu, memory, usage = cls.expected(window)
            print(
                f"  {window.start}  CPU {window.cpu:6.2f} | {cpu:6.2f}  memory"
                f" {window.memory:6.2f} | {memory:6.2f} (with page cache {usage:6.2f})",
                flush=True,
            )

    def each(self):
        for window in self.windows:
            with self.subTest(window=window):
                yield window, *self.expected(window)

    def test_ends_well_when_stopped_and_logs_no_error(self):
        self.assertEqual(self.code, 0, self.container.tell())
        self.assertNotRegex(self.container.tell(), "ERROR|WARN|panicked")

    def test_every_phase_has_its_windows(self):
        self.assertGreaterEqual(len(self.before), WINDOWS, self.container.tell())
        self.assertGreaterEqual(len(self.after), WINDOWS, self.container.tell())
        for window in self.windows:
            self.assertGreaterEqual(window.samples, 9, self.container.tell())

    def test_scope_is_right(self):
        scopes = re.findall(r"\bscope: (\w+)", self.container.tell())
        self.assertEqual(scopes, [self.scope], self.container.tell())

    def test_limits_are_those_that_were_set(self):
        log = self.container.tell()
        cores = re.findall(r"CPU is in percent of (\S+) cores", log)
        size = re.findall(r"memory is in percent of (\d+) bytes", log)
        # One line each: no limit changed in between.
        said = ([float(text) for text in cores], [int(text) for text in size])
        self.assertEqual(said, ([self.cores], [self.bytes]), log)

    def test_load_is_there(self):
        """Otherwise the other tests would compare little with little."""
        for _, cpu, *_ in self.each():
            self.assertGreaterEqual(cpu, min(100, self.load / self.cores) / 2)

    def test_cpu_is_what_the_machine_counted(self):
        for window, cpu, _, _ in self.each():
            self.assertIsNotNone(window.cpu)
            self.assertAlmostEqual(window.cpu, cpu, delta=self.cpu_tolerance)

    def test_memory_is_what_the_machine_counted(self):
        for window, _, memory, _ in self.each():
            self.assertIsNotNone(window.memory)
            self.assertAlmostEqual(window.memory, memory, delta=MEMORY_TOLERANCE)


class MemoryChecks(Checks):
    """What holds where memory is limited."""

    def percent(self, megabytes):
        return 100 * megabytes * MEGABYTE / self.bytes

    def test_page_cache_is_not_in_use(self):
        usage = [self.expected(windows[-1])[2] for windows in (self.before, self.after)]
        self.assertAlmostEqual(
            usage[1] - usage[0], self.percent(CACHED_MEGABYTES), delta=MEMORY_TOLERANCE
        )
        memory = [window.memory for window in self.windows]
        self.assertLess(max(memory) - min(memory), MEMORY_TOLERANCE, memory)

    def test_what_is_held_is_in_use(self):
        held = HELD_MEGABYTES + SHARED_MEGABYTES
        for window, *_ in self.each():
            self.assertGreaterEqual(window.memory, self.percent(held))
            self.assertLessEqual(window.memory, self.percent(held + MOST_OVERHEAD_MEGABYTES))


class HalfACore(MemoryChecks, unittest.TestCase):
    limits = ("--memory", "64m", "--cpus", "0.5")
    load = 30
    cores = 0.5
    bytes = 64 * MEGABYTE


class QuarterOfACore(MemoryChecks, unittest.TestCase):
    """Its load never rests: only the quota stops it."""

    limits = ("--memory", "128m", "--cpus", "0.25")
    load = 100
    cores = 0.25
    bytes = 128 * MEGABYTE


class WorkingSet(MemoryChecks, unittest.TestCase):
    limits = ("--memory", "64m", "--cpus", "0.5", "--cgroupns", "private")
    options = ("--memory", "working-set")
    load = 20
    cores = 0.5
    bytes = 64 * MEGABYTE


class OneCpu(Checks, unittest.TestCase):
    limits = ("--cpuset-cpus", "0")
    load = 60
    cores = 1


class NoLimits(Checks, unittest.TestCase):
    load = 60
    scope = "host"
    # The kernel counts the machine's time in ticks, and this is two of them in a sample.
    cpu_tolerance = CPU_TOLERANCE + 100 * 2 * 0.01 / 0.3 / MACHINE_CORES

    @classmethod
    def counters(cls, name):
        return host_counters


class Stop(unittest.TestCase):
    def test_docker_stop_delivers_the_last_window(self):
        """With the agent as the only process, without any rights."""
        rights = ("--user", "65534:65534", "--cap-drop", "ALL", "--read-only")
        container = Container(
            "stop", *rights, "--memory", "64m", "agent", *AGENT, "--period", "3600"
        )
        self.addCleanup(container.remove)
        container.wait(container.log, "memory is in percent of")
        before = len(container.windows())
        begin = time.monotonic()
        code = container.stop()
        self.assertLess(time.monotonic() - begin, STOP_SECONDS, container.tell())
        self.assertEqual(code, 0, container.tell())
        self.assertEqual(len(container.windows()), before + 1, container.tell())
        last = container.windows()[-1]
        self.assertGreater(last.memory, 0)
        self.assertNotRegex(container.tell(), "ERROR|WARN|panicked")
        print(f"\nStop: exit code {code}, {container.output[-1]}")


if __name__ == "__main__":
    unittest.main()
