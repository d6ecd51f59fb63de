"""Bytes that no honest server sends, through the built extension: each ends in a value or in a documented exception, soon and without
much memory, and the next call is right."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pyignite_rs import _core, exceptions
from pyignite_rs.exceptions import ParseError

from ..conftest import Face, Reached, Size
from ..support.answers import ROOT, recorded
from ..support.recorded_node import GREETING, RecordedNode, framed

#: What a call may raise: the exceptions that the documentation names, nothing else.
DOCUMENTED: tuple[type[Exception], ...] = tuple(
    each
    for each in vars(exceptions).values()
    if isinstance(each, type) and issubclass(each, Exception) and each.__module__ == exceptions.__name__
)

#: Most that memory may grow by, in bytes.
MEMORY = 64 << 20

#: Seconds that a call of these clients may take, and what it may take longer.
LIMIT, SLACK = 0.5, 0.5

CACHE = "recorded-7"


def memory() -> int:
    """Bytes that this process has in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Peak:
    """Most that this process had in memory since this was made."""

    def __init__(self) -> None:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self.before = memory()

    def growth(self) -> int:
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 - self.before


def header(payload: bytes) -> bytes:
    """A good answer with this payload, as a frame; its request id comes later."""
    return framed(bytes(10) + payload)


# --- what asks for each answer ---------------------------------------------------------------------------------------------------


async def rows(face: Face, cursor: Any) -> list[Any]:
    """All rows of a query."""
    if face.is_async:
        async with cursor:
            return [row async for row in cursor]
    with cursor:
        return list(cursor)


async def transaction(face: Face, client: Any, commit: bool) -> None:
    if face.is_async:
        async with client.tx_start() as open_transaction:
            await client.get_cache_names()
            if commit:
                await open_transaction.commit()
    else:
        with client.tx_start() as open_transaction:
            client.get_cache_names()
            if commit:
                open_transaction.commit()


async def settings(face: Face, client: Any) -> Any:
    cache = client.get_cache(CACHE) if not face.is_async else await client.get_cache(CACHE)
    return await cache.settings() if face.is_async else cache.settings


class Asked(NamedTuple):
    """A way to get one answer."""

    code: int
    operation: str
    #: face, client, cache -> the call
    call: Callable[[Face, Any, Any], Any]
    #: A client remembers the answer, so each call needs a client of its own.
    once: bool = False


ASKED = [
    Asked(1000, "OP_CACHE_GET", lambda face, client, cache: face(cache.get(1))),
    Asked(1001, "OP_CACHE_PUT", lambda face, client, cache: face(cache.put(1, "one"))),
    Asked(1003, "OP_CACHE_GET_ALL", lambda face, client, cache: face(cache.get_all([1, 2, 3]))),
    Asked(1005, "OP_CACHE_GET_AND_PUT", lambda face, client, cache: face(cache.get_and_put(2, "two again"))),
    Asked(1012, "OP_CACHE_CONTAINS_KEYS", lambda face, client, cache: face(cache.contains_keys([1, 2]))),
    Asked(1016, "OP_CACHE_REMOVE_KEY", lambda face, client, cache: face(cache.remove_key(2))),
    Asked(1020, "OP_CACHE_GET_SIZE", lambda face, client, cache: face(cache.get_size())),
    Asked(1050, "OP_CACHE_GET_NAMES", lambda face, client, cache: face(client.get_cache_names())),
    Asked(1055, "OP_CACHE_GET_CONFIGURATION", lambda face, client, cache: settings(face, client)),
    Asked(2000, "OP_QUERY_SCAN", lambda face, client, cache: rows(face, cache.scan())),
    Asked(2001, "OP_QUERY_SCAN_CURSOR_GET_PAGE", lambda face, client, cache: rows(face, cache.scan())),
    Asked(2002, "OP_QUERY_SQL", lambda face, client, cache: rows(face, cache.select_row("id > 0"))),
    Asked(2003, "OP_QUERY_SQL_CURSOR_GET_PAGE", lambda face, client, cache: rows(face, cache.select_row("id > 0"))),
    Asked(2004, "OP_QUERY_SQL_FIELDS", lambda face, client, cache: rows(face, client.sql("SELECT 1", include_field_names=True))),
    Asked(2005, "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE", lambda face, client, cache: rows(face, client.sql("SELECT 1"))),
    Asked(3002, "OP_GET_BINARY_TYPE", lambda face, client, cache: face(client.get_binary_type("Person")), once=True),
    Asked(4000, "OP_TX_START", lambda face, client, cache: transaction(face, client, True)),
    Asked(4001, "OP_TX_END", lambda face, client, cache: transaction(face, client, False)),
    Asked(5000, "OP_CLUSTER_GET_STATE", lambda face, client, cache: face(client.get_cluster().get_state())),
    # The first call with a key asks for the map, and works without it.
    Asked(1101, "OP_CACHE_PARTITIONS", lambda face, client, cache: face(cache.get(1)), once=True),
    Asked(GREETING, "HANDSHAKE", lambda face, client, cache: face(cache.get(1)), once=True),
]
BY_OPERATION = {asked.operation: asked for asked in ASKED}

#: Only the synchronous face has these, as in pyignite.
_SELECTS = (2002, 2003)


def asked_on(face: Face) -> list[Asked]:
    return [asked for asked in ASKED if not face.is_async or asked.code not in _SELECTS]


class Client:
    """A client of a recorded node, and a cache; a new one when the old one is of no more use."""

    def __init__(self, face: Face, node: RecordedNode) -> None:
        self.face, self.node = face, node
        self.client: Any = None
        self.cache: Any = None

    async def connect(self) -> None:
        self.client = await self.face.connected(*self.node.address, timeout=LIMIT)
        self.cache = await self.face(self.client.get_cache(CACHE))

    async def close(self) -> None:
        if self.client is not None:
            await self.face(self.client.close())
        self.client = None

    async def ask(self, asked: Asked, frame: bytes, *, close: bool, keep_id: bool = False) -> BaseException | None:
        """Ask, and get this frame for an answer: what was raised, if it is documented. It must come soon."""
        if asked.once or self.client is None:
            await self.close()
            if asked.code != GREETING:
                await self.connect()
        self.node.arm(asked.code, frame, close=close, keep_id=keep_id)
        begin, raised = time.monotonic(), None
        try:
            if self.client is None:
                await self.connect()
            await asked.call(self.face, self.client, self.cache)
        except DOCUMENTED as error:
            raised = error
        took = time.monotonic() - begin
        # A call may be made of several requests, but none waits longer than the whole may.
        assert took <= 4 * LIMIT + SLACK, f"{asked.operation}: {took:.2f} s for {frame.hex()}"
        self.node.disarm()
        if self.client is None:
            await self.connect()
        value = await self.face(self.cache.get(1))
        assert value == "one", f"{value!r} after {asked.operation} was answered with {frame.hex()}"
        return raised


# --- G5: mutated answers ---------------------------------------------------------------------------------------------------------

NUMBERS = [-1, 0, 1, 2, 255, 256, 1 << 16, 1 << 24, 2**31 - 2, 2**31 - 1, -(2**31)]


def mutated(message: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One to four changes behind the request id."""
    changed = bytearray(message)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        start = 8 if len(changed) > 8 else 0
        at = chance.randrange(start, max(len(changed), start + 1))
        match chance.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 2:
                changed.insert(at, chance.randrange(256))
            case 3:
                del changed[at : at + chance.randint(1, 4)]
            case 4 if chance.random() < 0.3:
                del changed[at:]
            case 5:
                changed[at : at + 4] = struct.pack("<i", chance.choice(NUMBERS))
            case _:
                other = chance.choice(others)
                first = chance.randrange(len(other))
                changed[at:at] = other[first : first + chance.randint(1, 40)]
    return bytes(changed)


class Mutation(NamedTuple):
    asked: Asked
    frame: bytes
    close: bool
    keep_id: bool


def mutation(number: int, asked: list[Asked]) -> Mutation:
    """The mutated frame of this number, always the same."""
    chance = random.Random(number)
    # A client of its own for each call is dear, so those get less of the whole.
    one = chance.choices(asked, [1 if each.once else 2 for each in asked])[0]
    messages = [answer.message for answer in recorded() if answer.operation == one.operation and answer.minor == 7]
    frame = framed(mutated(chance.choice(messages), messages, chance))
    # After these the client would wait for more, so the server hangs up.
    wild = chance.random() < 0.05
    if wild:
        length = chance.choice([*NUMBERS, len(frame) - 4 + chance.randint(-8, 8)])
        frame = struct.pack("<i", length) + (frame[4:12] if chance.random() < 0.5 else chance.randbytes(8)) + frame[12:]
    is_notification = len(frame) > 12 and frame[12] & 4 != 0
    close = wild or is_notification or len(frame) < 14 or one.code == GREETING
    # Now and then it stays silent instead, and the time limit has to end the call.
    is_silent = number % 100 == 0 and is_notification and not wild
    return Mutation(one, frame, close and not is_silent, wild)


@pytest.mark.slow
async def test_mutated_answers(face: Face, size: Size, reached: Reached) -> None:
    frames = size(10_000, 100_000) // 2
    outcomes: Counter[str] = Counter()
    with RecordedNode() as node:
        client = Client(face, node)
        # Both faces get other frames.
        first = 1 + (frames if face.is_async else 0)
        peak = None
        for number in range(first, first + frames):
            asked, frame, close, keep_id = mutation(number, asked_on(face))
            raised = await client.ask(asked, frame, close=close, keep_id=keep_id)
            outcomes[type(raised).__name__ if raised else "values"] += 1
            if peak is None and number == first + frames // 20:
                peak = Peak()
        await client.close()
        assert peak is not None
        growth = peak.growth()
        assert growth <= MEMORY, f"{growth >> 20} MiB"
    # Some get through as they are, and not all of them: a test in which nothing is changed, or everything is refused, shows nothing.
    assert outcomes["values"] > frames // 20 and outcomes["ParseError"] > frames // 10, outcomes
    told = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common())
    reached(
        "G5",
        f"mutated answers, {face} face",
        f"{frames:,}, the next call always right, memory grew by {growth >> 20} MiB ({told})",
    )


async def test_a_length_that_promises_more_than_comes(face: Face) -> None:
    """A call ends by its limit, and what it waited for does not hold up others for ever."""
    with RecordedNode() as node:
        client = Client(face, node)
        await client.connect()
        for length in (40, 1 << 30):
            node.arm(1050, struct.pack("<i", length) + bytes(20))
            with pytest.raises(exceptions.OperationTimeoutError):
                await face(client.client.get_cache_names())
            if face.is_async:
                # A shared connection is given up when more answers are overdue than a healthy one would owe.
                overdue = await asyncio.gather(*(client.cache.get(1) for _ in range(70)), return_exceptions=True)
                assert all(isinstance(each, (exceptions.OperationTimeoutError, str)) for each in overdue)
                await asyncio.sleep(1.1)
                with contextlib.suppress(exceptions.OperationTimeoutError):
                    await client.cache.get(1)
            for _ in range(10):
                assert await face(client.cache.get(1)) == "one"
        await client.close()


async def test_a_question_on_the_side_has_no_time_of_its_own(face: Face) -> None:
    """The first call with a key asks for maps first: when these answers do not come, it ends by its own limit all the same."""
    with RecordedNode() as node:
        for code in (1101, 5102):
            client = Client(face, node)
            await client.connect()
            node.arm(code, struct.pack("<i", 1 << 20))
            begin = time.monotonic()
            with pytest.raises(exceptions.OperationTimeoutError) as raised:
                await face(client.cache.put(1, "one"))
            assert time.monotonic() - begin <= LIMIT + SLACK
            assert raised.value.sent == "no" or not face.is_async
            await client.close()
