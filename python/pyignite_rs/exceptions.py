"""Every exception of pyignite under its name and with its parents, and more precise ones below them."""

from __future__ import annotations

import asyncio
import sys

SocketError = OSError

__all__ = [
    "ParseError",
    "AuthenticationError",
    "HandshakeError",
    "ReconnectError",
    "ParameterError",
    "CacheError",
    "BinaryTypeError",
    "CacheCreationError",
    "SQLError",
    "ClusterError",
    "NotSupportedByClusterError",
    "NotSupportedError",
    "SocketError",
    "ConnectionLostError",
    "OperationTimeoutError",
    "ConnectTimeoutError",
    "CursorLostError",
    "TransactionLostError",
    "NoNodesError",
    "NodeRefusedError",
    "ClientClosedError",
    "connection_errors",
]


class _Facts:
    """What a failed call tells besides its message. None where it has nothing to tell."""

    #: Status code of the server's answer.
    code: int | None = None
    #: Name of the cache.
    cache: str | None = None
    #: Name of the operation, like 'OP_CACHE_GET'.
    operation: str | None = None
    #: The node, 'host:port'.
    address: str | None = None
    #: 'no': the request did not leave this process and had no effect. 'maybe': its effect is not known.
    sent: str | None = None
    #: Pairs (address, what went wrong there) when no node could be connected.
    causes: tuple[tuple[str, str], ...] = ()


class ParseError(_Facts, Exception):
    """Bytes of a server can not be read, or a value is of a kind that can not be sent."""


class AuthenticationError(_Facts, Exception):
    """The server does not accept the user name and password.

    Args:
        message: What the server says.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HandshakeError(_Facts, OSError):
    """A server refuses the handshake.

    Args:
        expected_version: Protocol version that the server wants, `(major, minor, patch)`.
        message: What it says.
    """

    def __init__(self, expected_version: tuple[int, int, int], message: str) -> None:
        super().__init__(expected_version, message)
        self.expected_version = expected_version
        self.message = message

    def __str__(self) -> str:
        return self.message


class ReconnectError(_Facts, Exception):
    """No node is left to connect to."""


class ParameterError(Exception):
    """A parameter is wrong."""


class CacheError(_Facts, Exception):
    """A server refuses an operation on a cache."""


class BinaryTypeError(CacheError):
    """A server refuses an operation on a binary type."""


class CacheCreationError(CacheError):
    """A server does not make a cache."""


class SQLError(CacheError):
    """A server refuses an SQL query."""


class ClusterError(_Facts, Exception):
    """A server refuses an operation on the cluster."""


class NotSupportedByClusterError(_Facts, Exception):
    """The cluster is too old for an operation."""


class NotSupportedError(Exception):
    """This client does not support an operation."""


class ConnectionLostError(_Facts, ConnectionError):
    """The connection broke during a call. `sent` tells whether the request may have taken effect."""


class CursorLostError(SQLError, ConnectionError):
    """The connection is gone on which a cursor was open. Start the query again."""


class TransactionLostError(CacheError, ConnectionError):
    """The connection is gone on which a transaction was open; the server rolls it back.

    If that happened during `commit()`, `sent` tells whether the commit may have taken effect.
    """


class NoNodesError(ReconnectError, ConnectionError):
    """No node could be connected; `causes` has an entry for each address."""


class NodeRefusedError(HandshakeError, NoNodesError):
    """Every node that could be reached refused the handshake."""


class ClientClosedError(ReconnectError, ConnectionError):
    """The client is not connected: it was closed, or `connect()` was never called."""


if sys.version_info >= (3, 11):
    _Timeout = TimeoutError
else:

    class _Timeout(TimeoutError, asyncio.TimeoutError):
        """Both timeouts of Python 3.10, which are one class later."""


class OperationTimeoutError(_Facts, _Timeout):
    """A call did not end within its time limit. `sent` tells whether the request may have taken effect."""


class ConnectTimeoutError(NoNodesError, OperationTimeoutError):
    """No node answered within the time limit; `causes` has an entry for each address."""


#: What a lost or refused connection raises.
connection_errors = (IOError, OSError, EOFError)
