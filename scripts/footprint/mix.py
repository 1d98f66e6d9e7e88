"""What the checks of everything.py take of its CPU, type by type: for each type an agent with fifty checks of it every
30 s, and one without any, all at the same time. Kernel and cold caches are in it, programs that checks start are not.

    mix.py [SECONDS]      in Markdown; counts for so many seconds (90) after each has run once
"""

import contextlib
import json
import pathlib
import signal
import sys
import tempfile
import time

import checks
import everything
import local
import process

CHECKS = 50


def main() -> None:
    # Who ends this early must not leave anything behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 90
    runs = CHECKS * seconds / everything.PERIOD_SECONDS
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(everything.web_server())
        root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir="target"))).resolve()
        plugins = root / "plugins"
        plugins.mkdir()
        (plugins / "files.sh").write_text(everything.PLUGIN)
        (plugins / "files.sh").chmod(0o755)
        agents = {}
        for kind in (None, *everything.MIX):
            folder = root / str(kind)
            folder.mkdir()
            of_kind = everything.configuration(web, CHECKS, everything.PERIOD_SECONDS, {kind: CHECKS}, {}) if kind else {}
            for check in of_kind.get("checks", {}).values():
                check.pop("alarms", None)
            agents[kind] = checks.start(folder, json.dumps(of_kind) if kind else None, plugins=plugins)
            stack.callback(agents[kind].wait)
            stack.callback(agents[kind].kill)
        time.sleep(everything.PERIOD_SECONDS + 2)

        def used() -> dict:
            return {kind: (process.cpu_seconds(agent.pid)["total"], local.children_seconds(agent.pid)) for kind, agent in agents.items()}

        before = used()
        time.sleep(seconds)
        after = used()
        idle = after[None][0] - before[None][0]
        print("| type | CPU of a run | in the mix, s a minute | of programs that it starts, a run |\n| --- | --- | --- | --- |")
        total = 0
        for kind, count in everything.MIX.items():
            run = (after[kind][0] - before[kind][0] - idle) / runs
            minute = run * count * 60 / everything.PERIOD_SECONDS
            total += minute
            print(f"| `{kind}` | {1e6 * run:.0f} µs | {minute:.4f} | {1e6 * (after[kind][1] - before[kind][1]) / runs:.0f} µs |")
        print(f"| all of the mix | {1e6 * total / 2 / CHECKS:.0f} µs | {total:.4f} | |")


main()
