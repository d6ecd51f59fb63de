"""Values of cache properties."""

from .primitive import Byte, Int

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
