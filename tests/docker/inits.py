"""docker/entrypoint.sh with tini, with dumb-init and alone, as sh and its tools are in Debian and in
busybox: the last window arrives, and the exit code is the command's, however the container ends.
"""

import concurrent.futures
import itertools
import os
import re
import time
import unittest

from cloudwatch import CloudWatch
from container import Container

# The images that run.sh builds: how PID 1 is called, and whose sh it is.
INITS = ("tini", "dumb-init", "none")
SYSTEMS = ("debian", "busybox")
IMAGES = tuple(f"{init}-{system}" for init, system in itertools.product(INITS, SYSTEMS))

METRICS = {"CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"}
# So long that what arrives is the last window, and nothing before it.
PERIOD_SECONDS = 3600
# What docker/entrypoint.sh waits for the command before it stops the agent.
ENTRYPOINT_PATIENCE_SECONDS = 2
STOP_SECONDS = 5
KILLED = 137

# What sh has just forked may lose a signal to the traps that it still has of its parent. So nothing
# is forked here: what waits, waits for input that does not come.
WAIT = "echo up; while :; do read -r line; done"
# Ends by itself, when and how it is told.
OBEDIENT = 'echo up; read -r code; exit "$code"'
# End when they are stopped: as SIGTERM ends what has no handler, after a second, and not at all.
PROMPT = "echo up; exec sleep 1000"
SLOW = f"trap 'sleep 1; exit 3' TERM; {WAIT}"
DEAF = f"trap '' TERM; {WAIT}"
# Tells of each signal.
TOLD = ("HUP", "INT", "QUIT", "USR1", "USR2", "WINCH")
TALKING = "; ".join(f"trap 'echo {name}' {name}" for name in TOLD)
TALKING += f"; trap 'echo TERM; exit 5' TERM; {WAIT}"


class Run:
    """One container with the agent beside a command."""

    def __init__(self, image, command, case, cloudwatch, options):
        self.service = f"{case}-{image}"
        variables = {
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "CLOUDWATCH_METRICS_AGENT_NAMESPACE": "T",
            "CLOUDWATCH_METRICS_AGENT_SERVICE": self.service,
            "CLOUDWATCH_METRICS_AGENT_PERIOD": str(PERIOD_SECONDS),
            "CLOUDWATCH_METRICS_AGENT_SAMPLE_INTERVAL": "0.1",
            "RUST_LOG": "info,cloudwatch_metrics_agent::sampler=debug",
            "CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL": cloudwatch.url,
        } | dict(options)
        environment = [f"--env={name}={value}" for name, value in variables.items()]
        self.image = image
        self.system = image.rpartition("-")[2]
        self.container = Container(
            self.service, *environment, f"agent-{image}", *command, network="host"
        )
        self.cloudwatch = cloudwatch

    def is_up(self):
        """The command runs, and the agent samples."""
        self.container.wait(self.container.output, "^up$")
        self.container.wait(self.container.log, "Sample { cpu: Some")
        return self

    def last_window(self):
        """The request that it came with, which is the only one."""
        (request,) = self.cloudwatch.wait_for(self.service)
        return request


class Inits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloudwatch = CloudWatch(os.environ["FAKE_CLOUDWATCH"])
        cls.addClassCleanup(cls.cloudwatch.end)

    def all(self, act, case, *command, images=IMAGES, options=()):
        """Runs containers of all images at once. Gives each with what `act` returned of it."""
        runs = [Run(image, command, case, self.cloudwatch, options) for image in images]
        for run in runs:
            self.addCleanup(run.container.remove)
        with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
            return list(zip(runs, pool.map(act, runs)))

    def check_last_window(self, run, ended):
        """It is the one in which the container ended, it is whole, and the agent knows it."""
        request = run.last_window()
        self.assertEqual({datum["name"] for datum in request["datums"]}, METRICS)
        # Unless an hour has just begun, there is one.
        last = max(datum["timestamp"] for datum in request["datums"])
        self.assertLessEqual(last, ended)
        self.assertLess(ended - last, PERIOD_SECONDS + STOP_SECONDS)
        for datum in request["datums"]:
            self.assertGreater(sum(datum["counts"] or [1]), 0)
        said = re.findall(r"stopped; windows=(\d+) delivered=(\d+)", run.container.tell())
        self.assertEqual(len(said), 1, run.container.tell())
        self.assertEqual(*said[0])
        self.assertNotRegex(run.container.tell(), "ERROR|panicked")
        return request

    def check_stop(self, case, command, code, least_seconds):
        """What `docker stop` mid-window makes of the command: its exit code, and the last window,
        delivered no sooner than that."""

        def act(run):
            run.is_up()
            stopped = time.time()
            return stopped, run.container.stop("--time", str(STOP_SECONDS)), time.time()

        for run, (stopped, ended_with, ended) in self.all(act, case, "sh", "-c", command):
            with self.subTest(image=run.image):
                self.assertEqual(ended_with, code, run.container.tell())
                request = self.check_last_window(run, ended)
                after = request["received"] - stopped
                self.assertGreaterEqual(after, least_seconds)
                print(
                    f"\n{run.service}: code {ended_with}, last window after {after:.2f} s,"
                    f" end after {ended - stopped:.2f} s",
                    end="",
                    flush=True,
                )

    def check_end(self, case, code):
        def act(run):
            run.is_up().container.say(code)
            return run.container.end(), time.time()

        for run, (ended_with, ended) in self.all(act, case, "sh", "-c", OBEDIENT):
            with self.subTest(image=run.image):
                self.assertEqual(ended_with, code, run.container.tell())
                self.check_last_window(run, ended)

    def test_a_command_that_ends_with_0(self):
        self.check_end("end-0", 0)

    def test_a_command_that_ends_with_7(self):
        self.check_end("end-7", 7)

    def test_docker_stop_of_a_command_that_ends_at_once(self):
        self.check_stop("prompt", PROMPT, 128 + 15, 0)

    def test_docker_stop_of_a_command_that_ends_after_a_second(self):
        """The agent measures until it has ended."""
        self.check_stop("slow", SLOW, 3, 1)

    def test_docker_stop_of_a_command_that_does_not_end(self):
        """The window arrives before the engine kills, and tells of the time until then."""
        self.check_stop("deaf", DEAF, KILLED, ENTRYPOINT_PATIENCE_SECONDS)

    def test_each_signal_reaches_the_command_once(self):
        # With busybox the other two reach only a command that has handlers of its own, and sh takes
        # none for what was ignored when it began.
        everywhere = ["HUP", "USR1", "USR2", "WINCH"]
        signals = {"debian": [*everywhere, "INT", "QUIT", "TERM"], "busybox": [*everywhere, "TERM"]}

        def act(run):
            run.is_up()
            for name in signals[run.system]:
                run.container.signal(name)
                run.container.wait(run.container.output, f"^{name}$")
            return run.container.end()

        for run, code in self.all(act, "signals", "sh", "-c", TALKING):
            with self.subTest(image=run.image):
                self.assertEqual(run.container.output, ["up", *signals[run.system]])
                self.assertEqual(code, 5)

    def test_int_and_quit_end_a_command_without_handlers(self):
        # In place of what busybox's sh has the command ignore, it gets SIGTERM.
        codes = {"INT": {"debian": 130, "busybox": 143}, "QUIT": {"debian": 131, "busybox": 143}}
        for name, expected in codes.items():

            def act(run, name=name):
                run.is_up().container.signal(name)
                return run.container.end(), time.time()

            for run, (code, ended) in self.all(act, name.lower(), "sh", "-c", PROMPT):
                with self.subTest(image=run.image, signal=name):
                    self.assertEqual(code, expected[run.system], run.container.tell())
                    self.check_last_window(run, ended)

    def check_trouble(self, case, variables, sign, told):
        """The command ends with its code, after the agent has shown the sign of its trouble."""

        def act(run):
            run.container.wait(run.container.output, "^up$")
            run.container.wait(run.container.log, sign)
            run.container.say(7)
            return run.container.end()

        for run, code in self.all(act, case, "sh", "-c", OBEDIENT, options=variables):
            with self.subTest(image=run.image):
                self.assertEqual(code, 7, run.container.tell())
                self.assertEqual(run.container.output, ["up"])
                self.assertRegex(run.container.tell(), told)
                self.assertEqual(self.cloudwatch.taken_of(run.service), [])

    def test_an_agent_that_is_not_there_does_not_matter(self):
        sign = "cloudwatch_metrics_agent.*No such file"
        self.check_trouble("missing", {"PATH": "/bin:/usr/bin"}, sign, sign)

    def test_an_agent_with_wrong_settings_does_not_matter(self):
        sign = "CLOUDWATCH_METRICS_AGENT_PERIOD"
        self.check_trouble("settings", {sign: "never"}, sign, sign)

    def test_an_agent_that_cannot_deliver_does_not_matter(self):
        variables = {"CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL": "http://127.0.0.1:1"}
        sign = "Sample { cpu: Some"
        self.check_trouble("refused", variables, sign, "undelivered=1")

    def test_a_command_that_is_not_there(self):
        for run, code in self.all(lambda run: run.container.end(), "nothing", "nothing"):
            with self.subTest(image=run.image):
                self.assertEqual(code, 127, run.container.tell())


if __name__ == "__main__":
    unittest.main()
