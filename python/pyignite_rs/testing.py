"""A stand-in for an Ignite node, for tests of programs that use Ignite: no Java, no files, a few milliseconds.

    from pyignite_rs import Client
    from pyignite_rs.testing import FakeNode, refusal, silence

    def test_greeting():
        with FakeNode(caches={"greetings": {1: "hello"}}) as node, Client() as client:
            client.connect(*node.address)
            assert client.get_cache("greetings").get(1) == "hello"
            assert node.requests["get"] == 1

The node speaks the real protocol on a real port, and by default it does what a server does: every operation on entries, caches and
their settings, scans, transactions, binary types, cluster state. SQL it does not understand: a test records what a statement answers
(`FakeNode.sql`). Rules make it misbehave at one exact point:

    node.rule("put", refusal(1, "disk full"))     # the next put fails with this error
    node.rule("get", silence(), times=3)          # the next three gets are never answered
    node.rule("get", cut(5, reset=True), skip=9)  # the tenth get: 5 bytes of the answer, then a reset

`GateProxy` does the same between a client and a real node. What the stand-in does not do: locks of transactions, SQL, filters,
compute, services, continuous queries, data streamers, TLS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

from ._core import ScriptedGate, ScriptedNode, decode, encode
from .client import Client
from .exceptions import CacheError, ParseError

__all__ = [
    "Action",
    "FakeCluster",
    "FakeNode",
    "GateProxy",
    "black_hole",
    "cut",
    "deaf",
    "dribble",
    "first",
    "garble",
    "half_close",
    "hold",
    "instead",
    "keep",
    "refusal",
    "repeat",
    "silence",
    "stray_first",
    "swap",
    "then",
    "throttle",
    "topology",
    "with_payload",
    "with_value",
    "wrong_id",
]

if TYPE_CHECKING:
    from typing_extensions import Self


class Action(NamedTuple):
    """What a rule does to a message. The functions of this module make them."""

    #: Name of the function that made it.
    kind: str
    #: What it was made with.
    arguments: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(map(repr, self.arguments))})"


def cut(length: int, reset: bool = False) -> Action:
    """Send so many bytes of the message, then close or reset the connection.

    Args:
        length: Bytes that are sent (int), the four of the length field included.
        reset: Whether the connection ends with a TCP reset. It may overtake the bytes before it.
    """
    return Action("cut", (length, reset))


def half_close(length: int) -> Action:
    """Send so many bytes of the message, then close this direction of the connection and leave the other one open."""
    return Action("half_close", (length,))


def hold(seconds: float) -> Action:
    """Send the message later. Other requests of the connection are served meanwhile."""
    return Action("hold", (float(seconds),))


def keep() -> Action:
    """Keep the message until `release()` is called. Other requests of the connection are served meanwhile."""
    return Action("keep", ())


def silence() -> Action:
    """Never send the message. The connection goes on."""
    return Action("silence", ())


def dribble(pause: float) -> Action:
    """Send the message byte by byte, with so many seconds after each."""
    return Action("dribble", (float(pause),))


def throttle(bytes_per_second: int) -> Action:
    """Send the message at no more than this rate."""
    return Action("throttle", (bytes_per_second,))


def instead(data: bytes) -> Action:
    """Send these bytes in place of the message, whatever they are."""
    return Action("instead", (data,))


def first(data: bytes) -> Action:
    """Send these bytes, then the message."""
    return Action("first", (data,))


def then(data: bytes) -> Action:
    """Send the message, then these bytes, for which nobody asked."""
    return Action("then", (data,))


def with_payload(payload: bytes) -> Action:
    """Send a whole answer with this payload in place of the right one."""
    return Action("with_payload", (payload,))


def with_value(value: Any, hint: Any = None) -> Action:
    """Send an answer with this value in place of the right one, where the answer is one value (get and its kin).

    The types of complex objects have to be known to the cluster: put one of them before.
    """
    return Action("with_payload", (encode(value, hint),))


def refusal(status: int, message: str) -> Action:
    """Answer with an error, as a server that refuses the request does. The stand-in does not carry it out; behind a gate the node has
    done so, unless the rule is on requests.

    Args:
        status: Status code of the server, like 1000 for a cache that does not exist (int).
        message: What the server says (str).
    """
    return Action("refusal", (status, message))


def stray_first(*offsets: int) -> Action:
    """Send answers to requests that nobody made, their ids moved by each offset and with a wrong value; then the right answer."""
    return Action("stray_first", (list(offsets),))


def wrong_id(offset: int = 1) -> Action:
    """Move the request id of the answer: nobody waits for it, and whoever waits gets none."""
    return Action("wrong_id", (offset,))


def garble(offset: int, mask: int = 0xFF) -> Action:
    """Turn bits of one byte of the message round.

    Args:
        offset: Which byte, the length field included (int). Beyond the end it counts on from the start.
        mask: Which bits (int). Default: all eight.
    """
    return Action("garble", (offset, mask))


def repeat() -> Action:
    """Send the message twice; on requests: carry it out twice."""
    return Action("repeat", ())


def swap() -> Action:
    """Keep the first of two messages of a connection and send it after the second."""
    return Action("swap", ())


def topology(major: int, minor: int = 0) -> Action:
    """Let the answer say that the cluster's topology has this version now."""
    return Action("topology", (major, minor))


def deaf() -> Action:
    """Neither answer nor read on: what the client sends piles up until its writes block. `release()` ends it, as a hung process goes on."""
    return Action("deaf", ())


def black_hole() -> Action:
    """Answer nothing on this connection from now on, and go on reading."""
    return Action("black_hole", ())


def _operation(name: str) -> str:
    """`put`, `OP_CACHE_PUT`: the same."""
    return name.removeprefix("OP_").removeprefix("CACHE_").lower()


class _Scripted:
    """Rules, counters and connections, of the node and of the gate."""

    _inner: ScriptedNode | ScriptedGate

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        port: int = self._inner.port
        return port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for `client.connect(*address)`."""
        return ("127.0.0.1", self.port)

    @property
    def accepted(self) -> int:
        """Connections that were made in all."""
        accepted: int = self._inner.accepted
        return accepted

    @property
    def open(self) -> int:
        """Connections that are open now."""
        connections: int = self._inner.open
        return connections

    @property
    def requests(self) -> Counter[str]:
        """How often each operation came in, answered or not: `node.requests["put"]`."""
        return Counter(self._inner.requests())

    @property
    def requests_by_connection(self) -> list[int]:
        """How many requests came in on each connection that had any, the oldest connection first."""
        return [count for _, count in self._inner.by_connection()]

    def reset_counters(self) -> None:
        """Count requests from zero again."""
        self._inner.reset_counters()

    def rule(
        self, operation: str | None, action: Action, times: int = 1, skip: int = 0, on: Literal["answer", "request"] = "answer"
    ) -> None:
        """Say what goes wrong, and where.

        Args:
            operation: Which requests: 'put', 'get_all', 'query_scan', 'tx_end' ... (the names of pyignite's op codes without OP_
                and CACHE_; the whole names do too); 'handshake'; 'connect' for a connection that was just accepted; None for any
                request.
            action: What happens: `cut`, `hold`, `silence` ... of this module.
            times: How many of these requests meet it (int). Default: 1.
            skip: How many are left alone before (int): with 4 the fifth is the first to meet it. Default: 0.
            on: 'answer': the request is carried out, and its answer meets the action. 'request': it meets the action before it is
                carried out; `silence` loses it, `hold` delays it, `repeat` carries it out twice, `cut` ends the connection.

        Raises:
            ValueError: There is no such operation.
        """
        name = None if operation is None else _operation(operation)
        self._inner.rule(name, (action.kind, *action.arguments), times, skip, on)

    def forget_rules(self) -> None:
        """Answer everything as it should be from now on."""
        self._inner.forget_rules()

    def release(self) -> None:
        """End what rules do at this moment: `keep()`, `deaf()`, `dribble()` and `throttle()` let go."""
        self._inner.release()

    def start(self) -> None:
        """Listen again, on the same port; after `stop` or `hang`."""
        self._inner.start()

    def stop(self) -> None:
        """Stop listening and close all connections."""
        self._inner.stop()

    def hang(self) -> None:
        """Let connects wait for ever, as behind a firewall that drops them, until `start`. Open connections are closed."""
        self._inner.hang()

    def kick(self, reset: bool = False) -> None:
        """Close all connections.

        Args:
            reset: Whether they end with a TCP reset instead.
        """
        self._inner.kick(reset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} 127.0.0.1:{self.port}>"


#: What a complex object begins with. It may also be a byte of something else.
_COMPLEX = b"\x67"


class _Entrance:
    """A way into a stand-in past its rules and counters, for complex objects: their types go to the cluster with them."""

    def __init__(self, node: ScriptedNode) -> None:
        self._node = ScriptedNode(node, listed=False)
        self._client = Client(partition_aware=False)
        self._client.connect("127.0.0.1", self._node.port)

    def publish(self, value: Any) -> None:
        """Let the cluster know the types of an object."""
        try:
            # The types go ahead of a request that is refused.
            self._client.get_cache("").put(0, value)
        except CacheError:
            pass

    def entries(self, name: str) -> dict[Any, Any]:
        """Entries of a cache."""
        with self._client.get_cache(name).scan() as cursor:
            return dict(cursor)

    def register(self, cls: type[Any]) -> None:
        """Read objects of this type as this class."""
        self._client.register_binary_type(cls)

    def close(self) -> None:
        self._client.close()
        self._node.stop()


class FakeNode(_Scripted):
    """A stand-in for a node, on a free port of 127.0.0.1. It listens as soon as it is made, and stops at the end of `with`.

    Args:
        caches: Caches that exist from the start: names, or a dict of names and their entries.
        newest: The newest protocol version that it accepts, from (1, 2, 0) on (tuple). Default: (1, 7, 0).
        features: Feature bits that it grants (int). Default: those that it can keep.
        any_cache: Whether each cache is there as soon as it is used. A real node refuses, and so does this one by default.
        partitions: Partitions of every cache (int). Default: 1024.
        users: Names and passwords (dict). Default: everybody is welcome.
        port: Its port (int). Default: a free one.
        max_cursors: Cursors that one connection may have open (int). Default: 128, as on a server.
        max_transactions: Transactions that one connection may have open (int). Default: 100, as on a server.
        beside: Another node, whose cluster it joins: they share caches, types and recorded SQL.
    """

    _inner: ScriptedNode

    def __init__(
        self,
        caches: Iterable[str] | Mapping[str, Mapping[Any, Any]] = (),
        *,
        newest: tuple[int, int, int] = (1, 7, 0),
        features: int | None = None,
        any_cache: bool = False,
        partitions: int = 1024,
        users: Mapping[str, str] | None = None,
        port: int = 0,
        max_cursors: int = 128,
        max_transactions: int = 100,
        beside: FakeNode | None = None,
    ) -> None:
        self._inner = ScriptedNode(
            None if beside is None else beside._inner,
            port,
            newest,
            features,
            any_cache,
            partitions,
            list((users or {}).items()),
            max_cursors,
            max_transactions,
        )
        self._entrance: _Entrance | None = None
        for name in caches:
            self.create_cache(name, caches[name] if isinstance(caches, Mapping) else {})

    # What it has

    def create_cache(self, name: str, entries: Mapping[Any, Any] | None = None, transactional: bool = False) -> None:
        """Make a cache, unless it is there.

        Args:
            name: Its name (str).
            entries: Entries to put into it (dict). Default: none.
            transactional: Whether it takes part in transactions. Default: no, as a cache that is created by its name.
        """
        self._inner.create_cache(name, transactional)
        for key, value in (entries or {}).items():
            self.put(name, key, value)

    @property
    def cache_names(self) -> list[str]:
        """Names of the caches."""
        names: list[str] = self._inner.cache_names()
        return names

    def put(self, cache: str, key: Any, value: Any) -> None:
        """Put an entry, past all rules and counters.

        Args:
            cache: Name of a cache that exists (str).
            key: A key, or a pair `(key, hint)`.
            value: A value, or a pair `(value, hint)`.

        Raises:
            KeyError: There is no such cache.
        """
        if not self._inner.put(cache, self._encode(key), self._encode(value)):
            raise KeyError(cache)

    def _encode(self, value: Any) -> bytes:
        """A value as bytes; the types of complex objects in it become known to the cluster."""
        data: bytes = encode(value)
        if _COMPLEX in data:
            self._aside().publish(value)
        return data

    def _aside(self) -> _Entrance:
        if self._entrance is None:
            self._entrance = _Entrance(self._inner)
        return self._entrance

    def stop(self) -> None:
        """Stop listening and close all connections."""
        if self._entrance is not None:
            self._entrance.close()
            self._entrance = None
        super().stop()

    def entries(self, cache: str) -> dict[Any, Any]:
        """Entries of a cache, past all rules and counters.

        Args:
            cache: Name of a cache that exists (str).

        Returns:
            Values by their keys. A key that is no key of a dict raises TypeError.

        Raises:
            KeyError: There is no such cache.
        """
        found = self._inner.entries(cache)
        if found is None:
            raise KeyError(cache)
        try:
            return {decode(key): decode(value) for key, value in found}
        except ParseError:
            # Complex objects are read by their types.
            return self._aside().entries(cache)

    def register_binary_type(self, cls: type[Any]) -> None:
        """Let the cluster know a class of complex objects; `entries` reads objects of its type as this class.

        Args:
            cls: A class whose metaclass is GenericObjectMeta.
        """
        self._aside().register(cls)

    def sql(
        self,
        statement: str,
        columns: Sequence[str] = (),
        rows: Iterable[Sequence[Any]] = (),
        *,
        arguments: Sequence[Any] | None = None,
        updated: int | None = None,
        error: str | None = None,
    ) -> None:
        """Record what an SQL statement answers. Of several records that fit, the newest counts; statements without one are refused.

        Args:
            statement: The statement (str). Spaces between its words make no difference.
            columns: Names of the columns.
            rows: Rows of values, or of pairs `(value, hint)`.
            arguments: The record is for these arguments only. Default: for any.
            updated: The statement changes data, and this many rows of it (int); in place of columns and rows.
            error: The statement fails with this text of the server, like '42000: Table "T" not found'.
        """
        if updated is not None:
            from .datatypes import LongObject

            columns, rows = ["UPDATED"], [[(updated, LongObject)]]
        values = [[self._encode(value) for value in row] for row in rows]
        if any(len(row) != len(columns) for row in values):
            raise ValueError("each row needs a value for each column")
        wanted = None if arguments is None else [encode(argument) for argument in arguments]
        self._inner.record(statement, list(columns), values, wanted, None if error is None else (1, error))

    def forget_sql(self) -> None:
        """Forget all recorded statements."""
        self._inner.forget_records()

    # How it does

    @property
    def offers(self) -> list[tuple[int, int, int]]:
        """Protocol versions that clients offered in handshakes, in their order."""
        offers: list[tuple[int, int, int]] = self._inner.offers()
        return offers

    @property
    def open_cursors(self) -> int:
        """Cursors that clients have open here."""
        cursors: int = self._inner.open_cursors
        return cursors

    @property
    def open_transactions(self) -> int:
        """Transactions that clients have open here."""
        transactions: int = self._inner.open_transactions
        return transactions

    @property
    def node_id(self) -> UUID:
        """The id that it tells in handshakes."""
        most, least = self._inner.node_id
        return UUID(int=most << 64 | least)

    @property
    def cluster_state(self) -> int:
        """0 inactive, 1 active, 2 active and read-only; can be set."""
        state: int = self._inner.state
        return state

    @cluster_state.setter
    def cluster_state(self, state: int) -> None:
        self._inner.set_state(int(state))

    @property
    def topology(self) -> tuple[int, int]:
        """Version of the cluster's topology; can be set. The next answer on each connection tells a version that has risen."""
        version: tuple[int, int] = self._inner.topology
        return version

    @topology.setter
    def topology(self, version: tuple[int, int]) -> None:
        self._inner.set_topology(version)

    def is_primary(self, key: Any) -> bool:
        """Whether the partition map says that this node has the key.

        Args:
            key: A key, or a pair `(key, hint)`.
        """
        primary: bool = self._inner.is_primary(encode(key))
        return primary

    def leave(self) -> None:
        """Leave the cluster, as the other nodes see it: they say that it is gone, while it goes on serving those who are connected."""
        self._inner.leave()

    def mute(self) -> None:
        """Say nothing on new connections, not even a handshake, until `welcome`."""
        self._inner.greet(True)

    def say(self, data: bytes, then_close: bool = False) -> None:
        """Answer the first message of each new connection with bytes of your own, until `welcome`: a port that is no Ignite node.

        Args:
            data: What is sent (bytes).
            then_close: Whether the connection is closed after it.
        """
        self._inner.greet(False, data, then_close)

    def welcome(self) -> None:
        """Greet new connections as a node does."""
        self._inner.greet(False)


class FakeCluster:
    """Several stand-ins that share caches, types and recorded SQL. Partitions go round the nodes that are there.

    Args:
        nodes: How many (int).
        caches: Caches that exist from the start, as for `FakeNode`.
        **options: The other options of `FakeNode`.
    """

    def __init__(self, nodes: int, caches: Iterable[str] | Mapping[str, Mapping[Any, Any]] = (), **options: Any) -> None:
        self._options = options
        #: The nodes, running or stopped.
        self.nodes = [FakeNode(caches, **options)]
        for _ in range(nodes - 1):
            self.add()

    def add(self) -> FakeNode:
        """Let one more node join."""
        node = FakeNode(beside=self.nodes[0], **self._options)
        self.nodes.append(node)
        return node

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each node, for `client.connect(addresses)`."""
        return [node.address for node in self.nodes]

    def primary(self, key: Any) -> FakeNode:
        """The running node that has the key by the partition map.

        Args:
            key: A key, or a pair `(key, hint)`.

        Raises:
            LookupError: No node runs.
        """
        for node in self.nodes:
            if node.is_primary(key):
                return node
        raise LookupError(f"no node has the key {key!r}: none of the {len(self.nodes)} runs")

    def stop(self) -> None:
        """Stop all nodes."""
        for node in self.nodes:
            node.stop()

    def __iter__(self) -> Iterator[FakeNode]:
        return iter(self.nodes)

    def __getitem__(self, index: int) -> FakeNode:
        return self.nodes[index]

    def __len__(self) -> int:
        return len(self.nodes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class GateProxy(_Scripted):
    """A proxy between clients and a real node, with the rules and counters of `FakeNode`. It knows where messages begin and end.

    It reads what passes, so clients must not use TLS. `garble` and `cut` on requests change what the server gets.

        with GateProxy("127.0.0.1", 10800) as gate:
            client.connect(*gate.address)
            gate.rule("put", cut(3))

    Args:
        host: Host of the node (str).
        port: Port of the node (int).
    """

    _inner: ScriptedGate

    def __init__(self, host: str, port: int) -> None:
        self._inner = ScriptedGate(host, port)
