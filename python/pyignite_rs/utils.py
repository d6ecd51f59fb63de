"""Small helpers under the names that programs import. Hash codes come from the Rust half."""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from . import _core

__all__ = [
    "is_pow2",
    "is_iterable",
    "is_binary",
    "is_hinted",
    "int_overflow",
    "hashcode",
    "cache_id",
    "entity_id",
    "schema_id",
    "decimal_hashcode",
    "datetime_hashcode",
    "get_field_by_id",
    "unsigned",
    "capitalize",
    "process_delimiter",
]


def is_pow2(value: int) -> bool:
    """Whether a number is a power of two."""
    return value > 0 and value & (value - 1) == 0


def is_iterable(value: object) -> bool:
    """Whether a value can be iterated over."""
    try:
        iter(value)  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


def is_binary(value: object) -> bool:
    """Whether a value is a complex object, or a class of them."""
    return all(hasattr(value, name) for name in ("type_name", "type_id", "schema", "schema_id"))


def is_hinted(value: Any) -> bool:
    """Whether a value is a pair `(value, hint)`."""
    from .datatypes.base import IgniteDataType

    is_pair = isinstance(value, tuple) and len(value) == 2
    return is_pair and inspect.isclass(value[1]) and issubclass(value[1], IgniteDataType)


def int_overflow(value: int) -> int:
    """A number cut to 32 bits with a sign, as Java does."""
    return ((value ^ 0x80000000) & 0xFFFFFFFF) - 0x80000000


def hashcode(data: str | bytes | bytearray | memoryview | None) -> int:
    """Java's hash code of a text (over its UTF-16 units) or of bytes (as of a `byte[]`); 0 for None."""
    if data is None:
        return 0
    if isinstance(data, str):
        return _core.java_hash_string(data)
    return _core.hash_of(_core.encode(bytes(data)))


def cache_id(cache: str | int) -> int:
    """Id of a cache from its name; an id stays as it is."""
    return cache if isinstance(cache, int) else hashcode(cache)


def entity_id(cache: str | int | None) -> int | None:
    """Id of a type or a field from its name; an id stays as it is, and so does None."""
    return cache if cache is None or isinstance(cache, int) else _core.entity_id(cache)


def schema_id(schema: int | Iterable[str] | None) -> int:
    """Id of a schema from the names of its fields (a dict will do); an id stays as it is, None is 0 as in pyignite."""
    if schema is None:
        return 0
    return schema if isinstance(schema, int) else _core.schema_id(schema)


def decimal_hashcode(value: Decimal) -> int:
    """Java's hash code of a number with its scale: 1.5 and 1.50 have different ones."""
    return _core.hash_of(_core.encode(value))


def datetime_hashcode(value: int) -> int:
    """Java's hash code of a moment in milliseconds since 1970: the upper half of its 64 bits over the lower one, without a sign."""
    return (value & 0xFFFFFFFF) ^ (value >> 32 & 0xFFFFFFFF)


def get_field_by_id(obj: Any, field_id: int) -> tuple[Any, Any] | None:
    """Value and type of the field with this id of a complex object; None when it has no such field."""
    for name, hint in obj.schema.items():
        if entity_id(name) == field_id:
            return getattr(obj, name, getattr(hint, "default", None)), hint
    return None


def unsigned(value: int, c_type: Any = ctypes.c_uint) -> int:
    """A number without its sign, as a type of `ctypes` stores it; 32 bits unless told otherwise."""
    number: int = c_type(value).value
    return number


def capitalize(string: str) -> str:
    """The text with its first letter made a capital; the others stay as they are."""
    return string[:1].upper() + string[1:]


def process_delimiter(name: str, delimiter: str) -> str:
    """The parts of a name between delimiters, each with a capital in front, as one word."""
    return "".join(capitalize(part) for part in name.split(delimiter))
