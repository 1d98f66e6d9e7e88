"""Docker Compose: that the agent sees the service's processes to the end. The schema is checked by
tests/release/lint.sh."""

from __future__ import annotations

import re

import yaml

import model
from agent import NAME, Agent
from kubernetes import SECRET, Once


def own_of(services: dict) -> dict:
    """The service of the agent."""
    return next(service for service in services.values() if f"/{NAME}:" in service["image"])


def given(env: dict[str, str]) -> dict[str, str]:
    """With values for the variables that the user has to set."""
    return {name: re.sub(r"\$\{\w+:\?[^}]*\}", SECRET, value) for name, value in env.items()}


def problems(text: str, agent: Agent) -> list[str]:
    try:
        services = yaml.load(text, Loader=Once)["services"]
    except yaml.YAMLError as error:
        return [str(error)]
    agents = {name: service for name, service in services.items() if f"/{NAME}:" in service["image"]}
    if len(agents) != 1:
        return [f"there are {len(agents)} services of the agent"]
    (name, own), found = agents.popitem(), []
    for service in services.values():
        found += model.image_problems(service["image"])
    shared = {service.get("pid") for service in services.values() if service.get("pid")}
    if len(shared) != 1 or not own.get("pid"):
        return [*found, "the agent does not see the processes of the service"]
    owner = shared.pop().removeprefix("service:")
    if owner not in services or "/pause:" not in services[owner]["image"]:
        found.append(f"{owner} ends before the agent, which the kernel kills then")
    for other, service in services.items():
        if other != owner and service.get("pid") != f"service:{owner}":
            found.append("the agent does not see the processes of the service")
        if other not in (owner, name) and name not in service.get("depends_on", {}):
            found.append(f"{other} is not stopped before the agent")
        if other != owner and not {"cpus", "mem_limit"} <= service.keys():
            found.append(f"{other} has no limits")
    if own.get("user") != "0:0" or own.get("cap_add") != ["SYS_PTRACE"] or own.get("cap_drop") != ["ALL"]:
        found.append("the agent is not root with SYS_PTRACE alone")
    if int(own.get("stop_grace_period", "10s").removesuffix("s")) <= agent.shutdown_timeout:
        found.append("the agent has no time to deliver")
    if found:
        return found
    told, found = agent.explain(given(own["environment"]))
    if not found and told["scope"] != "pod":
        found.append(f"the agent measures the {told['scope']}")
    return found
