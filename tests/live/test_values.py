"""Values and keys of every type through a real node, and back."""

from __future__ import annotations

import array
import math
import uuid
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest

from pyignite_rs import datatypes
from pyignite_rs.datatypes import (
    ByteObject,
    CharObject,
    CollectionObject,
    DateObject,
    DecimalObject,
    DoubleObject,
    FloatObject,
    IntObject,
    LongObject,
    MapObject,
    ObjectArrayObject,
    ShortObject,
    String,
)

from ..compat.values import KEYS, LEAP_DAY, OURS, SHARED, Row, shown
from ..conftest import Face

pytestmark = pytest.mark.live


def hint(name: str | None) -> Any:
    """The hint class of this name."""
    return name and getattr(datatypes, name)


@pytest.mark.parametrize("row", SHARED + OURS, ids=str)
async def test_a_value_comes_back(face: Face, cache: Any, row: Row) -> None:
    await face(cache.put(1, row.value, value_hint=hint(row.hint)))
    assert shown(await face(cache.get(1))) == shown(row.expected)
    if row.hint is not None:
        await face(cache.put(2, (row.value, hint(row.hint))))
        assert shown(await face(cache.get(2))) == shown(row.expected)
    assert shown(await face(cache.get_all([1]))) == shown({1: row.expected})


@pytest.mark.parametrize("row", KEYS, ids=str)
async def test_a_key_is_found(face: Face, cache: Any, row: Row) -> None:
    key_hint = hint(row.hint)
    await face(cache.put(row.value, "mine", key_hint=key_hint))
    assert await face(cache.get(row.value, key_hint=key_hint)) == "mine"
    assert await face(cache.contains_key(row.value, key_hint=key_hint)) is True
    pair = row.value if key_hint is None else (row.value, key_hint)
    found = await face(cache.get_all([pair]))
    assert shown(found) == shown({row.expected: "mine"})
    assert await face(cache.remove_key(row.value, key_hint=key_hint)) is True
    assert await face(cache.get_size()) == 0


async def test_not_a_number(face: Face, cache: Any) -> None:
    for value_hint in (None, DoubleObject, FloatObject):
        await face(cache.put(1, math.nan, value_hint=value_hint))
        assert math.isnan(await face(cache.get(1)))
    await face(cache.put(math.nan, "nan"))
    assert await face(cache.get(float("nan"))) == "nan", "to Java it equals itself"


@pytest.mark.parametrize("depth", [1, 2, 20, 200])
@pytest.mark.parametrize("kind", ["list", "dict", "array", "mixture"])
async def test_nesting(face: Face, cache: Any, kind: str, depth: int) -> None:
    value: Any = "bottom"
    expected: Any = "bottom"
    for level in range(depth):
        step = ("list", "dict", "array")[level % 3] if kind == "mixture" else kind
        if step == "list":
            value, expected = (CollectionObject.ARR_LIST, [value, None]), (1, [expected, None])
        elif step == "dict":
            value, expected = {"in": value, 1: level}, (1, {"in": expected, 1: level})
        else:
            value, expected = ((ObjectArrayObject.OBJECT, [level, value]), ObjectArrayObject), (-1, [level, expected])
    await face(cache.put(1, value))
    assert await face(cache.get(1)) == expected


async def test_hints_inside_containers(face: Face, cache: Any) -> None:
    await face(cache.put(1, (1, [(5, ByteObject), ("x", CharObject), (1.5, FloatObject)])))
    assert await face(cache.get(1)) == (1, [5, "x", 1.5])
    await face(cache.put(1, (MapObject.HASH_MAP, {(5, IntObject): (6, ShortObject)}), value_hint=MapObject))
    assert await face(cache.get(1)) == (1, {5: 6})
    # The server compares objects, so this shows that the hints went over the wire.
    sample = {(5, IntObject): (6, ShortObject)}
    assert await face(cache.remove_if_equals(1, {5: 6})) is False
    assert await face(cache.remove_if_equals(1, sample)) is True


async def test_a_long_value(face: Face, cache: Any) -> None:
    for value in ("x" * 5_000_000, b"\x00" * 5_000_000, list(range(200_000)), ["𝄞" * 10] * 50_000):
        await face(cache.put(1, value))
        assert await face(cache.get(1)) == value


async def test_buffers(face: Face, cache: Any) -> None:
    rows: list[tuple[Any, Any]] = [
        (array.array("b", [-1, 2]), b"\xff\x02"),
        (array.array("h", [-1, 2]), [-1, 2]),
        (array.array("i", [-1, 2]), [-1, 2]),
        (array.array("q", [-1, 2]), [-1, 2]),
        (array.array("f", [-1.5]), [-1.5]),
        (array.array("d", [0.1]), [0.1]),
        (memoryview(array.array("q", range(10)))[::-3], [9, 6, 3, 0]),
        (memoryview(b"\x01\x00").cast("?"), [True, False]),
    ]
    for value, expected in rows:
        await face(cache.put(1, value))
        assert shown(await face(cache.get(1))) == shown(expected)


# --- keys that look alike --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, IntObject), (1, LongObject)),
        ((1, ShortObject), (1, IntObject)),
        ((1, ByteObject), (1, ShortObject)),
        ((1.0, DoubleObject), (1, LongObject)),
        ((1.0, DoubleObject), (1.0, FloatObject)),
        (("a", CharObject), ("a", String)),
        (("1", String), (1, LongObject)),
        ((Decimal("1.5"), DecimalObject), (Decimal("1.50"), DecimalObject)),
        ((Decimal("1E+2"), DecimalObject), (Decimal("100"), DecimalObject)),
        ((1, DecimalObject), (1, LongObject)),
        ((True, datatypes.BoolObject), (1, LongObject)),
        ((0.0, DoubleObject), (-0.0, DoubleObject)),
        ((LEAP_DAY, DateObject), ((LEAP_DAY, 0), datatypes.TimestampObject)),
        (("𝄞", String), ("\ufffd", String)),
        (("é", String), ("e\u0301", String)),
    ],
    ids=range(15),
)
async def test_keys_that_differ_for_java(face: Face, cache: Any, one: Any, other: Any) -> None:
    await face(cache.put(one, "one"))
    await face(cache.put(other, "other"))
    assert await face(cache.get_size()) == 2
    assert await face(cache.get(one)) == "one"
    assert await face(cache.get(other)) == "other"
    assert await face(cache.remove_key(one)) is True
    assert await face(cache.get(other)) == "other"


async def test_keys_outside_the_basic_plane(face: Face, cache: Any) -> None:
    keys = {f"𝄞{number}😀": number for number in range(300)}
    await face(cache.put_all(keys))
    assert await face(cache.get_all(keys)) == keys
    for key in list(keys)[::29]:
        assert await face(cache.get(key)) == keys[key]


async def test_many_keys_of_each_type(face: Face, cache: Any) -> None:
    """Spread over all partitions; single calls and calls with many keys must agree on where an entry is."""
    kinds: list[tuple[Any, list[Any]]] = [
        (ByteObject, list(range(-50, 50))),
        (ShortObject, [number * 300 for number in range(-50, 50)]),
        (IntObject, [number * 40_000_000 for number in range(-50, 50)]),
        (LongObject, [number << 57 for number in range(-50, 50)]),
        (DoubleObject, [number / 7 for number in range(-50, 50)]),
        (CharObject, [chr(number) for number in range(0x400, 0x10000, 700)]),
        (String, ["ключ" * number for number in range(50)]),
        (datatypes.UUIDObject, [uuid.UUID(int=number << 100 | number) for number in range(50)]),
        (DecimalObject, [Decimal(number * 10 + 1).scaleb(-(number % 7)) for number in range(-50, 50)]),
    ]
    for key_hint, keys in kinds:
        await face(cache.clear())
        await face(cache.put_all({(key, key_hint): index for index, key in enumerate(keys)}))
        for index, key in enumerate(keys):
            assert await face(cache.get(key, key_hint=key_hint)) == index
        assert await face(cache.get_all([(key, key_hint) for key in keys])) == {key: index for index, key in enumerate(keys)}
        assert await face(cache.get_size()) == len(keys)


# --- what the environment must not change ----------------------------------------------------------------------------------------


async def test_the_decimal_context_changes_nothing(face: Face, cache: Any) -> None:
    value = Decimal("1234567890.0987654321000")
    with localcontext() as context:
        context.prec = 3
        await face(cache.put(1, value))
        assert shown(await face(cache.get(1))) == "Decimal('1234567890.0987654321000')"


async def test_what_is_changed_after_the_call_was_made(face: Face, cache: Any) -> None:
    """A call of the async face looks at its arguments when it is made, not when it is awaited."""
    values = ["a", "b"]
    call = cache.put(1, values)
    values.append("late")
    await face(call)
    assert await face(cache.get(1)) == ["a", "b"]


async def test_dates_of_a_year_of_days(face: Face, cache: Any) -> None:
    days = [datetime.fromordinal(datetime(2023, 12, 31).toordinal() + day) for day in range(370)]
    await face(cache.put(1, days))
    assert await face(cache.get(1)) == days
