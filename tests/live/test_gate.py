"""The gate in front of a real node: faults at exact points, and what the client makes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from pyignite_rs import exceptions
from pyignite_rs.testing import (
    Action,
    GateProxy,
    cut,
    deaf,
    dribble,
    garble,
    half_close,
    hold,
    keep,
    repeat,
    silence,
    swap,
    throttle,
)

from ..conftest import Face


@pytest.fixture
def gate(address: tuple[str, int]) -> Iterator[GateProxy]:
    with GateProxy(*address) as passing:
        yield passing


@pytest_asyncio.fixture
async def cache(face: Face, gate: GateProxy, cache_name: str) -> AsyncIterator[Any]:
    """A cache with one entry, 1 -> 'one', reached through the gate alone."""
    client = await face.connected(*gate.address, timeout=5.0, partition_aware=False)
    made = await face(client.create_cache(cache_name))
    await face(made.put(1, "one"))
    gate.reset_counters()
    yield made
    gate.forget_rules()
    gate.release()
    await face(made.destroy())
    await face(client.close())


async def test_what_passes_is_counted_and_left_as_it_is(face: Face, gate: GateProxy, cache: Any) -> None:
    values = {key: f"value {key}" * key for key in range(100)}
    await face(cache.put_all(values))
    assert await face(cache.get_all(values)) == values
    for key in range(20):
        assert await face(cache.get(key)) == values[key]
    big = bytes(range(256)) * (1 << 14)
    await face(cache.put(1, big))
    assert await face(cache.get(1)) == big
    assert gate.requests == {"put_all": 1, "get_all": 1, "get": 21, "put": 1}
    assert sum(gate.requests_by_connection) == 24 and gate.open >= 1


@pytest.mark.parametrize("length", [0, 1, 4, 12, 13])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_write_whose_answer_is_cut(face: Face, gate: GateProxy, cache: Any, length: int, reset: bool) -> None:
    gate.rule("put", cut(length, reset))
    with pytest.raises(exceptions.ConnectionLostError) as caught:
        await face(cache.put(1, "two"))
    assert caught.value.sent == "maybe" and gate.requests["put"] == 1
    # The node has carried it out.
    assert await face(cache.get(1)) == "two"


async def test_a_write_whose_request_is_cut(face: Face, gate: GateProxy, cache: Any) -> None:
    gate.rule("put", cut(20), on="request")
    with pytest.raises(exceptions.ConnectionLostError) as caught:
        await face(cache.put(1, "two"))
    assert caught.value.sent == "maybe"
    assert await face(cache.get(1)) == "one"


@pytest.mark.parametrize("action", [dribble(0.001), throttle(2_000), hold(0.1), repeat()], ids=lambda action: action.kind)
@pytest.mark.parametrize("on", ["request", "answer"])
async def test_slow_ways_and_doubled_messages_change_nothing(
    face: Face, gate: GateProxy, cache: Any, action: Action, on: Any
) -> None:
    gate.rule("get", action, times=3, on=on)
    assert [await face(cache.get(1)) for _ in range(6)] == ["one"] * 6


async def test_a_lost_request_and_a_lost_answer_look_alike(face: Face, gate: GateProxy, cache: Any) -> None:
    for on, stored in (("request", "one"), ("answer", "two")):
        gate.rule("put", silence(), on=on)
        with pytest.raises(exceptions.OperationTimeoutError) as caught:
            await face(cache.put(1, "two", timeout=0.2))
        assert caught.value.sent == "maybe"
        assert await face(cache.get(1)) == stored


async def test_a_garbled_request_is_refused_by_the_node(face: Face, gate: GateProxy, cache: Any) -> None:
    # The type code of the key.
    gate.rule("put", garble(19), on="request")
    with pytest.raises((exceptions.ConnectionLostError, exceptions.CacheError)):
        await face(cache.put(1, "two"))
    assert await face(cache.get(1)) == "one"


async def test_half_closed_connections_are_over(face: Face, gate: GateProxy, cache: Any) -> None:
    gate.rule("get", half_close(5))
    assert await face(cache.get(1)) == "one"
    assert gate.requests["get"] == 2


async def test_a_node_that_hangs_and_goes_on(face: Face, gate: GateProxy, cache: Any) -> None:
    gate.rule("put", deaf(), on="request")
    begin = time.monotonic()
    with pytest.raises(exceptions.OperationTimeoutError):
        await face(cache.put(1, "two", timeout=0.2))
    assert time.monotonic() - begin < 0.45
    gate.release()
    end = time.monotonic() + 2
    while await face(cache.get(1)) != "two":
        assert time.monotonic() < end


async def test_kept_requests_reach_the_node_when_they_are_released(gate: GateProxy, cache_name: str) -> None:
    client = await Face("async").connected(*gate.address, partition_aware=False)
    cache = await client.create_cache(cache_name)
    gate.rule("put", keep(), times=2, on="request")
    calls = [asyncio.ensure_future(cache.put(key, key)) for key in (1, 2)]
    assert await cache.get_size() == 0
    gate.release()
    await asyncio.gather(*calls)
    assert await cache.get_size() == 2
    await cache.destroy()
    await client.close()


async def test_swapped_answers_of_a_node_find_their_callers(gate: GateProxy, cache_name: str) -> None:
    client = await Face("async").connected(*gate.address, partition_aware=False)
    cache = await client.create_cache(cache_name)
    await cache.put_all({key: key * key for key in range(100)})
    gate.rule("get", swap(), times=100)
    assert await asyncio.gather(*(cache.get(key) for key in range(100))) == [key * key for key in range(100)]
    await cache.destroy()
    await client.close()
