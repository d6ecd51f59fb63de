"""Caches of the asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cache import BaseCache

if TYPE_CHECKING:
    from .aio_client import AioClient
    from .cursors import AioScanCursor  # noqa: F401 - for the stub

__all__ = ["AioCache", "create_cache", "get_cache", "get_or_create_cache"]


class AioCache(BaseCache):
    """A cache. Every method returns a coroutine-like call, which starts when it is awaited."""

    async def settings(self, timeout: float | None = 0) -> dict[int, Any]:
        """Get the cache's settings, by the codes of `datatypes.prop_codes`. Read from the server once, then remembered.

        Args:
            timeout: Seconds that reading them may take; 0 is the client's own limit.

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
        """
        if self._known_settings is None:
            self._known_settings = await self._settings(timeout)
        return self._known_settings


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
