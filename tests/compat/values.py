"""The values that tests put into caches: one table, with what comes back written by hand.

A row is what is put, the hint that it is put with (a name of `datatypes`, or None), and what a cache gives back.
"""

from __future__ import annotations

import math
import uuid
from collections import OrderedDict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A value, how it is put, and what comes back."""

    value: Any
    hint: str | None
    expected: Any

    def __str__(self) -> str:
        text = ascii(self.value)
        return f"{self.hint or 'inferred'}-{text if len(text) < 40 else text[:37] + '...'}"


def shown(value: Any) -> str:
    """What tells values apart that are equal to Python: 1, 1.0 and True, 1.1 and 1.10, -0.0 and 0.0.

    The order of a plain dict is left out, because a server gives a Java HashMap back in an order of its own.
    """
    if isinstance(value, OrderedDict):
        return "ordered {" + ", ".join(f"{shown(key)}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{shown(key)}: {shown(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(shown, value)) + ")"
    return repr(value)


def same(value: Any, hint: str | None = None) -> Row:
    """A row whose value comes back as it is."""
    return Row(value, hint, value)


UUID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
LEAP_DAY = datetime(2020, 2, 29, 23, 59, 59, 999000)
OLD = datetime(1900, 1, 1, 0, 0, 0, 1000)
NOON = timedelta(hours=12)

#: Values that both pyignite 0.6.1 and this client write and read in the same way.
SHARED: list[Row] = [
    # Numbers.
    *(same(number, "ByteObject") for number in (-128, -1, 0, 127)),
    *(same(number, "ShortObject") for number in (-(2**15), -1, 0, 2**15 - 1)),
    *(same(number, "IntObject") for number in (-(2**31), -1, 0, 2**31 - 1)),
    *(same(number, "LongObject") for number in (-(2**63), -1, 0, 2**63 - 1)),
    *(same(number) for number in (-(2**63), -1, 0, 2**31, 2**63 - 1)),
    *(same(number, "FloatObject") for number in (0.0, -1.5, 2.0**-149, 3.4028234663852886e38, math.inf, -math.inf)),
    *(same(number, "DoubleObject") for number in (0.0, 0.1, 5e-324, 1.7976931348623157e308, math.inf, -math.inf)),
    *(same(number) for number in (0.1, -0.0, math.inf)),
    Row(0.1, "FloatObject", 0.10000000149011612),
    Row(5, "DoubleObject", 5.0),
    Row(5, "FloatObject", 5.0),
    Row(True, "IntObject", 1),
    # Truth.
    *(same(flag, "BoolObject") for flag in (True, False)),
    *(same(flag) for flag in (True, False)),
    # Text.
    *(same(text, "CharObject") for text in ("a", " ", "\x00", "я", "\u7fff")),
    *(same(text, "String") for text in ("", "a", "Straße", "имя", "漢字", "𝄞", "x" * 100_000)),
    *(same(text) for text in ("", "a", "Straße", "𝄞", "a\tb\n\r\x7f")),
    # Standard values.
    same(UUID, "UUIDObject"),
    same(UUID),
    same(uuid.UUID(int=0)),
    same(uuid.UUID(int=2**128 - 1)),
    *(same(moment, "DateObject") for moment in (LEAP_DAY, OLD, datetime(1970, 1, 1), datetime(9999, 12, 31))),
    same(LEAP_DAY),
    Row(date(2020, 2, 29), "DateObject", datetime(2020, 2, 29)),
    Row(date(2020, 2, 29), None, datetime(2020, 2, 29)),
    Row(LEAP_DAY.replace(microsecond=999999), None, LEAP_DAY),
    *(same((LEAP_DAY, nanoseconds), "TimestampObject") for nanoseconds in (0, 1, 999_999)),
    same((OLD, 5), "TimestampObject"),
    *(same(time, "TimeObject") for time in (timedelta(0), NOON, timedelta(hours=23, minutes=59, seconds=59, milliseconds=999))),
    same(NOON),
    *(
        same(Decimal(text), "DecimalObject")
        for text in ("0", "1", "-1", "1.5", "-12345.678", "127", "128", "-128", "1E+5", "1E-9")
    ),
    same(Decimal("-12345.678")),
    same((42, 7), "EnumObject"),
    same((-42, 0), "EnumObject"),
    same((42, 7), "BinaryEnumObject"),
    # Arrays of primitives.
    *(same(data) for data in (b"", b"\x00\x80\xff", b"x" * 70_000)),
    Row(bytearray(b"ab"), None, b"ab"),
    Row(bytearray(b"ab"), "ByteArrayObject", b"ab"),
    Row([1, 2, 255], "ByteArrayObject", b"\x01\x02\xff"),
    *(same([], f"{kind}ArrayObject") for kind in ("Short", "Int", "Long", "Float", "Double", "Char", "Bool")),
    same([-(2**15), 0, 2**15 - 1], "ShortArrayObject"),
    same([-(2**31), 0, 2**31 - 1], "IntArrayObject"),
    same([-(2**63), 0, 2**63 - 1], "LongArrayObject"),
    same([1.5, -math.inf], "FloatArrayObject"),
    same([0.1, -0.0], "DoubleArrayObject"),
    same(["a", "я", "\u7fff"], "CharArrayObject"),
    same([True, False], "BoolArrayObject"),
    Row((1, 2), "IntArrayObject", [1, 2]),
    same([1, -(2**63), 2**63 - 1]),
    same([0.1, 0.2]),
    same([True, False]),
    Row((1, 2, 3), None, [1, 2, 3]),
    # Arrays of standard values.
    same(["a", None, ""], "StringArrayObject"),
    same([UUID, None], "UUIDArrayObject"),
    same([LEAP_DAY, None], "DateArrayObject"),
    same([(LEAP_DAY, 1), None], "TimestampArrayObject"),
    same([NOON, None], "TimeArrayObject"),
    same([Decimal("1.5"), None], "DecimalArrayObject"),
    *(same([], f"{kind}ArrayObject") for kind in ("String", "UUID", "Date", "Timestamp", "Time", "Decimal")),
    same(["a", "b"]),
    same(["a", None]),
    same([UUID]),
    same([LEAP_DAY]),
    same([NOON]),
    same([Decimal(1), Decimal("2.5")]),
    # A server that has no class for the type id keeps the enums and forgets it.
    Row((42, [(42, 1), (42, 2)]), "EnumArrayObject", (-1, [(42, 1), (42, 2)])),
    Row((42, [(42, 1)]), "BinaryEnumArrayObject", (-1, [(42, 1)])),
    # Containers of anything.
    same((-1, [1, "a", None, 1.5]), "ObjectArrayObject"),
    same((-1, []), "ObjectArrayObject"),
    *(same((kind, [1, "a", None]), "CollectionObject") for kind in (1, 2)),
    *(same((kind, [1]), "CollectionObject") for kind in (3, 4)),
    # Kinds that say "some collection" become one that Java has.
    Row((0, [1, "a"]), "CollectionObject", (1, [1, "a"])),
    Row((-1, [1, "a"]), "CollectionObject", (3, [1, "a"])),
    same((1, [1, "x"])),
    *(same((kind, []), "CollectionObject") for kind in (1, 2, 3, 4)),
    same((1, {1: "a", "b": 2, 1.5: None}), "MapObject"),
    same((2, OrderedDict([("z", 1), ("a", 2)])), "MapObject"),
    Row((0, {1: "a"}), "MapObject", (1, {1: "a"})),
    same((1, {}), "MapObject"),
    same((1, {1: "a"})),
    same((1, [(1, [(1, [(1, {1: (1, [1, None])})])])]), "CollectionObject"),
    same((1, {"list": (1, [1, "a"]), "array": [1, 2], "bytes": b"x", "date": LEAP_DAY, "uuid": UUID}), "MapObject"),
]

#: Values that pyignite 0.6.1 can not write or read, or gives back as something else. Each has a line in docs/compatibility.md.
OURS: list[Row] = [
    same("\u8000", "CharObject"),
    same("\uffff", "CharObject"),
    same("\ud800", "CharObject"),
    same(["\u8000", "\udfff"], "CharArrayObject"),
    same("a\x00b", "String"),
    same("\x00"),
    same(Decimal("1.10"), "DecimalObject"),
    same(Decimal("0.00")),
    Row(Decimal("-0.00"), None, Decimal("0.00")),
    same(Decimal("12345678901234567890123456789012345.67")),
    same(Decimal("-" + "9" * 200 + ".125")),
    Row(2**64, "DecimalObject", Decimal(2**64)),
    Row({1: "a", "b": 2}, None, (1, {1: "a", "b": 2})),
    Row({}, None, (1, {})),
    Row({1: "a"}, "MapObject", (1, {1: "a"})),
    Row(OrderedDict([("z", 1), ("a", 2)]), None, (2, OrderedDict([("z", 1), ("a", 2)]))),
    Row({1, 2}, None, (3, [1, 2])),
    Row(set(), None, (3, [])),
    Row(frozenset({"a"}), None, (3, ["a"])),
    Row([], None, (1, [])),
    Row((), None, (1, [])),
    Row([1, "a"], None, (1, [1, "a"])),
    Row([1, 2, None], None, (1, [1, 2, None])),
    Row([None], None, (1, [None])),
    Row([[1], ["a"], []], None, (1, [[1], ["a"], (1, [])])),
    Row([{"k": [1.5, None]}, {2}], None, (1, [(1, {"k": (1, [1.5, None])}), (3, [2])])),
    Row(datetime(1950, 1, 1, 0, 0, 0, 1500), None, datetime(1950, 1, 1, 0, 0, 0, 1000)),
    Row(LEAP_DAY.replace(microsecond=999_001), "TimestampObject", (LEAP_DAY, 1000)),
    Row(memoryview(b"ab"), None, b"ab"),
    Row(range(2), "LongArrayObject", [0, 1]),
]

_KEY_HINTS = ("Byte", "Short", "Int", "Long", "Double", "Char", "Bool", "UUID", "Date", "Timestamp", "Time", "Decimal", "Enum")


def _is_key(row: Row) -> bool:
    hinted = row.hint in (None, "String", *(f"{hint}Object" for hint in _KEY_HINTS))
    scalar = not isinstance(row.expected, (bytes, list)) and not (
        isinstance(row.expected, tuple) and isinstance(row.expected[1], (list, dict))
    )
    return hinted and scalar


#: Those that Python can hash when they come back, and so can be keys of a dict.
KEYS: list[Row] = [row for row in SHARED + OURS if _is_key(row)]
