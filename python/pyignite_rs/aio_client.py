"""The asynchronous client."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .aio_cache import AioCache
from .aio_cluster import AioCluster
from .cache import BaseCache
from .client import BaseClient, _addresses, _hidden, _id_of
from .connection import AioConnection
from .connection.connection import any_of, known_nodes, primary_of
from .datatypes.transactions import TransactionConcurrency, TransactionIsolation
from .exceptions import NoNodesError
from .transaction import AioTransaction

if TYPE_CHECKING:
    from .cursors import AioSqlFieldsCursor  # noqa: F401 - for the stub
    from .datatypes.base import IgniteDataType

__all__ = ["AioClient"]


class _AioConnection:
    """What `connect` returns: can be awaited, or entered with `async with`, which closes the client at its end."""

    def __init__(self, client: AioClient, addresses: list[tuple[str, int]]) -> None:
        self.client = client
        self.nodes = addresses

    def __await__(self) -> Generator[Any, Any, _AioConnection]:
        yield from self.client._connect(self.nodes).__await__()
        return self

    async def __aenter__(self) -> _AioConnection:
        return await self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.client.close()


class AioClient(BaseClient):
    """Asynchronous client. Its calls can be awaited from any event loop; nothing runs before.

    Args:
        compact_footer: Form in which complex objects are written (bool). Default: as the servers do.
        partition_aware: Whether calls may go straight to the node that has the key (bool).
        event_listeners: Listeners to what happens to connections and requests, as for `Client`.
        timeout: Seconds that a call may take from its start to its answer (float). Default: as long as it takes.
        handshake_timeout: Seconds that opening one connection may take (float). Default: 10.
        username: User name, on clusters with authentication (str). Without `use_ssl` it leaves in clear text, with one warning when it
            goes to another machine.
        password: Its password (str).
        use_ssl: Whether connections are encrypted (bool); the other `ssl_` options are those of `Client`.
        heartbeat_interval, heartbeat_timeout, retry_policy, split_multi_key: As for `Client`.
        **kwargs: The options above that are given by name only. A name that does not exist raises ParameterError in `connect()`.
    """

    def __init__(
        self,
        compact_footer: bool | None = None,
        partition_aware: bool = True,
        event_listeners: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("async", AioCache, compact_footer, partition_aware, event_listeners, _hidden(kwargs))

    def connect(self, *args: str | int | Iterable[tuple[str, int]] | Iterable[str]) -> _AioConnection:
        """Connect to a cluster.

        Args:
            *args: As for `Client.connect`.

        Returns:
            An object to be awaited, or to be entered with `async with`.

        Raises:
            NoNodesError, NodeRefusedError, AuthenticationError, ParameterError: When awaited; see `Client.connect`.
        """
        addresses = _addresses(args)
        self._warn_of_clear_text(addresses)
        return _AioConnection(self, addresses)

    def get_cluster(self) -> AioCluster:
        """Get the cluster as an object, to read and change its state."""
        return AioCluster(self)

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
        return AioTransaction(self, concurrency, isolation, timeout, label)

    async def random_node(self) -> AioConnection:
        """Get some node that can be reached. Not needed by programs.

        Raises:
            ReconnectError: No node can be reached.
        """
        node = any_of(known_nodes(self, AioConnection))
        if node is None:
            await self.get_cache_names()
            node = any_of(known_nodes(self, AioConnection))
        if node is None:
            raise NoNodesError("no node can be reached")
        return node

    async def get_best_node(
        self, cache: int | str | BaseCache, key: Any = None, key_hint: type[IgniteDataType] | None = None
    ) -> AioConnection:
        """Get the node that most probably has a key. Not needed by programs: calls with a key go there by themselves.

        Args:
            cache: Cache object, name (str) or id (int).
            key: The key; without one any node that can be reached.
            key_hint: Class of `pyignite_rs.datatypes` that names the key's wire type.

        Returns:
            The node.

        Raises:
            ReconnectError: No node can be reached.
        """
        node = None
        if key is not None and self.partition_aware:
            known: Any = await self.get_cache(cache) if isinstance(cache, str) else cache
            if isinstance(known, BaseCache):
                # It has to be known where the keys of this cache live.
                await known.contains_key(key, key_hint)
            node = primary_of(self, known_nodes(self, AioConnection), _id_of(cache), key, key_hint)
        return node or await self.random_node()

    async def __aenter__(self) -> AioClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
