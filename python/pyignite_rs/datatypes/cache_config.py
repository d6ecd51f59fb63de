"""Values of cache properties."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .internal import AnyDataObject
from .primitive import Bool, Byte, Int
from .standard import String

__all__ = ["CacheMode", "PartitionLossPolicy", "RebalanceMode", "WriteSynchronizationMode", "IndexType", "CacheAtomicityMode"]


class CacheMode(Int):
    """Where entries live. Servers since 2.11 have no LOCAL caches."""

    LOCAL = 0
    REPLICATED = 1
    PARTITIONED = 2


class PartitionLossPolicy(Int):
    """What a cache still does when all copies of a partition are gone."""

    READ_ONLY_SAFE = 0
    READ_ONLY_ALL = 1
    READ_WRITE_SAFE = 2
    READ_WRITE_ALL = 3
    IGNORE = 4


class RebalanceMode(Int):
    """How entries move when nodes come and go."""

    SYNC = 0
    ASYNC = 1
    NONE = 2


class WriteSynchronizationMode(Int):
    """Which copies a write waits for."""

    FULL_SYNC = 0
    FULL_ASYNC = 1
    PRIMARY_SYNC = 2


class IndexType(Byte):
    """Kind of an index of a query entity."""

    SORTED = 0
    FULLTEXT = 1
    GEOSPATIAL = 2


class CacheAtomicityMode(Int):
    """Whether entries can be changed in transactions."""

    TRANSACTIONAL = 0
    ATOMIC = 1


@dataclass(frozen=True)
class _Records:
    """A list of dicts within the settings of a cache: keys with their types, and what stands for keys that are left out."""

    following: list[tuple[str, Any]]
    defaults: dict[str, Any] = field(default_factory=dict)


QueryFields = _Records(
    [
        ("name", String),
        ("type_name", String),
        ("is_key_field", Bool),
        ("is_notnull_constraint_field", Bool),
        ("default_value", AnyDataObject),
        ("precision", Int),
        ("scale", Int),
    ],
    {"is_key_field": False, "is_notnull_constraint_field": False, "default_value": None, "precision": -1, "scale": -1},
)

FieldNameAliases = _Records([("field_name", String), ("alias", String)])

Fields = _Records([("name", String), ("is_descending", Bool)], {"is_descending": False})

QueryIndexes = _Records([("index_name", String), ("index_type", IndexType), ("inline_size", Int), ("fields", Fields)])

QueryEntities = _Records(
    [
        ("key_type_name", String),
        ("value_type_name", String),
        ("table_name", String),
        ("key_field_name", String),
        ("value_field_name", String),
        ("query_fields", QueryFields),
        ("field_name_aliases", FieldNameAliases),
        ("query_indexes", QueryIndexes),
    ]
)

CacheKeyConfiguration = _Records([("type_name", String), ("affinity_key_field_name", String)])
