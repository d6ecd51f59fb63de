"""Complex objects and enums on real nodes: written, read, registered, evolved, shared with Java."""

from __future__ import annotations

import asyncio
import pickle
import socket
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from pyignite_rs import AioClient, Client, GenericObjectMeta, datatypes
from pyignite_rs.datatypes import (
    BinaryEnumObject,
    BinaryObject,
    BoolObject,
    CollectionObject,
    DateObject,
    DecimalObject,
    DoubleObject,
    EnumArrayObject,
    EnumObject,
    IntObject,
    LongObject,
    MapObject,
    ObjectArrayObject,
    String,
)
from pyignite_rs.exceptions import BinaryTypeError, CacheError, ParseError

from ..conftest import Face
from ..support.cluster import Cluster
from ..support.fixtures import JavaClient

pytestmark = pytest.mark.live


def make(type_name: str, schema: Any, **more: Any) -> Any:
    """A new class, unknown to every client."""
    return GenericObjectMeta("Made", (), {}, type_name=type_name, schema=schema, **more)


async def rows(cursor: Any) -> AsyncIterator[Any]:
    """The rows of a cursor of either face."""
    if hasattr(cursor, "__aenter__"):
        async with cursor as opened:
            async for row in opened:
                yield row
    else:
        with cursor as opened:
            for row in opened:
                yield row


@pytest.fixture
def type_name(cache_name: str) -> str:
    """A type that no other test uses."""
    return "Type_" + cache_name.replace("-", "_")


@pytest_asyncio.fixture
async def other(face: Face, address: tuple[str, int]) -> AsyncIterator[Any]:
    """A second client, which knows no classes."""
    connected = await face.connected(*address)
    yield connected
    await face(connected.close())


def put_thing(cache: Any, made: Any, number: int) -> Any:
    return cache.put(number, made(number))


async def at_once(face: Face, calls: list[Any]) -> list[Any]:
    """The results of calls that are made by as many tasks or threads at once."""
    if face.is_async:
        return list(await asyncio.gather(*[call() for call in calls]))
    results: list[Any] = []
    start = threading.Barrier(len(calls))

    def work(call: Any) -> None:
        start.wait()
        results.append(call())

    workers = [threading.Thread(target=work, args=(call,)) for call in calls]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == len(calls)
    return results


class Tap:
    """A way to a node on which the op codes of the requests are noted, and can be held back."""

    def __init__(self, node: tuple[str, int]) -> None:
        self.node = node
        self.operations: list[int] = []
        self._held: int | None = None
        self._go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, operation: int) -> None:
        """Let no request of this operation through until `release`."""
        self._held = operation
        self._go_on.clear()

    def release(self) -> None:
        self._held = None
        self._go_on.set()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                node = socket.create_connection(self.node)
                threading.Thread(target=self._requests, args=(client, node), daemon=True).start()
                threading.Thread(target=self._answers, args=(node, client), daemon=True).start()
        except OSError:
            return

    def _requests(self, client: socket.socket, node: socket.socket) -> None:
        stream = client.makefile("rb")
        first = True
        try:
            while head := stream.read(4):
                body = stream.read(int.from_bytes(head, "little"))
                operation = int.from_bytes(body[:2], "little")
                if not first:
                    self.operations.append(operation)
                    if operation == self._held:
                        self._go_on.wait(10)
                first = False
                node.sendall(head + body)
        except OSError:
            pass
        node.close()

    def _answers(self, node: socket.socket, client: socket.socket) -> None:
        try:
            while data := node.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        client.close()

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.release()


@pytest.fixture(scope="module")
def java(address: tuple[str, int]) -> Iterator[JavaClient]:
    with JavaClient(address) as client:
        yield client


async def test_an_object_comes_back(face: Face, client: Any, cache: Any, type_name: str) -> None:
    Person = make(type_name, {"first_name": String, "last_name": String, "age": IntObject})
    await face(cache.put(1, Person("Ivan", "Ivanov", 33)))
    person = await face(cache.get(1))
    assert person == Person("Ivan", "Ivanov", 33)
    assert type(person) is Person, "registered by itself when it was written"
    await face(cache.put_all({2: Person("a"), 3: Person("b")}))
    assert await face(cache.get_all([1, 2, 3])) == {1: person, 2: Person("a"), 3: Person("b")}
    assert await face(cache.get_and_put(1, Person("c"))) == person
    assert await face(cache.replace_if_equals(1, Person("c"), Person("d"))) is True
    assert await face(cache.remove_if_equals(1, Person("x"))) is False


async def test_a_type_never_seen_before_is_read(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    Person = make(f"org.example.{type_name}", {"name": String, "age": IntObject, "inner": BinaryObject})
    await face(cache.put(1, Person("Ivan", 33, Person("inner"))))
    seen = await face((await face(other.get_cache(cache.name))).get(1))
    assert (seen.name, seen.age, seen.inner.name, seen.inner.inner, seen.version) == ("Ivan", 33, "inner", None, 1)
    made = type(seen)
    assert made is not Person and made.__module__ == "pyignite_rs.binary"
    assert (made.__name__, made.type_name) == ("OrgExample" + type_name, f"org.example.{type_name}")
    assert (made.type_id, made.schema_id, made.schema) == (Person.type_id, Person.schema_id, Person.schema)
    again = await face((await face(other.get_cache(cache.name))).get(1))
    assert type(again) is made and again == seen and again.inner.__class__ is made
    assert pickle.loads(pickle.dumps(seen)) == seen
    # The class can be used to write.
    await face((await face(other.get_cache(cache.name))).put(2, made("Petr", 7)))
    assert await face(cache.get(2)) == Person("Petr", 7)


async def test_a_registered_class_takes_the_place_of_the_one_before(
    face: Face, client: Any, cache: Any, other: Any, type_name: str
) -> None:
    schema = {"name": String}
    First, Second = make(type_name, schema), make(type_name, schema)
    await face(cache.put(1, First("a")))
    theirs = await face(other.get_cache(cache.name))
    assert type(await face(theirs.get(1))) not in (First, Second)
    assert await face(other.register_binary_type(Second)) is None
    assert type(await face(theirs.get(1))) is Second
    assert await face(other.query_binary_type(type_name, Second.schema_id)) is Second
    await face(other.register_binary_type(First))
    assert type(await face(theirs.get(1))) is First


async def test_the_registry_survives_a_close(face: Face, address: tuple[str, int], cache: Any, type_name: str) -> None:
    Person = make(type_name, {"name": String})
    client = await face.connected(*address)
    await face(client.register_binary_type(Person))
    await face(cache.put(1, Person("a")))
    await face(client.close())
    await face(client.connect(*address))
    assert type(await face((await face(client.get_cache(cache.name))).get(1))) is Person
    await face(client.close())


async def test_classes_are_asked_for(face: Face, client: Any, other: Any, type_name: str) -> None:
    One = make(type_name, {"a": IntObject})
    Two = make(type_name, {"a": IntObject, "b": String})
    assert await face(client.query_binary_type(type_name)) == {}
    assert await face(client.query_binary_type(type_name, One.schema)) is None
    await face(client.register_binary_type(One))
    assert await face(client.query_binary_type(type_name, One.schema)) is One
    await face(other.register_binary_type(Two))
    classes = await face(client.query_binary_type(One.type_id))
    assert set(classes) == {One.schema_id, Two.schema_id} and classes[One.schema_id] is One
    assert classes[Two.schema_id].schema == Two.schema
    classes.clear()
    assert len(await face(client.query_binary_type(type_name))) == 2, "a dict of the caller's own"
    assert await face(client.query_binary_type(type_name, 12345)) is None
    for wrong in (None, 2**40, 1.5):
        with pytest.raises(TypeError, match="by its name"):
            await face(client.query_binary_type(wrong))
    with pytest.raises(TypeError, match="not made by GenericObjectMeta"):
        await face(client.register_binary_type(int))


async def test_types_are_put_and_got(face: Face, client: Any, type_name: str) -> None:
    assert await face(client.get_binary_type(type_name)) == {"type_exists": False}
    schema = OrderedDict([("a", IntObject), ("b", String), ("c", BinaryObject), ("d", CollectionObject)])
    made = make(type_name, schema)
    put = await face(client.put_binary_type(type_name, "a", schema=schema))
    assert put == {"type_id": made.type_id, "schema_id": made.schema_id}
    expected = {
        "type_exists": True,
        "type_id": made.type_id,
        "type_name": type_name,
        "affinity_key_field": "a",
        "is_enum": False,
        "schemas": [schema],
    }
    assert await face(client.get_binary_type(type_name)) == expected == await face(client.get_binary_type(made.type_id))
    assert await face(client.put_binary_type(type_name, affinity_key_field="a", is_enum=False, schema={})) == {
        "type_id": made.type_id,
        "schema_id": -2128831035,
    }
    schemas = (await face(client.get_binary_type(type_name)))["schemas"]
    assert sorted(map(len, schemas)) == [0, 4]
    with pytest.raises(BinaryTypeError, match="different affinity key fields") as raised:
        await face(client.put_binary_type(type_name, "b", schema=schema))
    assert isinstance(raised.value, CacheError) and raised.value.operation == "OP_PUT_BINARY_TYPE"
    with pytest.raises(BinaryTypeError, match="field 'a'"):
        await face(client.put_binary_type(type_name, "a", schema={"a": String}))


async def test_the_affinity_key_field_of_a_type_is_kept(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    First = make(type_name, {"a": IntObject})
    await face(client.register_binary_type(First, "a"))
    assert (await face(client.get_binary_type(type_name)))["affinity_key_field"] == "a"
    # Another client adds a schema and knows nothing of the field.
    Second = make(type_name, {"a": IntObject, "b": IntObject})
    await face((await face(other.get_cache(cache.name))).put(Second(1, 2), "x"))
    await face(other.register_binary_type(make(type_name, {"c": IntObject}), affinity_key_field=None))
    assert (await face(client.get_binary_type(type_name)))["affinity_key_field"] == "a"
    with pytest.raises(BinaryTypeError, match="affinity"):
        await face(other.register_binary_type(First, affinity_key_field="b"))
    assert await face(cache.get(Second(1, 2))) == "x"


async def test_enums(face: Face, client: Any, cache: Any, type_name: str) -> None:
    colors = {"RED": 0, "GREEN": 1, "BLUE": 5}
    ids = await face(client.put_binary_type(type_name, is_enum=True, schema=colors))
    type_id = ids["type_id"]
    assert ids == {"type_id": make(type_name, {}).type_id, "schema_id": None}
    described = await face(client.get_binary_type(type_name))
    assert described["is_enum"] is True and described["schemas"] == []
    assert {each["literal"]: each["type_id"] for each in described["enums"]} == colors
    for hint in (EnumObject, BinaryEnumObject):
        await face(cache.put(1, (type_id, 5), value_hint=hint))
        assert await face(cache.get(1)) == (type_id, 5)
        await face(cache.put((type_id, 1), "key", key_hint=hint))
        assert await face(cache.get((type_id, 1), key_hint=hint)) == "key"
    await face(cache.put(1, (type_id, [(type_id, 1), None]), value_hint=EnumArrayObject))
    assert (await face(cache.get(1)))[1] == [(type_id, 1), None]
    Holder = make(
        type_name + "_holder", {"one": EnumObject, "two": BinaryEnumObject, "many": EnumArrayObject, "none": EnumObject}
    )
    holder = Holder((type_id, 0), (type_id, 1), (type_id, [(type_id, 5), None]))
    await face(cache.put(1, holder))
    assert await face(cache.get(1)) == holder
    # Values are added to those that are there.
    await face(client.put_binary_type(type_name, is_enum=True, schema={"WHITE": 6}))
    assert len((await face(client.get_binary_type(type_name)))["enums"]) == 4
    with pytest.raises(BinaryTypeError):
        await face(client.put_binary_type(type_name, is_enum=True, schema={"RED": 3}))
    assert await face(client.query_binary_type(type_name)) == {}


EVERYTHING: list[tuple[str, Any]] = [
    ("ByteObject", -5),
    ("ShortObject", 300),
    ("IntObject", -(2**31)),
    ("LongObject", 2**63 - 1),
    ("FloatObject", 1.5),
    ("DoubleObject", 0.1),
    ("CharObject", "я"),
    ("BoolObject", True),
    ("String", "text 😀\0"),
    ("UUIDObject", uuid.UUID(int=2**100)),
    ("DecimalObject", Decimal("-1.10")),
    ("DateObject", datetime(2020, 1, 2, 3, 4, 5, 678000)),
    ("TimestampObject", (datetime(2020, 1, 2, 3, 4, 5, 678000), 12345)),
    ("TimeObject", timedelta(hours=5, milliseconds=3)),
    ("EnumObject", (77, 3)),
    ("BinaryEnumObject", (77, 3)),
    ("ByteArrayObject", b"\x00\xff"),
    ("ShortArrayObject", [1, -1]),
    ("IntArrayObject", [1, -1]),
    ("LongArrayObject", [1, 2**40]),
    ("FloatArrayObject", [0.5]),
    ("DoubleArrayObject", [0.1]),
    ("CharArrayObject", ["a", "я"]),
    ("BoolArrayObject", [True, False]),
    ("StringArrayObject", ["a", None]),
    ("UUIDArrayObject", [uuid.UUID(int=1), None]),
    ("DecimalArrayObject", [Decimal("1.0"), None]),
    ("DateArrayObject", [datetime(2020, 1, 1), None]),
    ("TimestampArrayObject", [(datetime(2020, 1, 1), 5), None]),
    ("TimeArrayObject", [timedelta(seconds=1), None]),
    ("EnumArrayObject", (77, [(77, 1), None])),
    ("ObjectArrayObject", (-1, [1, "a", None])),
    ("CollectionObject", (1, [1, "a", None])),
    ("MapObject", (1, {1: "a", "b": None})),
    ("BinaryObject", None),
    ("Null", None),
    ("WrappedDataObject", None),
]


async def test_fields_of_every_type(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    assert {name for name, _ in EVERYTHING} == {each.__name__ for each in pyignite_rs_field_types()}
    schema = {f"f_{name}": getattr(datatypes, name) for name, _ in EVERYTHING}
    Every = make(type_name, schema)
    full = Every(*[value for _, value in EVERYTHING])
    empty = Every(**dict.fromkeys(schema))
    theirs = await face(other.get_cache(cache.name))
    for value in (full, empty):
        await face(cache.put(1, value))
        assert await face(cache.get(1)) == value
        seen = await face(theirs.get(1))
        assert [getattr(seen, name) for name in schema] == [getattr(value, name) for name in schema]
        assert type(seen).schema == Every.schema
        await face(theirs.put(2, seen))
        assert await face(cache.get(2)) == value
    default = Every()
    for name, _ in EVERYTHING:
        assert getattr(default, f"f_{name}") == getattr(getattr(datatypes, name), "default", None), name


def pyignite_rs_field_types() -> list[Any]:
    from pyignite_rs.binary import ALLOWED_FIELD_TYPES

    return ALLOWED_FIELD_TYPES


async def test_objects_inside_everything(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    Inner = make(type_name + "_inner", {"number": IntObject})
    Outer = make(
        type_name,
        {"one": BinaryObject, "many": CollectionObject, "named": MapObject, "array": ObjectArrayObject, "nothing": BinaryObject},
    )
    outer = Outer(Inner(1), (1, [Inner(2), None, "x"]), (1, {"a": Inner(3)}), (-1, [Inner(4)]))
    for key, value, expected in (
        (1, outer, outer),
        (2, [outer, Inner(5)], (1, [outer, Inner(5)])),
        (3, {"a": Inner(6), "b": (2, [Inner(7)])}, (1, {"a": Inner(6), "b": (2, [Inner(7)])})),
        (4, ((-1, [Inner(8), [Inner(9)]]), ObjectArrayObject), (-1, [Inner(8), (1, [Inner(9)])])),
        (5, {Inner(1): "key"}, (1, {Inner(1): "key"})),
    ):
        await face(cache.put(key, value))
        assert await face(cache.get(key)) == expected
        seen = await face((await face(other.get_cache(cache.name))).get(key))
        assert repr(seen).replace(type_name[:1].upper() + type_name[1:] + "_inner", "Made").replace(type_name, "Made") == repr(
            expected
        )


async def test_objects_as_keys(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    Key = make(type_name, {"id": IntObject, "name": String})
    # The first object that this client ever sends is a key: its type is made known all the same.
    await face(cache.put(Key(1, "a"), "one"))
    await face(cache.put_all({Key(2, "b"): "two", Key(3, None): "three"}))
    theirs = await face(other.get_cache(cache.name))
    assert (await face(other.get_binary_type(type_name)))["type_exists"] is True
    for each in (cache, theirs):
        assert await face(each.get(Key(1, "a"))) == "one"
        assert await face(each.contains_key(Key(1, "b"))) is False
        assert await face(each.contains_keys([Key(1, "a"), Key(3, None)])) is True
    found = await face(cache.get_all([Key(1, "a"), Key(2, "b"), Key(9, "")]))
    assert found == {Key(1, "a"): "one", Key(2, "b"): "two"}
    assert await face(cache.remove_key(Key(3, None))) is True
    Listed = make(type_name + "_listed", {"items": CollectionObject})
    await face(cache.put(Listed((1, [1, 2])), "listed"))
    assert await face(cache.get_all([Listed((1, [1, 2]))])) == {Listed((1, [1, 2])): "listed"}


@pytest.mark.parametrize("compact", [True, False, None])
async def test_both_forms_of_footers_are_read(
    face: Face, address: tuple[str, int], cache: Any, type_name: str, compact: bool | None
) -> None:
    Thing = make(type_name, {"id": IntObject, "text": String})
    writer = await face.connected(*address, compact_footer=compact)
    assert writer.compact_footer is (compact is not False)
    theirs = await face(writer.get_cache(cache.name))
    for text in ("", "x" * 300, "x" * 70_000):
        await face(theirs.put(1, Thing(1, text)))
        assert (await face(cache.get(1))).text == text
        await face(cache.put(2, Thing(2, text)))
        assert (await face(theirs.get(2))).text == text
    assert writer.compact_footer is (compact is not False), "what the user said stays"
    # To a server an object as key is its bytes, footer included.
    await face(theirs.put(Thing(1, "key"), "theirs"))
    assert await face(theirs.get(Thing(1, "key"))) == "theirs"
    other = await face.connected(*address, compact_footer=True)
    found = await face((await face(other.get_cache(cache.name))).get(Thing(1, "key")))
    assert found == (None if compact is False else "theirs")
    await face(other.close())
    await face(writer.close())


async def test_no_fields_at_all(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    Empty = make(type_name, {})
    await face(cache.put(1, Empty()))
    assert await face(cache.get(1)) == Empty()
    seen = await face((await face(other.get_cache(cache.name))).get(1))
    assert (type(seen).type_name, type(seen).schema) == (type_name, {})
    await face(cache.put(Empty(), "key"))
    assert await face(cache.get(Empty())) == "key"


async def test_a_field_does_not_change_its_type(face: Face, client: Any, cache: Any, type_name: str) -> None:
    await face(cache.put(1, make(type_name, {"f1": String})("a")))
    for schema in ({"f1": IntObject}, {"f1": IntObject, "f2": IntObject}):
        with pytest.raises(CacheError, match="'f1'") as raised:
            await face(cache.put(1, make(type_name, schema)(1)))
        assert isinstance(raised.value, BinaryTypeError)
    assert (await face(cache.get(1))).f1 == "a", "nothing was sent"


async def test_schemas_evolve(face: Face, address: tuple[str, int], cache: Any, type_name: str) -> None:
    """The example `migrate_binary` of pyignite's documentation."""
    client = await face.connected(*address)
    ExpenseVoucher = make(
        type_name,
        {
            "date": DateObject,
            "reported": BoolObject,
            "purpose": String,
            "sum": DecimalObject,
            "recipient": String,
            "cashier_id": LongObject,
        },
    )
    accounting = await face(client.get_cache(cache.name))
    for key, reported in ((1, True), (2, False)):
        old = ExpenseVoucher(datetime(2017, 12, 1), reported, "keyboards", Decimal("118.00"), "Alan", 10)
        await face(accounting.put(key, old))
    await face(client.close())

    client = await face.connected(*address)
    accounting = await face(client.get_or_create_cache(cache.name))
    data_classes = await face(client.query_binary_type(type_name))
    s_id, data_class = data_classes.popitem()
    schema = data_class.schema
    schema["expense_date"] = schema["date"]
    del schema["date"]
    schema["report_date"] = DateObject
    del schema["reported"]
    schema["sum"] = DecimalObject

    class ExpenseVoucherV2(metaclass=GenericObjectMeta, type_name=type_name, schema=schema):
        pass

    async for key, old_value in rows(accounting.scan()):
        new_value: Any = ExpenseVoucherV2()
        for name in ("sum", "purpose", "recipient", "cashier_id"):
            setattr(new_value, name, getattr(old_value, name))
        new_value.expense_date = old_value.date
        new_value.report_date = date(2022, 5, 6) if old_value.reported else None
        await face(accounting.put(key, new_value))
        verify = await face(accounting.get(key))
        assert type(verify) is ExpenseVoucherV2
        assert (verify.sum, verify.expense_date) == (Decimal("118.00"), datetime(2017, 12, 1))
        assert verify.report_date == (datetime(2022, 5, 6) if key == 1 else None)
    described = await face(client.get_binary_type(type_name))
    assert len(described["schemas"]) == 2
    assert s_id == ExpenseVoucher.schema_id
    await face(client.close())


async def test_cursors_bring_objects_of_types_never_seen(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    classes = [make(f"{type_name}_{number}", {"number": IntObject, f"f{number}": String}) for number in range(5)]
    await face(
        cache.put_all({classes[number % 5](number, "key"): classes[number % 3](number, str(number)) for number in range(50)})
    )
    theirs = await face(other.get_cache(cache.name))
    seen = [(key, value) async for key, value in rows(theirs.scan(page_size=7))]
    assert sorted(key.number for key, _ in seen) == list(range(50))
    assert all(value.number == key.number and getattr(value, f"f{key.number % 3}") == str(key.number) for key, value in seen)
    assert len({type(key) for key, _ in seen}) == 5
    assert dict([(key, value) async for key, value in rows(cache.scan())]) == {
        classes[number % 5](number, "key"): classes[number % 3](number, str(number)) for number in range(50)
    }


async def test_the_affinity_key_field_places_keys(face: Face, client: Any, cache: Any, type_name: str) -> None:
    from pyignite_rs import _core

    Key = make(type_name, {"name": String, "group": IntObject})
    await face(client.register_binary_type(Key, "group"))
    for group in (1, 77, -5, 2**31 - 1):
        keys = [Key(f"name {number}", group) for number in range(5)]
        await face(cache.put_all({key: "x" for key in keys}))
        partition = _core.partition(_core.hash_of(_core.encode(group, IntObject)), 1024)
        assert {key async for key, _ in rows(cache.scan(partitions=partition))} == set(keys)
        assert await face(cache.get_all(keys)) == {key: "x" for key in keys}
        assert [await face(cache.get(key)) for key in keys] == ["x"] * 5
        await face(cache.clear())


async def test_many_schemas_of_one_type(face: Face, client: Any, cache: Any, other: Any, type_name: str) -> None:
    classes = [make(type_name, {f"f{each}": IntObject for each in range(number, 20)}) for number in range(20)]
    for key, each in enumerate(classes):
        await face(cache.put(key, each(key)))
    theirs = await face(other.get_cache(cache.name))
    for values in (await face(cache.get_all(range(20))), await face(theirs.get_all(range(20)))):
        assert [getattr(values[key], f"f{key}") for key in range(20)] == list(range(20))
        assert [len(values[key].schema) for key in range(20)] == list(range(20, 0, -1))
    assert len(await face(other.query_binary_type(type_name))) == 20


async def test_wrapped_objects_are_unwrapped(face: Face, client: Any, other: Any, type_name: str) -> None:
    from pyignite_rs import _core

    Thing = make(type_name, {"a": IntObject})
    await face(client.register_binary_type(Thing))
    data = _core.encode(Thing(5))
    for each in (client, other):
        seen = await face(each.unwrap_binary((b"\0\0\0" + data, 3)))
        assert seen.a == 5
        seen = await face(each.unwrap_binary((1, [(data, 0), "x", (2, {"k": (data, 0)})])))
        assert (seen[0], seen[1][0].a, seen[1][1], seen[1][2][1]["k"].a) == (1, 5, "x", 5)
        for value in (None, 5, "x", (1, 2), (1, 2, 3), [1], Thing(1)):
            assert await face(each.unwrap_binary(value)) is value
        for wrong in ((b"", 0), (data, -1), (data, 99), (data[:-1], 0), (b"\x67", 0)):
            with pytest.raises(ParseError):
                await face(each.unwrap_binary(wrong))


async def test_an_object_of_a_type_that_nobody_knows(face: Face, client: Any, cache: Any, type_name: str) -> None:
    Nobody = make(type_name, {"a": IntObject})
    # Written by a client that believes to have told the cluster.
    quiet = Client()
    quiet._keep(Nobody)
    from pyignite_rs import _core

    data = _core.encode(Nobody(5), None, quiet)
    with pytest.raises(ParseError, match=f"does not know .*{Nobody.type_id}"):
        await face(client.unwrap_binary((data, 0)))
    await face(client.put_binary_type(type_name, schema={"b": IntObject}))
    with pytest.raises(ParseError, match=f"{type_name} has no schema"):
        await face(client.unwrap_binary((data, 0)))
    await face(client.register_binary_type(Nobody))
    assert (await face(client.unwrap_binary((data, 0)))).a == 5


# --- Java ------------------------------------------------------------------------------------------------------------------------


async def test_java_reads_what_was_written(face: Face, client: Any, cache: Any, java: JavaClient, type_name: str) -> None:
    Inner = make(type_name + "_inner", {"number": IntObject})
    Outer = make(type_name, {"text": String, "inner": BinaryObject, "list": CollectionObject, "none": String, "key": MapObject})
    await face(cache.put(1, Outer("a", Inner(5), (1, [Inner(6), "x"]), None, (2, OrderedDict(k=Inner(7)))), key_hint=IntObject))

    def inner(number: int) -> dict[str, Any]:
        fields = [["number", {"t": "int", "v": str(number)}]]
        return {"t": "complex", "type_id": Inner.type_id, "type_name": type_name + "_inner", "fields": fields}

    told = java.get(cache.name, 1)
    assert (told["type_id"], told["type_name"]) == (Outer.type_id, type_name)
    assert dict(told["fields"]) == {
        "text": {"t": "string", "v": "a"},
        "inner": inner(5),
        "list": {"t": "array_list", "v": [inner(6), {"t": "string", "v": "x"}]},
        "none": {"t": "null"},
        "key": {"t": "linked_hash_map", "v": [[{"t": "string", "v": "k"}, inner(7)]]},
    }


async def test_what_java_writes_is_read(face: Face, client: Any, cache: Any, java: JavaClient, type_name: str) -> None:
    inner = {"t": "complex", "type_name": type_name + "$Inner", "fields": [["number", {"t": "int", "v": "5"}]]}
    fields = [
        ["text", {"t": "string", "v": "a"}],
        ["inner", inner],
        ["list", {"t": "array_list", "v": [inner, {"t": "int", "v": "1"}]}],
        ["none", {"t": "null"}, "java.lang.String"],
        ["color", {"t": "enum", "ordinal": 2}],
        ["price", {"t": "decimal", "unscaled": "150", "scale": 2}],
    ]
    java.put(cache.name, 1, {"t": "complex", "type_name": f"org.example.{type_name}", "fields": fields})
    seen = await face(cache.get(1, key_hint=IntObject))
    assert (seen.text, seen.inner.number, seen.none, seen.color[1], seen.price) == ("a", 5, None, 2, Decimal("1.50"))
    assert seen.list == (1, [seen.inner, 1])
    assert type(seen).type_name == f"org.example.{type_name}" and type(seen.inner).type_name == f"{type_name}$Inner"
    assert type(seen).schema["none"] is String and type(seen).schema["color"] is EnumObject
    assert type(seen).type_id == client_type_id(f"org.example.{type_name}")
    # What was read can be changed and written, and Java reads it.
    seen.text = "b"
    await face(cache.put(2, seen, key_hint=IntObject))
    told = dict(java.get(cache.name, 2)["fields"])
    assert told["text"] == {"t": "string", "v": "b"} and told["inner"]["fields"] == inner["fields"]
    assert told["color"] == {"t": "binary_enum", "type_id": 94842723, "ordinal": 2}


def client_type_id(name: str) -> int:
    from pyignite_rs.utils import entity_id

    found = entity_id(name)
    assert found is not None
    return found


# --- threads, tasks, other clusters -----------------------------------------------------------------------------------------------


async def test_sixteen_at_once_with_the_same_and_with_other_types(
    face: Face, client: Any, cache: Any, other: Any, type_name: str
) -> None:
    shared = make(type_name, {"number": IntObject})
    theirs = await face(other.get_cache(cache.name))

    def value(number: int, turn: int) -> Any:
        if turn % 2:
            return shared(number)
        return make(f"{type_name}_{number}_{turn // 4}", {"number": IntObject, f"f{turn}": String})(number, "x")

    def steps(number: int) -> Iterator[tuple[Any, int, Any]]:
        for turn in range(12):
            yield (cache if turn % 3 else theirs), number * 100 + turn, value(number, turn)

    classes: set[Any] = set()

    async def task(number: int) -> None:
        for where, key, object_ in steps(number):
            await where.put(key, object_)
            for each in (cache, theirs):
                seen = await each.get(key)
                assert seen.number == number and seen.schema_id == object_.schema_id
            if isinstance(object_, shared):
                classes.add(type(await theirs.get(key)))

    def thread(number: int, failed: list[BaseException]) -> None:
        try:
            for where, key, object_ in steps(number):
                where.put(key, object_)
                for each in (cache, theirs):
                    seen = each.get(key)
                    assert seen.number == number and seen.schema_id == object_.schema_id
                if isinstance(object_, shared):
                    classes.add(type(theirs.get(key)))
        except BaseException as error:
            failed.append(error)

    if face.is_async:
        await asyncio.gather(*map(task, range(16)))
    else:
        failed: list[BaseException] = []
        workers = [threading.Thread(target=thread, args=(number, failed)) for number in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not failed, failed
    assert shared in classes and {each.schema_id for each in classes} == {shared.schema_id}
    assert len(classes) <= 2, "its own class, and one that was made on the fly"
    assert len((await face(client.get_binary_type(type_name)))["schemas"]) == 1


async def test_readers_at_once_get_the_same_class(
    face: Face, client: Any, cache: Any, address: tuple[str, int], type_name: str
) -> None:
    await face(cache.put(1, make(type_name, {"a": IntObject})(5)))
    reader = await face.connected(*address)
    theirs = await face(reader.get_cache(cache.name))
    if face.is_async:
        seen = await asyncio.gather(*[theirs.get(1) for _ in range(64)])
    else:
        seen = []
        workers = [threading.Thread(target=lambda: seen.append(theirs.get(1))) for _ in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len({type(each) for each in seen}) == 1 and all(each == seen[0] for each in seen) and len(seen) in (16, 64)
    await face(reader.close())


async def test_a_type_is_asked_for_and_told_once(face: Face, cluster: Cluster, type_name: str) -> None:
    """However many threads or tasks need it first: the requests are counted on the wire."""
    Thing = make(type_name, {"a": IntObject})
    with Tap(cluster.addresses[0]) as tap:
        for compared in ("writers", "readers"):
            client = await face.connected(*tap.address, partition_aware=False)
            cache = await face(client.get_or_create_cache(type_name))
            await face(cache.get(0))
            tap.operations.clear()
            if compared == "writers":
                await at_once(face, [partial(put_thing, cache, Thing, number) for number in range(1, 33)])
                assert (tap.operations.count(3002), tap.operations.count(3003)) == (1, 1)
            else:
                seen = await at_once(face, [partial(cache.get, number) for number in range(1, 33)])
                assert sorted(each.a for each in seen) == list(range(1, 33)) and len({type(each) for each in seen}) == 1
                assert (tap.operations.count(3002), tap.operations.count(3003)) == (1, 0)
            await face(client.close())


async def test_whoever_waits_for_a_type_goes_on_when_the_first_one_gives_up(cluster: Cluster, type_name: str) -> None:
    """Tasks that are cancelled or time out while they ask take nobody with them."""
    Thing = make(type_name, {"a": IntObject})
    with Tap(cluster.addresses[0]) as tap:
        client = AioClient(partition_aware=False)
        await client.connect(*tap.address)
        cache = await client.get_or_create_cache(type_name)
        tap.hold(3002)
        first = asyncio.create_task(cache.put(1, Thing(1)))
        late = asyncio.create_task(cache.put(2, Thing(2), timeout=0.2))
        others = [asyncio.create_task(cache.put(number, Thing(number))) for number in range(3, 8)]
        with pytest.raises(TimeoutError if sys.version_info >= (3, 11) else asyncio.TimeoutError):
            await late
        assert not first.done() and not any(other.done() for other in others)
        first.cancel()
        tap.release()
        await asyncio.wait_for(asyncio.gather(*others), 10)
        assert (await client.get_binary_type(type_name))["type_exists"] is True
        assert sorted(await cache.get_all(range(9))) == [3, 4, 5, 6, 7]
        # A call that was made and is never awaited keeps nobody.
        Other = make(type_name + "_other", {"a": IntObject})
        cold = cache.put(1, Other(1))
        await asyncio.wait_for(cache.put(2, Other(2)), 10)
        cold.close()
        await client.close()


async def test_another_cluster_is_told_again(face: Face, type_name: str) -> None:
    """A cluster without persistence forgets its types when it restarts."""
    Thing = make(type_name, {"a": IntObject})
    with Cluster(1) as cluster:
        client = await face.connected(*cluster.addresses[0])
        cache = await face(client.create_cache("things"))
        await face(cache.put(1, Thing(5)))
        cluster[0].restart()
        for _ in range(3):
            # The first call may still meet the old connection.
            try:
                cache = await face(client.get_or_create_cache("things"))
                break
            except OSError:
                continue
        assert (await face(client.get_binary_type(type_name)))["type_exists"] is False
        await face(cache.put(1, Thing(6)))
        assert (await face(client.get_binary_type(type_name)))["type_exists"] is True
        reader = await face.connected(*cluster.addresses[0])
        assert (await face((await face(reader.get_cache("things"))).get(1))).a == 6
        await face(reader.close())
        await face(client.close())


@pytest.mark.slow
async def test_types_persist_and_another_client_evolves_them(face: Face, type_name: str) -> None:
    credentials = {"username": "ignite", "password": "ignite"}
    First = make(type_name, {"a": IntObject, "b": String})
    Second = make(type_name, {"a": IntObject, "c": DoubleObject})
    with Cluster(1, authentication=True) as cluster:
        client = await face.connected(*cluster.addresses[0], **credentials)
        cache = await face(client.create_cache("things"))
        await face(cache.put(1, First(1, "x")))
        evolver = await face.connected(*cluster.addresses[0], **credentials)
        theirs = await face(evolver.get_cache("things"))
        await face(theirs.put(2, Second(2, 0.5)))
        seen = await face(cache.get_all([1, 2]))
        assert seen[1] == First(1, "x") and (seen[2].a, seen[2].c) == (2, 0.5)
        await face(evolver.close())
        cluster[0].restart()
        reader = await face.connected(*cluster.addresses[0], **credentials)
        cache = await face(reader.get_cache("things"))
        assert len(await face(reader.query_binary_type(type_name))) == 2
        assert ((await face(cache.get(1))).b, (await face(cache.get(2))).c) == ("x", 0.5)
        with pytest.raises(BinaryTypeError, match="'b'"):
            await face(cache.put(3, make(type_name, {"b": IntObject})(1)))
        await face(reader.close())
        await face(client.close())


# --- SQL ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(address: tuple[str, int], type_name: str) -> Iterator[dict[str, Any]]:
    """A table with two rows, made by pyignite; what it says about the table's cache."""
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
    from pyignite.datatypes.prop_codes import PROP_QUERY_ENTITIES

    client = pyignite.Client()
    client.connect(*address)
    client.sql(
        f"CREATE TABLE {type_name} (id INT, code CHAR(3), name VARCHAR, born DATE, pay DECIMAL(10, 2), PRIMARY KEY (id, code)) "
        'WITH "affinity_key=id"'
    )
    client.sql(f"INSERT INTO {type_name} VALUES (1, 'USA', 'New York', DATE '2020-02-29', 1.50), (2, 'NLD', NULL, NULL, NULL)")
    cache = client.get_cache(f"SQL_PUBLIC_{type_name.upper()}")
    yield {"cache": cache.name, **cache.settings[PROP_QUERY_ENTITIES][0]}
    client.sql(f"DROP TABLE {type_name}")
    client.close()


async def test_what_tables_hold_is_read(face: Face, client: Any, table: dict[str, Any]) -> None:
    cache = await face(client.get_cache(table["cache"]))
    (Key,) = (await face(client.query_binary_type(table["key_type_name"]))).values()
    assert Key.__name__ == table["key_type_name"] and list(Key.schema) == ["ID", "CODE"]
    row = await face(cache.get(Key(1, "USA")))
    assert type(row).__name__ == table["value_type_name"] == type(row).type_name
    assert (row.NAME, row.BORN, row.PAY) == ("New York", datetime(2020, 2, 29), Decimal("1.50"))
    both = await face(cache.get_all([Key(1, "USA"), Key(2, "NLD"), Key(2, "USA")]))
    assert set(both) == {Key(1, "USA"), Key(2, "NLD")}
    empty = both[Key(2, "NLD")]
    assert (empty.NAME, empty.BORN, empty.PAY) == (None, None, None)
    # A row written as an object is a row of the table.
    await face(cache.put(Key(3, "FRA"), type(row)(NAME="Paris", PAY=Decimal("2.00"))))
    assert (await face(cache.get(Key(3, "FRA")))).NAME == "Paris"
    name = table["table_name"]
    found = [each async for each in rows(client.sql(f"SELECT ID, CODE, NAME, BORN, PAY FROM {name} ORDER BY ID"))]
    assert found == [
        [1, "USA", "New York", datetime(2020, 2, 29), Decimal("1.50")],
        [2, "NLD", None, None, None],
        [3, "FRA", "Paris", None, Decimal("2.00")],
    ]
    found = [each async for each in rows(client.sql(f"SELECT _KEY, _VAL FROM {name} WHERE ID = ?", query_args=[1]))]
    assert found == [[Key(1, "USA"), row]]
    assert (await face(client.get_binary_type(table["key_type_name"])))["affinity_key_field"] == "ID"
