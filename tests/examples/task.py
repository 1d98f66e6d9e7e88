"""Rules of ECS tasks beyond the types, whichever format they are written in: all are turned into
the input of RegisterTaskDefinition. Sources: Amazon ECS developer guide, task definition parameters
for Fargate and for EC2, container dependencies; and what a sidecar needs to measure to the end."""

from __future__ import annotations

import model
from agent import NAME, Agent, metadata

# CPU units of a Fargate task, and the memory in MiB that goes with each (Amazon ECS developer
# guide, task CPU and memory).
FARGATE = {
    256: [512, 1024, 2048],
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}
# What has to fit: the agent takes 4 to 5 MB, a period of a day some more.
LEAST_MEMORY = 16


def problems(task: dict, agent: Agent, injected: dict[str, str]) -> list[str]:
    """Those of a task with the agent as its sidecar, where `injected` are the variables that the
    platform sets."""
    found = model.problems("ecs", "RegisterTaskDefinition", task)
    if found:
        return found
    containers = task["containerDefinitions"]
    found += roles(task) + sidecar(containers, agent) + dependencies(containers) + size(task)
    for container in containers:
        found += model.image_problems(container["image"]) + container_rules(container, task)
    if found:
        return found
    env = environment(sidecar_of(containers)["environment"])
    fargate = "FARGATE" in task["requiresCompatibilities"]
    described = metadata(
        "FARGATE" if fargate else "EC2", int(task["cpu"]) / 1024, int(task["memory"]),
        [container["name"] for container in containers],
    )
    return agent.in_task(injected | env, described)


def environment(pairs: list[dict]) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in pairs}


def is_agent(container: dict) -> bool:
    return f"/{NAME}:" in container["image"]


def sidecar_of(containers: list[dict]) -> dict:
    return next(container for container in containers if is_agent(container))


def roles(task: dict) -> list[str]:
    execution, own = task.get("executionRoleArn"), task.get("taskRoleArn")
    if not execution or not own:
        return ["the task has no executionRoleArn or no taskRoleArn"]
    return ["the task role is the execution role"] if execution == own else []


def sidecar(containers: list[dict], agent: Agent) -> list[str]:
    """The agent cannot take the service with it, outlasts it, and has the time to deliver."""
    agents = [container for container in containers if is_agent(container)]
    if len(agents) != 1:
        return [f"there are {len(agents)} containers of the agent"]
    found, own = [], agents[0]
    if not own["image"].endswith(f":{agent.version}"):
        found.append(f"the agent's image is not of version {agent.version}")
    if own.get("essential") is not False:
        found.append("the agent is essential")
    if own.get("dependsOn"):
        found.append("the agent depends on another container, and would be stopped before it")
    if own.get("memory", LEAST_MEMORY) < LEAST_MEMORY:
        found.append(f"the agent has less than {LEAST_MEMORY} MiB")
    # Without one it is 30 s.
    if own.get("stopTimeout", 30) <= agent.shutdown_timeout:
        found.append(f"the agent's stopTimeout is within its {agent.shutdown_timeout} s to deliver")
    others = [container for container in containers if container is not own]
    if not any(container.get("essential", True) for container in others):
        found.append("no other container is essential")
    for container in others:
        after = [(d["containerName"], d["condition"]) for d in container.get("dependsOn", [])]
        if (own["name"], "START") not in after:
            found.append(f"{container['name']} does not depend on the START of the agent")
    return found


def pid_mode(task: dict) -> list[str]:
    """The agent may read the control groups of the other containers (PTRACE_MODE_READ_FSCREDS in
    ptrace(2)): it sees their processes, and is root with SYS_PTRACE and nothing else."""
    own = sidecar_of(task["containerDefinitions"])
    found = []
    if task.get("pidMode") != "task":
        found.append("the agent does not see the processes of the service")
    if own.get("user") != "0:0":
        found.append("the agent is not root, and so gets no right")
    rights = own.get("linuxParameters", {}).get("capabilities", {})
    if rights.get("add") != ["SYS_PTRACE"] or rights.get("drop") != ["ALL"]:
        found.append("the agent has not SYS_PTRACE alone")
    return found


def dependencies(containers: list[dict]) -> list[str]:
    names = [container["name"] for container in containers]
    found = [f"two containers are named {n}" for n in set(names) if names.count(n) > 1]
    for container in containers:
        for dependency in container.get("dependsOn", []):
            if dependency["containerName"] not in names:
                found.append(f"no container is named {dependency['containerName']}")
    return found


def size(task: dict) -> list[str]:
    """The size is one that there is, and the containers fit into it."""
    if not task.get("cpu", "").isdigit() or not task.get("memory", "").isdigit():
        return ["the task has no cpu or memory, so its limits are not what the example says"]
    cpu, memory = int(task["cpu"]), int(task["memory"])
    found = []
    if "FARGATE" in task["requiresCompatibilities"] and memory not in FARGATE.get(cpu, []):
        found.append(f"Fargate has no task of {cpu} CPU units and {memory} MiB")
    containers = task["containerDefinitions"]
    reserved = sum(c.get("memory", c.get("memoryReservation", 0)) for c in containers)
    if reserved >= memory:
        found.append(f"the containers have {reserved} of {memory} MiB")
    if sum(container.get("cpu", 0) for container in containers) > cpu:
        found.append(f"the containers have more than {cpu} CPU units")
    return found


def container_rules(container: dict, task: dict) -> list[str]:
    name, found = container["name"], []
    fargate = "FARGATE" in task["requiresCompatibilities"]
    if fargate and task.get("networkMode") != "awsvpc":
        found.append("Fargate has the network mode awsvpc alone")
    timeout = container.get("stopTimeout", 30)
    if timeout < 2 or fargate and timeout > 120:
        found.append(f"{name}: a stopTimeout is 2 s to 120 s")
    if fargate and container.get("privileged"):
        found.append(f"{name}: nothing is privileged on Fargate")
    log = container.get("logConfiguration")
    if not log or log["logDriver"] != "awslogs":
        return [*found, f"{name} does not log to awslogs"]
    wanted = {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
    if log["options"].keys() != wanted:
        found.append(f"{name}: the options of awslogs are not {', '.join(sorted(wanted))}")
    return found
