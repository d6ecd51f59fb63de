"""Connections over which nothing happens: kept alive, and noticed when the server hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs import monitoring
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import ConnectionLostError, CursorLostError, TransactionLostError

from ..conftest import Face
from ..support.cluster import Cluster
from .hanging import hanging

pytestmark = pytest.mark.live

#: Seconds after which the node ends a silent connection, and a time that is long enough for it to do so.
IDLE, LONG = 2, 5


@pytest.fixture(scope="module")
def impatient() -> Iterator[Cluster]:
    with Cluster(1, connector={"idleTimeout": IDLE * 1000}) as cluster:
        yield cluster


class Ends(monitoring.ConnectionEventListener):
    """How often a connection ended."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_connection_lost(self, event: Any) -> None:
        self.seen.append("lost")

    def on_connection_closed(self, event: Any) -> None:
        self.seen.append("closed")


async def opened(face: Face, node: Cluster, name: str, **options: Any) -> tuple[Any, Any]:
    client = await face.connected(*node.nodes[0].address, **options)
    settings = {PROP_NAME: name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
    cache = await face(client.get_or_create_cache(settings))
    await face(cache.put_all({key: key for key in range(10)}))
    return client, cache


async def use_after_silence(face: Face, client: Any, cache: Any) -> None:
    """A cursor and a transaction that nobody touches for a while, and a plain call."""
    cursor = await face(cache.scan(page_size=2))
    transaction = await face(client.tx_start())
    await face(cache.put(1, "of the transaction"))
    await asyncio.sleep(LONG)
    await face(transaction.commit())
    assert await face(cache.get(1)) == "of the transaction"
    rows = [row async for row in cursor] if face.is_async else list(cursor)
    assert len(rows) == 10


async def test_silent_connections_are_kept(face: Face, impatient: Cluster, cache_name: str) -> None:
    ends = Ends()
    client, cache = await opened(face, impatient, cache_name, event_listeners=[ends])
    await use_after_silence(face, client, cache)
    assert ends.seen == []
    await face(client.close())


async def test_without_heartbeats_the_node_ends_them(face: Face, impatient: Cluster, cache_name: str) -> None:
    ends = Ends()
    client, cache = await opened(face, impatient, cache_name, event_listeners=[ends], heartbeat_interval=0)
    with pytest.raises((CursorLostError, TransactionLostError)):
        await use_after_silence(face, client, cache)
    assert "lost" in ends.seen
    await face(client.close())


async def test_a_call_may_take_longer_than_the_node_waits(face: Face, impatient: Cluster, cache_name: str) -> None:
    client, cache = await opened(face, impatient, cache_name)
    other, same = await opened(Face("async"), impatient, cache_name)
    transaction = await other.tx_start()
    await same.put(1, "locked")

    async def release() -> None:
        await asyncio.sleep(LONG)
        await transaction.commit()

    releasing = asyncio.create_task(release())
    begin = time.monotonic()
    # It waits for the lock, in a thread of its own on the synchronous face.
    put = cache.put(1, "after") if face.is_async else asyncio.to_thread(cache.put, 1, "after")
    await put
    assert time.monotonic() - begin > LONG - 1
    await releasing
    assert await face(cache.get(1)) == "after"
    await other.close()
    await face(client.close())


async def test_a_node_that_hangs_is_noticed(face: Face, impatient: Cluster, cache_name: str) -> None:
    client, cache = await opened(face, impatient, cache_name, heartbeat_interval=0.5, heartbeat_timeout=0.5)
    await asyncio.sleep(1)
    assert await face(cache.get(2)) == 2
    with hanging(impatient.nodes[0]):
        begin = time.monotonic()
        with pytest.raises(ConnectionLostError, match=r"has not answered a heartbeat for 0.5 s") as lost:
            await face(cache.put(2, "unknown"))
        took = time.monotonic() - begin
    assert lost.value.sent == "maybe"
    assert 0.4 < took < 1.5
    assert await face(cache.get(3)) == 3
    await face(client.close())
