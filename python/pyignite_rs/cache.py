"""Caches of the synchronous client."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from ._core import BaseCache as _CoreCache
from .datatypes import prop_codes
from .datatypes.expiry_policy import ExpiryPolicy
from .datatypes.prop_codes import PROP_QUERY_ENTITIES
from .exceptions import NotSupportedByClusterError, SQLError
from .queries.cache_info import CacheInfo

if TYPE_CHECKING:
    from typing_extensions import Self

    from .client import Client
    from .cursors import ScanCursor, SqlCursor  # noqa: F401 - the first for the stub

__all__ = ["BaseCache", "Cache", "create_cache", "get_cache", "get_or_create_cache"]


#: Codes of all properties of caches.
PROP_CODES: set[int] = {code for name, code in vars(prop_codes).items() if name.startswith("PROP_")}


class BaseCache(_CoreCache):
    """What the caches of both clients share."""

    #: `Cache[int, str]` is a type for annotations, and the class itself when it is called.
    __class_getitem__: Any = classmethod(GenericAlias)

    #: What `settings` remembers.
    _known_settings: dict[int, Any] | None = None

    @property
    def cache_info(self) -> CacheInfo:
        """What the requests of this object have in common: cache id, expiry policy, protocol."""
        return CacheInfo(cache_id=self.cache_id, expiry_policy=self.expiry_policy, protocol_context=self.client.protocol_context)

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
        context = self.client.protocol_context
        if context is not None and not context.is_expiry_policy_supported():
            version = ".".join(map(str, context.version))
            raise NotSupportedByClusterError(f"expiry policies can not be had from this cluster, which speaks protocol {version}")
        policy = expiry_policy or ExpiryPolicy(create=create, update=update, access=access)
        return type(self)(self.client, self.name, policy)


class Cache(BaseCache):
    """A cache. Every method returns its result; any number of threads may call at once."""

    @property
    def settings(self) -> dict[int, Any]:
        """The cache's settings, by the codes of `datatypes.prop_codes`. Read from the server once, then remembered.

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the client's time limit passed (TimeoutError).
        """
        if self._known_settings is None:
            self._known_settings = self._settings()
        return self._known_settings

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
        entities = self.settings[PROP_QUERY_ENTITIES]
        value_type = entities[0]["value_type_name"] if entities else None
        if not value_type:
            raise SQLError(f"cache '{self.name}' has no query entity that names the type of its values")
        # Servers keep the queried types of a cache by their names without packages and outer classes.
        type_name = value_type.rpartition(".")[2].rpartition("$")[2]
        cursor: SqlCursor = self._select_row(
            type_name, query_str, page_size, query_args, distributed_joins, replicated_only, local, timeout
        )
        return cursor


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
