"""Inputs of AWS APIs by the models that boto3 has of them."""

from __future__ import annotations

import functools
import json
import re

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator


@functools.cache
def operation(service: str, name: str):
    session = botocore.session.get_session()
    return session.get_service_model(service).operation_model(name)


@functools.cache
def operations(service: str) -> list[str]:
    return botocore.session.get_session().get_service_model(service).operation_names


def problems(service: str, name: str, value: object) -> list[str]:
    """Unknown and missing keys, wrong types and values that are not among those of the model."""
    shape = operation(service, name).input_shape
    report = ParamValidator().validate(value, shape).generate_report()
    return [report] if report else enums(value, shape, "")


def enums(value: object, shape: Shape, path: str) -> list[str]:
    """What is of the right type and not one of the values that there are; boto3 leaves that to AWS."""
    if shape.type_name == "structure":
        members = shape.members
        return [p for k, v in value.items() for p in enums(v, members[k], f"{path}.{k}")]
    if shape.type_name == "list":
        return [p for v in value for p in enums(v, shape.member, f"{path}[]")]
    if shape.type_name == "map":
        return [p for k, v in value.items() for p in enums(v, shape.value, f"{path}.{k}")]
    allowed = getattr(shape, "enum", [])
    if allowed and value not in allowed:
        return [f"{path}: {value!r} is not one of {', '.join(allowed)}"]
    return []


def parsed(text: str) -> tuple[dict, list[str]]:
    """A JSON document; a key that stands twice is a problem."""
    twice = []

    def once(pairs: list[tuple[str, object]]) -> dict:
        keys = [key for key, _ in pairs]
        twice.extend(f"{key!r} stands twice" for key in set(keys) if keys.count(key) > 1)
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once), twice
    except json.JSONDecodeError as error:
        return {}, [f"not JSON: {error}"]


IMAGE = re.compile(
    r"^\d{12}\.dkr\.ecr\.[a-z]+(-[a-z]+)+-\d\.amazonaws\.com/[a-z0-9]+([._/-][a-z0-9]+)*"
    r":[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
)


def image_problems(image: str) -> list[str]:
    """An image of Elastic Container Registry, with a tag."""
    return [] if IMAGE.match(image) else [f"{image!r} is no image of a registry with a tag"]
