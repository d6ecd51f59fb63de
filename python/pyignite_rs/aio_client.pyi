"""The asynchronous client."""

from collections.abc import Coroutine, Generator, Iterable, Sequence
from types import TracebackType
from typing import Any

from .aio_cache import AioCache
from .aio_cluster import AioCluster
from .client import BaseClient
from .cursors import AioSqlFieldsCursor
from .datatypes.transactions import TransactionConcurrency, TransactionIsolation
from .transaction import AioTransaction

__all__ = ["AioClient"]

class _AioConnection:
    """What `connect` returns: can be awaited, or entered with `async with`, which closes the client at its end."""

    client: AioClient
    nodes: list[tuple[str, int]]

    def __init__(self, client: AioClient, addresses: list[tuple[str, int]]) -> None: ...
    def __await__(self) -> Generator[Any, Any, _AioConnection]: ...
    async def __aenter__(self) -> _AioConnection: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class AioClient(BaseClient):
    """Asynchronous client. Its calls can be awaited from any event loop; nothing runs before.

    Args:
        compact_footer: Form in which complex objects are written. Default: as the servers do.
        partition_aware: Whether calls may go straight to the node that has the key.
        event_listeners: Must be empty in this version.
        timeout: Seconds that a call may take from its start to its answer (float). Default: as long as it takes.
        handshake_timeout: Seconds that opening one connection may take (float). Default: 10.
        username: User name, on clusters with authentication. Without `use_ssl` it leaves in clear text, with one warning when it
            goes to another machine.
        password: Its password.
        use_ssl: Whether connections are encrypted; the other `ssl_` options are those of `Client`.
        retry_policy: As for `Client`.
        **kwargs: The options above that are given by name only. A name that does not exist raises ParameterError in `connect()`.
    """

    def __init__(
        self,
        compact_footer: bool | None = None,
        partition_aware: bool = True,
        event_listeners: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None: ...
    def connect(self, *args: str | int | Iterable[tuple[str, int]] | Iterable[str]) -> _AioConnection:
        """Connect to a cluster.

        Args:
            *args: As for `Client.connect`.

        Returns:
            An object to be awaited, or to be entered with `async with`.

        Raises:
            NoNodesError, NodeRefusedError, AuthenticationError, ParameterError: When awaited; see `Client.connect`.
        """

    def get_cluster(self) -> AioCluster:
        """Get the cluster as an object, to read and change its state."""

    def tx_start(
        self,
        concurrency: int = TransactionConcurrency.PESSIMISTIC,
        isolation: int = TransactionIsolation.REPEATABLE_READ,
        timeout: int = 0,
        label: str | None = None,
    ) -> AioTransaction:
        """Begin a transaction. Operations on transactional caches in this task belong to it until it ends.

        Args:
            concurrency: A `TransactionConcurrency`. Default: entries are locked when they are first used.
            isolation: A `TransactionIsolation`. Default: what was read once stays the same.
            timeout: Milliseconds after which the server rolls it back (int). Default: no limit.
            label: Name that the server shows in its views and errors (str).

        Returns:
            The transaction, to be awaited or entered with `async with`.

        Raises:
            ValueError: An argument is none of these.
            CacheError: The server refuses, for example because of its limit of open transactions.
            NotSupportedByClusterError: The servers have no transactions.
        """

    async def __aenter__(self) -> AioClient: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def close(self) -> Coroutine[Any, Any, None]:
        """Close all connections. Calls in flight end with ClientClosedError; nothing connects again until `connect()`.

        Returns:
            None: (awaitable on AioClient)
        """

    def create_cache(self, settings: str | dict[int, Any]) -> Coroutine[Any, Any, AioCache]:
        """Create a cache.

        Args:
            settings: Name of the cache (str), or a dict of its properties with PROP_NAME among them.

        Returns:
            Cache: The new cache (AioCache, awaitable, on AioClient).

        Raises:
            CacheCreationError: The cache exists already, or the server refuses the settings.
            ParameterError: The settings have no name, or a property that does not exist, or a dict among them lacks a key.
            TypeError, ValueError, OverflowError: A property is of the wrong type, or out of range.
            NotSupportedByClusterError: PROP_EXPIRY_POLICY, and the servers are older than Ignite 2.8.

        Wire: OP_CACHE_CREATE_WITH_NAME, 1051, or OP_CACHE_CREATE_WITH_CONFIGURATION, 1053, since 1.0.
        """

    def get_or_create_cache(self, settings: str | dict[int, Any]) -> Coroutine[Any, Any, AioCache]:
        """Create a cache unless it exists.

        Args:
            settings: Name of the cache (str), or a dict of its properties with PROP_NAME among them.

        Returns:
            Cache: The cache (AioCache, awaitable, on AioClient).

        Raises:
            CacheCreationError: The server refuses the settings.
            ParameterError: The settings have no name, or a property that does not exist, or a dict among them lacks a key.
            TypeError, ValueError, OverflowError: A property is of the wrong type, or out of range.
            NotSupportedByClusterError: PROP_EXPIRY_POLICY, and the servers are older than Ignite 2.8.

        Wire: OP_CACHE_GET_OR_CREATE_WITH_NAME, 1052, or OP_CACHE_GET_OR_CREATE_WITH_CONFIGURATION, 1054, since 1.0.
        """

    def get_cache(self, settings: str | dict[int, Any]) -> Coroutine[Any, Any, AioCache]:
        """Get a cache object without asking the server whether the cache exists.

        Args:
            settings: Name of the cache (str), or a dict with PROP_NAME alone.

        Returns:
            Cache: The cache (AioCache, awaitable, on AioClient).

        Raises:
            ParameterError: The settings have no name, or more than a name.
        """

    def sql(
        self,
        query_str: str,
        page_size: int = 1024,
        query_args: Iterable[Any] | None = None,
        schema: str | None = "PUBLIC",
        statement_type: int = 0,
        distributed_joins: bool = False,
        local: bool = False,
        replicated_only: bool = False,
        enforce_join_order: bool = False,
        collocated: bool = False,
        lazy: bool = False,
        include_field_names: bool = False,
        max_rows: int = -1,
        timeout: float | None = 0,
        cache: Any = None,
    ) -> AioSqlFieldsCursor:
        """Run a statement of SQL.

        Args:
            query_str: The statement (str), with a question mark for each argument.
            page_size: Rows that one answer of the server brings (int).
            query_args: Iterable of arguments, values or pairs `(value, hint)`.
            schema: Schema of names that are not qualified (str).
            statement_type: StatementType.SELECT or UPDATE to have others refused; ANY takes all.
            distributed_joins: Whether rows of different nodes are joined.
            local: Whether only the node that answers looks at its own rows.
            replicated_only: Whether only replicated tables are asked.
            enforce_join_order: Whether tables are joined in the order of the statement.
            collocated: Whether rows that are grouped together are known to be on one node.
            lazy: Whether the server makes pages as they are asked for, instead of the whole result at once.
            include_field_names: Whether the first row is the list of column names.
            max_rows: Sent as pyignite does; servers ignore it.
            timeout: Milliseconds that the statement may take on the server (int); 0 is no limit.
            cache: Cache, its name or id, whose schema is used in place of `schema`.

        Returns:
            SqlFieldsCursor: Rows as lists. AioClient returns an AioSqlFieldsCursor, to be awaited or entered with `async with`.

        Raises:
            SQLError: The server refuses.
            CursorLostError: Later, while rows are read: the connection was lost.
            TypeError, ValueError, OverflowError: An argument has no place on the wire.

        Wire: OP_QUERY_SQL_FIELDS, 2004, since 1.0.
        """

    def get_cache_names(self) -> Coroutine[Any, Any, list[str]]:
        """List the caches of the cluster.

        Returns:
            list[str]: Their names (awaitable on AioClient).

        Raises:
            CacheError: The server refuses.

        Wire: OP_CACHE_GET_NAMES, 1050, since 1.0.
        """
