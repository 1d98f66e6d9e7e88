"""The clients of the storm: each owns ids of its own, and so knows exactly what has to be answered."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
from random import Random

from storm_model import World, alarm_of, check_of, merged_alarm, merged_check, shown_check
from storm_wire import Busy, Connection, Gate, Wrong

CHECKS, ALARMS = "/entities/self/checks", "/entities/self/alarms"
# A client that got so many wrong answers gives up.
MOST_WRONG = 20
CRITERIA = [
    "return new AlarmStatus(OK);",
    "if (metric['1m'] > 1e6) { return new AlarmStatus(CRITICAL, 'much'); }",
    "if (metric['none'] > 1) { return new AlarmStatus(WARNING); }",
]
SECRET = "storm-secret"


class Client:
    """One that changes what is its own, and looks at everything."""

    def __init__(self, number: int, socket: str, world: World, gate: Gate, seed: int) -> None:
        self.connection, self.world, self.gate = Connection(socket), world, gate
        self.random = Random(seed * 1000 + number)
        self.checks = [f"s{number}-{n}" for n in range(5)] + [f"s{number}/a b%{n}" for n in range(2)]
        self.alarms = [f"a{number}-{n}" for n in range(4)]
        self.entries = [f"b{number}-{n}" for n in range(2)]
        self.asked = 0
        self.wrong: list[str] = []
        self.busy: list[str] = []
        self.steps = [
            (self.create, 6), (self.update, 6), (self.switch, 5), (self.restart, 2), (self.delete, 2),
            (self.send_back, 2), (self.look_at_check, 3), (self.create_alarm, 4), (self.update_alarm, 3),
            (self.delete_alarm, 2), (self.look_at_alarm, 2), (self.change_entry, 2), (self.list_own, 2),
            (self.read, 4), (self.flush, 0.3), (self.test, 1), (self.refused, 2),
        ]

    async def run(self, until: float, pause: float) -> None:
        steps, weights = zip(*self.steps)
        while time.monotonic() < until and len(self.wrong) < MOST_WRONG:
            step = self.random.choices(steps, weights)[0]
            self.asked += 1
            try:
                await self.one(step)
            except Busy as busy:
                self.busy.append(f"{step.__name__}: {busy}")
            except (Wrong, ValueError, KeyError) as error:
                self.wrong.append(f"{step.__name__}: {type(error).__name__}: {error}")
            await asyncio.sleep(self.random.uniform(0, 2 * pause))
        self.connection.close()

    async def one(self, step) -> None:
        async with self.gate.shared():
            await step()

    # Checks.

    async def create(self) -> None:
        id, body = self.random.choice(self.checks), self.new_check()
        known = self.world.checks.effective()
        status, headers, answer = await self.ask("POST", CHECKS, {**body, "id": id}, 409 if id in known else 201)
        if status == 201:
            settings = check_of(id, body)
            self.world.checks.set(id, settings)
            equal(headers.get("x-object-id"), id, f"X-Object-ID of {id}")
            self.same_check(id, settings, answer, headers)

    async def update(self) -> None:
        id = self.random.choice(self.checks)
        before = self.world.checks.effective().get(id)
        body = self.change_of(before)
        tags = self.world.tags.get(f"check {id}", {})
        now = await self.tag_of_now(id) if before else None
        # The right one, one of before, or none.
        if_match = self.random.choice([None, None, "*", now, self.random.choice([*tags.values(), '"0"'])])
        expected = 404 if before is None else 204 if if_match in (None, "*", now) else 412
        _, headers, _ = await self.ask("PUT", self.path(id), body, expected, if_match)
        if expected == 204:
            self.changed(id, before, merged_check(id, before, body), headers)

    async def send_back(self) -> None:
        """What was read, sent as it is, changes nothing."""
        id = self.random.choice(self.checks)
        before = self.world.checks.effective().get(id)
        if before is not None:
            _, read, shown = await self.ask("GET", self.path(id), None, 200)
            _, headers, _ = await self.ask("PUT", self.path(id), shown, 204, read["etag"])
            equal(headers["etag"], read["etag"], f"the tag of {id}, sent back")

    async def switch(self) -> None:
        id, is_disabled = self.random.choice(self.checks), self.random.random() < 0.4
        before = self.world.checks.effective().get(id)
        act = "disable" if is_disabled else "enable"
        _, headers, _ = await self.ask("POST", f"{self.path(id)}/{act}", None, 404 if before is None else 204)
        if before is not None:
            self.changed(id, before, {**before, "disabled": is_disabled}, headers)

    async def restart(self) -> None:
        id = self.random.choice(self.checks)
        before = self.world.checks.effective().get(id)
        expected = 404 if before is None else 409 if before["disabled"] else 204
        await self.ask("POST", f"{self.path(id)}/restart", None, expected)

    async def delete(self) -> None:
        id = self.random.choice(self.checks)
        is_there, stale = id in self.world.checks.effective(), self.random.random() < 0.2
        expected = 404 if not is_there else 412 if stale else 204
        await self.ask("DELETE", self.path(id), None, expected, '"0"' if stale else None)
        if expected == 204:
            self.world.remove_check(id)

    async def look_at_check(self) -> None:
        id = self.random.choice(self.checks)
        settings = self.world.checks.effective().get(id)
        _, headers, answer = await self.ask("GET", self.path(id), None, 200 if settings else 404)
        if settings:
            self.same_check(id, settings, answer, headers)

    async def test(self) -> None:
        id = self.random.choice(self.checks)
        settings = self.world.checks.effective().get(id)
        if settings and settings["timeout"] > 2:
            # One that hangs would have this client wait.
            return
        _, _, answer = await self.ask("POST", f"{self.path(id)}/test", None, 200 if settings else 404)
        if settings and settings["type"] == "agent.load_average" and not answer[0]["available"]:
            true("timed out" in answer[0]["status"], f"{id} is available: {answer}")

    def changed(self, id: str, before: dict, settings: dict, headers: dict) -> None:
        if settings != before:
            self.world.checks.set(id, settings)
        true(self.world.tag_is_right("check", id, settings, headers["etag"]), f"the tag of {id}: {settings}")

    def same_check(self, id: str, settings: dict, answer: dict, headers: dict) -> None:
        expected = {**shown_check(settings), "id": id, "source": self.world.checks.source(id)}
        equal({name: answer[name] for name in expected}, expected, f"check {id}")
        true(SECRET not in json.dumps(answer), f"{id} shows no secret: {answer}")
        true(self.world.tag_is_right("check", id, settings, headers["etag"]), f"the tag of {id}: {settings}")

    async def tag_of_now(self, id: str) -> str:
        return (await self.ask("GET", self.path(id), None, 200))[1]["etag"]

    # Alarms.

    async def create_alarm(self) -> None:
        id, check = self.random.choice(self.alarms), self.random.choice(self.checks)
        body = {"check_id": check, "criteria": self.random.choice(CRITERIA), "metadata": {"n": "1"}}
        if self.random.random() < 0.3:
            del body["criteria"]
        # Also one that waits for its check.
        known = self.world.alarms.effective()
        expected = 400 if check not in self.world.checks.effective() else 409 if id in known else 201
        _, headers, answer = await self.ask("POST", ALARMS, {**body, "id": id}, expected)
        if expected == 201:
            settings = alarm_of(id, body)
            self.world.alarms.set(id, settings)
            self.same_alarm(id, settings, answer, headers)

    async def update_alarm(self) -> None:
        id = self.random.choice(self.alarms)
        before = self.world.alarms_in_force().get(id)
        body = self.random.choice([
            {"label": self.word()}, {"disabled": self.random.random() < 0.5}, {"metadata": {"n": None, "m": self.word()}},
            {"criteria": self.random.choice(CRITERIA)}, {"label": None}, {"criteria": None},
        ])
        stale = self.random.random() < 0.2
        expected = 404 if before is None else 412 if stale else 204
        _, headers, _ = await self.ask("PUT", self.alarm_path(id), body, expected, '"0"' if stale else None)
        if expected == 204:
            settings = merged_alarm(id, before, body)
            if settings != before:
                self.world.alarms.set(id, settings)
            true(self.world.tag_is_right("alarm", id, settings, headers["etag"]), f"the tag of {id}: {settings}")

    async def delete_alarm(self) -> None:
        id = self.random.choice(self.alarms)
        is_there = id in self.world.alarms_in_force()
        await self.ask("DELETE", self.alarm_path(id), None, 204 if is_there else 404)
        if is_there:
            self.world.alarms.remove(id)

    async def look_at_alarm(self) -> None:
        id = self.random.choice(self.alarms)
        settings = self.world.alarms_in_force().get(id)
        _, headers, answer = await self.ask("GET", self.alarm_path(id), None, 200 if settings else 404)
        if settings:
            self.same_alarm(id, settings, answer, headers)
            # Sent back as it is, it changes nothing.
            _, again, _ = await self.ask("PUT", self.alarm_path(id), answer, 204, headers["etag"])
            equal(again["etag"], headers["etag"], f"the tag of {id}, sent back")

    def same_alarm(self, id: str, settings: dict, answer: dict, headers: dict) -> None:
        expected = {**settings, "id": id, "source": self.world.alarms.source(id)}
        equal({name: answer[name] for name in expected}, expected, f"alarm {id}")
        true(self.world.tag_is_right("alarm", id, settings, headers["etag"]), f"the tag of {id}: {settings}")

    # All else.

    async def change_entry(self) -> None:
        id, is_there = (id := self.random.choice(self.entries)), id in self.world.entries
        path, body = f"/blacklist/{id}", {"check": self.random.choice(self.checks), "metric": self.random.choice(["1m", "used"])}
        method = self.random.choice(["POST", "PUT", "DELETE", "GET"])
        if method == "POST":
            status = (await self.ask("POST", "/blacklist", {**body, "id": id}, 409 if is_there else 201))[0]
        else:
            done = 200 if method == "GET" else 204
            sent = body if method == "PUT" else None
            status, _, answer = await self.ask(method, path, sent, done if is_there else 404)
            if status == 200:
                equal({name: answer[name] for name in body}, self.world.entries[id], f"entry {id}")
        if status in (201, 204):
            if method == "DELETE":
                del self.world.entries[id]
            else:
                self.world.entries[id] = body

    async def list_own(self) -> None:
        _, _, page = await self.ask("GET", f"{CHECKS}?limit=1000", None, 200)
        found = [of["id"] for of in page["values"] if of["id"] in self.checks]
        equal(found, [id for id in self.world.checks.effective() if id in self.checks], "the list of checks")
        _, _, page = await self.ask("GET", f"{ALARMS}?limit=1000", None, 200)
        found = [of["id"] for of in page["values"] if of["id"] in self.alarms]
        equal(found, [id for id in self.world.alarms_in_force() if id in self.alarms], "the list of alarms")

    async def read(self) -> None:
        now = int(time.time() * 1000)
        plot = f"{CHECKS}/utilization/metrics/cpu/plot?from={now - 60_000}&to={now}&points=50"
        paths = ["/values", "/runs", "/metrics_list", "/metrics", "/buffer", "/blacklist", "/config", "/healthz", plot]
        status, _, answer = await self.ask("GET", self.random.choice(paths), None, 200)
        true(status == 200 and SECRET not in json.dumps(answer), f"no secret is shown: {answer}")

    async def flush(self) -> None:
        _, _, answer = await self.ask("POST", "/flush", None, 200)
        for part in answer["parts"]:
            true(part["ok"] or "too many flushes" in part["message"], f"a flush: {answer}")

    async def refused(self) -> None:
        """What is not valid is told, and changes nothing: the next look says so."""
        id = self.random.choice(self.checks)
        body = self.random.choice([
            {}, {"type": "agent.none"}, {"type": "agent.cpu", "period": "x"}, {"type": "remote.tcp"},
            {"type": "agent.plugin", "details": {"file": "../hang.sh"}}, {"type": "agent.cpu", "details": {"a": 1}},
        ])
        await self.ask("POST", CHECKS, {**body, "id": id}, 400)
        is_there = id in self.world.checks.effective()
        await self.ask("PUT", self.path(id), {"period": 0}, 400 if is_there else 404)
        await self.ask("POST", ALARMS, {"check_id": id, "criteria": "if ("}, 400)

    def new_check(self) -> dict:
        kind, details = self.random.choice(KINDS)
        body = {"type": kind, "details": details(self.random), "period": self.random.choice([1, 1, 2, 3, 60])}
        for name, value in [("label", self.word()), ("metadata", {"team": self.word()}), ("disabled", True), ("publish", "none")]:
            if self.random.random() < 0.25:
                body[name] = value
        return body

    def change_of(self, before: dict | None) -> dict:
        kind, details = self.random.choice(KINDS)
        bodies = [
            {"period": self.random.choice([1, 2, 4, 30])}, {"label": self.word()}, {"label": None}, {"timeout": 0.4},
            {"timeout": None}, {"metadata": {"team": self.word(), "old": None}}, {"disabled": self.random.random() < 0.3},
            {"type": kind, "details": details(self.random)}, {"publish": self.random.choice(["none", None])},
        ]
        # The same type with other details.
        same = [of for known, of in KINDS if before and known == before["type"]]
        bodies += [{"details": of(self.random)} for of in same[:1]]
        return self.random.choice(bodies)

    def word(self) -> str:
        return self.random.choice(["red", "green", "blue", "a \"quote\"", "ü"])

    @staticmethod
    def path(id: str) -> str:
        return f"{CHECKS}/{urllib.parse.quote(id, safe='')}"

    @staticmethod
    def alarm_path(id: str) -> str:
        return f"{ALARMS}/{urllib.parse.quote(id, safe='')}"

    async def ask(self, method: str, path: str, body: object, expected: int, if_match: str | None = None):
        answer = await self.connection.ask(method, path, body, if_match)
        true(answer[0] == expected, f"{method} {path} {body} {if_match}: {answer[0]} {answer[2]}, and not {expected}")
        return answer


def equal(found: object, expected: object, what: str) -> None:
    true(found == expected, f"{what}: {found!r} and not {expected!r}")


def true(condition: object, what: str) -> None:
    if not condition:
        raise Wrong(what)


# The types, each with details by chance. Nothing listens on port 1.
KINDS = [
    ("agent.load_average", lambda random: {}),
    ("agent.memory", lambda random: {}),
    ("agent.cpu", lambda random: {}),
    ("agent.filesystem", lambda random: {"target": random.choice(["/", "/proc"])}),
    ("remote.tcp", lambda random: {"host": "127.0.0.1", "port": random.choice([1, 2])}),
    ("remote.http", lambda random: {
        "url": "http://127.0.0.1:1/", "auth_user": "joe", "auth_password": f"{SECRET}-{random.randrange(3)}"}),
    ("agent.plugin", lambda random: {"file": "hang.sh", "args": [f"{SECRET}-{random.randrange(3)}"]}),
    ("agent.plugin", lambda random: {"file": "fork.sh"}),
]
