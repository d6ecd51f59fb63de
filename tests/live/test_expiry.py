"""Expiry policies with real time: of a cache and of single calls."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from pyignite_rs.datatypes import ExpiryPolicy
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_EXPIRY_POLICY, PROP_NAME
from pyignite_rs.exceptions import NotSupportedByClusterError
from pyignite_rs.testing import FakeNode

from ..conftest import Face

pytestmark = pytest.mark.live

#: Long enough for a slow machine to do a few calls in, in milliseconds.
SHORT = 600
#: A time that no test waits for.
LONG = 600_000


async def lives_until(face: Face, cache: Any, key: Any, started: float) -> float:
    """Milliseconds from `started` until the key is gone. Asks whether it is there, which is no access."""
    while await face(cache.contains_key(key)):
        assert time.monotonic() - started < 15
        await asyncio.sleep(0.02)
    return (time.monotonic() - started) * 1000


def is_about(measured: float) -> bool:
    """Whether an entry lived as long as it was to."""
    return SHORT - 20 <= measured <= SHORT + 3000


@pytest.mark.parametrize("given", [SHORT, timedelta(milliseconds=SHORT)], ids=["ms", "timedelta"])
@pytest.mark.parametrize("way", ["cache", "decorator", "policy"])
async def test_created_entries_expire(face: Face, client: Any, cache_name: str, way: str, given: Any) -> None:
    policy = ExpiryPolicy(create=given)
    settings = {PROP_NAME: cache_name, **({PROP_EXPIRY_POLICY: policy} if way == "cache" else {})}
    plain = await face(client.create_cache(settings))
    cache = {"cache": plain, "decorator": plain.with_expire_policy(create=given), "policy": plain.with_expire_policy(policy)}[way]
    await face(plain.put("stays", 1) if way != "cache" else plain.with_expire_policy(create=LONG).put("stays", 1))
    started = time.monotonic()
    await face(cache.put("goes", 1))
    assert await face(cache.get("goes")) == 1
    assert is_about(await lives_until(face, plain, "goes", started))
    assert await face(plain.get("goes")) is None
    assert await face(plain.get("stays")) == 1
    await face(plain.destroy())


@pytest.mark.parametrize("way", ["cache", "decorator"])
async def test_updates_set_the_time_again(face: Face, client: Any, cache_name: str, way: str) -> None:
    policy = ExpiryPolicy(create=LONG, update=SHORT)
    settings = {PROP_NAME: cache_name, **({PROP_EXPIRY_POLICY: policy} if way == "cache" else {})}
    plain = await face(client.create_cache(settings))
    cache = plain if way == "cache" else plain.with_expire_policy(policy)
    await face(cache.put_all({"updated": 1, "created": 1}))
    started = time.monotonic()
    assert await face(cache.replace("updated", 2))
    assert is_about(await lives_until(face, plain, "updated", started))
    assert await face(plain.get("created")) == 1
    await face(plain.destroy())


@pytest.mark.parametrize("way", ["cache", "decorator"])
async def test_reading_sets_the_time_again(face: Face, client: Any, cache_name: str, way: str) -> None:
    policy = ExpiryPolicy(create=SHORT, access=SHORT)
    settings = {PROP_NAME: cache_name, **({PROP_EXPIRY_POLICY: policy} if way == "cache" else {})}
    plain = await face(client.create_cache(settings))
    cache = plain if way == "cache" else plain.with_expire_policy(policy)
    await face(cache.put_all({"read": 1, "not read": 1}))
    begin = started = time.monotonic()
    while time.monotonic() - begin < SHORT / 1000 * 3:
        started = time.monotonic()
        assert await face(cache.get("read")) == 1
        await asyncio.sleep(0.05)
    assert await face(plain.get("not read")) is None
    assert is_about(await lives_until(face, plain, "read", started))
    await face(plain.destroy())


async def test_eternal_and_unchanged(face: Face, cache: Any) -> None:
    short = cache.with_expire_policy(create=SHORT, update=SHORT)
    await face(short.put_all({"eternal": 1, "unchanged": 1}))
    started = time.monotonic()
    # One update leaves the time alone, the other lifts it.
    await face(cache.with_expire_policy(update=ExpiryPolicy.UNCHANGED, create=LONG).put("unchanged", 2))
    await face(cache.with_expire_policy(update=ExpiryPolicy.ETERNAL).put("eternal", 2))
    assert is_about(await lives_until(face, cache, "unchanged", started))
    assert await face(cache.get("eternal")) == 2


async def test_zero_expires_at_once(face: Face, cache: Any) -> None:
    await face(cache.with_expire_policy(create=0).put(1, "never seen"))
    assert await face(cache.get(1)) is None
    await face(cache.put(2, "seen"))
    await face(cache.with_expire_policy(update=timedelta()).put(2, "not seen"))
    assert not await face(cache.contains_key(2))
    await face(cache.put(3, "seen once"))
    assert await face(cache.with_expire_policy(access=0).get(3)) == "seen once"
    assert not await face(cache.contains_key(3))


async def test_every_operation_carries_the_policy(face: Face, cache: Any) -> None:
    """A request whose header is wrong makes the server hang up or answer something else."""
    short = cache.with_expire_policy(create=LONG, update=LONG, access=LONG)
    assert await face(short.put_if_absent(1, "a")) is True
    assert await face(short.get_and_put(1, "b")) == "a"
    assert await face(short.get_and_replace(1, "c")) == "b"
    assert await face(short.get_and_put_if_absent(1, "d")) == "c"
    assert await face(short.replace(1, "d")) is True
    assert await face(short.replace_if_equals(1, "d", "e")) is True
    assert await face(short.get_all([1])) == {1: "e"}
    assert await face(short.contains_keys([1])) is True
    assert await face(short.get_size()) == 1
    assert await face(short.remove_if_equals(1, "x")) is False
    assert await face(short.get_and_remove(1)) == "e"
    assert await face(short.remove_key(1)) is False
    await face(short.put_all({1: 1, 2: 2, 3: 3, 4: 4}))
    await face(short.remove_keys([1]))
    await face(short.clear_key(2))
    await face(short.clear_keys([3]))
    assert await face(short.get_size()) == 1
    await face(short.clear())
    await face(short.remove_all())
    assert await face(short.get_size()) == 0


async def test_a_decorated_cache_is_another_object_of_the_same_class(face: Face, client: Any, cache: Any) -> None:
    policy = ExpiryPolicy(create=timedelta(seconds=1), update=5, access=ExpiryPolicy.ETERNAL)
    other = cache.with_expire_policy(policy, create=LONG)
    assert type(other) is type(cache) and other is not cache
    assert (other.name, other.cache_id, other.client) == (cache.name, cache.cache_id, cache.client)
    assert other.expiry_policy is policy and cache.expiry_policy is None
    again = other.with_expire_policy(access=7)
    assert again.expiry_policy == ExpiryPolicy(access=7)
    # The class itself takes a policy too, as in pyignite.
    assert type(cache)(client, cache.name, policy).expiry_policy is policy
    assert type(cache)(client, cache.name, expiry_policy=None).expiry_policy is None


async def test_a_policy_of_a_cache_is_read_back_in_milliseconds(face: Face, client: Any, cache_name: str) -> None:
    policy = ExpiryPolicy(create=timedelta(seconds=1, microseconds=1500), update=0, access=ExpiryPolicy.ETERNAL)
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_EXPIRY_POLICY: policy}))
    settings = await cache.settings() if face.is_async else cache.settings
    assert settings[PROP_EXPIRY_POLICY] == ExpiryPolicy(create=1001, update=0, access=-1)
    await face(cache.destroy())
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_EXPIRY_POLICY: None}))
    settings = await cache.settings() if face.is_async else cache.settings
    assert settings[PROP_EXPIRY_POLICY] is None
    await face(cache.destroy())


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (5, TypeError),
        ("ETERNAL", TypeError),
        ((1, 2, 3), TypeError),
    ],
    ids=str,
)
async def test_what_is_no_policy(face: Face, cache: Any, policy: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expiry_policy must be an ExpiryPolicy or None"):
        cache.with_expire_policy(policy)


async def test_a_policy_that_was_made_wrong_later(face: Face, client: Any, cache: Any, cache_name: str) -> None:
    """Servers hang up on such numbers, so they are not sent."""
    policy = ExpiryPolicy()
    policy.update = -3
    with pytest.raises(ValueError, match=r"update can not be -3"):
        cache.with_expire_policy(policy)
    with pytest.raises(ValueError, match=r"PROP_EXPIRY_POLICY.update can not be -3"):
        await face(client.create_cache({PROP_NAME: f"{cache_name}-x", PROP_EXPIRY_POLICY: policy}))


@pytest.mark.parametrize("newest", [(1, 2, 0), (1, 5, 0)], ids=str)
async def test_a_cluster_that_is_too_old(face: Face, newest: tuple[int, int, int]) -> None:
    with FakeNode(newest=newest) as node:
        client = await face.connected(*node.address)
        cache = await face(client.get_or_create_cache("c"))
        with pytest.raises(NotSupportedByClusterError, match=r"1\.[25]\.0"):
            cache.with_expire_policy(create=5)
        decorated = type(cache)(client, "c", ExpiryPolicy(create=5))
        with pytest.raises(NotSupportedByClusterError, match="an expiry policy"):
            await face(decorated.put(1, 1))
        for policy in (ExpiryPolicy(create=5), None):
            with pytest.raises(NotSupportedByClusterError, match="PROP_EXPIRY_POLICY"):
                await face(client.create_cache({PROP_NAME: "d", PROP_EXPIRY_POLICY: policy}))
        assert node.requests["put"] == 0
        await face(cache.put(1, 1))
        assert await face(cache.get(1)) == 1
        await face(client.close())


async def test_a_policy_inside_a_transaction(face: Face, client: Any, cache_name: str) -> None:
    """Both stand in front of the same request: the policy first, then the number of the transaction."""
    settings = {PROP_NAME: cache_name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
    cache = await face(client.create_cache(settings))
    short = cache.with_expire_policy(create=SHORT, update=SHORT)
    for key, commits in (("committed", True), ("rolled back", False)):
        transaction = await face(client.tx_start())
        await face(short.put(key, 1))
        assert await face(short.get(key)) == 1
        await face(transaction.commit() if commits else transaction.rollback())
        started = time.monotonic()
        assert await face(cache.contains_key(key)) is commits
        if commits:
            assert is_about(await lives_until(face, cache, key, started))
    await face(cache.destroy())
