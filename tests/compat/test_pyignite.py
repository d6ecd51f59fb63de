"""The same values and calls through pyignite 0.6.1 and through this client, on one node."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import pyignite_rs
import pyignite_rs.datatypes as our_types

from .values import KEYS, LEAP_DAY, OURS, SHARED, Row, shown

if sys.version_info >= (3, 12):
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
else:
    import pyignite
import pyignite.datatypes as their_types
import pyignite.utils as their_utils

from pyignite_rs import utils as our_utils

pytestmark = pytest.mark.live


class Pair:
    """One cache, seen by both clients."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self.their_client = pyignite.Client()
        self.their_client.connect(*address)
        self.our_client = pyignite_rs.Client()
        self.our_client.connect(*address)
        self.theirs = self.their_client.create_cache(name)
        self.ours = self.our_client.get_cache(name)

    def close(self) -> None:
        self.ours.destroy()
        self.our_client.close()
        self.their_client.close()


@pytest.fixture
def pair(address: tuple[str, int], cache_name: str) -> Iterator[Pair]:
    made = Pair(address, cache_name)
    yield made
    made.close()


def their_hint(name: str | None) -> Any:
    return name and getattr(their_types, name)


def our_hint(name: str | None) -> Any:
    return name and getattr(our_types, name)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the name of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


def plain(value: Any) -> Any:
    """pyignite gives a dict where this client gives an OrderedDict; the entries and their order are compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


# --- values ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SHARED, ids=str)
def test_a_value_of_pyignite_is_read_alike(pair: Pair, row: Row) -> None:
    pair.theirs.put(1, row.value, value_hint=their_hint(row.hint))
    theirs = pair.theirs.get(1)
    assert shown(plain(pair.ours.get(1))) == shown(theirs) == shown(plain(row.expected))
    assert shown(plain(pair.ours.get_all([1]))) == shown(pair.theirs.get_all([1]))


@pytest.mark.parametrize("row", SHARED, ids=str)
def test_a_value_of_ours_is_read_by_pyignite(pair: Pair, row: Row) -> None:
    pair.ours.put(1, row.value, value_hint=our_hint(row.hint))
    assert shown(pair.theirs.get(1)) == shown(plain(row.expected))


@pytest.mark.parametrize("row", SHARED, ids=str)
def test_a_value_is_the_same_to_the_server(pair: Pair, row: Row) -> None:
    """The server compares objects by their bytes: a sample of the other client is equal only if its wire type is the same."""
    if not comparable(row):
        pair.theirs.put(1, row.value, value_hint=their_hint(row.hint))
        assert pair.ours.contains_key(1)
        return
    pair.theirs.put(1, row.value, value_hint=their_hint(row.hint))
    assert pair.ours.remove_if_equals(1, row.value, sample_hint=our_hint(row.hint)) is True


def comparable(row: Row) -> bool:
    """Java arrays are equal only to themselves, and so is what holds them."""
    scalar = (int, float, str, Decimal, datetime, timedelta)
    return isinstance(row.expected, scalar) or (
        (row.hint or "").startswith(("UUID", "Timestamp", "Enum")) and not (row.hint or "").endswith("ArrayObject")
    )


#: Compared by identity, because 0 and 0.00 are equal. A `date` as key ends in an AttributeError of pyignite.
SHARED_KEYS = [row for row in KEYS if any(row is shared for shared in SHARED) and type(row.value) is not date]


@pytest.mark.parametrize("row", SHARED_KEYS, ids=str)
def test_a_key_is_the_same_key(pair: Pair, row: Row) -> None:
    pair.theirs.put(row.value, "theirs", key_hint=their_hint(row.hint))
    assert pair.ours.get(row.value, key_hint=our_hint(row.hint)) == "theirs"
    pair.ours.put(row.value, "ours", key_hint=our_hint(row.hint))
    assert pair.theirs.get(row.value, key_hint=their_hint(row.hint)) == "ours"
    assert pair.ours.get_size() == 1


def test_a_date_as_key(pair: Pair) -> None:
    with pytest.raises(AttributeError, match="timestamp"):
        pair.theirs.put(date(2020, 2, 29), "theirs")
    pair.ours.put(date(2020, 2, 29), "ours")
    assert pair.theirs.get(datetime(2020, 2, 29)) == "ours"


#: What pyignite 0.6.1 makes of the rows of `OURS`: a value that it gives back, or the name of what it raises. Each differs from ours.
THEIRS: list[tuple[Any, str | None, Any]] = [
    ("\u8000", "CharObject", "OverflowError"),
    ("a\x00b", "String", "a"),
    (Decimal("1.10"), "DecimalObject", Decimal("1.1")),
    (Decimal("-0.00"), None, Decimal("0")),
    (Decimal("12345678901234567890123456789012345.67"), None, Decimal("1.234567890123456789012345679E+34")),
    ({1: "a", "b": 2}, None, "KeyError"),
    ({1: "a", 2: "b"}, None, [1, 2]),
    ({}, None, "TypeError"),
    (OrderedDict([("z", 1), ("a", 2)]), None, ["z", "a"]),
    ({1, 2}, None, [1, 2]),
    (frozenset({"a"}), None, ["a"]),
    ([], None, "TypeError"),
    ([1, "a"], None, (1, ["a"])),
    ([1, 2, None], None, "TypeError"),
    ([1, "a", 2], None, "TypeError"),
    ([None], None, "TypeError"),
    ([[1], [2]], None, "TypeError"),
    (datetime(1950, 1, 1, 0, 0, 0, 1500), None, datetime(1950, 1, 1, 0, 0, 0, 2000)),
    (LEAP_DAY, "TimestampObject", "TypeError"),
    ((datetime(2020, 1, 1, 1).time()), None, "TypeError"),
    (memoryview(b"ab"), None, [97, 98]),
    # These are OverflowError here: nothing is cut.
    (2**64 + 5, None, 5),
    (300, "ByteObject", 44),
    (40_000, "ShortObject", -25_536),
    (2**31, "IntObject", -(2**31)),
    (2**63, "LongObject", -(2**63)),
    (1e300, "FloatObject", float("inf")),
]


@pytest.mark.parametrize(("value", "hint", "theirs"), THEIRS, ids=[ascii(row[:2])[:60] for row in THEIRS])
def test_where_pyignite_loses_data(pair: Pair, value: Any, hint: str | None, theirs: Any) -> None:
    def through_pyignite() -> Any:
        pair.theirs.put(1, value, value_hint=their_hint(hint))
        return pair.theirs.get(1)

    def through_ours() -> Any:
        pair.ours.put(2, value, value_hint=our_hint(hint))
        return pair.ours.get(2)

    assert shown(outcome(through_pyignite)) == shown(theirs)
    ours = outcome(through_ours)
    assert shown(ours) != shown(theirs)
    expected = [row.expected for row in OURS if row.hint == hint and shown(row.value) == shown(value)]
    if isinstance(value, (int, float)):
        assert ours == "OverflowError"
    elif expected:
        assert shown(ours) == shown(expected[0])
    else:
        assert not isinstance(ours, str)


# --- calls -----------------------------------------------------------------------------------------------------------------------

#: Calls in their order, each with what is called on a cache.
SCRIPT: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("get of nothing", lambda c, t: c.get(1)),
    ("put", lambda c, t: c.put(1, "a")),
    ("get", lambda c, t: c.get(1)),
    ("get by keyword", lambda c, t: c.get(key=1, key_hint=t.LongObject)),
    ("get_and_put", lambda c, t: c.get_and_put(1, "b")),
    ("get_and_put of nothing", lambda c, t: c.get_and_put(2, "b")),
    ("get_and_put_if_absent", lambda c, t: c.get_and_put_if_absent(1, "c")),
    ("get_and_put_if_absent of nothing", lambda c, t: c.get_and_put_if_absent(3, "c")),
    ("put_if_absent", lambda c, t: c.put_if_absent(1, "d")),
    ("put_if_absent of nothing", lambda c, t: c.put_if_absent(4, "d")),
    ("get_and_replace", lambda c, t: c.get_and_replace(1, "e")),
    ("get_and_replace of nothing", lambda c, t: c.get_and_replace(99, "e")),
    ("get_and_remove", lambda c, t: c.get_and_remove(2)),
    ("get_and_remove of nothing", lambda c, t: c.get_and_remove(2)),
    ("replace", lambda c, t: c.replace(1, "f")),
    ("replace of nothing", lambda c, t: c.replace(99, "f")),
    ("replace_if_equals", lambda c, t: c.replace_if_equals(1, "f", "g")),
    ("replace_if_equals of another", lambda c, t: c.replace_if_equals(1, "f", "h")),
    ("replace_if_equals with hints", lambda c, t: c.replace_if_equals(1, "g", 5, t.LongObject, t.String, t.IntObject)),
    ("contains_key", lambda c, t: c.contains_key(1)),
    ("contains_key of nothing", lambda c, t: c.contains_key(99)),
    ("put_all", lambda c, t: c.put_all({1: "a", "x": 2.5, (7, t.IntObject): (8, t.ShortObject)})),
    ("get_all", lambda c, t: c.get_all([1, "x", (7, t.IntObject), 99])),
    ("get_all of nothing", lambda c, t: c.get_all([])),
    ("put_all of nothing", lambda c, t: c.put_all({})),
    ("contains_keys", lambda c, t: c.contains_keys([1, "x"])),
    ("contains_keys with a missing one", lambda c, t: c.contains_keys([1, 99])),
    ("contains_keys of nothing", lambda c, t: c.contains_keys([])),
    ("get_size", lambda c, t: c.get_size()),
    ("get_size of all", lambda c, t: c.get_size(0)),
    ("get_size of backups", lambda c, t: c.get_size(peek_modes=[3])),
    ("remove_if_equals of another", lambda c, t: c.remove_if_equals(1, "z")),
    ("remove_if_equals", lambda c, t: c.remove_if_equals(1, "a")),
    ("remove_key", lambda c, t: c.remove_key("x")),
    ("remove_key of nothing", lambda c, t: c.remove_key("x")),
    ("remove_keys", lambda c, t: c.remove_keys([3, 99])),
    ("remove_keys of nothing", lambda c, t: c.remove_keys([])),
    ("clear_key", lambda c, t: c.clear_key(4)),
    ("clear_keys", lambda c, t: c.clear_keys([4, 5])),
    ("size in between", lambda c, t: c.get_size()),
    ("clear of keys", lambda c, t: c.clear([(7, t.IntObject)])),
    ("put again", lambda c, t: c.put(1, 1)),
    ("clear of an empty list", lambda c, t: c.clear([])),
    ("size after it", lambda c, t: c.get_size()),
    ("put once more", lambda c, t: c.put(1, 1)),
    ("remove_all", lambda c, t: c.remove_all()),
    ("clear", lambda c, t: c.clear()),
    ("size at the end", lambda c, t: c.get_size()),
    ("put of None", lambda c, t: c.put(1, None)),
    ("put at None", lambda c, t: c.put(None, 1)),
    ("get of None", lambda c, t: c.get(None)),
    ("an unknown type", lambda c, t: c.put(1, object())),
    ("the name", lambda c, t: c.name[:3]),
    ("the id", lambda c, t: c.cache_id == our_utils.cache_id(c.name)),
]


def test_the_same_script(pair: Pair) -> None:
    theirs = [(name, outcome(lambda call=call: call(pair.theirs, their_types))) for name, call in SCRIPT]
    ours = [(name, outcome(lambda call=call: call(pair.ours, our_types))) for name, call in SCRIPT]
    assert [(name, shown(result)) for name, result in ours] == [(name, shown(result)) for name, result in theirs]


async def test_the_same_script_of_coroutines(address: tuple[str, int], cache_name: str) -> None:
    async def run(package: Any, types: Any) -> list[tuple[str, str]]:
        async def one(cache: Any, call: Callable[[Any, Any], Any]) -> Any:
            try:
                result = call(cache, types)
                return await result if inspect.isawaitable(result) else result
            except Exception as error:
                return type(error).__name__

        client = package.AioClient()
        async with client.connect(*address):
            cache = await client.create_cache(cache_name)
            results = [(name, shown(await one(cache, call))) for name, call in SCRIPT]
            await cache.destroy()
            return results

    assert await run(pyignite_rs, our_types) == await run(pyignite, their_types)


def test_clients_and_caches(pair: Pair, cache_name: str) -> None:
    their_names, our_names = pair.their_client.get_cache_names(), pair.our_client.get_cache_names()
    assert sorted(our_names) == sorted(their_names) and type(our_names) is type(their_names) is list
    again = cache_name + "-again"
    settings = {0: again, 1: 2, 3: 1, 4: 0}
    pair.their_client.create_cache(settings)
    assert outcome(lambda: pair.our_client.create_cache(settings)) == "CacheCreationError"
    assert pair.our_client.get_or_create_cache(settings).get_size() == 0
    pair.our_client.get_cache(again).destroy()
    for settings in ({}, {3: 1}):
        ours, theirs = (outcome(lambda c=c, s=settings: c.create_cache(s)) for c in (pair.our_client, pair.their_client))
        assert ours == theirs == "ParameterError"
    assert outcome(lambda: pair.our_client.get_cache("nowhere").get(1)) == "CacheError"
    assert outcome(lambda: pair.their_client.get_cache("nowhere").get(1)) == "CacheError"
    context = pair.our_client.protocol_context
    assert context is not None
    assert context.version[:2] == pair.their_client.protocol_context.version[:2]
    for question in ("is_transactions_supported", "is_cluster_api_supported", "is_expiry_policy_supported"):
        assert getattr(context, question)() == getattr(pair.their_client.protocol_context, question)()


@pytest.mark.parametrize("options", [{"nonsense": 1}, {"handshake_timeout": 0}, {"handshake_timeout": -1.0}], ids=str)
def test_wrong_options(address: tuple[str, int], options: dict[str, Any]) -> None:
    assert outcome(lambda: pyignite.Client(**options).connect(*address)) == "ParameterError"
    assert outcome(lambda: pyignite_rs.Client(**options).connect(*address)) == "ParameterError"


def test_what_catches_a_failure_there_catches_it_here() -> None:
    """A program has `except pyignite.exceptions.X`; the names of all parents of what is raised there are found here."""
    from pyignite_rs.exceptions import ReconnectError

    for connect in (pyignite.Client().connect, pyignite_rs.Client().connect):
        with pytest.raises(Exception) as caught:
            connect([("127.0.0.1", 1), ("127.0.0.1", 2)])
        assert "ReconnectError" in [parent.__name__ for parent in type(caught.value).__mro__]
    assert isinstance(caught.value, (ReconnectError, OSError))


# --- helpers ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a", "cache", "SQL_PUBLIC_T", "имя", "Straße", "\uffff", "x" * 1000])
def test_hashes(text: str) -> None:
    assert our_utils.hashcode(text) == their_utils.hashcode(text)
    assert our_utils.cache_id(text) == their_utils.cache_id(text)
    assert our_utils.entity_id(text) == their_utils.entity_id(text)
    assert our_utils.hashcode(text.encode()) == their_utils.hashcode(text.encode())


def test_other_helpers() -> None:
    for value in (0, 1, 2, 3, 4, 1023, 1024, -8):
        assert our_utils.is_pow2(value) == their_utils.is_pow2(value)
    for value in (0, 2**31 - 1, 2**31, -(2**31) - 1, 2**40 + 7):
        assert our_utils.int_overflow(value) == their_utils.int_overflow(value)
    for value in ("org.example.Type", "x", "", "ALREADY"):
        assert our_utils.capitalize(value) == their_utils.capitalize(value)
    for fields in (OrderedDict(id=1), OrderedDict(id=1, name=2, Camel=3)):
        assert our_utils.schema_id(fields) == their_utils.schema_id(fields)
    # A schema without fields has the initial value of the hash in Java.
    assert (our_utils.schema_id({}), their_utils.schema_id({})) == (0x811C9DC5 - 2**32, 0)
    for value in (None, 5, -7):
        assert our_utils.entity_id(value) == their_utils.entity_id(value)
        assert our_utils.schema_id(value) == their_utils.schema_id(value)
    for value in ((1, our_types.IntObject), 1):
        theirs = (1, their_types.IntObject) if isinstance(value, tuple) else value
        assert our_utils.is_hinted(value) == their_utils.is_hinted(theirs)
        assert our_utils.is_iterable(value) == their_utils.is_iterable(theirs)
    for value in (0, 1, -1, 2**31, 1_600_000_000_000, -1_600_000_000_000, 2**63 - 1, -(2**63)):
        assert our_utils.datetime_hashcode(value) == their_utils.datetime_hashcode(value)
        assert our_utils.unsigned(value) == their_utils.unsigned(value)
    assert our_utils.unsigned(-1, ctypes.c_ulonglong) == their_utils.unsigned(-1, ctypes.c_ulonglong) == 2**64 - 1
    for value in (Decimal(0), Decimal(1), Decimal("1.5"), Decimal("-1.5"), Decimal("-99999999999999999999.99")):
        assert our_utils.decimal_hashcode(value) == their_utils.decimal_hashcode(value)
    for name, delimiter in (("outer$inner", "$"), ("org.example.Type", "."), ("", "+"), ("plain", "$")):
        assert our_utils.process_delimiter(name, delimiter) == their_utils.process_delimiter(name, delimiter)
    for value in (1, "text", their_types.IntObject, ObjectLike(), ObjectLike):
        assert (
            our_utils.is_binary(value) == their_utils.is_binary(value) == (value is ObjectLike or isinstance(value, ObjectLike))
        )


def test_the_hash_of_a_decimal_is_javas() -> None:
    """pyignite drops the scale first, and takes the last word of a large number for the whole."""
    assert our_utils.decimal_hashcode(Decimal("1.50")) == 150 * 31 + 2
    assert their_utils.decimal_hashcode(Decimal("1.50")) == 15 * 31 + 1


class ObjectLike:
    """Has what a complex object has."""

    type_name, type_id, schema, schema_id = "T", 1, {}, 2


def test_fields_by_their_ids() -> None:
    class Person:
        schema = OrderedDict([("name", our_types.String), ("Age", our_types.IntObject)])
        name = "Ada"

    person: Any = Person()
    assert our_utils.get_field_by_id(person, our_utils.entity_id("NAME") or 0) == ("Ada", our_types.String)
    assert our_utils.get_field_by_id(person, our_utils.entity_id("age") or 0) == (0, our_types.IntObject)
    assert our_utils.get_field_by_id(person, 5) is None


def test_both_in_one_loop(address: tuple[str, int], cache_name: str) -> None:
    async def work() -> Any:
        theirs, ours = pyignite.AioClient(), pyignite_rs.AioClient()
        async with theirs.connect(*address), ours.connect(*address):
            cache = await ours.create_cache(cache_name)
            mirror = await theirs.get_cache(cache_name)
            await asyncio.gather(*(cache.put(key, f"value {key}") for key in range(50)))
            read = await asyncio.gather(*(mirror.get(key) for key in range(50)))
            await cache.destroy()
            return read

    assert asyncio.run(work()) == [f"value {key}" for key in range(50)]
