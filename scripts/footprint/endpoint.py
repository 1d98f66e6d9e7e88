"""One TLS endpoint that all can publish to. It counts what comes, and goes wrong when told to."""

import contextlib
import http
import pathlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

SYSTEM_ROOTS = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
PATIENCE_SECONDS = 60


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes
    taken: bool


class Endpoint:
    """Serves on loopback until the process ends. `mode` says what becomes of requests: `take`, or the
    name of a fault in `FAULTS`."""

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.authority, self._context = certify(folder / "trusted")
        _, self._untrusted = certify(folder / "untrusted")
        # A full bundle, as a machine has it: reading it is a part of the first request's cost.
        self.roots = folder / "roots.pem"
        self.roots.write_text(SYSTEM_ROOTS.read_text() + self.authority.read_text())
        self.news = threading.Condition()
        self.requests: list[Request] = []
        self.wire_bytes = 0
        self.mode = "take"
        self._connections: set[socket.socket] = set()
        # Keeps the port while nothing listens there.
        self._hold = bound(0)
        self.port = self._hold.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self._listen()

    def set_mode(self, mode: str) -> None:
        """Every connection ends, so that the next request meets the new mode from its start."""
        with self.news:
            before, self.mode = self.mode, mode
            self.news.notify_all()
            for connection in self._connections:
                with contextlib.suppress(OSError):  # The client was faster.
                    connection.shutdown(socket.SHUT_RDWR)
        if mode == "refuse":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        elif before == "refuse":
            self._listen()

    def taken(self) -> list[Request]:
        with self.news:
            return [request for request in self.requests if request.taken]

    def wait(self, what: str, happened, timeout: float = PATIENCE_SECONDS) -> None:
        """Until `happened`, which is asked again when a request came."""
        with self.news:
            if not self.news.wait_for(happened, timeout):
                raise TimeoutError(f"the endpoint waited in vain for {what}")

    def _listen(self) -> None:
        self._listener = bound(self.port)
        self._listener.listen()
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # It refuses from now on.
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self.news:
            self._connections.add(connection)
            mode = self.mode
        try:
            if mode == "handshake":
                connection.recv(1)
                connection.sendall(b"This is not TLS.\r\n")
                return
            stream = TlsStream(connection, self._untrusted if mode == "untrusted" else self._context, self._count)
            while request := read_request(stream):
                self._answer(stream, connection, request)
        except OSError:
            pass  # The client left, or this side was told to.
        finally:
            with self.news:
                self._connections.discard(connection)
            connection.close()

    def _count(self, length: int) -> None:
        with self.news:
            self.wire_bytes += length

    def _answer(self, stream: "TlsStream", connection: socket.socket, request: Request) -> None:
        with self.news:
            mode = self.mode
            request.taken = mode in ("take", "lose_reply")
            self.requests.append(request)
            self.news.notify_all()
            if mode == "hang":
                self.news.wait_for(lambda: self.mode != mode)
                return
        if mode in ("reset", "lose_reply"):
            # Its close sends RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionResetError
        stream.write(reply(mode, request.headers))


class TlsStream:
    """The server's side of TLS over a socket, whose bytes are counted as they pass."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, count):
        self._connection, self._count = connection, count
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._do(self._session.do_handshake)

    def read(self) -> bytes:
        return self._do(self._session.read, 65536)

    def write(self, data: bytes) -> None:
        self._do(self._session.write, data)

    def _do(self, step, *arguments):
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self._connection.recv(65536)
                if not data:
                    raise ConnectionResetError from None
                self._count(len(data))
                self._incoming.write(data)
            finally:
                self._flush()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._connection.sendall(data)
            self._count(len(data))


def read_request(stream: TlsStream) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.read()
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")[1:]
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    if headers.get("expect") == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", 0)):
        body += stream.read()
    return Request(headers, body, taken=False)


# What the real service answers to whoever speaks its older or newer protocol, and anything to others.
QUERY_ANSWER = (
    b'<PutMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ResponseMetadata>'
    b"<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></PutMetricDataResponse>"
)
# Those with a status answer so, in the protocol of the agent.
FAULTS: dict[str, tuple[int, str] | None] = {
    "internal": (500, "InternalFailure"),
    "throttle": (400, "Throttling"),
    "denied": (403, "AccessDenied"),
    "hang": None,
    "reset": None,
    "lose_reply": None,
    "handshake": None,
    "untrusted": None,
    "refuse": None,
}


def reply(mode: str, headers: dict[str, str]) -> bytes:
    status, kind, body = 200, "text/plain", b""
    if fault := FAULTS.get(mode):
        status, kind = fault[0], "application/cbor"
        shape = fault[1] if status >= 500 else f"{fault[1]}Exception"
        body = b"\xa1" + cbor_text("__type") + cbor_text(f"com.amazonaws.cloudwatch#{shape}")
    elif "smithy-protocol" in headers:
        kind, body = "application/cbor", b"\xa0"
    elif headers.get("content-type") == "application/x-www-form-urlencoded":
        kind, body = "text/xml", QUERY_ANSWER
    extra = "smithy-protocol: rpc-v2-cbor\r\n" if kind == "application/cbor" else ""
    phrase = http.HTTPStatus(status).phrase
    head = f"HTTP/1.1 {status} {phrase}\r\n{extra}content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def cbor_text(text: str) -> bytes:
    return bytes([0x78, len(text)]) + text.encode()


def bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def certify(folder: pathlib.Path) -> tuple[pathlib.Path, ssl.SSLContext]:
    """A new authority, and a server that it vouches for."""
    folder.mkdir(exist_ok=True)
    ca, ca_key, key, asked, signed = (folder / name for name in ("ca.pem", "ca.key", "key", "asked", "signed"))
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-days", "2",
            "-subj", f"/CN=footprint {folder.name} {time.time_ns()}")  # fmt: skip
    openssl("req", *new_key, "-keyout", key, "-out", asked, "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", signed,
            "-days", "2", "-extfile", extensions)  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, key)
    return ca, context


def openssl(*arguments) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
