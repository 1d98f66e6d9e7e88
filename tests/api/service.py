"""The API as plain HTTP, and how claims about it are run."""

from __future__ import annotations

import http.client
import json
import time
import traceback
import urllib.parse
from dataclasses import dataclass
from typing import Callable, Iterator

# Longer than anything here takes; who waits so long waits for ever.
DEADLINE_S = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: object


class Service:
    """Where the API is, and as whom it is asked."""

    def __init__(self, base_url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(base_url)
        self.base_url, self.token = base_url.rstrip("/"), token
        self.host, self.port = parts.hostname, parts.port

    def ask(self, path: str, method: str = "GET", token: str | None = None, body: object = None) -> Answer:
        """One request; `path` goes out as it is. An empty token sends none."""
        token = self.token if token is None else token
        headers = {"X-Auth-Token": token} if token else {}
        text = None if body is None else json.dumps(body)
        if text is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            told = response.read().decode()
            names = {name.lower(): value for name, value in response.getheaders()}
            is_json = names.get("content-type", "").startswith("application/json") and told
            return Answer(response.status, names, json.loads(told) if is_json else told)
        finally:
            connection.close()

    def get(self, path: str) -> dict:
        """The object of an answer that has to be 200."""
        answer = self.ask(path)
        equal(answer.status, 200, f"GET {path}: {answer.body}")
        return answer.body

    def pages(self, path: str) -> Iterator[dict]:
        """All pages of a list, by the links in them."""
        while path:
            page = self.get(path)
            yield page
            link = page["metadata"]["next_href"]
            path = link and urllib.parse.urlsplit(link)._replace(scheme="", netloc="").geturl()


def equal(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise AssertionError(f"{what}: {found!r} and not {expected!r}")


def true(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def near(found: float, expected: float, what: str) -> None:
    """The same but for the rounding of sums."""
    if abs(found - expected) > 1e-9 * max(1.0, abs(expected)):
        raise AssertionError(f"{what}: {found!r} and not {expected!r}")


def until(condition: Callable[[], object], what: str | Callable[[], str]) -> object:
    """Waits for a condition of which nothing tells; gives what it gave. `what` may look again at the end."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what() if callable(what) else what}")
        time.sleep(0.1)


def run(claims: list[Callable], *arguments: object) -> int:
    """Runs all claims, says which do not hold and why, and gives how many those are."""
    failed = 0
    for claim in claims:
        name = claim.__name__.replace("_", " ")
        try:
            claim(*arguments)
        except Exception as error:  # Whatever a client makes of a wrong answer.
            failed += 1
            # Many errors of the client cannot be turned into text.
            reason = str(error) if isinstance(error, AssertionError) else "".join(
                traceback.format_tb(error.__traceback__)[-2:] + [type(error).__name__, ": ", repr(error.args)]
            )
            print(f"FAILED: {name}: {reason}")
        else:
            print(f"ok: {name}")
    print(f"{len(claims) - failed} passed, {failed} failed")
    return failed
