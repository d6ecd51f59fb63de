"""Caches of the synchronous client."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic

from typing_extensions import Self, TypeVar

from ._core import BaseCache as _CoreCache
from .client import Client
from .cursors import ScanCursor, SqlCursor
from .datatypes.base import IgniteDataType
from .datatypes.expiry_policy import ExpiryPolicy
from .queries.cache_info import CacheInfo

__all__ = ["BaseCache", "Cache", "create_cache", "get_cache", "get_or_create_cache"]
PROP_CODES: set[int]
_K = TypeVar("_K", default=Any)
_V = TypeVar("_V", default=Any)

class BaseCache(_CoreCache):
    """What the caches of both clients share."""

    _known_settings: dict[int, Any] | None = None

    @property
    def cache_info(self) -> CacheInfo:
        """What the requests of this object have in common: cache id, expiry policy, protocol."""

    def with_expire_policy(
        self,
        expiry_policy: ExpiryPolicy | None = None,
        create: int | timedelta = ExpiryPolicy.UNCHANGED,
        update: int | timedelta = ExpiryPolicy.UNCHANGED,
        access: int | timedelta = ExpiryPolicy.UNCHANGED,
    ) -> Self:
        """Get another object for the same cache, whose operations say how long entries live.

        Args:
            expiry_policy: The policy. If it is given, the other arguments do not count.
            create: Time from the creation of an entry on, in milliseconds (int) or a timedelta. Default: UNCHANGED.
            update: Time from an update on.
            access: Time from reading on.

        Returns:
            A cache object of the same class.

        Raises:
            NotSupportedByClusterError: The servers are older than Ignite 2.8.
            TypeError, ValueError: A time is of the wrong type, or negative.
        """

class Cache(BaseCache, Generic[_K, _V]):
    """A cache. Every method returns its result; any number of threads may call at once."""

    @property
    def settings(self) -> dict[int, Any]:
        """The cache's settings, by the codes of `datatypes.prop_codes`. Read from the server once, then remembered.

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the client's time limit passed (TimeoutError).
        """

    def select_row(
        self,
        query_str: str,
        page_size: int = 1024,
        query_args: Iterable[Any] | None = None,
        distributed_joins: bool = False,
        replicated_only: bool = False,
        local: bool = False,
        timeout: int = 0,
    ) -> SqlCursor:
        """Query whole entries of the type that the cache's first query entity names. Asks for the settings first, once.

        Args:
            query_str: Condition (`"age > ?"`) or SELECT statement.
            page_size: Entries that one answer of the server brings.
            query_args: Arguments, values or pairs `(value, hint)`.
            distributed_joins: Whether rows of different nodes are joined.
            replicated_only: Whether only replicated tables are asked.
            local: Whether only the node that answers looks at its own entries.
            timeout: Milliseconds that the query may take on the server; 0 is no limit.

        Returns:
            An iterator over tuples (key, value), and a context manager that closes it.

        Raises:
            SQLError: The server refuses, or the cache has no type that could be queried.

        Wire: OP_QUERY_SQL, 2002, since 1.0.
        """

    def get(
        self, key: _K | tuple[_K, type[IgniteDataType]], key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0
    ) -> _V | None:
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
    ) -> None:
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
    ) -> bool:
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

    def get_all(self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0) -> dict[_K, _V]:
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
    ) -> None:
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
    ) -> _V | None:
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
    ) -> _V | None:
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
    ) -> _V | None:
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
    ) -> _V | None:
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
    ) -> bool:
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
    ) -> bool:
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
    ) -> bool:
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

    def contains_keys(self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0) -> bool:
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

    def clear(self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]] | None = None, timeout: float | None = 0.0) -> None:
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
    ) -> None:
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

    def clear_keys(self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0) -> None:
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
    ) -> bool:
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
    ) -> bool:
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

    def remove_keys(self, keys: Iterable[_K | tuple[_K, type[IgniteDataType]]], timeout: float | None = 0.0) -> None:
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

    def remove_all(self, timeout: float | None = 0.0) -> None:
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

    def get_size(self, peek_modes: int | Iterable[int] | None = None, timeout: float | None = 0.0) -> int:
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

    def scan(self, page_size: int = 1024, partitions: int = -1, local: bool = False, timeout: float | None = 0.0) -> ScanCursor:
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

    def destroy(self, timeout: float | None = 0.0) -> None:
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

def create_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Create a cache; see `Client.create_cache`."""

def get_or_create_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Create a cache unless it exists; see `Client.get_or_create_cache`."""

def get_cache(client: Client, settings: str | dict[int, Any]) -> Cache:
    """Get a cache object without asking the server; see `Client.get_cache`."""
