"""What Python values become on the wire when nobody says, and what is refused: the bytes are written by hand."""

from __future__ import annotations

import array
import ctypes
import math
import os
import struct
import time
import uuid
from collections import ChainMap, OrderedDict, UserDict, deque, namedtuple
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from decimal import Decimal, localcontext
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pyignite_rs import datatypes
from pyignite_rs._core import decode, encode, hash_of, java_hash_string, partition
from pyignite_rs.exceptions import ParseError


def long(number: int) -> bytes:
    return b"\x04" + struct.pack("<q", number)


def text(value: str) -> bytes:
    data = value.encode()
    return b"\x09" + struct.pack("<i", len(data)) + data


def collection(kind: int, *items: bytes) -> bytes:
    return b"\x18" + struct.pack("<ib", len(items), kind) + b"".join(items)


def mapping(kind: int, *entries: bytes) -> bytes:
    return b"\x19" + struct.pack("<ib", len(entries) // 2, kind) + b"".join(entries)


NULL = b"\x65"


# --- the table of values that must not be lost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64 + 5, 10**400, -(10**5000)], ids=lambda n: f"{n.bit_length()} bits")
def test_an_int_beyond_64_bits(number: int) -> None:
    with pytest.raises(OverflowError, match="DecimalObject"):
        encode(number)
    with pytest.raises(OverflowError, match=r"value\[1\].*DecimalObject"):
        encode([1, number])
    with pytest.raises(OverflowError, match="64 bits"):
        encode(number, datatypes.LongObject)
    assert decode(encode(number, datatypes.DecimalObject)) == number


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("ByteObject", -128, 127), ("ShortObject", -(2**15), 2**15 - 1), ("IntObject", -(2**31), 2**31 - 1)],
)
def test_an_int_that_does_not_fit_its_hint(name: str, low: int, high: int) -> None:
    hint = getattr(datatypes, name)
    assert (decode(encode(low, hint)), decode(encode(high, hint))) == (low, high)
    for number in (low - 1, high + 1, 2**70):
        with pytest.raises(OverflowError, match=rf"{number} does not fit {name} \({low} to {high}\)"):
            encode(number, hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ByteArrayObject", [256]),
        ("ByteArrayObject", [-129]),
        ("ShortArrayObject", [2**15]),
        ("IntArrayObject", [0, -(2**31) - 1]),
        ("LongArrayObject", [2**63]),
        ("FloatArrayObject", [1e39]),
        ("FloatObject", 1e39),
        ("EnumObject", (2**31, 0)),
    ],
)
def test_an_element_that_does_not_fit(name: str, value: Any) -> None:
    with pytest.raises(OverflowError):
        encode(value, getattr(datatypes, name))


def test_a_dict() -> None:
    assert encode({}) == mapping(1)
    assert encode({1: "a", "b": None}) == mapping(1, long(1), text("a"), text("b"), NULL)
    assert decode(mapping(1, long(1), text("a"))) == (1, {1: "a"})
    assert encode(OrderedDict([("z", 1), ("a", 2)])) == mapping(2, text("z"), long(1), text("a"), long(2))
    kind, ordered = decode(mapping(2, text("z"), long(1), text("a"), long(2)))
    assert (kind, type(ordered), list(ordered)) == (2, OrderedDict, ["z", "a"])


@pytest.mark.parametrize("make", [ChainMap, UserDict, type("Mine", (dict,), {})])
def test_other_mappings(make: Any) -> None:
    assert encode(make({1: "a"})) == mapping(1, long(1), text("a"))


def test_a_map_as_it_is_read() -> None:
    for kind in (0, 1, 2):
        assert encode((kind, {1: "a"})) == mapping(kind, long(1), text("a"))


@pytest.mark.parametrize("make", [set, frozenset])
def test_sets(make: Any) -> None:
    assert encode(make()) == collection(3)
    assert encode(make({7})) == collection(3, long(7))
    assert decode(collection(3, long(7))) == (3, [7])


def test_empty_and_mixed_lists() -> None:
    for empty in ([], ()):
        assert encode(empty) == collection(1)
    assert encode([1, "a"]) == collection(1, long(1), text("a"))
    assert encode([1, "a", 2.5]) == collection(1, long(1), text("a"), b"\x06" + struct.pack("<d", 2.5))
    assert encode([None]) == collection(1, NULL)
    assert encode([1, None, 3]) == collection(1, long(1), NULL, long(3))
    assert encode(["a", 1]) == collection(1, text("a"), long(1))
    assert encode([[], {}]) == collection(1, collection(1), mapping(1))
    assert encode([1, True, 2.0]) == collection(1, long(1), b"\x08\x01", b"\x06" + struct.pack("<d", 2.0))


def test_lists_of_one_type_are_arrays() -> None:
    assert encode([1, -1]) == b"\x0f" + struct.pack("<iqq", 2, 1, -1)
    assert encode((0.5,)) == b"\x11" + struct.pack("<id", 1, 0.5)
    assert encode([True, False]) == b"\x13" + struct.pack("<i", 2) + b"\x01\x00"
    assert encode(["a", None]) == b"\x14" + struct.pack("<i", 2) + text("a") + NULL
    assert encode([None, "a"]) == b"\x14" + struct.pack("<i", 2) + NULL + text("a")


@pytest.mark.parametrize(
    ("value", "scale", "magnitude"),
    [
        (Decimal("1.10"), 2, b"\x6e"),
        (Decimal("1.1"), 1, b"\x0b"),
        (Decimal("0.00"), 2, b"\x00"),
        # The sign of zero has no place on the wire.
        (Decimal("-0.00"), 2, b"\x00"),
        (Decimal("-1.10"), 2, b"\xee"),
        (Decimal("1.28"), 2, b"\x00\x80"),
        (Decimal("-1.28"), 2, b"\x80\x80"),
        (Decimal("1E+3"), -3, b"\x01"),
        (Decimal(256), 0, b"\x01\x00"),
    ],
    ids=str,
)
def test_decimals(value: Decimal, scale: int, magnitude: bytes) -> None:
    wire = b"\x1e" + struct.pack("<ii", scale, len(magnitude)) + magnitude
    assert encode(value) == wire
    assert encode(value, datatypes.DecimalObject) == wire
    back = decode(wire)
    assert str(back) == str(value).replace("-0.00", "0.00")


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_decimals_that_are_no_numbers(value: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        encode(Decimal(value))


@given(some.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_keeps_its_digits_and_its_scale(value: Decimal) -> None:
    back = decode(encode(value))
    assert back.as_tuple()[1:] == value.as_tuple()[1:]
    assert back == value


def test_decimals_in_a_narrow_context() -> None:
    with localcontext() as context:
        context.prec = 2
        assert str(decode(encode(Decimal("123.4567")))) == "123.4567"


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The local time zone for the length of a test."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def milliseconds(wire: bytes) -> int:
    assert wire[:1] == b"\x0b" and len(wire) == 9
    number: int = struct.unpack("<q", wire[1:])[0]
    return number


def test_a_datetime_with_a_zone(zone: str) -> None:
    moment = datetime(2024, 7, 1, 12, 0, 0, 5000, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert milliseconds(encode(moment)) == 1_719_815_400_005
    assert milliseconds(encode(moment.astimezone(timezone.utc))) == 1_719_815_400_005
    # It comes back without a zone, in local time.
    assert decode(encode(moment)) == moment.astimezone().replace(tzinfo=None)


def test_a_datetime_without_a_zone_is_local(zone: str) -> None:
    for moment in (
        datetime(2024, 7, 1, 12),
        datetime(2024, 1, 1),
        datetime(1970, 1, 1),
        datetime(1969, 12, 31, 23, 59, 59, 999000),
    ):
        assert decode(encode(moment)) == moment
        assert milliseconds(encode(moment)) == round(moment.timestamp() * 1000)


def test_the_hour_that_comes_twice(zone: str) -> None:
    first = datetime(2024, 10, 27, 2, 30)
    again = first.replace(fold=1)
    difference = milliseconds(encode(again)) - milliseconds(encode(first))
    assert difference == (3_600_000 if zone == "Europe/Berlin" else 0)
    assert decode(encode(again)) == first


@pytest.mark.parametrize(
    ("moment", "ms"),
    [
        (datetime(1970, 1, 1, 0, 0, 0, 1999, timezone.utc), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc), -1),
        (datetime(1969, 12, 31, 23, 59, 59, 1, timezone.utc), -1000),
        (datetime(1950, 1, 1, 0, 0, 0, 1500, timezone.utc), -631_151_999_999),
        (datetime(1, 1, 1, tzinfo=timezone.utc), -62_135_596_800_000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone.utc), 253_402_300_799_999),
    ],
)
def test_microseconds_of_a_date_are_cut(moment: datetime, ms: int) -> None:
    assert milliseconds(encode(moment)) == ms
    assert milliseconds(encode(moment, datatypes.DateObject)) == ms


def test_a_date() -> None:
    assert decode(encode(date(2020, 2, 29))) == datetime(2020, 2, 29)
    assert decode(encode([date(2020, 2, 29), None])) == [datetime(2020, 2, 29), None]


def test_dates_that_python_has_not() -> None:
    with pytest.raises(ParseError):
        decode(b"\x0b" + struct.pack("<q", 2**62))
    with pytest.raises(ParseError):
        decode(b"\x24" + struct.pack("<q", 2**63 - 1))


@pytest.mark.parametrize(
    ("value", "ms", "nanoseconds"),
    [
        ((datetime(1970, 1, 1, tzinfo=timezone.utc), 0), 0, 0),
        ((datetime(1970, 1, 1, 0, 0, 0, 5999, timezone.utc), 999_999), 5, 999_999),
        (datetime(1970, 1, 1, 0, 0, 0, 5999, timezone.utc), 5, 999_000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc), -1, 999_000),
        (date(1970, 1, 1), None, 0),
    ],
    ids=str,
)
def test_timestamps(value: Any, ms: int | None, nanoseconds: int) -> None:
    if ms is None:
        ms = round(datetime(1970, 1, 1).timestamp() * 1000)
    assert encode(value, datatypes.TimestampObject) == b"\x21" + struct.pack("<qi", ms, nanoseconds)


@pytest.mark.parametrize("nanoseconds", [-1, 1_000_000, 2**40])
def test_nanoseconds_beyond_a_millisecond(nanoseconds: int) -> None:
    with pytest.raises(OverflowError, match="999999"):
        encode((datetime(2020, 1, 1), nanoseconds), datatypes.TimestampObject)


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (timedelta(0), 0),
        (timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999), 86_399_999),
        (timedelta(days=2), 172_800_000),
        (timedelta(microseconds=-1), -1),
        (time_of_day(0, 0), 0),
        (time_of_day(23, 59, 59, 999_999), 86_399_999),
        (time_of_day(1, 2, 3, 4000), 3_723_004),
    ],
    ids=str,
)
def test_times(value: Any, ms: int) -> None:
    wire = b"\x24" + struct.pack("<q", ms)
    assert encode(value) == wire
    assert encode(value, datatypes.TimeObject) == wire
    assert decode(wire) == timedelta(milliseconds=ms)


class Scalar:
    """What a scalar of numpy looks like: a `dtype`, and `item()` for the built-in value."""

    dtype = "float32"

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


def test_scalars_of_other_libraries() -> None:
    assert encode(Scalar(5)) == long(5)
    assert encode(Scalar(0.5)) == b"\x06" + struct.pack("<d", 0.5)
    assert encode(Scalar("x")) == text("x")


@pytest.mark.parametrize(
    ("code", "wire"),
    [
        ("b", b"\x0c" + struct.pack("<ibb", 2, -1, 2)),
        ("B", b"\x0c" + struct.pack("<iBB", 2, 255, 2)),
        ("h", b"\x0d" + struct.pack("<ihh", 2, -1, 2)),
        ("i", b"\x0e" + struct.pack("<iii", 2, -1, 2)),
        ("q", b"\x0f" + struct.pack("<iqq", 2, -1, 2)),
        ("f", b"\x10" + struct.pack("<iff", 2, -1, 2)),
        ("d", b"\x11" + struct.pack("<idd", 2, -1, 2)),
    ],
)
def test_buffers(code: str, wire: bytes) -> None:
    values = [255, 2] if code == "B" else [-1, 2]
    items = array.array(code, values)
    assert encode(items) == wire
    assert encode(memoryview(items)) == wire
    spread = array.array(code, [value for value in values for _ in range(2)])
    assert encode(memoryview(spread)[::2]) == wire
    # With a hint for another type the elements count, not their bytes.
    assert encode(items, datatypes.DoubleArrayObject) == b"\x11" + struct.pack("<idd", 2, *values)


@pytest.mark.parametrize("code", "HIQ")
def test_buffers_of_unsigned_numbers_are_written_by_value(code: str) -> None:
    """Java has no unsigned types; as any list of ints they are longs."""
    top = {"H": 2**16 - 1, "I": 2**32 - 1, "Q": 2**63 - 1}[code]
    assert encode(array.array(code, [1, top])) == b"\x0f" + struct.pack("<iqq", 2, 1, top)
    assert encode(array.array(code, [1, 2]), datatypes.IntArrayObject) == b"\x0e" + struct.pack("<iii", 2, 1, 2)


def test_an_unsigned_number_beyond_a_long_is_told() -> None:
    with pytest.raises(OverflowError, match="64 bits"):
        encode(array.array("Q", [2**63]))


@pytest.mark.parametrize("hint", [None, datatypes.IntArrayObject, datatypes.LongArrayObject])
def test_buffers_of_the_other_byte_order_keep_their_numbers(hint: Any) -> None:
    for number in (ctypes.c_int32.__ctype_be__, ctypes.c_int32.__ctype_le__):
        items = (number * 3)(0, 1, -2)
        assert decode(encode(items, hint)) == [0, 1, -2]
        if hint is not datatypes.LongArrayObject:
            # Python itself can not iterate over such a view, so only its own type can be written.
            assert decode(encode(memoryview(items), hint)) == [0, 1, -2]


def test_buffers_that_java_has_no_array_for() -> None:
    with pytest.raises(TypeError, match="more than one dimension"):
        encode(memoryview(bytes(4)).cast("B", (2, 2)))


def test_text_outside_the_basic_plane_is_hashed_in_utf16() -> None:
    # U+1D11E is D834 DD1E in UTF-16: 31 * 0xD834 + 0xDD1E.
    assert java_hash_string("𝄞") == 31 * 0xD834 + 0xDD1E == hash_of(encode("𝄞"))
    assert java_hash_string("a𝄞") == (31 * 31 * 0x61 + 31 * 0xD834 + 0xDD1E)


@pytest.mark.parametrize(
    ("hashed", "partitions", "expected"),
    [
        (0, 1024, 0),
        (1, 1024, 1),
        (0x12345678, 1024, (0x12345678 ^ 0x1234) & 1023),
        (7, 10, 7),
        (1234567, 10, 7),
        (5, 1, 0),
        (5, 0, None),
    ],
)
def test_partitions(hashed: int, partitions: int, expected: int | None) -> None:
    assert partition(hashed, partitions) == expected


def test_each_partition_number_is_in_range() -> None:
    for hashed in (0, 1, -1, 2**31 - 1, -(2**31), 123456789, -987654321):
        for partitions in (1, 3, 10, 1000, 1024, 65_000):
            found = partition(hashed, partitions)
            assert found is not None and 0 <= found < partitions


# --- the rest of the types -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, NULL),
        (0, long(0)),
        (-1, long(-1)),
        (2**63 - 1, long(2**63 - 1)),
        (True, b"\x08\x01"),
        (False, b"\x08\x00"),
        (0.1, b"\x06" + struct.pack("<d", 0.1)),
        (-0.0, b"\x06" + bytes(7) + b"\x80"),
        (math.inf, b"\x06" + struct.pack("<d", math.inf)),
        ("", text("")),
        ("a\x00b", text("a\x00b")),
        ("𝄞", b"\x09\x04\x00\x00\x00\xf0\x9d\x84\x9e"),
        (b"\x00\xff", b"\x0c\x02\x00\x00\x00\x00\xff"),
        (bytearray(b"a"), b"\x0c\x01\x00\x00\x00a"),
        (
            uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"),
            b"\x0a" + bytes.fromhex("7766554433221100") + bytes.fromhex("ffeeddccbbaa9988"),
        ),
    ],
    ids=repr,
)
def test_inferred_scalars(value: Any, wire: bytes) -> None:
    assert encode(value) == wire
    assert repr(decode(wire)) == repr(bytes(value) if isinstance(value, bytearray) else value)


def test_subclasses_count_as_what_they_are() -> None:
    class Color(IntEnum):
        RED = 3

    class Name(str):
        pass

    Point = namedtuple("Point", "x y")
    assert encode(Color.RED) == long(3)
    assert encode(Name("x")) == text("x")
    assert encode(Point(1, 2)) == encode([1, 2]) == b"\x0f" + struct.pack("<iqq", 2, 1, 2)


def test_iterables_are_lists() -> None:
    longs = b"\x0f" + struct.pack("<iqqq", 3, 0, 1, 2)
    assert encode(range(3)) == longs
    assert encode(number for number in range(3)) == longs
    assert encode(deque([0, 1, 2])) == longs
    assert encode({0: None, 1: None, 2: None}.keys()) == longs


def test_pairs_of_kind_and_items() -> None:
    for kind in (-1, 0, 1, 2, 3, 4, 5):
        assert encode((kind, ["a"])) == collection(kind, text("a"))
        # The way to say that such a pair is data.
        whole = encode((1, [kind, ["a"]]), datatypes.CollectionObject)
        assert whole == collection(1, long(kind), b"\x14" + struct.pack("<i", 1) + text("a"))
    # Not a kind, so it is a list of two things.
    assert encode((6, ["a"])) == collection(1, long(6), b"\x14" + struct.pack("<i", 1) + text("a"))
    assert encode((1, "ab")) == collection(1, long(1), text("ab"))
    assert encode((1, b"ab")) == collection(1, long(1), b"\x0c\x02\x00\x00\x00ab")


class Plain(Enum):
    """An enum of Python, which is no number."""

    ONE = 1


@pytest.mark.parametrize("value", [object(), 1j, Plain.ONE, Fraction(1, 3), str, print, ...], ids=repr)
def test_values_without_an_ignite_type(value: Any) -> None:
    with pytest.raises(TypeError, match=f"value: a value of type {type(value).__qualname__}"):
        encode(value)
    with pytest.raises(TypeError, match=r"value\[1\]"):
        encode([1, value])
    with pytest.raises(TypeError, match=r"value\['k'\]\[0\]"):
        encode({"k": [value]})


def test_lone_surrogates() -> None:
    with pytest.raises(ValueError):
        encode("\ud800")
    assert encode("\ud800", datatypes.CharObject) == b"\x07\x00\xd8"
    assert decode(b"\x07\x00\xd8") == "\ud800"


@pytest.mark.parametrize("value", ["", "ab", "𝄞"])
def test_a_char_is_one_unit(value: str) -> None:
    with pytest.raises(ValueError, match="one character"):
        encode(value, datatypes.CharObject)


def test_nesting_has_an_end() -> None:
    value: Any = "bottom"
    for _ in range(20):
        value = {"in": [value, None]}
    back = decode(encode(value))
    for _ in range(20):
        kind, entries = back
        assert kind == 1
        inner = entries["in"]
        back = inner[0] if isinstance(inner, list) else inner[1][0]
    assert back == "bottom"
    for _ in range(100_000):
        value = [value, 1]
    with pytest.raises((ValueError, RecursionError)):
        encode(value)
    while isinstance(value, list):
        value = value[0]


def test_a_list_that_changes_while_it_is_written() -> None:
    items: list[Any] = []

    class Sneaky:
        dtype = "object"

        def item(self) -> int:
            items.clear()
            return 1

    items.extend([Sneaky(), 2, 3, "x"])
    try:
        wire = encode(items)
    except (RuntimeError, IndexError):
        return
    # If it is accepted, then as something that can be read.
    assert isinstance(decode(wire), (list, tuple))


@given(
    some.recursive(
        some.none()
        | some.booleans()
        | some.integers(-(2**63), 2**63 - 1)
        | some.floats(allow_nan=False)
        | some.text()
        | some.binary()
        | some.uuids()
        | some.timedeltas(timedelta(0), timedelta(1)).map(lambda delta: delta - delta % timedelta(milliseconds=1)),
        lambda inner: some.lists(inner, min_size=3).map(lambda items: (1, items))
        | some.dictionaries(some.text() | some.integers(0, 1000), inner).map(lambda entries: (1, entries)),
        max_leaves=30,
    )
)
def test_what_is_read_is_what_was_written(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data", [b"", b"\x04", long(1)[:-1], long(1) + b"\x00", b"\xfa", b"\x09\xff\xff\xff\xff", b"\x09\x01\x00\x00\x00\xff"]
)
def test_bytes_that_are_no_value(data: bytes) -> None:
    with pytest.raises(ParseError):
        decode(data)
