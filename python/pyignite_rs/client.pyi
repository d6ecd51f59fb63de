"""The synchronous client."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from ._core import BaseClient as _CoreClient
from .cache import BaseCache, Cache
from .cluster import Cluster
from .connection import Connection, ProtocolContext
from .cursors import SqlFieldsCursor
from .datatypes.base import IgniteDataType
from .datatypes.transactions import TransactionConcurrency, TransactionIsolation
from .transaction import Transaction

__all__ = ["BaseClient", "Client"]

class _Options(dict[str, Any]):
    """Options of a client, passwords among them. Tools that show the local variables of a failed call show this text."""

    def __repr__(self) -> str: ...

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
    ) -> None: ...
    def _warn_of_clear_text(self, addresses: list[tuple[str, int]]) -> None:
        """Warn, once for a client, that anybody on the way can read the password. For the caller of `connect`."""

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

    @property
    def protocol_context(self) -> ProtocolContext | None:
        """Protocol version and features of the last opened connection; None before the first."""

    @property
    def partition_awareness_supported_by_protocol(self) -> bool:
        """Whether the servers can tell where keys live; False before the first connection."""

    @property
    def partition_aware(self) -> bool:
        """Whether calls with a key go straight to the node that has it: it was asked for, and the servers tell where keys live."""

    @property
    def compact_footer(self) -> bool:
        """Whether complex objects are written with compact footers: as the user said, else as the first object that was read."""

    @compact_footer.setter
    def compact_footer(self, value: bool) -> None: ...
    def __repr__(self) -> str: ...
    def __reduce__(self) -> Any: ...

class _Connection:
    """What `connect` returns: a context manager that closes the client."""

    client: Client
    nodes: list[tuple[str, int]]

    def __init__(self, client: Client, addresses: list[tuple[str, int]]) -> None: ...
    def __enter__(self) -> _Connection: ...
    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None: ...

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
    ) -> None: ...
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

    def get_cluster(self) -> Cluster:
        """Get the cluster as an object, to read and change its state."""

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

    @property
    def random_node(self) -> Connection:
        """Some node that can be reached. Not needed by programs.

        Raises:
            ReconnectError: No node can be reached.
        """

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

    def __enter__(self) -> Client: ...
    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None: ...
    def get_binary_type(self, binary_type: int | str) -> dict[Any, Any]:
        """Read what the cluster knows about a binary type.

        Args:
            binary_type: Name of the type (str), or its id (int).

        Returns:
            dict: `type_exists` (bool), and if that is True `type_id`, `type_name`, `affinity_key_field` (str or None), `is_enum`,
                `enums` (of enums: a list of dicts with `literal` and `type_id`, which is the ordinal) and `schemas` (list of
                OrderedDicts of hint classes by field name). Awaitable on AioClient.

        Raises:
            BinaryTypeError: The server refuses.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_GET_BINARY_TYPE, 3002, since 1.0.
        """

    def put_binary_type(
        self,
        type_name: str,
        affinity_key_field: str | None = None,
        is_enum: bool = False,
        schema: str | int | Mapping[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """Tell the cluster about a binary type. Fields, schemas and enum values are added to what it knows. The client's own classes
        stay as they are: `register_binary_type` is for those.

        Args:
            type_name: Name of the type (str).
            affinity_key_field: Name of the field that decides where entries with such keys live (str). Default: the whole key.
            is_enum: Whether the type is an enum.
            schema: Hint classes by field name (dict), or ordinals (int) by name for an enum. Default: no fields.

        Returns:
            dict: `type_id` and `schema_id` (None for an enum). Awaitable on AioClient.

        Raises:
            BinaryTypeError: What is said contradicts what the cluster knows, for example the type of a field.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_PUT_BINARY_TYPE, 3003, since 1.0.
        """

    def register_binary_type(self, data_class: type, affinity_key_field: str | None = None) -> None:
        """Read objects of a type and schema with this class from now on, and make both known to the cluster. Classes are registered by
        themselves when their first object is sent; this is for classes that are read before.

        Args:
            data_class: Class made by `GenericObjectMeta`. It takes the place of the class that was registered before, or was made on
                the fly, for the same type and schema.
            affinity_key_field: Name of the field that decides where entries with such keys live (str). Default: what the cluster
                knows already, else the whole key.

        Returns:
            None: (awaitable on AioClient)

        Raises:
            BinaryTypeError: What the class says contradicts what the cluster knows, for example the type of a field.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_GET_BINARY_TYPE, 3002, and OP_PUT_BINARY_TYPE, 3003, if the cluster lacks something; since 1.0.
        """

    def query_binary_type(self, binary_type: int | str, schema: str | int | Mapping[str, Any] | None = None) -> Any:
        """Look up the class for a schema of a binary type, or all classes for the type. What the client does not know is asked for.

        Args:
            binary_type: Name of the type (str), or its id (int).
            schema: Hint classes by field name (dict), or the id of the schema (int). Default: all schemas.

        Returns:
            object: The class, or None if the type has no such schema; without `schema` a new dict of classes by schema id. Awaitable
                on AioClient.

        Raises:
            BinaryTypeError: The server refuses.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_GET_BINARY_TYPE, 3002, since 1.0.
        """

    def unwrap_binary(self, value: Any) -> Any:
        """Read wrapped complex objects, pairs `(bytes, offset)`, at any depth of collections and maps. This client never hands them out,
        but programs may have stored them.

        Args:
            value: Anything.

        Returns:
            object: The same with objects in place of the pairs. Awaitable on AioClient.

        Raises:
            ParseError: The bytes are no complex object, or the cluster does not know its type.

        Wire: OP_GET_BINARY_TYPE, 3002, for types that the client does not know; since 1.0.
        """

    def close(self) -> None:
        """Close all connections. Calls in flight end with ClientClosedError; nothing connects again until `connect()`.

        Returns:
            None: (awaitable on AioClient)
        """

    def create_cache(self, settings: str | dict[int, Any]) -> Cache:
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

    def get_or_create_cache(self, settings: str | dict[int, Any]) -> Cache:
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

    def get_cache(self, settings: str | dict[int, Any]) -> Cache:
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
        schema: str | int | Mapping[str, Any] | None = "PUBLIC",
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
    ) -> SqlFieldsCursor:
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

    def get_cache_names(self) -> list[str]:
        """List the caches of the cluster.

        Returns:
            list[str]: Their names (awaitable on AioClient).

        Raises:
            CacheError: The server refuses.

        Wire: OP_CACHE_GET_NAMES, 1050, since 1.0.
        """
