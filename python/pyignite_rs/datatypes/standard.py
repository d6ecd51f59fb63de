"""Standard values and arrays of them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from .base import IgniteDataType
from .null_object import Nullable
from .type_codes import (
    TC_BINARY_ENUM,
    TC_DATE,
    TC_DATE_ARRAY,
    TC_DECIMAL,
    TC_DECIMAL_ARRAY,
    TC_ENUM,
    TC_ENUM_ARRAY,
    TC_STRING,
    TC_STRING_ARRAY,
    TC_TIME,
    TC_TIME_ARRAY,
    TC_TIMESTAMP,
    TC_TIMESTAMP_ARRAY,
    TC_UUID,
    TC_UUID_ARRAY,
)
from .type_ids import (
    TYPE_BINARY_ENUM,
    TYPE_DATE,
    TYPE_DATE_ARR,
    TYPE_DECIMAL,
    TYPE_DECIMAL_ARR,
    TYPE_ENUM,
    TYPE_ENUM_ARR,
    TYPE_STRING,
    TYPE_STRING_ARR,
    TYPE_TIME,
    TYPE_TIME_ARR,
    TYPE_TIMESTAMP,
    TYPE_TIMESTAMP_ARR,
    TYPE_UUID,
    TYPE_UUID_ARR,
)
from .type_names import (
    NAME_DATE,
    NAME_DATE_ARR,
    NAME_DECIMAL,
    NAME_DECIMAL_ARR,
    NAME_STRING,
    NAME_STRING_ARR,
    NAME_TIME,
    NAME_TIME_ARR,
    NAME_TIMESTAMP,
    NAME_TIMESTAMP_ARR,
    NAME_UUID,
    NAME_UUID_ARR,
)

__all__ = [
    "String",
    "DecimalObject",
    "UUIDObject",
    "TimestampObject",
    "DateObject",
    "TimeObject",
    "StringArray",
    "DecimalArray",
    "UUIDArray",
    "TimestampArray",
    "DateArray",
    "TimeArray",
    "StringArrayObject",
    "DecimalArrayObject",
    "UUIDArrayObject",
    "TimestampArrayObject",
    "TimeArrayObject",
    "DateArrayObject",
    "EnumObject",
    "EnumArray",
    "EnumArrayObject",
    "BinaryEnumObject",
    "BinaryEnumArrayObject",
    "ObjectArray",
]


class StandardObject(Nullable):
    """Base of some standard values."""


class String(Nullable):
    """Text."""

    _type_name = NAME_STRING
    _type_id = TYPE_STRING
    type_code = TC_STRING
    pythonic = str


class DecimalObject(Nullable):
    """Number of any length with its scale: 1.5 and 1.50 are different keys."""

    _type_name = NAME_DECIMAL
    _type_id = TYPE_DECIMAL
    type_code = TC_DECIMAL
    pythonic = Decimal
    default = Decimal("0.00")


class UUIDObject(StandardObject):
    """`uuid.UUID`."""

    _type_name = NAME_UUID
    _type_id = TYPE_UUID
    type_code = TC_UUID
    #: Where each byte of the text form stands on the wire.
    UUID_BYTE_ORDER = (7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8)


class TimestampObject(StandardObject):
    """Pair `(datetime, nanoseconds)`: the datetime to the millisecond, and the nanoseconds within that (0 to 999,999).

    A datetime alone is accepted too; its microseconds are kept.
    """

    _type_name = NAME_TIMESTAMP
    _type_id = TYPE_TIMESTAMP
    type_code = TC_TIMESTAMP
    pythonic = tuple
    default = (datetime(1970, 1, 1), 0)


class DateObject(StandardObject):
    """Moment to the millisecond: a datetime or a date; comes back as a naive datetime in local time."""

    _type_name = NAME_DATE
    _type_id = TYPE_DATE
    type_code = TC_DATE
    pythonic = datetime
    default = datetime(1970, 1, 1)


class TimeObject(StandardObject):
    """Time of day to the millisecond: a timedelta or a time; comes back as a timedelta."""

    _type_name = NAME_TIME
    _type_id = TYPE_TIME
    type_code = TC_TIME
    pythonic = timedelta
    default = timedelta()


class EnumObject(StandardObject):
    """Constant of an enum, as a pair `(type id, ordinal)`."""

    _type_name = "Enum"
    _type_id = TYPE_ENUM
    type_code = TC_ENUM


class BinaryEnumObject(EnumObject):
    """Constant of an enum in the form in which servers send it."""

    _type_id = TYPE_BINARY_ENUM
    type_code = TC_BINARY_ENUM


class StandardArray(IgniteDataType):
    """Base of the arrays as parts of other things."""


class StringArray(StandardArray):
    """Array of strings as a part of something."""

    _type_name = NAME_STRING_ARR
    _type_id = TYPE_STRING_ARR


class DecimalArray(StandardArray):
    """Array of decimals as a part of something."""

    _type_name = NAME_DECIMAL_ARR
    _type_id = TYPE_DECIMAL_ARR


class UUIDArray(StandardArray):
    """Array of UUIDs as a part of something."""

    _type_name = NAME_UUID_ARR
    _type_id = TYPE_UUID_ARR


class TimestampArray(StandardArray):
    """Array of timestamps as a part of something."""

    _type_name = NAME_TIMESTAMP_ARR
    _type_id = TYPE_TIMESTAMP_ARR


class DateArray(StandardArray):
    """Array of dates as a part of something."""

    _type_name = NAME_DATE_ARR
    _type_id = TYPE_DATE_ARR


class TimeArray(StandardArray):
    """Array of times as a part of something."""

    _type_name = NAME_TIME_ARR
    _type_id = TYPE_TIME_ARR


class EnumArray(StandardArray):
    """Array of enums as a part of something."""

    _type_name = "Enum[]"
    _type_id = TYPE_ENUM_ARR


class StandardArrayObject(Nullable):
    """Base of the arrays as values: an iterable whose items can be None; comes back as a list."""

    pythonic = list
    default: ClassVar[list[object]] = []


class StringArrayObject(StandardArrayObject):
    """Array of strings."""

    _type_name = NAME_STRING_ARR
    _type_id = TYPE_STRING_ARR
    type_code = TC_STRING_ARRAY


class DecimalArrayObject(StandardArrayObject):
    """Array of decimals."""

    _type_name = NAME_DECIMAL_ARR
    _type_id = TYPE_DECIMAL_ARR
    type_code = TC_DECIMAL_ARRAY


class UUIDArrayObject(StandardArrayObject):
    """Array of UUIDs."""

    _type_name = NAME_UUID_ARR
    _type_id = TYPE_UUID_ARR
    type_code = TC_UUID_ARRAY


class TimestampArrayObject(StandardArrayObject):
    """Array of timestamps."""

    _type_name = NAME_TIMESTAMP_ARR
    _type_id = TYPE_TIMESTAMP_ARR
    type_code = TC_TIMESTAMP_ARRAY


class DateArrayObject(StandardArrayObject):
    """Array of dates."""

    _type_name = NAME_DATE_ARR
    _type_id = TYPE_DATE_ARR
    type_code = TC_DATE_ARRAY


class TimeArrayObject(StandardArrayObject):
    """Array of times."""

    _type_name = NAME_TIME_ARR
    _type_id = TYPE_TIME_ARR
    type_code = TC_TIME_ARRAY


class EnumArrayObject(StandardArrayObject):
    """Array of enums as a pair `(type id, [(type id, ordinal), ...])`."""

    _type_name = "Enum[]"
    _type_id = TYPE_ENUM_ARR
    type_code = TC_ENUM_ARRAY
    #: Type id of an array that may hold anything.
    OBJECT = -1


class BinaryEnumArrayObject(EnumArrayObject):
    """Array of enums."""


class ObjectArray(EnumArrayObject):
    """Array of enums, under the name that pyignite has for it."""
