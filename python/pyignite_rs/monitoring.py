"""What a client tells about its connections and its requests.

A listener is an object of a class below `ConnectionEventListener` or `QueryEventListener`, or of both, given to a client:

    class Slow(QueryEventListener):
        def on_query_success(self, event):
            if event.duration > 100:
                print(event.op_name, event.duration, "ms")

    client = Client(event_listeners=[Slow()])

Its methods run in the thread, or on the event loop, of the call that they tell about, before that call returns. What happens to a
connection while no call uses it is told by a thread of its own, which exists only if there are connection listeners. An exception
that a listener raises is logged and goes no further.

The same facts go to the loggers `pyignite_rs.connection` and `pyignite_rs.queries`, mostly at level DEBUG.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn
from warnings import warn

from ._core import _next_event
from .connection import ProtocolContext

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "HandshakeStartEvent",
    "HandshakeFailedEvent",
    "AuthenticationFailedEvent",
    "HandshakeSuccessEvent",
    "ConnectionClosedEvent",
    "ConnectionLostEvent",
    "ConnectionEventListener",
    "QueryStartEvent",
    "QuerySuccessEvent",
    "QueryFailEvent",
    "QueryEventListener",
]


def _text(value: object) -> str:
    """A node's id as text; empty where the server does not tell it."""
    return str(value) if value else ""


def _problem(error: object) -> str:
    """What went wrong, as pyignite tells it: the `repr` of an exception, or of the server's words."""
    return repr(error) if error else ""


class _Event:
    """An immutable record. `_told` names what `repr` tells, in its order."""

    _told: tuple[str, ...] = ()

    def __init__(self, **facts: Any) -> None:
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is immutable")

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any] | None] | dict[str, Any]) -> None:
        # As the default would, but past the lock on attributes.
        for facts in state if isinstance(state, tuple) else (state,):
            _Event.__init__(self, **(facts or {}))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self._told)})"


class _ConnectionEvent(_Event):
    __slots__ = ("host", "port")

    host: str
    port: int

    def __init__(self, host: str, port: int, **kwargs: Any) -> None:
        super().__init__(host=host, port=port, **kwargs)


class _HandshakeEvent(_ConnectionEvent):
    __slots__ = ("protocol_context",)
    _told: tuple[str, ...] = ("host", "port", "protocol_context")

    protocol_context: ProtocolContext | None

    def __init__(self, host: str, port: int, protocol_context: ProtocolContext | None = None, **kwargs: Any) -> None:
        super().__init__(host, port, protocol_context=protocol_context.copy() if protocol_context else None, **kwargs)


class HandshakeStartEvent(_HandshakeEvent):
    """A connection to a node is being opened.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        protocol_context: What this client offers (ProtocolContext).
    """

    def __init__(self, host: str, port: int, protocol_context: ProtocolContext | None = None, **kwargs: Any) -> None:
        super().__init__(host, port, protocol_context, **kwargs)


class HandshakeFailedEvent(_HandshakeEvent):
    """A connection could not be opened.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        protocol_context: What this client offered (ProtocolContext).
        error_msg: What went wrong (str).
    """

    __slots__ = ("error_msg",)
    _told: tuple[str, ...] = ("host", "port", "protocol_context", "error_msg")

    error_msg: str

    def __init__(
        self, host: str, port: int, protocol_context: ProtocolContext | None = None, err: object = None, **kwargs: Any
    ) -> None:
        super().__init__(host, port, protocol_context, error_msg=_problem(err), **kwargs)

    @property
    def err_msg(self) -> str:
        """The same as `error_msg`."""
        return self.error_msg


class AuthenticationFailedEvent(HandshakeFailedEvent):
    """A server does not accept the user name and password. Attributes as of `HandshakeFailedEvent`."""


class HandshakeSuccessEvent(_HandshakeEvent):
    """A connection is open.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        protocol_context: What both sides agreed on (ProtocolContext).
        node_uuid: The node's id (str).
    """

    __slots__ = ("node_uuid",)
    _told: tuple[str, ...] = ("host", "port", "node_uuid", "protocol_context")

    node_uuid: str

    def __init__(
        self, host: str, port: int, protocol_context: ProtocolContext | None, node_uuid: UUID | str | None, **kwargs: Any
    ) -> None:
        super().__init__(host, port, protocol_context, node_uuid=_text(node_uuid), **kwargs)


class ConnectionClosedEvent(_ConnectionEvent):
    """This client closed a connection.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        node_uuid: The node's id (str).
    """

    __slots__ = ("node_uuid",)
    _told: tuple[str, ...] = ("host", "port", "node_uuid")

    node_uuid: str

    def __init__(self, host: str, port: int, node_uuid: UUID | str | None, **kwargs: Any) -> None:
        super().__init__(host, port, node_uuid=_text(node_uuid), **kwargs)


class ConnectionLostEvent(ConnectionClosedEvent):
    """A connection broke.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        node_uuid: The node's id (str).
        error_msg: What happened (str).
    """

    __slots__ = ("error_msg",)
    _told: tuple[str, ...] = ("host", "port", "node_uuid", "error_msg")

    error_msg: str

    def __init__(self, host: str, port: int, node_uuid: UUID | str | None, err: object, **kwargs: Any) -> None:
        super().__init__(host, port, node_uuid, error_msg=_problem(err), **kwargs)

    @property
    def err_msg(self) -> str:
        """The same as `error_msg`."""
        return self.error_msg


class ConnectionEventListener:
    """Base of listeners to connections. Its methods do nothing; redefine those that you need."""

    def on_handshake_start(self, event: HandshakeStartEvent) -> None:
        """A connection is being opened."""

    def on_handshake_success(self, event: HandshakeSuccessEvent) -> None:
        """A connection is open."""

    def on_handshake_fail(self, event: HandshakeFailedEvent) -> None:
        """A connection could not be opened."""

    def on_authentication_fail(self, event: AuthenticationFailedEvent) -> None:
        """The user name or password is wrong."""

    def on_connection_closed(self, event: ConnectionClosedEvent) -> None:
        """This client closed a connection."""

    def on_connection_lost(self, event: ConnectionLostEvent) -> None:
        """A connection broke."""


class _QueryEvent(_Event):
    __slots__ = ("host", "node_uuid", "op_code", "op_name", "port", "query_id")
    _told: tuple[str, ...] = ("host", "port", "node_uuid", "query_id", "op_code", "op_name")

    host: str
    port: int
    node_uuid: str
    query_id: int
    op_code: int
    op_name: str

    def __init__(
        self, host: str, port: int, node_uuid: UUID | str | None, query_id: int, op_code: int, op_name: str, **kwargs: Any
    ) -> None:
        super().__init__(
            host=host,
            port=port,
            node_uuid=_text(node_uuid),
            query_id=query_id,
            op_code=op_code,
            op_name=op_name,
            **kwargs,
        )


class QueryStartEvent(_QueryEvent):
    """A request goes to a node.

    Attributes:
        host: The node's address (str).
        port: Its port (int).
        node_uuid: The node's id (str).
        query_id: Id of the request on its connection (int).
        op_code: Code of the operation (int), as in `queries.op_codes`.
        op_name: Its name (str), 'OP_CACHE_GET', say.
    """


class QuerySuccessEvent(_QueryEvent):
    """A request was answered. Attributes as of `QueryStartEvent`, and:

    Attributes:
        duration: Time from the start to the answer in whole milliseconds (int).
    """

    __slots__ = ("duration",)
    _told: tuple[str, ...] = (*_QueryEvent._told, "duration")

    duration: int

    def __init__(
        self,
        host: str,
        port: int,
        node_uuid: UUID | str | None,
        query_id: int,
        op_code: int,
        op_name: str,
        duration: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(host, port, node_uuid, query_id, op_code, op_name, duration=duration, **kwargs)


class QueryFailEvent(_QueryEvent):
    """A request failed: the server refused it, or no answer came. Attributes as of `QueryStartEvent`, and:

    Attributes:
        duration: Time from the start to the failure in whole milliseconds (int).
        error_msg: What went wrong (str); `err_msg` is the same.
    """

    __slots__ = ("duration", "err_msg")
    _told: tuple[str, ...] = (*_QueryEvent._told, "duration", "err_msg")

    duration: int
    err_msg: str

    def __init__(
        self,
        host: str,
        port: int,
        node_uuid: UUID | str | None,
        query_id: int,
        op_code: int,
        op_name: str,
        duration: int,
        err: object,
        **kwargs: Any,
    ) -> None:
        super().__init__(host, port, node_uuid, query_id, op_code, op_name, duration=duration, err_msg=_problem(err), **kwargs)

    @property
    def error_msg(self) -> str:
        """What went wrong."""
        return self.err_msg


class QueryEventListener:
    """Base of listeners to requests. Its methods do nothing; redefine those that you need."""

    def on_query_start(self, event: QueryStartEvent) -> None:
        """A request goes to a node."""

    def on_query_success(self, event: QuerySuccessEvent) -> None:
        """A request was answered."""

    def on_query_fail(self, event: QueryFailEvent) -> None:
        """A request failed."""


# --- what the Rust half calls ------------------------------------------------------------------------------------------------------


class _Loggers:
    """The two loggers, under the name of this package or, once programs import it as pyignite, under that name."""

    def __init__(self, package: str) -> None:
        self.rename(package)

    def rename(self, package: str) -> None:
        """Log under the name of another package from now on."""
        # Nothing is printed unless the program sets logging up: what fails is raised anyhow.
        logging.getLogger(package).addHandler(logging.NullHandler())
        self.connection = logging.getLogger(f"{package}.connection")
        self.queries = logging.getLogger(f"{package}.queries")


_LOGGERS = _Loggers("pyignite_rs")


class _Teller:
    """Turns the facts of one client into events for its listeners and into log records. Called by the Rust half."""

    def __init__(self, listeners: Iterable[Any] | None) -> None:
        given = list(listeners or ())
        for each in given:
            if not isinstance(each, (ConnectionEventListener, QueryEventListener)):
                warn(f"{each!r} is no event listener and will hear nothing", stacklevel=4)
        self.connection_listeners = [each for each in given if isinstance(each, ConnectionEventListener)]
        self.query_listeners = [each for each in given if isinstance(each, QueryEventListener)]

    @property
    def queries_logger(self) -> logging.Logger:
        """The Rust half asks it for every request whether it is on."""
        return _LOGGERS.queries

    @staticmethod
    def _tell(listeners: list[Any], method: str, event: _Event) -> None:
        for listener in listeners:
            try:
                getattr(listener, method)(event)
            except KeyboardInterrupt:
                # It means the program: the Rust half has it raised again there.
                raise
            except BaseException:
                _LOGGERS.connection.error("an event listener failed in %s", method, exc_info=True)

    def handshake_start(self, host: str, port: int, agreed: Any) -> None:
        context = ProtocolContext._agreed(agreed)
        log = _LOGGERS.connection
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Connecting to node(address=%s, port=%d) with protocol context %s", host, port, context)
        if self.connection_listeners:
            self._tell(self.connection_listeners, "on_handshake_start", HandshakeStartEvent(host, port, context))

    def handshake_success(self, host: str, port: int, agreed: Any, node: str) -> None:
        context = ProtocolContext._agreed(agreed)
        log = _LOGGERS.connection
        if log.isEnabledFor(logging.DEBUG):
            text = "Connected to node(address=%s, port=%d, node_uuid=%s) with protocol context %s"
            log.debug(text, host, port, node, context)
        if self.connection_listeners:
            self._tell(self.connection_listeners, "on_handshake_success", HandshakeSuccessEvent(host, port, context, node))

    def handshake_fail(self, host: str, port: int, agreed: Any, error: BaseException) -> None:
        context = ProtocolContext._agreed(agreed)
        text = "Failed to perform handshake, connection to node(address=%s, port=%d) with protocol context %s failed: %s"
        _LOGGERS.connection.error(text, host, port, context, error)
        if self.connection_listeners:
            self._tell(self.connection_listeners, "on_handshake_fail", HandshakeFailedEvent(host, port, context, error))

    def authentication_fail(self, host: str, port: int, agreed: Any, error: BaseException) -> None:
        text = "Authentication failed while connecting to node(address=%s, port=%d): %s"
        _LOGGERS.connection.error(text, host, port, error)
        if self.connection_listeners:
            event = AuthenticationFailedEvent(host, port, ProtocolContext._agreed(agreed), error)
            self._tell(self.connection_listeners, "on_authentication_fail", event)

    def connection_closed(self, host: str, port: int, node: str) -> None:
        log = _LOGGERS.connection
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Connection closed to node(address=%s, port=%d, node_uuid=%s)", host, port, node)
        if self.connection_listeners:
            self._tell(self.connection_listeners, "on_connection_closed", ConnectionClosedEvent(host, port, node))

    def connection_lost(self, host: str, port: int, node: str, error: BaseException) -> None:
        _LOGGERS.connection.info("Connection lost to node(address=%s, port=%d, node_uuid=%s): %s", host, port, node, error)
        if self.connection_listeners:
            self._tell(self.connection_listeners, "on_connection_lost", ConnectionLostEvent(host, port, node, error))

    def query_start(self, host: str, port: int, node: str, query_id: int, op_code: int, op_name: str) -> None:
        log = _LOGGERS.queries
        if log.isEnabledFor(logging.DEBUG):
            text = "Start query(query_id=%d, op_type=%s, host=%s, port=%d, node_id=%s)"
            log.debug(text, query_id, op_name, host, port, node)
        if self.query_listeners:
            self._tell(self.query_listeners, "on_query_start", QueryStartEvent(host, port, node, query_id, op_code, op_name))

    def query_success(self, host: str, port: int, node: str, query_id: int, op_code: int, op_name: str, duration: int) -> None:
        log = _LOGGERS.queries
        if log.isEnabledFor(logging.DEBUG):
            text = "Finished query(query_id=%d, op_type=%s, host=%s, port=%d, node_id=%s) successfully in %d ms"
            log.debug(text, query_id, op_name, host, port, node, duration)
        if self.query_listeners:
            event = QuerySuccessEvent(host, port, node, query_id, op_code, op_name, duration)
            self._tell(self.query_listeners, "on_query_success", event)

    def query_fail(
        self, host: str, port: int, node: str, query_id: int, op_code: int, op_name: str, duration: int, error: object
    ) -> None:
        log = _LOGGERS.queries
        if log.isEnabledFor(logging.DEBUG):
            text = "Failed to perform query(query_id=%d, op_type=%s, host=%s, port=%d, node_id=%s) in %d ms: %s"
            log.debug(text, query_id, op_name, host, port, node, duration, error)
        if self.query_listeners:
            event = QueryFailEvent(host, port, node, query_id, op_code, op_name, duration, error)
            self._tell(self.query_listeners, "on_query_fail", event)


def _dispatch() -> None:
    """Tell what happens to connections that no call uses; the body of the one thread that does."""
    while True:
        tell, arguments = _next_event()
        tell(*arguments)


def _start_dispatcher() -> None:
    threading.Thread(target=_dispatch, name="pyignite_rs events", daemon=True).start()
