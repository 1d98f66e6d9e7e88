"""The real binary with the options and variables of an example, without AWS."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "cloudwatch_metrics_agent"
PREFIX = "CLOUDWATCH_METRICS_AGENT_"
MEBIBYTE = 1024 * 1024
# What all places have where the agent cannot reach AWS; the examples give the rest.
OFFLINE = {"AWS_EC2_METADATA_DISABLED": "true"}


class Agent:
    """The binary, and what its own help says of it."""

    def __init__(self, binary: str) -> None:
        self.binary = binary
        self.version = self._run(["--version"]).stdout.split()[1]
        text = self._run(["--help"]).stdout
        options = re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.MULTILINE)
        self.variables = {PREFIX + option.replace("-", "_").upper() for option in options}
        # Secrets are no options.
        self.variables.add(f"{PREFIX}API_TOKEN")
        self.shutdown_timeout = int(re.search(r"--shutdown-timeout[^[]*\[default: (\d+)\]", text)[1])

    def _run(self, arguments: list[str], env: dict[str, str] | None = None):
        return subprocess.run(
            [self.binary, *arguments], env=OFFLINE | (env or {}), capture_output=True, text=True,
            timeout=60, check=False,
        )

    def explain(self, env: dict[str, str], options: list[str] = []) -> tuple[dict, list[str]]:
        """What the agent would do, and the problems."""
        # A variable that it does not know it would ignore.
        ours = {name for name in env if name.startswith(PREFIX)}
        unknown = [f"the agent knows no {name}" for name in sorted(ours - self.variables)]
        run = self._run(["explain", *options, "--output", "json"], env)
        if run.returncode != 0:
            return {}, unknown + [f"the agent exits with {run.returncode}: {run.stderr.strip()}"]
        told = json.loads(run.stdout)
        problems = unknown
        of_cloudwatch = [one for one in told["publishers"] if one["name"] == "cloudwatch"]
        # An explanation needs none, and publishing does, except for the namespace by OTLP.
        if of_cloudwatch and told["namespace"] is None or "ServiceName" not in told["dimensions"]:
            problems.append("the agent knows no namespace or no service")
        if any(one["region"]["value"] is None for one in of_cloudwatch):
            problems.append("the agent knows no region")
        return told, problems

    def refusal(self, env: dict[str, str]) -> tuple[int, str]:
        """The exit code and the text where it does not start."""
        run = self._run([], env)
        return run.returncode, run.stderr

    def config_check(self, path: object) -> tuple[int, str]:
        """The exit code of `config check`, and what it says of a file."""
        run = self._run(["config", "check", str(path)])
        return run.returncode, run.stdout + run.stderr

    def check(self, of: str, details: list[str]) -> dict:
        """What one run of a check gives."""
        return json.loads(self._run(["check", of, "--output", "json", *details]).stdout)

    def in_task(self, env: dict[str, str], task: dict) -> list[str]:
        """The problems in a task with a metadata endpoint that tells its limits."""
        with endpoint(task) as address:
            told, problems = self.explain(env | {"ECS_CONTAINER_METADATA_URI_V4": address})
        if problems:
            return problems
        if told["scope"] != "task":
            return [f"the agent measures the {told['scope']} and not the task"]
        cpu, memory = task["Limits"]["CPU"], task["Limits"]["Memory"] * MEBIBYTE
        limits = {part["part"]: part.get("limit", {}).get("amount") for part in told["parts"]}
        expected = {"cpu": cpu, "memory": memory}
        return [
            f"the {part} limit is {limits[part]} and not {expected[part]}"
            for part in expected if limits[part] != expected[part]
        ]

    def published(self, env: dict[str, str]) -> tuple[dict, dict[str, str]]:
        """Namespace, metrics and dimensions by `explain`, and the unit of each metric as sent."""
        told, problems = self.explain(env | {"AWS_REGION": "eu-west-1"})
        assert not problems, problems
        command = [self.binary, "--publish", "emf", "--period", "1"]
        with subprocess.Popen(command, env=OFFLINE | env, stdout=subprocess.PIPE, text=True) as run:
            # A first window of less than 50 ms has no CPU sample. In ten there are all metrics.
            units = {}
            for _, line in zip(range(10), run.stdout):
                metrics = json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                units = {metric["Name"]: metric["Unit"] for metric in metrics}
                if units.keys() == {metric["name"] for metric in told["metrics"]}:
                    break
            run.terminate()
            run.stdout.read()
        return told, units


@contextlib.contextmanager
def endpoint(task: dict):
    """A task metadata endpoint, version 4, of the task."""
    def stats() -> dict:
        # Figures of this instant, of containers that each use a hundredth of a core.
        read = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        memory = {"usage": MEBIBYTE, "stats": {"inactive_file": 0, "active_file": 0}}
        used = {"cpu_usage": {"total_usage": time.monotonic_ns() // 100}}
        one = {"read": read, "cpu_stats": used, "memory_stats": memory}
        return {container["DockerId"]: one for container in task["Containers"]}

    answers = {"/task": lambda: task, "/task/stats": stats}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802, the name is the library's
            body = json.dumps(answers[self.path]()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def metadata(launch_type: str, vcpus: float, mebibytes: int, names: list[str]) -> dict:
    """What the endpoint tells of a running task."""
    return {
        "LaunchType": launch_type,
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": vcpus, "Memory": mebibytes},
        "Containers": [
            {"DockerId": name, "Name": name, "Type": "NORMAL", "KnownStatus": "RUNNING"}
            for name in names
        ],
    }
