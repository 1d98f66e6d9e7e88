"""The agent in a container of its own, in the PID namespace of a pod, against the machine's own
counters of each container.

    python3 -m unittest pod [options]

Needs the engine and the image of tests/docker/run.sh.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import unittest

from container import PERIOD_SECONDS, SAMPLE_SECONDS, Container, docker
from meter import Meter, counters_of_container

# In points: percent of the limit.
CPU_TOLERANCE = 0.5
MEMORY_TOLERANCE = 0.1

MEGABYTE = 1 << 20
AGENT_CORES, AGENT_MEGABYTES = 0.1, 32
BAD_LOG = "ERROR|WARN|panicked"
WINDOWS = 4

AGENT = ("/agent", "--namespace", "T", "--service", "S", "--dry-run", "--output", "json", "--scope", "pod")
AGENT += ("--sample-interval", str(SAMPLE_SECONDS), "--period", str(PERIOD_SECONDS))
# What examples/kubernetes/sidecar-any-user.yaml has.
ANY_USER = ("--user", "0:0", "--cap-drop", "ALL", "--cap-add", "SYS_PTRACE")
ANY_USER += ("--security-opt", "no-new-privileges", "--read-only")
AGENT_LIMITS = ("--cpus", str(AGENT_CORES), "--memory", f"{AGENT_MEGABYTES}m")


class Pod:
    """A PID namespace that a pause container owns."""

    def __init__(self, case, name):
        self.name, self.case = name, case
        self.join = ("--pid", f"container:{name}-pause")
        self.run("pause", "agent", "/pause")

    def run(self, name, *arguments):
        """Starts a container of the pod, which nobody listens to."""
        full = f"{self.name}-{name}"
        own = () if name == "pause" else self.join
        docker("run", "--detach", "--network", "none", "--name", full, *own, *arguments)
        self.case.addClassCleanup(subprocess.run, ["docker", "rm", "--force", full], capture_output=True, check=False)
        return full

    def agent(self, *options, rights=ANY_USER, words=AGENT):
        container = Container(f"{self.name}-agent", *self.join, *rights, *AGENT_LIMITS, "agent", *words, *options)
        self.case.addClassCleanup(container.remove)
        return container


def windows(container):
    return [json.loads(line) for line in list(container.output) if line.startswith("{")]


def seconds(window):
    return int(subprocess.check_output(["date", "--date", window["start"], "+%s"]))


class Span:
    """A window as Meter wants it."""

    def __init__(self, window):
        self.start = seconds(window)
        self.end = self.start + PERIOD_SECONDS


def wait_for_windows(container, count):
    told = len(windows(container)) + count
    container._wait_for(lambda: len(windows(container)) >= told, f"{told} windows")


class Neighbours:
    """What holds in every pod."""

    # Percent of a core, MB, user, and the cores and MB that limit it.
    loads = ()

    @classmethod
    def setUpClass(cls):
        pod = Pod(cls, cls.__name__.lower())
        cls.limits, names = {}, {}
        for place, (percent, held, user, cores, megabytes) in enumerate(cls.loads):
            limits = ("--cpus", str(cores), "--memory", f"{megabytes}m", "--memory-swap", f"{megabytes}m")
            name = pod.run(f"app{place}", *limits, "--user", user, "agent", "/neighbour", str(percent), str(held), "0")
            short = docker("inspect", "--format", "{{.Id}}", name)[:12]
            names[short], cls.limits[short] = name, (cores, megabytes * MEGABYTE)
        cls.agent = pod.agent("--per-container")
        wait_for_windows(cls.agent, 1)
        counters = {short: counters_of_container(name, working_set=False) for short, name in names.items()}
        own = docker("inspect", "--format", "{{.Id}}", cls.agent.name)[:12]
        counters[own] = counters_of_container(cls.agent.name, working_set=False)
        cls.limits[own] = (AGENT_CORES, AGENT_MEGABYTES * MEGABYTE)
        together = lambda: tuple(map(sum, zip(*(of() for of in counters.values()))))
        cls.meters = {short: Meter(of) for short, of in counters.items()} | {None: Meter(together)}
        cores, size = map(sum, zip(*cls.limits.values()))
        cls.limits[None] = (min(cores, os.sysconf("SC_NPROCESSORS_ONLN")), size)
        wait_for_windows(cls.agent, WINDOWS + 2)
        for meter in cls.meters.values():
            meter.end()
        cls.code = cls.agent.stop()
        whole = cls.meters[None]
        cls.windows = [window for window in windows(cls.agent) if whole.covers(Span(window))]

    def test_ends_well_when_stopped_and_logs_no_error(self):
        self.assertEqual(self.code, 0, self.agent.tell())
        self.assertNotRegex(self.agent.tell(), BAD_LOG)

    def test_each_container_and_the_sum_are_what_the_machine_counted(self):
        self.assertGreaterEqual(len(self.windows), WINDOWS, self.agent.tell())
        print(f"\n{type(self).__name__}: percent of the limit, as the agent | the machine has it")
        differences = {}
        for window in self.windows:
            told = {container["name"]: container for container in window["containers"]}
            self.assertEqual(told.keys(), self.limits.keys() - {None})
            told[None] = window
            for short, (cores, size) in self.limits.items():
                cpu, _, memory = self.meters[short].window(Span(window))
                expected = (cpu / cores, 100 * memory / size)
                found = (told[short]["cpu"]["median"], told[short]["memory"]["median"])
                print(f"  {short or 'the sum'!s:>12}  CPU {found[0]:6.2f} | {expected[0]:6.2f}"
                      f"  memory {found[1]:6.2f} | {expected[1]:6.2f}", flush=True)
                of = differences.setdefault(short, ([], []))
                for place in (0, 1):
                    of[place].append(found[place] - expected[place])
        for short, (cpu, memory) in differences.items():
            with self.subTest(container=short):
                # The two take their samples apart, so that a window may differ by chance.
                self.assertLessEqual(abs(statistics.median(cpu)), CPU_TOLERANCE)
                self.assertLessEqual(abs(statistics.median(memory)), MEMORY_TOLERANCE)


class TwoNeighbours(Neighbours, unittest.TestCase):
    loads = ((20, 20, "1000:1000", 0.5, 64), (10, 8, "2000:2000", 0.25, 32))


class FiveNeighbours(Neighbours, unittest.TestCase):
    loads = (
        (20, 20, "0:0", 0.5, 64), (10, 8, "1000:1000", 0.25, 32), (0, 4, "65532:0", 0.1, 16),
        (5, 30, "2000:2000", 0.5, 128), (15, 1, "1000:0", 1, 64),
    )


POD_UID = "99ee3a64-645b-4699-9384-5a3875d78b41"

# Who may read whom: rows are the agent, columns the other container (PTRACE_MODE_READ_FSCREDS, ptrace(2)).
CAPABLE = ("--cap-add", "SYS_PTRACE")
BARE = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
APPS = {
    "1000:1000": ("--user", "1000:1000"),
    "1000": ("--user", "1000"),
    "1000:1000 +SYS_PTRACE": ("--user", "1000:1000", *CAPABLE),
    "1000:1000 bare": ("--user", "1000:1000", *BARE),
    "2000:2000": ("--user", "2000:2000"),
    "root": (),
    "root, no capability": ("--cap-drop", "ALL"),
    "root +NET_ADMIN": ("--cap-add", "NET_ADMIN"),
}
AGENTS = {
    "1000:1000": (("--user", "1000:1000"), "yes no yes yes no no no no"),
    "1000": (("--user", "1000"), "no yes no no no no no no"),
    "1000:1000 bare": (("--user", "1000:1000", *BARE), "yes no yes yes no no no no"),
    "1000:1000 +SYS_PTRACE": (("--user", "1000:1000", *CAPABLE), "yes no yes yes no no no no"),
    "root": ((), "no no no no no yes yes no"),
    "root, no capability": (("--cap-drop", "ALL"), "no no no no no no yes no"),
    "any user": (ANY_USER, "yes yes yes yes yes yes yes yes"),
}


class Rights(unittest.TestCase):
    """Each row: all containers of the pod that can be read are measured, and the others are named."""

    @classmethod
    def setUpClass(cls):
        cls.pod = Pod(cls, "rights")
        cls.ids = {}
        for place, (what, rights) in enumerate(APPS.items()):
            name = cls.pod.run(f"app{place}", *rights, "agent", "/neighbour", "0", "1", "0")
            cls.ids[what] = docker("inspect", "--format", "{{.Id}}", name)[:12]

    def test_who_can_be_read(self):
        for row, (rights, expected) in AGENTS.items():
            agent = self.pod.agent("--per-container", rights=rights)
            wait_for_windows(agent, 2)
            agent.stop()
            agent.remove()
            window = windows(agent)[-1]
            measured = {container["name"] for container in window.get("containers", ()) if container["cpu"]}
            found = ["yes" if short in measured else "no" for short in self.ids.values()]
            print(f"{row:>24}: {' '.join(found)}", flush=True)
            with self.subTest(agent=row):
                self.assertEqual(found, expected.split(), agent.tell())
                unreadable = [short for short in self.ids.values() if short not in measured]
                # One that cannot be read makes the sum absent, and is named with the cure.
                self.assertEqual(window["cpu"] is None, bool(unreadable), agent.tell())
                if unreadable:
                    self.assertRegex(agent.tell(), r"SYS_PTRACE")
                    self.assertTrue(any(short in agent.tell() for short in unreadable), agent.tell())

    def test_who_hides_from_the_same_user_is_read_with_sys_ptrace(self):
        pod = Pod(type(self), "hidden")
        ids = []
        for way in ("setuid", "undumpable"):
            name = pod.run(way, "agent", "/neighbour", "0", "1", "0", way)
            ids.append(docker("inspect", "--format", "{{.Id}}", name)[:12])
        for rights, readable in ((("--user", "1000:1000"), False), (ANY_USER, True)):
            agent = pod.agent("--per-container", rights=rights)
            wait_for_windows(agent, 2)
            agent.stop()
            agent.remove()
            measured = {c["name"] for c in windows(agent)[-1].get("containers", ()) if c["cpu"]}
            self.assertEqual([short in measured for short in ids], [readable] * 2, agent.tell())


class Kubernetes(unittest.TestCase):
    """A pod as the kubelet makes it: each container has a file of the kubelet's mounted, by whose path it
    is named, and the pause container has none."""

    def test_containers_have_the_names_of_the_pods_definition(self):
        kubelet = tempfile.mkdtemp()
        self.addClassCleanup(shutil.rmtree, kubelet)
        named = {}
        for place, name in enumerate(("web", "proxy", "metrics")):
            file = pathlib.Path(kubelet, "pods", POD_UID, "containers", name, f"0badcaf{place}")
            file.parent.mkdir(parents=True)
            file.touch()
            named[name] = ("--volume", f"{file}:/dev/termination-log")
        pod = Pod(type(self), "kubernetes")
        for name in ("web", "proxy"):
            pod.run(name, *named[name], "agent", "/neighbour", "5", "1", "0")
        options = ("--per-container", "--pod-exclude", "proxy")
        agent = pod.agent(*options, rights=(*ANY_USER, *named["metrics"]))
        wait_for_windows(agent, 2)
        self.assertEqual(agent.stop(), 0)
        found = {container["name"] for container in windows(agent)[-1]["containers"]}
        self.assertEqual(found, {"web", "metrics"}, agent.tell())
        self.assertNotRegex(agent.tell(), BAD_LOG)


class Ends(unittest.TestCase):
    """Containers that come and go, and the end of the agent."""

    def test_short_containers_are_in_the_sum(self):
        pod = Pod(type(self), "short")
        agent = pod.agent("--per-container")
        wait_for_windows(agent, 1)
        before, script = len(windows(agent)), ("agent", "/burst", "300")
        used = 0
        for number in range(6):
            limits = ("--cpus", "1", "--memory", "32m")
            docker("run", "--rm", "--network", "none", "--name", f"short-{number}", *pod.join, *limits, *script)
            used += 0.3
        wait_for_windows(agent, 1)
        agent.stop()
        # Percent-seconds of the pod's limit at each window; the limit changes with the containers, so the
        # windows' own containers are added up instead.
        found = 0
        for window in windows(agent)[before:]:
            for container in window.get("containers", ()):
                if container["cpu"] and container["name"] != docker_id(agent):
                    found += container["cpu"]["mean"] / 100 * container["cpu"]["count"] * SAMPLE_SECONDS
        print(f"\nshort containers: {found:.2f} s of {used:.2f} s", flush=True)
        self.assertGreaterEqual(found, 0.5 * used, agent.tell())

    def test_a_container_that_ends_because_of_its_memory_is_counted(self):
        pod = Pod(type(self), "killed")
        agent = pod.agent("--metrics", "cpu,memory,oom-kills")
        wait_for_windows(agent, 1)
        limits = ("--memory", "16m", "--memory-swap", "16m")
        for number in range(3):
            command = ["docker", "run", "--rm", "--network", "none", "--name", f"killed-{number}", *pod.join, *limits]
            done = subprocess.run([*command, "agent", "/neighbour", "0", "64", "0", "late"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 137, done)
        wait_for_windows(agent, 1)
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(sum(window["oom_kills"] or 0 for window in windows(agent)), 3, agent.tell())

    def test_it_ends_by_itself_when_all_others_have_ended(self):
        pod = Pod(type(self), "job")
        agent = pod.agent("--until-alone")
        app = pod.run("app", "agent", "/neighbour", "10", "1", "0")
        wait_for_windows(agent, 1)
        docker("stop", app)
        stopped = time.monotonic()
        self.assertEqual(agent.end(), 0, agent.tell())
        self.assertLess(time.monotonic() - stopped, 12)
        self.assertRegex(agent.tell(), "stopping: all other containers have ended")
        self.assertRegex(agent.tell(), r"stopped; windows=(\d+) delivered=\1 dropped=0 undelivered=0")

    def test_after_a_signal_it_measures_until_the_service_has_ended(self):
        pod = Pod(type(self), "ordinary")
        agent = pod.agent("--until-alone=20")
        app = pod.run("app", "agent", "/neighbour", "10", "1", "0")
        wait_for_windows(agent, 1)
        agent.signal("TERM")
        agent.wait(agent.log, "measuring until the other containers have ended")
        wait_for_windows(agent, 1)
        docker("stop", app)
        self.assertEqual(agent.end(), 0, agent.tell())
        self.assertNotRegex(agent.tell(), "other containers still run")

    def test_as_process_1_it_reaps_orphans(self):
        agent = Container("first", *AGENT_LIMITS, "agent", *AGENT)
        self.addClassCleanup(agent.remove)
        wait_for_windows(agent, 1)
        docker("run", "--rm", "--network", "none", "--name", "first-orphans", "--pid", "container:first", "agent", "/burst", "0", "200")
        wait_for_windows(agent, 1)
        host = docker("inspect", "--format", "{{.State.Pid}}", "first")
        children = open(f"/proc/{host}/task/{host}/children", encoding="ascii").read().split()
        self.assertEqual(children, [], "zombies are left")
        self.assertEqual(agent.stop(), 0)


def docker_id(container):
    ids = re.findall(r"container ([0-9a-f]{12})", container.tell())
    return ids[0] if ids else None
