"""The cluster, of the asynchronous client."""

from __future__ import annotations

from ._core import BaseCluster

__all__ = ["AioCluster"]


class AioCluster(BaseCluster):
    """The cluster as a whole; made by `AioClient.get_cluster`. Every method returns a call, which starts when it is awaited."""
