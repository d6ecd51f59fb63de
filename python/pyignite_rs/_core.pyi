"""Rust half of pyignite_rs: connections, codec and the classes under `Client`, `AioClient`, `Cache` and `AioCache`."""

from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from contextvars import Context
from typing import Any, Final, final

from typing_extensions import Self, disjoint_base

from .datatypes.base import IgniteDataType
from .datatypes.cluster_state import ClusterState
from .datatypes.expiry_policy import ExpiryPolicy

__all__ = [
    "__version__",
    "BaseClient",
    "BaseCache",
    "BaseTransaction",
    "CursorStart",
    "CursorRow",
    "BaseCursor",
    "SyncCursor",
    "AsyncCursor",
    "BaseCluster",
    "Call",
    "Several",
    "ObjectPlan",
    "_next_event",
    "encode",
    "decode",
    "hash_of",
    "java_hash_string",
    "entity_id",
    "schema_id",
    "partition",
    "tables",
    "ScriptedNode",
    "ScriptedGate",
    "_shutdown",
]
__version__: Final[str]

@disjoint_base
class BaseClient:
    """Connections and operations that both clients share. Use `Client` or `AioClient`."""
    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def _configure(self, face: str, options: dict[str, Any], cache_class: type, partition_aware: bool, teller: Any) -> Any:
        """Remember what `__init__` was given; called by the Python half."""

    def _known_nodes(self) -> Any:
        """The nodes that are known: host, port, id and whether a connection is open."""

    def _primary(self, cache_id: Any, key: Any) -> Any:
        """Place among the known nodes of the one that has an encoded key; None if that is not known."""

    def _count_deadlines(self, change: int) -> Any:
        """A block with a time limit begins (1) or ends (-1)."""

    def _connect(self, addresses: list[tuple[str, int]]) -> Any:
        """Open the first connection to one of the addresses; called by `connect`."""

    def _protocol_context(self) -> Any:
        """Version and feature bits that the last opened connection agreed on."""

    def _footer(self) -> bool | None:
        """Form in which complex objects are written: True for compact footers, None until somebody has decided."""

    def _set_footer(self, compact: bool | None) -> None: ...
    def _keep(self, data_class: type) -> None:
        """Read objects with this class and tell nobody; for tests and tools."""

    def get_binary_type(self, binary_type: int | str) -> Any:
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
    ) -> Any:
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

    def register_binary_type(self, data_class: type, affinity_key_field: str | None = None) -> Any:
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

    def close(self) -> Any:
        """Close all connections. Calls in flight end with ClientClosedError; nothing connects again until `connect()`.

        Returns:
            None: (awaitable on AioClient)
        """

    def create_cache(self, settings: str | dict[int, Any]) -> Any:
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

    def get_or_create_cache(self, settings: str | dict[int, Any]) -> Any:
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

    def get_cache(self, settings: str | dict[int, Any]) -> Any:
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
    ) -> Any:
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

    def get_cache_names(self) -> Any:
        """List the caches of the cluster.

        Returns:
            list[str]: Their names (awaitable on AioClient).

        Raises:
            CacheError: The server refuses.

        Wire: OP_CACHE_GET_NAMES, 1050, since 1.0.
        """

@disjoint_base
class BaseCache:
    """A cache of a cluster. Made by `create_cache`, `get_or_create_cache` and `get_cache` of a client."""
    @property
    def cache_id(self) -> int:
        """Id of the cache: Java's hash code of its name, a signed 32-bit number."""

    @property
    def client(self) -> Any:
        """The client that the cache is reached through."""

    @property
    def expiry_policy(self) -> ExpiryPolicy | None:
        """How long entries live that are used through this object, an `ExpiryPolicy`; None is the cache's own policy."""

    @property
    def name(self) -> str:
        """Name of the cache."""

    def __new__(cls, client: BaseClient, name: str, expiry_policy: ExpiryPolicy | None = None) -> Self: ...
    def __repr__(self) -> str: ...
    def get(self, key: Any, key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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

    def get_all(self, keys: Iterable[Any], timeout: float | None = 0.0) -> Any:
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

    def put_all(self, pairs: Mapping[Any, Any], timeout: float | None = 0.0) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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

    def get_and_remove(self, key: Any, key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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
        key: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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
        key: Any,
        sample: Any,
        value: Any,
        key_hint: type[IgniteDataType] | None = None,
        sample_hint: type[IgniteDataType] | None = None,
        value_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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

    def contains_key(self, key: Any, key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0) -> Any:
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

    def contains_keys(self, keys: Iterable[Any], timeout: float | None = 0.0) -> Any:
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

    def clear(self, keys: Iterable[Any] | None = None, timeout: float | None = 0.0) -> Any:
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

    def clear_key(self, key: Any, key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0) -> Any:
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

    def clear_keys(self, keys: Iterable[Any], timeout: float | None = 0.0) -> Any:
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

    def remove_key(self, key: Any, key_hint: type[IgniteDataType] | None = None, timeout: float | None = 0.0) -> Any:
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
        key: Any,
        sample: Any,
        key_hint: type[IgniteDataType] | None = None,
        sample_hint: type[IgniteDataType] | None = None,
        timeout: float | None = 0.0,
    ) -> Any:
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

    def remove_keys(self, keys: Iterable[Any], timeout: float | None = 0.0) -> Any:
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

    def remove_all(self, timeout: float | None = 0.0) -> Any:
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

    def get_size(self, peek_modes: int | Iterable[int] | None = None, timeout: float | None = 0.0) -> Any:
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

    def scan(self, page_size: int = 1024, partitions: int = -1, local: bool = False, timeout: float | None = 0.0) -> Any:
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

    def _select_row(
        self,
        type_name: str,
        query_str: str,
        page_size: int,
        query_args: Iterable[Any] | None,
        distributed_joins: bool,
        replicated_only: bool,
        local: bool,
        timeout: float | None,
    ) -> Any:
        """Query whole entries of one type.

        Args:
            type_name: Name of the type, or of its table (str).
            query_str: Condition or SELECT statement (str).
            page_size: Entries that one answer of the server brings (int).
            query_args: Iterable of arguments, values or pairs `(value, hint)`.
            distributed_joins: Whether rows of different nodes are joined.
            replicated_only: Whether only replicated tables are asked.
            local: Whether only the node that answers looks at its own entries.
            timeout: Milliseconds that the query may take on the server (int); 0 is no limit.

        Returns:
            SqlCursor: Tuples (key, value).

        Raises:
            SQLError: The server refuses.

        Wire: OP_QUERY_SQL, 2002, since 1.0.
        """

    def destroy(self, timeout: float | None = 0.0) -> Any:
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

    def _settings(self, timeout: float | None = 0.0) -> Any:
        """Read the settings from the server; `settings` remembers them.

        Args:
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            dict: Values by their codes (awaitable on AioCache)

        Raises:
            CacheError: The server refuses, for example because the cache does not exist.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CACHE_GET_CONFIGURATION, 1055, since 1.0.
        """

@disjoint_base
class BaseTransaction:
    """A transaction. Made by `tx_start` of a client."""
    @property
    def _outer(self) -> BaseTransaction | None:
        """The transaction that was current when this one began, or None."""

    @_outer.setter
    def _outer(self, value: BaseTransaction | None) -> None: ...
    @property
    def client(self) -> Any:
        """The client that the transaction runs on."""

    @property
    def tx_id(self) -> int | None:
        """Number of the transaction on its connection (int); None before it began."""

    def __new__(cls, client: BaseClient, concurrency: int, isolation: int, timeout: float | None, label: str | None) -> Self: ...
    def _start(self) -> Any:
        """Begin on the server.

        Returns:
            int: Number of the transaction (awaitable on AioTransaction).

        Raises:
            CacheError: The server refuses, for example because too many transactions are open on the connection.

        Wire: OP_TX_START, 4000, since 1.5.
        """

    def _end(self, commit: bool) -> Any:
        """Commit or roll back. A transaction that is not open stays as it is.

        Returns:
            None: (awaitable on AioTransaction)

        Raises:
            CacheError: The server could not commit.
            TransactionLostError: The connection is gone, and the transaction with it.

        Wire: OP_TX_END, 4001, since 1.5.
        """

@final
class CursorStart:
    """What a cursor is made with; of no use to anybody else."""

@final
class CursorRow:
    """One row of an asynchronous cursor, to be awaited: usually it is here already."""
    def __iter__(self) -> Generator[Any, Any, Any]: ...
    def __next__(self) -> Any: ...
    def __await__(self) -> Generator[Any, Any, Any]: ...
    def send(self, _value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Somebody was cancelled while waiting for a page, which is lost with it: the cursor is given up."""

    def close(self) -> None: ...

@disjoint_base
class BaseCursor:
    """Rows of a query. Made by `scan`, `select_row` and `sql`."""
    @property
    def client(self) -> Any:
        """The client that the query runs on."""

    @property
    def cursor_id(self) -> int | None:
        """Number of the cursor on its connection (int); None before it is open."""

    @property
    def data(self) -> Any:
        """Rows of the page that is here and have not been given out (iterator); None before the cursor is open."""

    @property
    def more(self) -> bool | None:
        """Whether the server has more rows than the page that is here (bool); None before the cursor is open."""

    def __new__(cls, client: BaseClient, start: CursorStart) -> Self: ...
    def _close(self) -> Any:
        """Close the cursor on the server, if it has more rows.

        Returns:
            None: (awaitable on asynchronous cursors)

        Wire: OP_RESOURCE_CLOSE, 0, since 1.0.
        """

    def _take_ahead(self) -> Call | None:
        """The call that asked for the next page ahead, to be awaited before the cursor is closed; None if there is none."""

    def _open(self) -> Any:
        """Send the query; the call returns the cursor."""

class SyncCursor(BaseCursor):
    """Rows on the calling thread."""
    def __new__(cls, client: BaseClient, start: CursorStart) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...

class AsyncCursor(BaseCursor):
    """Rows for coroutines."""
    def __new__(cls, client: BaseClient, start: CursorStart) -> Self: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Coroutine[Any, Any, Any]: ...

@disjoint_base
class BaseCluster:
    """A cluster as a whole. Made by `get_cluster` of a client."""
    def __new__(cls, client: BaseClient) -> Self: ...
    def __repr__(self) -> str: ...
    def get_state(self, timeout: float | None = 0.0) -> Any:
        """Read the state of the cluster.

        Args:
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            ClusterState: INACTIVE, ACTIVE or ACTIVE_READ_ONLY (awaitable on AioCluster)

        Raises:
            ClusterError: The server refuses.
            NotSupportedByClusterError: The server is older than Ignite 2.9.
            OSError: The connection was lost, or the time limit passed (TimeoutError).

        Wire: OP_CLUSTER_GET_STATE, 5000, since 1.7 with feature 2.
        """

    def set_state(self, state: ClusterState | int, timeout: float | None = 0.0) -> Any:
        """Change the state of the cluster. Deactivation drops caches that are not persistent, with their entries.

        Args:
            state: `ClusterState` or its number: what the cluster is to be.
            timeout: Seconds that the call may take; 0 is the client's own limit.

        Returns:
            None: (awaitable on AioCluster)

        Raises:
            ClusterError: The server refuses.
            NotSupportedByClusterError: The server is older than Ignite 2.9.
            OSError: The connection was lost, or the time limit passed (TimeoutError).
            ValueError: A number that is no state.

        Wire: OP_CLUSTER_CHANGE_STATE, 5001, since 1.7 with feature 2.
        """

@final
class Call:
    @property
    def __name__(self) -> str: ...
    @property
    def __qualname__(self) -> str: ...
    @property
    def _asyncio_future_blocking(self) -> bool | None:
        """The mark of a future. A call that has not started shows none: until then it is a coroutine, which `gather`, `wait_for` and
        their kin wrap into a task.
        """

    @_asyncio_future_blocking.setter
    def _asyncio_future_blocking(self, value: bool | None) -> None: ...
    def __repr__(self) -> str: ...
    def __iter__(self) -> Generator[Any, Any, Any]: ...
    def __next__(self) -> Any: ...
    def __await__(self) -> Generator[Any, Any, Any]: ...
    def send(self, _value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, _traceback: Any = None) -> Any: ...
    def close(self) -> None: ...
    def get_loop(self) -> Any: ...
    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> Any: ...
    def remove_done_callback(self, callback: Callable[[Any], object]) -> Any: ...
    def cancel(self, msg: Any = None) -> bool:
        """Called by the task that awaits, when it is cancelled itself."""

    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def result(self) -> Any:
        """The outcome, as a future tells it: asked for by the task that is resumed."""

    def exception(self) -> Any: ...

@final
class Several:
    @property
    def __name__(self) -> str: ...
    @property
    def __qualname__(self) -> str: ...
    def __repr__(self) -> str: ...
    def __iter__(self) -> Generator[Any, Any, Any]: ...
    def __next__(self) -> Call: ...
    def __await__(self) -> Generator[Any, Any, Any]: ...
    def send(self, _value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, _traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@final
class ObjectPlan:
    """The plan of a class, in its attribute `_plan`; made by `GenericObjectMeta`."""
    def __new__(cls, type_name: str, items: list[tuple[str, type[IgniteDataType], Any]], has_version: bool) -> Self: ...

def _next_event() -> tuple[Callable[..., object], tuple[Any, ...]]:
    """Wait for an event of the background; called by the thread that tells them. Returns the method to call, and its arguments."""

def encode(value: Any, hint: type[IgniteDataType] | None = None, client: BaseClient | None = None) -> bytes:
    """Write one value as it goes over the wire.

    Args:
        value: A value of any supported type, or a pair `(value, hint)`.
        hint: Class of `pyignite_rs.datatypes` that names the wire type. Without it the value's own type decides.
        client: Client that knows how complex objects are to be written. Without it they have compact footers.

    Returns:
        bytes: The type code and what follows it.

    Raises:
        TypeError, ValueError, OverflowError: The value has no place on the wire.
    """

def decode(data: bytes, client: BaseClient | None = None) -> Any:
    """Read one value from the bytes that a server sends.

    Args:
        data: Exactly one value: its type code and what follows.
        client: Client whose classes complex objects are read with. Without it they can not be read.

    Returns:
        object: The value.

    Raises:
        ParseError: The bytes are no value, or more than one.
    """

def hash_of(data: bytes) -> int:
    """Hash code that a server computes for a key.

    Args:
        data: The encoded key.

    Returns:
        int: Java's 32-bit hash code.

    Raises:
        ParseError: The bytes are no value.
    """

def java_hash_string(text: str) -> int:
    """Java's `String.hashCode` of a text, over its UTF-16 code units: the id of a cache is that of its name."""

def entity_id(name: str) -> int:
    """Id of a type or a field: the hash of the name in lower case."""

def schema_id(fields: Iterable[str]) -> int:
    """Id of a schema, from the names of its fields in their order."""

def partition(hash: int, partitions: int) -> int | None:
    """Partition of a key.

    Args:
        hash: The key's hash code.
        partitions: Number of partitions of the cache.

    Returns:
        int | None: Number of the partition; None if there are none.
    """

def tables() -> dict[Any, Any]:
    """Show what this client knows by number, for the tests that compare it with what Python says.

    Returns:
        dict: Tables by name: operations, properties and records of settings, states of a cluster, times of expiry policies.
    """
@final
class ScriptedNode:
    """A stand-in for a node. Use `pyignite_rs.testing.FakeNode`."""
    @property
    def accepted(self) -> Any:
        """Connections made in all."""

    @property
    def is_listening(self) -> Any: ...
    @property
    def node_id(self) -> Any: ...
    @property
    def open(self) -> Any:
        """Connections open now."""

    @property
    def open_cursors(self) -> Any: ...
    @property
    def open_transactions(self) -> Any: ...
    @property
    def port(self) -> Any: ...
    @property
    def state(self) -> Any: ...
    @property
    def topology(self) -> Any: ...
    def __new__(
        cls,
        beside: Any,
        port: Any = 0,
        newest: Any = Ellipsis,
        features: Any = None,
        any_cache: Any = False,
        partitions: int = 1024,
        users: Any = Ellipsis,
        max_cursors: Any = 128,
        max_transactions: Any = 100,
        listed: Any = True,
    ) -> Self: ...
    def set_topology(self, version: Any) -> Any: ...
    def set_state(self, state: ClusterState | int) -> Any: ...
    def offers(self) -> Any: ...
    def greet(self, mute: Any, data: bytes | None = None, then_close: Any = False) -> Any:
        """None: a handshake. 'mute': silence. Else bytes, and whether the connection is closed after them."""

    def leave(self) -> Any: ...
    def create_cache(self, name: str, transactional: Any) -> Any: ...
    def cache_names(self) -> Any: ...
    def put(self, name: str, key: Any, value: Any) -> Any:
        """Whether there is such a cache."""

    def entries(self, name: str) -> Any: ...
    def is_primary(self, key: Any) -> Any: ...
    def record(self, statement: Any, columns: Any, rows: Any, arguments: Any = None, refusal: Any = None) -> Any: ...
    def forget_records(self) -> Any: ...
    def start(self) -> Any: ...
    def stop(self) -> Any: ...
    def hang(self) -> Any: ...
    def kick(self, reset: Any) -> Any: ...
    def rule(self, operation: Any, action: Any, times: Any, skip: Any, on: Any) -> Any: ...
    def forget_rules(self) -> Any: ...
    def release(self) -> Any: ...
    def requests(self) -> Any: ...
    def by_connection(self) -> Any: ...
    def reset_counters(self) -> Any: ...

@final
class ScriptedGate:
    """A proxy in front of a node. Use `pyignite_rs.testing.GateProxy`."""
    @property
    def accepted(self) -> Any:
        """Connections made in all."""

    @property
    def is_listening(self) -> Any: ...
    @property
    def open(self) -> Any:
        """Connections open now."""

    @property
    def port(self) -> Any: ...
    def __new__(cls, host: Any, port: Any) -> Self: ...
    def start(self) -> Any: ...
    def stop(self) -> Any: ...
    def hang(self) -> Any: ...
    def kick(self, reset: Any) -> Any: ...
    def rule(self, operation: Any, action: Any, times: Any, skip: Any, on: Any) -> Any: ...
    def forget_rules(self) -> Any: ...
    def release(self) -> Any: ...
    def requests(self) -> Any: ...
    def by_connection(self) -> Any: ...
    def reset_counters(self) -> Any: ...

def _shutdown() -> None:
    """Stops the runtime; registered with `atexit`."""
