"""The API with a real Keystone, which this starts, holds up, ends and starts again: see keystone.sh.

    keystone.py FOLDER BINARY PASSWORD

FOLDER has the configuration of Keystone, whose administrator has PASSWORD.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from service import Answer, Service, equal, run, true, until

AGENT_PORT, KEYSTONE_PORT = 21453, 21454
OWN_TOKEN = "own-token-of-the-agent"
# What the API promises; beyond it a machine that is busy has some more.
LONGEST_WAIT_S, LATE_S = 5, 3
# How long the agent remembers a token.
REMEMBERED_S = 20


class Keystone:
    """The server, and what an administrator does with it."""

    def __init__(self, folder: Path, password: str) -> None:
        self.folder, self.password = folder, password
        self.url = f"http://127.0.0.1:{KEYSTONE_PORT}"
        self.process: subprocess.Popen | None = None

    def domain(self, name: str) -> str:
        """A domain, made in the database: the API writes from two connections for it, which locks SQLite."""
        domain = uuid.uuid4().hex
        with sqlite3.connect(self.folder / "keystone.db") as database:
            database.execute(
                "INSERT INTO project (id, name, extra, description, enabled, domain_id, is_domain)"
                " VALUES (?, ?, '{}', '', 1, '<<keystone.domain.root>>', 1)", (domain, name),
            )
        return domain

    def start(self) -> None:
        environment = os.environ | {"OS_KEYSTONE_CONFIG_DIR": str(self.folder), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}
        with open(self.folder / "access.log", "ab") as log:
            command = ["/usr/bin/keystone-wsgi-public", "--host", "127.0.0.1", "--port", str(KEYSTONE_PORT)]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(self.answers, "Keystone answers")

    def answers(self) -> bool:
        true(self.process.poll() is None, "Keystone has ended: see keystone.log")
        try:
            socket.create_connection(("127.0.0.1", KEYSTONE_PORT), timeout=1).close()
        except OSError:
            return False
        return self.ask("GET", "")[0] == 200

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def ask(self, method: str, path: str, token: str = "", body: object = None, **headers: str):
        """Status, headers and body."""
        headers |= {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v3{path}", data, headers, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
                return response.status, response.headers, json.loads(response.read() or "{}")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read() or "{}")

    def token(self, user: str, password: str, project: str | None) -> str:
        """A new token of a user, for a project of the domain `default` or for none."""
        domain = {"id": "default"}
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}}
        auth = {"identity": identity}
        if project:
            auth["scope"] = {"project": {"name": project, "domain": domain}}
        status, headers, body = self.ask("POST", "/auth/tokens", body={"auth": auth})
        equal(status, 201, f"a token for {user}: {body}")
        return headers["X-Subject-Token"]

    def made(self, kind: str, **fields: object) -> str:
        """The id of something that is made."""
        admin = self.token("admin", self.password, "admin")
        status, _, body = self.ask("POST", f"/{kind}s", admin, {kind: fields})
        equal(status, 201, f"a {kind}: {body}")
        return body[kind]["id"]

    def give(self, user: str, project: str, role: str) -> None:
        admin = self.token("admin", self.password, "admin")
        roles = self.ask("GET", f"/roles?name={role}", admin)[2]["roles"]
        path = f"/projects/{project}/users/{user}/roles/{roles[0]['id']}"
        equal(self.ask("PUT", path, admin)[0], 204, f"the role {role}")

    def revoke(self, token: str) -> None:
        equal(self.ask("DELETE", "/auth/tokens", token, **{"X-Subject-Token": token})[0], 204, "it is revoked")


class World:
    """Keystone with two projects and two users, and an agent that trusts it for one project."""

    def __init__(self, folder: Path, binary: str, password: str) -> None:
        self.folder, self.binary = folder, binary
        self.keystone = Keystone(folder, password)
        self.service = Service(f"http://127.0.0.1:{AGENT_PORT}", "")
        self.agent: subprocess.Popen | None = None

    def start(self) -> None:
        elsewhere = self.keystone.domain("elsewhere")
        self.keystone.start()
        self.project = self.keystone.made("project", name="ops", domain_id="default")
        other = self.keystone.made("project", name="other", domain_id="default")
        self.namesake = self.keystone.made("project", name="ops", domain_id=elsewhere)
        for name, project, role in [
            ("reader", self.project, "reader"), ("writer", self.project, "admin"), ("stranger", other, "admin"),
            ("namesake", self.namesake, "admin"),
        ]:
            user = self.keystone.made("user", name=name, password=f"of-{name}", domain_id="default")
            self.keystone.give(user, project, role)
        options = ["--dry-run", "--service", "x", "--config", "tests/api/agent.yaml", "--api", f"127.0.0.1:{AGENT_PORT}"]
        options += ["--keystone-url", f"{self.keystone.url}/v3", "--keystone-project", "ops"]
        variables = {"PATH": os.environ["PATH"], "CLOUDWATCH_METRICS_AGENT_API_TOKEN": OWN_TOKEN, "RUST_LOG": "debug"}
        with open(self.folder / "agent.log", "wb") as log:
            self.agent = subprocess.Popen([self.binary, *options], env=variables, stdout=subprocess.DEVNULL, stderr=log)
        until(self.is_ready, "the agent answers")

    def is_ready(self) -> bool:
        true(self.agent.poll() is None, "the agent has ended: see agent.log")
        try:
            return self.service.ask("/readyz").status == 200
        except OSError:
            return False

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def of(self, user: str, project: str | None = "ops") -> str:
        return self.keystone.token(user, f"of-{user}", project)

    def reads(self, token: str) -> Answer:
        """What a request that reads is answered, in the time that the API promises."""
        begin = time.monotonic()
        answer = self.service.ask("/entities", token=token)
        took = time.monotonic() - begin
        true(took < LONGEST_WAIT_S + LATE_S, f"an answer after {took:.1f} s")
        return answer

    def writes(self, token: str) -> int:
        return self.service.ask("/entities/self/checks/load/disable", "POST", token).status

    def is_open_without_keystone(self) -> None:
        """What needs no Keystone is answered whatever it does."""
        equal(self.reads(OWN_TOKEN).status, 200, "the agent's own token")
        equal(self.service.ask("/healthz", token="").status, 200, "health")

    def stop(self) -> None:
        if self.agent:
            self.agent.kill()
            self.agent.wait()
        if self.keystone.process:
            self.keystone.process.send_signal(signal.SIGCONT)
        self.keystone.stop()


def a_token_of_the_project_reads(world: World) -> None:
    token = world.of("reader")
    equal(world.reads(token).status, 200, "a valid token")
    equal(world.writes(token), 403, "a change without the role")
    bearer = world.keystone.ask("GET", "/auth/tokens", token, **{"X-Subject-Token": token})
    equal(bearer[0], 200, "Keystone lets a token ask for itself")


def the_role_of_writers_writes(world: World) -> None:
    token = world.of("writer")
    equal(world.writes(token), 204, "a change with the role")
    equal(world.service.ask("/entities/self/checks/load/enable", "POST", token).status, 204, "and back")


def others_are_told_where_tokens_are_had(world: World) -> None:
    for what, token in {
        "another project": world.of("stranger", "other"),
        "no project": world.of("reader", None),
        "an invented one": "gAAAAABrDEJ13gZHnnxV1oA_zOxKCn3Q6QTp8XpKv9FLaUxAnyiH4qsvu6ZQ0qsd",
        "noise": "x",
    }.items():
        answer = world.reads(token)
        equal(answer.status, 401, what)
        equal(answer.body["type"], "unauthorized", what)
        challenge = f'Keystone uri="{world.keystone.url}", Bearer realm="cloudwatch_metrics_agent"'
        equal(answer.headers["www-authenticate"], challenge, what)
        equal(world.writes(token), 401, f"a change with {what}")


def a_project_of_the_same_name_in_another_domain_is_another_one(world: World) -> None:
    identity = {"methods": ["password"], "password": {"user": {
        "name": "namesake", "domain": {"id": "default"}, "password": "of-namesake",
    }}}
    auth = {"identity": identity, "scope": {"project": {"id": world.namesake}}}
    status, headers, body = world.keystone.ask("POST", "/auth/tokens", body={"auth": auth})
    equal(status, 201, f"a token: {body}")
    equal(world.reads(headers["X-Subject-Token"]).status, 401, "a project of the same name")


def a_crowd_with_one_token_is_one_question(world: World) -> None:
    token = world.of("reader")
    log = world.folder / "access.log"
    before = log.read_text().count("GET /v3/auth/tokens?nocatalog")
    statuses: list[int] = []
    ask = lambda: statuses.append(world.reads(token).status)  # noqa: E731
    crowd = [threading.Thread(target=ask) for _ in range(12)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    equal(statuses, [200] * 12, "the crowd")
    equal(log.read_text().count("GET /v3/auth/tokens?nocatalog") - before, 1, "questions")


def revoked_and_expired_tokens_end(world: World) -> None:
    revoked, expiring, known = world.of("reader"), world.of("reader"), time.monotonic()
    for token in (revoked, expiring):
        equal(world.reads(token).status, 200, "both are valid")
    world.keystone.revoke(revoked)
    fresh = world.of("writer")
    world.keystone.revoke(fresh)
    equal(world.reads(fresh).status, 401, "one that was revoked before it was seen")
    until(lambda: world.reads(revoked).status == 401, "the revoked token is refused")
    took = time.monotonic() - known
    true(took < REMEMBERED_S + LATE_S, f"a revoked token worked for {took:.1f} s")
    until(lambda: world.reads(expiring).status == 401, "the expired token is refused")


def a_keystone_that_hangs_lets_nobody_in(world: World) -> None:
    known, unknown = world.of("reader"), world.of("writer")
    equal(world.reads(known).status, 200, "one that is known")
    world.keystone.process.send_signal(signal.SIGSTOP)
    answers: list[Answer] = []
    ask = lambda token: answers.append(world.reads(token))  # noqa: E731
    crowd = [threading.Thread(target=ask, args=[token]) for token in [unknown, unknown, *map(str, range(8))]]
    for one in crowd:
        one.start()
    equal(world.reads(known).status, 200, "one that is known goes on for a while")
    world.is_open_without_keystone()
    for one in crowd:
        one.join()
    equal([answer.status for answer in answers], [503] * 10, "all others")
    equal({answer.headers["retry-after"] for answer in answers}, {"1"}, "they may ask again")
    world.keystone.process.send_signal(signal.SIGCONT)
    until(lambda: world.reads(unknown).status == 200, "it is asked again")


def a_keystone_that_is_gone_lets_nobody_in(world: World) -> None:
    tokens = [world.of("reader"), world.of("writer")]
    world.keystone.stop()
    for token in [*tokens, "gAAAAAB"]:
        equal(world.reads(token).status, 503, "it is gone")
    world.is_open_without_keystone()
    until(lambda: "cannot be asked, and the API answers its tokens with 503" in world.log(), "the log says so")
    world.keystone.start()
    for token in tokens:
        equal(world.reads(token).status, 200, "it is back")
    until(lambda: "can be asked again" in world.log(), "the log says so")


def no_token_is_in_the_log(world: World) -> None:
    log = world.log()
    for secret in ("gAAAAAB", OWN_TOKEN, world.keystone.password, "of-reader"):
        true(secret not in log, f"the log has {secret}")


CLAIMS = [
    a_token_of_the_project_reads, the_role_of_writers_writes, others_are_told_where_tokens_are_had,
    a_project_of_the_same_name_in_another_domain_is_another_one, a_crowd_with_one_token_is_one_question,
    revoked_and_expired_tokens_end, a_keystone_that_hangs_lets_nobody_in, a_keystone_that_is_gone_lets_nobody_in,
    no_token_is_in_the_log,
]


def main() -> int:
    folder, binary, password = sys.argv[1:]
    world = World(Path(folder), binary, password)
    try:
        world.start()
        return 1 if run(CLAIMS, world) else 0
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())
