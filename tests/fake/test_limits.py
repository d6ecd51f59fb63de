"""Time limits of blocks, and which requests are sent again after a lost connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs import testing as fake
from pyignite_rs.exceptions import ConnectionLostError, OperationTimeoutError, ParameterError
from pyignite_rs.testing import FakeNode

from ..conftest import Face
from ..support.accepting import Accepting

# --- Client.deadline ------------------------------------------------------------------------------------------------------------


async def silent(face: Face, node: FakeNode, **options: Any) -> tuple[Any, Any]:
    """A client and a cache whose gets are never answered."""
    client = await face.connected(*node.address, **options)
    cache = await face(client.get_or_create_cache("limits"))
    await face(cache.put(1, "one"))
    for _ in range(4):
        node.rule("get", fake.silence())
    return client, cache


async def test_a_block_limits_every_call_in_it(face: Face) -> None:
    with FakeNode() as node:
        client, cache = await silent(face, node)
        begin = time.monotonic()
        with client.deadline(0.3):
            await face(cache.put(2, "two"))
            with pytest.raises(OperationTimeoutError):
                await face(cache.get(1))
            assert 0.25 < time.monotonic() - begin < 0.6
            with pytest.raises(TimeoutError):
                await face(cache.get(1))
        assert time.monotonic() - begin < 0.9
        await face(client.close())


async def test_the_soonest_limit_counts(face: Face) -> None:
    with FakeNode() as node:
        client, cache = await silent(face, node, timeout=30)
        for outer, inner, own in ((10, 0.2, 0), (0.2, 10, 0), (10, 10, 0.2)):
            begin = time.monotonic()
            with client.deadline(outer), client.deadline(inner), pytest.raises(OperationTimeoutError):
                await face(cache.get(1, timeout=own))
            assert 0.15 < time.monotonic() - begin < 0.6
        await face(client.close())


async def test_a_block_is_for_its_own_client_and_ends(face: Face) -> None:
    with FakeNode() as node:
        client, cache = await silent(face, node)
        other = await face.connected(*node.address)
        with other.deadline(0.05), pytest.raises(OperationTimeoutError):
            await face(cache.get(1, timeout=0.3))
        with client.deadline(0.05):
            pass
        node.forget_rules()
        await asyncio.sleep(0.1)
        assert await face(cache.get(1)) == "one"
        for wrong in (0, -1, float("nan")):
            with pytest.raises(ValueError), client.deadline(wrong):
                pass
        with pytest.raises(TypeError, match="a number of seconds, not 'x'"), client.deadline("x"):  # type: ignore[arg-type]
            pass
        await face(client.close())
        await face(other.close())


async def test_tasks_have_blocks_of_their_own() -> None:
    with FakeNode() as node:
        face = Face("async")
        client, cache = await silent(face, node)

        async def limited() -> float:
            begin = time.monotonic()
            with client.deadline(0.1), pytest.raises(OperationTimeoutError):
                await cache.get(1)
            return time.monotonic() - begin

        async def free() -> float:
            begin = time.monotonic()
            with pytest.raises(OperationTimeoutError):
                await cache.get(1, timeout=0.5)
            return time.monotonic() - begin

        short, long = await asyncio.gather(limited(), free())
        assert short < 0.4 < long
        await client.close()


def test_threads_have_blocks_of_their_own() -> None:
    with FakeNode() as node:
        client = pyignite_rs.Client()
        with client.connect(*node.address):
            cache = client.get_or_create_cache("limits")
            cache.put(1, "one")
            node.rule("get", fake.hold(0.3))
            found: list[Any] = []
            with client.deadline(0.05):
                thread = threading.Thread(target=lambda: found.append(cache.get(1)))
                thread.start()
                thread.join()
            assert found == ["one"]


# --- retry_policy ---------------------------------------------------------------------------------------------------------------


async def lost(face: Face, policy: Any, operation: str) -> tuple[bool, int, BaseException | None]:
    """Loses the first answer to an operation: whether it came to a result, and how often the node got the request."""
    with FakeNode() as node:
        options = {} if policy is None else {"retry_policy": policy}
        client = await face.connected(*node.address, **options)
        cache = await face(client.get_or_create_cache("repeated"))
        await face(cache.put(1, "one"))
        before = node.requests[operation]
        node.rule(operation, fake.cut(0))
        error: BaseException | None = None
        try:
            await face(cache.get(1) if operation == "get" else cache.put(1, "two"))
        except ConnectionLostError as raised:
            error = raised
        await face(client.close())
        return error is None, node.requests[operation] - before, error


@pytest.mark.parametrize(
    ("policy", "get", "put"),
    [(None, 2, 1), ("reads", 2, 1), ("read", 2, 1), ("none", 1, 1), ("all", 2, 2)],
    ids=str,
)
async def test_what_is_repeated(face: Face, policy: str | None, get: int, put: int) -> None:
    for operation, times in (("get", get), ("put", put)):
        succeeded, requests, error = await lost(face, policy, operation)
        assert (succeeded, requests) == (times == 2, times), operation
        assert error is None or error.sent == "maybe"  # type: ignore[attr-defined]


async def test_a_function_decides(face: Face) -> None:
    asked: list[tuple[str, int, str]] = []

    def decide(operation: str, attempts: int, error: BaseException) -> bool:
        asked.append((operation, attempts, type(error).__name__))
        return operation == "OP_CACHE_PUT"

    assert (await lost(face, decide, "put"))[:2] == (True, 2)
    assert (await lost(face, decide, "get"))[:2] == (False, 1)
    assert asked == [("OP_CACHE_PUT", 1, "ConnectionLostError"), ("OP_CACHE_GET", 1, "ConnectionLostError")]


async def test_a_policy_that_is_none_of_these_is_told_at_connect(face: Face) -> None:
    with FakeNode() as node:
        for policy in ("sometimes", 5, ""):
            with pytest.raises(ParameterError, match="retry_policy"):
                await face.connected(*node.address, retry_policy=policy)


# --- versions -------------------------------------------------------------------------------------------------------------------


class Abrupt(Accepting):
    """A server of an old version that hangs up when it refuses a newer one, as some that are no Java do."""

    def __init__(self) -> None:
        self.offers: list[tuple[int, int, int]] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        with connection:
            offer = struct.unpack_from("<hhh", connection.recv(1000), 5)
            self.offers.append(offer)
            if offer > (1, 3, 0):
                connection.sendall(struct.pack("<i?hhhbii", 16, False, 1, 3, 0, 9, 0, 1))
            else:
                connection.sendall(struct.pack("<i?", 1, True))
                connection.recv(1000)


class Flooding(Accepting):
    """A server that answers the handshake, and the first request with answers to others, without end."""

    def serve(self, connection: socket.socket) -> None:
        accepted = b"\x01\x0c" + struct.pack("<i", 0) + b"\x0a" + bytes(16)
        with connection, contextlib.suppress(OSError):
            connection.recv(1000)
            connection.sendall(struct.pack("<i", len(accepted)) + accepted)
            connection.recv(1000)
            while True:
                connection.sendall(struct.pack("<iqh", 10, -5, 0) * 5_000)


async def test_answers_to_nobody_without_end_do_not_hold_a_call(face: Face) -> None:
    server = Flooding()
    client = await face.connected("127.0.0.1", server.port, partition_aware=False, timeout=0.5)
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(OperationTimeoutError):
            await face(client.get_cache_names())
        assert time.monotonic() - begin < 0.5 + 0.25
    await face(client.close())
    server.close()


async def test_a_server_that_hangs_up_after_a_refusal_is_called_again(face: Face) -> None:
    server = Abrupt()
    client = await face.connected("127.0.0.1", server.port, partition_aware=False)
    assert client.protocol_context.version == (1, 3, 0)
    assert server.offers == [(1, 7, 0), (1, 3, 0)]
    await face(client.close())
    server.close()
