"""scripts/demo.sh as a user sees it: what it prints, the page, two alarms that become CRITICAL and OK again, and that
Ctrl-C leaves nothing behind.

    BINARY=… RECEIVER=… python -m unittest demo
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/demo.sh"
BINARY, RECEIVER = os.environ["BINARY"], os.environ["RECEIVER"]
# Seconds that the service is idle, and then overloaded. Its checks run every 2 s.
TURN = 4
PATIENCE_SECONDS = 120
WINDOW = re.compile(r"^\d\d:\d\d:\d\d  CPUUtilization [\d.]+ %  .*  and \d+ more$")


def free_ports() -> int:
    """The first of three ports in a row, below those that the system gives to clients."""
    for first in range(20000 + os.getpid() % 9000, 32000, 3):
        try:
            for port in range(first, first + 3):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise AssertionError("no port is free")


def of_session(session: int) -> list[str]:
    """The processes of a session, whatever groups they are in."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state not in "ZX":
                found.append(stat.with_name("cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Running:
    """The script with a session, a folder for files and three ports of its own."""

    def __init__(self, test: unittest.TestCase, *options: str, first_in_path: Path | None = None) -> None:
        self.port = free_ports()
        temporary = tempfile.TemporaryDirectory()
        test.addCleanup(temporary.cleanup)
        self.temporary = Path(temporary.name)
        command = [SCRIPT, "--binary", BINARY, "--receiver", RECEIVER, "--port", str(self.port), *options]
        path = ":".join([*([str(first_in_path)] if first_in_path else []), os.environ["PATH"]])
        env = {"PATH": path, "HOME": temporary.name, "TMPDIR": temporary.name}
        self.process = subprocess.Popen(
            command, env=env | {"DEMO_TURN": str(TURN), "RUST_LOG": "info"}, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # A shell that starts this test in the background has Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.said: list[str] = []
        # What hangs, or is left behind and so holds the pipe open, is ended then, and fails the test.
        self.late: list[str] = []
        timer = threading.Timer(PATIENCE_SECONDS, self.give_up)
        timer.start()
        test.addCleanup(self.process.stdout.close)
        test.addCleanup(self.kill)
        test.addCleanup(timer.cancel)

    def give_up(self) -> None:
        self.late = of_session(self.process.pid)
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.process.pid:
                    os.kill(int(stat.parent.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue
        self.process.wait()

    def read(self, wanted: str) -> re.Match[str]:
        """Reads its lines up to one like this."""
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(wanted, line):
                return found
        raise AssertionError("".join([f"no line has {wanted!r}:\n", *self.said]))

    def rest(self) -> str:
        """What it says until the end."""
        self.said += self.process.stdout
        self.process.wait()
        return "".join(self.said)

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        client.request("GET", path, headers=headers | {"Connection": "close"})
        return client.getresponse()


class Demo(unittest.TestCase):
    def test_shows_a_page_and_alarms_that_come_and_go_and_leaves_nothing_behind(self):
        memory = set(os.listdir("/dev/shm"))
        demo = Running(self)
        self.assertEqual(demo.read(r"The page +(\S+)")[1], f"http://127.0.0.1:{demo.port}/")
        token = demo.read(r"asks for a token: ([0-9a-f]{24})$")[1]
        agent = demo.read(r"Or type +(\S+) top$")[1]
        demo.read("the API answers at")

        with demo.get("/") as page:
            self.assertEqual(page.status, 200)
            self.assertIn("<!doctype html>", page.read().decode().lower())
        with demo.get("/events") as refused:
            self.assertEqual(refused.status, 401, "nobody reads without the token")

        # All that happens is in the stream, in its order.
        expected = {"overloaded": ["CRITICAL", "OK"], "busy": ["CRITICAL", "OK"]}
        states: dict[str, list[str]] = {}
        with demo.get("/events/stream?after=0", **{"X-Auth-Token": token}) as events:
            self.assertEqual(events.status, 200)
            for line in events:
                if not line.startswith(b"data: "):
                    continue
                event = json.loads(line.removeprefix(b"data: "))
                if event.get("alarm_id"):
                    states.setdefault(event["alarm_id"], []).append(event["state"])
                if all(states.get(alarm, [])[:2] == both for alarm, both in expected.items()):
                    break
        self.assertEqual({alarm: states.get(alarm, [])[:2] for alarm in expected}, expected)

        # What it says that a user can type.
        def typed(*words: str) -> str:
            return subprocess.run([agent, *words], capture_output=True, text=True, check=True).stdout

        checks = typed("ctl", "checks").splitlines()[1:]
        self.assertEqual([line for line in checks if " success" not in line and "utilization" not in line], [])
        self.assertEqual(len(checks), 8)
        alarms = [line.split()[0] for line in typed("ctl", "alarms").splitlines()[1:]]
        self.assertEqual(sorted(alarms), sorted(expected))
        thresholds = [line.split()[0] for line in typed("ctl", "thresholds").splitlines()[1:]]
        self.assertEqual(sorted(thresholds), ["much-cpu", "nearly-full"])
        welcome = "".join(demo.said)
        for name in (*expected, *thresholds):
            self.assertIn(f'"{name}"', welcome)
        self.assertIn("utilization/cpu", typed("query", "utilization/cpu"))
        # With the right to write.
        typed("ctl", "disable", "load")

        demo.read(WINDOW.pattern)
        demo.process.send_signal(signal.SIGINT)
        said = demo.rest()
        self.assertEqual(demo.process.returncode, 0, said)
        # The last window has arrived, too: the local CloudWatch ends after the agent.
        windows = re.search(r"stopped; windows=(\d+) delivered=\1 ", said)
        self.assertTrue(windows, said)
        shown = [line for line in said.splitlines() if re.match(r"\d\d:\d\d:\d\d  ", line)]
        self.assertGreaterEqual(len(shown), int(windows[1]), said)
        self.assert_nothing_is_left(demo)
        self.assertEqual(set(os.listdir("/dev/shm")) - memory, set())

    def test_ends_by_itself_after_seconds(self):
        demo = Running(self, "--seconds", "1")
        said = demo.rest()
        self.assertEqual(demo.process.returncode, 0, said)
        # How far it came by then is the machine's affair.
        self.assertTrue(said.endswith("demo: ended\n"), said)
        self.assert_nothing_is_left(demo)

    def program(self, name: str, text: str) -> Path:
        """A shell script of this name, in a folder of its own."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def test_an_agent_that_sigterm_ends_before_it_has_begun_has_ended_well(self):
        demo = Running(self, "--binary", str(self.program("agent", "echo begun\nexec sleep 1000")))
        demo.read("^begun$")
        demo.process.send_signal(signal.SIGTERM)
        said = demo.rest()
        self.assertEqual(demo.process.returncode, 0, said)
        self.assert_nothing_is_left(demo)

    def test_an_agent_that_ends_by_itself_tells_its_code(self):
        demo = Running(self, "--binary", str(self.program("agent", "exit 7")))
        said = demo.rest()
        self.assertEqual(demo.process.returncode, 7, said)
        self.assert_nothing_is_left(demo)

    def test_leaves_nothing_behind_where_it_fails_half_way(self):
        # By then the local CloudWatch runs.
        failing = self.program("chmod", "exit 5")
        demo = Running(self, first_in_path=failing.parent)
        said = demo.rest()
        self.assertEqual(demo.process.returncode, 5, said)
        self.assert_nothing_is_left(demo)

    def test_help_says_what_it_needs_and_starts_nothing(self):
        for options in (["--help"], ["-h"], ["--seconds", "5", "--help"]):
            demo = Running(self, *options)
            said = demo.rest()
            self.assertEqual(demo.process.returncode, 0, said)
            for needed in ("Linux", "python3", "Rust", "--binary PATH", "--receiver PATH", "--seconds N", "--port N"):
                self.assertIn(needed, said)
            self.assertNotIn("The page ", said)
            self.assert_nothing_is_left(demo)

    def test_says_what_is_wrong_before_anything_starts(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for options, code, text in (
                (["--port", str(port)], 1, f"something listens at port {port} already"),
                (["--port", "65534"], 1, "expected a number from 1 to 65533"),
                (["--seconds", "0"], 1, "--seconds 0: expected a number from 1 to 99999"),
                (["--binary"], 2, "usage: "),
                (["--dry-run", "yes"], 2, "usage: "),
                (["--binary", "/not/there"], 1, "there is no program at /not/there"),
            ):
                demo = Running(self, *options)
                said = demo.rest()
                self.assertEqual(demo.process.returncode, code, said)
                self.assertIn(text, said)
                self.assert_nothing_is_left(demo)

    def assert_nothing_is_left(self, demo: Running) -> None:
        self.assertEqual(demo.late, [], f"after {PATIENCE_SECONDS} s")
        self.assertEqual(of_session(demo.process.pid), [])
        self.assertEqual(os.listdir(demo.temporary), [])
        for port in range(demo.port, demo.port + 3):
            with socket.socket() as client:
                self.assertNotEqual(client.connect_ex(("127.0.0.1", port)), 0, f"port {port} is left")


if __name__ == "__main__":
    unittest.main()
