"""What the requests of a cache object have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..connection.protocol_context import ProtocolContext
from ..datatypes.expiry_policy import ExpiryPolicy

__all__ = ["CacheInfo"]


@dataclass(kw_only=True)
class CacheInfo:
    """What stands in front of every request of a cache object. To be read; changing it changes no request.

    Args:
        cache_id: Id of the cache.
        expiry_policy: Policy that the requests carry; None is the cache's own.
        protocol_context: Version and features of the last opened connection.
    """

    #: Flags of a request that belongs to a transaction, and of one that carries an expiry policy.
    TRANSACTIONS_MASK: ClassVar[int] = 0x02
    EXPIRY_POLICY_MASK: ClassVar[int] = 0x04

    cache_id: int = 0
    expiry_policy: ExpiryPolicy | None = None
    protocol_context: ProtocolContext | None
