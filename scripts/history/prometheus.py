"""Prometheus: what its blocks hold, and its HTTP API on loopback.

It has no rollups: what is asked for at a lower resolution it computes from all points. The points go
in by remote write, as from an agent; the size is that of blocks that promtool makes of the same
points, because the server's own are still partly in its log.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Iterator

import plots
import points

BINARIES = Path("target/prometheus/usr/bin")
KEEPS = "all points of the 3 days, no rollups"
HOW = "HTTP on loopback, JSON answers; inserted by remote write"
# The largest blocks that a server with the default retention of 15 days makes: a tenth of it at most.
BLOCK = "18h"


def free_port() -> int:
    """One below those that the system gives to clients."""
    for port in range(21_000, 32_768):
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise SystemExit("there is no free port below 32768")


@contextlib.contextmanager
def server(folder: Path, data: Path) -> Iterator[tuple[http.client.HTTPConnection, int]]:
    """A running server with these data: a connection to it, and its process id."""
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    port = free_port()
    options = [
        f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=10y", "--web.enable-remote-write-receiver", "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("ab") as log:
        process = subprocess.Popen([BINARIES / "prometheus", *options], stdout=log, stderr=log)
        try:
            yield ready(process, port, folder), process.pid
        finally:
            process.terminate()
            process.wait(timeout=120)


def ready(process: subprocess.Popen, port: int, folder: Path) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/-/ready")
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return connection
        # Nothing tells when it is ready.
        time.sleep(0.05)
    raise SystemExit(f"Prometheus is not ready: {(folder / 'prometheus.log').read_text()}")


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers with a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def label(name: str, value: str) -> bytes:
    return field(1, field(1, name.encode()) + field(2, value.encode()))


def snappy(content: bytes) -> bytes:
    """A block of Snappy in which nothing is compressed."""
    out = bytearray(varint(len(content)))
    for at in range(0, len(content), 65_536):
        part = content[at : at + 65_536]
        out += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


def remote_write(batch: list[tuple[int, int, float]]) -> bytes:
    by_series: dict[int, bytearray] = {}
    for series, at_ms, value in batch:
        sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms)
        by_series.setdefault(series, bytearray()).extend(field(2, sample))
    request = b"".join(
        field(1, label("__name__", "point") + label("series", str(series)) + bytes(samples))
        for series, samples in by_series.items()
    )
    return snappy(request)


def insert(file: Path, folder: Path) -> tuple[int, float, float]:
    """How many points a server took, and how long it took and computed for them."""
    headers = {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    count, spent = 0, 0.0
    with server(folder, folder / "inserted") as (connection, pid):
        cpu = plots.cpu_seconds(pid)
        for batch in points.by_minute(file):
            body = remote_write(batch)
            begun = time.perf_counter()
            connection.request("POST", "/api/v1/write", body, headers)
            response = connection.getresponse()
            told = response.read()
            spent += time.perf_counter() - begun
            if response.status != 204:
                raise SystemExit(f"remote write: {response.status} {told.decode()}")
            count += len(batch)
        cpu = plots.cpu_seconds(pid) - cpu
    return count, spent, cpu


def blocks(file: Path, folder: Path) -> Path:
    """The blocks of all points."""
    text, made = folder / "points.openmetrics", folder / "blocks"
    with text.open("w") as out:
        for series, at_ms, value in points.read(file):
            out.write(f'point{{series="{series}"}} {value!r} {at_ms // 1000}.{at_ms % 1000:03}\n')
        out.write("# EOF\n")
    promtool = [BINARIES / "promtool", "tsdb", "create-blocks-from", "--quiet", f"--max-block-duration={BLOCK}"]
    subprocess.run([*promtool, "openmetrics", text, made], check=True, stdout=subprocess.DEVNULL)
    text.unlink()
    return made


def query(connection: http.client.HTTPConnection, plot: plots.Plot) -> bytes:
    selector = f'point{{series="{plots.SERIES}"}}'
    if plot.resolution == "FULL":
        # A window is closed at both ends, and times have milliseconds.
        parameters = {"query": f"{selector}[{plot.end - plot.start}s]", "time": plot.end - 0.001}
        path = "/api/v1/query"
    else:
        parameters = {
            "query": f"avg_over_time({selector}[{plot.step}s])", "step": plot.step,
            "start": plot.start + plot.step, "end": plot.end,
        }
        path = "/api/v1/query_range"
    connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
    response = connection.getresponse()
    told = response.read()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status} {told.decode()}")
    return told


def values(answer: bytes) -> list[float]:
    return [float(value) for series in json.loads(answer)["data"]["result"] for _, value in series["values"]]


def measure(name: str, file: Path, folder: Path) -> dict:
    count, spent, cpu = insert(file, folder)
    made = blocks(file, folder)
    size = plots.size(made)
    chunks = sum(file.stat().st_size for file in made.glob("*/chunks/*"))
    with server(folder, made) as (connection, _):
        asked = {
            plot.resolution: plots.timed_ms(plot, lambda plot: query(connection, plot), values)
            for plot in plots.of(name, file)
        }
    return {
        "points": count, "bytes": size, "insert_ns_a_point": spent / count * 1e9,
        "insert_cpu_ns_a_point": cpu / count * 1e9, "plots_ms": asked, "bytes_of_chunks": chunks,
    }
