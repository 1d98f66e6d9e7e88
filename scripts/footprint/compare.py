"""Runs this agent and its peers side by side, in turn, and prints what each costs.

    compare.py [--period SECONDS] [--rounds N] [--ours] [SECONDS]
"""

import argparse
import json
import os
import pathlib
import platform
import signal
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

import contenders
import counts
import rounds
from endpoint import Endpoint, bound
from table import FIGURES, OLDER, TARGETS, markdown, print_parts, print_targets

WORK = pathlib.Path("target/footprint")
# Of what takes milliseconds, so many times.
REPEATS = 11
# No publish by the clock.
NEVER = 86400


def main() -> None:
    # Who ends this early must not leave anything behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=int, default=120, help="of each run, after its first publish")
    parser.add_argument("--period", type=int, default=60, help="between two publishes, seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", action="store_true", help="without the peers")
    arguments = parser.parse_args()

    contenders.evict(contenders.OURS)
    endpoint = Endpoint(WORK)

    def everyone(period: int) -> list[contenders.Contender]:
        all_of_them = contestants(endpoint, period)
        return all_of_them[:NUMBER_OF_OURS] if arguments.ours else all_of_them

    # These publish only at their end.
    silent = everyone(NEVER)
    load = os.getloadavg()[0]
    results: dict[str, dict[str, list]] = {each.name: {} for each in silent}

    def add(name: str, figures: rounds.Figures) -> None:
        for key, value in figures.items():
            results[name].setdefault(key, []).append(value)

    say("instructions and system calls per sample")
    with ThreadPoolExecutor() as pool:
        # Counts are the same whatever else the machine does, so all at once.
        counted = [
            (each.name, pool.submit(counts.instructions, each), pool.submit(counts.system_calls, each))
            for each in silent
        ]
        for name, instructions, calls in counted:
            total, kinds = calls.result()
            add(name, {"instructions": instructions.result(), "calls": total})
            say(f"  {name}: " + " ".join(f"{kind}={count:.1f}" for kind, count in kinds.items()))
    for each in silent:
        add(each.name, {"binary": rounds.binary_bytes(each)})
    say(f"start and end, {REPEATS} times in turn")
    for _ in range(REPEATS):
        for each in silent:
            add(each.name, {"start": counts.first_sample_ms(each), "flush": rounds.flush_ms(each, endpoint)})
    for each in silent:
        delivered = sum(took is not None for took in results[each.name]["flush"])
        add(each.name, {"delivered": delivered if each.publishes else None})
        for name in ("start", "flush"):
            known = [took for took in results[each.name][name] if took is not None]
            # A busy machine makes most of them longer, and none shorter.
            add(each.name, {f"{name}_least": min(known, default=None)})
    for number in range(1, arguments.rounds + 1):
        for each in everyone(arguments.period):
            say(f"round {number} of {arguments.rounds}: {each.name}")
            add(each.name, rounds.published(each, endpoint, arguments.period, arguments.seconds))

    medians = {name: {key: median(values) for key, values in all.items()} for name, all in results.items()}
    conditions = {
        "seconds": arguments.seconds,
        "period": arguments.period,
        "rounds": arguments.rounds,
        "sample_interval": contenders.INTERVAL_SECONDS,
        "roots": endpoint.roots.read_text().count("BEGIN CERTIFICATE"),
        "machine": f"{cpu_model()}, {os.cpu_count()} CPUs, Linux {platform.release()}",
        "load_before": load,
        "load_after": os.getloadavg()[0],
    }
    write(conditions, medians, results)
    print(" · ".join(f"{key.replace('_', ' ')} {value}" for key, value in conditions.items()), end="\n\n")
    print(markdown(FIGURES, medians))
    print("MB are a million bytes; (×) is how many times ours; – does not apply or cannot be measured.\n")
    print_targets("sidecar", FIGURES, medians[contenders.OURS_NAME], TARGETS)
    if OLDER in medians:
        print_parts(medians[contenders.OURS_NAME], medians[OLDER])


# So many of the contestants are ours: the first ones.
NUMBER_OF_OURS = 2


def contestants(endpoint: Endpoint, period: int) -> list[contenders.Contender]:
    to_cloudwatch = (endpoint.roots, endpoint.url, period)
    with bound(0) as free:
        port = free.getsockname()[1]
    return [
        contenders.ours(*to_cloudwatch),
        contenders.otlp(*to_cloudwatch),
        contenders.older(*to_cloudwatch),
        contenders.collectd(*to_cloudwatch),
        contenders.node_exporter(port),
    ]


def median(values: list) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def write(conditions: dict, medians: dict, results: dict) -> None:
    (ours, mine), *peers = medians.items()
    figures = {}
    for figure in FIGURES:
        key = figure.key
        figures[key] = {
            "title": figure.title,
            "unit": figure.unit,
            ours: {"median": mine[key], "all": results[ours][key]},
        }
        for name, theirs in peers:
            ratio = theirs[key] / mine[key] if theirs[key] is not None and mine[key] else None
            figures[key][name] = {"median": theirs[key], "all": results[name][key], "times_ours": ratio}
    (WORK / "footprint.json").write_text(json.dumps({"conditions": conditions, "figures": figures}, indent=1) + "\n")


def cpu_model() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
