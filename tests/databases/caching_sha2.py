"""A server that logs in as MySQL 8 does with caching_sha2_password where it does not remember the user: it asks
for the password itself, which is sent over TLS alone. caching_sha2.py CERTIFICATE KEY PASSWORD PORT"""

import socket
import ssl
import sys

TLS, SECURE, PLUGIN_AUTH, PROTOCOL_41 = 1 << 11, 1 << 15, 1 << 19, 1 << 9
CHALLENGE = b"abcdefghijklmnopqrst"


class Connection:
    def __init__(self, stream: socket.socket) -> None:
        self.stream, self.sequence = stream, 0

    def read(self) -> bytes:
        head = self.take(4)
        self.sequence = head[3] + 1
        return self.take(int.from_bytes(head[:3], "little"))

    def take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def send(self, payload: bytes) -> None:
        self.stream.sendall(len(payload).to_bytes(3, "little") + bytes([self.sequence]) + payload)
        self.sequence += 1


def greeting() -> bytes:
    able = TLS | SECURE | PLUGIN_AUTH | PROTOCOL_41
    return b"".join(
        [
            b"\x0a8.4.0\0",
            (1).to_bytes(4, "little"),
            CHALLENGE[:8],
            b"\0",
            (able & 0xFFFF).to_bytes(2, "little"),
            b"\x21\x02\x00",
            (able >> 16).to_bytes(2, "little"),
            bytes([21]),
            bytes(10),
            CHALLENGE[8:],
            b"\0caching_sha2_password\0",
        ]
    )


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def table(connection: Connection, rows: list[tuple[str, str]]) -> None:
    """Two columns, in the form of old: with an end behind the columns."""
    connection.send(b"\x02")
    for name in ("Variable_name", "Value"):
        column = text("def") + text("") * 3 + text(name) * 2 + b"\x0c\x21\0" + bytes(4) + b"\xfd" + bytes(5)
        connection.send(column)
    connection.send(b"\xfe\0\0\x02\0")
    for row in rows:
        connection.send(b"".join(map(text, row)))
    connection.send(b"\xfe\0\0\x02\0")


def serve(stream: socket.socket, context: ssl.SSLContext, password: bytes) -> None:
    connection = Connection(stream)
    connection.send(greeting())
    asked = connection.read()
    if int.from_bytes(asked[:4], "little") & TLS:
        connection.stream = context.wrap_socket(stream, server_side=True)
        connection.read()
    # Not remembered: the password itself is wanted.
    connection.send(b"\x01\x04")
    if connection.read() != password + b"\0":
        connection.send(b"\xff" + (1045).to_bytes(2, "little") + b"#28000Access denied")
        return
    connection.send(b"\0\0\0\x02\0\0\0")
    while True:
        command = connection.read()
        if command[:1] == b"\x01":
            return
        if b"GLOBAL STATUS" in command:
            table(connection, [("Threads_connected", "7")])
        else:
            table(connection, [])


def main() -> None:
    certificate, key, password, port = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", int(port)))
    print("listens", file=sys.stderr, flush=True)
    while True:
        stream, _ = listener.accept()
        try:
            serve(stream, context, password.encode())
        except (EOFError, OSError):
            pass
        stream.close()


main()
