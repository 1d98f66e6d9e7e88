"""The CDK: TypeScript's compiler, the app as cdk.json starts it, and the rules of CloudFormation
for the template that comes out."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import cloudformation
from agent import Agent

# Nothing is asked of a network.
QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true", "CI": "true"}


def run(directory: Path, command: list[str], env: dict[str, str] = {}) -> list[str]:
    done = subprocess.run(
        command, cwd=directory, env=os.environ | QUIET | env, capture_output=True, text=True,
        timeout=300, check=False,
    )
    what = " ".join(command)
    return [f"{what}: {done.stdout}{done.stderr}"] if done.returncode else []


def app(text: str, folder: Path, directory: Path, agent: Agent) -> list[str]:
    """`directory` has the packages that package.json of the folder names."""
    for file in folder.glob("*.json"):
        shutil.copy(file, directory)
    (directory / "app.ts").write_text(text)
    found = run(directory, ["npx", "--offline", "tsc"])
    if found:
        return found
    out = directory / "cdk.out"
    shutil.rmtree(out, ignore_errors=True)
    command = shlex.split(json.loads((folder / "cdk.json").read_text())["app"])
    found = run(directory, command, {"CDK_OUTDIR": str(out)})
    if found:
        return found
    template, = out.glob("*.template.json")
    return cloudformation.service(template.read_text(), agent)


def synthesized(directory: Path) -> list[str]:
    """By the command-line tool that people use, which has to understand what the library writes."""
    return run(directory, ["npx", "--offline", "cdk", "synth", "--quiet", "--no-notices"])
