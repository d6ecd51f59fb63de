"""Caches of the asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._core import BaseCache

if TYPE_CHECKING:
    from .aio_client import AioClient
    from .cursors import AioScanCursor  # noqa: F401 - for the stub

__all__ = ["AioCache", "create_cache", "get_cache", "get_or_create_cache"]


class AioCache(BaseCache):
    """A cache. Every method returns a coroutine-like call, which starts when it is awaited."""


async def create_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Create a cache; see `AioClient.create_cache`."""
    cache: AioCache = await client.create_cache(settings)
    return cache


async def get_or_create_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Create a cache unless it exists; see `AioClient.get_or_create_cache`."""
    cache: AioCache = await client.get_or_create_cache(settings)
    return cache


async def get_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Get a cache object without asking the server; see `AioClient.get_cache`."""
    cache: AioCache = await client.get_cache(settings)
    return cache
