"""Ten clients that change everything at random, while plugins hang and the history fills.

    storm.py --binary BINARY [--seconds 300] [--clients 10] [--seed 1] [--pause 0.02] [--most-late N]

Each answer is compared with a model of what has to be there. Then the agent is killed, and what it has after a
restart is compared again. The history says when the CPU was sampled meanwhile: with --most-late the exit code is 1
where more samples than that were over 200 ms late, the time that the agent waited for a CPU taken off. The last
line is all of it as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from load import LATE_MS, memory, percentile
from storm_agent import STEP_S, Agent, Waits
from storm_client import SECRET, Client
from storm_files import FilesClient
from storm_model import World
from storm_wire import Busy, Gate, Wrong

# More than these are a leak. A connection, a pidfd or the pages of the history may come and go.
MOST_DESCRIPTORS, MOST_MEMORY_KB = 4, 6 * 1024


async def storm(options: argparse.Namespace, agent: Agent) -> dict:
    world, gate = World(), Gate()
    arguments = [(number, agent.socket, world, gate, options.seed) for number in range(options.clients)]
    files = FilesClient(agent.config, *arguments[0])
    clients = [files, *(Client(*of) for of in arguments[1:])]
    files.write_good()
    world.checks.files, world.alarms.files = files.written
    agent.start()
    await ready(files)
    first = memory(agent.pid)
    await switch_all(clients, "disable")
    before = agent.settled(10_000)[0]
    await switch_all(clients, "enable")

    waits, begin_ms = Waits(agent.pid), int(time.time() * 1000)
    waits.start()
    until = time.monotonic() + options.seconds
    await asyncio.gather(*(client.run(until, options.pause) for client in clients))
    end_ms = int(time.time() * 1000)
    waits.end()
    after = memory(agent.pid)
    told = {"seconds": round((end_ms - begin_ms) / 1000, 1), **answers(clients), **files.counts}
    wrong = [reason for client in clients for reason in client.wrong]
    told |= await regularity(files, waits, begin_ms, end_ms)

    async def claim(what: str, claimed) -> None:
        try:
            await claimed
        except (Wrong, Busy, KeyError) as error:
            wrong.append(f"{what}: {error}")

    await claim("after the storm", files.all_is_there())
    await claim("after the storm", switch_all(clients, "disable"))
    descriptors, children = agent.settled(before)
    told |= {
        "descriptors_before": before, "descriptors_after": descriptors, "children_after": len(children),
        "memory_before_kb": first["VmRSS"], "memory_after_kb": after["VmRSS"], "memory_peak_kb": after["VmHWM"],
    }
    if descriptors > before + MOST_DESCRIPTORS:
        wrong.append(f"{descriptors} descriptors are open, and {before} were before")
    wrong += [f"a child is left: {child}" for child in children]
    if after["VmRSS"] > first["VmRSS"] + MOST_MEMORY_KB:
        wrong.append(f"it has {after['VmRSS']} kB, and had {first['VmRSS']} kB before")

    # What was answered is there after a kill, also with files that are broken now.
    if options.seed % 2:
        files.write_broken()
    agent.kill()
    agent.start()
    files.connection.close()
    await ready(files)
    await claim("after the kill", files.all_is_there())
    files.connection.close()
    code, took = agent.end()
    told["stop_seconds"] = round(took, 2)
    if code != 0:
        wrong.append(f"SIGTERM: exit code {code}")
    wrong += [f"a process is left after the end: {child}" for child in agent.children()]
    log = agent.error_lines()
    wrong += [line for line in log.splitlines() if SECRET in line or "panicked" in line][:5]
    return told | {"wrong": wrong}


async def ready(client: Client) -> None:
    """Nothing tells from outside when it answers, and has a first point."""
    until = time.monotonic() + 30
    points = "/entities/self/checks/utilization/metrics/cpu/plot?from=1000000000000&to=9999999999999&points=50"
    while time.monotonic() < until:
        try:
            if [(await client.connection.ask("GET", path))[0] for path in ("/readyz", points)] == [200, 200]:
                return
        except (Wrong, Busy):
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("storm: the agent does not say that it is ready")


async def switch_all(clients: list[Client], act: str) -> None:
    """Of checks of all clients, so that nothing runs, or all does."""
    world = clients[0].world
    for id, settings in world.checks.effective().items():
        _, headers, _ = await clients[0].ask("POST", f"{Client.path(id)}/{act}", None, 204)
        clients[0].changed(id, settings, {**settings, "disabled": act == "disable"}, headers)


async def regularity(client: FilesClient, waits: Waits, begin_ms: int, end_ms: int) -> dict:
    """How late samples of the CPU were, by the points of the history: their distance less the step, and less the
    time for which the machine kept the agent from running."""
    path = "/entities/self/checks/utilization/metrics/cpu/plot"
    times, marker = [], ""
    while marker is not None:
        query = f"from={begin_ms}&to={end_ms}&resolution=FULL{marker and f'&marker={marker}'}"
        _, _, page = await client.ask("GET", f"{path}?{query}", None, 200)
        times += [point["timestamp"] for point in page["values"]]
        marker = page["metadata"]["next_marker"]
    gaps = list(zip(times, times[1:]))
    if not gaps:
        raise SystemExit("storm: the history has no two points of utilization/cpu from the time of the storm")
    raw = [after - before - 1000 * STEP_S for before, after in gaps]
    late = [max(0, of - waits.between(*gap)) if of > 0 else of for of, gap in zip(raw, gaps)]
    told = {f"late_{most}_ms": sum(one > most for one in late) for most in LATE_MS}
    # What it did meanwhile may tell why.
    slow = [(round(of), waits.places(*gap)) for of, gap in zip(late, gaps) if of > LATE_MS[0]]
    with_waits = {f"late_{most}_ms_with_waits": sum(one > most for one in raw) for most in LATE_MS}
    return {
        "samples": len(times), "samples_expected": int((end_ms - begin_ms) // (1000 * STEP_S)),
        "latest_ms": round(max(late), 1), "median_ms": round(statistics.median(late), 1),
        "within_50_ms_percent": round(100 * (1 - told["late_50_ms"] / len(late)), 3), **told,
        "latest_ms_with_waits": round(max(raw), 1), **with_waits,
        "waited_ms": round(waits.between(begin_ms, end_ms)), "slow": slow[:10],
    }


def answers(clients: list[Client]) -> dict:
    times = [spent for client in clients for spent in client.connection.times]
    by_status: dict[int, int] = {}
    for client in clients:
        for status, count in client.connection.answers.items():
            by_status[status] = by_status.get(status, 0) + count
    return {
        "answers": len(times), "by_status": {status: by_status[status] for status in sorted(by_status)},
        "least_of_a_client": min(client.asked for client in clients), "busy": sum(map(len, (client.busy for client in clients))),
        "busy_reasons": [reason for client in clients for reason in client.busy][:10],
        "p50_ms": round(1000 * percentile(times, 50), 1), "p99_ms": round(1000 * percentile(times, 99), 1),
        "slowest_ms": round(1000 * max(times), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--most-late", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="storm") as folder:
        agent = Agent(options.binary, Path(folder))
        try:
            told = asyncio.run(storm(options, agent))
        finally:
            if agent.process is not None and agent.process.poll() is None:
                agent.kill()
            if agent.process is not None and agent.process.returncode not in (0, -9):
                print(agent.error_lines()[-2000:], file=sys.stderr)
    wrong = told["wrong"]
    print(
        f"{options.clients} clients for {told['seconds']} s, seed {options.seed}: {told['answers']} answers "
        f"{told['by_status']}, {len(wrong)} wrong; p50 {told['p50_ms']} ms, p99 {told['p99_ms']} ms, "
        f"slowest {told['slowest_ms']} ms\n"
        f"files: {told['reloaded']} reloads, {told['refused']} refused, {told['discarded']} with discarded changes, "
        f"{told['undone']} undone\n"
        f"sampling: {told['samples']} samples of about {told['samples_expected']}, {told['within_50_ms_percent']} % "
        f"within 50 ms, latest {told['latest_ms']} ms; over 200 ms {told['late_200_ms']}; with the time waited for a CPU "
        f"({told['waited_ms']} ms in all) latest {told['latest_ms_with_waits']} ms\n"
        f"memory: before {told['memory_before_kb']} kB, after {told['memory_after_kb']} kB, peak {told['memory_peak_kb']} kB; "
        f"descriptors: before {told['descriptors_before']}, after {told['descriptors_after']}; "
        f"children left {told['children_after']}; stopped within {told['stop_seconds']} s"
    )
    for late, places in told["slow"]:
        print(f"late by {late} ms, found in {places}")
    for reason in sorted({reason for reason in told["busy_reasons"]}):
        print(f"busy: {reason}")
    for reason in wrong[:20]:
        print(f"wrong: {reason}")
    print(json.dumps({**told, "wrong": len(wrong)}))
    too_late = options.most_late is not None and told["late_200_ms"] > options.most_late
    return 1 if wrong or too_late else 0


if __name__ == "__main__":
    sys.exit(main())
