"""The synchronous client."""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from operator import index
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._core import BaseClient as _CoreClient
from ._deadline import deadline
from .cache import BaseCache, Cache
from .cluster import Cluster
from .connection import Connection, ProtocolContext
from .connection.connection import any_of, known_nodes, primary_of
from .constants import IGNITE_DEFAULT_PORT
from .datatypes.transactions import TransactionConcurrency, TransactionIsolation
from .exceptions import NoNodesError
from .monitoring import _Teller
from .transaction import Transaction
from .utils import cache_id, is_iterable

if TYPE_CHECKING:
    from .cursors import SqlFieldsCursor  # noqa: F401 - for the stub
    from .datatypes.base import IgniteDataType

__all__ = ["BaseClient", "Client"]

#: Where `connect()` without arguments goes.
_DEFAULT_ADDRESS = ("127.0.0.1", IGNITE_DEFAULT_PORT)


def _address(node: Any) -> list[tuple[str, int]]:
    """What the user gave as one node: a pair `(host, port)`, 'host', 'host:port' or '[IPv6]:port'; several with 'host:first..last'."""
    if not isinstance(node, str):
        host, port = node
        return [_checked(host, port)]
    host, colon, ports = node.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return [(node.strip("[]"), IGNITE_DEFAULT_PORT)]
    first, dots, last = ports.partition("..")
    try:
        numbers = range(int(first), int(last if dots else first) + 1)
    except ValueError:
        numbers = range(0)
    if not numbers:
        raise ValueError(f"{node!r} is no address: 'host', 'host:port' or 'host:first..last', as in '127.0.0.1:10800..10809'")
    return [_checked(host.strip("[]"), port) for port in numbers]


def _checked(host: Any, port: Any) -> tuple[str, int]:
    if not isinstance(host, str) or not hasattr(port, "__index__"):
        raise TypeError(f"{(host, port)!r} is no address: host and port are a str and an int")
    if not 0 <= index(port) <= 65_535:
        raise OverflowError(f"{port} is no port of {host!r}: ports are from 0 to 65535")
    return host, index(port)


def _addresses(args: tuple[Any, ...]) -> list[tuple[str, int]]:
    """The nodes that `connect` is called with, in any of its forms."""
    if not args:
        return [_DEFAULT_ADDRESS]
    if len(args) == 1 and isinstance(args[0], str):
        return _address(args[0])
    if len(args) == 1 and is_iterable(args[0]):
        # The same one twice is tried once.
        addresses = list(dict.fromkeys(address for node in args[0] for address in _address(node)))
        if addresses:
            return addresses
    if len(args) == 2 and isinstance(args[0], str) and isinstance(args[1], int):
        return [_checked(*args)]
    raise ConnectionError(
        f"connect() takes nothing, a host and a port, or an iterable of pairs (host, port); not {', '.join(map(repr, args))}"
    )


def _id_of(cache: int | str | BaseCache) -> int:
    """Id of a cache that is given as an object, a name or an id."""
    return cache.cache_id if isinstance(cache, BaseCache) else cache_id(cache)


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking anybody: names other than localhost count as others."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _Options(dict[str, Any]):
    """Options of a client, passwords among them. Tools that show the local variables of a failed call show this text."""

    def __repr__(self) -> str:
        return "<options of a client>"


def _hidden(options: dict[str, Any]) -> _Options:
    """The options out of the caller's own variable, which may be shown too."""
    taken = _Options(options)
    options.clear()
    return taken


class BaseClient(_CoreClient):
    """What both clients share."""

    def __init__(
        self,
        face: str,
        cache_class: type,
        compact_footer: bool | None,
        partition_aware: bool,
        event_listeners: Sequence[Any] | None,
        options: dict[str, Any],
    ) -> None:
        self._teller = _Teller(event_listeners)
        self._set_footer(compact_footer)
        # The name that pyignite's documentation uses in its examples.
        self._partition_aware = bool(options.pop("partition_awareness", partition_aware))
        #: Whether credentials leave in clear text and nobody was told yet.
        self._warns = options.get("username") is not None and not options.get("use_ssl")
        self._configure(face, options, cache_class, self._partition_aware, self._teller)

    def _warn_of_clear_text(self, addresses: list[tuple[str, int]]) -> None:
        """Warn, once for a client, that anybody on the way can read the password. For the caller of `connect`."""
        if not self._warns:
            return
        others = [host for host, _ in addresses if not _is_loopback(host)]
        if others:
            self._warns = False
            warnings.warn(
                f"user name and password go to {', '.join(others)} in clear text; use_ssl=True encrypts them",
                UserWarning,
                stacklevel=3,
            )

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Limit the time of everything that a block does with this client.

        Each call in the block has to end before the moment that lies so many seconds after its beginning; a sooner limit, its own
        or the client's, still counts. Blocks can stand in one another. Works in threads and in tasks, with `with` in both.

        Args:
            seconds: From the beginning of the block on (float, more than 0).

        Returns:
            A context manager.

        Raises:
            OperationTimeoutError: By calls in the block: the moment has come (a TimeoutError).
            TypeError: The limit is no number.
            ValueError: It is not positive.
        """
        return deadline(self, seconds)

    @property
    def protocol_context(self) -> ProtocolContext | None:
        """Protocol version and features of the last opened connection; None before the first."""
        return ProtocolContext._agreed(self._protocol_context())

    @property
    def partition_awareness_supported_by_protocol(self) -> bool:
        """Whether the servers can tell where keys live; False before the first connection."""
        context = self.protocol_context
        return context is not None and context.is_partition_awareness_supported()

    @property
    def partition_aware(self) -> bool:
        """Whether calls with a key go straight to the node that has it: it was asked for, and the servers tell where keys live."""
        return self._partition_aware and self.partition_awareness_supported_by_protocol

    @property
    def compact_footer(self) -> bool:
        """Whether complex objects are written with compact footers: as the user said, else as the first object that was read."""
        return self._footer() is not False

    @compact_footer.setter
    def compact_footer(self, value: bool) -> None:
        if self._footer() not in (value, None):
            raise Warning("the form of footers is set once for a client and can not be changed")
        self._set_footer(value)

    def __repr__(self) -> str:
        state = "not connected" if self.protocol_context is None else "connected"
        return f"<{type(self).__name__} ({state})>"

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} holds connections and can not be pickled; make a new one where it is needed")


class _Connection:
    """What `connect` returns: a context manager that closes the client."""

    def __init__(self, client: Client, addresses: list[tuple[str, int]]) -> None:
        self.client = client
        self.nodes = addresses
        client._connect(addresses)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()


class Client(BaseClient):
    """Synchronous client. Any number of threads may share one; it may be used after `fork()` in parent and child.

    Args:
        compact_footer: Form in which complex objects are written (bool). Default: as the servers do.
        partition_aware: Whether calls may go straight to the node that has the key (bool).
        event_listeners: Listeners to what happens to connections and requests (any iterable of objects of the classes in
            `pyignite_rs.monitoring`).
        timeout: Seconds that a call may take from its start to its answer (float). Default: as long as it takes.
        handshake_timeout: Seconds that opening one connection may take (float). Default: 10.
        heartbeat_interval: Seconds without a sign of the server after which a connection is kept alive by a small request (float).
            Servers that end silent connections sooner are asked more often. 0: never. Default: 30. Needs Ignite 2.13 or later.
        heartbeat_timeout: Seconds after which a connection is given up whose heartbeat has no answer, with all calls on it (float).
            A server all of whose threads are busy looks like one that hangs. Default: none is given up.
        username: User name, on clusters with authentication (str). Without `use_ssl` it leaves in clear text, with one warning when it
            goes to another machine.
        password: Its password (str).
        use_ssl: Whether connections are encrypted (bool). Default: no.
        ssl_version: Constant of the module `ssl`. Default: PROTOCOL_TLSv1_2, and nothing newer or older. PROTOCOL_TLS is the newest that
            both sides know, from 1.2 on; a member of `ssl.TLSVersion` is that version alone.
        ssl_minimum_version: Oldest version that may be spoken, a member of `ssl.TLSVersion`; alone it also allows every newer one.
        ssl_ciphers: OpenSSL cipher list, for TLS up to 1.2 (str). Default: that of CPython.
        ssl_cert_reqs: `ssl.CERT_REQUIRED` or CERT_OPTIONAL to check the server's certificate. Default: CERT_NONE.
        ssl_check_hostname: Whether the certificate must be for the host that was connected to (bool); it makes CERT_REQUIRED the default.
            Default: no, as in pyignite.
        ssl_ca_certfile: File of the certificates to trust (str or path). Default: none.
        ssl_system_roots: Whether the authorities that this machine trusts are trusted too (bool). Default: no, as in pyignite.
        ssl_certfile: File of this client's certificate and of those up to the authority (str or path). A file that changes is read again
            for the next connection.
        ssl_keyfile: File of its private key (str or path). Default: the certificate's file.
        ssl_keyfile_password: Password of that key (str, bytes, or a function that returns one).
        max_connections_per_node: Connections that the threads together may have to one node (int). Default: 64.
        split_multi_key: Whether calls with many keys become a request for each node that has some of them, outside of transactions (bool).
            Default: yes. Such a call is not one operation on the servers: when a node fails, a part of it may have taken effect.
        retry_policy: Which requests are sent again that may have reached a server when their connection was lost: 'reads' (the
            default), 'none', 'all' (a write whose answer was lost may take effect twice), or a function of the operation's name, the
            number of attempts and the error that says whether. What has not left is always sent again.
        **kwargs: The options above that are given by name only. A name that does not exist raises ParameterError in `connect()`.
    """

    def __init__(
        self,
        compact_footer: bool | None = None,
        partition_aware: bool = True,
        event_listeners: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("sync", Cache, compact_footer, partition_aware, event_listeners, _hidden(kwargs))

    def connect(self, *args: str | int | Iterable[tuple[str, int]] | Iterable[str]) -> _Connection:
        """Connect to a cluster.

        Args:
            *args: Nothing (127.0.0.1:10800), a host and a port, 'host:port', a range 'host:first..last', or an iterable of pairs
                `(host, port)` and such texts. All are tried at once; the first that answers serves, the others stand by.

        Returns:
            A context manager: `with client.connect(...)` closes the client at its end.

        Raises:
            NoNodesError: No address could be connected (a ReconnectError); `causes` says why for each.
            NodeRefusedError: The servers refuse this client (a HandshakeError).
            AuthenticationError: The user name or password is wrong.
            ParameterError: An option of the client is wrong.
        """
        addresses = _addresses(args)
        self._warn_of_clear_text(addresses)
        return _Connection(self, addresses)

    def get_cluster(self) -> Cluster:
        """Get the cluster as an object, to read and change its state."""
        return Cluster(self)

    def tx_start(
        self,
        concurrency: int = TransactionConcurrency.PESSIMISTIC,
        isolation: int = TransactionIsolation.REPEATABLE_READ,
        timeout: int = 0,
        label: str | None = None,
    ) -> Transaction:
        """Begin a transaction. Operations on transactional caches in this thread belong to it until it ends.

        Args:
            concurrency: A `TransactionConcurrency`. Default: entries are locked when they are first used.
            isolation: A `TransactionIsolation`. Default: what was read once stays the same.
            timeout: Milliseconds after which the server rolls it back (int). Default: no limit.
            label: Name that the server shows in its views and errors (str).

        Returns:
            The transaction: a context manager that rolls back at its end unless it was committed.

        Raises:
            ValueError: An argument is none of these.
            CacheError: The server refuses, for example because of its limit of open transactions.
            NotSupportedByClusterError: The servers have no transactions.
        """
        return Transaction(self, concurrency, isolation, timeout, label)

    @property
    def random_node(self) -> Connection:
        """Some node that can be reached. Not needed by programs.

        Raises:
            ReconnectError: No node can be reached.
        """
        node = any_of(known_nodes(self, Connection))
        if node is None:
            self.get_cache_names()
            node = any_of(known_nodes(self, Connection))
        if node is None:
            raise NoNodesError("no node can be reached")
        return node

    def get_best_node(
        self, cache: int | str | BaseCache, key: Any = None, key_hint: type[IgniteDataType] | None = None
    ) -> Connection:
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
            known: Any = self.get_cache(cache) if isinstance(cache, str) else cache
            if isinstance(known, BaseCache):
                # It has to be known where the keys of this cache live.
                known.contains_key(key, key_hint)
            node = primary_of(self, known_nodes(self, Connection), _id_of(cache), key, key_hint)
        return node or self.random_node

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
