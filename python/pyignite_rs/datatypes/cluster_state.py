"""What a cluster does."""

from enum import IntEnum

__all__ = ["ClusterState"]


class ClusterState(IntEnum):
    """State of a cluster."""

    #: No operation on caches.
    INACTIVE = 0
    #: Every operation.
    ACTIVE = 1
    #: Operations that change nothing.
    ACTIVE_READ_ONLY = 2
