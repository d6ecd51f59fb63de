"""Classes of complex objects without any server: how they are made, what their objects can do, how they are written and read."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from pyignite_rs import Client, GenericObjectMeta, _core
from pyignite_rs.binary import ALLOWED_FIELD_TYPES, GenericObjectProps, _described_class, _generic_class
from pyignite_rs.datatypes import (
    AnyDataObject,
    BinaryObject,
    BoolObject,
    CollectionObject,
    DateObject,
    DecimalObject,
    Int,
    IntArrayObject,
    IntObject,
    LongObject,
    MapObject,
    String,
    StringArrayObject,
)
from pyignite_rs.exceptions import ParseError


class Person(metaclass=GenericObjectMeta, schema={"name": String, "age": IntObject, "tags": StringArrayObject}):
    """A class of this module, so that pickle finds it."""

    def greeting(self) -> str:
        return f"I am {self.name}"


#: Person{id = 1, name = "Bob"} as Java writes it.
BOB = bytes.fromhex("67012b00559be3c4b0cdb6fa27000000f3f1dc392500000003010000000903000000426f62181d")
JavaPerson: Any = GenericObjectMeta("Person", (), {}, schema={"id": IntObject, "name": String})


def read(data: bytes, *classes: Any) -> Any:
    client = Client()
    for each in classes:
        client._keep(each)
    return _core.decode(data, client)


def test_a_class_knows_its_type() -> None:
    assert (Person.type_name, Person.type_id, Person.version) == ("Person", -991716523, None)
    assert Person.schema_id == _core.schema_id(["name", "age", "tags"]) == Person().schema_id
    assert JavaPerson.schema_id == 970781171
    assert list(Person.schema) == ["name", "age", "tags"] == list(Person().schema)
    assert isinstance(Person.schema, OrderedDict)
    schema = Person.schema
    del schema["age"]
    assert "age" in Person.schema, "a copy"
    assert isinstance(Person(), GenericObjectProps)


def test_objects_are_made_with_positions_names_and_defaults() -> None:
    person = Person("Ivan", tags=["a"])
    assert (person.name, person.age, person.tags, person.version) == ("Ivan", 0, ["a"], 1)
    assert repr(person) == "Person(name='Ivan', age=0, tags=['a'], version=1)"
    assert person.greeting() == "I am Ivan"
    assert Person().tags == [] and Person().tags is not Person().tags, "no two objects share a default"
    assert str(inspect.signature(Person)) == "(name: str = None, age: int = 0, tags: list = [], version: int = 1) -> None"
    with pytest.raises(TypeError, match="unexpected keyword"):
        Person(nam="x")
    with pytest.raises(TypeError):
        Person("a", 1, [], 1, 5)


def test_defaults_have_the_types_of_their_fields() -> None:
    made: Any = GenericObjectMeta(
        "Defaults", (), {}, schema={"a": BoolObject, "b": DateObject, "c": DecimalObject, "d": MapObject, "e": BinaryObject}
    )
    assert repr(made()) == f"Defaults(a=False, b={datetime(1970, 1, 1)!r}, c={Decimal('0.00')!r}, d=None, e=None, version=1)"


def test_objects_are_equal_by_class_and_fields() -> None:
    assert Person("a", 1) == Person("a", 1) != Person("a", 2)
    assert (
        Person("a", 1) < Person("b", 0)
        and Person("b") >= Person("a")
        and Person("a") <= Person("a")
        and Person("b") > Person("a")
    )
    other: Any = GenericObjectMeta("Person", (), {}, schema=Person.schema)
    assert Person("a") != other("a")
    assert hash(JavaPerson(1, "a")) == hash(JavaPerson(1, "a"))
    assert {JavaPerson(1, "a"): 1}[JavaPerson(1, "a")] == 1
    assert len({JavaPerson(1, "a"), JavaPerson(1, "a"), JavaPerson(2, "a")}) == 2
    assert {Person("a", tags=["x"]): 1}[Person("a", tags=["x"])] == 1, "lists count nothing in the hash"


def test_objects_are_copied_and_pickled() -> None:
    person = Person("a", 1, ["x"])
    for copied in (copy.copy(person), copy.deepcopy(person), pickle.loads(pickle.dumps(person))):
        assert copied == person and type(copied) is Person
    assert copy.deepcopy(person).tags is not person.tags
    made = _generic_class("org.example.Made", [("a", IntObject), ("b", BinaryObject)])
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(made(1, made(2)), protocol))
        assert again == made(1, made(2)) and type(again) is made and type(again.b) is made
    circle = made(1)
    circle.b = circle
    for copied in (copy.deepcopy(circle), pickle.loads(pickle.dumps(circle))):
        assert copied.b is copied
    assert repr(circle) == "OrgExampleMade(a=1, b=..., version=1)"


def test_what_a_class_defines_itself_stays() -> None:
    class Own(metaclass=GenericObjectMeta, schema={"a": IntObject}):
        def __init__(self, a: int) -> None:
            self.a = a * 2
            self.extra = True

        def __repr__(self) -> str:
            return "own"

    assert (Own(2).a, repr(Own(1))) == (4, "own")
    data = _core.encode(Own(2))
    again = read(data, Own)
    assert again.a == 4 and not hasattr(again, "extra"), "reading does not run __init__"


def test_properties_and_slots_are_fields_like_others() -> None:
    class Celsius(metaclass=GenericObjectMeta, schema={"kelvin": IntObject}):
        @property
        def kelvin(self) -> int:
            return self.celsius + 273

        @kelvin.setter
        def kelvin(self, value: int) -> None:
            self.celsius = value - 273

    assert Celsius(300).celsius == 27
    assert read(_core.encode(Celsius(300)), Celsius).celsius == 27

    class Checked(metaclass=GenericObjectMeta, schema={"a": IntObject}):
        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value if name == "version" else value + 1)

    assert Checked(1).a == 2
    assert read(_core.encode(Checked(1)), Checked).a == 3


def test_bases_of_any_kind() -> None:
    class Child(Person, schema={"name": String, "school": String}):
        pass

    assert (Child.type_name, list(Child.schema)) == ("Child", ["name", "school"])
    assert Child("a", "b").greeting() == "I am a"

    class Same(Person, type_name="Other"):
        pass

    assert (Same.type_name, Same.schema) == ("Other", Person.schema), "without a schema of its own, that of its base"
    assert Same("a", 3).age == 3

    class Plain:
        def answer(self) -> int:
            return 42

    class WithPlain(Plain, metaclass=GenericObjectMeta, schema={"a": IntObject}):
        pass

    assert WithPlain(1).answer() == 42 and read(_core.encode(WithPlain(1)), WithPlain).a == 1


def test_fields_of_names_that_python_or_this_client_use() -> None:
    names = ["a-b", "class", "schema", "schema_id", "type_id", "type_name", "self", "", "__x", "поле"]
    made: Any = GenericObjectMeta("Names", (), {}, schema={name: IntObject for name in names})
    full = made(**{name: number for number, name in enumerate(names)})
    assert [getattr(full, name) for name in names] == list(range(len(names)))
    assert made(7, 8).schema == 0 and getattr(made(7, 8), "class") == 8
    again = read(_core.encode(full), made)
    assert again == full and again.type_id == 4 and made.type_id == _core.entity_id("Names")
    with pytest.raises(TypeError, match="no field 'd'"):
        made(d=1)
    with pytest.raises(TypeError, match="two values"):
        made(1, **{"a-b": 2})
    builtins: Any = GenericObjectMeta(
        "Builtins", (), {}, schema={"list": StringArrayObject, "_": IntObject, "print": StringArrayObject}
    )
    assert (builtins().list, builtins(["a"], 1).list, builtins().print) == ([], ["a"], [])
    ligature: Any = GenericObjectMeta("Ligature", (), {}, schema={"\ufb01": IntObject})
    assert read(_core.encode(ligature(5)), ligature) == ligature(5) and vars(ligature(5))["\ufb01"] == 5
    underscore: Any = GenericObjectMeta("Under", (), {}, schema={"_key": IntObject})
    assert underscore(key=1)._key == 1, "as attrs has it"
    versioned: Any = GenericObjectMeta("Versioned", (), {}, schema={"version": LongObject, "a": IntObject})
    assert repr(versioned(7)) == "Versioned(version=7, a=0)"
    assert read(_core.encode(versioned(7)), versioned).version == 7


@pytest.mark.parametrize("hint", [Int, AnyDataObject, int, None, "String"])
def test_a_field_has_a_type_that_fields_can_have(hint: Any) -> None:
    with pytest.raises(ParseError, match="field 'a' can not be of type"):
        GenericObjectMeta("Wrong", (), {}, schema={"a": hint})
    assert hint not in ALLOWED_FIELD_TYPES


def test_bytes_are_those_of_java() -> None:
    assert _core.encode(JavaPerson(1, "Bob")) == BOB
    assert _core.encode((JavaPerson(1, "Bob"), BinaryObject)) == BOB
    assert _core.hash_of(_core.encode(JavaPerson(1, "Bob"))) == -88683088
    bob = read(BOB, JavaPerson)
    assert (bob, type(bob)) == (JavaPerson(1, "Bob"), JavaPerson)
    wrapped = b"\x1b" + len(BOB).to_bytes(4, "little") + BOB + bytes(4)
    assert read(wrapped, JavaPerson) == bob
    assert read(b"\x18\x02\0\0\0\x01" + BOB + wrapped, JavaPerson) == (1, [bob, bob])


def test_a_client_that_wants_full_footers_writes_them() -> None:
    full = bytes.fromhex("67010b00559be3c4b0cdb6fa2f000000f3f1dc392500000003010000000903000000426f621b0d0000188b7a33001d")
    client = Client(compact_footer=False)
    assert _core.encode(JavaPerson(1, "Bob"), None, client) == full
    assert read(full, JavaPerson) == JavaPerson(1, "Bob")
    # None follows the first object that is read.
    for data, compact in ((full, False), (BOB, True)):
        client = Client()
        assert client.compact_footer is True
        client._keep(JavaPerson)
        _core.decode(data, client)
        assert client.compact_footer is compact
        assert (_core.encode(JavaPerson(1, "Bob"), None, client) == full) is not compact
    with pytest.raises(Warning):
        client.compact_footer = False


def test_a_full_footer_in_another_order_is_believed() -> None:
    swapped = bytes.fromhex("67010b00559be3c4b0cdb6fa2f000000f3f1dc39250000000903000000426f620301000000")
    swapped += bytes.fromhex("8b7a3300181b0d000020")
    assert read(swapped, JavaPerson) == JavaPerson(1, "Bob")


def test_values_that_do_not_fit_their_fields_are_named() -> None:
    with pytest.raises(OverflowError, match=r"^value\.age: .*does not fit"):
        _core.encode(Person("a", 2**40))
    with pytest.raises(TypeError, match=r"^value\[0\]\.tags\[1\]: a str was expected"):
        _core.encode((1, [Person("a", 1, ["x", 5])]))
    holder: Any = GenericObjectMeta("Holder", (), {}, schema={"inner": BinaryObject})
    with pytest.raises(TypeError, match=r"^value\.inner\.name: "):
        _core.encode(holder(Person(5)))
    with pytest.raises(ValueError, match="version can not be 2"):
        _core.encode(Person("a", version=2))
    with pytest.raises(TypeError, match="an object of a class made by GenericObjectMeta was expected"):
        _core.encode(5, BinaryObject)
    circle = holder()
    circle.inner = circle
    with pytest.raises(ValueError, match="nested deeper"):
        _core.encode(circle)


def test_an_attribute_that_is_gone_is_its_default() -> None:
    person = Person("a", 5)
    del person.age
    assert read(_core.encode(person), Person).age == 0


def test_a_field_of_any_objects_holds_anything() -> None:
    holder: Any = GenericObjectMeta("Holder", (), {}, schema={"inner": BinaryObject})
    for value in (5, "text", (1, [1, "a"]), JavaPerson(1, "Bob"), None, [1.5], Decimal("1.50")):
        assert read(_core.encode(holder(value)), holder, JavaPerson).inner == value


def test_many_fields_and_wide_offsets() -> None:
    for count, text in ((100, ""), (40, "x" * 50), (3, "x" * 30_000), (40, "x" * 2_000)):
        schema = {f"f{number}": String for number in range(count)}
        made: Any = GenericObjectMeta("Wide", (), {}, schema=schema)
        for client in (Client(), Client(compact_footer=False)):
            value = made(*[f"{number}{text}" for number in range(count)])
            assert read(_core.encode(value, None, client), made) == value


def test_classes_for_types_of_a_cluster() -> None:
    for type_name, class_name in (
        ("Person", "Person"),
        ("org.example.Person", "OrgExamplePerson"),
        ("Outer$Inner", "OuterInner"),
        ("a.b+c", "ABC"),
        ("lower_case", "Lower_case"),
        ("SQL_PUBLIC_CITY_081f37cc_KEY", "SQL_PUBLIC_CITY_081f37cc_KEY"),
        ("scala.Thing$", "ScalaThing"),
        ("1st", "St"),
        ("日本", "Object"),
    ):
        made = _described_class(type_name, [("a", 3), ("b", 0x67), ("c", 123456), ("d", 24)])
        assert (made.__name__, made.type_name, made.__module__) == (class_name, type_name, "pyignite_rs.binary")
        assert list(made.schema.values()) == [IntObject, BinaryObject, BinaryObject, CollectionObject]
        assert _described_class(type_name, [("a", 3), ("b", 0x67), ("c", 123456), ("d", 24)]) is made
        assert _described_class(type_name, [("a", 4)]) is not made


def test_classes_that_nobody_needs_are_forgotten() -> None:
    made = _generic_class("Forgotten", [("a", IntArrayObject)])
    seen = weakref.ref(made)
    object_of_it = made([1])
    del made
    gc.collect()
    assert seen() is type(object_of_it)
    client = Client()
    client._keep(type(object_of_it))
    del object_of_it
    gc.collect()
    assert seen() is not None, "the client reads with it"
    del client
    gc.collect()
    assert seen() is None


def test_objects_that_hold_themselves_are_read() -> None:
    node: Any = GenericObjectMeta("Node", (), {}, schema={"number": IntObject, "left": BinaryObject, "right": BinaryObject})
    itself = read(
        bytes.fromhex(
            "67012b0002ae3300c123786c4c00000061e8d863490000000308000000661d00000067012b00559be3c4b0cdb6fa27000000f3f1dc3925000000"
            "03010000000903000000426f62181d181d22"
        ),
        node,
        JavaPerson,
    )
    assert itself.left is itself and itself.right == JavaPerson(1, "Bob") and itself.number == 8
    shared = read(
        bytes.fromhex(
            "67012b0002ae3300f190d5b53500000061e8d863320000000307000000180200000001030100000003020000006610000000181d2d"
        ),
        node,
    )
    assert shared.left == (1, [1, 2]) and shared.right is shared.left
    alone = weakref.ref(itself)
    del itself
    gc.collect()
    assert alone() is None, "a circle is collected"


def with_field(field: str) -> bytes:
    """An object of one field, `inner`, with these bytes."""
    data = bytes.fromhex(field)
    holder: Any = GenericObjectMeta("Holder", (), {}, schema={"inner": BinaryObject})
    head = bytearray(_core.encode(holder())[:24])
    head[12:16] = (25 + len(data)).to_bytes(4, "little")
    head[20:24] = (24 + len(data)).to_bytes(4, "little")
    return bytes(head) + data + b"\x18"


def test_handles_that_lead_nowhere_are_refused() -> None:
    holder: Any = GenericObjectMeta("Holder", (), {}, schema={"inner": BinaryObject})
    assert read(with_field("03 01000000"), holder).inner == 1
    for field, message in (
        ("66 00000000", "distance of a handle can not be 0"),
        ("66 ffffffff", "distance of a handle can not be -1"),
        ("66 19000000", "distance of a handle can not be 25"),
        ("66 01000000", "distance of a handle can not be 1"),
        ("18 01000000 01 66 06000000", "a collection or a map that holds itself"),
        ("19 01000000 01 65 66 07000000", "a collection or a map that holds itself"),
    ):
        with pytest.raises(ParseError, match=message):
            read(with_field(field), holder)
    assert read(with_field("66 18000000"), holder).inner.inner.inner is not None
    with pytest.raises(ParseError, match="a handle outside a complex object"):
        read(bytes.fromhex("18 02000000 01 18 00000000 01 66 06000000"))


def test_objects_that_lie_are_refused() -> None:
    for at in range(len(BOB)):
        for byte in (0x00, 0x01, 0x7F, 0x80, 0xFF, BOB[at] ^ 0x40):
            data = bytearray(BOB)
            data[at] = byte
            try:
                value = read(bytes(data), JavaPerson)
            except ParseError:
                continue
            assert type(value) in (JavaPerson, type(None))
    with pytest.raises(ParseError, match="number of fields can not be 2"):
        one: Any = GenericObjectMeta("Person", (), {}, schema={"id": IntObject})
        data = bytearray(BOB)
        data[16:20] = one.schema_id.to_bytes(4, "little", signed=True)
        read(bytes(data), one)
    with pytest.raises(ParseError, match="only a client can read this"):
        read(BOB)
