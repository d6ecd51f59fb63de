"""Every way to keep a call waiting, against every limit: it ends by its limit and a quarter of a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyignite_rs import testing as fake
from pyignite_rs.datatypes import ByteArrayObject
from pyignite_rs.exceptions import NoNodesError, OperationTimeoutError
from pyignite_rs.testing import FakeNode

from ..conftest import Face

SLACK = 0.25

#: Longer than any limit here.
LONG = 5.0

LIMITS = [0.2, 1.0, 3.0]


class Stalled:
    """A client, its cache and its node, and what has to be ended afterwards."""

    def __init__(self, face: Face, node: FakeNode, stack: contextlib.ExitStack) -> None:
        self.face = face
        self.node = node
        self.stack = stack
        self.client: Any = None
        self.cache: Any = None

    async def connect(self, **options: Any) -> None:
        self.client = await self.face.connected(*self.node.address, **options)
        self.cache = await self.face(self.client.get_cache("c"))

    def get(self, limit: float) -> Any:
        return self.face(self.cache.get(1, timeout=limit))


Stall = Callable[[Stalled, float], Awaitable[Any]]


def ruled(action: fake.Action, on: Any = "answer") -> Stall:
    """What a rule does to a read, again and again if it is repeated."""

    async def stall(at: Stalled, limit: float) -> Any:
        at.node.rule("get", action, times=100, on=on)
        await at.get(limit)

    return stall


async def deaf(at: Stalled, limit: float) -> Any:
    """The request does not even fit into what the system takes."""
    at.node.rule("put", fake.deaf(), times=100, on="request")
    value = bytes(30 << 20)
    await at.face(at.cache.put(1, (value, ByteArrayObject), timeout=limit))
    await at.face(at.cache.put(1, (value, ByteArrayObject), timeout=limit))


async def pages(at: Stalled, limit: float) -> Any:
    at.node.rule("query_scan_cursor_get_page", fake.silence(), times=100)
    with at.client.deadline(limit):
        if at.face.is_async:
            async with at.cache.scan(page_size=1) as cursor:
                async for _ in cursor:
                    pass
        else:
            with at.cache.scan(page_size=1) as cursor:
                list(cursor)


async def reconnect(at: Stalled, limit: float) -> Any:
    """The connection is lost, and the handshake of the next one has no answer."""
    at.node.mute()
    at.node.kick()
    await asyncio.sleep(0.15)
    await at.get(limit)


async def unreachable(at: Stalled, limit: float) -> Any:
    """The connection is lost, and packets to the port are dropped."""
    at.node.hang()
    await asyncio.sleep(0.15)
    await at.get(limit)


async def repeated(at: Stalled, limit: float) -> Any:
    """The connection breaks after half of the time, and the second request has no answer either: both are one call."""
    at.node.rule("get", fake.silence(), times=100)
    threading.Timer(limit / 2, at.node.kick).start()
    await at.get(limit)


async def connecting(at: Stalled, limit: float) -> Any:
    """Nobody accepts, and the port's queue is full."""
    listener = at.stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(3):
        filler = at.stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    other = at.face.client(timeout=limit)
    await at.face(other.connect(*listener.getsockname()))


async def crowded(at: Stalled, limit: float) -> Any:
    """All that may be on the way is on the way: a thread waits for a connection, a task for room on it."""
    await at.face(at.client.close())
    await at.connect(max_connections_per_node=1)
    if at.face.is_async:
        at.node.rule("put", fake.deaf(), times=100, on="request")
        tasks = [asyncio.ensure_future(at.cache.put(key, (bytes(8 << 20), ByteArrayObject), timeout=LONG)) for key in range(6)]
        at.stack.callback(lambda: [task.cancel() for task in tasks])
    else:
        at.node.rule("put", fake.silence(), times=100)
        thread = threading.Thread(target=waits, args=(at.cache,), daemon=True)
        thread.start()
    await asyncio.sleep(0.1)
    await at.get(limit)


def waits(cache: Any) -> None:
    with contextlib.suppress(OSError):
        cache.put(1, 1, timeout=LONG)


STALLS: dict[str, Stall] = {
    "no answer": ruled(fake.silence()),
    "a late answer": ruled(fake.hold(LONG)),
    "byte by byte": ruled(fake.dribble(0.15)),
    "ten bytes a second": ruled(fake.throttle(2)),
    "the request is lost": ruled(fake.silence(), on="request"),
    "a black hole": ruled(fake.black_hole()),
    "nobody reads": deaf,
    "between pages": pages,
    "a handshake without an answer": reconnect,
    "a port out of reach": unreachable,
    "a read that is repeated": repeated,
    "the first connect": connecting,
    "no room": crowded,
}


@pytest.mark.goal("G17", f"{len(STALLS)} kinds of stall x limits x 2 faces, all within limit + 0.25 s")
@pytest.mark.parametrize("limit", [pytest.param(each, marks=pytest.mark.full if each > 1 else ()) for each in LIMITS])
@pytest.mark.parametrize("stall", STALLS)
async def test_a_call_ends_at_its_limit(face: Face, stall: str, limit: float) -> None:
    entries = {key: "x" * 200 for key in range(10)}
    with FakeNode({"c": entries}) as node, contextlib.ExitStack() as stack:
        at = Stalled(face, node, stack)
        await at.connect()
        assert await at.get(5) == entries[1]
        begin = time.monotonic()
        with pytest.raises((OperationTimeoutError, NoNodesError)) as raised:
            await STALLS[stall](at, limit)
        took = time.monotonic() - begin
        # What some do beforehand is not part of the call.
        before = {"a handshake without an answer": 0.15, "a port out of reach": 0.15, "no room": 0.2, "nobody reads": 0.3}.get(
            stall, 0.0
        )
        assert limit * 0.9 <= took <= limit + before + SLACK, (took, raised.value)
        node.forget_rules()
        node.release()
        node.welcome()
        stack.close()
        await face(at.client.close())
