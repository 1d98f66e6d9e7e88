"""What the image holds and may do, and that the demo shows true metrics. image.sh runs it."""

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

from container import WINDOW, Container, docker

IMAGE = "agent"
BINARY = pathlib.Path(os.environ["BINARY"])
COMPOSE_FILE = pathlib.Path(__file__).parents[2] / "docker" / "compose.yaml"
NO_RIGHTS = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

PATIENCE_SECONDS = 90
# Of docker/compose.yaml: 48 of 128 MiB, and a little for the shell and the agent.
DEMO_MEMORY_PERCENT = (37.5, 43)
# It is busy for two of three seconds, and its quota is what it has then.
DEMO_MAX_CPU_PERCENT = (90, 100)
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


class Demo(unittest.TestCase):
    """docker/compose.yaml, with the images of image.sh and this machine's network."""

    def test_one_command_shows_true_metrics(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        override = pathlib.Path(os.environ["DATA"], "override.json")
        override.write_text(json.dumps(self.override(port)))
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        program = ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]
        self.compose = [*program, "--project-name", "agent-demo", "--file", COMPOSE_FILE, "--file", override]

        demo = subprocess.Popen(
            [*self.compose, "up", "--no-build", "--no-color"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.addCleanup(demo.stdout.close)
        self.addCleanup(demo.wait, PATIENCE_SECONDS)
        self.addCleanup(self.run_compose, "down")
        patience = threading.Timer(PATIENCE_SECONDS, demo.terminate)
        patience.start()
        self.addCleanup(patience.cancel)

        said, windows = [], []
        for line in demo.stdout:
            said.append(line)
            if window := DEMO_LINE.search(line):
                windows.append({name: float(value) for name, value in window.groupdict().items()})
            if len(windows) == DEMO_WINDOWS:
                break
        else:
            self.fail("".join(["no two windows:\n", *said]))
        last = windows[-1]
        self.assert_between(DEMO_MAX_CPU_PERCENT, last["max_cpu"], said)
        for memory in ("memory", "max_memory"):
            self.assert_between(DEMO_MEMORY_PERCENT, last[memory], said)

        # The service ends first, and what the agent says then comes by the same way.
        self.run_compose("stop", "service")
        self.run_compose("stop")
        self.assertRegex(demo.stdout.read(), r"stopped; windows=(\d+) delivered=\1 ")

    def run_compose(self, *arguments):
        subprocess.run([*self.compose, *arguments], capture_output=True, timeout=PATIENCE_SECONDS, check=True)

    def assert_between(self, limits, value, said):
        low, high = limits
        self.assertTrue(low <= value <= high, "".join([f"{value} is not in {limits}:\n", *said]))

    @staticmethod
    def override(port):
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
        path = {"PATH": f"{venv}/bin:/usr/bin:/bin"}
        emulator = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
        return {
            "services": {
                "service": {"image": "agent-demo", "network_mode": "host", "environment": address},
                "cloudwatch": {**python, "environment": {**path, **emulator}},
                "metrics": {**python, "environment": {**path, **address}},
            }
        }
