"""The agent inside real kernels, against the kernel's own counters.

    python tests/kernel/check.py KERNEL INITRAMFS [unittest options]

tests/kernel/run.sh builds both. Each guest takes about 45 seconds: its windows are real ones.
"""

import re
import sys
import unittest

from guest import MEGABYTE, Guest

# In points: percent of the limit.
CPU_TOLERANCE = 1
MEMORY_TOLERANCE = 0.5

# What guest/init sets.
CPUS = 2
LIMITED = ("own", "private", "bound", "parent")
UNLIMITED = ("one-cpu", "free")
QUOTA_CORES = 0.25
LIMIT_BYTES = 256 * MEGABYTE
HELD_BYTES = (32 + 8) * MEGABYTE
CACHED_BYTES = 16 * MEGABYTE
PHASES = ("full", "cached", "dropped")
# Percent of one core that the load asks for, where there is a quota and elsewhere.
LOADS = {"full": (100, 20), "cached": (12, 60), "dropped": (12, 60)}

# What the agent, the shells and the kernel need beside what is held.
MOST_OVERHEAD_BYTES = 10 * MEGABYTE
# The agent uses CPU too, and emulation makes much of it.
CPU_OVERHEAD = 4
CPU_SHORTFALL = 1


class Checks:
    """What holds in every layout."""

    layout = None

    @classmethod
    def setUpClass(cls):
        cls.guest = Guest(cls.layout, KERNEL, INITRAMFS)
        cls.limits = {name: (QUOTA_CORES, LIMIT_BYTES) for name in LIMITED}
        cls.limits["one-cpu"] = (1, cls.guest.memory_bytes)
        cls.limits["free"] = (CPUS, cls.guest.memory_bytes)
        cls.print_table()

    @classmethod
    def print_table(cls):
        """Every figure that is compared, for whoever reads the output."""
        print(f"\n{cls.layout}: percent of the limit, as the agent | the kernel has it")
        for agent in cls.limits:
            for phase in PHASES:
                window = cls.guest.window(agent, phase)
                cpu, mean, used, usage = cls.expected(agent, phase)
                print(
                    f"  {agent:8} {phase:8} CPU {window['cpu']:6.2f} | {cpu:6.2f} (mean {mean:6.2f})"
                    f"  memory {window['memory']:6.2f} | {used:6.2f} (with page cache {usage:6.2f})"
                )

    @classmethod
    def expected(cls, agent, phase):
        """The kernel's CPU median and mean, memory in use, and memory usage, in percent."""
        cores, memory = cls.limits[agent]
        kernel = cls.guest.kernel(agent, phase)
        cpu, mean = (min(100, value / cores) for value in (kernel.cpu, kernel.mean_cpu))
        return cpu, mean, 100 * kernel.used / memory, 100 * kernel.usage / memory

    def each(self, agents):
        for agent in agents:
            for phase in PHASES:
                with self.subTest(agent=agent, phase=phase):
                    yield agent, phase, self.guest.window(agent, phase)

    def test_every_agent_ends_well_and_logs_no_error(self):
        for agent in (*self.limits, "free-auto", "root-auto"):
            with self.subTest(agent=agent):
                self.assertEqual(self.guest.said[f"{agent}.code"], ["0"], self.guest.tell(agent))
                self.assertNotRegex(self.guest.log(agent), "ERROR|WARN|panicked")

    def test_limits_are_those_that_were_set(self):
        for agent, limits in self.limits.items():
            with self.subTest(agent=agent):
                log = self.guest.log(agent)
                cores = re.findall(r"CPU is in percent of (\S+) cores", log)
                memory = re.findall(r"memory is in percent of (\d+) bytes", log)
                # One line each: no limit changed in between.
                said = ([float(text) for text in cores], [int(text) for text in memory])
                self.assertEqual(said, tuple([limit] for limit in limits), log)

    def test_load_is_the_one_that_was_asked_for(self):
        """Otherwise the other tests would compare little with little."""
        for agent, phase, _ in self.each(self.limits):
            load = LOADS[phase][agent in UNLIMITED] / self.limits[agent][0]
            cpu, mean, _, _ = self.expected(agent, phase)
            for value in (cpu, mean):
                self.assertGreaterEqual(value, min(100, load) - CPU_SHORTFALL / QUOTA_CORES)
                self.assertLessEqual(value, load + CPU_OVERHEAD / QUOTA_CORES)

    def test_cpu_is_what_the_kernel_counted(self):
        for agent, phase, window in self.each(self.limits):
            cpu, _, _, _ = self.expected(agent, phase)
            self.assertIsNotNone(window["cpu"])
            self.assertAlmostEqual(window["cpu"], cpu, delta=CPU_TOLERANCE)

    def test_memory_is_what_the_kernel_counted(self):
        for agent, phase, window in self.each(self.limits):
            _, _, used, _ = self.expected(agent, phase)
            self.assertIsNotNone(window["memory"])
            self.assertAlmostEqual(window["memory"], used, delta=MEMORY_TOLERANCE)

    def test_what_is_held_and_shared_is_in_use(self):
        for agent, _, window in self.each(LIMITED):
            held = 100 * HELD_BYTES / LIMIT_BYTES
            overhead = 100 * MOST_OVERHEAD_BYTES / LIMIT_BYTES
            self.assertGreaterEqual(window["memory"], held)
            self.assertLessEqual(window["memory"], held + overhead)

    def test_page_cache_is_not_in_use(self):
        cached = 100 * CACHED_BYTES / LIMIT_BYTES
        for agent in LIMITED:
            with self.subTest(agent=agent):
                usage = {phase: self.expected(agent, phase)[3] for phase in PHASES}
                # The kernel's usage goes up by the page cache, and down again.
                for without in ("full", "dropped"):
                    grown = usage["cached"] - usage[without]
                    self.assertAlmostEqual(grown, cached, delta=MEMORY_TOLERANCE)
                memory = [self.guest.window(agent, phase)["memory"] for phase in PHASES]
                self.assertLess(max(memory) - min(memory), MEMORY_TOLERANCE, memory)

    def test_auto_measures_the_container_where_there_is_a_limit_and_else_the_host(self):
        for agent, scope in (("parent", "container"), ("free-auto", "host"), ("root-auto", "host")):
            with self.subTest(agent=agent):
                log = self.guest.log(agent)
                self.assertRegex(log, rf"(?m)INFO .*\bscope\b.*\b{scope}\b")


class V2(Checks, unittest.TestCase):
    layout = "v2"


class V1(Checks, unittest.TestCase):
    layout = "v1"


class Hybrid(Checks, unittest.TestCase):
    layout = "hybrid"


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        sys.exit("usage: python tests/kernel/check.py KERNEL INITRAMFS [unittest options]")
    KERNEL, INITRAMFS = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
