"""Caches of the synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._core import BaseCache

if TYPE_CHECKING:
    from .client import Client
    from .cursors import ScanCursor  # noqa: F401 - for the stub

__all__ = ["BaseCache", "Cache", "create_cache", "get_cache", "get_or_create_cache"]


class Cache(BaseCache):
    """A cache. Every method returns its result; any number of threads may call at once."""


def create_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Create a cache; see `Client.create_cache`."""
    cache: Cache = client.create_cache(settings)
    return cache


def get_or_create_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Create a cache unless it exists; see `Client.get_or_create_cache`."""
    cache: Cache = client.get_or_create_cache(settings)
    return cache


def get_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Get a cache object without asking the server; see `Client.get_cache`."""
    cache: Cache = client.get_cache(settings)
    return cache
