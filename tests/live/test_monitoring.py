"""Events on a cluster of several nodes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from pyignite_rs import monitoring

from ..conftest import Face
from ..support.cluster import Cluster, make_class_archive
from ..support.listening import Ear

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    make_class_archive()
    with Cluster(2) as running:
        yield running


async def test_each_node_is_told_of(face: Face, nodes: Cluster, cache_name: str) -> None:
    ear = Ear(monitoring)
    client = await face.connected(nodes.addresses, event_listeners=ear.listeners)
    ports = {port for _, port in nodes.addresses}
    heard = ear.take()
    end = time.monotonic() + 5
    # A node that takes its time to answer is met in the background.
    while len([1 for told, _ in heard if told == "on_handshake_success"]) < len(ports) and time.monotonic() < end:
        await asyncio.sleep(0.05)
        heard += ear.take()
    for method in ("on_handshake_start", "on_handshake_success"):
        assert {event.port for told, event in heard if told == method} == ports
    cache = await face(client.create_cache(cache_name))
    for key in range(40):
        await face(cache.put(key, key))
    gets = [(method, event) for method, event in ear.take() if event.op_name == "OP_CACHE_PUT"]
    assert {event.port for _, event in gets} == ports
    assert len(gets) == 80
    await face(cache.destroy())
    await face(client.close())
    assert {event.port for method, event in ear.take() if method == "on_connection_closed"} == ports


async def test_a_call_with_many_keys_is_told_as_its_parts(face: Face, nodes: Cluster, cache_name: str) -> None:
    ear = Ear(monitoring)
    client = await face.connected(nodes.addresses, event_listeners=ear.listeners)
    cache = await face(client.create_cache(cache_name))
    # From here on it knows where keys live.
    await face(cache.put(1, 1))
    ear.take()
    await face(cache.put_all({key: key for key in range(100)}))
    assert await face(cache.get_all(range(100))) == {key: key for key in range(100)}
    assert {thread for _, _, thread in ear.heard} == {threading.current_thread()}
    heard = ear.take()
    for name in ("OP_CACHE_PUT_ALL", "OP_CACHE_GET_ALL"):
        parts = [(method, event.port, event.query_id) for method, event in heard if event.op_name == name]
        started = [part[1:] for part in parts if part[0] == "on_query_start"]
        assert {port for port, _ in started} == {port for _, port in nodes.addresses}
        assert sorted(part[1:] for part in parts if part[0] == "on_query_success") == sorted(started)
    await face(cache.destroy())
    await face(client.close())
