"""Hint classes: what they tell about themselves, and what can not be a hint."""

from __future__ import annotations

import asyncio
import inspect
import struct
from typing import Any

import pytest

from pyignite_rs import datatypes
from pyignite_rs._core import decode, encode
from pyignite_rs.datatypes.base import IgniteDataType, IgniteDataTypeMeta, IgniteDataTypeProps
from pyignite_rs.utils import entity_id, is_hinted

HINTS: dict[str, Any] = {
    name: value
    for name, value in vars(datatypes).items()
    if inspect.isclass(value) and issubclass(value, IgniteDataType) and value.__module__.startswith("pyignite_rs")
}

#: Those that name a data object: the byte in front of it, from the protocol.
CODES: dict[str, int] = {
    "ByteObject": 1, "ShortObject": 2, "IntObject": 3, "LongObject": 4, "FloatObject": 5, "DoubleObject": 6, "CharObject": 7,
    "BoolObject": 8, "String": 9, "UUIDObject": 10, "DateObject": 11, "ByteArrayObject": 12, "ShortArrayObject": 13,
    "IntArrayObject": 14, "LongArrayObject": 15, "FloatArrayObject": 16, "DoubleArrayObject": 17, "CharArrayObject": 18,
    "BoolArrayObject": 19, "StringArrayObject": 20, "UUIDArrayObject": 21, "DateArrayObject": 22, "ObjectArrayObject": 23,
    "CollectionObject": 24, "MapObject": 25, "WrappedDataObject": 27, "EnumObject": 28, "EnumArrayObject": 29, "DecimalObject": 30,
    "DecimalArrayObject": 31, "TimestampObject": 33, "TimestampArrayObject": 34, "TimeObject": 36, "TimeArrayObject": 37,
    "BinaryEnumObject": 38, "Null": 101, "BinaryObject": 103,
}  # fmt: skip


def test_there_are_hints() -> None:
    assert set(CODES) <= set(HINTS)


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_is_a_class_of_its_metaclass(name: str) -> None:
    hint = HINTS[name]
    assert type(hint) is IgniteDataTypeMeta
    assert issubclass(IgniteDataTypeMeta, IgniteDataTypeProps)
    assert hint.__doc__
    # Asked of the class itself, as programs do.
    assert hint.type_id is None or isinstance(hint.type_id, int)
    assert hint.type_name is None or isinstance(hint.type_name, str)


@pytest.mark.parametrize("name", CODES)
def test_type_codes(name: str) -> None:
    assert HINTS[name].type_code == bytes([CODES[name]])


def test_type_id_and_type_name() -> None:
    assert (datatypes.IntObject.type_id, datatypes.IntObject.type_name) == (3, "java.lang.Integer")
    assert (datatypes.String.type_id, datatypes.String.type_name) == (9, "java.lang.String")
    assert (datatypes.AnyDataObject.type_id, datatypes.AnyDataObject.type_name) == (None, None)

    class Mine(datatypes.BinaryObject):
        _type_name = "org.example.Mine"
        _type_id = None

    assert (Mine.type_name, Mine.type_id) == ("org.example.Mine", entity_id("org.example.Mine"))


@pytest.mark.parametrize("name", CODES)
def test_none_is_null_with_every_hint(name: str) -> None:
    assert encode(None, HINTS[name]) == b"\x65"
    assert encode((None, HINTS[name])) == b"\x65"


@pytest.mark.parametrize(
    "hint",
    [int, str, "IntObject", 3, object(), IgniteDataTypeMeta, datatypes.Nullable, datatypes.Int, datatypes.Map, IgniteDataType],
    ids=repr,
)
def test_what_is_no_hint(hint: Any) -> None:
    with pytest.raises(TypeError, match="hint"):
        encode(1, hint)


def test_a_wrong_hint_is_wrong_every_time() -> None:
    for _ in range(3):
        with pytest.raises(TypeError, match=r"type hint must be a class of pyignite_rs\.datatypes, not <class 'int'>"):
            encode(1, int)  # type: ignore[arg-type]


def test_a_class_below_a_hint_is_a_hint() -> None:
    class Age(datatypes.ByteObject):
        pass

    assert encode(5, Age) == b"\x01\x05"
    assert encode((5, Age)) == b"\x01\x05"


def test_a_pair_needs_a_hint_class() -> None:
    assert encode((5, datatypes.ByteObject)) == b"\x01\x05"
    assert is_hinted((5, datatypes.ByteObject))
    for pair in ((5, datatypes.ByteObject, 1), (5, 3), [5, datatypes.ByteObject], (5, int), 5):
        assert not is_hinted(pair)
    with pytest.raises(TypeError):
        encode((5, int))


def test_a_hint_for_the_whole_wins_over_a_pair_inside() -> None:
    with pytest.raises(TypeError):
        encode((5, datatypes.ByteObject), datatypes.IntObject)
    assert encode((5, datatypes.ByteObject), datatypes.AnyDataObject) == b"\x01\x05"
    assert encode([(5, datatypes.ByteObject)], datatypes.AnyDataObject) == b"\x18" + struct.pack("<ib", 1, 1) + b"\x01\x05"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("5", "IntObject"),
        (1.5, "IntObject"),
        ("x", "DoubleObject"),
        (5, "String"),
        (5, "UUIDObject"),
        ("2020-01-01", "DateObject"),
        (5, "DateObject"),
        (5, "TimeObject"),
        (5, "TimestampObject"),
        ("1.5", "DecimalObject"),
        (1.5, "DecimalObject"),
        (5, "EnumObject"),
        ((1, 2, 3), "EnumObject"),
        (5, "IntArrayObject"),
        (["a"], "IntArrayObject"),
        ([None], "IntArrayObject"),
        ([5], "StringArrayObject"),
        (5, "StringArrayObject"),
        (5, "CollectionObject"),
        ("text", "CollectionObject"),
        (5, "MapObject"),
        ([1], "MapObject"),
        (5, "ObjectArrayObject"),
        (object(), "BinaryObject"),
        (5, "Null"),
    ],
)
def test_a_value_that_does_not_suit_its_hint(value: Any, name: str) -> None:
    with pytest.raises(TypeError, match="value"):
        encode(value, HINTS[name])


@pytest.mark.parametrize(("value", "name"), [((6, [1]), "CollectionObject"), ((-2, []), "CollectionObject")])
def test_kinds_that_do_not_exist(value: Any, name: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        encode(value, HINTS[name])


@pytest.mark.parametrize("kind", [-1, 3, 100])
def test_map_kinds_that_do_not_exist(kind: int) -> None:
    with pytest.raises((ValueError, OverflowError), match="kind"):
        encode((kind, {}), datatypes.MapObject)


@pytest.mark.parametrize("name", [name for name in CODES if getattr(HINTS[name], "default", None) is not None])
def test_defaults_can_be_written_as_what_they_are(name: str) -> None:
    hint = HINTS[name]
    wire = encode(hint.default, hint)
    assert wire[:1] == hint.type_code
    # Two types read back as something else than the list that their default is.
    expected = {"ByteArrayObject": b"", "EnumArrayObject": (-1, [])}.get(name, hint.default)
    assert decode(wire) == expected


def test_wrapped_data_can_not_be_sent() -> None:
    from pyignite_rs.exceptions import ParseError

    with pytest.raises(ParseError, match="servers"):
        encode((b"", 0), datatypes.WrappedDataObject)


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (datatypes.IntObject, 42, 42),
        (datatypes.LongObject, 2**32, 1),
        (datatypes.String, "hello", 99162322),
        (datatypes.CharObject, "A", 65),
        (datatypes.BoolObject, False, 1237),
        (datatypes.DoubleObject, 1.0, 1072693248),
    ],
)
def test_hints_tell_the_hash_codes_of_keys(hint: Any, value: Any, expected: int) -> None:
    """Numbers that the JDK gives for the same values."""
    assert hint.hashcode(value) == expected
    assert hint.hashcode(value, client=None) == expected
    assert asyncio.run(hint.hashcode_async(value)) == expected
