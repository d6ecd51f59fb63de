"""Primitive types without a type code: parts of other things, and no hints by themselves."""

from .base import IgniteDataType
from .type_ids import TYPE_BOOLEAN, TYPE_BYTE, TYPE_CHAR, TYPE_DOUBLE, TYPE_FLOAT, TYPE_INT, TYPE_LONG, TYPE_SHORT
from .type_names import NAME_BOOLEAN, NAME_BYTE, NAME_CHAR, NAME_DOUBLE, NAME_FLOAT, NAME_INT, NAME_LONG, NAME_SHORT

__all__ = ["Primitive", "Byte", "Short", "Int", "Long", "Float", "Double", "Char", "Bool"]


class Primitive(IgniteDataType):
    """Base of the primitive types."""


class Byte(Primitive):
    """8 bits, -128 to 127."""

    _type_name = NAME_BYTE
    _type_id = TYPE_BYTE


class Short(Primitive):
    """16 bits."""

    _type_name = NAME_SHORT
    _type_id = TYPE_SHORT


class Int(Primitive):
    """32 bits."""

    _type_name = NAME_INT
    _type_id = TYPE_INT


class Long(Primitive):
    """64 bits."""

    _type_name = NAME_LONG
    _type_id = TYPE_LONG


class Float(Primitive):
    """32 bits, IEEE 754."""

    _type_name = NAME_FLOAT
    _type_id = TYPE_FLOAT


class Double(Primitive):
    """64 bits, IEEE 754."""

    _type_name = NAME_DOUBLE
    _type_id = TYPE_DOUBLE


class Char(Primitive):
    """One UTF-16 code unit."""

    _type_name = NAME_CHAR
    _type_id = TYPE_CHAR


class Bool(Primitive):
    """True or false."""

    _type_name = NAME_BOOLEAN
    _type_id = TYPE_BOOLEAN
