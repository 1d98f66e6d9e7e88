"""CloudFormation templates: cfn-lint, and then the same rules as in the other formats for what they
come to when their references are resolved."""

from __future__ import annotations

import re

from cfnlint.api import lint_all
from cfnlint.decode import decode_str

import cloudwatch
import iam
import task
from agent import Agent

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::AccountId": "123456789012"}


def linted(text: str) -> list[str]:
    """Errors and warnings; what cfn-lint calls information is a matter of taste."""
    found = [match for match in lint_all(text) if not match.rule.id.startswith("I")]
    return [f"{match.rule.id} {match.message} (line {match.linenumber})" for match in found]


class Template:
    def __init__(self, text: str) -> None:
        self.tree, _ = decode_str(text)

    def resources(self, kind: str) -> dict[str, dict]:
        """By logical name, the resolved properties."""
        return {
            name: self.resolved(resource["Properties"])
            for name, resource in self.tree["Resources"].items() if resource["Type"] == kind
        }

    def reference(self, name: str) -> str:
        parameter = self.tree.get("Parameters", {}).get(name)
        if parameter:
            return parameter.get("Default", f"arn:aws:{name}")
        return PSEUDO.get(name, name)

    def resolved(self, node: object) -> object:
        if isinstance(node, list):
            return [self.resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (key, value), = node.items()
            if key == "Ref":
                return self.reference(value)
            if key == "Fn::GetAtt":
                return "arn:aws:" + (value if isinstance(value, str) else ".".join(value))
            if key == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda match: self.reference(match[1]), value)
            if key == "Fn::Join":
                return value[0].join(map(str, self.resolved(value[1])))
        return {key: self.resolved(value) for key, value in node.items()}


def lower(node: object) -> object:
    """The keys as the API spells them."""
    if isinstance(node, list):
        return [lower(item) for item in node]
    if isinstance(node, dict):
        return {key[0].lower() + key[1:]: lower(value) for key, value in node.items()}
    return node


def service(text: str, agent: Agent) -> list[str]:
    """A template of a service with the agent as its sidecar."""
    found = linted(text)
    if found:
        return found
    template = Template(text)
    definitions = template.resources("AWS::ECS::TaskDefinition")
    if len(definitions) != 1 or len(template.resources("AWS::ECS::Service")) != 1:
        return ["there is not one task definition and one service"]
    (name, definition), = definitions.items()
    definition = lower(definition)
    found = task.problems(definition, agent, {"AWS_REGION": PSEUDO["AWS::Region"]})
    running, = template.resources("AWS::ECS::Service").values()
    if running["TaskDefinition"] != name:
        found.append("the service does not run the task definition")
    if found:
        return found
    env = task.environment(task.sidecar_of(definition["containerDefinitions"])["environment"])
    namespace = env["CLOUDWATCH_METRICS_AGENT_NAMESPACE"]
    role = definition["taskRoleArn"].removeprefix("arn:aws:").removesuffix(".Arn")
    return allows(template, role, namespace)


def allows(template: Template, role: str, namespace: str) -> list[str]:
    """The role has the agent's policy, in itself or attached to it."""
    policies = template.resources("AWS::IAM::Role")[role].get("Policies", [])
    attached = template.resources("AWS::IAM::Policy").values()
    policies = policies + [policy for policy in attached if role in policy["Roles"]]
    if len(policies) != 1:
        return [f"the task role has {len(policies)} policies"]
    document = policies[0]["PolicyDocument"]
    return iam.known(document) + iam.least(document, namespace)


def monitoring(text: str, published: cloudwatch.Published) -> list[str]:
    found = linted(text)
    if found:
        return found
    template = Template(text)
    alarms = template.resources("AWS::CloudWatch::Alarm")
    dashboards = template.resources("AWS::CloudWatch::Dashboard")
    if not alarms or not dashboards:
        return ["there is no alarm or no dashboard"]
    for name, alarm in alarms.items():
        found += cloudwatch.alarm_problems(alarm | {"AlarmName": name}, published)
    for dashboard in dashboards.values():
        found += cloudwatch.dashboard(dashboard["DashboardBody"], published)
    return found
