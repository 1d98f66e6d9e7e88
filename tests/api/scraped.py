"""/metrics by the rules of promtool, and what a real Prometheus makes of it.

    scraped.py BINARIES BASE_URL TOKEN

BINARIES is the folder of prometheus and promtool.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from service import Service, equal, run, true, until

WORK = Path("target/api/prometheus")
JOB = "agent"
CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: {job}
    authorization:
      credentials_file: token
    static_configs:
      - targets: ['{target}']
"""
SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \d+)?$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')

Series = tuple[str, frozenset]


def free_port() -> int:
    """One below those that the system gives to clients."""
    for port in range(21_000, 32_768):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is no free port below 32768")


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def parsed(text: str) -> dict[Series, float]:
    """The series of a text in Prometheus' format."""
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            found = SAMPLE.match(line)
            true(found, f"no sample: {line}")
            labels = {name: unescaped(value) for name, value in LABEL.findall(found["labels"] or "")}
            # To Prometheus a label without a value is none.
            labels = {name: value for name, value in labels.items() if value}
            series[found["name"], frozenset(labels.items())] = float(found["value"])
    return series


class World:
    def __init__(self, binaries: Path, base_url: str, token: str) -> None:
        self.binaries, self.service = binaries, Service(base_url, token)
        self.port = free_port()

    def metrics(self) -> str:
        answer = self.service.ask("/metrics")
        equal(answer.status, 200, "/metrics")
        return answer.body

    def query(self, query: str) -> list[dict]:
        """What Prometheus has now; nothing as long as it does not answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        # No proxy of the environment stands before loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=10) as response:
                return json.load(response)["data"]["result"]
        except OSError:
            return []

    def scraped(self) -> dict[Series, float]:
        series = {}
        for one in self.query(f'{{job="{JOB}"}}'):
            labels = {name: value for name, value in one["metric"].items() if name not in ("job", "instance")}
            name = labels.pop("__name__")
            series[name, frozenset(labels.items())] = float(one["value"][1])
        return series


def metrics_are_clean_by_promtool(world: World) -> None:
    answer = world.service.ask("/metrics")
    true(answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers["content-type"])
    run = subprocess.run(
        [world.binaries / "promtool", "check", "metrics"], input=answer.body, capture_output=True, text=True,
        timeout=30, check=False,
    )
    equal((run.returncode, run.stdout + run.stderr), (0, ""), "promtool check metrics")


def prometheus_scrapes_it(world: World) -> None:
    def up() -> list[dict]:
        return [one for one in world.query(f'up{{job="{JOB}"}}') if one["value"][1] == "1"]

    until(up, "up of the agent is 1")


def each_series_arrives_with_its_value(world: World) -> None:
    text = world.metrics()
    before = parsed(text)
    counters = set(re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE))
    true(counters, "/metrics has no counter")
    asked_at = world.query("time()")[1]
    # A scrape that began after `before` was read.
    until(lambda: world.query(f'timestamp(up{{job="{JOB}"}}) > {asked_at}'), "a scrape after this one")
    scraped, after = world.scraped(), parsed(world.metrics())
    # Without those that ended meanwhile.
    before = {series: value for series, value in before.items() if series in after}
    equal([series for series in before if series not in scraped], [], "series that did not arrive")
    for (name, labels), least in before.items():
        what = f"{name} of {dict(labels)}"
        # Other gauges may go up and down meanwhile, and come back.
        if name in counters:
            most = after[name, labels]
            true(least <= scraped[name, labels] <= most, f"{what}: {scraped[name, labels]}, from {least} to {most}")
        elif name.endswith("_info"):
            equal(scraped[name, labels], 1, what)


def main() -> int:
    binaries, base_url, token = sys.argv[1:]
    world = World(Path(binaries).resolve(), base_url, token)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    (WORK / "token").write_text(token)
    (WORK / "prometheus.yml").write_text(CONFIG.format(job=JOB, target=urllib.parse.urlsplit(base_url).netloc))
    options = [
        f"--config.file={WORK}/prometheus.yml", f"--storage.tsdb.path={WORK}/data", "--log.level=warn",
        f"--web.listen-address=127.0.0.1:{world.port}",
    ]
    with (WORK / "log").open("wb") as log:
        process = subprocess.Popen([world.binaries / "prometheus", *options], stdout=log, stderr=log)
        try:
            claims = [metrics_are_clean_by_promtool, prometheus_scrapes_it, each_series_arrives_with_its_value]
            failed = run(claims, world)
        finally:
            process.terminate()
            process.wait(timeout=60)
    if failed:
        print((WORK / "log").read_text(), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
