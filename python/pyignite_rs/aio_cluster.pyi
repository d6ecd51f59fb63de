"""The cluster, of the asynchronous client."""

from collections.abc import Coroutine
from typing import Any

from ._core import BaseCluster
from .datatypes.cluster_state import ClusterState

__all__ = ["AioCluster"]

class AioCluster(BaseCluster):
    """The cluster as a whole; made by `AioClient.get_cluster`. Every method returns a call, which starts when it is awaited."""

    def get_state(self, timeout: float | None = 0.0) -> Coroutine[Any, Any, ClusterState]:
        """Read the state of the cluster.

        Args:
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            ClusterState: INACTIVE, ACTIVE or ACTIVE_READ_ONLY (awaitable on AioCluster)

        Raises:
            ClusterError: The server refuses.
            NotSupportedByClusterError: The server is older than Ignite 2.9.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CLUSTER_GET_STATE, 5000, since 1.7 with feature 2.
        """

    def set_state(self, state: ClusterState | int, timeout: float | None = 0.0) -> Coroutine[Any, Any, None]:
        """Change the state of the cluster. Deactivation drops caches that are not persistent, with their entries.

        Args:
            state: `ClusterState` or its number: what the cluster is to be.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCluster)

        Raises:
            ClusterError: The server refuses.
            NotSupportedByClusterError: The server is older than Ignite 2.9.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            ValueError: A number that is no state.

        Wire: OP_CLUSTER_CHANGE_STATE, 5001, since 1.7 with feature 2.
        """
