"""Any complex objects: written here and read by Java, written by Java and read here, written and read by both clients."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pyignite_rs import Client, GenericObjectMeta, _core, datatypes

from ..support.fixtures import JavaClient

pytestmark = [pytest.mark.live, pytest.mark.slow]

_NUMBERS = itertools.count(1)

#: No surrogates: Java's UTF-8 has no place for them.
_TEXTS = some.text(some.characters(exclude_categories=("Cs",)), max_size=20)
_MOMENTS = some.integers(-(10**12), 10**12)


def _long(bits: int) -> Any:
    return some.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _moment(ms: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=ms, seconds=time.localtime(ms // 1000).tm_gmtoff)


def _number(tag: str, hint: str, bits: int) -> Any:
    return some.builds(lambda number: (hint, number, {"t": tag, "v": str(number)}), _long(bits))


def _decimal(unscaled: int, scale: int) -> Any:
    return ("DecimalObject", Decimal(f"{unscaled}E{-scale}"), {"t": "decimal", "unscaled": str(unscaled), "scale": scale})


def _array(tag: str, hint: str, bits: int) -> Any:
    made = some.lists(_long(bits), max_size=5)
    return made.map(lambda items: (hint, items, {"t": tag, "v": [str(item) for item in items]}))


#: What a field can be: name of its hint, the value, the value as tagged JSON.
_SCALARS = some.one_of(
    _number("byte", "ByteObject", 8),
    _number("short", "ShortObject", 16),
    _number("int", "IntObject", 32),
    _number("long", "LongObject", 64),
    some.booleans().map(lambda value: ("BoolObject", value, {"t": "bool", "v": value})),
    _TEXTS.map(lambda text: ("String", text, {"t": "string", "v": text})),
    some.uuids().map(lambda value: ("UUIDObject", value, {"t": "uuid", "v": str(value)})),
    _MOMENTS.map(lambda ms: ("DateObject", _moment(ms), {"t": "date", "ms": ms})),
    some.builds(_decimal, some.integers(-(10**40), 10**40).filter(bool), some.integers(-20, 20)),
    some.builds(
        lambda ms, ns: ("TimestampObject", (_moment(ms), ns), {"t": "timestamp", "ms": ms, "ns": ns}),
        _MOMENTS,
        some.integers(0, 999_999),
    ),
    some.binary(max_size=10).map(lambda data: ("ByteArrayObject", data, {"t": "byte_array", "hex": data.hex()})),
    _array("int_array", "IntArrayObject", 32),
    _array("long_array", "LongArrayObject", 64),
    some.lists(_TEXTS, max_size=4).map(
        lambda texts: ("StringArrayObject", texts, {"t": "string_array", "v": [{"t": "string", "v": text} for text in texts]})
    ),
)


def _collection(items: list[Any]) -> Any:
    # Inside collections the values have no hints of their own: they are given with theirs.
    value = (1, [(value, getattr(datatypes, hint)) for hint, value, _ in items])
    return ("CollectionObject", value, {"t": "array_list", "v": [tagged for _, _, tagged in items]})


def _object(fields: list[Any]) -> Any:
    """An object of a type of its own."""
    type_name = f"Round${next(_NUMBERS)}.Trip"
    schema = {f"f{number}": getattr(datatypes, hint) for number, (hint, _, _) in enumerate(fields)}
    made: Any = GenericObjectMeta("Trip", (), {}, type_name=type_name, schema=schema)
    tagged = [[f"f{number}", tagged] for number, (_, _, tagged) in enumerate(fields)]
    told = {"t": "complex", "type_id": made.type_id, "type_name": type_name, "fields": tagged}
    return ("BinaryObject", made(*[value for _, value, _ in fields]), told)


_FIELDS = some.recursive(
    _SCALARS,
    lambda inner: some.one_of(some.lists(inner, max_size=4).map(_collection), some.lists(inner, max_size=4).map(_object)),
    max_leaves=12,
)
OBJECTS = some.lists(_FIELDS, max_size=8).map(_object)


def plain(value: Any) -> Any:
    """Objects as names and values of their fields; values without their hints."""
    if isinstance(type(value), GenericObjectMeta):
        return (value.type_name, [(name, plain(getattr(value, name))) for name in value.schema])
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], type):
        return plain(value[0])
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    if isinstance(value, Decimal):
        return value.as_tuple()
    return value


#: Objects inside of so many others are told by Java as their type alone: `DEEPEST` in tests/java/fixtures/Tagged.java.
DEEPEST = 4


def in_order(tagged: Any, depth: int = 0) -> Any:
    """Tagged JSON with the fields of objects in the order of their names, since Java tells them in any order, and as deep as Java."""
    if isinstance(tagged, list):
        return [in_order(part, depth) for part in tagged]
    if not isinstance(tagged, dict):
        return tagged
    if tagged["t"] != "complex":
        return {key: in_order(part, depth) for key, part in tagged.items()}
    if depth == DEEPEST:
        return {"t": "complex", "type_id": tagged["type_id"]}
    parts = {key: in_order(part, depth + 1) for key, part in tagged.items()}
    return {**parts, "fields": sorted(parts["fields"], key=lambda pair: pair[0])} if "fields" in parts else parts


def test_what_is_compared_reaches_as_deep_as_java() -> None:
    _, _, tagged = _object([_object([_object([_object([_object([])])])])])
    assert str(in_order(tagged)).count("'fields'") == DEEPEST
    assert in_order(in_order(tagged)) == in_order(tagged)


@pytest.fixture(scope="module")
def places(address: tuple[str, int]) -> Iterator[tuple[Client, Client, JavaClient, str]]:
    """Two clients, Java, and a cache."""
    name = f"round-trips-{uuid.uuid4()}"
    ours, others = Client(), Client()
    ours.connect(*address)
    others.connect(*address)
    cache = ours.create_cache(name)
    with JavaClient(address) as java:
        yield ours, others, java, name
    cache.destroy()
    ours.close()
    others.close()


_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@_SETTINGS
@given(made=OBJECTS)
def test_what_is_written_here_is_read_by_java_and_by_another_client(places: Any, made: Any) -> None:
    ours, others, java, name = places
    _, value, tagged = made
    ours.get_cache(name).put(1, value, key_hint=datatypes.IntObject)
    assert in_order(java.get(name, 1)) == in_order(tagged)
    seen = others.get_cache(name).get(1, key_hint=datatypes.IntObject)
    assert plain(seen) == plain(value) and type(seen) is not type(value)
    assert plain(ours.get_cache(name).get(1, key_hint=datatypes.IntObject)) == plain(value)


@_SETTINGS
@given(made=OBJECTS)
def test_what_java_writes_is_read_here_and_written_again(places: Any, made: Any) -> None:
    ours, _, java, name = places
    _, value, tagged = made
    java.put(name, 2, tagged)
    seen = ours.get_cache(name).get(2, key_hint=datatypes.IntObject)
    assert plain(seen) == plain(value)
    # What came out of Java goes in again, and Java reads the same.
    ours.get_cache(name).put(3, value, key_hint=datatypes.IntObject)
    assert in_order(java.get(name, 3)) == in_order(java.get(name, 2)) == in_order(tagged)


@settings(max_examples=200, deadline=None)
@given(made=OBJECTS, compact=some.booleans())
def test_objects_come_back_without_any_server(made: Any, compact: bool) -> None:
    _, value, _ = made
    client = Client(compact_footer=compact)

    def keep(part: Any) -> None:
        if isinstance(type(part), GenericObjectMeta):
            client._keep(type(part))
            for name in part.schema:
                keep(getattr(part, name))
        elif isinstance(part, (list, tuple)):
            for each in part:
                keep(each)

    keep(value)
    data = _core.encode(value, None, client)
    assert plain(_core.decode(data, client)) == plain(value)
