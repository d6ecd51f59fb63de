"""Defects of pyignite 0.6.1 that no other test here is about, by their numbers in docs/reliability.md.

Where pyignite is installed and shows the defect quickly, it does so in the same test: a check that passes for the wrong reason would pass
there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs import testing as fake
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import ParseError, connection_errors
from pyignite_rs.testing import FakeNode

from ..conftest import Face
from ..support.accepting import Accepting, join
from .beside import OURS, PACKAGES, run

ROOT = Path(__file__).parents[2]

needs_pyignite = pytest.mark.skipif(importlib.util.find_spec("pyignite") is None, reason="pyignite is not installed")


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode() as running:
        yield running


def pyignite_client(node: FakeNode) -> Any:
    import pyignite

    client = pyignite.Client(partition_aware=False)
    client.connect([node.address])
    return client


def our_client(node: FakeNode) -> Any:
    client = pyignite_rs.Client()
    client.connect(*node.address)
    return client


class Alarm(BaseException):
    """Raised out of a call by a signal, as KeyboardInterrupt is."""


def interrupted_reads(node: FakeNode, connect: Callable[[FakeNode], Any]) -> list[tuple[int, Any]]:
    """Pairs (key, what was read) after a call that a signal ended before its answer came."""

    def ring(number: int, frame: Any) -> None:
        raise Alarm

    client = connect(node)
    cache = client.get_or_create_cache("c")
    for key in range(1, 6):
        cache.put(key, f"value {key}")
    before = signal.signal(signal.SIGALRM, ring)
    node.rule("get", fake.hold(0.2))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Alarm):
            cache.get(1)
        time.sleep(0.2)
        return [(key, cache.get(key)) for key in range(2, 6)]
    finally:
        signal.signal(signal.SIGALRM, before)
        client.close()


def test_p1_an_interrupted_call_leaves_its_answer_to_nobody(node: FakeNode) -> None:
    assert interrupted_reads(node, our_client) == [(key, f"value {key}") for key in range(2, 6)]


@needs_pyignite
def test_p1_in_pyignite_the_next_call_gets_it(node: FakeNode) -> None:
    assert interrupted_reads(node, pyignite_client)[0] == (2, "value 1")


def reads_of_threads(node: FakeNode, connect: Callable[[FakeNode], Any]) -> tuple[int, int]:
    """Right and wrong values that four threads read over one client."""
    client = connect(node)
    cache = client.get_or_create_cache("c")
    for key in range(4):
        cache.put(key, f"value {key}")
    results: list[bool] = []

    def read(key: int) -> None:
        for _ in range(300):
            try:
                results.append(cache.get(key) == f"value {key}")
            except Exception:
                return

    threads = [threading.Thread(target=read, args=(key,), daemon=True) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        # A thread whose answer another one took waits for ever.
        thread.join(10 if connect is our_client else 2)
    seen = list(results)
    # pyignite's close() fails when a thread that still waits takes the socket away from under it.
    with contextlib.nullcontext() if connect is our_client else contextlib.suppress(AttributeError):
        client.close()
    return seen.count(True), seen.count(False)


def test_p2_threads_get_their_own_answers(node: FakeNode) -> None:
    assert reads_of_threads(node, our_client) == (1_200, 0)


@needs_pyignite
def test_p2_in_pyignite_threads_get_each_others(node: FakeNode) -> None:
    right, wrong = reads_of_threads(node, pyignite_client)
    assert wrong > 0 or right < 1_200


@pytest.mark.live
async def test_p6_a_task_that_outlives_a_transaction_is_outside_of_it(address: tuple[str, int], cache_name: str) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        cache = await client.create_cache({PROP_NAME: cache_name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL})
        ended = asyncio.Event()

        async def later() -> None:
            await ended.wait()
            await cache.put("later", "outside")

        async with client.tx_start() as transaction:
            task = asyncio.create_task(later())
            await cache.put("inside", 1)
            await transaction.rollback()
        ended.set()
        # It was started inside, where the transaction was the current one, and calls when that has ended.
        await task
        assert await cache.get_all(["inside", "later"]) == {"later": "outside"}
        await cache.destroy()


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_p10_rows_that_need_no_bytes_are_not_believed(face: Face, node: FakeNode) -> None:
    """No column and two thousand million rows: 17 bytes that promise lists without end."""
    client = await face.connected(*node.address)
    for rows in (1_000_000, 2**31 - 1, -1):
        node.rule("query_sql_fields", fake.with_payload(struct.pack("<qiib", 1, 0, rows, 0)))
        before, begin = resident(), time.monotonic()
        with pytest.raises(ParseError):
            if face.is_async:
                async with client.sql("SELECT 1") as cursor:
                    async for _ in cursor:
                        pass
            else:
                list(client.sql("SELECT 1"))
        assert time.monotonic() - begin < 1 and resident() - before < 64 << 20
    assert await face(client.get_cache_names()) == []
    await face(client.close())


# --- defects that can stop a process, in one of its own --------------------------------------------------------------------------------

ONE_READ = """
    from pyignite_rs import testing as fake

    node = fake.FakeNode({"c": {1: "one"}})
    node.start()

    def threads():
        client = ignite.Client(timeout=0.5)
        client.connect(*node.address)
        cache = client.get_cache("c")
        spoil()
        began = time.monotonic()
        try:
            cache.get(1)
        except Exception:
            seen["raised"] = 1
        seen["milliseconds"] = int((time.monotonic() - began) * 1000)

    async def tasks():
        client = ignite.AioClient()
        await client.connect(*node.address)
        cache = await client.get_cache("c")
        spoil()
        began = time.monotonic()
        try:
            await asyncio.wait_for(cache.get(1), 0.5)
        except Exception:
            seen["raised"] = 1
        seen["milliseconds"] = int((time.monotonic() - began) * 1000)

    def spoil():
        watch_growth()
        arguments = bytes.fromhex(OPTIONS["data"]) if OPTIONS["data"] else OPTIONS["pause"]
        node.rule("get", getattr(fake, OPTIONS["action"])(arguments), times=100)

    asyncio.run(tasks()) if OPTIONS["tasks"] else threads()
    tell()
"""

#: What is done to an answer, on which face pyignite shows it, and what it shows.
DEFECTS: dict[str, tuple[dict[str, Any], Callable[[Any], bool]]] = {
    "p8 negative length": (
        {"action": "instead", "data": (struct.pack("<i", -4) + b"x" * 28).hex(), "tasks": True},
        lambda seen: seen["hung"] == 1,
    ),
    "p9 promised length": (
        {"action": "instead", "data": (struct.pack("<i", 1 << 28) + b"x" * 12).hex(), "tasks": False},
        lambda seen: seen["MiB"] > 200,
    ),
    "p11 byte by byte": (
        {"action": "dribble", "data": "", "pause": 0.1, "tasks": False},
        lambda seen: seen["milliseconds"] > 1_000,
    ),
}


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("defect", DEFECTS)
def test_p8_p9_p11_one_answer_stops_nothing(package: str, defect: str) -> None:
    options, shows = DEFECTS[defect]
    seen = run(ONE_READ, package, 0, 8, **options)
    if package == OURS:
        assert seen["raised"] and seen["milliseconds"] < 750 and seen["MiB"] < 64 and not seen["hung"], seen
    else:
        assert shows(seen), seen


@pytest.mark.parametrize("old", [(1, 2, 0), (1, 3, 0), (1, 5, 0)])
async def test_p7_an_old_node_among_new_ones_changes_nothing_for_them(face: Face, old: tuple[int, int, int]) -> None:
    with FakeNode(newest=old) as first, FakeNode() as second:
        for order in ([first, second], [second, first]):
            client = await face.connected([node.address for node in order])
            cache = await face(client.get_or_create_cache("c"))
            await face(cache.put(1, "one"))
            assert await face(cache.get(1)) == "one"
            # Each serves in turn, in its own version of the protocol.
            for node in order:
                node.kick()
                await asyncio.sleep(0.1)
                for _ in range(3):
                    await face(cache.put(2, "two"))
                    assert await face(cache.get(2)) == "two"
            assert first.accepted > 0 and second.accepted > 0
            await face(client.close())


def options_of_connections(port: int) -> list[tuple[int, int]]:
    """For each socket of this process that is connected to the port: keepalive on, seconds until the first probe."""
    found = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=os.dup(int(entry)))
        except OSError:
            continue
        with sock:
            try:
                if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getpeername()[1] == port:
                    idle = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                    found.append((sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), idle))
            except OSError:
                continue
    return found


async def test_p14_a_peer_that_vanished_is_probed(face: Face, node: FakeNode) -> None:
    client = await face.connected(*node.address)
    cache = await face(client.get_or_create_cache("c"))
    await face(cache.put(1, 1))
    assert options_of_connections(node.port) == [(1, 30)]
    await face(client.close())


async def test_p16_a_node_that_is_down_is_not_stormed(face: Face, node: FakeNode) -> None:
    """Of two addresses one answers no more: while the other serves, it is tried at most twice a second."""
    node.create_cache("c")
    with FakeNode(["c"]) as down:
        client = await face.connected([down.address, node.address])
        cache = await face(client.get_cache("c"))
        down.say(b"")
        down.kick()
        before, end = down.accepted, time.monotonic() + 3
        while time.monotonic() < end:
            try:
                await face(cache.get(1))
            except connection_errors:
                pass
        assert down.accepted - before <= 2 * 3 + 2
        await face(client.close())


class Relay(Accepting):
    """Listens on an address and passes everything on to a node."""

    def __init__(self, family: socket.AddressFamily, host: str, node: FakeNode) -> None:
        self.node = node
        self.accepted = 0
        super().__init__(host, family)

    def serve(self, connection: socket.socket) -> None:
        self.accepted += 1
        server = socket.create_connection(self.node.address)
        join(connection, server)


@pytest.mark.parametrize("form", ["pair", "text"])
async def test_p26_ipv6_is_spoken(face: Face, node: FakeNode, form: str) -> None:
    try:
        relay = Relay(socket.AF_INET6, "::1", node)
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        where = ("::1", relay.port) if form == "pair" else (f"[::1]:{relay.port}",)
        client = await face.connected(*where)
        cache = await face(client.get_or_create_cache("c"))
        await face(cache.put(1, "one"))
        assert await face(cache.get(1)) == "one" and relay.accepted > 0
        await face(client.close())
    finally:
        relay.close()


async def test_p26_every_address_of_a_name_is_tried(face: Face, node: FakeNode) -> None:
    """`localhost` is ::1 first on most machines, where nobody listens on this port."""
    client = await face.connected("localhost", node.port)
    assert await face(client.get_cache_names()) is not None
    await face(client.close())


# --- the page -----------------------------------------------------------------------------------------------------------------------


def test_every_defect_has_tests_and_they_exist() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| P(\d+) \|.*\|([^|]*)\|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 29))
    for number, tests in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", tests)
        assert named, f"P{number} has no test"
        for file, name in named:
            assert re.search(rf"def {name}\(", (ROOT / "tests" / file).read_text()), f"P{number}: {file} has no {name}"
