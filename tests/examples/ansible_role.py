"""The role of Ansible by ansible-lint; ansible.sh runs it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from agent import Agent

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/ansible"
ROLE = "roles/cloudwatch_metrics_agent"
VENV = ROOT / "target/ansible-venv/bin"


def files() -> list[str]:
    """All but the playbook, from the folder of examples."""
    found = (path.relative_to(EXAMPLE.parent) for path in EXAMPLE.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.name not in ("playbook.yml", "README.md"))


def linted(text: str, file: str) -> list[str]:
    """The whole example with this file."""
    return lint() if text == (EXAMPLE / file).read_text() else lint(text, file)


@functools.cache
def lint(text: str = "", file: str = "") -> list[str]:
    """Each line is a rule, and where it is broken."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "ansible"
        shutil.copytree(EXAMPLE, copy)
        if file:
            (copy / file).write_text(text)
        environment = os.environ | {"PATH": f"{VENV}:{os.environ['PATH']}", "ANSIBLE_HOME": directory, "NO_COLOR": "1"}
        run = subprocess.run(
            ["ansible-lint", "--offline", "--nocolor", "--parseable", "--profile", "production", "--strict"],
            cwd=copy, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    if run.returncode == 0:
        return []
    return run.stdout.splitlines() or [f"ansible-lint: {run.stderr}"]


def playbook(text: str, agent: Agent) -> list[str]:
    """What it configures is right, and each variable is one of the role."""
    given = yaml.safe_load(text)[0]["roles"][0]["vars"]
    known = specification()
    found = [f"the role has no variable {name}" for name in given if name not in known]
    role = {name.removeprefix("cloudwatch_metrics_agent_"): value for name, value in given.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(role["configuration"], file)
        file.flush()
        named = {f"CLOUDWATCH_METRICS_AGENT_{name.upper()}": role.get(name, "") for name in ("namespace", "service")}
        env = {"AWS_REGION": "eu-west-1", "CLOUDWATCH_METRICS_AGENT_CONFIG": file.name} | named | role["environment"]
        told, problems = agent.explain(env)
    found += problems
    if told and told["namespace"] != role["namespace"]:
        found.append(f"the namespace is {told['namespace']}")
    package = Path(role["package"]).name
    if f"_{agent.version}-1_" not in package:
        found.append(f"{package} is not of version {agent.version}")
    return found or linted(text, "playbook.yml")


def specification() -> dict[str, dict]:
    text = (EXAMPLE / ROLE / "meta/argument_specs.yml").read_text()
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


def defaults(text: str) -> list[str]:
    """They are those that the specification states, and each variable has a type and says what it is."""
    found, stated = [], specification()
    given = yaml.safe_load(text)
    for name in sorted(given.keys() | stated.keys()):
        about = stated.get(name, {})
        if name not in given or not about.get("type") or not about.get("description"):
            found.append(f"{name} has no default, no type or no description")
        # The one that depends on the machine has none in the specification.
        elif about.get("default", given[name]) != given[name]:
            found.append(f"{name} is {given[name]!r} and not {about['default']!r}")
    used = set()
    for file in files():
        used |= set(re.findall(r"\bcloudwatch_metrics_agent_[a-z0-9_]+", (EXAMPLE.parent / file).read_text()))
    found += [f"nothing uses {name}" for name in given if name not in used]
    return found
