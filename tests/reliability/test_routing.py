"""Calls with a key go to the node that has it: always, soon after every change, and without asking the servers all the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

import pyignite_rs
from pyignite_rs import GenericObjectMeta
from pyignite_rs.datatypes import IntObject, String
from pyignite_rs.datatypes.cache_config import CacheMode
from pyignite_rs.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_KEY_CONFIGURATION,
    PROP_CACHE_MODE,
    PROP_NAME,
)
from pyignite_rs.exceptions import connection_errors

from ..conftest import Face, Reached
from ..support.balance import wait_for_rest
from ..support.cluster import Cluster, make_class_archive
from ..support.proxies import ENDPOINTS, GET, MAP, PUT, Proxies

pytestmark = [pytest.mark.live, pytest.mark.slow]

PLACEMENT: dict[str, int | str] = {"ten-": 10, "thousand-": 1000, "filtered-": "filtered"}

#: Part of the calls that have to reach the node of their key directly.
DIRECT = 0.99


@pytest.fixture(scope="module")
def three() -> Iterator[Cluster]:
    make_class_archive()
    with Cluster(3, placement=PLACEMENT) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def proxies(three: Cluster) -> Iterator[Proxies]:
    with Proxies(three) as running:
        yield running


@pytest_asyncio.fixture
async def client(face: Face, proxies: Proxies) -> AsyncIterator[Any]:
    connected = await face.connected(proxies.addresses, timeout=30)
    yield connected
    await face(connected.close())


def homes(cluster: Cluster, name: str, nodes: range | None = None) -> dict[Any, int]:
    """The node of each key of a cache without backups: each node is asked what it has itself."""
    found: dict[Any, int] = {}
    for index in nodes or range(len(cluster.nodes)):
        client = pyignite_rs.Client(partition_aware=False)
        with client.connect(*cluster.addresses[index]):
            for key, _ in client.get_cache(name).scan(local=True):
                assert key not in found
                found[key] = index
    return found


async def hits(face: Face, cache: Any, proxies: Proxies, home: dict[Any, int]) -> float:
    """The part of the keys whose get goes to their node and nowhere else."""
    right = 0
    for key, index in home.items():
        before = proxies.counts(GET)
        await face(cache.get(key))
        after = proxies.counts(GET)
        right += [there - here for here, there in zip(before, after, strict=True)] == [int(at == index) for at in range(3)]
    return right / len(home)


class Key(metaclass=GenericObjectMeta, type_name="RoutingKey", schema={"name": String, "group": IntObject}):
    pass


class Told(metaclass=GenericObjectMeta, type_name="RoutingKeyOfType", schema={"name": String, "group": IntObject}):
    pass


KEY_FIELD = [{"type_name": "RoutingKey", "affinity_key_field_name": "group"}]

KINDS: dict[str, tuple[Any, Callable[[int], Any]]] = {
    "int keys": ({}, lambda number: number),
    "text keys": ({}, lambda number: f"key {number}"),
    "10 partitions": ("ten-", lambda number: number),
    "1000 partitions": ("thousand-", lambda number: number),
    "a filter of nodes": ("filtered-", lambda number: number),
    "key field of the cache": ({PROP_CACHE_KEY_CONFIGURATION: KEY_FIELD}, lambda number: Key(f"name {number}", number // 3)),
    "key field of the type": ({}, lambda number: Told(f"name {number}", number // 3)),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_with_a_key_go_to_the_node_that_has_it(
    face: Face, client: Any, proxies: Proxies, three: Cluster, cache_name: str, kind: str
) -> None:
    settings, make = KINDS[kind]
    if isinstance(settings, str):
        cache = await face(client.create_cache(settings + cache_name))
    else:
        cache = await face(client.create_cache({PROP_NAME: cache_name} | settings))
    if kind == "key field of the type":
        await face(client.register_binary_type(Told, "group"))
    await face(cache.put(make(-1), 0))
    await asyncio.sleep(0.2)
    await face(cache.get(make(-1)))
    proxies.forget()
    for number in range(300):
        await face(cache.put(make(number), number))
    puts, maps = proxies.counts(PUT), sum(proxies.counts(MAP))
    home = homes(three, cache.name)
    # Of few partitions one node may have got none.
    assert len(home) == 301 and len(set(home.values())) >= (2 if kind == "10 partitions" else 3)
    there = [sum(at == index for at in home.values()) for index in range(3)]
    # One more key is there, which was put before the count began.
    assert sum(puts) == 300 and sum(abs(put - keys) for put, keys in zip(puts, there, strict=True)) <= 1 + 300 * (1 - DIRECT) * 2
    assert maps <= 1
    assert await hits(face, cache, proxies, home) >= DIRECT
    assert sum(proxies.counts(MAP)) <= 1
    await face(cache.destroy())


async def test_where_keys_can_not_be_found_calls_are_right_all_the_same(
    face: Face, client: Any, proxies: Proxies, cache_name: str
) -> None:
    """Of a replicated cache servers tell no owners, as of caches with an affinity function of their own."""
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_CACHE_MODE: CacheMode.REPLICATED}))
    proxies.forget()
    for number in range(200):
        await face(cache.put(number, -number))
    assert [await face(cache.get(number)) for number in range(200)] == [-number for number in range(200)]
    # They are asked once; no node is better than another.
    assert sorted(proxies.counts(PUT)) == [0, 0, 200]
    assert sum(proxies.counts(MAP)) <= 1
    await face(cache.destroy())


async def test_one_map_serves_all_objects_of_a_cache(face: Face, client: Any, proxies: Proxies, cache_name: str) -> None:
    await face(client.create_cache(cache_name))
    proxies.forget()
    for _ in range(100):
        assert await face((await face(client.get_cache(cache_name))).get(1)) is None
    assert sum(proxies.counts(MAP)) <= 1


async def test_without_partition_awareness_all_goes_to_one_node(face: Face, proxies: Proxies, cache_name: str) -> None:
    """The counts of the other tests can tell the difference."""
    client = await face.connected(proxies.addresses, partition_aware=False)
    cache = await face(client.create_cache(cache_name))
    proxies.forget()
    for number in range(100):
        await face(cache.put(number, number))
    assert sorted(proxies.counts(PUT)) == [0, 0, 100] and sum(proxies.counts(MAP)) == 0
    await face(cache.destroy())
    await face(client.close())


async def test_a_client_that_was_told_one_address_finds_the_others(
    face: Face, proxies: Proxies, three: Cluster, cache_name: str
) -> None:
    client = await face.connected(*proxies[1].address)
    cache = await face(client.create_cache(cache_name))
    for number in range(200):
        await face(cache.put(number, number))
    await asyncio.sleep(0.5)
    assert await hits(face, cache, proxies, homes(three, cache_name)) >= DIRECT
    await face(cache.destroy())
    await face(client.close())


async def test_a_lost_connection_harms_no_call_at_other_nodes(proxies: Proxies, three: Cluster, cache_name: str) -> None:
    face = Face("async")
    client = await face.connected(proxies.addresses)
    cache = await client.create_cache(cache_name)
    await cache.put_all({key: key for key in range(300)})
    home = await asyncio.to_thread(homes, three, cache_name)
    await hits(face, cache, proxies, home)
    for turn in range(30):
        broken = turn % 3
        calls = {key: asyncio.ensure_future(cache.put(key, key)) for key in range(300)}
        await asyncio.sleep(0.002 * (turn % 5))
        proxies[broken].kick()
        # More calls, which find one node without a connection.
        calls |= {-key - 1: asyncio.ensure_future(cache.get(key)) for key in range(300)}
        _, hanging = await asyncio.wait(calls.values(), timeout=10)
        assert not hanging, f"{len(hanging)} of {len(calls)} calls were forgotten"
        for key, call in calls.items():
            if (error := call.exception()) is not None:
                assert isinstance(error, connection_errors), error
                # Calls of the node that lost its connection, or that took its place in the round before.
                assert home[key if key >= 0 else -key - 1] == broken or turn > 0, (key, error)
    await cache.destroy()
    await client.close()


# --- changes ---------------------------------------------------------------------------------------------------------------------


class Watched:
    """A client, and how directly its calls go."""

    def __init__(self, face: Face, cluster: Cluster, proxies: Proxies) -> None:
        self.face = face
        self.cluster = cluster
        self.proxies = proxies

    async def connect(self) -> None:
        self.client = await self.face.connected(self.proxies.addresses, timeout=30)
        self.cache = await self.face(self.client.get_cache("alone"))
        self.other = await self.face(self.client.get_cache("safe"))

    async def call(self, seconds: float = 0.0) -> tuple[int, int]:
        """Reads and writes of both caches for a while; how many, and how many errors."""
        end = time.monotonic() + seconds
        calls = errors = 0
        while calls == 0 or time.monotonic() < end:
            for number in range(20):
                calls += 1
                try:
                    await self.face(self.other.put(number, number))
                    assert await self.face(self.other.get(number)) == number
                    await self.face(self.cache.get(number))
                except connection_errors:
                    errors += 1
        return calls, errors

    async def settles(self, nodes: range) -> float:
        """Seconds until at least 99 % of the calls are direct."""
        begin = time.monotonic()
        await asyncio.to_thread(wait_for_rest, self.cluster, nodes)
        home = await asyncio.to_thread(homes, self.cluster, "alone", nodes)
        assert len(home) == 200
        assert set(home.values()) == set(nodes)
        begin = time.monotonic()
        while (part := await hits(self.face, self.cache, self.proxies, home)) < DIRECT:
            assert time.monotonic() - begin < 5, part
        return time.monotonic() - begin


def fill(cluster: Cluster, nodes: range) -> None:
    client = pyignite_rs.Client()
    with client.connect([cluster.addresses[index] for index in nodes]):
        alone = client.get_or_create_cache("alone")
        alone.put_all({number: number for number in range(200)})
        client.get_or_create_cache({PROP_NAME: "safe", PROP_BACKUPS_NUMBER: 1}).put_all({number: number for number in range(20)})


async def test_nodes_that_join_leave_and_start_anew(reached: Reached) -> None:
    make_class_archive()
    cluster = Cluster(3)
    try:
        cluster[0].start()
        cluster[1].start()
        fill(cluster, range(2))
        with Proxies(cluster) as proxies:
            watched = [Watched(Face(name), cluster, proxies) for name in ("sync", "async")]
            for each in watched:
                await each.connect()
                await each.call()
                assert await each.settles(range(2)) < 5

            # A node joins, and the change takes no more than one map request for each client and version of the topology.
            proxies.forget()
            cluster[2].start()
            for each in watched:
                _, errors = await each.call(0.2)
                assert errors == 0
                assert await each.settles(range(3)) < 5
            changes = 2  # The node joined; the data that it got became its own.
            assert sum(proxies.counts(MAP)) <= changes * len(watched), proxies.counts(MAP)
            assert sum(proxies.counts(ENDPOINTS)) <= changes * len(watched)

            # A node dies: its calls in flight may fail, and what comes after is direct.
            proxies.forget()
            cluster[2].kill()
            for each in watched:
                _, errors = await each.call(1.0)
                assert errors <= 20
            await asyncio.to_thread(fill, cluster, range(2))
            for each in watched:
                _, errors = await each.call(0.2)
                assert errors == 0
                assert await each.settles(range(2)) < 5
            assert sum(proxies.counts(MAP)) <= 2 * len(watched), proxies.counts(MAP)

            # All nodes die. The cluster that comes instead counts its versions from the beginning.
            for node in cluster.nodes:
                node.kill()
            for each in watched:
                with pytest.raises(connection_errors):
                    await each.face(each.cache.get(1))
            cluster[0].start()
            cluster[1].start()
            fill(cluster, range(2))
            for each in watched:
                # The back-off of a node that was down is over after a second or two.
                await asyncio.sleep(1)
                await each.call(0.2)
                proxies.forget()
                assert await each.settles(range(2)) < 5
                for _ in range(50):
                    await each.call()
                assert sum(proxies.counts(MAP)) <= 2
                await each.face(each.client.close())
            figure = "99 % direct within 5 s on both faces, at most one map request for a change and client"
            reached("G22", "a node joined, one was killed, the cluster started anew", figure)
    finally:
        cluster.close()
