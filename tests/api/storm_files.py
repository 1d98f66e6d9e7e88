"""The client that alone writes the configuration files and has them read again."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path

from storm_client import Client, equal, true
from storm_model import alarm_of, check_of, difference, shown_check

BROKEN = [
    "checks: [", "checks:\n  f0: {type: agent.none}\n", "perod: 5\n", "checks:\n  f0: {type: remote.tcp}\n",
    "checks:\n  f0:\n    type: agent.cpu\n    alarms:\n      fa0: {criteria: 'if ('}\n",
]


class FilesClient(Client):
    """Owns the checks and alarms of the files as well, and changes them by requests, too."""

    def __init__(self, path: Path, *arguments) -> None:
        super().__init__(*arguments)
        self.file = path
        # All that the agent is to have for the text that is in the file now; None where that is broken.
        self.written: tuple[dict, dict] | None = None
        # The text in the file, and those that are in force and were before.
        self.text = self.loaded = self.replaced = path.read_text() if path.exists() else None
        self.counts = dict.fromkeys(["reloaded", "refused", "discarded", "undone"], 0)
        self.checks += [f"f{n}" for n in range(6)]
        self.alarms += [f"fa{n}" for n in range(6)]
        self.steps += [(self.reload, 15), (self.undo, 4), (self.limit, 2)]

    def write_good(self) -> None:
        """Some of the checks, with settings by chance; half of them have an alarm."""
        checks, alarms, told = {}, {}, {}
        for id in (f"f{n}" for n in range(6)):
            if self.random.random() < 0.75:
                told[id] = body = self.new_check()
                checks[id] = check_of(id, body)
                if self.random.random() < 0.5:
                    alarm = "fa" + id[1:]
                    told[id] = {**body, "alarms": {alarm: {"criteria": "return new AlarmStatus(OK);"}}}
                    alarms[alarm] = alarm_of(alarm, {"check_id": id, "criteria": "return new AlarmStatus(OK);"})
        # JSON is YAML.
        self._write(json.dumps({"checks": told}))
        self.written = checks, alarms

    def write_broken(self) -> None:
        if self.random.random() < 0.2:
            self.file.unlink(missing_ok=True)
            self.text = None
        else:
            self._write(self.random.choice(BROKEN))
        self.written = None

    def _write(self, text: str) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.rename(self.file)
        self.text = text

    async def one(self, step) -> None:
        discarded = [of.before and of.before[1] for of in (self.world.checks, self.world.alarms)]
        if step == self.undo and any([*discarded, *self.world.discarded]):
            # It gives back what others have had.
            step = self.undo_alone
        elif step == self.reload and self.random.random() < 0.05:
            step = self.discard_alone
        if step in (self.undo_alone, self.discard_alone):
            async with self.gate.alone():
                await step()
                await self.all_is_there()
        else:
            await super().one(step)

    async def reload(self, discards: bool = False) -> None:
        chance = self.random.random()
        if chance < 0.5:
            self.write_good()
        elif chance < 0.8:
            self.write_broken()
        query = "?discard_changes=true" if discards else self.random.choice(["", "?discard_changes=false", "?_who=storm"])
        path = f"/config/reload{query}"
        if self.written is None:
            _, _, answer = await self.ask("POST", path, None, 422)
            true(answer["details"]["problems"], f"{path}: it has problems: {answer}")
            self.counts["refused"] += 1
            return
        _, _, answer = await self.ask("POST", path, None, 200)
        before = self.in_force()
        # Files that are the same leave what there is to go back to.
        if discards or self.text != self.loaded:
            self.world.reload(self.written, discards)
            self.loaded, self.replaced = self.text, self.loaded
        self.told(before, answer, path)
        self.counts["discarded" if discards else "reloaded"] += 1

    async def discard_alone(self) -> None:
        await self.reload(discards=True)

    async def undo(self) -> None:
        if self.world.checks.before is None:
            await self.ask("POST", "/config/undo", None, 409)
            return
        _, _, answer = await self.ask("POST", "/config/undo", None, 200)
        before = self.in_force()
        self.world.undo()
        self.loaded, self.replaced = self.replaced, self.loaded
        self.told(before, answer, "/config/undo")
        self.counts["undone"] += 1

    async def undo_alone(self) -> None:
        await self.undo()

    def in_force(self) -> tuple[dict, dict]:
        return self.world.checks.effective(), self.world.alarms_in_force()

    def told(self, before: tuple[dict, dict], answer: dict, what: str) -> None:
        for old, new, part in zip(before, self.in_force(), (answer, answer["alarms"])):
            expected = difference(old, new)
            equal({name: part[name] for name in expected}, expected, what)
        equal((answer["needs_restart"], answer["not_kept"]), ([], None), what)

    async def limit(self) -> None:
        limit = self.random.choice([10, 60, 90])
        await self.ask("PUT", "/buffer/console", {"limit": limit}, 204)
        # 60 is that of the start.
        self.world.limit = None if limit == 60 else limit
        _, _, answer = await self.ask("GET", "/buffer/console", None, 200)
        equal(answer["limit"], limit, "the limit of the buffer")

    async def all_is_there(self) -> None:
        """All that there is, while nobody changes anything."""
        checks, alarms = self.in_force()
        expected = [{**shown_check(of), "id": id, "source": self.world.checks.source(id)} for id, of in checks.items()]
        found = [of for of in await self.every("/entities/self/checks") if of["id"] != "utilization"]
        equal(without(found, expected), expected, "all checks")
        expected = [{**of, "id": id, "source": self.world.alarms.source(id)} for id, of in alarms.items()]
        equal(without(await self.every("/entities/self/alarms"), expected), expected, "all alarms")
        equal([of["id"] for of in await self.every("/blacklist")], sorted(self.world.entries), "all entries")
        _, _, answer = await self.ask("GET", "/config", None, 200)
        expected = self.world.changes()
        equal({name: answer["changes"][name] for name in expected}, expected, "what was changed")

    async def every(self, path: str) -> list[dict]:
        """The items of all pages, which are small."""
        items, marker = [], ""
        while marker is not None:
            _, _, page = await self.ask("GET", f"{path}?limit=20&marker={urllib.parse.quote(marker, safe='')}", None, 200)
            items, marker = items + page["values"], page["metadata"]["next_marker"]
        return items


def without(found: list[dict], expected: list[dict]) -> list[dict]:
    """Only the fields that are expected."""
    names = {name for of in expected for name in of}
    return [{name: of.get(name) for name in names} for of in found]
