"""The cluster, of the synchronous client."""

from __future__ import annotations

from ._core import BaseCluster

__all__ = ["Cluster"]


class Cluster(BaseCluster):
    """The cluster as a whole; made by `Client.get_cluster`. Every method returns its result."""
