"""Cache properties as classes: code and type of each. Settings are dicts by code; nobody needs these to make a cache."""

from __future__ import annotations

from typing import Any, ClassVar

from . import prop_codes
from .cache_config import (
    CacheAtomicityMode,
    CacheKeyConfiguration,
    CacheMode,
    PartitionLossPolicy,
    QueryEntities,
    RebalanceMode,
    WriteSynchronizationMode,
)
from .expiry_policy import ExpiryPolicy
from .primitive import Bool, Int, Long
from .standard import String

__all__ = [
    "PropName",
    "PropCacheMode",
    "PropCacheAtomicityMode",
    "PropBackupsNumber",
    "PropWriteSynchronizationMode",
    "PropCopyOnRead",
    "PropReadFromBackup",
    "PropDataRegionName",
    "PropIsOnheapCacheEnabled",
    "PropQueryEntities",
    "PropQueryParallelism",
    "PropQueryDetailMetricSize",
    "PropSQLSchema",
    "PropSQLIndexInlineMaxSize",
    "PropSqlEscapeAll",
    "PropMaxQueryIterators",
    "PropRebalanceMode",
    "PropRebalanceDelay",
    "PropRebalanceTimeout",
    "PropRebalanceBatchSize",
    "PropRebalanceBatchesPrefetchCount",
    "PropRebalanceOrder",
    "PropRebalanceThrottle",
    "PropGroupName",
    "PropCacheKeyConfiguration",
    "PropDefaultLockTimeout",
    "PropMaxConcurrentAsyncOperation",
    "PropPartitionLossPolicy",
    "PropEagerTTL",
    "PropStatisticsEnabled",
    "PropExpiryPolicy",
    "prop_map",
    "AnyProperty",
]


class PropBase:
    """A property of a cache."""

    #: Its key in a settings dict.
    prop_code: ClassVar[int | None] = None
    #: What its value is.
    prop_data_class: ClassVar[Any] = None


class TimeoutProp(PropBase):
    """Milliseconds, not negative."""

    prop_data_class = Long


class PropName(PropBase):
    prop_code = prop_codes.PROP_NAME
    prop_data_class = String


class PropCacheMode(PropBase):
    prop_code = prop_codes.PROP_CACHE_MODE
    prop_data_class = CacheMode


class PropCacheAtomicityMode(PropBase):
    prop_code = prop_codes.PROP_CACHE_ATOMICITY_MODE
    prop_data_class = CacheAtomicityMode


class PropBackupsNumber(PropBase):
    prop_code = prop_codes.PROP_BACKUPS_NUMBER
    prop_data_class = Int


class PropWriteSynchronizationMode(PropBase):
    prop_code = prop_codes.PROP_WRITE_SYNCHRONIZATION_MODE
    prop_data_class = WriteSynchronizationMode


class PropCopyOnRead(PropBase):
    prop_code = prop_codes.PROP_COPY_ON_READ
    prop_data_class = Bool


class PropReadFromBackup(PropBase):
    prop_code = prop_codes.PROP_READ_FROM_BACKUP
    prop_data_class = Bool


class PropDataRegionName(PropBase):
    prop_code = prop_codes.PROP_DATA_REGION_NAME
    prop_data_class = String


class PropIsOnheapCacheEnabled(PropBase):
    prop_code = prop_codes.PROP_IS_ONHEAP_CACHE_ENABLED
    prop_data_class = Bool


class PropQueryEntities(PropBase):
    prop_code = prop_codes.PROP_QUERY_ENTITIES
    prop_data_class = QueryEntities


class PropQueryParallelism(PropBase):
    prop_code = prop_codes.PROP_QUERY_PARALLELISM
    prop_data_class = Int


class PropQueryDetailMetricSize(PropBase):
    prop_code = prop_codes.PROP_QUERY_DETAIL_METRIC_SIZE
    prop_data_class = Int


class PropSQLSchema(PropBase):
    prop_code = prop_codes.PROP_SQL_SCHEMA
    prop_data_class = String


class PropSQLIndexInlineMaxSize(PropBase):
    prop_code = prop_codes.PROP_SQL_INDEX_INLINE_MAX_SIZE
    prop_data_class = Int


class PropSqlEscapeAll(PropBase):
    prop_code = prop_codes.PROP_SQL_ESCAPE_ALL
    prop_data_class = Bool


class PropMaxQueryIterators(PropBase):
    prop_code = prop_codes.PROP_MAX_QUERY_ITERATORS
    prop_data_class = Int


class PropRebalanceMode(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_MODE
    prop_data_class = RebalanceMode


class PropRebalanceDelay(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_DELAY
    prop_data_class = Long


class PropRebalanceTimeout(TimeoutProp):
    prop_code = prop_codes.PROP_REBALANCE_TIMEOUT


class PropRebalanceBatchSize(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_BATCH_SIZE
    prop_data_class = Int


class PropRebalanceBatchesPrefetchCount(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_BATCHES_PREFETCH_COUNT
    prop_data_class = Long


class PropRebalanceOrder(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_ORDER
    prop_data_class = Int


class PropRebalanceThrottle(PropBase):
    prop_code = prop_codes.PROP_REBALANCE_THROTTLE
    prop_data_class = Long


class PropGroupName(PropBase):
    prop_code = prop_codes.PROP_GROUP_NAME
    prop_data_class = String


class PropCacheKeyConfiguration(PropBase):
    prop_code = prop_codes.PROP_CACHE_KEY_CONFIGURATION
    prop_data_class = CacheKeyConfiguration


class PropDefaultLockTimeout(TimeoutProp):
    prop_code = prop_codes.PROP_DEFAULT_LOCK_TIMEOUT


class PropMaxConcurrentAsyncOperation(PropBase):
    prop_code = prop_codes.PROP_MAX_CONCURRENT_ASYNC_OPERATIONS
    prop_data_class = Int


class PropPartitionLossPolicy(PropBase):
    prop_code = prop_codes.PROP_PARTITION_LOSS_POLICY
    prop_data_class = PartitionLossPolicy


class PropEagerTTL(PropBase):
    prop_code = prop_codes.PROP_EAGER_TTL
    prop_data_class = Bool


class PropStatisticsEnabled(PropBase):
    prop_code = prop_codes.PROP_STATISTICS_ENABLED
    prop_data_class = Bool


class PropExpiryPolicy(PropBase):
    prop_code = prop_codes.PROP_EXPIRY_POLICY
    prop_data_class = ExpiryPolicy


class AnyProperty(PropBase):
    """Some property."""


_BY_CODE: dict[int, type[PropBase]] = {
    each.prop_code: each for each in (*PropBase.__subclasses__(), *TimeoutProp.__subclasses__()) if each.prop_code is not None
}


def prop_map(code: int) -> type[PropBase]:
    """The property with this code. Raises KeyError for a number that is none."""
    return _BY_CODE[code]
