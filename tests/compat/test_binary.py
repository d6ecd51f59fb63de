"""Complex objects and enums through pyignite 0.6.1 and through this client, on one node."""

from __future__ import annotations

import sys
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import pyignite_rs
import pyignite_rs.binary as our_binary
import pyignite_rs.datatypes as our_types

if sys.version_info >= (3, 12):
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
else:
    import pyignite
import inspect

import pyignite.binary as their_binary
import pyignite.datatypes as their_types

pytestmark = pytest.mark.live


class Pair:
    """One cache, seen by both clients, and a class of each for one type."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self.address = address
        self.name = name
        self.type_name = "Pair_" + name.replace("-", "_")
        self.their_client = pyignite.Client(partition_aware=False)
        self.their_client.connect(*address)
        self.our_client = pyignite_rs.Client()
        self.our_client.connect(*address)
        self.theirs = self.their_client.create_cache(name)
        self.ours = self.our_client.get_cache(name)

    def classes(self, fields: dict[str, str], suffix: str = "") -> tuple[Any, Any]:
        """The same class for each client: theirs, ours."""

        def make(module: Any, types: Any) -> Any:
            schema = OrderedDict((name, getattr(types, hint)) for name, hint in fields.items())
            return module.GenericObjectMeta("Made", (), {}, type_name=self.type_name + suffix, schema=schema)

        return make(pyignite, their_types), make(pyignite_rs, our_types)

    def fresh(self) -> tuple[Any, Any]:
        """The cache through clients that know no classes: theirs, ours."""
        theirs, ours = pyignite.Client(partition_aware=False), pyignite_rs.Client()
        theirs.connect(*self.address)
        ours.connect(*self.address)
        return theirs.get_cache(self.name), ours.get_cache(self.name)

    def close(self) -> None:
        self.ours.destroy()
        self.our_client.close()
        self.their_client.close()


@pytest.fixture
def pair(address: tuple[str, int], cache_name: str) -> Iterator[Pair]:
    made = Pair(address, cache_name)
    yield made
    made.close()


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the name of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


def told(value: Any) -> Any:
    """Objects of both clients as the same plain values."""
    if hasattr(value, "schema") and hasattr(value, "type_id"):
        return (
            value.type_name,
            value.type_id,
            value.schema_id,
            value.version,
            [(n, told(getattr(value, n))) for n in value.schema],
        )
    if isinstance(value, (list, tuple)):
        return type(value)(map(told, value))
    if isinstance(value, dict):
        return {told(key): told(item) for key, item in value.items()}
    return value


def hints(schema: Any) -> list[tuple[str, str]]:
    return [(name, hint.__name__) for name, hint in schema.items()]


#: A value for a field of each type that pyignite can write and read.
FIELDS: dict[str, Any] = {
    "ByteObject": -5,
    "ShortObject": 300,
    "IntObject": -(2**31),
    "LongObject": 2**63 - 1,
    "FloatObject": 1.5,
    "DoubleObject": 0.1,
    "CharObject": "я",
    "BoolObject": True,
    "String": "text 😀",
    "UUIDObject": uuid.UUID(int=2**100),
    "DecimalObject": Decimal("-1.25"),
    "DateObject": datetime(2020, 1, 2, 3, 4, 5, 678000),
    "TimestampObject": (datetime(2020, 1, 2, 3, 4, 5, 678000), 12345),
    "TimeObject": timedelta(hours=5, milliseconds=3),
    "EnumObject": (77, 3),
    "BinaryEnumObject": (77, 3),
    "ByteArrayObject": b"\x00\xff",
    "ShortArrayObject": [1, -1],
    "IntArrayObject": [1, -1],
    "LongArrayObject": [1, 2**40],
    "FloatArrayObject": [0.5],
    "DoubleArrayObject": [0.1],
    "CharArrayObject": ["a", "я"],
    "BoolArrayObject": [True, False],
    "StringArrayObject": ["a", None],
    "UUIDArrayObject": [uuid.UUID(int=1), None],
    "DecimalArrayObject": [Decimal("1.5"), None],
    "DateArrayObject": [datetime(2020, 1, 1), None],
    "TimestampArrayObject": [(datetime(2020, 1, 1), 5), None],
    "TimeArrayObject": [timedelta(seconds=1), None],
    "ObjectArrayObject": (-1, [1, "a", None]),
    "CollectionObject": (1, [1, "a", None]),
    "MapObject": (1, {1: "a", "b": 2.5}),
    "BinaryObject": None,
}


@pytest.mark.parametrize("hint", FIELDS)
def test_a_field_of_each_type_is_read_alike(pair: Pair, hint: str) -> None:
    Theirs, Ours = pair.classes({"first": "IntObject", "field": hint, "last": "String"})
    for value in (FIELDS[hint], None):
        pair.theirs.put(1, Theirs(1, value, "end"))
        assert told(pair.ours.get(1)) == told(pair.theirs.get(1)) == told(Theirs(1, value, "end"))
        pair.ours.put(2, Ours(1, value, "end"))
        assert told(pair.theirs.get(2)) == told(pair.ours.get(2)) == told(Theirs(1, value, "end"))
        # The same bytes: to the server the objects are equal.
        assert pair.ours.remove_if_equals(1, Ours(1, value, "end")) is True
        assert pair.theirs.remove_if_equals(2, Theirs(1, value, "end")) is True


def test_classes_have_the_same_ids_defaults_and_texts(pair: Pair) -> None:
    Theirs, Ours = pair.classes({f"f_{hint}": hint for hint in FIELDS})
    for name in ("type_id", "type_name", "schema_id", "version", "__name__"):
        assert getattr(Theirs, name) == getattr(Ours, name), name
    assert hints(Theirs.schema) == hints(Ours.schema)
    assert told(Theirs()) == told(Ours())
    assert repr(Theirs()) == repr(Ours())
    assert str(inspect.signature(Theirs)) == str(inspect.signature(Ours))
    for one, other in ((Theirs(1), Ours(1)), (Theirs(f_IntObject=5), Ours(f_IntObject=5)), (Theirs(version=1), Ours(version=1))):
        assert repr(one) == repr(other)
    assert (Theirs(1) == Theirs(1), Theirs(1) == Theirs(2), Theirs(1) < Theirs(2)) == (
        Ours(1) == Ours(1),
        Ours(1) == Ours(2),
        Ours(1) < Ours(2),
    )
    for wrong in ({"nothing": 1}, {"f_IntObject": 1, "no": 2}):
        assert outcome(lambda wrong=wrong: Theirs(**wrong)) == outcome(lambda wrong=wrong: Ours(**wrong)) == "TypeError"
    assert outcome(lambda: pair.classes({"a": "Int"})) == "ParseError"
    assert [each.__name__ for each in their_binary.ALLOWED_FIELD_TYPES] == [
        each.__name__ for each in our_binary.ALLOWED_FIELD_TYPES
    ]


def test_names_of_classes_made_on_the_fly(pair: Pair) -> None:
    for name in ("Person", "org.example.Person", "Outer$Inner", "a.b+c", "lower_case", "scala.Thing$", "1st", "with space"):
        theirs = pair.their_client._create_type_name(name)
        assert our_binary._described_class(name, [("a", 3)]).__name__ == theirs, name


def test_what_is_asked_about_types(pair: Pair) -> None:
    fields = {"a": "IntObject", "b": "String", "c": "BinaryObject", "d": "CollectionObject", "e": "EnumObject"}
    Theirs, Ours = pair.classes(fields)
    type_name = pair.type_name

    def asked(client: Any, Class: Any, module: Any, types: Any) -> list[Any]:
        """The same questions to each client; classes as their names and schemas."""

        def shown(value: Any) -> Any:
            if isinstance(value, dict) and "schemas" in value:
                return {**value, "schemas": [hints(schema) for schema in value["schemas"]]}
            if isinstance(value, dict) and "schema_id" in value:
                return value["type_id"]
            if isinstance(value, dict):
                return {key: shown(item) for key, item in value.items()}
            return hints(value.schema) if isinstance(value, module.GenericObjectMeta) else value

        schema = {"a": types.IntObject, "b": types.String}
        return [
            shown(outcome(call))
            for call in (
                lambda: client.get_binary_type(type_name + "_nothing"),
                lambda: client.query_binary_type(type_name + "_nothing"),
                lambda: client.query_binary_type(type_name + "_nothing", 5),
                lambda: client.register_binary_type(Class),
                lambda: client.register_binary_type(Class, affinity_key_field=None),
                lambda: client.get_binary_type(type_name),
                lambda: client.get_binary_type(Class.type_id),
                lambda: client.query_binary_type(type_name),
                lambda: client.query_binary_type(type_name, Class.schema),
                lambda: client.query_binary_type(type_name, Class.schema_id),
                lambda: client.query_binary_type(Class.type_id, 12345),
                lambda: client.put_binary_type(f"{type_name}_put", "a", schema=schema),
                lambda: client.get_binary_type(f"{type_name}_put"),
                lambda: client.put_binary_type(f"{type_name}_put", affinity_key_field="b", schema=schema),
                lambda: client.put_binary_type(f"{type_name}_put", "a", False, {"a": types.String}),
            )
        ]

    theirs = asked(pair.their_client, Theirs, pyignite, their_types)
    ours = asked(pair.our_client, Ours, pyignite_rs, our_types)
    assert theirs == ours
    assert theirs[-2:] == ["BinaryTypeError", "BinaryTypeError"]


def test_signatures() -> None:
    for name in ("get_binary_type", "put_binary_type", "register_binary_type", "query_binary_type", "unwrap_binary"):
        theirs, ours = (inspect.signature(getattr(client, name)) for client in (pyignite.Client, pyignite_rs.Client))
        assert [(each.name, each.default) for each in theirs.parameters.values()] == [
            (each.name, each.default) for each in ours.parameters.values()
        ], name
        theirs, ours = (inspect.signature(getattr(client, name)) for client in (pyignite.AioClient, pyignite_rs.AioClient))
        assert [each.name for each in theirs.parameters.values()] == [each.name for each in ours.parameters.values()], name


def test_objects_inside_everything_are_read_alike(pair: Pair) -> None:
    TheirInner, OurInner = pair.classes({"number": "IntObject"}, "_inner")
    Theirs, Ours = pair.classes(
        {"one": "BinaryObject", "many": "CollectionObject", "named": "MapObject", "array": "ObjectArrayObject"}
    )

    def value(Outer: Any, Inner: Any) -> Any:
        return Outer(Inner(1), (1, [Inner(2), None]), (1, {"a": Inner(3)}), (-1, [Inner(4), "x"]))

    pair.theirs.put(1, value(Theirs, TheirInner))
    pair.ours.put(2, value(Ours, OurInner))
    fresh_theirs, fresh_ours = pair.fresh()
    expected = told(value(Ours, OurInner))
    for cache in (pair.ours, fresh_ours):
        assert told(cache.get(1)) == told(cache.get(2)) == expected
    for cache in (pair.theirs, fresh_theirs):
        assert told(cache.get(1)) == told(cache.get(2)) == expected
    # Outside an object, pyignite gives what servers wrap as it is in some places; here they are objects.
    pair.ours.put(3, (1, [OurInner(1), OurInner(2)]))
    theirs = pair.their_client.unwrap_binary(pair.theirs.get(3))
    assert told(theirs) == told(pair.ours.get(3)) == told(pair.our_client.unwrap_binary(pair.ours.get(3)))


def test_objects_are_the_same_keys(pair: Pair) -> None:
    Theirs, Ours = pair.classes({"id": "IntObject", "name": "String"})
    pair.their_client.register_binary_type(Theirs)
    pair.theirs.put(Theirs(1, "a"), "theirs")
    assert pair.ours.get(Ours(1, "a")) == "theirs"
    pair.ours.put(Ours(1, "a"), "ours")
    assert pair.theirs.get(Theirs(1, "a")) == "ours"
    assert pair.ours.get_size() == 1
    assert pair.ours.get_all([Ours(1, "a")]) == {Ours(1, "a"): "ours"}
    # There the keys come back as bytes.
    ((data, offset),) = pair.theirs.get_all([Theirs(1, "a")])
    assert told(pair.our_client.unwrap_binary((data, offset))) == told(Ours(1, "a"))


def test_what_a_class_of_the_other_client_evolved(pair: Pair) -> None:
    First, _ = pair.classes({"a": "IntObject", "b": "String"})
    _, Second = pair.classes({"a": "IntObject", "c": "DoubleObject"})
    pair.theirs.put(1, First(1, "x"))
    pair.ours.put(2, Second(2, 0.5))
    assert told(pair.theirs.get(2)) == told(Second(2, 0.5))
    assert told(pair.ours.get(1)) == told(First(1, "x"))
    fresh_theirs, fresh_ours = pair.fresh()
    assert [told(fresh_theirs.get(key)) for key in (1, 2)] == [told(fresh_ours.get(key)) for key in (1, 2)]


def test_enums_are_read_alike(pair: Pair) -> None:
    _, _ = pair.their_client, pair.our_client.put_binary_type(pair.type_name, is_enum=True, schema={"RED": 0, "BLUE": 5})
    theirs, ours = pair.their_client.get_binary_type(pair.type_name), pair.our_client.get_binary_type(pair.type_name)
    assert theirs == ours and ours["is_enum"] is True
    value = (ours["type_id"], 5)
    pair.ours.put(1, value, value_hint=our_types.EnumObject)
    pair.theirs.put(2, value, value_hint=their_types.EnumObject)
    assert [pair.theirs.get(key) for key in (1, 2)] == [pair.ours.get(key) for key in (1, 2)] == [value, value]


def test_listed_differences(pair: Pair) -> None:
    """What docs/compatibility.md says of pyignite is so."""
    Theirs, Ours = pair.classes({"a": "IntObject"})
    assert outcome(lambda: hash(Theirs(1))) == "TypeError" and isinstance(hash(Ours(1)), int)
    assert outcome(lambda: type("Child", (Theirs,), {})) == "TypeError" and type("Child", (Ours,), {}).schema == Ours.schema
    Empty, OurEmpty = pair.classes({}, "_empty")
    assert outcome(lambda: (pair.theirs.put(1, Empty()), pair.theirs.get(1))) == "AttributeError"
    pair.ours.put(1, OurEmpty())
    assert pair.ours.get(1) == OurEmpty()
    Holder, OurHolder = pair.classes({"any": "BinaryObject"}, "_holder")
    assert outcome(lambda: pair.theirs.put(1, Holder(5))) == "AttributeError"
    pair.ours.put(1, OurHolder(5))
    assert pair.ours.get(1).any == 5
    assert outcome(lambda: pair.their_client.put_binary_type(pair.type_name + "_enum", is_enum=True, schema={"A": 0})) == "error"
    assert callable(pair.their_client.put_binary_type(pair.type_name + "_put", schema={})["schema_id"])
    # A field that changes its type.
    pair.theirs.put(1, Theirs(1))
    Other, OurOther = pair.classes({"a": "String"})
    assert outcome(lambda: pair.theirs.put(1, Other("x"))) is None
    assert outcome(lambda: pair.ours.put(1, OurOther("x"))) == "BinaryTypeError"
    # A version that is not 1 makes the server hang up.
    assert outcome(lambda: pair.ours.put(1, Ours(1, version=2))) == "ValueError"
    # The real name of a type stays.
    Dotted = pyignite_rs.GenericObjectMeta("Dotted", (), {}, type_name=f"org.{pair.type_name}", schema={"a": our_types.IntObject})
    pair.ours.put(2, Dotted(1))
    theirs, ours = (cache.get(2) for cache in pair.fresh())
    assert (theirs.type_name, ours.type_name) == ("Org" + pair.type_name, f"org.{pair.type_name}")
    assert (theirs.type_id == Dotted.type_id, ours.type_id == Dotted.type_id) == (False, True)
