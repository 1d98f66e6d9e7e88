"""Examples that publish by OTLP: with what their platform needs, to the receiver that they say, and no secret in the
file."""

from __future__ import annotations

import re

import yaml

import compose
import ecs
import kubernetes
import model
import systemd
import task
from agent import Agent

CLOUDWATCH = "https://monitoring.eu-west-1.amazonaws.com/v1/metrics"
# The value of a variable that is known where the example is used, and has to be there.
GIVEN = re.compile(r"^\$\{[A-Z_]+:\?.+\}$")
SECRETS = re.compile(r"TOKEN$|HEADERS$|PASSWORD|SECRET|ACCESS_KEY")


def in_file(env: dict[str, object]) -> list[str]:
    """Secrets that stand in an example."""
    return [f"{name} is a secret, and stands in the file" for name in env if SECRETS.search(name)]


def sent(env: dict[str, str], agent: Agent, endpoint: str, options: list[str] = []) -> list[str]:
    """That it goes there by OTLP, and nowhere else."""
    told, found = agent.explain(env, options)
    if found:
        return found
    publishers = [(one["name"], one.get("endpoint", {}).get("value")) for one in told["publishers"]]
    return [] if publishers == [("otlp", endpoint)] else [f"it publishes to {publishers}"]


def task_definition(text: str, agent: Agent) -> list[str]:
    """What needs no task is looked at first: in a task it takes five seconds to know what is measured."""
    definition, found = model.parsed(text)
    found = found or model.problems("ecs", "RegisterTaskDefinition", definition)
    if found:
        return found
    env = task.environment(task.sidecar_of(definition["containerDefinitions"])["environment"])
    found = in_file(env) + sent(ecs.FARGATE | env, agent, CLOUDWATCH)
    return found or ecs.task_definition(text, agent, ecs.FARGATE)


def in_compose(text: str, agent: Agent) -> list[str]:
    found = compose.problems(text, agent)
    if found:
        return found
    env = compose.own_of(yaml.safe_load(text)["services"])["environment"]
    found = in_file({name: value for name, value in env.items() if not GIVEN.match(value)})
    return found + sent(compose.given(env), agent, "https://otlp.example.com/v1/metrics")


def sidecar(text: str, agent: Agent) -> list[str]:
    found = kubernetes.sidecar(text, agent)
    if found:
        return found
    _, _, own = kubernetes.sidecar_of(text, agent)
    found = in_file({pair["name"]: "" for pair in own["env"] if "value" in pair})
    env = kubernetes.of_node(own["env"])
    # It needs nothing of AWS.
    found += [f"{name} is for AWS" for name in env if name.startswith("AWS_")]
    return found + sent(env, agent, "http://collector.monitoring:4318/v1/metrics")


def settings(text: str, agent: Agent) -> list[str]:
    """As installed it sets nothing; with what is commented out to the receiver, and without that to CloudWatch."""
    found = systemd.settings(text, agent, ["service"], {"CLOUDWATCH_METRICS_AGENT_PUBLISH": "otlp"})
    if found:
        return found
    env = {"AWS_REGION": "eu-west-1"} | systemd.variables(systemd.uncommented(text))
    del env[systemd.CONFIG]
    found = in_file(env) + sent(env, agent, f"{env['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/metrics")
    del env["OTEL_EXPORTER_OTLP_ENDPOINT"]
    return found + sent(env, agent, CLOUDWATCH)
