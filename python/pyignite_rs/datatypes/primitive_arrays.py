"""Arrays of primitive values."""

from typing import ClassVar

from .base import IgniteDataType
from .null_object import Nullable
from .type_codes import (
    TC_BOOL_ARRAY,
    TC_BYTE_ARRAY,
    TC_CHAR_ARRAY,
    TC_DOUBLE_ARRAY,
    TC_FLOAT_ARRAY,
    TC_INT_ARRAY,
    TC_LONG_ARRAY,
    TC_SHORT_ARRAY,
)
from .type_ids import (
    TYPE_BOOLEAN_ARR,
    TYPE_BYTE_ARR,
    TYPE_CHAR_ARR,
    TYPE_DOUBLE_ARR,
    TYPE_FLOAT_ARR,
    TYPE_INT_ARR,
    TYPE_LONG_ARR,
    TYPE_SHORT_ARR,
)
from .type_names import (
    NAME_BOOLEAN_ARR,
    NAME_BYTE_ARR,
    NAME_CHAR_ARR,
    NAME_DOUBLE_ARR,
    NAME_FLOAT_ARR,
    NAME_INT_ARR,
    NAME_LONG_ARR,
    NAME_SHORT_ARR,
)

__all__ = [
    "ByteArray",
    "ByteArrayObject",
    "ShortArray",
    "ShortArrayObject",
    "IntArray",
    "IntArrayObject",
    "LongArray",
    "LongArrayObject",
    "FloatArray",
    "FloatArrayObject",
    "DoubleArray",
    "DoubleArrayObject",
    "CharArray",
    "CharArrayObject",
    "BoolArray",
    "BoolArrayObject",
]


class PrimitiveArray(IgniteDataType):
    """Base of the arrays as parts of other things."""


class PrimitiveArrayObject(Nullable):
    """Base of the arrays as values. An iterable, or a buffer of fitting elements; comes back as a list."""

    pythonic = list
    default: ClassVar[list[object]] = []


class ByteArray(PrimitiveArray):
    """Array of bytes as a part of something."""

    _type_name = NAME_BYTE_ARR
    _type_id = TYPE_BYTE_ARR
    type_code = TC_BYTE_ARRAY


class ByteArrayObject(PrimitiveArrayObject):
    """Bytes: `bytes`, `bytearray`, a buffer, or numbers from -128 to 255; comes back as `bytes`."""

    _type_name = NAME_BYTE_ARR
    _type_id = TYPE_BYTE_ARR
    type_code = TC_BYTE_ARRAY


class ShortArray(PrimitiveArray):
    """Array of shorts as a part of something."""

    _type_name = NAME_SHORT_ARR
    _type_id = TYPE_SHORT_ARR
    type_code = TC_SHORT_ARRAY


class ShortArrayObject(PrimitiveArrayObject):
    """Array of shorts."""

    _type_name = NAME_SHORT_ARR
    _type_id = TYPE_SHORT_ARR
    type_code = TC_SHORT_ARRAY


class IntArray(PrimitiveArray):
    """Array of ints as a part of something."""

    _type_name = NAME_INT_ARR
    _type_id = TYPE_INT_ARR
    type_code = TC_INT_ARRAY


class IntArrayObject(PrimitiveArrayObject):
    """Array of ints."""

    _type_name = NAME_INT_ARR
    _type_id = TYPE_INT_ARR
    type_code = TC_INT_ARRAY


class LongArray(PrimitiveArray):
    """Array of longs as a part of something."""

    _type_name = NAME_LONG_ARR
    _type_id = TYPE_LONG_ARR
    type_code = TC_LONG_ARRAY


class LongArrayObject(PrimitiveArrayObject):
    """Array of longs."""

    _type_name = NAME_LONG_ARR
    _type_id = TYPE_LONG_ARR
    type_code = TC_LONG_ARRAY


class FloatArray(PrimitiveArray):
    """Array of floats as a part of something."""

    _type_name = NAME_FLOAT_ARR
    _type_id = TYPE_FLOAT_ARR
    type_code = TC_FLOAT_ARRAY


class FloatArrayObject(PrimitiveArrayObject):
    """Array of floats."""

    _type_name = NAME_FLOAT_ARR
    _type_id = TYPE_FLOAT_ARR
    type_code = TC_FLOAT_ARRAY


class DoubleArray(PrimitiveArray):
    """Array of doubles as a part of something."""

    _type_name = NAME_DOUBLE_ARR
    _type_id = TYPE_DOUBLE_ARR
    type_code = TC_DOUBLE_ARRAY


class DoubleArrayObject(PrimitiveArrayObject):
    """Array of doubles."""

    _type_name = NAME_DOUBLE_ARR
    _type_id = TYPE_DOUBLE_ARR
    type_code = TC_DOUBLE_ARRAY


class CharArray(PrimitiveArray):
    """Array of chars as a part of something."""

    _type_name = NAME_CHAR_ARR
    _type_id = TYPE_CHAR_ARR
    type_code = TC_CHAR_ARRAY


class CharArrayObject(PrimitiveArrayObject):
    """Array of chars."""

    _type_name = NAME_CHAR_ARR
    _type_id = TYPE_CHAR_ARR
    type_code = TC_CHAR_ARRAY


class BoolArray(PrimitiveArray):
    """Array of bools as a part of something."""

    _type_name = NAME_BOOLEAN_ARR
    _type_id = TYPE_BOOLEAN_ARR
    type_code = TC_BOOL_ARRAY


class BoolArrayObject(PrimitiveArrayObject):
    """Array of bools."""

    _type_name = NAME_BOOLEAN_ARR
    _type_id = TYPE_BOOLEAN_ARR
    type_code = TC_BOOL_ARRAY
