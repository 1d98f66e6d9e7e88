"""A configuration file with checks, by the agent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agent import NAME, Agent

TYPES = {"agent.filesystem", "agent.filesystem_state", "agent.memory", "agent.load_average", "agent.network"}


def problems(text: str, agent: Agent) -> list[str]:
    """It is valid without a warning, each check is explained, and what none of them finds is named. The machine
    of this test may have no eth0; loopback it has."""
    found = [] if f"{NAME} config check" in text else ["how to check it is not told"]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "agent.yaml"
        path.write_text(text)
        code, said = agent.config_check(path)
        if code != 0 or "warning:" in said:
            return [*found, f"config check exits with {code}: {said}"]
        env = {"AWS_REGION": "eu-west-1", "INTERFACE": "lo"}
        told, wrong = agent.explain(env, ["--config", str(path)])
    if wrong:
        return found + wrong
    if told["scope"] != "host":
        found.append(f"the agent measures the {told['scope']} and not the machine")
    types = [check["type"] for check in told["checks"]]
    if sorted(types) != sorted(TYPES):
        found.append(f"the checks are {types}")
    found += [f"{one['id']}: {one['status']}" for one in told["checks"] if not one["available"]]
    of_checks = {metric["name"] for metric in told["metrics"] if "Check" in metric["dimensions"]}
    if len(of_checks) < 2 * len(TYPES):
        found.append(f"only {sorted(of_checks)} are published")
    return found
