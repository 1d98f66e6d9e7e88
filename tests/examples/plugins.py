"""A plugin, run by the agent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agent import Agent


def problems(text: str, agent: Agent) -> list[str]:
    """It counts the files of each folder, and takes a queue without folders."""
    with tempfile.TemporaryDirectory() as directory:
        plugins, queue, empty = (Path(directory) / name for name in ("plugins", "queue", "empty"))
        for folder in (plugins, queue / "mail", queue / "b.c d", empty):
            folder.mkdir(parents=True)
        for name in ("one", "two"):
            (queue / "mail" / name).touch()
        (plugins / "jobs.sh").write_text(text)
        (plugins / "jobs.sh").chmod(0o755)
        found = []
        for folder, expected in ((queue, {"b_c_d.waiting": 0, "mail.waiting": 2}), (empty, {})):
            details = ["--plugins", str(plugins), "file=jobs.sh", f"args={folder}"]
            ran = agent.check("agent.plugin", details)
            if not ran["available"]:
                found.append(f"of {folder.name} there is no result: {ran['status']}")
                continue
            values = {metric["name"]: metric["value"] for metric in ran["metrics"]}
            if not isinstance(values.pop("kernel", None), str):
                found.append("the text is missing")
            if values != expected:
                found.append(f"of {folder.name} the metrics are {values}")
        return found
