"""The cluster's state on a real persistent cluster, which goes down, read-only and up again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import pyignite_rs
from pyignite_rs import aio_cluster, cluster
from pyignite_rs.datatypes import ClusterState
from pyignite_rs.exceptions import CacheError, ClusterError, NotSupportedByClusterError
from pyignite_rs.testing import FakeNode, refusal

from ..conftest import Face
from ..support.cluster import Cluster

pytestmark = pytest.mark.live


@pytest_asyncio.fixture
async def persistent(face: Face, guarded: Cluster) -> AsyncIterator[Any]:
    """A client of a persistent cluster, which is active again afterwards."""
    client = await face.connected(*guarded.addresses[0], username="ignite", password="ignite")
    yield client
    await face(client.get_cluster().set_state(ClusterState.ACTIVE))
    await face(client.close())


async def test_a_cluster_goes_inactive_read_only_and_active(face: Face, persistent: Any, cache_name: str) -> None:
    whole = persistent.get_cluster()
    assert await face(whole.get_state()) is ClusterState.ACTIVE
    cache = await face(persistent.create_cache(cache_name))
    await face(cache.put(1, "kept"))

    assert await face(whole.set_state(ClusterState.INACTIVE)) is None
    assert await face(whole.get_state()) is ClusterState.INACTIVE
    with pytest.raises(CacheError, match=r"(?i)inactive|not active"):
        await face(cache.get(1))

    await face(whole.set_state(ClusterState.ACTIVE_READ_ONLY))
    assert await face(whole.get_state()) is ClusterState.ACTIVE_READ_ONLY
    assert await face(cache.get(1)) == "kept"
    with pytest.raises(CacheError, match=r"(?i)read-only"):
        await face(cache.put(1, "changed"))
    assert await face(cache.get(1)) == "kept"

    # A plain number does as well, as in pyignite.
    await face(whole.set_state(1))
    assert await face(whole.get_state()) == 1
    await face(cache.put(1, "changed"))
    assert await face(cache.get(1)) == "changed"
    await face(cache.destroy())


async def test_a_cluster_in_memory_is_active(face: Face, client: Any) -> None:
    state = await face(client.get_cluster().get_state(timeout=5))
    assert state is ClusterState.ACTIVE
    await face(client.get_cluster().set_state(ClusterState.ACTIVE))


async def test_the_objects_of_both_faces(face: Face, client: Any) -> None:
    module = aio_cluster if face.is_async else cluster
    whole = client.get_cluster()
    assert type(whole) is (module.AioCluster if face.is_async else module.Cluster)
    assert type(whole) is type(type(whole)(client))
    assert repr(whole) == f"<{type(whole).__name__}>"
    if face.is_async:
        call = whole.get_state()
        assert call.__qualname__ == "AioCluster.get_state"
        call.close()


@pytest.mark.parametrize("state", [-1, 3, 256], ids=str)
async def test_a_state_that_does_not_exist(face: Face, client: Any, state: int) -> None:
    with pytest.raises(ValueError, match=f"{state} is no state"):
        await face(client.get_cluster().set_state(state))
    with pytest.raises(TypeError):
        await face(client.get_cluster().set_state("ACTIVE"))


@pytest.mark.parametrize("newest", [(1, 2, 0), (1, 6, 0)], ids=str)
async def test_a_cluster_that_is_too_old(face: Face, newest: tuple[int, int, int]) -> None:
    with FakeNode(newest=newest) as node:
        client = await face.connected(*node.address)
        for call in (client.get_cluster().get_state, lambda: client.get_cluster().set_state(ClusterState.ACTIVE)):
            with pytest.raises(NotSupportedByClusterError, match=f"1.{newest[1]}.0"):
                await face(call())
        assert not node.requests
        await face(client.close())


async def test_refusals_are_errors_of_the_cluster(face: Face) -> None:
    with FakeNode() as node:
        client = await face.connected(*node.address)
        node.rule("cluster_get_state", refusal(2, "Invalid request op code: 5000"))
        with pytest.raises(ClusterError) as caught:
            await face(client.get_cluster().get_state())
        assert (caught.value.code, caught.value.operation, caught.value.cache) == (2, "OP_CLUSTER_GET_STATE", None)
        assert not isinstance(caught.value, CacheError)
        await face(client.close())


async def test_before_connect_and_after_close(face: Face) -> None:
    client = face.client()
    with pytest.raises(pyignite_rs.exceptions.ClientClosedError):
        await face(client.get_cluster().get_state())
