"""A grid of faults: two faces, thirteen points of a connection's life, twelve faults at each.

Each cell asserts the same: a documented exception or the right result, within the deadline and a quarter of a second; the right word
about the effect (`sent`), which the node confirms; the next call right within two seconds of healing; and afterwards no descriptor, no
thread, no connection, no cursor and no transaction is left.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from pyignite_rs import exceptions
from pyignite_rs.datatypes import ByteArrayObject
from pyignite_rs.testing import (
    Action,
    FakeNode,
    black_hole,
    cut,
    deaf,
    dribble,
    half_close,
    hold,
    instead,
    repeat,
    silence,
    stray_first,
    then,
    wrong_id,
)

from ..conftest import Face
from ..support import tls
from ..support.leftovers import at_rest, left_over
from ..support.tls import Front

#: The limit of calls that come up against it, and of the others, which are over long before on an idle machine.
SHORT = 0.15
DEADLINE = 1.0
SLACK = 0.25
#: Longer than any call waits.
LONG = 0.4

GARBAGE = b"\xde\xad\xbe\xef" * 8
NEGATIVE = struct.pack("<i", -4) + b"x" * 28

FAULTS = [
    "close", "reset", "half close", "silence", "deaf", "black hole", "hold", "dribble", "garbage", "negative length", "wrong id", "repeat",
]  # fmt: skip


def at(length: int) -> dict[str, Action]:
    """The faults of a message, of which so many bytes are in order where that makes a difference."""
    return {
        "close": cut(length),
        "reset": cut(length, reset=True),
        "half close": half_close(length),
        "silence": silence(),
        "deaf": deaf(),
        "black hole": black_hole(),
        "hold": hold(LONG),
        "dribble": dribble(0.05),
        "garbage": instead(GARBAGE),
        "negative length": instead(NEGATIVE),
        "wrong id": wrong_id(),
        "repeat": repeat(),
    }


class Cell:
    """One client on one node, and what is known about its values."""

    def __init__(self, face: Face, node: FakeNode, deadline: float, **options: Any) -> None:
        self.face = face
        self.node = node
        self.options = {"timeout": deadline, "handshake_timeout": deadline, **options}
        self.address = node.address
        self.front: Front | None = None
        self.client: Any = None
        self.cache: Any = None

    async def connect(self) -> None:
        self.client = self.face.client(**self.options)
        # Whatever a client asks once is asked before anything goes wrong.
        await in_time(lambda: connecting(self))

    async def close(self) -> None:
        if self.client is not None:
            await self.face(self.client.close())


#: A call under a fault: what it gives, or raises.
Call = Callable[[Cell], Awaitable[Any]]


async def in_time(attempt: Callable[[], Awaitable[Any]]) -> Any:
    """What an attempt gives, made again until it succeeds: within two seconds."""
    begin = time.monotonic()
    while True:
        try:
            return await attempt()
        except (OSError, exceptions.ReconnectError, exceptions.ParseError) as still:
            assert time.monotonic() - begin < 2, repr(still)
            await asyncio.sleep(0.02)


async def connecting(cell: Cell) -> Any:
    if cell.client is None:
        cell.client = cell.face.client(**cell.options)
    await cell.face(cell.client.connect(*cell.address))
    cell.cache = await cell.face(cell.client.get_cache("c"))
    return await cell.face(cell.cache.get(1))


async def getting(cell: Cell) -> Any:
    return await cell.face(cell.cache.get(1))


async def getting_many(cell: Cell) -> Any:
    return (await cell.face(cell.cache.get_all([1])))[1]


async def putting(cell: Cell) -> Any:
    await cell.face(cell.cache.put(2, "two"))
    return "one"


async def putting_much(cell: Cell) -> Any:
    await cell.face(cell.cache.put(2, (bytes(1 << 18), ByteArrayObject)))
    return "one"


async def scanning(cell: Cell) -> Any:
    if cell.face.is_async:
        async with cell.cache.scan(page_size=2) as cursor:
            found = {key: value async for key, value in cursor}
    else:
        with cell.cache.scan(page_size=2) as cursor:
            found = dict(cursor)
    return found[1]


async def in_transaction(cell: Cell) -> Any:
    caches = cell.client
    cache = await cell.face(caches.get_cache("t"))
    if cell.face.is_async:
        async with cell.client.tx_start() as transaction:
            await cache.put(2, "two")
            await transaction.commit()
    else:
        with cell.client.tx_start() as transaction:
            cache.put(2, "two")
            transaction.commit()
    return "one"


#: What each fault of a call ends in: exceptions, and what they say of the effect. A read is repeated when its connection is lost.
LOST = {"close", "reset", "half close"}
SILENT = {"silence", "deaf", "black hole", "hold", "dribble", "wrong id"}
BROKEN = {"garbage", "negative length"}
#: Those that let a connect wait.
STALLS = SILENT | {"half close"}


def of_a_call(fault: str, read: bool) -> tuple[type[BaseException] | None, str | None]:
    if fault in LOST:
        return (None, None) if read else (exceptions.ConnectionLostError, "maybe")
    if fault in SILENT:
        return exceptions.OperationTimeoutError, "maybe"
    if fault in BROKEN:
        return exceptions.ParseError, "maybe"
    return None, None


def of_a_cursor(fault: str) -> tuple[type[BaseException] | None, str | None]:
    return (exceptions.CursorLostError, None) if fault in LOST else of_a_call(fault, False)


def of_a_transaction(fault: str) -> tuple[type[BaseException] | None, str | None]:
    return (exceptions.TransactionLostError, None) if fault in LOST else of_a_call(fault, False)


def of_connecting(fault: str) -> tuple[type[BaseException] | None, str | None]:
    return (None, None) if fault == "repeat" else (exceptions.NoNodesError, "no")


class Point:
    """Where a fault happens: how it is made there, which call meets it, and what that ends in."""

    def __init__(
        self,
        name: str,
        spoil: Callable[[Cell, str], Awaitable[None]],
        call: Call,
        expected: Callable[[str], tuple[type[BaseException] | None, str | None]],
        connects: bool = True,
        writes: tuple[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.spoil = spoil
        self.call = call
        self.expected = expected
        #: Whether the client is connected before.
        self.connects = connects
        #: The cache and the value that the call writes.
        self.writes = writes

    def __repr__(self) -> str:
        return self.name


def ruled(operation: str, length: int, on: Any = "answer") -> Callable[[Cell, str], Awaitable[None]]:
    """The fault of one message."""

    async def spoil(cell: Cell, fault: str) -> None:
        cell.node.rule(operation, at(length)[fault], on=on)

    return spoil


async def tcp(cell: Cell, fault: str) -> None:
    """What a port can do with a connect."""
    node = cell.node
    match fault:
        case "silence":
            node.hang()
        case "dribble":
            node.stop()
        case "hold":
            node.rule("handshake", hold(LONG), on="request")
        case "wrong id":
            node.say(b"HTTP/1.1 400 Bad Request\r\n\r\n", then_close=True)
        case "repeat":
            # Another client is served meanwhile.
            other = cell.face.client(**cell.options)
            await cell.face(other.connect(*node.address))
            await cell.face(other.close())
        case _:
            node.rule("connect", at(0)[fault])


async def hello(cell: Cell, fault: str) -> None:
    """What a server can do with a client's first message of TLS."""
    front = cell.front
    assert front is not None

    def reply(plain: socket.socket) -> None:
        plain.recv(1 << 16)
        match fault:
            case "reset":
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "half close":
                plain.shutdown(socket.SHUT_WR)
                plain.recv(1)
            case "silence" | "deaf" | "black hole" | "hold":
                plain.recv(1)
            case "dribble":
                for byte in b"\x16\x03\x03\x00\x7a" + bytes(20):
                    plain.sendall(bytes([byte]))
                    time.sleep(0.05)
            case "garbage":
                plain.sendall(GARBAGE)
            case "negative length":
                plain.sendall(b"\x16\x03\x03\xff\xff" + bytes(100))
            case "wrong id":
                plain.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

    if fault != "repeat":
        front.spoil = reply


async def idle(cell: Cell, fault: str) -> None:
    """What can happen to a connection while nobody calls."""
    node = cell.node
    after = {
        "half close": half_close(1 << 20),
        "garbage": then(GARBAGE),
        "negative length": then(NEGATIVE),
        "wrong id": stray_first(1, -1, 1 << 40),
        "repeat": repeat(),
    }
    if fault in after:
        node.rule("get", after[fault])
        assert await cell.face(cell.cache.get(1)) == "one"
    else:
        match fault:
            case "close":
                node.kick()
            case "reset":
                node.kick(reset=True)
            case "silence":
                node.mute()
                node.kick()
            case "deaf":
                node.hang()
            case "black hole":
                node.stop()
            case "hold" | "dribble":
                node.rule("handshake", at(0)[fault])
                node.kick()
    # Longer than a client trusts a connection without a look.
    await asyncio.sleep(0.11)


def of_idle(fault: str) -> tuple[type[BaseException] | None, str | None]:
    # Bytes that nobody can read end a connection when they are seen, and the call goes over another one.
    return (exceptions.NoNodesError, "no") if fault in ("silence", "deaf", "black hole", "hold", "dribble") else (None, None)


POINTS = [
    Point("TCP connect", tcp, connecting, of_connecting, connects=False),
    Point("TLS hello", hello, connecting, of_connecting, connects=False),
    Point("handshake request", ruled("handshake", 0, "request"), connecting, of_connecting, connects=False),
    Point("handshake answer", ruled("handshake", 5), connecting, of_connecting, connects=False),
    Point(
        "request", ruled("put", 0, "request"), putting_much, lambda fault: of_a_call(fault, False), writes=("c", bytes(1 << 18))
    ),
    Point("answer", ruled("put", 0), putting, lambda fault: of_a_call(fault, False), writes=("c", "two")),
    Point("length of the answer", ruled("get_all", 2), getting_many, lambda fault: of_a_call(fault, True)),
    Point("head of the answer", ruled("put", 9), putting, lambda fault: of_a_call(fault, False), writes=("c", "two")),
    Point("payload of the answer", ruled("get", 17), getting, lambda fault: of_a_call(fault, True)),
    Point("between pages", ruled("query_scan_cursor_get_page", 8), scanning, of_a_cursor),
    Point("in a transaction", ruled("put", 0), in_transaction, of_a_transaction, writes=("t", "two")),
    Point("commit", ruled("tx_end", 6), in_transaction, of_a_transaction, writes=("t", "two")),
    Point("idle", idle, putting, of_idle, writes=("c", "two")),
]


#: Points that are visited under TLS too.
UNDER_TLS = ("answer", "payload of the answer", "commit")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tls.Workshop(tmp_path_factory.mktemp("tls")).alone("server")


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode({"c": {1: "one"}}) as running:
        running.create_cache("t", transactional=True)
        running.put("t", 1, "one")
        yield running


@pytest.mark.goal("G7", "cells")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", POINTS, ids=repr)
async def test_a_fault(face: Face, node: FakeNode, certificate: str, point: Point, fault: str) -> None:
    await check(face, node, point, fault, Front(node.address, certificate) if point.name == "TLS hello" else None)


@pytest.mark.goal("G7", "cells under TLS")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", [point for point in POINTS if point.name in UNDER_TLS], ids=repr)
async def test_a_fault_under_tls(face: Face, node: FakeNode, certificate: str, point: Point, fault: str) -> None:
    await check(face, node, point, fault, Front(node.address, certificate))


async def check(face: Face, node: FakeNode, point: Point, fault: str, front: Front | None) -> None:
    """One cell; with a front under TLS."""
    options: dict[str, Any] = {"use_ssl": True} if front else {}
    expected, sent = point.expected(fault)
    is_late = expected is exceptions.OperationTimeoutError or (expected is exceptions.NoNodesError and fault in STALLS)
    deadline = SHORT if is_late else DEADLINE
    warm = Cell(face, node, DEADLINE)
    await warm.connect()
    await warm.close()
    await gone(node, before=None)
    before = left_over()

    cell = Cell(face, node, deadline, **options)
    if front:
        cell.address, cell.front = front.address, front
    if point.name == "between pages":
        for key in range(10, 16):
            node.put("c", key, key)
    if point.connects:
        await cell.connect()
    await point.spoil(cell, fault)

    begin = time.monotonic()
    result, error = None, None
    try:
        result = await point.call(cell)
    except Exception as raised:
        error = raised
    took = time.monotonic() - begin

    if expected is None:
        assert error is None, repr(error)
        assert result == "one"
    else:
        assert isinstance(error, expected), repr(error)
        assert isinstance(error, (exceptions.connection_errors, exceptions.ReconnectError, exceptions.ParseError)), repr(error)
        assert sent is None or error.sent == sent
    # A transaction and a cursor are several calls, the last of which closes what is open.
    calls = 2 if point.name in ("between pages", "in a transaction", "commit") else 1
    assert took <= deadline * calls + SLACK, took
    if point.writes is not None:
        name, value = point.writes
        stored = node.entries(name).get(2)
        if error is None:
            assert stored == value
        elif error.sent == "no":
            assert stored is None
        else:
            assert stored in (None, value)

    node.forget_rules()
    node.welcome()
    node.release()
    if front:
        front.spoil = None
    if fault == "black hole":
        node.kick()
    node.start()

    async def again() -> None:
        if cell.cache is None:
            await connecting(cell)
        assert await cell.face(cell.cache.get(1)) == "one"
        await cell.face(cell.cache.put(3, "three"))

    await in_time(again)
    assert node.entries("c")[3] == "three"
    await cell.close()
    if front:
        front.close()
    await gone(node, before)
    assert node.open_cursors == 0 and node.open_transactions == 0


async def gone(node: FakeNode, before: tuple[set[str], int] | None, patience: float = 2.0) -> None:
    """Wait until nothing of a client is left."""
    end = time.monotonic() + patience
    while True:
        descriptors, threads = left_over()
        # A node that listens again has another descriptor, and no more of them.
        kept = before is not None and (len(descriptors) > len(before[0]) or threads > before[1])
        if node.open == 0 and not kept:
            return
        if time.monotonic() > end:
            left = (descriptors - before[0], threads - before[1]) if before else None
            raise AssertionError(f"{node.open} connections, {left} left")
        await asyncio.sleep(0.005)


def test_the_grid_is_whole() -> None:
    assert len({point.name for point in POINTS}) == 13 and len(set(FAULTS)) == 12
    assert set(at(0)) == set(FAULTS)


async def test_what_is_left_over_is_found(face: Face, node: FakeNode) -> None:
    warm = await face.connected(*node.address)
    await face(warm.close())
    await gone(node, None)
    before = await at_rest()
    with socket.socket(), pytest.raises(AssertionError, match="left"):
        await gone(node, before, 0.05)
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    with pytest.raises(AssertionError, match="left"):
        await gone(node, before, 0.05)
    ended.set()
    thread.join()
    client = await face.connected(*node.address)
    with pytest.raises(AssertionError, match="1 connections"):
        await gone(node, None, 0.05)
    await face(client.close())
