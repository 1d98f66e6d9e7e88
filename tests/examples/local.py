"""Examples with what the agent keeps and shows itself: checks, alarms, history, API and page."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath

import yaml

import compose
import ecs
import kubernetes
import model
import otlp
import systemd
import task
from agent import NAME, PREFIX, Agent

PROBE = [f"/{NAME}", "healthcheck"]
LOOPBACK = "127.0.0.1:8091"
STORE, API, TOKEN = f"{PREFIX}STORE", f"{PREFIX}API", f"{PREFIX}API_TOKEN"


def kept(env: dict[str, str], agent: Agent, api: str) -> list[str]:
    """That the agent has a history and answers there."""
    told, found = agent.explain(env)
    if found:
        return found
    if not told["settings"]["history"].startswith(f"in {env.get(STORE)}, "):
        found.append(f"the history is {told['settings']['history']}")
    if told["settings"]["api"] != api:
        found.append(f"the API is {told['settings']['api']}")
    return found


def task_definition(text: str, agent: Agent) -> list[str]:
    """On a volume of the task that the agent may write to, and at loopback with a token that is a secret."""
    definition, found = model.parsed(text)
    found = found or model.problems("ecs", "RegisterTaskDefinition", definition)
    if found:
        return found
    own = task.sidecar_of(definition["containerDefinitions"])
    env = task.environment(own["environment"])
    volumes = {volume["name"] for volume in definition.get("volumes", [])}
    mounted = {m["containerPath"] for m in own["mountPoints"] if m["sourceVolume"] in volumes and not m.get("readOnly")}
    if env.get(STORE) not in mounted:
        found.append("the history is on no volume")
    # A volume of the task belongs to root.
    rights = own.get("linuxParameters", {}).get("capabilities")
    if own.get("user") != "0:0" or rights != {"drop": ["ALL"]}:
        found.append("the agent cannot write to the volume, or has rights that it does not need")
    secrets = {one["name"]: one["valueFrom"] for one in own["secrets"]}
    if not re.match(r"arn:aws:(secretsmanager|ssm):", secrets.get(TOKEN, "")):
        found.append("the token is no secret")
    if own["healthCheck"]["command"] != ["CMD", *PROBE]:
        found.append("the health check does not ask the agent")
    found += otlp.in_file(env)
    found = found or kept(ecs.FARGATE | env | {TOKEN: kubernetes.SECRET}, agent, LOOPBACK)
    return found or ecs.task_definition(text, agent, ecs.FARGATE)


def in_compose(text: str, agent: Agent) -> list[str]:
    """The page at a port of this machine alone, for those who have the token, and a volume for the history."""
    found = compose.problems(text, agent)
    if found:
        return found
    tree = yaml.safe_load(text)
    own = compose.own_of(tree["services"])
    env = own["environment"]
    # Elsewhere Docker publishes it to everybody, past the firewall of the machine.
    if own.get("ports") != ["127.0.0.1:8091:8091"]:
        found.append(f"the page is at {own.get('ports')}")
    volumes = dict(reversed(volume.split(":")[:2]) for volume in own.get("volumes", []))
    if volumes.get(env.get(STORE)) not in tree.get("volumes", {}):
        found.append("the history is on no volume")
    found += otlp.in_file({name: value for name, value in env.items() if not otlp.GIVEN.match(value)})
    return found + kept(compose.given(env), agent, "0.0.0.0:8091")


def sidecar(text: str, agent: Agent) -> list[str]:
    """The checks of a ConfigMap, a folder in a volume of the pod, and loopback with a token that is a secret."""
    found = kubernetes.sidecar(text, agent)
    if found:
        return found
    documents, pod, own = kubernetes.sidecar_of(text, agent)
    empty = {volume["name"] for volume in pod["volumes"] if volume.get("emptyDir", {}).get("sizeLimit")}
    folders = [PurePosixPath(mount["mountPath"]) for mount in own["volumeMounts"] if mount["name"] in empty]
    with kubernetes.configured(own, pod, documents) as env:
        if PurePosixPath(env.get(STORE, "/")).parent not in folders:
            found.append("the history is in no folder of a bounded volume")
        code, said = agent.config_check(env.get(f"{PREFIX}CONFIG"))
        if code != 0 or "valid: checks: 2" not in said or "warning:" in said:
            found.append(f"config check exits with {code}: {said}")
        found += kept(env, agent, LOOPBACK)
    if own["livenessProbe"]["exec"]["command"][:2] != PROBE:
        found.append("the probe does not ask the agent")
    return found + otlp.in_file({pair["name"]: "" for pair in own["env"] if "value" in pair})


def host(text: str, agent: Agent) -> list[str]:
    """The configuration of a whole instance: valid without a warning, and each check finds its target here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent.yaml"
        path.write_text(text)
        code, said = agent.config_check(path)
        if code != 0 or "warning:" in said:
            return [f"config check exits with {code}: {said}"]
        told, found = agent.explain({"AWS_REGION": "eu-west-1"}, ["--config", str(path)])
    if found:
        return found
    found = [f"{one['id']}: {one['status']}" for one in told["checks"] if not one["available"]]
    if told["scope"] != "host":
        found.append(f"the agent measures the {told['scope']} and not the machine")
    names = {metric["name"] for metric in told["metrics"]}
    if not {"FilesystemUsedPercent", "AlarmState"} <= names or names & {"MemoryUsedPercent"}:
        found.append(f"it publishes {sorted(names)}")
    return found


def drop_in(text: str, unit: str, configuration: str, agent: Agent) -> list[str]:
    """With it systemd takes the unit, and makes the folders of the configuration."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cloudwatch-metrics-agent.service"
        path.write_text(unit.replace(f"\nExecStart={NAME}\n", f"\nExecStart={agent.binary}\n"))
        more = Path(f"{path}.d")
        more.mkdir()
        (more / "local.conf").write_text(text)
        found += systemd.analyzed("verify", path)
    keys = dict(re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE))
    settings = yaml.safe_load(configuration)
    made = {"store": ("/var/lib", "StateDirectory"), "state": ("/var/lib", "StateDirectory"), "api": ("/run", "RuntimeDirectory")}
    for option, (root, key) in made.items():
        if PurePosixPath(settings[option].removeprefix("unix:")).parent != PurePosixPath(root, keys.get(key, "")):
            found.append(f"systemd does not make the folder of {option}")
    if keys.get("RestrictAddressFamilies") != "AF_UNIX":
        found.append("the agent may not open a unix socket")
    if keys.get("Environment") != f"{PREFIX}CONFIG=/etc/cloudwatch-metrics-agent/agent.yaml":
        found.append("the agent does not read the file")
    return found
