"""The unit of systemd by systemd-analyze, and its settings by the agent."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from agent import NAME, Agent

CONFIG = "CLOUDWATCH_METRICS_AGENT_CONFIG"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples/checks/agent.yaml"

# In tenths, of 100, by `systemd-analyze security`; 12 when this was written, most of it for what the
# agent needs: network and /proc/stat.
MOST_EXPOSURE = 15


def unit(text: str, settings: str, agent: Agent) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cloudwatch-metrics-agent.service"
        # The binary is not installed here.
        command, found = f"\nExecStart={NAME}\n", []
        if command not in text:
            found.append(f"the unit does not start {NAME}")
        path.write_text(text.replace(command, f"\nExecStart={agent.binary}\n"))
        found += analyzed("verify", path)
        found += analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", path)
    keys = dict(re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE))
    if keys.get("ProcSubset") == "pid":
        found.append("/proc/stat is hidden")
    if int(keys.get("TimeoutStopSec", 90)) <= agent.shutdown_timeout:
        found.append("TimeoutStopSec is within the agent's time to deliver")
    if keys.get("RestartPreventExitStatus") != "2":
        found.append("wrong settings are tried again and again")
    if keys.get("EnvironmentFile") != "/etc/default/cloudwatch-metrics-agent":
        found.append("the settings are not in /etc/default")
    return found + started(keys.get("Environment", ""), variables(uncommented(settings)), agent)


def analyzed(*arguments: object) -> list[str]:
    run = subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, arguments)], capture_output=True, text=True,
        timeout=60, check=False,
    )
    # `verify` exits with 0 for a key that it does not know.
    wrong = run.stderr.strip()
    if run.returncode:
        wrong = wrong or run.stdout.strip().splitlines()[-1]
    return [f"systemd-analyze {arguments[0]}: {wrong}"] if wrong else []


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z_][A-Za-z_0-9]*)=(.*)$", text, re.MULTILINE))


def uncommented(text: str) -> str:
    return re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE)


def settings(
    text: str, agent: Agent, needs: list[str] = ["namespace", "service"], without: dict[str, str] = {}
) -> list[str]:
    """As it is installed it sets nothing, so that nobody publishes under the names of an example, and
    the agent says which of its `needs` are missing, `without` them. All that is commented out is right."""
    odd = [l for l in text.splitlines() if l and not re.match(r"# |#$|#?[A-Z_]+=[^\s\"']+$", l)]
    if odd:
        return [f"{odd} is no setting of an environment file"]
    if variables(text):
        return [f"{', '.join(variables(text))}: is not commented out"]
    found, (code, said) = [], agent.refusal(without)
    for option in needs:
        if code != 2 or f"--{option} is missing" not in said:
            found.append(f"without settings the agent exits with {code}: {said}")
    return found + started("CLOUDWATCH_METRICS_AGENT_SCOPE=host", variables(uncommented(text)), agent)


def started(assignment: str, env: dict[str, str], agent: Agent) -> list[str]:
    # On an instance the region is the instance's.
    env = {"AWS_REGION": "eu-west-1"} | variables(assignment) | env
    # It is not installed here: the example is in its place. The rest has to be right without it, too.
    file = env.pop(CONFIG, None)
    told, found = agent.explain(env)
    if file is not None:
        found += [] if f" {file}\n" in EXAMPLE.read_text() else [f"no example is {file}"]
        found += agent.explain(env | {CONFIG: str(EXAMPLE)})[1]
    if told and told["scope"] != "host":
        found.append(f"the agent measures the {told['scope']} and not the machine")
    # What a hidden /proc/stat would give is an absent part.
    found += [f"{p['part']} is absent" for p in told.get("parts", []) if p.get("error")]
    return found
