"""A server, in a process of its own, that answers as a real node was recorded to, and on demand once with other bytes.

    with RecordedNode() as node:
        client.connect(*node.address)
        node.arm(1000, frame)       # the next answer to OP_CACHE_GET

It knows no state: whatever is asked, the answer is the recorded one of the operation. So the next answer after any nonsense is right.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from types import TracebackType

from .answers import Answer, recorded
from .fixtures import ROOT

#: Code of the answer to a handshake, which is no operation.
GREETING = -1

#: armed, code of the operation, length of the frame, whether the connection ends after it, whether its request id stays as it is
_PLAN = struct.Struct("<5i")
_ROOM = 4 << 20

#: Answers that all clients are given, where an operation has several; the first one without a refusal otherwise.
_CHOSEN = {
    "OP_CACHE_GET": "a string",
    "OP_CACHE_GET_CONFIGURATION": "with a query entity",
    "OP_CACHE_PARTITIONS": "1,024 partitions",
    "OP_QUERY_SQL_FIELDS": "names and rows",
    "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE": "the last",
}

#: Pages that would go on for ever when each answer is the same.
_PAGES = ("OP_QUERY_SCAN_CURSOR_GET_PAGE", "OP_QUERY_SQL_CURSOR_GET_PAGE")


def framed(message: bytes) -> bytes:
    """A message with its length in front."""
    return struct.pack("<i", len(message)) + message


def right_answers() -> dict[int, Answer]:
    """What is answered to each operation, by its code, as a node of 1.7 did."""
    chosen: dict[int, Answer] = {}
    for answer in recorded():
        wanted = answer.name == _CHOSEN[answer.operation] if answer.operation in _CHOSEN else answer.code not in chosen
        if answer.minor == 7 and not answer.is_handshake and wanted and answer.message[8] & 1 == 0:
            chosen[answer.code] = answer
    return chosen


def _bytes_of(answer: Answer) -> bytes:
    message = answer.message
    if message[8] & 2:
        # The topology has not changed since.
        message = message[:8] + b"\x00\x00" + message[22:]
    if answer.operation in _PAGES:
        message = message[:-1] + b"\x00"
    return framed(message)


class _Server:
    """What runs in the other process."""

    def __init__(self, plan: mmap.mmap) -> None:
        self.plan = plan
        self.right = {code: _bytes_of(answer) for code, answer in right_answers().items()}
        # Types are asked for by their ids.
        types = [answer for answer in recorded() if answer.operation == "OP_GET_BINARY_TYPE" and answer.minor == 7]
        self.types = {answer.request: _bytes_of(answer) for answer in types}
        self.greeting = framed(next(answer.message for answer in recorded() if answer.is_handshake and answer.minor == 7))

    def answer(self, code: int, request: bytes) -> tuple[bytes, bool]:
        """The frame that is sent, and whether the connection ends then."""
        armed, wanted, length, close, keep_id = _PLAN.unpack_from(self.plan)
        if armed and wanted == code:
            frame = self.plan[_PLAN.size : _PLAN.size + length]
            self.plan[:4] = bytes(4)
        else:
            frame = self.greeting if code == GREETING else self.types.get(request[10:], self.right[code])
            close, keep_id = 0, 0
        if code != GREETING and not keep_id and len(frame) >= 12:
            frame = frame[:4] + request[2:10] + frame[12:]
        return frame, bool(close)

    def serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError), sock.makefile("rb") as stream:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_greeted = False
            while len(head := stream.read(4)) == 4:
                request = stream.read(struct.unpack("<i", head)[0])
                code = struct.unpack_from("<h", request)[0] if is_greeted else GREETING
                frame, close = self.answer(code, request)
                is_greeted = True
                sock.sendall(frame)
                if close:
                    # All of it is read before the end is seen.
                    sock.shutdown(socket.SHUT_WR)
                    return

    def run(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            print(listener.getsockname()[1], flush=True)
            threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()


class Plan:
    """What the server is told, from any process: a file that it has in memory too."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._plan = mmap.mmap(file.fileno(), 0)

    def arm(self, code: int, frame: bytes, *, close: bool = False, keep_id: bool = False) -> None:
        """Send these bytes in answer to the next request of an operation; its request id goes into them."""
        self._plan[_PLAN.size : _PLAN.size + len(frame)] = frame
        _PLAN.pack_into(self._plan, 0, 0, code, len(frame), close, keep_id)
        self._plan[:4] = struct.pack("<i", 1)

    def disarm(self) -> bool:
        """Whether the bytes were still to be sent; they are not any more."""
        was_armed = self._plan[:4] != bytes(4)
        self._plan[:4] = bytes(4)
        return was_armed


class RecordedNode(Plan):
    """The server, from outside."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="recorded-node-")
        self._file.truncate(_PLAN.size + _ROOM)
        super().__init__(self._file.name)
        command = [sys.executable, "-m", "tests.support.recorded_node", self.plan]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.address = ("127.0.0.1", int(self._process.stdout.readline()))

    @property
    def plan(self) -> str:
        """Its file, for a `Plan` in another process."""
        return self._file.name

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._plan.close()
        self._file.close()

    def __enter__(self) -> RecordedNode:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def main() -> None:
    with open(sys.argv[1], "r+b") as file:
        _Server(mmap.mmap(file.fileno(), 0)).run()


if __name__ == "__main__":
    main()
