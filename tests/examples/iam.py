"""Policies: their grammar by the schemas of cfn-lint, actions and condition keys by parliament's
list of them, and that they allow what the agent does and nothing else."""

from __future__ import annotations

import json

import parliament

import cloudformation
import model

ACTION = "cloudwatch:PutMetricData"


def policy(text: str, namespace: str | None) -> list[str]:
    """The agent's own, of one namespace, or of OTLP, which has none."""
    document, found = model.parsed(text)
    return found or linted("AWS::IAM::ManagedPolicy", "PolicyDocument", document) + (
        known(document) + least(document, namespace)
    )


def known(document: dict) -> list[str]:
    analyzed = parliament.analyze_policy_string(json.dumps(document))
    return [f"{finding.issue}: {finding.detail}" for finding in analyzed.findings]


def least(document: dict, namespace: str | None) -> list[str]:
    """The one action, and that in the one namespace."""
    expected = {"Effect": "Allow", "Action": ACTION, "Resource": "*"}
    if namespace:
        expected["Condition"] = {"StringEquals": {"cloudwatch:namespace": namespace}}
    if document["Statement"] == [expected]:
        return []
    return [f"it is not the agent's policy: {json.dumps(document)}"]


def trust(text: str, service: str, actions: object) -> list[str]:
    """That of a role which a service of AWS takes."""
    document, found = model.parsed(text)
    found += linted("AWS::IAM::Role", "AssumeRolePolicyDocument", document)
    expected = [{"Effect": "Allow", "Principal": {"Service": service}, "Action": actions}]
    if document.get("Statement") != expected:
        found.append(f"{service} does not get the role")
    return found


def linted(kind: str, name: str, document: dict) -> list[str]:
    template = {"Resources": {"Example": {"Type": kind, "Properties": {name: document}}}}
    return cloudformation.linted(json.dumps(template, indent=1))
