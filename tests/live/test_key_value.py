"""Every operation of a cache on a real node: what it returns, and what is in the cache afterwards."""

from __future__ import annotations

import time
from collections import ChainMap, OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from pyignite_rs.datatypes import (
    CollectionObject,
    DecimalObject,
    DoubleObject,
    IntObject,
    LongObject,
    ShortObject,
    String,
)
from pyignite_rs.datatypes.key_value import PeekModes
from pyignite_rs.datatypes.prop_codes import PROP_BACKUPS_NUMBER, PROP_NAME
from pyignite_rs.exceptions import CacheCreationError, CacheError

from ..conftest import Face
from ..support.cluster import Cluster
from .hanging import hanging

pytestmark = pytest.mark.live

# --- single entries --------------------------------------------------------------------------------------------------------------


async def test_put_and_get(face: Face, cache: Any) -> None:
    assert await face(cache.put(1, "a")) is None
    assert await face(cache.get(1)) == "a"
    assert await face(cache.put(1, "b")) is None
    assert await face(cache.get(1)) == "b"
    assert await face(cache.get(2)) is None


async def test_get_and_put(face: Face, cache: Any) -> None:
    assert await face(cache.get_and_put(1, "a")) is None
    assert await face(cache.get_and_put(1, "b")) == "a"
    assert await face(cache.get(1)) == "b"


async def test_get_and_replace(face: Face, cache: Any) -> None:
    assert await face(cache.get_and_replace(1, "a")) is None
    assert await face(cache.contains_key(1)) is False
    await face(cache.put(1, "a"))
    assert await face(cache.get_and_replace(1, "b")) == "a"
    assert await face(cache.get(1)) == "b"


async def test_get_and_remove(face: Face, cache: Any) -> None:
    assert await face(cache.get_and_remove(1)) is None
    await face(cache.put(1, "a"))
    assert await face(cache.get_and_remove(1)) == "a"
    assert await face(cache.get(1)) is None


async def test_get_and_put_if_absent(face: Face, cache: Any) -> None:
    assert await face(cache.get_and_put_if_absent(1, "a")) is None
    assert await face(cache.get_and_put_if_absent(1, "b")) == "a"
    assert await face(cache.get(1)) == "a"


async def test_put_if_absent(face: Face, cache: Any) -> None:
    assert await face(cache.put_if_absent(1, "a")) is True
    assert await face(cache.put_if_absent(1, "b")) is False
    assert await face(cache.get(1)) == "a"


async def test_replace(face: Face, cache: Any) -> None:
    assert await face(cache.replace(1, "a")) is False
    assert await face(cache.get(1)) is None
    await face(cache.put(1, "a"))
    assert await face(cache.replace(1, "b")) is True
    assert await face(cache.get(1)) == "b"


async def test_replace_if_equals(face: Face, cache: Any) -> None:
    assert await face(cache.replace_if_equals(1, "a", "b")) is False
    await face(cache.put(1, "a"))
    assert await face(cache.replace_if_equals(1, "x", "b")) is False
    assert await face(cache.get(1)) == "a"
    assert await face(cache.replace_if_equals(1, "a", "b")) is True
    assert await face(cache.get(1)) == "b"


async def test_contains_key(face: Face, cache: Any) -> None:
    assert await face(cache.contains_key("k")) is False
    await face(cache.put("k", 0))
    assert await face(cache.contains_key("k")) is True


async def test_remove_key(face: Face, cache: Any) -> None:
    assert await face(cache.remove_key(1)) is False
    await face(cache.put(1, "a"))
    assert await face(cache.remove_key(1)) is True
    assert await face(cache.contains_key(1)) is False


async def test_remove_if_equals(face: Face, cache: Any) -> None:
    await face(cache.put(1, "a"))
    assert await face(cache.remove_if_equals(1, "b")) is False
    assert await face(cache.get(1)) == "a"
    assert await face(cache.remove_if_equals(1, "a")) is True
    assert await face(cache.remove_if_equals(1, "a")) is False
    assert await face(cache.get(1)) is None


async def test_clear_key(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b"}))
    assert await face(cache.clear_key(1)) is None
    assert await face(cache.get_all([1, 2])) == {2: "b"}
    assert await face(cache.clear_key(1)) is None


# --- several entries -------------------------------------------------------------------------------------------------------------


async def test_put_all_and_get_all(face: Face, cache: Any) -> None:
    entries = {1: b"\x00", "two": 2.0, 3.5: [1, 2]}
    assert await face(cache.put_all(entries)) is None
    assert await face(cache.get_all([1, "two", 3.5])) == entries


async def test_get_all_leaves_missing_keys_out_and_takes_a_key_twice(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b"}))
    assert await face(cache.get_all([2, 1, 77, 2])) == {1: "a", 2: "b"}


@pytest.mark.parametrize("mapping", [OrderedDict, ChainMap], ids=["OrderedDict", "ChainMap"])
async def test_put_all_takes_any_mapping(face: Face, cache: Any, mapping: Callable[[Any], Any]) -> None:
    await face(cache.put_all(mapping({"a": 1, "b": 2})))
    assert await face(cache.get_all(["a", "b"])) == {"a": 1, "b": 2}


async def test_put_all_and_get_all_of_ten_thousand(face: Face, cache: Any) -> None:
    entries = {number: f"value {number}" for number in range(10_000)}
    await face(cache.put_all(entries))
    assert await face(cache.get_size()) == 10_000
    assert await face(cache.get_all(range(10_001))) == entries


async def test_contains_keys(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b"}))
    assert await face(cache.contains_keys([1, 2])) is True
    assert await face(cache.contains_keys([1, 3])) is False


async def test_remove_keys(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b", 3: "c"}))
    assert await face(cache.remove_keys([1, 3, 77])) is None
    assert await face(cache.get_all([1, 2, 3])) == {2: "b"}


async def test_clear_keys(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b", 3: "c"}))
    assert await face(cache.clear_keys([1, 3, 77])) is None
    assert await face(cache.get_all([1, 2, 3])) == {2: "b"}


async def test_clear_with_keys_and_without(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b", 3: "c"}))
    assert await face(cache.clear([1])) is None
    assert await face(cache.get_all([1, 2, 3])) == {2: "b", 3: "c"}
    assert await face(cache.clear()) is None
    assert await face(cache.get_size()) == 0


async def test_remove_all(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b"}))
    assert await face(cache.remove_all()) is None
    assert await face(cache.get_size()) == 0


async def test_keys_from_generators(face: Face, cache: Any) -> None:
    await face(cache.put_all({1: "a", 2: "b", 3: "c", 4: "d"}))
    assert await face(cache.get_all(key for key in (1, 2))) == {1: "a", 2: "b"}
    assert await face(cache.contains_keys(iter([3, 4]))) is True
    assert await face(cache.remove_keys(key for key in (1,))) is None
    assert await face(cache.clear_keys({2: None}.keys())) is None
    assert await face(cache.clear(key for key in (3,))) is None
    assert await face(cache.get_all({1, 2, 3, 4})) == {4: "d"}


async def test_a_generator_that_fails_sends_nothing(face: Face, cache: Any) -> None:
    def keys() -> Any:
        yield 1
        raise LookupError("mine")

    await face(cache.put(1, "a"))
    with pytest.raises(LookupError, match="mine"):
        await face(cache.remove_keys(keys()))
    assert await face(cache.get(1)) == "a"


async def test_nothing_to_do(face: Face, cache: Any) -> None:
    await face(cache.put(1, "a"))
    assert await face(cache.get_all([])) == {}
    assert await face(cache.put_all({})) is None
    assert await face(cache.contains_keys([])) is True
    assert await face(cache.remove_keys([])) is None
    assert await face(cache.clear_keys([])) is None
    assert await face(cache.get(1)) == "a"
    # As pyignite: no keys means all keys.
    assert await face(cache.clear([])) is None
    assert await face(cache.get_size()) == 0


async def test_keys_that_python_can_not_hash_come_back_as_tuples(face: Face, cache: Any) -> None:
    await face(cache.put((CollectionObject.ARR_LIST, [1, 2]), "list", key_hint=CollectionObject))
    assert await face(cache.get_all([((1, [1, 2]), CollectionObject)])) == {(1, (1, 2)): "list"}


# --- sizes -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        (None, 3),
        (PeekModes.ALL, 3),
        (PeekModes.NEAR, 0),
        (PeekModes.PRIMARY, 3),
        (PeekModes.BACKUP, 0),
        (PeekModes.ONHEAP, 0),
        (PeekModes.OFFHEAP, 3),
        ([], 3),
        ([PeekModes.PRIMARY, PeekModes.BACKUP], 3),
        ((PeekModes.NEAR, PeekModes.BACKUP), 0),
    ],
)
async def test_get_size(face: Face, cache: Any, mode: Any, size: int) -> None:
    await face(cache.put_all({1: "a", 2: "b", 3: "c"}))
    assert await face(cache.get_size(mode)) == size
    assert await face(cache.get_size(peek_modes=mode)) == size


@pytest.mark.parametrize("mode", [6, -1, [2, 99], ["PRIMARY"]])
async def test_get_size_with_a_mode_that_does_not_exist(face: Face, cache: Any, mode: Any) -> None:
    with pytest.raises(ValueError, match="peek mode"):
        await face(cache.get_size(mode))
    assert await face(cache.get_size()) == 0


# --- hints -----------------------------------------------------------------------------------------------------------------------


async def test_each_operation_takes_a_key_hint(face: Face, cache: Any) -> None:
    """An int key is not a long key: without the hint each of these would miss the entry."""
    await face(cache.put(1, "long"))
    await face(cache.put(1, "int", key_hint=IntObject))
    assert await face(cache.get_size()) == 2
    assert await face(cache.get(1, key_hint=IntObject)) == "int"
    assert await face(cache.get_and_put(1, "a", key_hint=IntObject)) == "int"
    assert await face(cache.get_and_replace(1, "b", key_hint=IntObject)) == "a"
    assert await face(cache.get_and_put_if_absent(1, "c", key_hint=IntObject)) == "b"
    assert await face(cache.put_if_absent(1, "c", key_hint=IntObject)) is False
    assert await face(cache.replace(1, "c", key_hint=IntObject)) is True
    assert await face(cache.replace_if_equals(1, "c", "d", key_hint=IntObject)) is True
    assert await face(cache.contains_key(1, key_hint=IntObject)) is True
    assert await face(cache.remove_if_equals(1, "x", key_hint=IntObject)) is False
    assert await face(cache.get_and_remove(1, key_hint=IntObject)) == "d"
    await face(cache.put(1, "again", key_hint=IntObject))
    assert await face(cache.remove_key(1, key_hint=IntObject)) is True
    await face(cache.put(1, "again", key_hint=IntObject))
    await face(cache.clear_key(1, key_hint=IntObject))
    assert await face(cache.contains_key(1, key_hint=IntObject)) is False
    assert await face(cache.get(1)) == "long", "the long key was never meant"


async def test_each_operation_takes_a_value_hint(face: Face, cache: Any) -> None:
    """A long is no short, so a sample without the hint never equals the value."""
    short = {"sample_hint": ShortObject}
    await face(cache.put(1, 5, value_hint=ShortObject))
    assert await face(cache.replace_if_equals(1, 5, 6)) is False
    assert await face(cache.replace_if_equals(1, 5, 6, value_hint=ShortObject, **short)) is True
    assert await face(cache.remove_if_equals(1, 6)) is False
    assert await face(cache.remove_if_equals(1, 6, **short)) is True
    assert await face(cache.put_if_absent(1, 7, value_hint=ShortObject)) is True
    assert await face(cache.remove_if_equals(1, 7, **short)) is True
    await face(cache.get_and_put_if_absent(1, 8, value_hint=ShortObject))
    assert await face(cache.replace_if_equals(1, 8, 9, sample_hint=ShortObject, value_hint=ShortObject)) is True
    await face(cache.replace(1, 10, value_hint=ShortObject))
    await face(cache.get_and_replace(1, 11, value_hint=ShortObject))
    await face(cache.get_and_put(1, 12, value_hint=ShortObject))
    assert await face(cache.remove_if_equals(1, 12, **short)) is True


async def test_hints_by_position(face: Face, cache: Any) -> None:
    await face(cache.put(1, 2, IntObject, DecimalObject))
    assert await face(cache.get(1, IntObject)) == 2
    assert await face(cache.replace_if_equals(1, 2, 3, IntObject, DecimalObject, DecimalObject)) is True
    assert await face(cache.remove_if_equals(1, 3, IntObject, DecimalObject)) is True


async def test_pairs_with_hints_go_wherever_a_value_goes(face: Face, cache: Any) -> None:
    await face(cache.put_all({(1, IntObject): (5, ShortObject), 1: "long", "x": (3, DoubleObject)}))
    assert await face(cache.get_size()) == 3
    assert await face(cache.get((1, IntObject))) == 5
    assert await face(cache.get_all([(1, IntObject), ("x", String)])) == {1: 5, "x": 3.0}
    assert await face(cache.contains_keys([(1, IntObject), (1, LongObject)])) is True
    assert await face(cache.contains_keys([(1, ShortObject)])) is False
    assert await face(cache.replace_if_equals((1, IntObject), (5, ShortObject), (6, ShortObject))) is True
    await face(cache.remove_keys([(1, IntObject)]))
    assert await face(cache.get(1)) == "long"
    await face(cache.clear_keys([(1, LongObject)]))
    assert await face(cache.get_size()) == 1


@pytest.mark.parametrize("hint", [int, "IntObject", 3, object()])
async def test_a_hint_that_is_none(face: Face, cache: Any, hint: Any) -> None:
    with pytest.raises(TypeError, match="hint"):
        await face(cache.put(1, 1, value_hint=hint))
    assert await face(cache.get(1)) is None


# --- arguments that can not be sent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda cache: cache.put(None, 1),
        lambda cache: cache.put(1, None),
        lambda cache: cache.put(1, None, value_hint=IntObject),
        lambda cache: cache.get(None),
        lambda cache: cache.contains_key(None),
        lambda cache: cache.remove_key(None),
        lambda cache: cache.get_and_put(1, None),
        lambda cache: cache.put_if_absent(None, 1),
        lambda cache: cache.replace(1, None),
        lambda cache: cache.get_all([1, None]),
        lambda cache: cache.put_all({1: None}),
    ],
    ids=range(11),
)
async def test_none_as_key_or_value_is_refused_by_the_server(face: Face, cache: Any, call: Callable[[Any], Any]) -> None:
    with pytest.raises(CacheError) as caught:
        await face(call(cache))
    assert caught.value.code is not None
    assert caught.value.cache == cache.name
    assert caught.value.operation.startswith("OP_CACHE_")
    assert caught.value.operation in str(caught.value) and cache.name in str(caught.value)
    assert await face(cache.get_size()) == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda cache: cache.put(1, object()), TypeError, "value: a value of type object"),
        (lambda cache: cache.put(object(), 1), TypeError, "key: a value of type object"),
        (lambda cache: cache.put(2**64, 1), OverflowError, "DecimalObject"),
        (lambda cache: cache.put(1, "x", value_hint=IntObject), TypeError, "value"),
        (lambda cache: cache.put("x", 1, key_hint=IntObject), TypeError, "key"),
        (lambda cache: cache.put_all([1, 2]), TypeError, "mapping"),
        (lambda cache: cache.put_all({1: object()}), TypeError, r"pairs\[1\]"),
        (lambda cache: cache.get_all([1, 2, object()]), TypeError, r"keys\[2\]"),
        (lambda cache: cache.get_all(5), TypeError, "iter"),
        (lambda cache: cache.put(1, [1, [2, {"a": object()}]]), TypeError, r"\[1\].*\['a'\]"),
    ],
    ids=range(10),
)
async def test_what_can_not_be_written_says_where_and_harms_nothing(
    face: Face, cache: Any, call: Callable[[Any], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await face(call(cache))
    await face(cache.put(1, "still right"))
    assert await face(cache.get(1)) == "still right"


async def test_a_value_that_holds_itself_is_refused(face: Face, cache: Any) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises((ValueError, RecursionError)):
        await face(cache.put(1, endless))
    assert await face(cache.get(1)) is None


# --- time limits -----------------------------------------------------------------------------------------------------------------

#: Each operation once, with a limit that is far away.
WITH_LIMIT: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "get": (lambda c, t: c.get(1, timeout=t), "a"),
    "put": (lambda c, t: c.put(1, "b", timeout=t), None),
    "put_if_absent": (lambda c, t: c.put_if_absent(1, "b", timeout=t), False),
    "get_all": (lambda c, t: c.get_all([1], timeout=t), {1: "a"}),
    "put_all": (lambda c, t: c.put_all({1: "b"}, timeout=t), None),
    "get_and_put": (lambda c, t: c.get_and_put(1, "b", timeout=t), "a"),
    "get_and_replace": (lambda c, t: c.get_and_replace(1, "b", timeout=t), "a"),
    "get_and_remove": (lambda c, t: c.get_and_remove(1, timeout=t), "a"),
    "get_and_put_if_absent": (lambda c, t: c.get_and_put_if_absent(1, "b", timeout=t), "a"),
    "replace": (lambda c, t: c.replace(1, "b", timeout=t), True),
    "replace_if_equals": (lambda c, t: c.replace_if_equals(1, "a", "b", timeout=t), True),
    "contains_key": (lambda c, t: c.contains_key(1, timeout=t), True),
    "contains_keys": (lambda c, t: c.contains_keys([1], timeout=t), True),
    "clear": (lambda c, t: c.clear(timeout=t), None),
    "clear_key": (lambda c, t: c.clear_key(1, timeout=t), None),
    "clear_keys": (lambda c, t: c.clear_keys([1], timeout=t), None),
    "remove_key": (lambda c, t: c.remove_key(1, timeout=t), True),
    "remove_if_equals": (lambda c, t: c.remove_if_equals(1, "a", timeout=t), True),
    "remove_keys": (lambda c, t: c.remove_keys([1], timeout=t), None),
    "remove_all": (lambda c, t: c.remove_all(timeout=t), None),
    "get_size": (lambda c, t: c.get_size(timeout=t), 1),
}


@pytest.mark.parametrize("operation", WITH_LIMIT)
async def test_each_operation_takes_a_time_limit(face: Face, cache: Any, operation: str) -> None:
    call, result = WITH_LIMIT[operation]
    for limit in (30, 30.0, 0, None):
        await face(cache.put(1, "a"))
        assert await face(call(cache, limit)) == result
    await face(cache.put(1, "a"))
    with pytest.raises(ValueError, match="time limit"):
        await face(call(cache, -1))
    with pytest.raises(TypeError):
        await face(call(cache, "soon"))
    assert await face(cache.get(1)) == "a", "nothing was sent"


@pytest.mark.parametrize("limit", [1e-6, 0.05])
async def test_a_limit_ends_a_call_that_the_node_does_not_answer(face: Face, cluster: Cluster, cache: Any, limit: float) -> None:
    await face(cache.put(1, "a"))
    with hanging(cluster[0]):
        begin = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            await face(cache.get(1, timeout=limit))
        assert time.monotonic() - begin < limit + 0.25
    assert (caught.value.operation, caught.value.cache) == ("OP_CACHE_GET", cache.name)
    # The answer that comes late is nobody's, and the next one is the next call's.
    await face(cache.put(1, "b"))
    assert await face(cache.get(1)) == "b"


# --- caches ----------------------------------------------------------------------------------------------------------------------


async def test_create_twice(face: Face, client: Any, cache: Any) -> None:
    with pytest.raises(CacheCreationError) as caught:
        await face(client.create_cache(cache.name))
    error = caught.value
    assert (error.code, error.cache, error.operation) == (1001, cache.name, "OP_CACHE_CREATE_WITH_NAME")
    assert cache.name in str(error)
    assert isinstance(error, CacheError)
    with pytest.raises(CacheCreationError) as caught:
        await face(client.create_cache({PROP_NAME: cache.name, PROP_BACKUPS_NUMBER: 1}))
    assert (caught.value.code, caught.value.operation) == (1001, "OP_CACHE_CREATE_WITH_CONFIGURATION")


async def test_get_or_create(face: Face, client: Any, cache_name: str) -> None:
    first = await face(client.get_or_create_cache(cache_name))
    await face(first.put(1, "a"))
    for settings in (cache_name, {PROP_NAME: cache_name}, {PROP_NAME: cache_name, PROP_BACKUPS_NUMBER: 1}):
        again = await face(client.get_or_create_cache(settings))
        assert await face(again.get(1)) == "a"
    await face(first.destroy())


async def test_a_cache_that_does_not_exist(face: Face, client: Any, cache_name: str) -> None:
    cache = await face(client.get_cache(cache_name))
    calls = [
        lambda: cache.get(1),
        lambda: cache.put(1, 1),
        lambda: cache.get_all([1]),
        lambda: cache.get_size(),
        lambda: cache.clear(),
        lambda: cache.destroy(),
    ]
    for call in calls:
        with pytest.raises(CacheError) as caught:
            await face(call())
        assert not isinstance(caught.value, CacheCreationError)
        assert (caught.value.code, caught.value.cache) == (1000, cache_name)
        assert "create_cache" in str(caught.value)
    # The object is as good as any once there is a cache of its name.
    await face(client.create_cache(cache_name))
    await face(cache.put(1, "a"))
    assert await face(cache.get(1)) == "a"
    await face(cache.destroy())


async def test_destroy(face: Face, client: Any, cache_name: str) -> None:
    cache = await face(client.create_cache(cache_name))
    assert cache_name in await face(client.get_cache_names())
    assert await face(cache.destroy(timeout=30)) is None
    assert cache_name not in await face(client.get_cache_names())
    with pytest.raises(CacheError) as caught:
        await face(cache.get(1))
    assert caught.value.code == 1000


async def test_the_cache_object(face: Face, client: Any, cache: Any) -> None:
    import pyignite_rs
    from pyignite_rs.aio_cache import AioCache
    from pyignite_rs.cache import Cache

    assert type(cache) is (AioCache if face.is_async else Cache)
    assert isinstance(client, pyignite_rs.AioClient if face.is_async else pyignite_rs.Client)
    assert cache.client is client
    # Java's hash of the name, computed here by its definition.
    hashed = 0
    for unit in cache.name.encode("utf-16-le")[::2]:
        hashed = (31 * hashed + unit) & 0xFFFFFFFF
    assert cache.cache_id == (hashed ^ 0x80000000) - 0x80000000
    assert cache.name in repr(cache)
    with pytest.raises(AttributeError):
        cache.name = "other"


async def test_the_functions_of_the_modules(face: Face, client: Any, cache_name: str) -> None:
    from pyignite_rs import aio_cache, cache

    module: Any = aio_cache if face.is_async else cache
    made = await face(module.create_cache(client, cache_name))
    assert (await face(module.get_cache(client, cache_name))).cache_id == made.cache_id
    assert (await face(module.get_or_create_cache(client, {PROP_NAME: cache_name}))).cache_id == made.cache_id
    await face(made.destroy())


@pytest.mark.parametrize("name", ["имя кэша", "𝄞 clef", "a" * 100, "with 'quotes'"])
async def test_names_of_caches(face: Face, client: Any, name: str) -> None:
    cache = await face(client.get_or_create_cache(name))
    await face(cache.put(1, name))
    assert await face(cache.get(1)) == name
    assert name in await face(client.get_cache_names())
    await face(cache.destroy())
