"""Primitive values."""

from .null_object import Nullable
from .type_codes import TC_BOOL, TC_BYTE, TC_CHAR, TC_DOUBLE, TC_FLOAT, TC_INT, TC_LONG, TC_SHORT
from .type_ids import TYPE_BOOLEAN, TYPE_BYTE, TYPE_CHAR, TYPE_DOUBLE, TYPE_FLOAT, TYPE_INT, TYPE_LONG, TYPE_SHORT
from .type_names import NAME_BOOLEAN, NAME_BYTE, NAME_CHAR, NAME_DOUBLE, NAME_FLOAT, NAME_INT, NAME_LONG, NAME_SHORT

__all__ = [
    "DataObject",
    "ByteObject",
    "ShortObject",
    "IntObject",
    "LongObject",
    "FloatObject",
    "DoubleObject",
    "CharObject",
    "BoolObject",
]


class DataObject(Nullable):
    """Base of the primitive values."""


class ByteObject(DataObject):
    """8 bits, -128 to 127."""

    _type_name = NAME_BYTE
    _type_id = TYPE_BYTE
    type_code = TC_BYTE
    pythonic = int
    default = 0


class ShortObject(DataObject):
    """16 bits."""

    _type_name = NAME_SHORT
    _type_id = TYPE_SHORT
    type_code = TC_SHORT
    pythonic = int
    default = 0


class IntObject(DataObject):
    """32 bits."""

    _type_name = NAME_INT
    _type_id = TYPE_INT
    type_code = TC_INT
    pythonic = int
    default = 0


class LongObject(DataObject):
    """64 bits: what an int without a hint becomes."""

    _type_name = NAME_LONG
    _type_id = TYPE_LONG
    type_code = TC_LONG
    pythonic = int
    default = 0


class FloatObject(DataObject):
    """32 bits, IEEE 754."""

    _type_name = NAME_FLOAT
    _type_id = TYPE_FLOAT
    type_code = TC_FLOAT
    pythonic = float
    default = 0.0


class DoubleObject(DataObject):
    """64 bits, IEEE 754: what a float without a hint becomes."""

    _type_name = NAME_DOUBLE
    _type_id = TYPE_DOUBLE
    type_code = TC_DOUBLE
    pythonic = float
    default = 0.0


class CharObject(DataObject):
    """One UTF-16 code unit."""

    _type_name = NAME_CHAR
    _type_id = TYPE_CHAR
    type_code = TC_CHAR
    pythonic = str
    default = " "


class BoolObject(DataObject):
    """True or false."""

    _type_name = NAME_BOOLEAN
    _type_id = TYPE_BOOLEAN
    type_code = TC_BOOL
    pythonic = bool
    default = False
