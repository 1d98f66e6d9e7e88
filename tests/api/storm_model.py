"""What has to be there: checks, alarms and entries as the documents say that requests and files change them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

HIDDEN = "***"
# The details that no answer shows, of the types that the storm has.
SECRET_DETAILS = {"auth_password", "args"}


def canonical(of: object) -> str:
    return json.dumps(of, sort_keys=True)


def whole(number: float) -> float:
    """As the agent writes it: without a fraction where there is none."""
    return int(number) if number == int(number) else number


class Overlay:
    """Things by their ids: those of the files, with the changes laid over them; None is one that was removed."""

    def __init__(self) -> None:
        self.files: dict[str, dict] = {}
        self.changes: dict[str, dict | None] = {}
        self.before: tuple[dict[str, dict], dict[str, dict | None]] | None = None

    def effective(self) -> dict[str, dict]:
        both = {**self.files, **self.changes}
        return {id: both[id] for id in sorted(both) if both[id] is not None}

    def source(self, id: str) -> str:
        return "api" if id in self.changes else "file"

    def set(self, id: str, thing: dict) -> None:
        self.changes[id] = thing

    def remove(self, id: str) -> None:
        if id in self.files:
            self.changes[id] = None
        else:
            self.changes.pop(id, None)

    def reload(self, files: dict[str, dict], discards: bool) -> None:
        discarded, old = {}, self.files
        if discards:
            discarded, self.changes = self.changes, {}
        self.files = files
        self._forget()
        self.before = (old, discarded)

    def undo(self) -> None:
        files, discarded = self.before
        self.files, old = files, self.files
        self.changes = {**discarded, **self.changes}
        self._forget()
        self.before = (old, {})

    def _forget(self) -> None:
        self.changes = {id: of for id, of in self.changes.items() if of is not None or id in self.files}

    def change_ids(self) -> dict[str, list[str]]:
        ids = sorted(self.changes)
        return {
            "set": [id for id in ids if self.changes[id] is not None],
            "removed": [id for id in ids if self.changes[id] is None],
        }


def difference(before: dict[str, dict], after: dict[str, dict]) -> dict[str, list[str]]:
    return {
        "added": [id for id in after if id not in before],
        "changed": [id for id in after if id in before and before[id] != after[id]],
        "removed": [id for id in before if id not in after],
    }


@dataclass
class World:
    """All that the agent has to have."""

    checks: Overlay = field(default_factory=Overlay)
    alarms: Overlay = field(default_factory=Overlay)
    entries: dict[str, dict] = field(default_factory=dict)
    limit: int | None = None
    # What the last reload has discarded of these two.
    discarded: tuple[dict[str, dict], int | None] = field(default_factory=lambda: ({}, None))
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def reload(self, files: tuple[dict, dict], discards: bool) -> None:
        for overlay, of in zip((self.checks, self.alarms), files):
            overlay.reload(of, discards)
        self.discarded = ({}, None)
        if discards:
            self.discarded, self.entries, self.limit = (self.entries, self.limit), {}, None

    def undo(self) -> None:
        """What was changed since the reload stays."""
        self.checks.undo()
        self.alarms.undo()
        entries, limit = self.discarded
        self.entries = {**entries, **self.entries}
        self.limit = limit if self.limit is None else self.limit
        self.discarded = ({}, None)

    def alarms_in_force(self) -> dict[str, dict]:
        checks = self.checks.effective()
        return {id: of for id, of in self.alarms.effective().items() if of["check_id"] in checks}

    def remove_check(self, id: str) -> None:
        """With its alarms."""
        for alarm, of in self.alarms_in_force().items():
            if of["check_id"] == id:
                self.alarms.remove(alarm)
        self.checks.remove(id)

    def changes(self) -> dict:
        return {
            "checks": self.checks.change_ids(),
            "alarms": self.alarms.change_ids(),
            "buffers": {} if self.limit is None else {"console": self.limit},
            "blacklist": sorted(self.entries),
        }

    def tag_is_right(self, kind: str, id: str, settings: dict, tag: str) -> bool:
        """The same settings have the same tag, and others another one."""
        known = self.tags.setdefault(f"{kind} {id}", {})
        wanted = known.setdefault(canonical(settings), tag)
        return wanted == tag and sum(of == tag for of in known.values()) == 1


def check_of(id: str, body: dict) -> dict:
    """All settings of a check that a body describes."""
    period, publish = body.get("period", 60), body.get("publish")
    # A plugin publishes nothing unless it is told to, and what is so by default is shown as null.
    by_default = publish == "none" and body["type"] == "agent.plugin"
    return {
        "label": body.get("label", id),
        "type": body["type"],
        "period": period,
        "timeout": body.get("timeout", default_timeout(period)),
        "details": body.get("details", {}),
        "disabled": body.get("disabled", False),
        "metadata": body.get("metadata", {}),
        "publish": None if by_default else publish,
    }


def default_timeout(period: float) -> float:
    return whole(min(30, period / 2))


def merged_check(id: str, before: dict, body: dict) -> dict:
    """What a PUT makes of it."""
    every = dict(before)
    if before["timeout"] == default_timeout(before["period"]):
        del every["timeout"]
    if body.get("type", before["type"]) != before["type"]:
        del every["details"], every["publish"]
    shown = shown_check(before)
    return check_of(id, merged(every, body, shown))


def alarm_of(id: str, body: dict) -> dict:
    return {
        "check_id": body["check_id"],
        "label": body.get("label", id),
        "criteria": body.get("criteria", ""),
        "disabled": body.get("disabled", False),
        "metadata": body.get("metadata", {}),
    }


def merged_alarm(id: str, before: dict, body: dict) -> dict:
    return alarm_of(id, merged(before, body, before))


def merged(every: dict, body: dict, shown: dict) -> dict:
    every = dict(every)
    for name, value in body.items():
        known = every.pop(name, None)
        if value is None:
            continue
        if isinstance(known, dict) and isinstance(value, dict):
            stay = {key for key, of in value.items() if key in known and of in (HIDDEN, shown[name].get(key))}
            known = {key: of for key, of in known.items() if key not in value or key in stay}
            value = {**known, **{key: of for key, of in value.items() if key not in stay and of is not None}}
        every[name] = value
    return every


def shown_check(settings: dict) -> dict:
    """As answers have it: without what is secret."""
    details = {
        name: value if name not in SECRET_DETAILS else [HIDDEN for _ in value] if isinstance(value, list) else HIDDEN
        for name, value in settings["details"].items()
    }
    return {**settings, "details": details}
