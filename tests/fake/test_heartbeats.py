"""Which connections get heartbeats, and when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from pyignite_rs.exceptions import ConnectionLostError, ParameterError
from pyignite_rs.testing import FakeNode, silence, throttle

from ..conftest import Face
from ..support import tls
from ..support.tls import Front


async def after_a_second(face: Face, node: FakeNode, **options: Any) -> dict[str, int]:
    """What a node is asked over a connection that nobody uses for a while."""
    client = await face.connected(*node.address, **options)
    await face(client.get_or_create_cache("c"))
    node.reset_counters()
    await asyncio.sleep(1.3)
    asked = dict(node.requests)
    await face(client.close())
    return asked


async def test_the_first_asks_how_long_the_server_waits(face: Face) -> None:
    with FakeNode() as node:
        assert await after_a_second(face, node) == {"get_idle_timeout": 1}


async def test_the_others_follow_at_the_interval(face: Face) -> None:
    with FakeNode() as node:
        asked = await after_a_second(face, node, heartbeat_interval=0.2)
    assert asked["get_idle_timeout"] == 1
    assert 3 <= asked["heartbeat"] <= 8


async def test_they_are_encrypted_where_all_is(face: Face, tmp_path: Path) -> None:
    certificate = tls.Workshop(tmp_path).alone("server")
    with FakeNode({"c": {1: 2}}) as node, Front(node.address, certificate) as front:
        client = await face.connected(*front.address, use_ssl=True, heartbeat_interval=0.2, heartbeat_timeout=0.5)
        cache = await face(client.get_cache("c"))
        for _ in range(2):
            node.reset_counters()
            await asyncio.sleep(0.8)
            assert node.requests["heartbeat"] + node.requests["get_idle_timeout"] >= 2
            assert await face(cache.get(1)) == 2
        assert node.accepted == 1
        await face(client.close())


async def test_none_are_sent_where_they_are_not_known_or_not_wanted(face: Face) -> None:
    with FakeNode(features=0) as node:
        assert await after_a_second(face, node, heartbeat_interval=0.2) == {}
    with FakeNode(newest=(1, 6, 0)) as node:
        assert await after_a_second(face, node, heartbeat_interval=0.2) == {}
    with FakeNode() as node:
        assert await after_a_second(face, node, heartbeat_interval=0) == {}


async def test_none_are_sent_while_calls_pass(face: Face) -> None:
    with FakeNode() as node:
        client = await face.connected(*node.address, heartbeat_interval=0.2)
        cache = await face(client.get_or_create_cache("c"))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            await face(cache.put(1, 1))
            await asyncio.sleep(0.01)
        asked = dict(node.requests)
        await face(client.close())
    assert asked["put"] > 30
    assert not {"heartbeat", "get_idle_timeout"} & set(asked)


async def test_a_missing_answer_ends_nothing_unless_that_is_wanted(face: Face) -> None:
    with FakeNode() as node:
        client = await face.connected(*node.address, heartbeat_interval=0.2, timeout=1.5)
        cache = await face(client.get_or_create_cache("c"))
        for each in ("heartbeat", "get_idle_timeout", "put"):
            node.rule(each, silence(), times=100)
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            await face(cache.put(1, 1))
        assert time.monotonic() - begin > 1.4
        node.forget_rules()
        await face(client.close())


async def test_a_missing_answer_ends_the_connection_with_all_its_calls(face: Face) -> None:
    with FakeNode() as node:
        client = await face.connected(*node.address, heartbeat_interval=0.2, heartbeat_timeout=0.3, retry_policy="none")
        cache = await face(client.get_or_create_cache("c"))
        for each in ("heartbeat", "get_idle_timeout", "put"):
            node.rule(each, silence(), times=100)
        begin = time.monotonic()
        with pytest.raises(ConnectionLostError, match=r"heartbeat for 0.3 s") as lost:
            await face(cache.put(1, 1))
        assert 0.3 < time.monotonic() - begin < 1.2
        assert lost.value.sent == "maybe"
        node.forget_rules()
        await face(cache.put(1, 2))
        assert await face(cache.get(1)) == 2
        await face(client.close())


async def test_bytes_of_an_answer_are_a_sign_of_life(face: Face) -> None:
    with FakeNode({"c": {1: "x" * 4_000}}) as node:
        client = await face.connected(*node.address, heartbeat_interval=0.2, heartbeat_timeout=0.3)
        cache = await face(client.get_cache("c"))
        node.rule("heartbeat", silence(), times=100)
        node.rule("get_idle_timeout", silence(), times=100)
        node.rule("get", throttle(4_000))
        begin = time.monotonic()
        assert await face(cache.get(1)) == "x" * 4_000
        assert time.monotonic() - begin > 0.8
        await face(client.close())


@pytest.mark.parametrize("option", ["heartbeat_interval", "heartbeat_timeout"])
@pytest.mark.parametrize("value", [-1, "soon", float("nan")])
async def test_times_that_are_none(face: Face, option: str, value: Any) -> None:
    with FakeNode() as node, pytest.raises(ParameterError, match=f"{option} should be a positive number of seconds"):
        await face.connected(*node.address, **{option: value})
