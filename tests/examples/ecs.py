"""RegisterTaskDefinition and RegisterJobDefinition as JSON."""

from __future__ import annotations

import model
import task
from agent import NAME, Agent, metadata

# What Fargate sets, besides the address of the metadata endpoint (Amazon ECS developer guide,
# environment variables). On EC2 the region depends on the version of the ECS agent.
FARGATE = {"AWS_REGION": "eu-west-1"}


def task_definition(text: str, agent: Agent, injected: dict[str, str]) -> list[str]:
    definition, problems = model.parsed(text)
    return problems or task.problems(definition, agent, injected)


def task_with_shared_processes(text: str, agent: Agent, injected: dict[str, str]) -> list[str]:
    definition, _ = model.parsed(text)
    return task_definition(text, agent, injected) or task.pid_mode(definition)


def job_definition(text: str, agent: Agent) -> list[str]:
    job, found = model.parsed(text)
    found = found or model.problems("batch", "RegisterJobDefinition", job)
    if found:
        return found
    if job["platformCapabilities"] != ["FARGATE"]:
        return ["the example is for Fargate"]
    if "containerProperties" in job:
        return single(job["containerProperties"], agent)
    return several(job["ecsProperties"]["taskProperties"], agent)


def amounts(container: dict) -> tuple[float, int]:
    """vCPUs and MiB."""
    amount = {need["type"]: need["value"] for need in container["resourceRequirements"]}
    return float(amount["VCPU"]), int(amount["MEMORY"])


def of_fargate(vcpus: float, mebibytes: int) -> list[str]:
    known = mebibytes in task.FARGATE.get(int(vcpus * 1024), [])
    return [] if known else [f"Fargate has no job of {vcpus} vCPUs and {mebibytes} MiB"]


def single(container: dict, agent: Agent) -> list[str]:
    """A job in whose container the agent is the first process."""
    command, size = container["command"], amounts(container)
    found = of_fargate(*size) + model.image_problems(container["image"])
    if not container.get("executionRoleArn") or not container.get("jobRoleArn"):
        found.append("there is no executionRoleArn or no jobRoleArn")
    if command[0] != NAME or "--" not in command[1:-1]:
        return [*found, f"the command is not {NAME} … -- …"]
    options = command[1:command.index("--")]
    if options:
        found.append("the example sets variables, not options")
    env = task.environment(container["environment"])
    return found or agent.in_task(FARGATE | env, metadata("FARGATE", *size, ["job"]))


def several(tasks: list[dict], agent: Agent) -> list[str]:
    """A job with the agent as a container beside it."""
    if len(tasks) != 1:
        return ["a job has one task"]
    properties, containers = tasks[0], tasks[0]["containers"]
    found = task.roles(properties) + task.sidecar(containers, agent) + task.dependencies(containers)
    for container in containers:
        found += model.image_problems(container["image"])
        # A container's alone need not be a size of Fargate, but then it is on the safe side.
        found += of_fargate(*amounts(container))
    vcpus, mebibytes = map(sum, zip(*map(amounts, containers)))
    found += of_fargate(vcpus, mebibytes)
    if found:
        return found
    env = task.environment(task.sidecar_of(containers)["environment"])
    names = [container["name"] for container in containers]
    return agent.in_task(FARGATE | env, metadata("FARGATE", vcpus, mebibytes, names))
