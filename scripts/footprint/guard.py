"""Holds what the agent costs against what is stored in limits.json, and fails if it is over."""

import json
import os
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import checks
import contenders
import counts
import order
import rounds
from endpoint import Endpoint

LIMITS = pathlib.Path(__file__).with_name("limits.json")
# Short, so that it publishes three times in half a minute.
PERIOD_SECONDS = 5
# Those whose cost does not depend on how many mounts, disks and processes a machine has.
CHECKS = ("agent.cpu", "agent.memory", "agent.load_average", "agent.network")

# Fewer, and the functions that ordinary runs call no longer lie together.
LEAST_PLACED = 0.95


def main() -> int:
    # What was built elsewhere has no map here.
    count, missing = (0, []) if os.environ.get("BINARY") else order.placed()
    print(f"order.ld: {count - len(missing)} of {count} functions are in the program")
    if len(missing) > (1 - LEAST_PLACED) * count:
        print(f"too many are missing, such as {missing[:3]}: make it anew with scripts/footprint.sh --order", file=sys.stderr)
        return 1
    endpoint = Endpoint(pathlib.Path("target/footprint"))
    agent = contenders.ours(endpoint.roots, endpoint.url, PERIOD_SECONDS)
    with ThreadPoolExecutor() as pool:
        # None of them is a time, so they can be taken at once.
        instructions = pool.submit(counts.instructions, agent)
        calls = pool.submit(counts.system_calls, agent)
        of_checks = pool.submit(checks.instructions, {kind: checks.types()[kind] for kind in CHECKS})
        figures = pool.submit(rounds.published, agent, endpoint, PERIOD_SECONDS, 2 * PERIOD_SECONDS).result()
        total, kinds = calls.result()
        measured = {
            "instructions_per_sample": instructions.result(),
            "system_calls_per_sample": total,
            "rss_bytes": figures["rss_last"],
            "threads": figures["threads"],
            "binary_bytes": os.path.getsize(agent.program),
            "binary_bytes_of_sidecar": os.path.getsize(contenders.SIDECAR),
            "instructions_of_checks": of_checks.result(),
        }
    limits = json.loads(LIMITS.read_text())
    if limits.keys() != measured.keys():
        raise KeyError(f"limits.json has {sorted(limits)}, and {sorted(measured)} are measured")
    print(f"{'figure':<26}{'measured':>12}{'stored':>12}{'at most':>12}")
    over = []
    for name, value in measured.items():
        stored, most = limits[name]["stored"], limits[name]["stored"] * (1 + limits[name]["tolerance"])
        verdict = "" if value <= most else "  OVER"
        print(f"{name:<26}{value:>12.10g}{stored:>12}{most:>12.10g}{verdict}")
        if verdict:
            over.append(name)
    print("system calls: " + " ".join(f"{kind}={count:.2f}" for kind, count in kinds.items()))
    if over:
        print(f"over the limit: {', '.join(over)}. If it is worth it, {LIMITS.name} is changed, with the reason.",
              file=sys.stderr)  # fmt: skip
    return len(over) > 0


sys.exit(main())
