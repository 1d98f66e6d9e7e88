"""Who watches one machine and keeps its history there: the agent with everything on, and what people would set up in its
place, each by what is nearest to the fifty checks of everything.py. All are Debian's packages."""

import contextlib
import http.client
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import contenders
import everything
import process
from contenders import LIBRARIES, PEERS, PLUGINS
from servers import free_port

sys.path.append(str(pathlib.Path(__file__).parents[1] / "history"))
import rrd  # noqa: E402

PATIENCE_SECONDS = 60
# A published window is due after so long.
PUBLISH_SECONDS = 60


def end(one: subprocess.Popen) -> None:
    one.terminate()
    try:
        process.wait_for_end(one)
    finally:
        one.kill()
        one.wait()


class Monitor:
    """Runs in a folder of its own. `data` is where its history is."""

    name: str
    programs: list[pathlib.Path] = []

    def __init__(self, folder: pathlib.Path, endpoint, web: int):
        folder.mkdir()
        self.folder, self.endpoint, self.web = folder, endpoint, web
        self.data = folder / "data"
        self.data.mkdir()
        self.port = free_port()
        self._running: list[subprocess.Popen] = []

    def commands(self) -> list[list]:
        raise NotImplementedError

    @contextlib.contextmanager
    def running(self):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LD_LIBRARY_PATH": str(LIBRARIES.resolve())}
        quiet = {"stdin": subprocess.DEVNULL}
        with (self.folder / "log").open("w") as log:
            try:
                for command in self.commands():
                    self._running.append(subprocess.Popen([str(word) for word in command], env=environment, stdout=log, stderr=log, **quiet))
                yield
            finally:
                self.end()

    def end(self) -> None:
        # The last one first. Where one does not end, the others are ended all the same, and then its error is raised.
        with contextlib.ExitStack() as all_of_them:
            for each in self._running:
                all_of_them.callback(end, each)
            self._running = []

    def pids(self) -> list[int]:
        for each in self._running:
            if each.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {each.returncode}: {(self.folder / 'log').read_text()[-800:]}")
        return [pid for each in self._running for pid in (each.pid, *self.helpers(each.pid))]

    def helpers(self, pid: int) -> list[int]:
        """Processes that it has started and keeps."""
        return []

    def size(self) -> int:
        """Of its programs and plugins, without symbols."""
        with tempfile.TemporaryDirectory(dir="target") as folder:
            total = 0
            for program in self.programs:
                copy = shutil.copy(program, folder)
                subprocess.run(["strip", copy], check=True)
                total += pathlib.Path(copy).stat().st_size
        return total

    @contextlib.contextmanager
    def asking(self, seconds: float):
        """Gives a function that plots memory over the last so many seconds and gives the number of points."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

        def ask() -> int:
            path = self.path_of_plot(time.time() - seconds, time.time())
            connection.request("GET", path)
            response = connection.getresponse()
            told = response.read()
            if response.status != 200:
                raise RuntimeError(f"{self.name}: {path}: {response.status} {told[:200]}")
            return self.points(json.loads(told))

        yield ask
        connection.close()

    def path_of_plot(self, start: float, end: float) -> str:
        raise NotImplementedError

    def points(self, answer) -> int:
        raise NotImplementedError


class Ours(Monitor):
    name = everything.NAME
    programs = [contenders.OURS]

    @contextlib.contextmanager
    def running(self):
        all_on = everything.everything(self.endpoint, PUBLISH_SECONDS, self.web)
        all_on.empty()
        self.data, self.port = all_on.store, all_on.api
        with (self.folder / "log").open("w") as log:
            self._running.append(all_on.agent.start(True, log))
            try:
                yield
            finally:
                self.end()

    def path_of_plot(self, start: float, end: float) -> str:
        return f"/entities/self/checks/utilization/metrics/memory/plot?from={1000 * start:.0f}&to={1000 * end:.0f}&resolution=FULL"

    def points(self, answer) -> int:
        return len(answer["values"])


class Sidecar(Monitor):
    """The agent that only publishes, for comparison under the same conditions."""

    name = "sidecar"
    programs = [contenders.OURS]

    @contextlib.contextmanager
    def running(self):
        with (self.folder / "log").open("w") as log:
            agent = contenders.ours(self.endpoint.roots, self.endpoint.url, PUBLISH_SECONDS)
            self._running.append(agent.start(True, log))
            try:
                yield
            finally:
                self.end()

    @contextlib.contextmanager
    def asking(self, seconds: float):
        yield lambda: 0


# CPU and memory every second, as RRD files have no steps of 0.9 s; all else every 30 s.
COLLECTD = """
Hostname "footprint"
BaseDir "{folder}"
PIDFile "{folder}/pid"
PluginDir "{debian}/usr/lib/collectd"
TypesDB "{debian}/usr/share/collectd/types.db"
Interval 30
<LoadPlugin cpu>
  Interval 1
</LoadPlugin>
<LoadPlugin memory>
  Interval 1
</LoadPlugin>
LoadPlugin load
LoadPlugin df
LoadPlugin disk
LoadPlugin interface
LoadPlugin processes
LoadPlugin curl
LoadPlugin threshold
LoadPlugin rrdtool
<Plugin cpu>
  ReportByCpu false
  ValuesPercentage true
</Plugin>
<Plugin memory>
  ValuesPercentage true
</Plugin>
<Plugin df>
  ValuesPercentage true
</Plugin>
<Plugin curl>
{pages}
</Plugin>
<Plugin threshold>
  <Plugin "df">
    <Type "percent_bytes">
      Instance "used"
      WarningMax 85
      FailureMax 95
    </Type>
  </Plugin>
</Plugin>
<Plugin rrdtool>
  DataDir "{data}"
  # As often as the agent writes.
  CacheTimeout 60
</Plugin>
"""
PAGE = """  <Page "page{number}">
    URL "http://127.0.0.1:{web}/"
    MeasureResponseTime true
    MeasureResponseCode true
  </Page>"""


class Collectd(Monitor):
    name = "collectd, RRD"
    used = ("cpu", "memory", "load", "df", "disk", "interface", "processes", "curl", "threshold", "rrdtool")
    programs = [PEERS / "debian/usr/sbin/collectd", *(PLUGINS / f"{name}.so" for name in used)]

    def commands(self) -> list[list]:
        pages = "\n".join(PAGE.format(number=number, web=self.web) for number in range(everything.MIX["remote.http"]))
        file = self.folder / "collectd.conf"
        file.write_text(COLLECTD.format(folder=self.folder, data=self.data, debian=(PEERS / "debian").resolve(), pages=pages))
        return [[self.programs[0].resolve(), "-f", "-C", file]]

    @contextlib.contextmanager
    def asking(self, seconds: float):
        tool = rrd.Tool(self.data)
        file = "footprint/memory/percent-used.rrd"

        def ask() -> int:
            now = int(time.time())
            return len(rrd.values(tool.ask(f"fetch {file} AVERAGE --resolution 1 --start {now - int(seconds)} --end {now}")))

        try:
            yield ask
        finally:
            tool.end()


# The same two intervals.
PROMETHEUS = """
global:
  evaluation_interval: 30s
rule_files: [{folder}/rules.yml]
scrape_configs:
  - job_name: utilization
    scrape_interval: 1s
    scrape_timeout: 1s
    params: {{"collect[]": [cpu, meminfo]}}
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
  - job_name: checks
    scrape_interval: 30s
    params: {{"collect[]": [cpu, meminfo, loadavg, filesystem, diskstats, netdev, pressure, stat]}}
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
"""
RULES = """
groups:
  - name: machine
    rules:
      - alert: full
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.05
      - alert: busy
        expr: avg(rate(node_cpu_seconds_total{mode="idle"}[1m])) < 0.01
      - alert: memory
        expr: node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05
"""


class Prometheus(Monitor):
    name = "Prometheus and node_exporter"
    programs = [PEERS / f"debian/usr/bin/{name}" for name in ("prometheus", "prometheus-node-exporter")]

    def commands(self) -> list[list]:
        exporter = free_port()
        file = self.folder / "prometheus.yml"
        file.write_text(PROMETHEUS.format(folder=self.folder, exporter=exporter))
        (self.folder / "rules.yml").write_text(RULES)
        server, node = (program.resolve() for program in self.programs)
        return [
            [node, f"--web.listen-address=127.0.0.1:{exporter}", "--log.level=warn"],
            [server, f"--config.file={file}", f"--storage.tsdb.path={self.data}", f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
        ]

    def path_of_plot(self, start: float, end: float) -> str:
        query = {"query": f"node_memory_MemAvailable_bytes{{job=\"utilization\"}}[{end - start:.0f}s]", "time": f"{end:.3f}"}
        return "/api/v1/query?" + urllib.parse.urlencode(query)

    def points(self, answer) -> int:
        return sum(len(series["values"]) for series in answer["data"]["result"])


# Its own defaults but for what would need the network or other programs. It measures everything each second.
NETDATA = """
[global]
  run as user = root
  hostname = footprint
[directories]
  config = {folder}
  stock config = {debian}/usr/lib/netdata/conf.d
  log = {folder}
  cache = {data}
  lib = {folder}
  home = {folder}
  web = {debian}/usr/share/netdata/web
  plugins = {debian}/usr/lib/netdata/plugins.d
  health config = {folder}/health.d
  stock health config = {debian}/usr/lib/netdata/conf.d/health.d
[db]
  mode = dbengine
  update every = {every}
[web]
  bind to = 127.0.0.1
  default port = {port}
[plugins]
  apps = no
  cgroups = no
  enable running new plugins = no
  go.d = no
  python.d = no
  charts.d = no
  perf = no
  nfacct = no
  slabinfo = no
[statsd]
  enabled = no
[registry]
  enabled = no
[cloud]
  enabled = no
"""


class Netdata(Monitor):
    name = "Netdata"
    every = 1
    programs = [PEERS / "debian/usr/sbin/netdata"]

    def commands(self) -> list[list]:
        file = self.folder / "netdata.conf"
        debian = (PEERS / "debian").resolve()
        file.write_text(NETDATA.format(folder=self.folder, data=self.data, debian=debian, port=self.port, every=self.every))
        # No anonymous statistics.
        (self.folder / ".opt-out-from-anonymous-statistics").touch()
        return [[self.programs[0].resolve(), "-D", "-c", file, "-P", self.folder / "pid"]]

    def helpers(self, pid: int) -> list[int]:
        # It starts one that would start its alarms' programs.
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]

    def path_of_plot(self, start: float, end: float) -> str:
        return f"/api/v1/data?chart=system.ram&after={start:.0f}&before={end:.0f}&points=0&format=json"

    def points(self, answer) -> int:
        return len(answer["data"])


class Netdata30(Netdata):
    name = "Netdata every 30 s"
    every = 30


ALL = {
    "ours": Ours, "sidecar": Sidecar, "collectd": Collectd, "prometheus": Prometheus, "netdata": Netdata, "netdata30": Netdata30,
}  # fmt: skip
