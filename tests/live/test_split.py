"""Operations with many keys on three nodes: carried out in parts, with results as if they were whole."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from pyignite_rs.datatypes import IntObject
from pyignite_rs.datatypes.prop_codes import PROP_BACKUPS_NUMBER, PROP_NAME
from pyignite_rs.exceptions import CacheError

from ..conftest import Face
from ..support.cluster import Cluster

pytestmark = pytest.mark.live

ENTRIES = {number: f"value {number}" for number in range(3000)}


@pytest.fixture(scope="module")
def three() -> Iterator[Cluster]:
    with Cluster(3) as cluster:
        yield cluster


@pytest_asyncio.fixture(params=[True, False], ids=["split", "whole"])
async def cache(request: pytest.FixtureRequest, face: Face, three: Cluster) -> AsyncIterator[Any]:
    client = await face.connected(three.addresses, split_multi_key=request.param)
    made = await face(client.create_cache({PROP_NAME: f"split-{face}-{request.param}", PROP_BACKUPS_NUMBER: 1}))
    # So that it is known where keys live.
    assert await face(made.get(0)) is None
    yield made
    await face(made.destroy())
    await face(client.close())


async def test_all_is_stored_and_read(face: Face, cache: Any) -> None:
    await face(cache.put_all(ENTRIES))
    assert await face(cache.get_size()) == len(ENTRIES)
    assert await face(cache.get_all(range(-10, 4000))) == ENTRIES
    assert await face(cache.get_all([])) == {}
    assert await face(cache.get_all([5])) == {5: ENTRIES[5]}
    assert await face(cache.get_all([5, 5, 6, 5])) == {5: ENTRIES[5], 6: ENTRIES[6]}


async def test_all_of_them_have_to_be_there(face: Face, cache: Any) -> None:
    await face(cache.put_all(ENTRIES))
    assert await face(cache.contains_keys(ENTRIES)) is True
    assert await face(cache.contains_keys([*ENTRIES, 5000])) is False
    assert await face(cache.contains_keys([5000, *ENTRIES])) is False


async def test_what_is_removed_is_gone(face: Face, cache: Any) -> None:
    await face(cache.put_all(ENTRIES))
    await face(cache.remove_keys(range(1000)))
    await face(cache.clear_keys(range(1000, 2000)))
    await face(cache.clear(range(2000, 2500)))
    assert await face(cache.get_all(ENTRIES)) == {number: ENTRIES[number] for number in range(2500, 3000)}


async def test_keys_keep_their_types(face: Face, cache: Any) -> None:
    await face(cache.put_all({(1, IntObject): "int", 1: "long", "1": "text", 1.5: "double"}))
    assert await face(cache.get_size()) == 4
    assert await face(cache.get_all([(1, IntObject)])) == {1: "int"}
    assert await face(cache.get_all([1, "1", 1.5])) == {1: "long", "1": "text", 1.5: "double"}


async def test_a_refusal_is_told(face: Face, cache: Any) -> None:
    with pytest.raises(CacheError) as raised:
        await face(cache.put_all({**ENTRIES, 7: None}))
    assert (raised.value.operation, raised.value.cache) == ("OP_CACHE_PUT_ALL", cache.name)
    assert await face(cache.get(1)) in (None, ENTRIES[1])


async def test_parts_work_with_all_of_asyncio(three: Cluster) -> None:
    face = Face("async")
    client = await face.connected(three.addresses)
    cache = await client.get_or_create_cache("split-asyncio")
    await cache.get(0)
    await cache.put_all(ENTRIES)
    found = await asyncio.gather(*[cache.get_all(range(number)) for number in range(1, 50)])
    assert found == [{key: ENTRIES[key] for key in range(number)} for number in range(1, 50)]
    assert await asyncio.wait_for(asyncio.create_task(cache.get_all([1, 2, 3])), 5) == {key: ENTRIES[key] for key in (1, 2, 3)}
    for turns in range(6):
        task = asyncio.create_task(cache.get_all(ENTRIES))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
    assert await cache.get_all(ENTRIES) == ENTRIES
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache.get_all([1, 2, 3, 4, 5, 6])
        gc.collect()
    assert [str(warning.message) for warning in caught] == ["coroutine 'AioCache.get_all' was never awaited"]
    await cache.destroy()
    await client.close()


async def test_nodes_can_be_looked_at(face: Face, three: Cluster) -> None:
    client = await face.connected(three.addresses)
    cache = await face(client.get_or_create_cache("looked-at"))
    ports = {port for _, port in three.addresses}
    some = client.random_node if not face.is_async else await client.random_node()
    assert (some.host, some.alive, some.closed) == ("127.0.0.1", True, False) and some.port in ports
    assert some.client is client and some.protocol_context.version >= (1, 7, 0)
    best = [await face(client.get_best_node(cache, key)) for key in range(60)]
    assert {node.port for node in best} == ports
    assert all(node.uuid is not None and node.alive for node in best)
    for where in ("looked-at", cache.cache_id):
        again = [await face(client.get_best_node(where, key)) for key in range(60)]
        assert [node.port for node in again] == [node.port for node in best]
    # An int and a long with one number are different keys with one hash code; a text is elsewhere.
    hinted = await face(client.get_best_node(cache, 7, IntObject))
    assert hinted.port == best[7].port
    assert (await face(client.get_best_node(cache))).port in ports
    await face(cache.destroy())
    await face(client.close())
