"""Containers of any values, and complex objects."""

from .base import IgniteDataType
from .null_object import Nullable
from .type_codes import TC_ARRAY_WRAPPED_OBJECTS, TC_COLLECTION, TC_COMPLEX_OBJECT, TC_MAP, TC_OBJECT_ARRAY
from .type_ids import TYPE_BINARY_OBJ, TYPE_COL, TYPE_MAP, TYPE_OBJ_ARR
from .type_names import NAME_COL, NAME_MAP, NAME_OBJ_ARR

__all__ = ["Map", "ObjectArrayObject", "CollectionObject", "MapObject", "WrappedDataObject", "BinaryObject"]


class ObjectArrayObject(Nullable):
    """Array of any values as a pair `(type id of the component class, [...])`."""

    _type_name = NAME_OBJ_ARR
    _type_id = TYPE_OBJ_ARR
    type_code = TC_OBJECT_ARRAY
    #: `java.lang.Object`.
    OBJECT = -1


class WrappedDataObject(Nullable):
    """Complex object inside a byte array, as servers send it: a pair `(bytes, offset)`. It can not be sent."""

    type_code = TC_ARRAY_WRAPPED_OBJECTS


class CollectionObject(Nullable):
    """Collection of any values as a pair `(kind, [...])`."""

    _type_name = NAME_COL
    _type_id = TYPE_COL
    type_code = TC_COLLECTION
    #: Some set.
    USER_SET = -1
    #: Some other collection.
    USER_COL = 0
    #: `java.util.ArrayList`
    ARR_LIST = 1
    #: `java.util.LinkedList`
    LINKED_LIST = 2
    #: `java.util.HashSet`
    HASH_SET = 3
    #: `java.util.LinkedHashSet`
    LINKED_HASH_SET = 4
    #: `java.util.Collections.singletonList`
    SINGLETON_LIST = 5


class _MapBase:
    #: `java.util.HashMap`
    HASH_MAP = 1
    #: `java.util.LinkedHashMap`
    LINKED_HASH_MAP = 2


class Map(IgniteDataType, _MapBase):
    """Map as a part of something."""

    _type_name = NAME_MAP
    _type_id = TYPE_MAP


class MapObject(Nullable, _MapBase):
    """Map of any values as a pair `(kind, dict)`; of kind LINKED_HASH_MAP the dict is an OrderedDict."""

    _type_name = NAME_MAP
    _type_id = TYPE_MAP
    type_code = TC_MAP


class BinaryObject(Nullable):
    """Complex object. This version does not write or read them yet."""

    _type_id = TYPE_BINARY_OBJ
    type_code = TC_COMPLEX_OBJECT
    USER_TYPE = 0x0001
    HAS_SCHEMA = 0x0002
    HAS_RAW_DATA = 0x0004
    OFFSET_ONE_BYTE = 0x0008
    OFFSET_TWO_BYTES = 0x0010
    COMPACT_FOOTER = 0x0020
