"""Terraform: the syntax by python-hcl2, resources and attributes by the schema of the AWS provider
6.25.0, which the CDK for Terraform's bindings (cdktf-cdktf-provider-aws) carry, references, and the
rules of the other formats for what the locals come to. `terraform validate` would need the provider,
which is in Terraform's own registry alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import hcl2
from hcl2 import SerializationOptions

import iam
import task
from agent import Agent

MODULE = "@cdktf/provider-aws"
# Arguments that every resource has.
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}
# A variable without a default is given by whoever applies it.
GIVEN = "given"


class Provider:
    """The resource types of the provider."""

    def __init__(self, assembly: Path) -> None:
        self.types = json.loads(assembly.read_bytes())["types"]

    def resource(self, kind: str) -> tuple[str, str] | None:
        """The types of its arguments and of what can be referred to."""
        words = kind.removeprefix("aws_").split("_")
        name = "".join(word.capitalize() for word in words)
        base = f"{MODULE}.{name[0].lower()}{name[1:]}.{name}"
        return (f"{base}Config", base) if base in self.types else None

    def arguments(self, fqn: str) -> dict[str, dict]:
        """By the names that Terraform has for them, which stand in the links to its documents."""
        named = {}
        for argument in self.types[fqn]["properties"]:
            link = re.search(r"#(\w+) \w+#", " ".join(argument["docs"].values()))
            if link:
                named[link[1]] = argument
        return named

    def attributes(self, fqn: str) -> set[str]:
        return {
            re.sub(r"([A-Z])", lambda letter: "_" + letter[1].lower(), p["name"])
            for p in self.types[fqn]["properties"]
        }


def service(text: str, provider: Provider, agent: Agent) -> list[str]:
    try:
        tree = hcl2.loads(text, serialization_options=SerializationOptions(with_comments=False))
    except Exception as error:  # noqa: BLE001, lark's errors have no common base that it exports
        return [f"not HCL: {error}"]
    module = Module(tree, provider)
    found = module.resources_problems()
    module.resolved(tree)
    found += module.problems
    if found:
        return sorted(set(found))
    definition = module.only("aws_ecs_task_definition")
    name, arguments = definition
    found = module.task_problems(arguments, agent)
    running = module.only("aws_ecs_service")[1]
    if module.resolved(running["task_definition"]) != f"aws_ecs_task_definition.{name}.arn":
        found.append("the service does not run the task definition")
    return found + module.role_problems(arguments)


class Module:
    """A root module of one file."""

    def __init__(self, tree: dict, provider: Provider) -> None:
        self.provider, self.problems = provider, []
        self.variables = {
            unquoted(name): body
            for block in tree["variable"] for name, body in block.items()
        }
        self.locals = {k: v for block in tree["locals"] for k, v in block.items()}
        self.resources = {
            (unquoted(kind), unquoted(name)): body
            for block in tree["resource"]
            for kind, named in block.items() for name, body in named.items()
        }

    def only(self, kind: str) -> tuple[str, dict]:
        (name, body), = [(n, body) for (k, n), body in self.resources.items() if k == kind]
        return name, body

    def resources_problems(self) -> list[str]:
        found = []
        for (kind, name), body in self.resources.items():
            types = self.provider.resource(kind)
            if not types:
                found.append(f"the provider has no {kind}")
                continue
            found += self.block_problems(f"{kind}.{name}", body, types[0], META)
        return found

    def block_problems(self, path: str, body: dict, fqn: str, more: set[str]) -> list[str]:
        known = self.provider.arguments(fqn)
        given = {name for name in body if name != "__is_block__"}
        found = [f"{path} has no argument {name}" for name in sorted(given - known.keys() - more)]
        for name, argument in known.items():
            if name not in given and not argument.get("optional"):
                found.append(f"{path} needs {name}")
            if name in given:
                found += self.argument_problems(f"{path}.{name}", body[name], argument["type"])
        return found

    def argument_problems(self, path: str, value: object, kind: dict) -> list[str]:
        """A value of the wrong type; blocks within."""
        if "fqn" in kind and kind["fqn"].startswith(MODULE):
            return self.block_problems(path, value[0], kind["fqn"], set())
        kinds = kind.get("union", {"types": [kind]})["types"]
        primitives = {one["primitive"] for one in kinds if "primitive" in one}
        has_list = any(one.get("collection", {}).get("kind") == "array" for one in kinds)
        value = self.resolved(value)
        fits = (
            value == GIVEN
            or isinstance(value, list) and has_list
            or isinstance(value, bool) and "boolean" in primitives
            or isinstance(value, (int, float)) and not isinstance(value, bool)
            and "number" in primitives
            or isinstance(value, str) and "string" in primitives
        )
        return [] if fits else [f"{path}: {value!r} is of the wrong type"]

    def resolved(self, node: object) -> object:
        """With references and jsonencode put in; what cannot be is a problem."""
        if isinstance(node, list):
            return [self.resolved(item) for item in node]
        if isinstance(node, dict):
            return {
                unquoted(key): self.resolved(value)
                for key, value in node.items() if key not in ("__is_block__", "type")
            }
        if not isinstance(node, str):
            return node
        if node.startswith('"'):
            return re.sub(r"\$\{([^}]*)\}", lambda m: str(self.expression(m[1])), unquoted(node))
        if node.startswith("${"):
            return self.expression(node[2:-1])
        return self.expression(node)

    def expression(self, text: str) -> object:
        encoded = re.fullmatch(r"jsonencode\((.*)\)", text)
        if encoded:
            return json.dumps(self.expression(encoded[1]))
        first, *rest = text.strip().split(".")
        if first == "var" and len(rest) == 1 and rest[0] in self.variables:
            default = self.variables[rest[0]].get("default", GIVEN)
            return default if default == GIVEN else self.resolved(default)
        if first == "local" and len(rest) == 1 and rest[0] in self.locals:
            return self.resolved(self.locals[rest[0]])
        if len(rest) == 2 and (first, rest[0]) in self.resources:
            types = self.provider.resource(first)
            if types and rest[1] in self.provider.attributes(types[1]):
                return text.strip()
        self.problems.append(f"{text} refers to nothing")
        return GIVEN

    def task_problems(self, arguments: dict, agent: Agent) -> list[str]:
        value = {name: self.resolved(argument) for name, argument in arguments.items()}
        definition = {
            "family": value["family"],
            "requiresCompatibilities": value["requires_compatibilities"],
            "networkMode": value["network_mode"],
            "cpu": value["cpu"],
            "memory": value["memory"],
            "executionRoleArn": value["execution_role_arn"],
            "taskRoleArn": value["task_role_arn"],
            "containerDefinitions": json.loads(value["container_definitions"]),
        }
        return task.problems(definition, agent, {"AWS_REGION": "eu-west-1"})

    def role_problems(self, arguments: dict) -> list[str]:
        """The task role has the agent's policy, and ECS takes both roles."""
        found = []
        for kind in ("execution_role_arn", "task_role_arn"):
            _, name, _ = self.resolved(arguments[kind]).split(".")
            role = self.resources[("aws_iam_role", name)]
            trusted = self.resolved(role["assume_role_policy"])
            found += iam.trust(trusted, "ecs-tasks.amazonaws.com", "sts:AssumeRole")
        _, policy = self.only("aws_iam_role_policy")
        if self.resolved(policy["role"]) != f"aws_iam_role.{name}.id":
            found.append("the task role does not have the policy")
        return found + iam.policy(self.resolved(policy["policy"]), self.expression("var.namespace"))


def unquoted(text: str) -> str:
    return text[1:-1] if text.startswith('"') and text.endswith('"') else text
