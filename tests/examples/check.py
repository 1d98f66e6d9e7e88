"""Every file of examples/ by the rules of its format and with the real binary; and every check with
mistakes that it has to find.

    tests/examples/check.py BINARY PROVIDER CDK

PROVIDER is the assembly of the Terraform provider's bindings, CDK a folder with the packages of
examples/cdk; run.sh makes both.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import sys
from pathlib import Path

import cases
from agent import Agent
from cloudwatch import Published
from terraform import Provider

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# What its tools leave beside an example.
LEFT = {"node_modules", "cdk.out", ".terraform"}
AT_ONCE = 4
kept: list[cases.Case] = []
folder_of_cdk = multiprocessing.get_context("fork").Lock()


def unclaimed(claimed: set[str]) -> list[str]:
    """Files that no check knows."""
    files = set()
    for folder, folders, names in os.walk(EXAMPLES):
        folders[:] = [name for name in folders if name not in LEFT]
        files |= {str((Path(folder) / name).relative_to(EXAMPLES)) for name in names}
    return [f"{file}: nothing checks it" for file in sorted(files - claimed)]


def mistakes_missed(case: cases.Case, text: str) -> list[str]:
    """Mistakes that the case's check takes, or refuses for another reason than expected."""
    missed = []
    for old, new, expected in case.mistakes:
        if old not in text:
            missed.append(f"{case.file}: there is no {old!r} to make a mistake of")
            continue
        found = case.problems(text.replace(old, new, 1))
        if not any(re.search(expected, problem) for problem in found):
            missed.append(f"{case.file}: {old!r} → {new!r} gives {found} and not {expected!r}")
    return missed


def keep(all_cases: list[cases.Case]) -> None:
    """In each process, once: what a case does cannot be sent to it."""
    kept.extend(all_cases)


def problems_of(place: int) -> list[str]:
    case = kept[place]
    text = (EXAMPLES / case.file).read_text()
    # Those of the CDK use the same folder.
    with folder_of_cdk if case.file.startswith("cdk/") else contextlib.nullcontext():
        return case.problems(text) or mistakes_missed(case, text)


def main() -> int:
    binary, provider, packages = sys.argv[1:]
    agent = Agent(str(Path(binary).resolve()))
    env = cases.environment_of_fargate(EXAMPLES)
    told, units = agent.published(env)
    published = Published(told["namespace"], told["dimensions"], units)
    provider, packages = Provider(Path(provider)), Path(packages).resolve()
    all_cases = cases.cases(EXAMPLES, agent, published, provider, packages)
    failed = 0
    # Most of them wait for an agent that measures. Processes, because the linters are not made for threads.
    with multiprocessing.get_context("fork").Pool(AT_ONCE, keep, [all_cases]) as pool:
        for case, problems in zip(all_cases, pool.imap(problems_of, range(len(all_cases)))):
            failed += bool(problems)
            print("FAILED" if problems else "ok", case.file, f"({len(case.mistakes)} mistakes)")
            for problem in problems:
                print(f"  {problem}")
    claimed = {file for case in all_cases for file in [case.file, *case.besides]}
    problems = unclaimed(claimed)
    if unclaimed(claimed - {"ecs/ec2.json"}) != [*problems, "ecs/ec2.json: nothing checks it"]:
        problems.append("a file that nothing checks is not noticed")
    print(*problems, sep="\n", end="\n" if problems else "")
    failed += bool(problems)
    print(f"{len(all_cases) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
