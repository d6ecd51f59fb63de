"""Caches of the asynchronous client."""

from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Generic

from typing_extensions import TypeVar

from .aio_client import AioClient
from .cache import BaseCache
from .cursors import AioScanCursor
from .datatypes.base import IgniteDataType

__all__ = ["AioCache", "create_cache", "get_cache", "get_or_create_cache"]
_K = TypeVar("_K", default=Any)
_V = TypeVar("_V", default=Any)

class AioCache(BaseCache, Generic[_K, _V]):
    """A cache. Every method returns a coroutine-like call, which starts when it is awaited."""

    async def settings(self, timeout: float | None = 0) -> dict[int, Any]:
        """Get the cache's settings, by the codes of `datatypes.prop_codes`. Read from the server once, then remembered.

        Args:
            timeout: Seconds that reading them may take; 0 is the client's own limit.

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
        """

    def get(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, _V | None]:
        """Read the value of a key.

        Args:
            key: Key of the entry, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            object: The value; None if there is none (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET, 1000, since 1.0.
        """

    def put(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, None]:
        """Store a value, in place of the one before.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_PUT, 1001, since 1.0.
        """

    def put_if_absent(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, bool]:
        """Store a value unless the key has one.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if it was stored (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_PUT_IF_ABSENT, 1002, since 1.0.
        """

    def get_all(
        self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, dict[_K, _V]]:
        """Read the values of several keys.

        Args:
            keys: Iterable of keys or of pairs `(key, hint)`.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            dict: Values by key; keys without a value are left out (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET_ALL, 1003, since 1.0.
        """

    def put_all(
        self,
        pairs: Mapping[_K, _V | tuple[_V, type[IgniteDataType]]] | Mapping[tuple[_K, Any], _V | tuple[_V, type[IgniteDataType]]],
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, None]:
        """Store several entries, in place of those before.

        Args:
            pairs: Mapping of keys to values; each key or value can be a pair `(item, hint)`.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_PUT_ALL, 1004, since 1.0.
        """

    def get_and_put(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, _V | None]:
        """Store a value and read the one before.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            object: The value before; None if there was none (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET_AND_PUT, 1005, since 1.0.
        """

    def get_and_replace(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, _V | None]:
        """Store a value in place of another, and read the one before. A key without a value stays without one.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            object: The value before; None if there was none and nothing was stored (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET_AND_REPLACE, 1006, since 1.0.
        """

    def get_and_remove(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, _V | None]:
        """Remove an entry and read its value.

        Args:
            key: Key of the entry, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            object: The value before; None if there was none (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET_AND_REMOVE, 1007, since 1.0.
        """

    def get_and_put_if_absent(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, _V | None]:
        """Store a value unless the key has one, and read the one that was there.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            object: The value that was there; None if the new one was stored (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_GET_AND_PUT_IF_ABSENT, 1008, since 1.0.
        """

    def replace(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, bool]:
        """Store a value in place of another. A key without a value stays without one.

        Args:
            key: Key of the entry, of any supported type.
            value: Value, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if a value was replaced (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_REPLACE, 1009, since 1.0.
        """

    def replace_if_equals(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        sample: _V | tuple[_V, type[IgniteDataType]],
        value: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        sample_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, bool]:
        """Store a value in place of another, if that one is what is expected.

        Args:
            key: Key of the entry, of any supported type.
            sample: Value to compare the stored one with.
            value: The new value.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            sample_hint: The same for the sample.
            value_hint: The same for the value.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if the value was replaced (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_REPLACE_IF_EQUALS, 1010, since 1.0.
        """

    def contains_key(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, bool]:
        """Tell whether a key has a value.

        Args:
            key: Key of the entry, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if it has one (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_CONTAINS_KEY, 1011, since 1.0.
        """

    def contains_keys(
        self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, bool]:
        """Tell whether all of several keys have values.

        Args:
            keys: Iterable of keys or of pairs `(key, hint)`.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if each has one, and for no keys at all (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_CONTAINS_KEYS, 1012, since 1.0.
        """

    def clear(
        self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, None]:
        """Clear the cache, or some keys, without telling listeners and cache stores.

        Args:
            keys: Iterable of keys or of pairs `(key, hint)`. Default, and for an empty one: all entries.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CACHE_CLEAR, 1013, or OP_CACHE_CLEAR_KEYS, 1015, since 1.0.
        """

    def clear_key(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, None]:
        """Clear one key without telling listeners and cache stores.

        Args:
            key: Key of the entry, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_CLEAR_KEY, 1014, since 1.0.
        """

    def clear_keys(
        self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, None]:
        """Clear several keys without telling listeners and cache stores.

        Args:
            keys: Iterable of keys or of pairs `(key, hint)`.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_CLEAR_KEYS, 1015, since 1.0.
        """

    def remove_key(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, bool]:
        """Remove an entry; listeners and cache stores are told.

        Args:
            key: Key of the entry, of any supported type.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if there was one (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_REMOVE_KEY, 1016, since 1.0.
        """

    def remove_if_equals(
        self,
        key: _K | tuple[_K, type[IgniteDataType]],
        sample: _V | tuple[_V, type[IgniteDataType]],
        key_hint: type[IgniteDataType] | None = None,
        sample_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Coroutine[Any, Any, bool]:
        """Remove an entry if its value is what is expected.

        Args:
            key: Key of the entry, of any supported type.
            sample: Value to compare the stored one with.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type. Default: int is a long, float a double, str
                a string, and so on.
            sample_hint: The same for the sample.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            bool: True if it was removed (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_REMOVE_IF_EQUALS, 1017, since 1.0.
        """

    def remove_keys(
        self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0
    ) -> Coroutine[Any, Any, None]:
        """Remove several entries; listeners and cache stores are told.

        Args:
            keys: Iterable of keys or of pairs `(key, hint)`.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            TypeError, ValueError, OverflowError: A key or a value has no place on the wire.

        Wire: OP_CACHE_REMOVE_KEYS, 1018, since 1.0.
        """

    def remove_all(self, timeout: float | None = 0.0) -> Coroutine[Any, Any, None]:
        """Remove all entries; listeners and cache stores are told.

        Args:
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CACHE_REMOVE_ALL, 1019, since 1.0.
        """

    def get_size(self, peek_modes: int | Iterable[int] | None = None, timeout: float | None = 0.0) -> Coroutine[Any, Any, int]:
        """Count the entries.

        Args:
            peek_modes: One of `PeekModes` or a list of them: which copies count. Default: primary copies, each entry once.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            int: Number of entries (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            ValueError: A number that is no peek mode.

        Wire: OP_CACHE_GET_SIZE, 1020, since 1.0.
        """

    def scan(
        self, page_size: int = 1024, partitions: int = -1, local: bool = False, timeout: float | None = 0.0
    ) -> AioScanCursor:
        """Read everything in the cache, a page at a time.

        Args:
            page_size: Entries that one answer of the server brings (int). pyignite's default is 1.
            partitions: Number of the partition to read (int); negative for all.
            local: Whether only the node that answers looks at its own entries.
            timeout: Seconds that the first answer may take; 0 is the client's own limit.

        Returns:
            ScanCursor: Tuples (key, value). AioCache returns an AioScanCursor, to be awaited or entered with `async with`.

        Raises:
            CacheError: The server refuses, for example because the cache or the partition does not exist.
            CursorLostError: Later, while rows are read: the connection was lost.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_QUERY_SCAN, 2000, since 1.0.
        """

    def destroy(self, timeout: float | None = 0.0) -> Coroutine[Any, Any, None]:
        """Destroy the cache and everything in it, on all nodes.

        Args:
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CACHE_DESTROY, 1056, since 1.0.
        """

async def create_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Create a cache; see `AioClient.create_cache`."""

async def get_or_create_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Create a cache unless it exists; see `AioClient.get_or_create_cache`."""

async def get_cache(client: AioClient, settings: str | dict[int, Any]) -> AioCache:
    """Get a cache object without asking the server; see `AioClient.get_cache`."""
