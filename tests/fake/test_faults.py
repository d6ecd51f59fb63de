"""What the client does when a server misbehaves: the right exception, the right word about the effect, and then the next call."""

from __future__ import annotations

import asyncio
import gc
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from pyignite_rs import exceptions
from pyignite_rs import testing as fake
from pyignite_rs.testing import Action, FakeCluster, FakeNode

from ..conftest import Face, Reached, Size

#: A call ends this much after its limit at the latest, in seconds.
SLACK = 0.25

MEBIBYTE = 1 << 20


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


@pytest_asyncio.fixture
async def cache(face: Face, node: FakeNode) -> AsyncIterator[Any]:
    """A cache with one entry, 1 -> 'one', on the scripted node; the counters start after it."""
    client = await face.connected(*node.address, timeout=5.0)
    made = await face(client.get_cache("c"))
    await face(made.put(1, "one"))
    node.reset_counters()
    yield made
    await face(client.close())


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def failure(face: Face, call: Callable[[], Any]) -> tuple[Any, float]:
    """The exception that a call ends with, and how long that took."""
    begin = time.monotonic()
    with pytest.raises(Exception) as caught:
        await face(call())
    return caught.value, time.monotonic() - begin


async def settled(node: FakeNode, connections: int) -> None:
    """Wait until the node has this many connections open."""
    end = time.monotonic() + 2
    while node.open != connections and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert node.open == connections


# Handshake


@pytest.mark.parametrize("minor", [7, 6, 5, 4, 3, 2])
async def test_older_servers_are_spoken_to_in_their_version(face: Face, minor: int) -> None:
    with FakeNode(["c"], newest=(1, minor, 0)) as node:
        client = await face.connected(*node.address, partition_aware=False)
        assert node.offers == [(1, 7, 0)] + [(1, minor, 0)] * (minor < 7)
        assert client.protocol_context.version == (1, minor, 0)
        cache = await face(client.get_cache("c"))
        await face(cache.put("key", 5))
        assert await face(cache.get("key")) == 5
        assert await face(cache.get_all(["key", "other"])) == {"key": 5}
        node.rule("get", fake.refusal(1000, "no such cache"))
        with pytest.raises(exceptions.CacheError) as caught:
            await face(cache.get("key"))
        assert caught.value.code == 1000
        await face(client.close())


@pytest.mark.parametrize("newest", [(1, 1, 0), (1, 0, 0)])
async def test_a_server_that_is_too_old_is_refused(face: Face, newest: tuple[int, int, int]) -> None:
    with FakeNode(newest=newest) as node:
        error, took = await failure(face, lambda: face.client().connect(*node.address))
        assert type(error) is exceptions.NodeRefusedError
        assert isinstance(error, exceptions.HandshakeError) and isinstance(error, OSError)
        assert isinstance(error, exceptions.ReconnectError)
        assert error.expected_version == newest
        assert "Unsupported version" in str(error) and took < 1
        await settled(node, 0)


@pytest.mark.parametrize(
    ("data", "then_close", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "SSH"),
        (b"\x15\x03\x03\x00\x02\x02\x46", True, "TLS"),
        (b"", True, "closed the connection"),
        (b"\xfc\xff\xff\xff" + b"x" * 60, False, "can not be read"),
        (b"\x00\x00\x00\x00", False, "can not be read"),
        (b"\xff\xff\xff\x7f" + b"x" * 60, False, "can not be read"),
        (struct.pack("<i", 20) + b"\x07" * 20, False, "can not be read"),
        (struct.pack("<i", 3) + b"\x01\x0c\x05", False, "can not be read"),
        (struct.pack("<i", 40) + b"\x01", True, "closed the connection"),
    ],
)
async def test_a_peer_that_is_no_ignite_node(face: Face, data: bytes, then_close: bool, words: str) -> None:
    with FakeNode() as node:
        node.say(data, then_close)
        client = face.client(handshake_timeout=5.0)
        error, took = await failure(face, lambda: client.connect(*node.address))
        assert type(error) is exceptions.NoNodesError
        assert isinstance(error, exceptions.ReconnectError) and isinstance(error, ConnectionError)
        assert error.causes[0][0] == f"127.0.0.1:{node.port}" and words in error.causes[0][1]
        assert error.sent == "no" and took < 1
        await settled(node, 0)
        node.welcome()
        await face(client.connect(*node.address))
        assert await face(client.get_cache_names()) == []
        await face(client.close())


async def test_the_error_names_every_address_with_its_cause(face: Face) -> None:
    with FakeNode() as http, FakeNode(newest=(1, 1, 0)) as old, FakeNode() as gone:
        http.say(b"HTTP/1.0 200 OK\r\n")
        gone.stop()
        nodes = [http.address, old.address, gone.address]
        error, took = await failure(face, lambda: face.client().connect(nodes))
        assert type(error) is exceptions.NoNodesError and took < 1
        assert [address for address, _ in error.causes] == [f"{host}:{port}" for host, port in nodes]
        http_cause, old_cause, gone_cause = (cause for _, cause in error.causes)
        assert "HTTP" in http_cause and "Unsupported version" in old_cause and "refused" in gone_cause.lower()
        assert all(cause in str(error) for _, cause in error.causes)


async def test_one_live_address_among_dead_ones_serves_at_once(face: Face) -> None:
    with FakeNode() as mute, FakeNode() as gone, FakeNode() as live:
        mute.mute()
        gone.stop()
        begin = time.monotonic()
        client = await face.connected([mute.address, gone.address, live.address], partition_aware=False)
        assert time.monotonic() - begin < 0.5
        assert await face(client.get_cache_names()) == []
        await settled(mute, 0)
        await face(client.close())


async def test_addresses_that_refuse_cost_connect_no_wait(face: Face) -> None:
    with FakeCluster(4) as cluster:
        live = cluster[3]
        for gone in list(cluster)[:3]:
            gone.stop()
        took = []
        for _ in range(5):
            begin = time.monotonic()
            client = await face.connected(cluster.addresses)
            took.append(time.monotonic() - begin)
            await face(client.close())
        # Neither the stagger nor the wait for other nodes, which is 0.1 s; the machine may have been busy once.
        assert min(took) < 0.04, took
        await settled(live, 0)


# Broken bytes


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<i", -4) + b"x" * 60,
        struct.pack("<i", 0) + b"x" * 60,
        struct.pack("<i", -(2**31)),
        struct.pack("<i", 2**31 - 1) + b"x" * 60,
        struct.pack("<i", 3) + b"abc",
        struct.pack("<i", 9) + b"x" * 9,
        b"\xde\xad\xbe\xef" * 16,
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
    ],
)
@pytest.mark.parametrize("operation", ["get", "put"])
async def test_bytes_that_are_no_message_end_the_connection_and_nothing_else(
    face: Face, node: FakeNode, cache: Any, data: bytes, operation: str
) -> None:
    before = resident()
    node.rule(operation, fake.instead(data))
    error, took = await failure(face, lambda: cache.get(1) if operation == "get" else cache.put(1, "new"))
    # "HTTP" as a length is 1.3 GB: no message either.
    assert type(error) is exceptions.ParseError, repr(error)
    assert error.sent == "maybe" and took < 1
    assert resident() - before < 64 * MEBIBYTE
    assert await face(cache.get(1)) == ("one" if operation == "get" else "new")
    assert node.requests[operation] == (2 if operation == "get" else 1)
    await settled(node, 1)


async def test_a_promised_length_costs_no_memory(face: Face, node: FakeNode, cache: Any) -> None:
    before = resident()
    node.rule("get", fake.instead(struct.pack("<i", 1 << 30) + b"x" * 100))
    error, took = await failure(face, lambda: cache.get(1, timeout=0.3))
    assert type(error) is exceptions.OperationTimeoutError and took < 0.3 + SLACK
    assert resident() - before < 64 * MEBIBYTE


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x09",
        b"\x09\xff\xff\xff\x7f",
        b"\x09\xff\xff\xff\xff",
        b"\x09\x02\x00\x00\x00\xff\xfe",
        b"\x17\x00\x00\x00\x00\xff\xff\xff\x7f",
        b"\x18\xff\xff\xff\x7f\x01",
        b"\x19\xff\xff\xff\x7f\x01",
        b"\x14\xff\xff\xff\x7f",
        b"\x03\x01\x00\x00\x00\x00",
        b"\xfe",
        b"\x17\x00\x00\x00\x00\x01\x00\x00\x00" * 5_000,
    ],
)
async def test_a_value_that_can_not_be_read_harms_nothing_else(face: Face, node: FakeNode, cache: Any, payload: bytes) -> None:
    before = resident()
    node.rule("get", fake.with_payload(payload))
    error, took = await failure(face, lambda: cache.get(1))
    assert type(error) is exceptions.ParseError, repr(error)
    assert error.operation == "OP_CACHE_GET" and error.cache == "c" and took < 1
    assert resident() - before < 64 * MEBIBYTE
    assert await face(cache.get(1)) == "one"
    # The message was whole: the connection goes on.
    assert node.accepted == 1


async def test_answers_to_nobody_are_ignored(face: Face, node: FakeNode, cache: Any) -> None:
    offsets = (1, -1, 1 << 24, -(1 << 24), 1 << 40, 2**31)
    node.rule("get", fake.stray_first(*offsets), times=5)
    for _ in range(5):
        assert await face(cache.get(1)) == "one"
    node.rule("get", fake.repeat(), times=5)
    for key in range(10):
        await face(cache.put(key, f"value {key}"))
        assert await face(cache.get(key)) == f"value {key}"
    assert node.requests["get"] == 15 and node.accepted == 1


async def test_a_notification_that_nobody_asked_for_is_ignored(face: Face, node: FakeNode, cache: Any) -> None:
    notification = struct.pack("<qhh", 1, 4, 2003) + b"\x01\x02\x03"
    node.rule("get", fake.first(struct.pack("<i", len(notification)) + notification), times=3)
    assert [await face(cache.get(1)) for _ in range(3)] == ["one"] * 3
    assert node.accepted == 1


@pytest.mark.parametrize("pause", [0.0, 0.002])
async def test_an_answer_in_single_bytes_is_the_same_answer(face: Face, node: FakeNode, cache: Any, pause: float) -> None:
    node.rule("get", fake.dribble(pause), times=2)
    assert [await face(cache.get(1)) for _ in range(2)] == ["one", "one"]


async def test_swapped_answers_find_their_callers(node: FakeNode) -> None:
    client = await Face("async").connected(*node.address)
    cache = await client.get_cache("c")
    await cache.put_all({key: key * key for key in range(100)})
    node.rule("get", fake.swap(), times=100)
    assert await asyncio.gather(*(cache.get(key) for key in range(100))) == [key * key for key in range(100)]
    assert node.accepted == 1
    await client.close()


async def test_an_error_of_the_server_keeps_its_code_and_its_text(face: Face, node: FakeNode, cache: Any) -> None:
    node.rule("put", fake.refusal(1000, "Cache does not exist"))
    error, _ = await failure(face, lambda: cache.put(1, "new"))
    assert type(error) is exceptions.CacheError
    assert (error.code, error.cache, error.operation) == (1000, "c", "OP_CACHE_PUT")
    assert "Cache does not exist" in str(error)
    node.rule("get", fake.refusal(-7, "ü\0"))
    error, _ = await failure(face, lambda: cache.get(1))
    assert error.code == -7 and "ü\0" in str(error)
    node.rule("create_with_name", fake.refusal(1001, "exists"))
    error, _ = await failure(face, lambda: cache_client(face, node))
    assert type(error) is exceptions.CacheCreationError and error.code == 1001
    # Refused is not lost: no request was repeated.
    assert node.requests == {"put": 1, "get": 1, "create_with_name": 1}


def cache_client(face: Face, node: FakeNode) -> Any:
    """Create a cache with a client of its own."""
    if not face.is_async:
        client = face.client()
        with client.connect(*node.address):
            return client.create_cache("x")

    async def create() -> Any:
        client = face.client()
        async with client.connect(*node.address):
            return await client.create_cache("x")

    return create()


# Lost connections


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 11, 13, 14])
async def test_a_write_whose_answer_is_lost_is_never_sent_twice(
    face: Face, node: FakeNode, cache: Any, length: int, reset: bool
) -> None:
    # The answer to a put has 14 bytes in all; with the last of them it is there.
    node.rule("put", fake.cut(length, reset))
    if length == 14 and not reset:
        await face(cache.put(1, "new"))
    else:
        error = None
        try:
            await face(cache.put(1, "new"))
        except exceptions.ConnectionLostError as lost:
            error = lost
        # A reset may overtake the bytes before it, or not.
        assert error is not None or length == 14
        if error is not None:
            assert isinstance(error, ConnectionError) and isinstance(error, exceptions.connection_errors)
            assert error.sent == "maybe" and error.address == f"127.0.0.1:{node.port}"
            assert "outcome unknown" in str(error)
    assert node.requests["put"] == 1
    assert await face(cache.get(1)) == "new"
    await settled(node, 1)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("length", [0, 1, 4, 13, 14, 20])
async def test_a_read_whose_answer_is_lost_is_sent_again(
    face: Face, node: FakeNode, cache: Any, length: int, reset: bool
) -> None:
    node.rule("get", fake.cut(length, reset))
    assert await face(cache.get(1)) == "one"
    assert node.requests["get"] == 2 and node.accepted == 2
    assert await face(cache.get_all([1])) == {1: "one"}


async def test_repeating_a_read_has_an_end(face: Face, node: FakeNode, cache: Any) -> None:
    node.rule("get", fake.cut(5), times=100)
    error, took = await failure(face, lambda: cache.get(1))
    assert type(error) is exceptions.ConnectionLostError and took < 1
    # Once, and once more for the only address.
    assert node.requests["get"] == 2
    node.forget_rules()
    assert await face(cache.get(1)) == "one"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_connection_lost_between_calls_costs_no_call(face: Face, node: FakeNode, cache: Any, reset: bool) -> None:
    for count in range(1, 4):
        node.kick(reset)
        await settled(node, 0)
        await asyncio.sleep(0.15)
        await face(cache.put(1, f"new {count}"))
        assert node.requests["put"] == count
        assert await face(cache.get(1)) == f"new {count}"


async def test_while_no_server_is_there_nothing_is_sent_and_afterwards_all_goes_on(
    face: Face, node: FakeNode, cache: Any
) -> None:
    node.stop()
    await asyncio.sleep(0.15)
    for _ in range(3):
        error, took = await failure(face, lambda: cache.put(1, "new"))
        assert type(error) is exceptions.NoNodesError and took < 1, repr(error)
        assert error.sent == "no" and error.causes[0][0] == f"127.0.0.1:{node.port}"
        assert isinstance(error, exceptions.connection_errors)
    node.start()
    assert await face(cache.get(1)) == "one"
    await face(cache.put(1, "new"))
    assert await face(cache.get(1)) == "new"
    assert node.requests["put"] == 1


async def test_the_next_address_serves_when_one_is_lost(face: Face) -> None:
    with FakeNode(["c"]) as one, FakeNode(["c"]) as other:
        client = await face.connected([one.address, other.address], timeout=5.0)
        cache = await face(client.get_cache("c"))
        await face(cache.put(1, "somewhere"))
        first, second = (one, other) if one.requests["put"] else (other, one)
        first.stop()
        await asyncio.sleep(0.15)
        assert await face(cache.get(1)) is None
        await face(cache.put(1, "there"))
        assert second.requests == {"get": 1, "put": 1}
        await face(client.close())


# Time limits


def assert_timeout(error: BaseException, took: float, limit: float, sent: str) -> None:
    assert isinstance(error, exceptions.OperationTimeoutError), repr(error)
    assert isinstance(error, TimeoutError) and isinstance(error, asyncio.TimeoutError)
    assert error.sent == sent
    assert limit - 0.01 <= took <= limit + SLACK, took


@pytest.mark.parametrize("stall", [fake.silence(), fake.hold(0.6), fake.dribble(0.1), fake.instead(b"\x00\x01")])
@pytest.mark.parametrize("where", ["client", "call"])
async def test_a_call_ends_at_its_limit_and_the_connection_stays(face: Face, node: FakeNode, where: str, stall: Action) -> None:
    client = await face.connected(*node.address, timeout=0.3 if where == "client" else None)
    cache = await face(client.get_cache("c"))
    await face(cache.put(1, "one"))
    accepted = node.accepted
    limit = {"timeout": 0.3} if where == "call" else {}
    node.rule("put", stall)
    error, took = await failure(face, lambda: cache.put(1, "new", **limit))
    assert_timeout(error, took, 0.3, "maybe")
    if stall.kind == "silence":
        # The connection is in good order: nothing is closed, and the next answers are matched.
        for _ in range(100):
            assert await face(cache.get(1)) == "new"
        assert node.accepted == accepted and node.open == 1
    assert node.requests["put"] == 2
    await face(client.close())


async def test_half_an_answer_that_does_not_go_on_costs_one_call(face: Face, node: FakeNode, cache: Any) -> None:
    node.rule("get", fake.instead(b"\x20\x00\x00\x00half"))
    error, took = await failure(face, lambda: cache.get(1, timeout=0.3))
    assert_timeout(error, took, 0.3, "maybe")
    # The rest may never come: the next call does not wait for it, and needs no other limit.
    begin = time.monotonic()
    assert await face(cache.get(1)) == "one"
    assert time.monotonic() - begin < SLACK and node.accepted == 2


@pytest.mark.parametrize("ends", ["the client", "the connection"])
async def test_calls_on_a_connection_that_was_set_aside_end_with(node: FakeNode, ends: str) -> None:
    face = Face("async")
    client = await face.connected(*node.address)
    cache = await client.get_cache("c")
    node.rule("put", fake.silence())
    waiting = asyncio.ensure_future(cache.put(2, "two"))
    await asyncio.sleep(0.1)
    node.rule("get", fake.instead(b"\x20\x00\x00\x00half"))
    await failure(face, lambda: cache.get(1, timeout=0.3))
    assert await cache.get(2) == "two"
    assert node.accepted == 2 and not waiting.done()
    begin = time.monotonic()
    if ends == "the client":
        await client.close()
        expected: type[BaseException] = exceptions.ClientClosedError
    else:
        node.kick()
        expected = exceptions.ConnectionLostError
    with pytest.raises(expected) as caught:
        await asyncio.wait_for(waiting, 1)
    assert caught.value.sent == "maybe" and time.monotonic() - begin < SLACK  # type: ignore[attr-defined]
    await client.close()
    await settled(node, 0)


async def test_a_connection_that_has_fallen_silent_costs_a_call_or_two(face: Face, node: FakeNode, cache: Any) -> None:
    node.rule("get", fake.black_hole())
    failed = 0
    for _ in range(10):
        try:
            assert await face(cache.get(1, timeout=0.9)) == "one"
        except exceptions.OperationTimeoutError:
            failed += 1
    # Nobody else tells a thread's connection from one that waits for a slow answer; a shared one has a second caller to ask.
    assert failed == (2 if face.is_async else 1) and node.accepted == 2


async def test_a_transaction_outlives_the_silence_of_its_connection(face: Face) -> None:
    with FakeNode() as node:
        node.create_cache("t", transactional=True)
        # A heartbeat with an answer would show that the node is well.
        client = await face.connected(*node.address, heartbeat_interval=0)
        cache = await face(client.get_cache("t"))
        go, gone = asyncio.Event(), asyncio.Event()

        async def outside() -> None:
            """What others do meanwhile, outside of the transaction."""
            await go.wait()
            node.rule("get", fake.silence(), times=2)
            for _ in range(2):
                await failure(face, lambda: cache.get(1, timeout=0.9))
            assert await face(cache.get(1)) is None
            gone.set()

        other = asyncio.create_task(outside())
        await asyncio.sleep(0)
        tx = await face(client.tx_start())
        await face(cache.put(1, "one"))
        accepted = node.accepted
        if face.is_async:
            go.set()
            await gone.wait()
            assert node.accepted == accepted + 1, "the connection is set aside"
        else:
            node.rule("get", fake.silence())
            await failure(face, lambda: cache.get(1, timeout=0.9))
            other.cancel()
            assert node.accepted == accepted
        assert await face(cache.get(1)) == "one"
        await face(tx.commit())
        assert node.entries("t") == {1: "one"}
        await settled(node, 1)
        await face(client.close())


@pytest.mark.parametrize("then", ["close", "answer"])
async def test_a_call_at_a_node_that_has_left_the_cluster(face: Face, then: str) -> None:
    with FakeCluster(2, {"c": dict.fromkeys(range(100), "old")}) as cluster:
        client = await face.connected(cluster.addresses[:1])
        cache = await face(client.get_cache("c"))
        far, near = (next(key for key in range(100) if cluster.primary(key) is node) for node in (cluster[1], cluster[0]))
        # A loop connects to another node on the side, and asks one that is connected meanwhile.
        while not cluster[1].requests["get"]:
            assert await face(cache.get(far)) == "old"
        cluster[1].reset_counters()
        cluster[1].rule("put", fake.keep())
        loop = asyncio.get_running_loop()
        put = asyncio.ensure_future(
            face(cache.put(far, "new")) if face.is_async else loop.run_in_executor(None, cache.put, far, "new")
        )
        await asyncio.sleep(0.1)
        assert cluster[1].requests["put"] == 1
        cluster[1].leave()
        # Only the answer is kept.
        for _ in range(3):
            assert await face(cache.get(near)) == "old" and await face(cache.get(far)) == "new"
        assert cluster[1].requests["get"] == 0 and not put.done()
        begin = time.monotonic()
        if then == "answer":
            cluster[1].release()
            await asyncio.wait_for(put, 1)
            await face(client.close())
        else:
            await face(client.close())
            with pytest.raises(exceptions.ClientClosedError) as caught:
                await asyncio.wait_for(put, 1)
            assert caught.value.sent == "maybe" and time.monotonic() - begin < SLACK
        await settled(cluster[1], 0)


async def test_late_answers_are_dropped_by_their_id(face: Face, node: FakeNode, cache: Any) -> None:
    for key in range(20):
        await face(cache.put(key, key * 7))
    node.rule("get", fake.hold(0.1), times=20)
    for key in range(20):
        with pytest.raises(exceptions.OperationTimeoutError):
            await face(cache.get(key, timeout=0.02))
    end = time.monotonic() + 0.3
    key = 0
    while time.monotonic() < end:
        assert await face(cache.get(key % 20)) == (key % 20) * 7
        key += 1
    assert key > 100 and node.accepted == 1


async def test_too_many_unanswered_calls_end_the_connection(face: Face, node: FakeNode) -> None:
    client = await face.connected(*node.address)
    cache = await face(client.get_cache("c"))
    node.rule("get", fake.silence(), times=70)
    for _ in range(69):
        with pytest.raises(exceptions.OperationTimeoutError):
            await face(cache.get(1, timeout=0.01))
        # Something else is answered: the connection is not silent.
        await face(cache.contains_key(1))
    assert node.accepted == 1
    await asyncio.sleep(1.1)
    with pytest.raises(exceptions.OperationTimeoutError):
        await face(cache.get(1, timeout=0.01))
    # More than 64 answers are overdue for more than a second: the server is not waited for on this connection any longer.
    assert await face(cache.get(1)) is None
    assert node.accepted == 2
    await settled(node, 1)
    await face(client.close())


@pytest.mark.parametrize(("option", "word"), [("handshake_timeout", "time limit"), ("timeout", "time limit")])
async def test_a_silent_port_costs_no_more_than_the_limit(face: Face, option: str, word: str) -> None:
    with FakeNode() as node:
        node.mute()
        client = face.client(**{option: 0.3})
        error, took = await failure(face, lambda: client.connect(*node.address))
        assert_timeout(error, took, 0.3, "no")
        # Drop-in programs catch a server that can not be connected as ReconnectError.
        assert isinstance(error, exceptions.ReconnectError) and word in str(error)
        assert error.causes[0][0] == f"127.0.0.1:{node.port}"
        await settled(node, 0)


async def test_a_reconnect_within_a_call_counts_against_its_limit(face: Face, node: FakeNode, cache: Any) -> None:
    node.mute()
    node.kick()
    await settled(node, 0)
    await asyncio.sleep(0.15)
    error, took = await failure(face, lambda: cache.put(1, "new", timeout=0.3))
    assert_timeout(error, took, 0.3, "no")
    assert node.requests["put"] == 0
    await settled(node, 0)
    node.welcome()
    assert await face(cache.get(1)) == "one"


async def test_a_repeated_read_keeps_to_the_limit_of_the_call(face: Face, node: FakeNode, cache: Any) -> None:
    node.rule("get", fake.cut(0))
    node.mute()
    error, took = await failure(face, lambda: cache.get(1, timeout=0.3))
    assert isinstance(error, exceptions.OperationTimeoutError) and 0.29 <= took <= 0.3 + SLACK


async def test_a_server_that_stops_reading_costs_time_and_no_memory(face: Face, node: FakeNode) -> None:
    client = await face.connected(*node.address, timeout=0.2)
    cache = await face(client.get_cache("c"))
    node.rule("get", fake.deaf())
    with pytest.raises(exceptions.OperationTimeoutError):
        await face(cache.get(1))
    # Every new connection falls deaf with its first put too.
    node.rule("put", fake.deaf(), times=1_000)
    value = bytes(MEBIBYTE)
    gc.collect()
    before = resident()
    rounds = 12 if not face.is_async else 120
    for _ in range(rounds):
        calls = [lambda: cache.put(1, (value, _byte_array()), timeout=0.05)]
        error, took = await failure(face, calls[0])
        assert isinstance(error, exceptions.OperationTimeoutError), repr(error)
        assert took < 0.05 + SLACK
    assert resident() - before < 64 * MEBIBYTE
    node.forget_rules()
    await face(client.close())


def _byte_array() -> Any:
    from pyignite_rs.datatypes import ByteArrayObject

    return ByteArrayObject


# The end


async def test_closed_is_final(face: Face, node: FakeNode, cache: Any) -> None:
    other = await face.connected(*node.address)
    await face(other.close())
    for call in (lambda: other.get_cache_names(), lambda: other.create_cache("x")):
        error, took = await failure(face, call)
        assert type(error) is exceptions.ClientClosedError and took < 0.1
        assert isinstance(error, exceptions.ReconnectError) and isinstance(error, ConnectionError)
    accepted = node.accepted
    await asyncio.sleep(0.2)
    assert node.accepted == accepted
    await settled(node, 1)
    await face(other.close())


@pytest.mark.goal("G16")
async def test_closing_ends_the_calls_in_flight(node: FakeNode, size: Size, reached: Reached) -> None:
    slowest = 0.0
    for _ in range(size(2, 50)):
        client = await Face("async").connected(*node.address)
        cache = await client.get_cache("c")
        node.rule("get", fake.silence(), times=1_000)
        calls = [asyncio.ensure_future(cache.get(key)) for key in range(1_000)]
        await asyncio.sleep(0.2)
        begin = time.monotonic()
        await client.close()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        slowest = max(slowest, time.monotonic() - begin)
        assert {type(outcome) for outcome in outcomes} == {exceptions.ClientClosedError}
        node.forget_rules()
    assert slowest < 1
    accepted = node.accepted
    await asyncio.sleep(size(1, 3))
    assert node.accepted == accepted
    await settled(node, 0)
    reached(
        "G16",
        "close() with 1,000 calls in flight",
        f"{size(2, 50)} rounds, all ended in {slowest:.2f} s, 0 new connections in {size(1, 3)} s",
    )


async def test_closing_ends_a_connect_in_progress() -> None:
    with FakeNode() as node:
        client = await Face("async").connected(*node.address)
        node.mute()
        node.kick()
        await asyncio.sleep(0.15)
        call = asyncio.ensure_future(client.get_cache_names())
        await asyncio.sleep(0.1)
        begin = time.monotonic()
        await client.close()
        with pytest.raises(exceptions.ClientClosedError):
            await call
        assert time.monotonic() - begin < 1
        await settled(node, 0)


async def test_an_abandoned_client_closes_its_connections(face: Face, node: FakeNode) -> None:
    client = await face.connected(*node.address)
    assert await face(client.get_cache_names()) == ["c"]
    assert node.open == 1
    del client
    gc.collect()
    await settled(node, 0)


async def test_a_cancelled_call_leaves_the_connection_in_order(node: FakeNode) -> None:
    client = await Face("async").connected(*node.address)
    cache = await client.get_cache("c")
    await cache.put_all({key: key * 3 for key in range(50)})
    for turn in range(200):
        node.rule("get", fake.hold(0.003))
        task = asyncio.ensure_future(cache.get(turn % 50))
        await asyncio.sleep((turn % 7) * 0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            if await task == (turn % 50) * 3:
                raise asyncio.CancelledError
        node.forget_rules()
        assert await cache.get((turn + 1) % 50) == ((turn + 1) % 50) * 3
    assert node.accepted == 1
    await client.close()
