"""`--scope pod` in pods as the kubelet makes them, by runc and under AppArmor, inside a real kernel with
cgroup version 2.

    python tests/kernel/pod.py FOLDER [unittest options]

tests/kernel/pod.sh fills the folder. The guest takes about a minute: its windows are real ones.
"""

import calendar
import collections
import json
import re
import statistics
import sys
import time as clock
import unittest

from bundles import MEGABYTE, PERIOD, PODS, SAMPLE_INTERVAL
from guest import cpu_of_window, first_from, said_by

# In points: percent of the limit.
CPU_TOLERANCE = 0.5
MEMORY_TOLERANCE = 0.1
# A millisecond in a second: the groups are read at other moments than the agent reads them, and of a small limit that is
# more than half a percent. The agent works in bursts.
CPU_TOLERANCE_CORES = 0.001
# Percent of a core. A busy machine keeps the load from it, or makes it cost more.
LOAD, LEAST_SHARE_OF_LOAD, MOST_SHARE_OF_LOAD = 20, 0.5, 2

SECOND = 10**9
WINDOWS = 3
# The columns of the meters after the moment, for each container.
CONTAINERS = ("web", "metrics")
MEMORY_COLUMNS = 4

BAD_LOG = "ERROR|WARN|panicked"
SYS_PTRACE = 1 << 19
# How long another container may take to start again, by src/ending.rs, and the most that the agent needs to
# see both its end and the end of that time.
RESTART_SECONDS, SLOWNESS_SECONDS = 5, 3


class Guest:
    """All that the guest said."""

    def __init__(self):
        command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults"]
        command += ["-no-reboot", "-display", "none", "-serial", "stdio"]
        arguments = "console=ttyS0 quiet loglevel=1 panic=-1 cgroup_no_v1=all apparmor=1 security=apparmor"
        command += ["-kernel", f"{FOLDER}/vmlinuz", "-initrd", f"{FOLDER}/pod.gz", "-append", arguments]
        self.said = said_by(command)

    def log(self, pod):
        return "\n".join(self.said[f"{pod}.metrics.log"])

    def code(self, pod, name="metrics"):
        return self.said[f"{pod}.{name}.code"]

    def told(self, pod):
        """What the agent told of each window: its start, and what it printed."""
        told = [json.loads(line) for line in self.said[f"{pod}.metrics.out"]]
        return [(start_of(window), window) for window in told if "start" in window]

    def metrics(self, pod):
        """The same in the embedded metric format."""
        told = [json.loads(line) for line in self.said[f"{pod}.metrics.out"]]
        return [metric for metric in told if "_aws" in metric]

    def process(self, pod, name):
        """As whom a container's first process runs, by its kernel."""
        return dict(line.split(":", 1) for line in self.said[f"{pod}.{name}.is"])

    def readings(self, pod, part):
        return [tuple(map(int, line.split())) for line in self.said[f"{pod}.{part}"]]


def start_of(window):
    return calendar.timegm(clock.strptime(window["start"], "%Y-%m-%dT%H:%M:%SZ"))


def memory_of_window(readings, start):
    """The least and the greatest median of the samples that the agent can have taken, in bytes."""
    interval, end = round(SAMPLE_INTERVAL * SECOND), (start + PERIOD) * SECOND
    medians = []
    for offset in range(0, interval, interval // 10):
        ticks = range(start * SECOND + offset, end, interval)
        medians.append(statistics.median(first_from(readings, tick)[1] for tick in ticks))
    return min(medians), max(medians)


class AnyCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # All that runs is in one guest.
        if not hasattr(AnyCase, "guest"):
            AnyCase.guest = Guest()


class Measured:
    """A pod that has a load, against the counters of its groups."""

    pod, uid, capabilities = "", 0, 0

    def setUp(self):
        containers = [(name, PODS[self.pod][name]) for name in CONTAINERS]
        self.limits = {name: (container.cores, container.megabytes) for name, container in containers}
        self.limits[None] = tuple(map(sum, zip(*self.limits.values())))
        cpu, memory = (self.guest.readings(self.pod, part) for part in ("cpu", "memory"))
        self.cpu = {None: [(moment, 1000 * sum(used)) for moment, *used in cpu]}
        self.memory = {None: [(moment, self.used(columns)) for moment, *columns in memory]}
        for place, name in enumerate(CONTAINERS):
            part = slice(place * MEMORY_COLUMNS, (place + 1) * MEMORY_COLUMNS)
            self.cpu[name] = [(moment, 1000 * used[place]) for moment, *used in cpu]
            self.memory[name] = [(moment, self.used(columns[part])) for moment, *columns in memory]
        first, last = max(cpu[0][0], memory[0][0]), min(cpu[-1][0], memory[-1][0])
        before, after = SAMPLE_INTERVAL * SECOND, (PERIOD + SAMPLE_INTERVAL) * SECOND
        self.windows = [
            (start, window)
            for start, window in self.guest.told(self.pod)
            if first <= start * SECOND - before and start * SECOND + after <= last
        ]
        self.assertGreaterEqual(len(self.windows), WINDOWS, "too few windows")

    @staticmethod
    def used(columns):
        """Of one container or several."""
        groups = zip(*[iter(columns)] * MEMORY_COLUMNS)
        return sum(usage - file + shared - slabs for usage, file, shared, slabs in groups)

    def test_each_container_and_the_sum_are_what_the_kernel_counted(self):
        print(f"\n{self.pod}: percent of the limit, as the agent | the kernel has it")
        outside = collections.defaultdict(lambda: ([], []))
        for start, window in self.windows:
            told = {container["name"]: container for container in window["containers"]} | {None: window}
            self.assertEqual(told.keys(), self.limits.keys())
            for name, (cores, megabytes) in self.limits.items():
                cpu = cpu_of_window(self.cpu[name], start, PERIOD, SAMPLE_INTERVAL)
                cpu = [100 * value / cores for value in (cpu.low, cpu.high)]
                memory = memory_of_window(self.memory[name], start)
                memory = [100 * value / (megabytes * MEGABYTE) for value in memory]
                found = [told[name][part]["median"] for part in ("cpu", "memory")]
                print(
                    f"  {name or 'the sum':8} CPU {found[0]:6.2f} | {cpu[0]:6.2f} to {cpu[1]:6.2f};"
                    f" memory {found[1]:6.2f} | {memory[0]:6.2f} to {memory[1]:6.2f}"
                )
                for place, (low, high) in enumerate((cpu, memory)):
                    outside[name][place].append(max(0, low - found[place], found[place] - high))
        for name, (cpu, memory) in outside.items():
            with self.subTest(container=name):
                # A window may differ by chance.
                tolerance = max(CPU_TOLERANCE, 100 * CPU_TOLERANCE_CORES / self.limits[name][0])
                self.assertLessEqual(statistics.median(cpu), tolerance)
                self.assertLessEqual(statistics.median(memory), MEMORY_TOLERANCE)

    def test_the_load_is_the_one_that_was_asked_for(self):
        """Otherwise the other tests would compare little with little."""
        for start, _ in self.windows:
            percent = 100 * cpu_of_window(self.cpu["web"], start, PERIOD, SAMPLE_INTERVAL).mean
            self.assertGreaterEqual(percent, LEAST_SHARE_OF_LOAD * LOAD)
            self.assertLessEqual(percent, MOST_SHARE_OF_LOAD * LOAD)

    def test_the_metrics_have_the_names_of_the_pods_definition(self):
        metrics = self.guest.metrics(self.pod)
        for start, window in self.windows:
            of_window = {
                metric.get("ContainerName"): metric
                for metric in metrics
                if metric["_aws"]["Timestamp"] == 1000 * start
            }
            self.assertEqual(of_window.keys(), self.limits.keys())
            told = {container["name"]: container for container in window["containers"]} | {None: window}
            for name, metric in of_window.items():
                dimensions = ["ServiceName"] + ["ContainerName"] * bool(name)
                self.assertEqual(metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"], [dimensions])
                self.assertEqual(metric["CPUUtilization"], told[name]["cpu"]["median"])
                self.assertEqual(metric["MemoryUtilization"], told[name]["memory"]["median"])

    def test_it_ends_well_and_logs_no_error(self):
        self.assertEqual(self.guest.code(self.pod), ["0"], self.guest.log(self.pod))
        log = self.guest.log(self.pod)
        self.assertRegex(log, r"stopped; windows=(\d+) delivered=\1 dropped=0 undelivered=0")
        self.assertNotRegex(log, BAD_LOG)

    def test_it_has_no_more_rights_than_it_needs(self):
        agent, app, pause = (self.guest.process(self.pod, name) for name in ("metrics", "web", "pause"))
        self.assertEqual(agent["Uid"].split(), [str(self.uid)] * 4)
        self.assertEqual(agent["Gid"].split(), [str(self.uid)] * 4)
        for mask in ("CapEff", "CapBnd"):
            self.assertEqual(int(agent[mask], 16), self.capabilities)
        self.assertEqual(agent["NoNewPrivs"].split(), ["1"])
        self.assertRegex(agent["root"], r"^ ro\b")
        # The PID namespace is that of the pod, and the control group's is each one's own.
        pids, groups = zip(*(process["namespaces"].split() for process in (agent, app, pause)))
        self.assertEqual((len(set(pids)), len(set(groups))), (1, 3))
        for process in (agent, app):
            self.assertRegex(process["cgroups"], r"^ /sys/fs/cgroup ro,")


class AnyUser(Measured, AnyCase):
    pod, capabilities = "any-user", SYS_PTRACE


class SameUser(Measured, AnyCase):
    pod, uid = "same-user", 1000


class AppArmor(AnyCase):
    """Who may look at whom: the profiles of the app and of the agent, and whether the app can be read."""

    ROWS = {
        "same-profile": ("runtime-default", "runtime-default", True),
        "another-profile": ("another", "runtime-default", False),
        "app-unconfined": ("unconfined", "runtime-default", False),
        "agent-unconfined": ("runtime-default", "unconfined", True),
    }
    CURE = (
        r"ERROR .* {part} unavailable: container web cannot be read: process \d+ may not be looked into:"
        " the agent has the capability SYS_PTRACE, so AppArmor, SELinux or another user namespace forbids it:"
        " give both containers the same profile and user namespace$"
    )

    def test_who_can_be_read(self):
        for pod, (app, agent, is_readable) in self.ROWS.items():
            with self.subTest(pod=pod):
                log = self.guest.log(pod)
                _, window = self.guest.told(pod)[1]
                measured = {container["name"] for container in window["containers"] if container["cpu"]}
                print(f"  app under {app:16} agent under {agent:16} measured: {' '.join(sorted(measured))}")
                self.assertEqual(self.guest.code(pod), ["0"], log)
                self.assertEqual(measured, {"web", "metrics"} if is_readable else {"metrics"}, log)
                # One that cannot be read makes the sum absent, and is named with the cure.
                for part in ("cpu", "memory"):
                    self.assertEqual(window[part] is not None, is_readable, log)
                if is_readable:
                    self.assertNotRegex(log, BAD_LOG)
                    continue
                for part in ("CPU", "memory"):
                    self.assertRegex(log, re.compile(self.CURE.format(part=part), re.MULTILINE))

    def test_profiles_are_those_that_were_asked_for(self):
        """And the agent has the capability: else it would be refused without AppArmor."""
        for pod, (app, agent, _) in self.ROWS.items():
            for name, profile in (("web", app), ("metrics", agent)):
                process = self.guest.process(pod, name)
                expected = profile if profile == "unconfined" else f"{profile} (enforce)"
                self.assertEqual(process["profile"].strip(), expected)
            self.assertEqual(int(process["CapEff"], 16), SYS_PTRACE)

    def test_who_is_refused_is_refused_by_apparmor(self):
        denials = "\n".join(self.guest.said["denied"])
        denial = r'operation="ptrace" profile="(\S+)" .*requested_mask="read" .*peer="(\S+)"'
        found = re.findall(denial, denials)
        expected = {(agent, app) for app, agent, is_readable in self.ROWS.values() if not is_readable}
        self.assertEqual(set(found), expected, denials)


class Job(AnyCase):
    """A sidecar that is an ordinary container, and ends after the app."""

    def test_it_ends_by_itself_when_the_app_has_ended(self):
        log = self.guest.log("job")
        self.assertEqual(self.guest.code("job", "web"), ["0"])
        self.assertEqual(self.guest.code("job"), ["0"], log)
        self.assertNotRegex(log, BAD_LOG)
        self.assertRegex(log, "stopping: all other containers have ended")
        app, agent = (float(self.guest.said[f"job.{name}.ended"][0].split()[0]) for name in CONTAINERS)
        print(f"\nthe agent ended {agent - app:.2f} s after the app")
        self.assertGreaterEqual(agent - app, RESTART_SECONDS - SAMPLE_INTERVAL)
        self.assertLessEqual(agent - app, RESTART_SECONDS + SLOWNESS_SECONDS)

    def test_its_last_window_is_delivered(self):
        log = self.guest.log("job")
        delivered = re.findall(r"stopped; windows=(\d+) delivered=\1 dropped=0 undelivered=0", log)
        told = self.guest.told("job")
        self.assertEqual(delivered, [str(len(told))] * 2, log)
        ended = int(self.guest.said["job.metrics.ended"][0].split()[1])
        start, _ = told[-1]
        # runc takes a moment to see the end.
        self.assertIn(ended, range(start, start + PERIOD + 2))
        times = {metric["_aws"]["Timestamp"] for metric in self.guest.metrics("job")}
        self.assertEqual(times, {1000 * start for start, _ in told})

    def test_the_app_is_in_the_windows_until_its_end(self):
        ended = int(self.guest.said["job.web.ended"][0].split()[1])
        windows = [
            start
            for start, window in self.guest.told("job")
            if any(container["name"] == "web" and container["cpu"] for container in window["containers"])
        ]
        # At its end it has not used anything in a window that has only begun, and runc sees it later.
        self.assertIn(ended, range(windows[-1], windows[-1] + PERIOD + 2))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python tests/kernel/pod.py FOLDER [unittest options]")
    FOLDER = sys.argv.pop(1)
    unittest.main()
