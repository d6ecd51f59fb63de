"""Bytes that no honest server sends, through the built extension: each ends in a value or in a documented exception, soon and without
much memory, and the next call is right."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import resource
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as settings_of
from hypothesis import strategies as some

from pyignite_rs import GenericObjectMeta, _core, datatypes, exceptions
from pyignite_rs.datatypes import CollectionObject
from pyignite_rs.exceptions import ParseError

from ..conftest import Face, Reached, Size
from ..support.answers import recorded
from ..support.fixtures import ROOT
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
    Asked(
        2005,
        "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE",
        lambda face, client, cache: rows(face, client.sql("SELECT 1", include_field_names=True)),
    ),
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
        if close and self.face.is_async:
            # What comes behind the answer breaks the connection; whoever is on it then can not be told from its owner.
            await asyncio.sleep(0.002)
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


def pyignite_counts(node: RecordedNode, frames: int, seconds: float) -> Counter[str]:
    """What becomes of pyignite under the same mutations; when it does not come back, the next process goes on behind that frame."""
    counts: Counter[str] = Counter()
    first, last, end = 1, frames + 1, time.monotonic() + seconds
    while first < last and time.monotonic() < end:
        command = [sys.executable, "-m", "tests.support.pyignite_under_fire", node.address[0], str(node.address[1]), node.plan]
        process = subprocess.Popen(
            [*command, str(first), str(last)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        told: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=lambda lines, told: [*map(told.put, lines), told.put("")], args=(process.stdout, told))
        reader.start()
        try:
            while time.monotonic() < end and (line := told.get(timeout=5)):
                first = int(line.split()[0]) + 1
                if line.split()[1] != "begin":
                    _, outcome, after, took = line.split()
                    counts["frames"] += 1
                    counts[outcome.split(":")[0]] += 1
                    counts[f"next call {after}"] += 1
                    counts["late"] += float(took) > LIMIT + SLACK
            counts["process died"] += process.wait(5) != 0 if time.monotonic() < end else 0
        except queue.Empty:
            counts["never came back"] += 1
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()
        node.disarm()
    return counts


@pytest.mark.full
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pyignite 0.6.1 has no wheels here")
def test_mutated_answers_against_pyignite(reached: Reached) -> None:
    with RecordedNode() as node:
        counts = pyignite_counts(node, 2_000, seconds=90)
    # What it does is its own affair; that it was asked is ours.
    assert counts["frames"] >= 20
    names = ["undocumented", "late", "never came back", "process died", "next call wrong", "next call failed"]
    told = ", ".join(f"{counts[name]:,} {name}" for name in names)
    reached("G5", "the same for pyignite 0.6.1, synchronous", f"{counts['frames']:,} frames: {told}")


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


# --- G2: wrong lengths and counts ------------------------------------------------------------------------------------------------

#: Nulls behind an answer, so that larger counts find something too.
PADDING = 256 << 10


class Field(NamedTuple):
    """A line of lengths.tsv: a place in an answer where a number stands."""

    read_by: str
    name: str
    before: bytes
    right: int
    after: bytes

    def answer(self, number: int, padding: int = 0) -> bytes:
        return self.before + struct.pack("<i", number) + self.after + b"\x65" * padding

    def numbers(self) -> list[int]:
        far = [-1, -(2**31), 1 - 2**31, 2**31 - 1, 2**31 - 4, 1 << 30, 1 << 24, 1 << 16]
        return [*far, self.right - 1, self.right + 1, len(self.after) + 1, len(self.after) + PADDING]


def fields() -> list[Field]:
    lines = (ROOT / "rust" / "tests" / "lengths.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [
        Field(read_by, name, bytes.fromhex(before), struct.unpack("<i", bytes.fromhex(right))[0], bytes.fromhex(after))
        for read_by, name, before, right, after in rows
    ]


def asked_for(field: Field, number: int, padding: int) -> tuple[Asked, bytes]:
    """Who asks for such an answer, and the frame."""
    body = field.answer(number, padding)
    match field.read_by:
        case "VALUE":
            return BY_OPERATION["OP_CACHE_GET"], header(body)
        case "FRAME":
            return BY_OPERATION["OP_CACHE_GET"], body
        case "HEADER":
            return BY_OPERATION["OP_CACHE_GET"], framed(body)
        case "HANDSHAKE":
            return BY_OPERATION["HANDSHAKE"], framed(body)
        case "OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS":
            return BY_OPERATION["OP_CACHE_PARTITIONS"]._replace(code=5102), header(body)
        case operation:
            return BY_OPERATION[operation], header(body)


async def test_wrong_lengths_and_counts_cost_nothing(face: Face, reached: Reached) -> None:
    outcomes: Counter[str] = Counter()
    slowest, dearest = 0.0, 0
    with RecordedNode() as node:
        client = Client(face, node)
        await client.connect()
        for field in fields():
            if field.name == "length of a host":
                # Only read in Rust: a host of another name is one that a client would look for.
                continue
            for number in field.numbers():
                for padding in (0, PADDING):
                    asked, frame = asked_for(field, number, padding)
                    peak, begin = Peak(), time.monotonic()
                    # What is longer or shorter than it says ends with the connection.
                    close = field.read_by in ("FRAME", "HANDSHAKE", "HEADER")
                    raised = await client.ask(asked, frame, close=close)
                    took, growth = time.monotonic() - begin, peak.growth()
                    what = f"{field.name} of {field.read_by}: {number}"
                    # The same again when something else took the time.
                    if took > 1:
                        begin = time.monotonic()
                        await client.ask(asked, frame, close=close)
                        took = time.monotonic() - begin
                    assert took <= 1 and growth <= MEMORY, f"{what}: {took:.2f} s, {growth >> 20} MiB"
                    slowest, dearest = max(slowest, took), max(dearest, growth)
                    outcomes[type(raised).__name__ if raised else "values"] += 1
        await client.close()
    assert outcomes.total() >= 300 and outcomes["ParseError"] > outcomes.total() // 2, outcomes
    figure = f"{outcomes.total():,}, the slowest {slowest:.2f} s, memory grew by {dearest >> 20} MiB at most"
    reached("G2", f"wrong lengths and counts through the extension, {face} face", figure)


async def test_right_lengths_and_counts_are_read(face: Face) -> None:
    """The answers that the test before spoils are good ones."""
    with RecordedNode() as node:
        client = Client(face, node)
        await client.connect()
        for field in fields():
            asked, frame = asked_for(field, field.right, 0)
            raised = await client.ask(asked, frame, close=False)
            # Refusals, and two values that Python has nothing for.
            refused = ("HEADER", "HANDSHAKE")
            allowed = field.read_by in refused or "only Java reads" in field.name or "Unsupported" in repr(raised)
            assert raised is None or allowed, f"{field.name} of {field.read_by}: {raised!r}"
        await client.close()


# --- G3: depth and handles -------------------------------------------------------------------------------------------------------


class Nesting(NamedTuple):
    """What stands before and after each level; how many levels are read; and what stands around all of them."""

    before: bytes
    after: bytes = b""
    limit: int = 256
    around: tuple[bytes, bytes] = (b"", b"")


_MAP = bytes.fromhex("190100000001")

#: Collections, arrays, values of maps; then keys of maps, and collections that are one key. Python has to hash these.
NESTINGS = [
    Nesting(bytes.fromhex("180100000001")),
    Nesting(bytes.fromhex("17ffffffff01000000")),
    Nesting(_MAP + b"\x65"),
    Nesting(bytes.fromhex("1803000000016565")),
    Nesting(_MAP, b"\x65", limit=64),
    Nesting(bytes.fromhex("180100000001"), limit=96, around=(_MAP, b"\x65")),
]

#: Forty steps from 1 to a million, each by the same factor; the limit and its neighbours among them.
DEPTHS = sorted({round(10 ** (6 * step / 36)) for step in range(37)} | {4, 255, 256, 257})

#: threading.stack_size takes no less than 32 KiB; CPython itself needs most of that to start a thread's function.
STACKS = [8 << 20, 512 << 10, 128 << 10]


def on_a_stack_of(size: int, work: Callable[[], None]) -> None:
    """Run it on a thread with such a stack; one that overflows ends the process. So does a thread get the larger stack of an earlier one:
    only in a fresh process it is as small as it should be."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    before = threading.stack_size(size)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]


def nest() -> int:
    """Read values of each depth; how many there were."""
    cases = 0
    for depth in DEPTHS:
        for nesting in NESTINGS:
            data = nesting.before * depth + b"\x65" + nesting.after * depth
            data = nesting.around[0] + data + nesting.around[1]
            if depth <= nesting.limit:
                value = _core.decode(data)
                del value
            else:
                with pytest.raises(ParseError, match="nested"):
                    _core.decode(data)
            cases += 1
    return cases


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: f"{stack >> 10} KiB")
def test_nesting_of_any_depth(stack: int, reached: Reached) -> None:
    assert len(DEPTHS) >= 40 and DEPTHS[0] == 1 and DEPTHS[-1] == 1_000_000
    program = f"from {__name__} import nest, on_a_stack_of; on_a_stack_of({stack}, lambda: print(nest()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) == len(DEPTHS) * len(NESTINGS)
    reached("G3", "depths from 1 to 1,000,000 through the extension", f"{int(done.stdout)} cases on a stack of {stack >> 10} KiB")


class Graph(metaclass=GenericObjectMeta, schema={"items": CollectionObject}):
    """An object whose one field is a list."""


def object_of(field: bytes) -> bytes:
    """A Graph with this field: compact footer, offsets of four bytes."""
    ids = struct.pack("<ii", _core.entity_id("Graph"), 0)
    length = 24 + len(field) + 4
    middle = struct.pack("<iii", length, _core.schema_id(["items"]), length - 4)
    return b"\x67\x01\x23\x00" + ids + middle + field + struct.pack("<i", 24)


def graph(number: int) -> bytes:
    """A list of numbers, of lists that hold a handle, and of handles. Every other one is honest: its handles go to lists that are whole
    by then. Those of the rest lead to the list itself, into its middle, forward, or out of the object."""
    chance, is_honest = random.Random(number), number % 2 == 0
    count = chance.randint(1, 40)
    body = b"\x18" + struct.pack("<ib", count, 1)
    places = [] if is_honest else [24]
    for _ in range(count):
        here = 24 + len(body)
        match chance.randrange(3 if is_honest else 4):
            case 1 if places:
                body += bytes.fromhex("180100000001") + b"\x66" + struct.pack("<i", here + 6 - chance.choice(places))
                places.append(here)
            case 2 if places:
                body += b"\x66" + struct.pack("<i", here - chance.choice(places))
            case 3:
                body += b"\x66" + struct.pack("<i", chance.randint(-here, here))
            case _:
                places.append(here)
                body += bytes.fromhex("180100000001") + b"\x03\x07\x00\x00\x00"
    return object_of(body)


def circle(around: int) -> bytes:
    """A list that holds itself through so many others."""
    return object_of(bytes.fromhex("180100000001") * around + b"\x66" + struct.pack("<i", 6 * around))


def test_handles_may_lead_anywhere(size: Size, reached: Reached) -> None:
    outcomes: Counter[str] = Counter()
    with RecordedNode() as node:
        client = Face("sync").client()
        client.connect(*node.address)
        client.register_binary_type(Graph)
        peak = Peak()

        def read() -> None:
            for number in range(size(1_000, 20_000)):
                try:
                    assert isinstance(_core.decode(graph(number), client), Graph)
                    outcomes["values"] += 1
                except ParseError:
                    outcomes["ParseError"] += 1
            for around in range(1, 101):
                begin = time.monotonic()
                with pytest.raises(ParseError):
                    _core.decode(circle(around), client)
                assert time.monotonic() - begin <= 1
                outcomes["circles"] += 1

        on_a_stack_of(512 << 10, read)
        growth = peak.growth()
        client.close()
    assert growth <= MEMORY and outcomes["values"] >= 50 and outcomes["ParseError"] >= 50 and outcomes["circles"] == 100, outcomes
    figure = f"{outcomes['values'] + outcomes['ParseError']:,} graphs, {outcomes['circles']} circles, each read or refused"
    reached("G3", "graphs of handles through the extension", figure)


# --- G6: round trips -------------------------------------------------------------------------------------------------------------

_INT32 = some.integers(-(2**31), 2**31 - 1)
_MILLISECONDS = some.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, fold=0)
)
_TIMES = some.integers(0, 86_399_999).map(lambda ms: timedelta(milliseconds=ms))
_DECIMALS = some.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
_FLOATS = some.floats(width=32, allow_nan=False)
_DOUBLES = some.floats(allow_nan=False)
_CHARS = some.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
_TIMESTAMPS = some.tuples(_MILLISECONDS, some.integers(0, 999_999))
_ENUMS = some.tuples(some.integers(1, 2**31 - 1), _INT32)
_ANY = some.none() | some.booleans() | some.text() | some.uuids() | some.integers(-(2**63), 2**63 - 1) | _DOUBLES


def _listed(elements: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    return some.lists(elements, max_size=8)


#: Each type with the values that it holds, as they are read.
ROUND: dict[str, some.SearchStrategy[Any]] = {
    "ByteObject": some.integers(-128, 127),
    "ShortObject": some.integers(-(2**15), 2**15 - 1),
    "IntObject": _INT32,
    "LongObject": some.integers(-(2**63), 2**63 - 1),
    "FloatObject": _FLOATS,
    "DoubleObject": _DOUBLES,
    "CharObject": _CHARS,
    "BoolObject": some.booleans(),
    "String": some.text(),
    "UUIDObject": some.uuids(),
    "DateObject": _MILLISECONDS,
    "TimestampObject": _TIMESTAMPS,
    "TimeObject": _TIMES,
    "DecimalObject": _DECIMALS,
    "EnumObject": _ENUMS,
    "ByteArrayObject": some.binary(max_size=64),
    "ShortArrayObject": _listed(some.integers(-(2**15), 2**15 - 1)),
    "IntArrayObject": _listed(_INT32),
    "LongArrayObject": _listed(some.integers(-(2**63), 2**63 - 1)),
    "FloatArrayObject": _listed(_FLOATS),
    "DoubleArrayObject": _listed(_DOUBLES),
    "CharArrayObject": _listed(_CHARS),
    "BoolArrayObject": some.lists(some.booleans(), max_size=40),
    "StringArrayObject": _listed(some.none() | some.text()),
    "UUIDArrayObject": _listed(some.none() | some.uuids()),
    "DateArrayObject": _listed(some.none() | _MILLISECONDS),
    "TimestampArrayObject": _listed(some.none() | _TIMESTAMPS),
    "TimeArrayObject": _listed(some.none() | _TIMES),
    "DecimalArrayObject": _listed(some.none() | _DECIMALS),
    "ObjectArrayObject": some.tuples(_INT32.filter(bool), _listed(_ANY)),
    "CollectionObject": some.tuples(some.sampled_from([1, 2, 3, 4]), _listed(_ANY)),
    "MapObject": some.tuples(some.just(1), some.dictionaries(some.text() | some.uuids(), _ANY, max_size=8)),
}


def come_back(name: str, strategy: some.SearchStrategy[Any], values: int, seen: Counter[str]) -> None:
    """Write and read so many values of a type."""
    hint = getattr(datatypes, name)

    @seed(1)
    @settings_of(max_examples=values, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def comes_back(value: Any) -> None:
        wire = _core.encode(value, hint)
        back = _core.decode(wire)
        assert back == value, f"{name}: {back!r} for {value!r}"
        assert _core.encode(back, hint) == wire
        seen[name] += 1

    comes_back()


def test_values_of_every_type_come_back(size: Size, reached: Reached) -> None:
    """Java's own bytes are what tests/unit/test_codec.py holds each type against; here they only have to come back."""
    assert len(ROUND) >= 30
    values = size(60, 2_000)
    seen: Counter[str] = Counter()
    for name, strategy in ROUND.items():
        come_back(name, strategy, values, seen)
    # Of bools there are two and of bytes 256: hypothesis stops there when it has had them all.
    assert sum(count >= values for count in seen.values()) >= 30 or values < 2_000, seen
    reached("G6", "round trips of random values through the extension", f"{len(ROUND)} types, {seen.total():,} values")
