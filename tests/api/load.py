"""50 clients that ask for plots as fast as they can, and whether the agent still samples in time.

    load.py BASE_URL --token TOKEN --pid PID [--seconds 60] [--clients 50] [--step 0.9] [--most-late N]

Each client has one connection that it keeps. An answer is 200, or 503 with Retry-After; with any other,
or with none, the exit code is 1. Afterwards the history itself says when the CPU was sampled during the
load: --step is what was set, and with --most-late the exit code is 1, too, where more samples than that
were over 200 ms late. The last line is all of it as JSON.

A closed loop: with all clients waiting, the time of an answer is mostly that of the 49 others before it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import time
import urllib.parse
from pathlib import Path

from service import Service

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# What is asked for: resolution, and how much of the past.
RANGES = [
    ("FULL", HOUR_MS // 4), ("MIN5", DAY_MS), ("MIN20", 10 * DAY_MS), ("MIN60", 30 * DAY_MS),
    ("MIN240", 200 * DAY_MS), ("MIN1440", 1000 * DAY_MS),
]
LATE_MS = (50, 200)
# No plot takes nearly as long; a client that waits longer was forgotten.
PATIENCE_S = 30
# Every so many answers are read as JSON; all of them would measure this program.
PARSED = 50
# A client that got so many wrong answers gives up: the agent is not there any more.
MOST_WRONG = 20


class Wrong(Exception):
    """An answer that is none of those that are allowed."""


class Client:
    """One connection, and what came over it."""

    def __init__(self, host: str, port: int, requests: list[bytes], first: int) -> None:
        self._address = (host, port)
        self._requests = itertools.islice(itertools.cycle(requests), first, None)
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.times: list[float] = []
        self.busy = self.connects = 0
        self.wrong: list[str] = []

    async def run(self, until: float) -> None:
        while time.monotonic() < until and len(self.wrong) < MOST_WRONG:
            try:
                await asyncio.wait_for(self._ask(next(self._requests)), PATIENCE_S)
            except (Wrong, OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                self._close()
        self._close()

    async def _ask(self, request: bytes) -> None:
        if self._stream is None:
            self._stream = await asyncio.open_connection(*self._address)
            self.connects += 1
        reader, writer = self._stream
        begun = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await self._body(reader, headers)
        spent = time.perf_counter() - begun
        if headers.get("connection", "").lower() == "close":
            self._close()
        if status == 503 and headers.get("retry-after", "").isdigit():
            self.busy += 1
        elif status == 200:
            self.times.append(spent)
            if len(self.times) % PARSED == 1:
                json.loads(body)["values"]
        else:
            raise Wrong(f"{head[0]} {headers} {body[:200]}")

    @staticmethod
    async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(int(headers["content-length"]))
        body = bytearray()
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return bytes(body)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None


def requests_for(service: Service) -> list[bytes]:
    """A plot of each metric of each check, at each resolution."""
    now = int(time.time() * 1000)
    checks = [check["id"] for page in service.pages("/v1.0/self/entities/self/checks") for check in page["values"]]
    asked = []
    for check in checks:
        path = f"/v1.0/self/entities/self/checks/{urllib.parse.quote(check, safe='')}/metrics"
        for metric in (metric for page in service.pages(path) for metric in page["values"]):
            if metric["type"] == "s":
                continue
            for resolution, past in RANGES:
                plot = f"{path}/{urllib.parse.quote(metric['name'], safe='')}/plot"
                asked.append(f"{plot}?from={now - past}&to={now + HOUR_MS}&resolution={resolution}")
    if not asked:
        raise SystemExit("load: the agent has no metrics yet")
    fields = f"Host: {service.host}:{service.port}\r\nX-Auth-Token: {service.token}\r\nAccept: application/json"
    return [f"GET {target} HTTP/1.1\r\n{fields}\r\n\r\n".encode() for target in asked]


def memory(pid: int) -> dict[str, int]:
    """Resident memory of a process now and at its highest, in kilobytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM")}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(pid: int) -> bool:
    """The peak is that of the load alone, where this process may set it back (proc(5), clear_refs)."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


async def load(service: Service, requests: list[bytes], clients: int, seconds: float) -> list[Client]:
    # Each begins elsewhere, so that they do not all ask for the same.
    apart = max(len(requests) // clients, 1)
    all_clients = [Client(service.host, service.port, requests, apart * number) for number in range(clients)]
    until = time.monotonic() + seconds
    await asyncio.gather(*(client.run(until) for client in all_clients))
    return all_clients


def regularity(service: Service, begin_ms: int, end_ms: int, step_ms: float) -> dict:
    """How late samples of the CPU were, by the points of the history: their distance less the step."""
    path = "/v1.0/self/entities/self/checks/utilization/metrics/cpu/plot"
    query = f"from={begin_ms}&to={end_ms}&resolution=FULL"
    times = [point["timestamp"] for page in service.pages(f"{path}?{query}") for point in page["values"]]
    late = [after - before - step_ms for before, after in zip(times, times[1:])]
    if not late:
        raise SystemExit("load: the history has no two points of utilization/cpu from the time of the load")
    told = {f"late_{most}_ms": sum(one > most for one in late) for most in LATE_MS}
    # One that was missed altogether is a distance of two steps; the ends may be cut.
    expected = int((end_ms - begin_ms) // step_ms)
    return {
        "samples": len(times), "samples_expected": expected, "latest_ms": round(max(late), 1),
        "median_ms": round(statistics.median(late), 1), **told,
    }


def percentile(of: list[float], percent: int) -> float:
    return sorted(of)[min(len(of) * percent // 100, len(of) - 1)]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("--token", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--step", type=float, default=0.9)
    parser.add_argument("--most-late", type=int)
    options = parser.parse_args()
    service = Service(options.base_url, options.token)
    requests = requests_for(service)

    before, peak_is_of_load = memory(options.pid), forget_peak(options.pid)
    begin_ms, cpu, own_cpu = int(time.time() * 1000), cpu_seconds(options.pid), time.process_time()
    clients = asyncio.run(load(service, requests, options.clients, options.seconds))
    end_ms = int(time.time() * 1000)
    seconds = (end_ms - begin_ms) / 1000
    cpu, own_cpu = cpu_seconds(options.pid) - cpu, time.process_time() - own_cpu
    after = memory(options.pid)

    times = [spent for client in clients for spent in client.times]
    wrong = [reason for client in clients for reason in client.wrong]
    busy = sum(client.busy for client in clients)
    if not times:
        print("\n".join(wrong[:10]))
        raise SystemExit(f"load: no answer was 200, {busy} were 503")
    told = {
        "seconds": round(seconds, 1), "answers": len(times), "busy": busy, "wrong": len(wrong),
        "connects": sum(client.connects for client in clients),
        "p50_ms": round(1000 * percentile(times, 50), 2), "p99_ms": round(1000 * percentile(times, 99), 2),
        "slowest_ms": round(1000 * max(times), 2), "least_of_a_client": min(len(client.times) for client in clients),
        "memory_before_kb": before["VmRSS"], "memory_peak_kb": after["VmHWM"], "memory_after_kb": after["VmRSS"],
        "cpu_percent": round(100 * cpu / seconds, 1), "cpu_of_clients_percent": round(100 * own_cpu / seconds, 1),
        **regularity(service, begin_ms, end_ms, 1000 * options.step),
    }
    show(told, options.clients, peak_is_of_load)
    for reason, _ in itertools.groupby(sorted(wrong)[:10]):
        print(f"wrong: {reason}")
    print(json.dumps(told))
    too_late = options.most_late is not None and told["late_200_ms"] > options.most_late
    return 1 if wrong or too_late else 0


def show(told: dict, clients: int, peak_is_of_load: bool) -> None:
    rate = told["answers"] / told["seconds"]
    of_what = "during the load" if peak_is_of_load else "since its start"
    print(
        f"{clients} clients for {told['seconds']} s: {told['answers']} plots ({rate:.0f} a second), "
        f"{told['busy']} answers 503, {told['wrong']} wrong\n"
        f"time of a plot: p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms, slowest {told['slowest_ms']} ms\n"
        f"clients: {told['connects']} connections, each at least {told['least_of_a_client']} plots\n"
        f"CPU: the agent {told['cpu_percent']} %, all clients {told['cpu_of_clients_percent']} % of one\n"
        f"memory of the agent: before {told['memory_before_kb']} kB, peak {of_what} {told['memory_peak_kb']} kB, "
        f"after {told['memory_after_kb']} kB\n"
        f"sampling meanwhile: {told['samples']} samples of about {told['samples_expected']}; late by "
        f"{told['median_ms']} ms (median), {told['latest_ms']} ms (latest); over 50 ms {told['late_50_ms']}, "
        f"over 200 ms {told['late_200_ms']}"
    )


if __name__ == "__main__":
    sys.exit(main())
