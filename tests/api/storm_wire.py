"""How the clients of the storm ask, and how they keep out of each other's way."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import AsyncIterator

# No answer takes nearly as long; a client that waits longer was forgotten.
PATIENCE_S = 40
# The agent closes what says nothing for 10 s.
IDLE_S = 5


class Wrong(Exception):
    """An answer that is not the one that the model has."""


class Busy(Exception):
    """503 with Retry-After: nothing was done."""


class Gate:
    """Many at once may change what is their own; one alone may change what all have."""

    def __init__(self) -> None:
        self._condition, self._inside, self._alone = asyncio.Condition(), 0, False

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        async with self._condition:
            await self._condition.wait_for(lambda: not self._alone)
            self._inside += 1
        try:
            yield
        finally:
            async with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._condition:
            await self._condition.wait_for(lambda: not self._alone)
            self._alone = True
            await self._condition.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            async with self._condition:
                self._alone = False
                self._condition.notify_all()


class Connection:
    """Requests over a unix socket, one at a time."""

    def __init__(self, path: str) -> None:
        self._path, self._stream, self._used = path, None, 0.0
        self.answers: dict[int, int] = {}
        self.times: list[float] = []

    async def ask(self, method: str, path: str, body: object = None, if_match: str | None = None):
        """Status, headers and body. Raises Busy for a 503, which has to have Retry-After."""
        begun = time.perf_counter()
        if begun > self._used + IDLE_S:
            self.close()
        try:
            status, headers, text = await asyncio.wait_for(self._ask(method, path, body, if_match), PATIENCE_S)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            self.close()
            raise Wrong(f"{method} {path}: {type(error).__name__} {error}") from error
        self._used = time.perf_counter()
        self.times.append(self._used - begun)
        self.answers[status] = self.answers.get(status, 0) + 1
        if headers.get("connection", "").lower() == "close":
            self.close()
        is_json = text and headers.get("content-type") == "application/json"
        answer = json.loads(text) if is_json else text.decode()
        if status == 503:
            if not headers.get("retry-after", "").isdigit():
                raise Wrong(f"{method} {path}: 503 without Retry-After: {answer}")
            raise Busy(answer["message"])
        return status, headers, answer

    async def _ask(self, method: str, path: str, body: object, if_match: str | None):
        if self._stream is None:
            self._stream = await asyncio.open_unix_connection(self._path)
        reader, writer = self._stream
        sent = b"" if body is None else json.dumps(body).encode()
        match = f"If-Match: {if_match}\r\n" if if_match else ""
        length = f"Content-Length: {len(sent)}\r\n" if sent else ""
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{match}{length}\r\n".encode() + sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        return int(head[0].split(" ")[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None
