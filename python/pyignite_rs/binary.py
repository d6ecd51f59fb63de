"""Classes whose objects stand for complex objects. Bytes, ids and registries are in the Rust half."""

from __future__ import annotations

import keyword
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from threading import Lock, get_ident
from typing import Any, ClassVar
from unicodedata import normalize
from weakref import WeakValueDictionary

from . import _core
from .datatypes.base import IgniteDataType, IgniteDataTypeProps
from .datatypes.complex import BinaryObject, CollectionObject, MapObject, ObjectArrayObject, WrappedDataObject
from .datatypes.null_object import Null
from .datatypes.primitive_arrays import (
    BoolArrayObject,
    ByteArrayObject,
    CharArrayObject,
    DoubleArrayObject,
    FloatArrayObject,
    IntArrayObject,
    LongArrayObject,
    ShortArrayObject,
)
from .datatypes.primitive_objects import (
    BoolObject,
    ByteObject,
    CharObject,
    DoubleObject,
    FloatObject,
    IntObject,
    LongObject,
    ShortObject,
)
from .datatypes.standard import (
    BinaryEnumObject,
    DateArrayObject,
    DateObject,
    DecimalArrayObject,
    DecimalObject,
    EnumArrayObject,
    EnumObject,
    String,
    StringArrayObject,
    TimeArrayObject,
    TimeObject,
    TimestampArrayObject,
    TimestampObject,
    UUIDArrayObject,
    UUIDObject,
)
from .exceptions import ParseError
from .utils import capitalize, schema_id

__all__ = ["ALLOWED_FIELD_TYPES", "GenericObjectProps", "GenericObjectPropsMeta", "GenericObjectMeta"]

#: What a field of a complex object can be.
ALLOWED_FIELD_TYPES: list[type[IgniteDataType]] = [
    Null,
    ByteObject,
    ShortObject,
    IntObject,
    LongObject,
    FloatObject,
    DoubleObject,
    CharObject,
    BoolObject,
    UUIDObject,
    DateObject,
    TimestampObject,
    TimeObject,
    EnumObject,
    BinaryEnumObject,
    ByteArrayObject,
    ShortArrayObject,
    IntArrayObject,
    LongArrayObject,
    FloatArrayObject,
    DoubleArrayObject,
    CharArrayObject,
    BoolArrayObject,
    UUIDArrayObject,
    DateArrayObject,
    TimestampArrayObject,
    TimeArrayObject,
    EnumArrayObject,
    String,
    StringArrayObject,
    DecimalObject,
    DecimalArrayObject,
    ObjectArrayObject,
    CollectionObject,
    MapObject,
    BinaryObject,
    WrappedDataObject,
]

#: Hint classes by type code, for the fields of types that the cluster describes.
_HINTS = {each.type_code[0]: each for each in ALLOWED_FIELD_TYPES if each.type_code is not None}

Schema = Mapping[str, type[IgniteDataType]]


class GenericObjectProps(IgniteDataTypeProps):
    """`schema` and `schema_id`, on classes of complex objects and on their objects alike."""

    _schema: OrderedDict[str, type[IgniteDataType]] | None

    @property
    def schema(self) -> OrderedDict[str, type[IgniteDataType]]:
        """Fields in their order, by name: a copy."""
        return OrderedDict(self._schema or ())

    @property
    def schema_id(self) -> int:
        """Id of the schema: a hash of the names of the fields in their order."""
        return schema_id(self._schema or {})


class GenericObjectPropsMeta(type, GenericObjectProps):
    """Base of the metaclass: classes have the properties too."""


def _default(hint: type[IgniteDataType]) -> Any:
    """Value of a field that was not given. A list is made anew, so that no two objects share it."""
    default = getattr(hint, "default", None)
    return list(default) if isinstance(default, list) else default


def _parameter(name: str) -> str:
    """Name of the argument for a field: as attrs does it, without underscores in front."""
    return name.lstrip("_") or name


def _initializer(schema: Schema) -> Callable[..., None]:
    """An `__init__` with an argument for each field, in their order, and `version` at the end."""
    fields: dict[str, Any] = {**schema, "version": IntObject}
    names = [_parameter(name) for name in fields]
    # Python brings identifiers into a form of its own, which the attribute would not have.
    plain = all(name.isidentifier() and not keyword.iskeyword(name) and normalize("NFKC", name) == name for name in fields)
    plain = plain and all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    plain = plain and len({*names, "self"}) == len(names) + 1
    if not plain:
        return _general_initializer(list(fields), schema)
    # Written as source for speed and for the signature; nothing in it but identifiers.
    space: dict[str, Any] = {"__name__": __name__, "_copy": list}
    arguments, body = [], []
    for index, (name, parameter) in enumerate(zip(fields, names, strict=True)):
        hint = schema.get(name)
        default = 1 if hint is None else getattr(hint, "default", None)
        space[f"_{index}"] = default
        arguments.append(f"{parameter}=_{index}")
        # A name with two underscores in front stays as it is: this function stands in no class.
        value = f"_copy({parameter}) if {parameter} is _{index} else {parameter}" if isinstance(default, list) else parameter
        body.append(f"    self.{name} = {value}")
    exec("\n".join([f"def __init__(self, {', '.join(arguments)}):", *body]), space)
    initializer: Callable[..., None] = space["__init__"]
    kinds = {parameter: getattr(fields[name], "pythonic", type(None)) for name, parameter in zip(fields, names, strict=True)}
    initializer.__annotations__ = {**kinds, "version": kinds.get("version", int), "return": None}
    return initializer


def _general_initializer(names: list[str], schema: Schema) -> Callable[..., None]:
    """The same for fields whose names Python can not spell; they are given by position, or as `**{"a-b": 1}`."""

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names):
            raise TypeError(f"{type(self).__name__} takes {len(names)} values ({', '.join(names)}), not {len(args)}")
        values: dict[str, Any] = {name: _default(schema[name]) if name in schema else 1 for name in names}
        values.update(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in values:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            if name in names[: len(args)]:
                raise TypeError(f"{type(self).__name__} got two values for {name!r}")
            values[name] = value
        for name, value in values.items():
            setattr(self, name, value)

    return __init__


def _hash(value: Any) -> int:
    """Hash of a field. Lists and dicts count nothing, so that keys with such fields can stand in the dict of `get_all`."""
    try:
        return hash(value)
    except TypeError:
        return 0


#: Objects that are being printed, and by which thread: one can hold itself.
_SHOWN: set[tuple[int, int]] = set()


class _GenericObject(GenericObjectProps):
    """What objects of generated classes can do."""

    _fields: ClassVar[tuple[str, ...]]
    _type_id: ClassVar[int]
    _type_name: ClassVar[str]

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name, None) for name in self._fields)

    def __repr__(self) -> str:
        mark = (id(self), get_ident())
        if mark in _SHOWN:
            return "..."
        _SHOWN.add(mark)
        try:
            name = type(self).__qualname__.rsplit(">.", 1)[-1]
            return f"{name}({', '.join(f'{field}={getattr(self, field, None)!r}' for field in self._fields)})"
        finally:
            _SHOWN.discard(mark)

    def __eq__(self, other: object) -> Any:
        return (
            self._values() == other._values()
            if type(other) is type(self) and isinstance(other, _GenericObject)
            else NotImplemented
        )

    def __lt__(self, other: object) -> Any:
        return (
            self._values() < other._values()
            if type(other) is type(self) and isinstance(other, _GenericObject)
            else NotImplemented
        )

    def __le__(self, other: object) -> Any:
        return (
            self._values() <= other._values()
            if type(other) is type(self) and isinstance(other, _GenericObject)
            else NotImplemented
        )

    def __gt__(self, other: object) -> Any:
        return (
            self._values() > other._values()
            if type(other) is type(self) and isinstance(other, _GenericObject)
            else NotImplemented
        )

    def __ge__(self, other: object) -> Any:
        return (
            self._values() >= other._values()
            if type(other) is type(self) and isinstance(other, _GenericObject)
            else NotImplemented
        )

    def __hash__(self) -> int:
        return hash((self._type_id, *map(_hash, self._values())))

    def __reduce_ex__(self, protocol: Any) -> Any:
        cls = type(self)
        schema: Schema = cls._schema or {}
        if _MADE.get((cls.__name__, cls._type_name, tuple(schema.items()))) is not cls:
            return super().__reduce_ex__(protocol)
        # No module has the class under its name: it is made again where the object is restored.
        return _blank, (cls._type_name, list(schema.items())), vars(self).copy()


class GenericObjectMeta(GenericObjectPropsMeta):
    """Metaclass of classes whose objects are complex objects.

        class Person(metaclass=GenericObjectMeta, type_name="org.example.Person", schema={"name": String, "age": IntObject}):
            pass

    Objects are made with positional or keyword arguments, print their fields, compare and hash by them, and can be pickled and
    copied. A class may have methods and bases of its own; what it defines itself stays.

    Args:
        type_name: Name of the type in the cluster. Default: the name of the class.
        schema: Hint classes of the fields by name, in the order of the fields. Default: the schema of the base class, if that has
            one; else none.

    Raises:
        ParseError: A field's type is no hint class that a field can have.
    """

    _schema: OrderedDict[str, type[IgniteDataType]] | None = None
    _type_name: str | None = None
    _fields: tuple[str, ...]
    version = None

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        type_name: str | None = None,
        schema: Schema | None = None,
        **kwargs: Any,
    ) -> Any:
        inherited = next((base._schema for base in bases if isinstance(base, GenericObjectMeta)), None)
        fields = OrderedDict((inherited or {}) if schema is None else schema)
        mcs._validate_schema(fields)
        namespace = dict(namespace)
        if not any(issubclass(base, _GenericObject) for base in bases):
            bases = (_GenericObject, *bases)
        # A field that has the name of a property: in the class's own dictionary, a plain value gives way to the object's.
        for field, hint in fields.items():
            if hasattr(_GenericObject, field) and field not in namespace:
                namespace[field] = _default(hint)
        namespace.setdefault("__init__", _initializer(fields))
        namespace["_type_name"] = type_name or name
        namespace["_type_id"] = _core.entity_id(type_name or name)
        namespace["_schema"] = fields
        namespace["_fields"] = (*fields, *(() if "version" in fields else ("version",)))
        made = super().__new__(mcs, name, bases, namespace)
        plan = [(field, hint, _default(hint)) for field, hint in fields.items()]
        type.__setattr__(made, "_plan", _core.ObjectPlan(namespace["_type_name"], plan, "version" not in fields))
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace)

    @staticmethod
    def _validate_schema(schema: Schema) -> None:
        for name, hint in schema.items():
            if hint not in ALLOWED_FIELD_TYPES:
                raise ParseError(f"field {name!r} can not be of type {getattr(hint, '__name__', hint)}")


_IDENTIFIER = re.compile(r"[^0-9a-zA-Z_.+$]")
_START = re.compile(r"^[^a-zA-Z_]+")


def _class_name(type_name: str) -> str:
    """Name of a class for a type, without the characters that Java, Scala and C# have in names and Python has not."""
    parts = re.split(r"[$+.]", _IDENTIFIER.sub("", type_name))
    return capitalize(_START.sub("", "".join(map(capitalize, parts)))) or "Object"


#: Classes that were made for types of a cluster. One for each schema in a process, so that objects of several clients and objects
#: that come out of a pickle compare equal.
_MADE: WeakValueDictionary[tuple[str, str | None, tuple[tuple[str, type[IgniteDataType]], ...]], GenericObjectMeta] = (
    WeakValueDictionary()
)
_MAKING = Lock()


def _generic_class(type_name: str, schema: Iterable[tuple[str, type[IgniteDataType]]]) -> GenericObjectMeta:
    """The class for a schema of a type: made at the first call."""
    schema = tuple(schema)
    name = _class_name(type_name)
    key = (name, type_name, schema)
    found = _MADE.get(key)
    if found is None:
        # Made before the lock is taken: a class runs code of its hint classes.
        made: GenericObjectMeta = GenericObjectMeta(name, (), {"__module__": __name__}, type_name=type_name, schema=dict(schema))
        with _MAKING:
            found = _MADE.setdefault(key, made)
    return found


def _described_schema(fields: Iterable[tuple[str, int]]) -> OrderedDict[str, type[IgniteDataType]]:
    """A schema as a cluster describes it: names and type codes."""
    # A code that is none of ours is the id of a type: its objects are complex objects.
    return OrderedDict((name, _HINTS.get(code, BinaryObject)) for name, code in fields)


def _described_class(type_name: str, fields: Iterable[tuple[str, int]]) -> GenericObjectMeta:
    """The class for a schema as a cluster describes it."""
    return _generic_class(type_name, _described_schema(fields).items())


def _blank(type_name: str, schema: Iterable[tuple[str, type[IgniteDataType]]]) -> Any:
    """An object without values, for pickle and copy."""
    made: Any = _generic_class(type_name, schema)
    return object.__new__(made)
