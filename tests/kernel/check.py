"""The agent inside real kernels, against the kernel's own counters.

    python tests/kernel/check.py KERNEL INITRAMFS [unittest options]

tests/kernel/run.sh builds both. Each guest takes about 50 seconds: its windows are real ones.
"""

import itertools
import re
import sys
import unittest

from guest import POD, Guest

# In points: percent of the limit.
CPU_TOLERANCE = 1
MEMORY_TOLERANCE = 0.5
# The agent prints two decimals.
LAST_DIGIT = 0.01
# The agent of the pod waits for its own quota, which is in other periods than that of what it reads.
POD_THROTTLING_TOLERANCE = 3

# What guest/init sets.
MEGABYTE = 1 << 20
CPUS = 2
# Each is an agent in a group with limits, or a container of a pod that one sees.
LIMITED = ("own", "private", "bound", "parent", *POD)
QUOTA_CORES = 0.25
LIMIT_BYTES = 256 * MEGABYTE
HELD_BYTES = (32 + 8) * MEGABYTE
CACHED_BYTES = 16 * MEGABYTE
LEAST_SLAB_BYTES = 3 * MEGABYTE
PHASES = ("full", "cached", "dropped")
# Percent of one core that the load asks for: where there is a quota, and elsewhere.
LOADS = {"full": (100, 20), "cached": (12, 40), "dropped": (12, 40)}

# What the agent, the loads and the kernel need beside what is held.
MOST_OVERHEAD_BYTES = 4 * MEGABYTE

# In the group whose processes are killed.
SMALL_LIMIT_BYTES = 32 * MEGABYTE
KILLS = 2
# As sh tells of SIGKILL.
KILLED = "137"

# A busy machine keeps the loads from what they ask for, or makes the agents cost more. That is no
# fault of the agent; the agent and the kernel must agree all the same.
LEAST_SHARE_OF_LOAD = 0.5
MOST_SHARE_OF_LOAD = 2


class Checks:
    """What holds in every layout."""

    layout = None

    @classmethod
    def setUpClass(cls):
        cls.guest = Guest(cls.layout, KERNEL, INITRAMFS)
        cls.limits = {name: (QUOTA_CORES, LIMIT_BYTES) for name in LIMITED}
        cls.limits["one-cpu"] = (1, cls.guest.memory_bytes)
        cls.limits["free"] = (CPUS, cls.guest.memory_bytes)
        cls.agents = [name for name in cls.limits if name not in POD]

    def each_window(self, agents):
        return itertools.product(agents, PHASES)

    def cpu(self, agent, phase):
        """The least and the greatest median that the kernel's counter allows, and the mean."""
        cores = self.guest.kernel_cpu(agent, phase)
        values = (cores.low, cores.high, cores.mean)
        return [min(100, 100 * value / self.limits[agent][0]) for value in values]

    def memory(self, agent, phase):
        """The kernel's memory in use, and its usage with page cache."""
        memory = self.guest.kernel_memory(agent, phase)
        return [100 * value / self.limits[agent][1] for value in (memory.used, memory.usage)]

    def test_every_agent_ends_well_and_logs_no_error(self):
        for agent in ("pod", *self.agents, "killed", "free-auto", "root-auto"):
            with self.subTest(agent=agent):
                self.assertEqual(self.guest.said[f"{agent}.code"], ["0"], self.guest.tell(agent))
                log = self.guest.log(agent)
                if "scope: host" in log:
                    # Each is asked for the events of a container, which a machine does not have.
                    warning = "CPUThrottling, OOMKills unavailable: scope host does not measure it: a container has it, by --scope container or pod"
                    self.assertEqual(log.count(warning), 1, log)
                    log = re.sub(f"WARN .*{warning}", "", log)
                # Some are in a group of their own, and told that they measure themselves.
                log = re.sub("WARN .*only this agent is in its container.*", "", log)
                self.assertNotRegex(log, "ERROR|WARN|panicked")

    def test_limits_are_those_that_were_set(self):
        small = {"killed": (QUOTA_CORES, SMALL_LIMIT_BYTES)}
        for agent, limits in ({name: self.limits[name] for name in self.agents} | small).items():
            with self.subTest(agent=agent):
                log = self.guest.log(agent)
                cores = re.findall(r"CPU limit: (\S+) cores", log)
                memory = re.findall(r"memory limit: (\d+) bytes", log)
                # One line each: no limit changed in between.
                said = [list(map(float, cores)), list(map(int, memory))]
                self.assertEqual(said, [[limit] for limit in limits], log)

    def test_load_is_the_one_that_was_asked_for(self):
        """Otherwise the other tests would compare little with little."""
        for agent, phase in self.each_window(self.limits):
            with self.subTest(agent=agent, phase=phase):
                load = LOADS[phase][agent not in LIMITED] / self.limits[agent][0]
                _, _, mean = self.cpu(agent, phase)
                self.assertGreaterEqual(mean, min(100, load) * LEAST_SHARE_OF_LOAD)
                self.assertLessEqual(mean, load * MOST_SHARE_OF_LOAD)

    def test_cpu_is_what_the_kernel_counted(self):
        for agent, phase in self.each_window(self.limits):
            with self.subTest(agent=agent, phase=phase):
                low, high, _ = self.cpu(agent, phase)
                value = self.guest.window(agent, phase)["cpu"]
                # 1 point where the load is steady. Where the guest had to wait for its CPUs even the
                # kernel's own figure depends on when it is read, and the ticks are not even.
                tolerance = max(CPU_TOLERANCE, (high - low) / 2)
                about = f"{value} where the kernel has {low} to {high}"
                self.assertIsNotNone(value)
                self.assertGreaterEqual(value, low - tolerance, about)
                self.assertLessEqual(value, high + tolerance, about)

    def test_memory_is_what_the_kernel_counted(self):
        for agent, phase in self.each_window(self.limits):
            with self.subTest(agent=agent, phase=phase):
                used, _ = self.memory(agent, phase)
                value = self.guest.window(agent, phase)["memory"]
                self.assertIsNotNone(value)
                self.assertAlmostEqual(value, used, delta=MEMORY_TOLERANCE)

    def test_a_pod_is_the_sum_of_its_containers(self):
        """In percent of the sum of their limits, that of the agent's own container included; but no more
        than the machine has."""
        groups = (*POD, "pod")
        size = min(len(groups) * LIMIT_BYTES, self.guest.memory_bytes)
        for phase in PHASES:
            with self.subTest(phase=phase):
                window = self.guest.window("pod", phase)
                cores = [self.guest.kernel_cpu(group, phase) for group in groups]
                share = 100 / (len(groups) * QUOTA_CORES)
                low, high = (share * sum(getattr(of, end) for of in cores) for end in ("low", "high"))
                self.assertGreaterEqual(window["cpu"], low - CPU_TOLERANCE)
                self.assertLessEqual(window["cpu"], high + CPU_TOLERANCE)
                used = sum(self.guest.kernel_memory(group, phase).used for group in groups)
                expected = 100 * used / size
                self.assertAlmostEqual(window["memory"], expected, delta=MEMORY_TOLERANCE)

    def test_memory_that_is_held_or_shared_is_in_use(self):
        held = 100 * HELD_BYTES / LIMIT_BYTES
        overhead = 100 * MOST_OVERHEAD_BYTES / LIMIT_BYTES
        for agent, phase in self.each_window(LIMITED):
            with self.subTest(agent=agent, phase=phase):
                value = self.guest.window(agent, phase)["memory"]
                self.assertGreaterEqual(value, held)
                self.assertLessEqual(value, held + overhead)

    def test_page_cache_is_not_in_use(self):
        cached = 100 * CACHED_BYTES / LIMIT_BYTES
        for agent in LIMITED:
            with self.subTest(agent=agent):
                usage = {phase: self.memory(agent, phase)[1] for phase in PHASES}
                # The kernel's usage goes up by the page cache, and down again.
                for without in ("full", "dropped"):
                    grown = usage["cached"] - usage[without]
                    self.assertAlmostEqual(grown, cached, delta=MEMORY_TOLERANCE)
                values = [self.guest.window(agent, phase)["memory"] for phase in PHASES]
                self.assertLess(max(values) - min(values), MEMORY_TOLERANCE, values)

    def test_auto_measures_the_container_where_there_is_a_limit_and_else_the_host(self):
        for agent, scope in (("parent", "container"), ("free-auto", "host"), ("root-auto", "host")):
            with self.subTest(agent=agent):
                self.assertRegex(self.guest.log(agent), rf"INFO .*\] scope: {scope}, because ")

    def test_throttling_is_what_the_kernel_counted(self):
        for agent, phase in self.each_window((*self.limits, "killed")):
            with self.subTest(agent=agent, phase=phase):
                low, high = self.guest.kernel_throttling(agent, phase)
                value = self.guest.window(agent, phase)["throttling"]
                about = f"{value} where the kernel has {low} to {high}"
                self.assertIsNotNone(value)
                tolerance = POD_THROTTLING_TOLERANCE if agent in POD else LAST_DIGIT
                self.assertGreaterEqual(value, low - tolerance, about)
                self.assertLessEqual(value, high + tolerance, about)

    def test_throttling_is_most_some_and_none_as_the_load_and_the_quota_make_it(self):
        """Otherwise the test before would compare nothing with nothing."""
        for agent in LIMITED:
            # Eight loads share two emulated CPUs, and a load that has to wait for one is throttled less: on a busy
            # machine in 5 % of its periods.
            self.assertGreater(self.guest.window(agent, "full")["throttling"], 0, agent)
        low, high = self.guest.kernel_throttling("killed", "dropped")
        self.assertGreater(low, 10)
        self.assertLess(high, 90)
        for agent, phase in self.each_window(("one-cpu", "free")):
            self.assertEqual(self.guest.window(agent, phase)["throttling"], 0, agent)

    def test_oom_kills_are_what_the_kernel_counted(self):
        for agent, phase in self.each_window((*self.limits, "killed")):
            with self.subTest(agent=agent, phase=phase):
                kills = KILLS if (agent, phase) == ("killed", "dropped") else 0
                self.assertEqual(self.guest.kernel_oom_kills(agent, phase), kills)
                self.assertEqual(self.guest.window(agent, phase)["oom_kills"], kills)

    def test_what_was_killed_is_what_exceeded_the_memory(self):
        self.assertEqual(self.guest.said["killed.exceeded"], [KILLED] * KILLS)

    def test_events_of_the_host_are_absent(self):
        for agent, phase in self.each_window(("free-auto", "root-auto")):
            window = self.guest.window(agent, phase)
            self.assertEqual((window["throttling"], window["oom_kills"]), (None, None), agent)

    def test_figures(self):
        """Checks nothing: prints all figures, for whoever reads the output."""
        print(f"\n{self.layout}: percent of the limit, as the agent | the kernel has it")
        for agent, phase in self.each_window(self.limits):
            window = self.guest.window(agent, phase)
            low, high, mean = self.cpu(agent, phase)
            used, usage = self.memory(agent, phase)
            print(
                f"  {agent:8} {phase:8}"
                f" CPU {window['cpu']:6.2f} | {low:6.2f} to {high:6.2f}, mean {mean:6.2f};"
                f" memory {window['memory']:6.2f} | {used:6.2f}, with page cache {usage:6.2f}"
            )
        print(f"{self.layout}: events")
        for agent, phase in self.each_window((*self.limits, "killed")):
            window = self.guest.window(agent, phase)
            low, high = self.guest.kernel_throttling(agent, phase)
            kills = self.guest.kernel_oom_kills(agent, phase)
            print(
                f"  {agent:8} {phase:8}"
                f" throttling {window['throttling']:6.2f} | {low:6.2f} to {high:6.2f};"
                f" OOM kills {window['oom_kills']:.0f} | {kills}"
            )


class V2(Checks, unittest.TestCase):
    layout = "v2"

    def test_reclaimable_slabs_are_more_than_the_tolerance(self):
        """So that the other tests see whether they are taken off."""
        self.assertGreater(100 * LEAST_SLAB_BYTES / LIMIT_BYTES, 2 * MEMORY_TOLERANCE)
        for agent, phase in self.each_window(LIMITED):
            with self.subTest(agent=agent, phase=phase):
                slabs = self.guest.kernel_memory(agent, phase).slabs
                self.assertGreaterEqual(slabs, LEAST_SLAB_BYTES)


class V1(Checks, unittest.TestCase):
    layout = "v1"


class Hybrid(Checks, unittest.TestCase):
    layout = "hybrid"


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        sys.exit("usage: python tests/kernel/check.py KERNEL INITRAMFS [unittest options]")
    KERNEL, INITRAMFS = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
