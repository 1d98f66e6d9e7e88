"""What the image holds and may do, and that the demo shows true metrics. image.sh runs it."""

import functools
import http.client
import http.server
import io
import json
import os
import pathlib
import re
import socket
import subprocess
import tarfile
import threading
import unittest
import urllib.parse

from container import WINDOW, Container, docker

IMAGE = "agent"
BINARY = pathlib.Path(os.environ["BINARY"])
COMPOSE_FILE = pathlib.Path(__file__).parents[2] / "docker" / "compose.yaml"
NO_RIGHTS = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

PATIENCE_SECONDS = 90
# Of docker/compose.yaml: 48 of 128 MiB, and a little for the shells, the history and the agent.
DEMO_MEMORY_PERCENT = (37.5, 46)
# It is overloaded half of the time, and its quota is what it has then.
DEMO_MAX_CPU_PERCENT = (90, 100)
# Seconds of each half.
DEMO_TURN = 4
# Both are driven by the load.
DEMO_ALARMS = {"overloaded", "busy"}
DEMO_LINE = re.compile(
    r"metrics\S* +\| \d\d:\d\d:\d\d  CPUUtilization (?P<cpu>[\d.]+) %  MaxCPUUtilization (?P<max_cpu>[\d.]+) %"
    r"  MemoryUtilization (?P<memory>[\d.]+) %  MaxMemoryUtilization (?P<max_memory>[\d.]+) %"
)
# The first window is not a whole one.
DEMO_WINDOWS = 2


class Image(unittest.TestCase):
    def test_holds_the_binary_and_nothing_else(self):
        saved = subprocess.run(["docker", "save", IMAGE], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as image:
            (manifest,) = json.load(image.extractfile("manifest.json"))
            (layer,) = manifest["Layers"]
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                (file,) = files.getmembers()
                self.assertEqual((file.name, file.mode & 0o777), ("cloudwatch_metrics_agent", 0o755))
                self.assertEqual(files.extractfile(file).read(), BINARY.read_bytes())
        size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
        self.assertEqual(size, BINARY.stat().st_size)

    def test_says_what_it_is_and_is_not_root(self):
        config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", IMAGE))
        self.assertEqual(config["User"], "65532:65532")
        self.assertEqual(config["Entrypoint"], ["/cloudwatch_metrics_agent"])
        self.assertIsNone(config.get("Cmd"))
        labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
        self.assertRegex(labels.pop("description"), r"^Sidecar .* Amazon CloudWatch$")
        expected = {
            "title": "cloudwatch_metrics_agent",
            "licenses": "BSD-3-Clause",
            "version": "1.2.3",
            "revision": "0123abc",
            "created": "2026-01-02T03:04:05Z",
            "source": "https://example.com/agent",
        }
        self.assertEqual(labels, expected)

    def test_runs_without_any_rights(self):
        version = docker("run", "--rm", "--network", "none", *NO_RIGHTS, IMAGE, "--version")
        self.assertRegex(version, r"^cloudwatch_metrics_agent \d+\.\d+\.\d+$")

        options = ["--namespace", "Image", "--service", "Foo", "--period", "1", "--dry-run"]
        container = Container("image-test", *NO_RIGHTS, IMAGE, *options)
        self.addCleanup(container.remove)
        container.wait(container.output, WINDOW)
        self.assertEqual(container.stop(), 0)


    def test_installs_itself_into_a_volume(self):
        docker("volume", "create", "agent-install")
        self.addCleanup(docker, "volume", "rm", "agent-install")
        run = ["run", "--rm", "--network", "none", "--volume", "agent-install:/agent"]
        refused = subprocess.run(
            ["docker", *run, *NO_RIGHTS, IMAGE, "install", "/agent"], capture_output=True, text=True, check=False
        )
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(refused.stderr, "cannot install into /agent: user 65532 may not write there\n")
        said = docker(*run, "--user", "0", *NO_RIGHTS, IMAGE, "install", "/agent")
        self.assertEqual(said.strip(), "installed /agent/cloudwatch_metrics_agent")
        # In the container of a service with a command.
        copy = ["--entrypoint", "/agent/cloudwatch_metrics_agent", "agent-demo"]
        command = ["--dry-run", "--", "sh", "-c", "echo the service"]
        self.assertIn("the service\n", docker(*run, *NO_RIGHTS, *copy, *command))

    def test_measures_the_machine_from_within_a_container(self):
        options = ["explain", "--scope", "host", "--dry-run", "--output", "json"]
        options += ["--metrics", "cpu,memory,pressure,io,network,processes,swap"]
        run = ["run", "--rm", *NO_RIGHTS, "--memory", "64m", "--cpus", "0.5"]

        def told(*command):
            said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            limits = {part["part"]: part["limit"]["amount"] for part in said["parts"] if "limit" in part}
            return limits, {absent["name"] for absent in said["unavailable"]}

        limits, absent = told(BINARY, *options)
        network = {"NetworkReceivedBytes", "NetworkSentBytes"}
        self.assertEqual(told("docker", *run, "--network", "host", IMAGE, *options), (limits, absent))
        # But for its network, without that of the machine.
        self.assertEqual(told("docker", *run, "--network", "none", IMAGE, *options), (limits, absent | network))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class BuildKit(unittest.TestCase):
    """BuildKit in the same engine, by its API: the client's part of it, buildx, is not
    everywhere."""

    def test_builds_for_this_machine_and_for_another_without_emulation(self):
        folder = pathlib.Path(os.environ["DATA"])
        handler = functools.partial(Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        context = f"http://127.0.0.1:{server.server_port}/agent.tar"
        own = docker("version", "--format", "{{.Server.Arch}}").strip()
        for platform, architecture in (("", own), ("linux/amd64", "amd64"), ("linux/arm64", "arm64")):
            said = self.build(context, platform)
            self.assertIn("Successfully tagged agent-buildkit:latest", said)
            of = docker("image", "inspect", "--format", "{{.Architecture}} {{.Size}}", "agent-buildkit").split()
            self.assertEqual(of, [architecture, str(BINARY.stat().st_size)])
            docker("image", "rm", "agent-buildkit")

    def build(self, context, platform):
        query = {"version": "2", "remote": context, "dockerfile": "docker/Dockerfile", "t": "agent-buildkit"}
        query |= {"networkmode": "none", "platform": platform}
        client = http.client.HTTPConnection("engine", timeout=PATIENCE_SECONDS)
        client.sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
        client.request("POST", f"/build?{urllib.parse.urlencode(query)}")
        return client.getresponse().read().decode()


_given = set()


def free_port():
    """One below those that the system gives to clients, and another one each time."""
    for port in range(20000 + os.getpid() % 9000, 32000):
        if port in _given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _given.add(port)
        return port
    raise AssertionError("no port is free")


class Demo(unittest.TestCase):
    """docker/compose.yaml, with the images of image.sh and this machine's network."""

    def test_one_command_shows_true_metrics(self):
        port, api, service = (free_port() for _ in range(3))
        override = pathlib.Path(os.environ["DATA"], "override.json")
        override.write_text(json.dumps(self.override(port, api, service)))
        # The network of this machine takes no ports, and these are those of this machine alone.
        text, ports = re.subn(r'\n    ports: \["127\.0\.0\.1:\$\{DEMO_PORT:-8091\}:8091"\]\n', "\n", COMPOSE_FILE.read_text())
        self.assertEqual(ports, 1)
        self.assertNotIn("ports:", text)
        demo_file = override.with_name("compose.yaml")
        demo_file.write_text(text)
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        program = ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]
        self.compose = [*program, "--project-name", "agent-demo", "--project-directory", COMPOSE_FILE.parent]
        self.compose += ["--file", demo_file, "--file", override]

        demo = subprocess.Popen(
            [*self.compose, "up", "--no-build", "--no-color"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"DEMO_PORT": str(api), "DEMO_TURN": str(DEMO_TURN)},
        )
        self.addCleanup(demo.stdout.close)
        self.addCleanup(demo.wait, PATIENCE_SECONDS)
        self.addCleanup(self.run_compose, "down")
        patience = threading.Timer(PATIENCE_SECONDS, demo.terminate)
        patience.start()
        self.addCleanup(patience.cancel)

        said, windows, alarms = [], [], {}
        for line in demo.stdout:
            said.append(line)
            if window := DEMO_LINE.search(line):
                windows.append({name: float(value) for name, value in window.groupdict().items()})
            if alarm := re.search(r"alarm (\w+) of check \w+ is (CRITICAL|OK again)", line):
                alarms.setdefault(alarm[1], set()).add(alarm[2])
            if len(windows) >= DEMO_WINDOWS and all(len(alarms.get(name, ())) == 2 for name in DEMO_ALARMS):
                break
        else:
            self.fail("".join([f"no two windows, or no two alarms that come and go, but {alarms}:\n", *said]))
        last = windows[-1]
        self.assert_between(DEMO_MAX_CPU_PERCENT, last["max_cpu"], said)
        for memory in ("memory", "max_memory"):
            self.assert_between(DEMO_MEMORY_PERCENT, last[memory], said)
        self.assert_page("".join(said), api)

        # The service ends first, and what the agent says then comes by the same way.
        self.run_compose("stop", "service")
        self.run_compose("stop")
        self.assertRegex(demo.stdout.read(), r"stopped; windows=(\d+) delivered=\1 ")

    def assert_page(self, said, port):
        """The page is there, its token is the one that was printed, and what is to be typed works."""
        self.assertIn(f"The page    http://127.0.0.1:{port}/\n", said)
        token = re.search(r"asks for a token: ([0-9a-f]{24})\n", said)[1]
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self.addCleanup(client.close)
        for path, headers, status in (
            ("/", {}, 200),
            ("/entities/self/checks/page", {}, 401),
            ("/entities/self/checks/page", {"X-Auth-Token": token}, 200),
        ):
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            self.assertEqual((path, answer.status), (path, status), answer.read())
            answer.read()
        agent = ["exec", "-T", "service", "cloudwatch_metrics_agent"]
        typed = subprocess.run(
            [*self.compose, *agent, "ctl", "checks"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
        checks = [line for line in typed.stdout.splitlines()[1:] if " success" in line]
        self.assertEqual(len(checks), 7, typed.stdout)
        # All of it is in the file that a user starts.
        self.assertIn(f"{' '.join(['docker compose -f docker/compose.yaml', *agent[:1], *agent[2:]])} ctl checks\n", said)

    def run_compose(self, *arguments):
        subprocess.run([*self.compose, *arguments], capture_output=True, timeout=PATIENCE_SECONDS, check=True)

    def assert_between(self, limits, value, said):
        low, high = limits
        self.assertTrue(low <= value <= high, "".join([f"{value} is not in {limits}:\n", *said]))

    @staticmethod
    def override(port, api, service):
        venv = os.environ["VENV"]
        where = [f"{venv}/bin/python", "-c", "import sys; print(sys.base_prefix)"]
        installed = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
        folders = sorted({"/usr", "/lib", "/lib64", installed, venv})
        python = {
            "image": "agent-python",
            "network_mode": "host",
            "volumes": [f"{folder}:{folder}:ro" for folder in folders if os.path.isdir(folder)],
            "tmpfs": ["/tmp"],
        }
        address = {"AWS_ENDPOINT_URL_CLOUDWATCH": f"http://127.0.0.1:{port}", "NO_PROXY": "127.0.0.1"}
        # On this machine's network.
        answers = {"CLOUDWATCH_METRICS_AGENT_API": f"0.0.0.0:{api}", "DEMO_SERVICE_PORT": str(service), "RUST_LOG": "info"}
        path = {"PATH": f"{venv}/bin:/usr/bin:/bin"}
        emulator = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
        return {
            "services": {
                "service": {"image": "agent-demo", "network_mode": "host", "environment": address | answers, "tmpfs": ["/tmp"]},
                "cloudwatch": {**python, "environment": {**path, **emulator}},
                "metrics": {**python, "environment": {**path, **address}},
            }
        }
