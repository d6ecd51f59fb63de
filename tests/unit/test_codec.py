"""The codec against the bytes that real Java code wrote (`rust/tests/fixtures`): both directions, hash codes, and broken bytes."""

from __future__ import annotations

import json
import math
import struct
import time
import uuid
from collections import OrderedDict
from contextlib import nullcontext
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pyignite_rs import Client, GenericObjectMeta, _core, datatypes
from pyignite_rs.exceptions import ParseError

FIXTURES = Path(__file__).resolve().parents[2] / "rust" / "tests" / "fixtures"

COLLECTIONS = {
    "user_set": -1, "user_collection": 0, "array_list": 1, "linked_list": 2, "hash_set": 3, "linked_hash_set": 4, "singleton_list": 5,
}  # fmt: skip
MAPS = {"user_map": 0, "hash_map": 1, "linked_hash_map": 2}
NUMBERS = {"byte": "ByteObject", "short": "ShortObject", "int": "IntObject", "long": "LongObject"}
ARRAYS = {
    "string_array": "StringArrayObject", "uuid_array": "UUIDArrayObject", "date_array": "DateArrayObject",
    "timestamp_array": "TimestampArrayObject", "time_array": "TimeArrayObject", "decimal_array": "DecimalArrayObject",
}  # fmt: skip
#: Tags whose bytes only Java reads.
NOT_READ = {"java"}


def cases() -> list[Any]:
    """All cases of all files: file, name, source, tagged value, bytes."""
    found = []
    for path in sorted(FIXTURES.glob("*.hex")):
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                name, source, tagged, data = line.split("\t")
                found.append(
                    pytest.param(path.stem, source, json.loads(tagged), bytes.fromhex(data), id=f"{path.stem}-{name}-{source}")
                )
    return found


CASES = cases()


def has(tagged: Any, tags: set[str]) -> bool:
    """Whether a tag stands anywhere in a tagged value."""
    if isinstance(tagged, dict):
        return tagged.get("t") in tags or any(has(part, tags) for part in tagged.values())
    return isinstance(tagged, list) and any(has(part, tags) for part in tagged)


def has_handle(file: str, source: str) -> bool:
    """Handles outside complex objects: the Java client sends them, servers do not."""
    return file == "handle" and source == "client"


def is_read(file: str, source: str, tagged: Any) -> bool:
    """Whether there is a Python value for the bytes."""
    return tagged.get("class") == "java.sql.Date" or not (has(tagged, NOT_READ) or has_handle(file, source))


def local(ms: int) -> datetime:
    """A moment as pyignite gives it: naive, in local time."""
    offset = time.localtime(ms // 1000).tm_gmtoff
    return datetime(1970, 1, 1) + timedelta(milliseconds=ms, seconds=offset)


def text_of_unit(digits: str) -> str:
    return chr(int(digits, 16))


def float_of(bits: str) -> float:
    form = ">f" if len(bits) == 8 else ">d"
    value: float = struct.unpack(form, bytes.fromhex(bits))[0]
    return value


def complex_class(tagged: dict[str, Any]) -> Any:
    """The class for an object: what is null or an object can be anything."""
    schema = {name: field_hint(value) for name, value in tagged["fields"]}
    return GenericObjectMeta(tagged["type_name"], (), {}, type_name=tagged["type_name"], schema=schema)


def field_hint(tagged: dict[str, Any]) -> Any:
    made = None if tagged["t"] in ("null", "complex", "java") else hinted(tagged)
    return made[1] if isinstance(made, tuple) else datatypes.BinaryObject


def reader(tagged: Any) -> Client:
    """A client that knows the classes of all objects in a tagged value."""
    client = Client()

    def keep(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("t") == "complex":
                client._keep(complex_class(part))
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                keep(each)

    keep(tagged)
    return client


def shape(value: Any) -> Any:
    """Objects as the names and values of their fields, so that those of two classes can be compared."""
    if isinstance(type(value), GenericObjectMeta):
        return (value.type_name, [(name, shape(getattr(value, name))) for name in value.schema])
    if isinstance(value, (list, tuple)):
        return type(value)(map(shape, value))
    if isinstance(value, dict):
        return [(shape(key), shape(item)) for key, item in value.items()]
    return value


def hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(hashable(item) for item in value)
    return value


def expected(tagged: dict[str, Any]) -> Any:
    """What the bytes are in Python."""
    tag, value = tagged["t"], tagged.get("v")
    if tag == "null":
        return None
    if tag in NUMBERS:
        return int(value)
    if tag in ("float", "double"):
        return float_of(tagged["bits"])
    if tag == "char":
        return text_of_unit(tagged["unit"])
    if tag in ("bool", "string"):
        return value
    if tag == "uuid":
        return uuid.UUID(value)
    if tag == "date":
        return local(tagged["ms"])
    if tag == "timestamp":
        return (local(tagged["ms"]), tagged["ns"])
    if tag == "time":
        return timedelta(milliseconds=tagged["ms"])
    if tag == "decimal":
        return Decimal(f"{tagged['unscaled']}E{-tagged['scale']}")
    if tag in ("enum", "binary_enum"):
        return (tagged["type_id"], tagged["ordinal"])
    if tag == "byte_array":
        return bytes.fromhex(tagged["hex"])
    if tag in ("short_array", "int_array", "long_array"):
        return [int(item) for item in value]
    if tag in ("float_array", "double_array"):
        return [float_of(bits) for bits in tagged["bits"]]
    if tag == "char_array":
        return [text_of_unit(unit) for unit in tagged["units"]]
    if tag == "bool_array":
        return value
    if tag in ARRAYS:
        return [expected(item) for item in value]
    if tag in ("enum_array", "object_array"):
        return (tagged["type_id"], [expected(item) for item in value])
    if tag == "complex":
        return complex_class(tagged)(*[expected(item) for _, item in tagged["fields"]])
    if tag == "java":
        # The one class of Java that is read: its moment is the same in all fixtures.
        return local(1_600_000_000_123)
    if tag in COLLECTIONS:
        return (COLLECTIONS[tag], [expected(item) for item in value])
    kind = MAPS[tag]
    make = OrderedDict if kind == 2 else dict
    return (kind, make((hashable(expected(key)), expected(item)) for key, item in value))


def hinted(tagged: dict[str, Any]) -> Any:
    """A value, with hints, that has to become the same bytes."""
    tag, value = tagged["t"], expected(tagged)
    if tag == "complex":
        made = complex_class(tagged)
        return made(**{name: unhinted(item) for name, item in tagged["fields"]})
    if tag == "null":
        return None
    if tag in NUMBERS:
        return (value, getattr(datatypes, NUMBERS[tag]))
    if tag in ARRAYS:
        return (value, getattr(datatypes, ARRAYS[tag]))
    if tag == "enum_array":
        return (value, datatypes.EnumArrayObject)
    if tag == "object_array":
        return ((tagged["type_id"], [hinted(item) for item in tagged["v"]]), datatypes.ObjectArrayObject)
    if tag in COLLECTIONS:
        return ((COLLECTIONS[tag], [hinted(item) for item in tagged["v"]]), datatypes.CollectionObject)
    if tag in MAPS:
        return ((MAPS[tag], Pairs([(hinted(key), hinted(item)) for key, item in tagged["v"]])), datatypes.MapObject)
    simple = {
        "float": "FloatObject", "double": "DoubleObject", "char": "CharObject", "bool": "BoolObject", "string": "String",
        "uuid": "UUIDObject", "date": "DateObject", "timestamp": "TimestampObject", "time": "TimeObject",
        "decimal": "DecimalObject", "enum": "EnumObject", "binary_enum": "BinaryEnumObject",
    }  # fmt: skip
    if tag in simple:
        return (value, getattr(datatypes, simple[tag]))
    kind = tag.removesuffix("_array").capitalize()
    return (value, getattr(datatypes, f"{kind}ArrayObject"))


def unhinted(tagged: dict[str, Any]) -> Any:
    """The value of a field: its class knows the hint, what is inside needs it."""
    made = None if tagged["t"] == "null" else hinted(tagged)
    return made[0] if isinstance(made, tuple) else made


class Pairs(dict):  # type: ignore[type-arg]
    """A mapping in the order of its pairs, whose keys need no hash."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        super().__init__()
        self.pairs = pairs

    def items(self) -> Any:
        return list(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


def same(one: Any, other: Any) -> bool:
    """Equal in value and in type; NaN equals NaN, 0.0 and -0.0 differ, and so do decimals of another scale."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and math.copysign(1, one) == math.copysign(1, other))
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    return bool(one == other)


#: Objects whose tags do not say all that their bytes say: fields of other schemas are shown as null, enums and arrays of them in the
#: form that Java's reader makes of them, and objects that hold themselves only some levels deep.
PARTLY_TOLD = {"package", "letter_case", "node_enum", "itself", "circle"}


@pytest.mark.parametrize(("file", "source", "tagged", "data"), CASES)
def test_bytes_of_java_are_read(request: pytest.FixtureRequest, file: str, source: str, tagged: Any, data: bytes) -> None:
    if any(f"-{name}-" in request.node.callspec.id for name in PARTLY_TOLD):
        # Read in full by a client that can ask for their schemas: tests/live/test_binary.py.
        with pytest.raises(ParseError):
            _core.decode(data)
        return
    if not is_read(file, source, tagged) and "sql_date" not in request.node.callspec.id:
        with pytest.raises(ParseError, match=r"at byte \d+|has to be asked"):
            _core.decode(data, reader(tagged))
        return
    assert same(shape(_core.decode(data, reader(tagged))), shape(expected(tagged)))


@pytest.mark.parametrize(("file", "source", "tagged", "data"), CASES)
def test_values_are_written_as_java_writes_them(
    request: pytest.FixtureRequest, file: str, source: str, tagged: Any, data: bytes
) -> None:
    not_written = PARTLY_TOLD | {"node_same_twice", "shared_list", "raw_data_behind_a_field", "sql_date"}
    if has(tagged, NOT_READ) or has_handle(file, source) or any(f"-{name}" in request.node.callspec.id for name in not_written):
        # Nothing to write here; the bytes are read back instead to be refused where no client helps.
        with pytest.raises(ParseError) if "-sql_date-" not in request.node.callspec.id else nullcontext():
            _core.decode(data)
        return
    encoded = _core.encode(hinted(tagged))
    # Servers, and Java for objects out of its builder, wrap objects into a byte array.
    assert encoded.hex() == unwrapped(data).hex()


def unwrapped(data: bytes) -> bytes:
    """The bytes without the arrays around complex objects."""
    start = data.find(b"\x1b")
    while start >= 0:
        (length,) = struct.unpack_from("<i", data, start + 1)
        inner = data[start + 5 : start + 5 + length]
        if inner[:2] == b"\x67\x01" and data[start + 5 + length : start + 9 + length] == bytes(4):
            data = data[:start] + inner + data[start + 9 + length :]
        start = data.find(b"\x1b", start + 1)
    return data


@pytest.mark.parametrize(("file", "source", "tagged", "data"), CASES)
def test_every_cut_of_java_s_bytes_is_refused(
    request: pytest.FixtureRequest, file: str, source: str, tagged: Any, data: bytes
) -> None:
    partly = any(f"-{name}-" in request.node.callspec.id for name in PARTLY_TOLD)
    client = None if partly else reader(tagged)
    for length in range(min(len(data), 2_000)):
        with pytest.raises(ParseError):
            _core.decode(data[:length], client)
    with pytest.raises(ParseError, match=r"left after the end|can not be read|has to be asked"):
        _core.decode(data + b"\x65", client)


def test_there_is_a_case_for_every_type() -> None:
    tags = {tag for case in CASES for tag in json.dumps(case.values[2]).split('"t": "')[1:] for tag in [tag.split('"')[0]]}
    every = {
        *NUMBERS,
        *ARRAYS,
        *COLLECTIONS,
        *MAPS,
        "null",
        "float",
        "double",
        "char",
        "bool",
        "string",
        "uuid",
        "date",
        "timestamp",
    }
    every |= {"time", "decimal", "enum", "binary_enum", "enum_array", "object_array", "byte_array", "short_array", "int_array"}
    every |= {"long_array", "float_array", "double_array", "char_array", "bool_array"}
    assert every <= tags


def rows(name: str) -> list[list[str]]:
    lines = (FIXTURES / name).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("row", rows("hash.tsv"), ids=lambda row: row[0])
def test_keys_have_the_hash_and_the_partition_that_java_gives_them(row: list[str]) -> None:
    _, data, hash_code, *partitions = row
    assert _core.hash_of(bytes.fromhex(data)) == int(hash_code)
    assert [_core.partition(int(hash_code), count) for count in (1024, 10, 1000)] == [int(number) for number in partitions]


@pytest.mark.parametrize("row", rows("names.tsv"), ids=lambda row: row[0])
def test_names_have_the_ids_that_java_gives_them(row: list[str]) -> None:
    name = json.loads(row[0])
    assert _core.java_hash_string(name) == int(row[1])
    assert _core.entity_id(name) == int(row[2]) == int(row[3])
