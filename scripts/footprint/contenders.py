"""Who is compared: this agent, and what people would use in its place."""

import contextlib
import http.client
import os
import pathlib
import platform
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace

# The older agent can take samples at this interval only, so everyone does.
INTERVAL_SECONDS = 0.9
# BINARY is one that was built before, such as that of a release.
OURS = pathlib.Path(os.environ.get("BINARY") or "target/x86_64-unknown-linux-musl/release/cloudwatch_metrics_agent")
# The build without the host agent.
SIDECAR = pathlib.Path("target/sidecar/cloudwatch_metrics_agent")
OURS_NAME = "this agent"
PEERS = pathlib.Path("target/peers")
LIBRARIES = PEERS / f"debian/usr/lib/{platform.machine()}-linux-gnu"
PLUGINS = PEERS / "debian/usr/lib/collectd"


@dataclass
class Contender:
    name: str
    program: pathlib.Path
    # To sample and publish every so many seconds, or to sample alone.
    publishing: list[str]
    sampling: list[str]
    plugins: list[pathlib.Path] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    # Whether it publishes by itself, or is asked at this port.
    asked_at: int | None = None
    # valgrind gives up on Go's way with stacks.
    under_valgrind: bool = True

    @property
    def publishes(self) -> bool:
        return self.asked_at is None

    def start(self, publish: bool, log, wrapper=(), **options) -> subprocess.Popen:
        arguments = self.publishing if publish else self.sampling
        environment = {"PATH": os.environ["PATH"], "HOME": "/", **self.environment}
        command = [*wrapper, self.program, *arguments]
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
        )

    @contextlib.contextmanager
    def asked(self):
        """Asks it for its samples at the interval, if it takes them only then."""
        if self.publishes:
            yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=scrape, args=[self.asked_at, stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def aws(roots: pathlib.Path, url: str) -> dict[str, str]:
    """No file and no endpoint of AWS is looked for but this one."""
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": url,
        # Nobody listens at the port for discarding.
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        "SSL_CERT_FILE": str(roots.resolve()),
    }


def ours(roots: pathlib.Path, url: str, period: int, interval: float = INTERVAL_SECONDS) -> Contender:
    options = ["--namespace", "Footprint", "--service", "footprint", "--scope", "host",
               "--sample-interval", str(interval)]  # fmt: skip
    return Contender(
        OURS_NAME,
        OURS,
        publishing=[*options, "--period", str(period)],
        sampling=[*options, "--period", "86400", "--dry-run"],
        environment=aws(roots, url),
    )


def otlp(roots: pathlib.Path, url: str, period: int) -> Contender:
    """The same by OTLP, to the same endpoint."""
    agent = ours(roots, url, period)
    options = ["--publish=otlp", f"--otlp-endpoint={url}/v1/metrics"]
    return replace(agent, name=f"{OURS_NAME}, OTLP", publishing=[*agent.publishing, *options])


def older(roots: pathlib.Path, url: str, period: int) -> Contender:
    options = ["--namespace", "Footprint", "--service-name", "footprint"]
    return Contender(
        "agent 0.1.11",
        PEERS / "bin/cloudwatch_metrics_agent",
        publishing=[*options, "--period", str(period)],
        sampling=[*options, "--period", "86400", "--dryrun"],
        environment=aws(roots, url),
    )


def collectd(roots: pathlib.Path, url: str, period: int) -> Contender:
    folder = roots.parent / "collectd"
    folder.mkdir(exist_ok=True)
    configurations = {}
    for kind in ("publishing", "sampling"):
        text = COLLECTD.format(
            here=folder.resolve(), debian=(PEERS / "debian").resolve(), interval=INTERVAL_SECONDS
        )
        if kind == "publishing":
            text += WRITE_HTTP.format(period=period, url=url, roots=roots.resolve())
        configurations[kind] = folder / f"{kind}.conf"
        configurations[kind].write_text(text)
    return Contender(
        "collectd",
        PEERS / "debian/usr/sbin/collectd",
        publishing=["-f", "-C", str(configurations["publishing"])],
        sampling=["-f", "-C", str(configurations["sampling"])],
        plugins=[PLUGINS / f"{name}.so" for name in ("cpu", "memory", "write_http")],
        environment={"LD_LIBRARY_PATH": str(LIBRARIES.resolve())},
    )


# One percentage for the CPU and one for each kind of memory: what comes nearest to the agent's.
COLLECTD = """
Hostname "footprint"
BaseDir "{here}"
PIDFile "{here}/pid"
PluginDir "{debian}/usr/lib/collectd"
TypesDB "{debian}/usr/share/collectd/types.db"
Interval {interval}
LoadPlugin cpu
LoadPlugin memory
<Plugin cpu>
  ReportByCpu false
  ReportByState false
  ValuesPercentage true
</Plugin>
<Plugin memory>
  ValuesAbsolute false
  ValuesPercentage true
</Plugin>
"""
WRITE_HTTP = """
<LoadPlugin write_http>
  FlushInterval {period}
</LoadPlugin>
<Plugin write_http>
  <Node "footprint">
    URL "{url}/collectd"
    CACert "{roots}"
    Format "JSON"
    # So large that only the interval empties it.
    BufferSize 1048576
  </Node>
</Plugin>
"""


def node_exporter(port: int) -> Contender:
    options = ["--collector.disable-defaults", "--collector.cpu", "--collector.meminfo",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    return Contender(
        "node_exporter",
        PEERS / "debian/usr/bin/prometheus-node-exporter",
        publishing=options,
        sampling=options,
        asked_at=port,
        under_valgrind=False,
    )


def evict(program: pathlib.Path) -> None:
    """Takes a program out of the page cache. A file that was just written is in large folios, of which the kernel maps
    more at once, so its RSS is higher than where it was installed some time ago."""
    with program.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def scrape(port: int, stop: threading.Event) -> None:
    """As Prometheus does, over one connection."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    due = time.monotonic()
    while not stop.wait(max(0, due - time.monotonic())):
        try:
            client.request("GET", "/metrics")
            client.getresponse().read()
        except (OSError, http.client.HTTPException):
            # It does not listen yet, or has ended.
            client.close()
            stop.wait(0.002)
            continue
        due += INTERVAL_SECONDS
    client.close()
