"""What the texts of the examples say: links, and the commands of the AWS command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from botocore import xform_name

import cloudformation
import model

# Commands that are the command line's own, with their options.
CUSTOM = {
    "cloudformation deploy":
        {"stack-name", "template-file", "capabilities", "parameter-overrides"},
    "ecr get-login-password": set(),
}
# Options of every command.
GLOBAL = {"region"}


def problems(text: str, path: Path) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not re.match(r"https?:", target) and not (path.parent / target).exists():
            found.append(f"{target} is not there")
    # The command of a comment goes on after a backslash, in a line that is a comment too.
    joined = re.sub(r"\\\n\s*(#|//)?\s*", "", text)
    for line in re.findall(r"^\s*(?:#|//)?\s*(aws [a-z].*)$", joined, re.MULTILINE):
        found += command(line.split("|")[0], path.parent)
    return found


def command(line: str, folder: Path) -> list[str]:
    _, service, name, *rest = shlex.split(line)
    options = [part.removeprefix("--") for part in rest if part.startswith("--")]
    known = CUSTOM.get(f"{service} {name}")
    if known is None:
        names = {xform_name(each, "-"): each for each in model.operations(service)}
        if name not in names:
            return [f"there is no aws {service} {name}"]
        members = model.operation(service, names[name]).input_shape.members
        known = {xform_name(member, "-") for member in members} | {"cli-input-json"}
        required = model.operation(service, names[name]).input_shape.required_members
        missing = {xform_name(member, "-") for member in required} - set(options)
        if missing and "cli-input-json" not in options:
            return [f"{line}: {', '.join(missing)} are missing"]
    found = [f"{line}: there is no --{option}" for option in options if option not in known | GLOBAL]
    for file in re.findall(r"file://(\S+)", line):
        if not (folder / file).exists():
            found.append(f"{line}: {file} is not there")
    if name == "deploy":
        template = rest[rest.index("--template-file") + 1]
        parameters = cloudformation.Template((folder / template).read_text()).tree["Parameters"]
        named = re.findall(r"(\w+)=", line)
        found += [f"{line}: there is no parameter {one}" for one in named if one not in parameters]
        required = [p for p, about in parameters.items() if "Default" not in about]
        found += [f"{line}: the parameter {p} is missing" for p in required if p not in named]
    return found
