"""The agent in real containers, against the machine's own counters of them.

    python3 -m unittest check [options]

Needs the engine and the image of tests/docker/run.sh. Each container takes about 15 seconds: its
windows are real ones.
"""

import os
import pathlib
import re
import time
import unittest

from container import PERIOD_SECONDS, SAMPLE_SECONDS, Container
from meter import Meter, counters_of_container, counters_of_host, fields

# In points: percent of the limit.
CPU_TOLERANCE = 1
MEMORY_TOLERANCE = 0.5

MEGABYTE = 1 << 20
HELD_MEGABYTES = 20
SHARED_MEGABYTES = 8
CACHED_MEGABYTES = 16
# What the agent, the load and the kernel need beside what is held.
MOST_OVERHEAD_MEGABYTES = 8
# The kernel counts a container's memory in batches of 64 pages for each core, so that even what
# stands still may move by some of them.
BATCHES_MEGABYTES = 1

# Windows before the page cache grows, and after.
WINDOWS = 2

# How long the engine waits before it kills.
STOP_SECONDS = 10

MACHINE_CORES = os.sysconf("SC_NPROCESSORS_ONLN")
MACHINE_BYTES = 1024 * fields(pathlib.Path("/proc/meminfo"))["MemTotal:"]

AGENT = ("/agent", "--namespace", "T", "--service", "S", "--dry-run")
AGENT += ("--sample-interval", str(SAMPLE_SECONDS))
AGENT += ("--scope", os.environ.get("SCOPE") or "auto")
BAD_LOG = "ERROR|WARN|panicked"


class Checks:
    """What holds in every container."""

    limits = ()
    cores = MACHINE_CORES
    memory_bytes = MACHINE_BYTES
    scope = "container"
    options = ()
    # Percent of one core.
    load = 60
    # Megabytes, one reading after another.
    reads = (CACHED_MEGABYTES,)
    cpu_tolerance = CPU_TOLERANCE

    @classmethod
    def setUpClass(cls):
        name = cls.__name__.lower()
        sizes = (cls.load, HELD_MEGABYTES, SHARED_MEGABYTES, CACHED_MEGABYTES)
        period = ("--period", str(PERIOD_SECONDS))
        command = ("agent", "/load", *map(str, sizes), *AGENT, *period, *cls.options)
        cls.container = Container(name, *cls.limits, *command)
        cls.addClassCleanup(cls.container.remove)
        cls.container.wait(cls.container.output, "^load: ready$")
        meter = cls.meter = Meter(cls.counters(name))
        cls.addClassCleanup(meter.stop)
        cls.container.wait_for_windows(WINDOWS)
        cls.before = [window for window in cls.container.windows() if meter.covers(window)]
        for megabytes in cls.reads:
            cls.container.command("cache", megabytes)
        cls.container.wait_for_windows(WINDOWS)
        meter.end()
        cls.code = cls.container.stop()
        cls.windows = [window for window in cls.container.windows() if meter.covers(window)]
        cls.print_table()

    @classmethod
    def counters(cls, name):
        return counters_of_container(name, working_set="working-set" in cls.options)

    @classmethod
    def expected(cls, window):
        """CPU, memory with all page cache, and memory, as the machine counted them, in percent."""
        cpu, usage, memory = cls.meter.window(window)
        return min(100, cpu / cls.cores), cls.percent(usage), cls.percent(memory)

    @classmethod
    def percent(cls, size):
        return 100 * size / cls.memory_bytes

    @classmethod
    def print_table(cls):
        """Every figure that is compared, for whoever reads the output."""
        print(f"\n{cls.__name__}: percent of the limit, as the agent | the machine has it")
        for window in cls.windows:
            cpu, usage, memory = cls.expected(window)
            print(
                f"  {window.start}  CPU {window.cpu!s:>6} | {cpu:6.2f}  memory"
                f" {window.memory!s:>6} | {memory:6.2f} (with page cache {usage:6.2f})",
                flush=True,
            )

    def test_ends_well_when_stopped_and_logs_no_error(self):
        self.assertEqual(self.code, 0, self.container.tell())
        self.assertNotRegex(self.container.tell(), BAD_LOG)

    def test_windows_are_whole(self):
        whole = PERIOD_SECONDS / SAMPLE_SECONDS
        for window in self.windows:
            with self.subTest(window=window):
                self.assertAlmostEqual(window.samples, whole, delta=1)

    def test_scope_is_right(self):
        scopes = re.findall(r"\bscope: (\w+)", self.container.tell())
        self.assertEqual(scopes, [self.scope], self.container.tell())

    def test_limits_are_those_that_were_set(self):
        log = self.container.tell()
        cores = re.findall(r"CPU limit: (\S+) cores", log)
        size = re.findall(r"memory limit: (\d+) bytes", log)
        # One line each: no limit changed in between.
        said = ([float(text) for text in cores], [int(text) for text in size])
        self.assertEqual(said, ([self.cores], [self.memory_bytes]), log)

    def test_load_is_there(self):
        """Otherwise the other tests would compare little with little."""
        for window in self.windows:
            with self.subTest(window=window):
                cpu, _, memory = self.expected(window)
                self.assertGreaterEqual(cpu, self.load / self.cores / 2)
                self.assertGreaterEqual(memory, self.percent(HELD_MEGABYTES * MEGABYTE))

    def test_cpu_is_what_the_machine_counted(self):
        for window in self.windows:
            with self.subTest(window=window):
                cpu, _, _ = self.expected(window)
                self.assertIsNotNone(window.cpu)
                self.assertAlmostEqual(window.cpu, cpu, delta=self.cpu_tolerance)

    def test_memory_is_what_the_machine_counted(self):
        for window in self.windows:
            with self.subTest(window=window):
                _, _, memory = self.expected(window)
                self.assertIsNotNone(window.memory)
                self.assertAlmostEqual(window.memory, memory, delta=MEMORY_TOLERANCE)


class MemoryChecks(Checks):
    """What holds where memory is limited."""

    def megabytes(self, percent):
        return percent * self.memory_bytes / 100 / MEGABYTE

    def grown(self, value):
        """From the window before the file was read to the last one, in megabytes."""
        return self.megabytes(value(self.windows[-1]) - value(self.before[-1]))

    def test_what_is_held_is_in_use(self):
        for window in self.before:
            overhead = self.megabytes(window.memory) - HELD_MEGABYTES - SHARED_MEGABYTES
            self.assertGreaterEqual(overhead, 0)
            self.assertLessEqual(overhead, MOST_OVERHEAD_MEGABYTES)

    def test_page_cache_is_there(self):
        grown = self.grown(lambda window: self.expected(window)[1])
        self.assertAlmostEqual(grown, CACHED_MEGABYTES, delta=BATCHES_MEGABYTES)


class UsedChecks(MemoryChecks):
    def test_page_cache_is_not_in_use(self):
        memory = [window.memory for window in self.windows]
        self.assertLess(self.megabytes(max(memory) - min(memory)), BATCHES_MEGABYTES, memory)


class HalfACore(UsedChecks, unittest.TestCase):
    limits = ("--memory", "64m", "--cpus", "0.5")
    cores = 0.5
    memory_bytes = 64 * MEGABYTE
    load = 30


class QuarterOfACore(UsedChecks, unittest.TestCase):
    limits = ("--memory", "128m", "--cpus", "0.25")
    cores = 0.25
    memory_bytes = 128 * MEGABYTE
    load = 15


class WorkingSet(MemoryChecks, unittest.TestCase):
    """What is read once more counts, so that usage, memory in use and this are three numbers."""

    limits = ("--memory", "64m", "--cpus", "0.5", "--cgroupns", "private")
    cores = 0.5
    memory_bytes = 64 * MEGABYTE
    load = 20
    options = ("--memory", "working-set")
    reads = (CACHED_MEGABYTES, CACHED_MEGABYTES // 2)

    def test_what_is_read_again_is_in_the_working_set(self):
        kernel = self.grown(lambda window: self.expected(window)[2])
        if kernel < 1:
            self.skipTest(f"this kernel sees no use in a second reading: {kernel} MB are active")
        agent = self.grown(lambda window: window.memory)
        self.assertAlmostEqual(agent, CACHED_MEGABYTES // 2, delta=BATCHES_MEGABYTES)


class OneCpu(Checks, unittest.TestCase):
    limits = ("--cpuset-cpus", "0")
    cores = 1


class NoLimits(Checks, unittest.TestCase):
    scope = "host"
    # The kernel counts the machine's time in ticks of 10 ms, and this is two of them in a sample.
    cpu_tolerance = CPU_TOLERANCE + 2 * 100 * 0.01 / SAMPLE_SECONDS / MACHINE_CORES

    @classmethod
    def counters(cls, name):
        return counters_of_host


class Stop(unittest.TestCase):
    def test_docker_stop_delivers_the_last_window(self):
        """With the agent as the only process, without any rights."""
        rights = ("--memory", "64m", "--user", "65534:65534", "--cap-drop", "ALL", "--read-only")
        stopped = Container("stop", *rights, "agent", *AGENT, "--period", "3600")
        self.addCleanup(stopped.remove)
        stopped.wait(stopped.log, "memory limit: 67108864 bytes")
        before = len(stopped.windows())
        begin = time.monotonic()
        code = stopped.stop()
        took = time.monotonic() - begin
        print(f"\nStop: exit code {code} after {took:.2f} s, {stopped.output}", flush=True)
        self.assertEqual(code, 0, stopped.tell())
        self.assertLess(took, STOP_SECONDS)
        self.assertEqual(len(stopped.windows()), before + 1, stopped.tell())
        self.assertGreater(stopped.windows()[-1].memory, 0)
        log, said = re.subn("WARN .*only this agent is in its container.*", "", stopped.tell())
        self.assertEqual(said, 1, "it measures itself")
        self.assertNotRegex(log, BAD_LOG)


if __name__ == "__main__":
    unittest.main()
