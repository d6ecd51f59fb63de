"""A scripted node: correct by default, with rules that make it misbehave at one exact point.

with FakeNode() as node:
    node.rule("put", cut(3))            # the next put is carried out, and its answer breaks off after 3 bytes
    client.connect(*node.address)
    ...
    assert node.requests["put"] == 1    # how often a put came in
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType

CODES = {1000: "get", 1001: "put", 1003: "get_all", 1004: "put_all", 1020: "size", 1050: "names", 1051: "create", 1052: "create"}
CODES |= {1056: "destroy"}

#: Bytes after the type code of the values that the node can tell apart.
_FIXED = {1: 1, 2: 2, 3: 4, 4: 8, 5: 4, 6: 8, 7: 2, 8: 1, 10: 16, 11: 8, 33: 12, 101: 0}

Action = Callable[["Connection", bytes], None]
Version = tuple[int, int, int]


def _end_of(data: bytes, start: int) -> int:
    """Where the value that starts here ends."""
    code = data[start]
    if code in _FIXED:
        return start + 1 + _FIXED[code]
    if code in (9, 12):
        return start + 5 + int(struct.unpack_from("<i", data, start + 1)[0])
    raise ValueError(f"the scripted node does not know values of type {code}")


def string(text: str) -> bytes:
    """A string as a value."""
    data = text.encode()
    return struct.pack("<bi", 9, len(data)) + data


class Connection:
    """One client's connection, as actions see it."""

    def __init__(self, node: FakeNode, sock: socket.socket) -> None:
        self.node = node
        self.sock = sock
        self.version: Version = (0, 0, 0)
        self.kept: bytes | None = None
        self._sending = threading.Lock()

    def send(self, data: bytes) -> None:
        """Send now; a client that is gone is no error."""
        with self._sending:
            try:
                self.sock.sendall(data)
            except OSError:
                return

    def end(self, reset: bool = False) -> None:
        """Close: in good order, or with a reset."""
        try:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def exactly(self, length: int) -> bytes:
        """This many bytes of the client."""
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def until_closed(self) -> None:
        """Read, and answer nothing, until the client goes."""
        while self.sock.recv(65_536):
            pass

    def message(self) -> bytes:
        """The client's next message, without its length."""
        return self.exactly(struct.unpack("<i", self.exactly(4))[0])

    def answer(self, request_id: int, payload: bytes = b"", status: int = 0, text: str = "") -> bytes:
        """An answer in the form of this connection's protocol version, its length in front."""
        body = struct.pack("<q", request_id)
        failed = struct.pack("<i", status) + string(text) if status else b""
        if self.version >= (1, 4, 0):
            body += struct.pack("<h", 1 if status else 0) + failed
        else:
            body += failed or struct.pack("<i", 0)
        body += payload
        return struct.pack("<i", len(body)) + body


# Actions: what happens to an answer.


def cut(length: int, reset: bool = False) -> Action:
    """Send so many bytes of it, then close or reset the connection."""

    def act(connection: Connection, answer: bytes) -> None:
        connection.send(answer[:length])
        connection.end(reset)

    return act


def hold(seconds: float) -> Action:
    """Send it later; other requests of the connection are served meanwhile."""

    def act(connection: Connection, answer: bytes) -> None:
        timer = threading.Timer(seconds, connection.send, (answer,))
        timer.daemon = True
        timer.start()

    return act


def silence(connection: Connection, answer: bytes) -> None:
    """Never send it."""


def dribble(pause: float) -> Action:
    """Send it byte by byte."""

    def act(connection: Connection, answer: bytes) -> None:
        for index in range(len(answer)):
            connection.send(answer[index : index + 1])
            if connection.node.stopping.wait(pause):
                return

    return act


def instead(data: bytes) -> Action:
    """Send these bytes in its place."""
    return lambda connection, answer: connection.send(data)


def with_payload(payload: bytes) -> Action:
    """Send a whole answer to the request with another payload."""

    def act(connection: Connection, answer: bytes) -> None:
        connection.send(connection.answer(struct.unpack_from("<q", answer, 4)[0], payload))

    return act


def refusal(status: int, text: str) -> Action:
    """Answer with an error."""

    def act(connection: Connection, answer: bytes) -> None:
        connection.send(connection.answer(struct.unpack_from("<q", answer, 4)[0], status=status, text=text))

    return act


def stray_first(*offsets: int) -> Action:
    """Send answers to requests that nobody made (the id moved by each offset) with a wrong value, then the right one."""

    def act(connection: Connection, answer: bytes) -> None:
        request_id = struct.unpack_from("<q", answer, 4)[0]
        wrong = [connection.answer(request_id + offset, string("not yours")) for offset in offsets]
        connection.send(b"".join(wrong) + answer)

    return act


def repeat(connection: Connection, answer: bytes) -> None:
    """Send it twice."""
    connection.send(answer + answer)


def swap(connection: Connection, answer: bytes) -> None:
    """Keep the first of two answers and send it after the second."""
    if connection.kept is None:
        connection.kept = answer
    else:
        connection.send(answer + connection.kept)
        connection.kept = None


def deaf(connection: Connection, answer: bytes) -> None:
    """Neither answer nor read on."""
    connection.node.stopping.wait()


# Greetings: what happens in place of the handshake.


def mute(connection: Connection) -> None:
    """Never answer."""
    connection.until_closed()


def say(data: bytes, then_close: bool = False) -> Callable[[Connection], None]:
    """Send these bytes, then wait or close."""

    def greet(connection: Connection) -> None:
        connection.message()
        connection.send(data)
        if not then_close:
            connection.until_closed()

    return greet


class FakeNode:
    """A node on a free port of 127.0.0.1, with caches in memory.

    Args:
        newest: The newest protocol version that it accepts. Newer ones are refused, as a real node does it.
        greet: What happens in place of the handshake.
    """

    def __init__(self, newest: Version = (1, 7, 0), greet: Callable[[Connection], None] | None = None) -> None:
        self.newest = newest
        self.greet = greet
        self.port = 0
        self.stopping = threading.Event()
        #: How often each operation came in, answered or not.
        self.requests: Counter[str] = Counter()
        #: Versions that were offered, and how many connections were made in all.
        self.offers: list[Version] = []
        self.accepted = 0
        self.caches: dict[int, dict[bytes, bytes]] = {}
        self.names: list[str] = []
        self._rules: list[tuple[str, Action]] = []
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return ("127.0.0.1", self.port)

    @property
    def open(self) -> int:
        """Connections that are open now."""
        with self._lock:
            return len(self._connections)

    def start(self) -> None:
        """Listen; after `stop`, on the same port again."""
        self.stopping = threading.Event()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and close all connections."""
        self.stopping.set()
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.kick()

    def kick(self, reset: bool = False) -> None:
        """Close all connections."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            # Closing alone would not wake the thread that reads from it.
            if reset:
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sock.shutdown(socket.SHUT_RD)
            else:
                connection.end()

    def rule(self, operation: str, action: Action, times: int = 1) -> None:
        """The next answers to this operation go through `action`."""
        with self._lock:
            self._rules.extend([(operation, action)] * times)

    def forget_rules(self) -> None:
        """From now on everything is answered as it should be."""
        with self._lock:
            self._rules.clear()

    def __enter__(self) -> FakeNode:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._listener is not None:
            self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock)
            with self._lock:
                self.accepted += 1
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            if self.greet is not None:
                self.greet(connection)
            elif self._handshake(connection):
                while True:
                    self._request(connection, connection.message())
        except (OSError, EOFError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.sock.close()

    def _handshake(self, connection: Connection) -> bool:
        while True:
            offered: Version = struct.unpack_from("<hhh", connection.message(), 1)
            with self._lock:
                self.offers.append(offered)
            if offered > self.newest:
                body = struct.pack("<bhhh", 0, *self.newest) + string("Unsupported version.") + struct.pack("<i", 1)
                connection.send(struct.pack("<i", len(body)) + body)
                continue
            body = b"\x01"
            if offered >= (1, 7, 0):
                body += b"\x0c\x01\x00\x00\x00\x04"
            if offered >= (1, 4, 0):
                body += b"\x0a" + bytes(range(16))
            connection.version = offered
            connection.send(struct.pack("<i", len(body)) + body)
            return True

    def _request(self, connection: Connection, message: bytes) -> None:
        code, request_id = struct.unpack_from("<hq", message)
        operation = CODES.get(code, str(code))
        with self._lock:
            self.requests[operation] += 1
            answer = connection.answer(request_id, *self._carry_out(operation, message[10:]))
            place = next((index for index, (name, _) in enumerate(self._rules) if name == operation), None)
            action = None if place is None else self._rules.pop(place)[1]
        if action is None:
            connection.send(answer)
        else:
            action(connection, answer)

    def _carry_out(self, operation: str, body: bytes) -> tuple[bytes] | tuple[bytes, int, str]:
        if operation == "names":
            return (struct.pack("<i", len(self.names)) + b"".join(map(string, self.names)),)
        if operation == "create":
            self.names.append(body[5:].decode())
            return (b"",)
        if operation not in ("get", "put", "get_all", "put_all", "size", "destroy"):
            return (b"", 2, f"Invalid request op code: {operation}")
        cache = self.caches.setdefault(struct.unpack_from("<i", body)[0], {})
        if operation == "destroy":
            cache.clear()
            return (b"",)
        if operation == "size":
            return (struct.pack("<q", len(cache)),)
        start, count = (9, struct.unpack_from("<i", body, 5)[0]) if operation.endswith("_all") else (5, 1)
        values = []
        for _ in range(count * (2 if operation.startswith("put") else 1)):
            end = _end_of(body, start)
            values.append(body[start:end])
            start = end
        if operation.startswith("put"):
            cache.update(zip(values[::2], values[1::2], strict=True))
            return (b"",)
        if operation == "get":
            return (cache.get(values[0], b"\x65"),)
        found = [key + cache[key] for key in values if key in cache]
        return (struct.pack("<i", len(found)) + b"".join(found),)
