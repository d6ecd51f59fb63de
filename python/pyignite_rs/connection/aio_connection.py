"""A node as programs with an asynchronous client look at it."""

from .connection import BaseConnection

__all__ = ["AioConnection"]


class AioConnection(BaseConnection):
    """A node as an `AioClient` knows it."""
