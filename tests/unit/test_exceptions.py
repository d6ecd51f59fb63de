"""Exceptions: parents, attributes, texts, pickling."""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
from typing import Any

import pytest

from pyignite_rs import exceptions

#: Parents of pyignite 0.6.1's classes, by name.
PYIGNITE: dict[str, type[Exception] | str] = {
    "ParseError": Exception,
    "AuthenticationError": Exception,
    "HandshakeError": OSError,
    "ReconnectError": Exception,
    "ParameterError": Exception,
    "CacheError": Exception,
    "BinaryTypeError": "CacheError",
    "CacheCreationError": "CacheError",
    "SQLError": "CacheError",
    "ClusterError": Exception,
    "NotSupportedByClusterError": Exception,
    "NotSupportedError": Exception,
}

#: What this client adds, each with all classes of the above and of Python by which a program may catch it.
OURS: dict[str, tuple[type[BaseException], ...]] = {
    "ConnectionLostError": (ConnectionError, OSError),
    "OperationTimeoutError": (TimeoutError, asyncio.TimeoutError, OSError),
    "NoNodesError": (exceptions.ReconnectError, ConnectionError, OSError),
    "NodeRefusedError": (exceptions.HandshakeError, exceptions.ReconnectError, OSError),
    "ClientClosedError": (exceptions.ReconnectError, ConnectionError, OSError),
    "CursorLostError": (exceptions.CacheError, ConnectionError, OSError),
    "TransactionLostError": (exceptions.CacheError, ConnectionError, OSError),
    "ConnectTimeoutError": (exceptions.ReconnectError, TimeoutError, asyncio.TimeoutError, OSError),
}


@pytest.mark.parametrize("name", PYIGNITE)
def test_parents_are_those_of_pyignite(name: str) -> None:
    parent = PYIGNITE[name]
    if isinstance(parent, str):
        parent = getattr(exceptions, parent)
    assert issubclass(getattr(exceptions, name), parent)
    # No class is caught by a handler for one that it had nothing to do with.
    others = [other for other in PYIGNITE if other not in (name, parent.__name__)]
    assert [other for other in others if issubclass(getattr(exceptions, name), getattr(exceptions, other))] == []
    assert issubclass(getattr(exceptions, name), OSError) == (name == "HandshakeError")


@pytest.mark.parametrize("name", OURS)
def test_parents_of_our_own(name: str) -> None:
    for parent in OURS[name]:
        assert issubclass(getattr(exceptions, name), parent)


def test_aliases() -> None:
    assert exceptions.SocketError is OSError is socket.error
    assert set(exceptions.connection_errors) == {OSError, EOFError}


def test_everything_is_exported() -> None:
    assert set(PYIGNITE) | set(OURS) | {"SocketError", "connection_errors"} == set(exceptions.__all__)


def build(name: str) -> Any:
    """An exception as the client raises it."""
    if name in ("HandshakeError", "NodeRefusedError"):
        return getattr(exceptions, name)((1, 2, 0), "what went wrong")
    return getattr(exceptions, name)("what went wrong")


@pytest.mark.parametrize("name", [*PYIGNITE, *OURS])
def test_text_and_pickling(name: str) -> None:
    error = build(name)
    assert str(error) == "what went wrong"
    facts = {"code": 1000, "cache": "c", "operation": "OP_CACHE_GET", "address": "127.0.0.1:10800", "sent": "maybe"}
    for fact, value in facts.items():
        setattr(error, fact, value)
    error.causes = (("127.0.0.1:10800", "refused"),)
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(copied) is type(error)
        assert str(copied) == "what went wrong"
        assert copied.args == error.args
        assert {fact: getattr(copied, fact) for fact in facts} == facts
        assert copied.causes == error.causes


@pytest.mark.parametrize("name", [name for name in (*PYIGNITE, *OURS) if name not in ("ParameterError", "NotSupportedError")])
def test_facts_are_there_with_nothing_to_tell(name: str) -> None:
    error = build(name)
    assert (error.code, error.cache, error.operation, error.address, error.sent) == (None,) * 5
    assert error.causes == ()


def test_handshake_error_tells_the_version() -> None:
    for name in ("HandshakeError", "NodeRefusedError"):
        error = build(name)
        assert (error.expected_version, error.message) == ((1, 2, 0), "what went wrong")
        copied = pickle.loads(pickle.dumps(error))
        assert (copied.expected_version, copied.message) == ((1, 2, 0), "what went wrong")


def test_authentication_error_tells_the_message() -> None:
    assert build("AuthenticationError").message == "what went wrong"
    with pytest.raises(TypeError):
        exceptions.AuthenticationError()  # type: ignore[call-arg]
