"""The agent with everything on: fifty checks with alarms and thresholds, a store on disk, the API, and what lasts
over a restart; and what the checks ask, on loopback."""

import contextlib
import dataclasses
import http.server
import json
import pathlib
import shutil
import threading

import checks
from contenders import Contender, ours
from servers import free_port

PERIOD_SECONDS = 30
NAME = "all local"
# A check of each, as often as it stands here: what a machine with a service is watched by.
MIX = {
    "agent.filesystem": 10, "agent.network": 8, "agent.disk": 8, "remote.http": 8, "remote.tcp": 4, "agent.cpu": 2,
    "agent.memory": 2, "agent.load_average": 2, "agent.pressure": 2, "agent.plugin": 2, "agent.filesystem_state": 1,
    "agent.process": 1,
}  # fmt: skip
PLUGIN = "#!/bin/sh\necho status ok\necho metric files int64 3\n"
ALARMS = {
    "agent.filesystem": "if (metric['used_percent'] > 95) { return new AlarmStatus(CRITICAL, 'full'); } return new AlarmStatus(OK, '#{avail} kB');",
    "agent.cpu": ":set consecutiveCount=3\nif (metric['usage_average'] > 99) { return new AlarmStatus(WARNING, 'busy'); }",
    "agent.memory": "if (percentage(metric['actual_used'], metric['total']) > 95) { return new AlarmStatus(CRITICAL, 'full'); }",
    "remote.http": "if (metric['duration'] > 1000) { return new AlarmStatus(WARNING, 'slow'); }",
}  # fmt: skip
THRESHOLDS = {
    "cpu": {"metric": "cpu", "warning_max": 95, "hits": 3},
    "memory": {"metric": "memory", "warning_max": 90, "failure_max": 98},
    "load": {"check": "load_average-0", "metric": "5m", "warning_max": 100},
}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_) -> None:
        pass


@contextlib.contextmanager
def web_server():
    """What probes ask: the port of a server that answers each request with `ok`."""
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def targets(kind: str) -> list[str]:
    """What such a check can be of on this machine, as the agent says."""
    return [target["id"] for target in json.loads(checks.ask("check", kind, "--targets", "--output=json"))["values"]]


def configuration(web: int, count: int, period: int, mix: dict[str, int], thresholds: dict) -> dict:
    """So many checks of the mix. Machines have few disks and interfaces, so some targets stand there again."""
    details = {
        "agent.process": [{"name": "systemd"}],
        "agent.plugin": [{"file": "files.sh"}],
        "remote.http": [{"url": f"http://127.0.0.1:{web}/"}],
        "remote.tcp": [{"host": "127.0.0.1", "port": web}],
        **{kind: [{"target": target} for target in targets(kind)] for kind in ("agent.filesystem", "agent.network", "agent.disk")},
    }
    of_mix = [kind for kind, times in mix.items() for _ in range(times)]
    wanted, numbers = {}, dict.fromkeys(mix, 0)
    for place in range(count):
        kind = of_mix[place % len(of_mix)]
        number = numbers[kind]
        numbers[kind] += 1
        name = f"{kind.partition('.')[2]}-{number}"
        check = {"type": kind, "period": period}
        if found := details.get(kind):
            check["details"] = found[number % len(found)]
        if criteria := ALARMS.get(kind):
            check["alarms"] = {f"{name}-alarm": {"criteria": criteria}}
        wanted[name] = check
    # Without checks nothing is written but samples: thresholds that change are.
    return {"checks": wanted, "thresholds": thresholds if wanted else {}}


@dataclasses.dataclass
class Everything:
    """A folder for it, and the agent that uses it."""

    folder: pathlib.Path
    api: int
    agent: Contender

    @property
    def store(self) -> pathlib.Path:
        return self.folder / "store"

    def empty(self) -> None:
        """As before its first start."""
        for each in (self.store, self.folder / "state"):
            shutil.rmtree(each, ignore_errors=True)


def everything(
    endpoint, period: int, web: int, interval: float = 0.9, count: int = 50, every: int = PERIOD_SECONDS,
    mix: dict[str, int] = MIX, thresholds: dict = THRESHOLDS, more=(),
) -> Everything:
    folder = (endpoint.roots.parent / "everything").resolve()
    plugins = folder / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    plugin = plugins / "files.sh"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    file = folder / "agent.yaml"
    # JSON is YAML.
    file.write_text(json.dumps(configuration(web, count, every, mix, thresholds), indent=1))
    api = free_port()
    options = [
        f"--config={file}", f"--plugins={plugins}", f"--store={folder}/store", f"--state={folder}/state",
        f"--api=127.0.0.1:{api}", *more,
    ]  # fmt: skip
    agent = ours(endpoint.roots, endpoint.url, period, interval)
    agent = dataclasses.replace(
        agent, name=NAME, publishing=[*agent.publishing, *options], sampling=[*agent.sampling, *options]
    )
    return Everything(folder, api, agent)
