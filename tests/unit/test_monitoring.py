"""Events and listeners by themselves: attributes, texts, what a listener may do."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any
from uuid import UUID

import pytest

from pyignite_rs import monitoring
from pyignite_rs.connection import BitmaskFeature, ProtocolContext

NODE = UUID("aa0e1c31-3a0e-4a3e-9fd5-6f5ba4d2cdd2")
CONTEXT = ProtocolContext((1, 7, 0), BitmaskFeature.CLUSTER_API)
ADDRESS: dict[str, Any] = {"host": "10.0.0.1", "port": 10800}
QUERY: dict[str, Any] = {**ADDRESS, "node_uuid": NODE, "query_id": 7, "op_code": 1000, "op_name": "OP_CACHE_GET"}

#: Each class of events with what it is made of and what it tells.
EVENTS: list[tuple[type[Any], dict[str, Any], dict[str, Any]]] = [
    (monitoring.HandshakeStartEvent, {"protocol_context": CONTEXT}, {"protocol_context": CONTEXT}),
    (monitoring.HandshakeStartEvent, {}, {"protocol_context": None}),
    (
        monitoring.HandshakeFailedEvent,
        {"protocol_context": CONTEXT, "err": OSError("no")},
        {"protocol_context": CONTEXT, "error_msg": "OSError('no')", "err_msg": "OSError('no')"},
    ),
    (monitoring.HandshakeFailedEvent, {}, {"protocol_context": None, "error_msg": "", "err_msg": ""}),
    (monitoring.AuthenticationFailedEvent, {"err": OSError("no")}, {"error_msg": "OSError('no')"}),
    (
        monitoring.HandshakeSuccessEvent,
        {"protocol_context": CONTEXT, "node_uuid": NODE},
        {"protocol_context": CONTEXT, "node_uuid": str(NODE)},
    ),
    (monitoring.HandshakeSuccessEvent, {"protocol_context": CONTEXT, "node_uuid": None}, {"node_uuid": ""}),
    (monitoring.ConnectionClosedEvent, {"node_uuid": NODE}, {"node_uuid": str(NODE)}),
    (
        monitoring.ConnectionLostEvent,
        {"node_uuid": NODE, "err": OSError("no")},
        {"node_uuid": str(NODE), "error_msg": "OSError('no')", "err_msg": "OSError('no')"},
    ),
    (monitoring.QueryStartEvent, QUERY, {**QUERY, "node_uuid": str(NODE)}),
    (monitoring.QuerySuccessEvent, {**QUERY, "duration": 3}, {**QUERY, "node_uuid": str(NODE), "duration": 3}),
    (
        monitoring.QueryFailEvent,
        {**QUERY, "duration": 3, "err": "Cache does not exist"},
        {
            **QUERY,
            "node_uuid": str(NODE),
            "duration": 3,
            "err_msg": "'Cache does not exist'",
            "error_msg": "'Cache does not exist'",
        },
    ),
]


@pytest.mark.parametrize(("cls", "made_of", "tells"), EVENTS, ids=[row[0].__name__ for row in EVENTS])
def test_an_event_tells_what_it_was_made_of(cls: type[Any], made_of: dict[str, Any], tells: dict[str, Any]) -> None:
    event = cls(**{**ADDRESS, **made_of})
    for name, value in {**ADDRESS, **tells}.items():
        assert getattr(event, name) == value, name
    assert repr(event).startswith(f"{cls.__name__}(host=10.0.0.1, port=10800")


@pytest.mark.parametrize(("cls", "made_of"), [row[:2] for row in EVENTS], ids=[row[0].__name__ for row in EVENTS])
def test_an_event_can_not_be_changed(cls: type[Any], made_of: dict[str, Any]) -> None:
    event = cls(**{**ADDRESS, **made_of})
    with pytest.raises(TypeError, match=f"{cls.__name__} is immutable"):
        event.host = "elsewhere"
    with pytest.raises(TypeError, match="immutable"):
        del event.host
    with pytest.raises(TypeError, match="immutable"):
        event.other = 1
    assert event.host == "10.0.0.1"


def test_an_event_takes_facts_that_later_versions_may_bring() -> None:
    event: Any = monitoring.ConnectionClosedEvent("h", 1, None, reason="idle")
    assert event.reason == "idle"


def test_the_protocol_context_of_an_event_is_its_own() -> None:
    event = monitoring.HandshakeStartEvent("h", 1, CONTEXT)
    assert event.protocol_context == CONTEXT
    assert event.protocol_context is not CONTEXT


@pytest.mark.parametrize(
    "remake", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))], ids=["copy", "deep", "pickle"]
)
@pytest.mark.parametrize(("cls", "made_of"), [row[:2] for row in EVENTS], ids=[row[0].__name__ for row in EVENTS])
def test_an_event_can_be_copied_and_sent_to_another_process(cls: type[Any], made_of: dict[str, Any], remake: Any) -> None:
    event = cls(**{**ADDRESS, **made_of})
    again = remake(event)
    assert type(again) is cls
    assert repr(again) == repr(event)


def told(teller: Any) -> None:
    """Everything that the Rust half may say."""
    agreed = ((1, 7, 0), 4)
    teller.handshake_start("h", 1, agreed)
    teller.handshake_success("h", 1, agreed, str(NODE))
    teller.handshake_fail("h", 1, None, OSError("refused"))
    teller.authentication_fail("h", 1, agreed, OSError("wrong"))
    teller.connection_closed("h", 1, str(NODE))
    teller.connection_lost("h", 1, str(NODE), OSError("gone"))
    teller.query_start("h", 1, str(NODE), 7, 1000, "OP_CACHE_GET")
    teller.query_success("h", 1, str(NODE), 7, 1000, "OP_CACHE_GET", 2)
    teller.query_fail("h", 1, str(NODE), 7, 1000, "OP_CACHE_GET", 2, "no such cache")


METHODS = [
    "on_handshake_start",
    "on_handshake_success",
    "on_handshake_fail",
    "on_authentication_fail",
    "on_connection_closed",
    "on_connection_lost",
    "on_query_start",
    "on_query_success",
    "on_query_fail",
]


def recorder(*bases: type[Any]) -> Any:
    """A listener that keeps what it hears."""

    class Recorder(*bases):  # type: ignore[misc]
        def __init__(self) -> None:
            self.heard: list[tuple[str, Any]] = []

        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_"):
                return lambda event: self.heard.append((name, event))
            return super().__getattribute__(name)

    return Recorder()


def test_each_listener_hears_what_is_for_it() -> None:
    connections, queries = recorder(monitoring.ConnectionEventListener), recorder(monitoring.QueryEventListener)
    both = recorder(monitoring.ConnectionEventListener, monitoring.QueryEventListener)
    told(monitoring._Teller([connections, queries, both]))
    assert [name for name, _ in both.heard] == METHODS
    assert [name for name, _ in connections.heard] == METHODS[:6]
    assert [name for name, _ in queries.heard] == METHODS[6:]
    assert dict(queries.heard)["on_query_fail"].error_msg == "'no such cache'"
    assert dict(connections.heard)["on_handshake_success"].protocol_context == CONTEXT


def test_a_listener_that_does_nothing() -> None:
    class Deaf(monitoring.ConnectionEventListener, monitoring.QueryEventListener):
        pass

    told(monitoring._Teller([Deaf()]))


def test_what_a_listener_raises_is_logged_and_harmless(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(monitoring.QueryEventListener):
        def on_query_start(self, event: monitoring.QueryStartEvent) -> None:
            raise RuntimeError("a mistake of the program")

    after = recorder(monitoring.QueryEventListener)
    with caplog.at_level(logging.ERROR, logger="pyignite_rs"):
        told(monitoring._Teller([Broken(), after]))
    # Those behind it hear all the same.
    assert [name for name, _ in after.heard] == METHODS[6:]
    assert [
        "a mistake of the program" in (record.exc_text or "") for record in caplog.records if "on_query_start" in record.message
    ] == [True]


def test_an_interrupt_is_no_mistake_of_a_listener() -> None:
    class Interrupted(monitoring.QueryEventListener):
        def on_query_start(self, event: monitoring.QueryStartEvent) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        monitoring._Teller([Interrupted()]).query_start("h", 1, "", 1, 1000, "OP_CACHE_GET")


def test_log_texts_are_those_that_programs_look_for(caplog: pytest.LogCaptureFixture) -> None:
    context = "ProtocolContext(version=(1, 7, 0), features=4)" if str(BitmaskFeature(4)) == "4" else str(CONTEXT)
    with caplog.at_level(logging.DEBUG, logger="pyignite_rs"):
        told(monitoring._Teller(None))
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("pyignite_rs.connection", "DEBUG", f"Connecting to node(address=h, port=1) with protocol context {context}"),
        (
            "pyignite_rs.connection",
            "DEBUG",
            f"Connected to node(address=h, port=1, node_uuid={NODE}) with protocol context {context}",
        ),
        (
            "pyignite_rs.connection",
            "ERROR",
            "Failed to perform handshake, connection to node(address=h, port=1) with protocol context None failed: refused",
        ),
        ("pyignite_rs.connection", "ERROR", "Authentication failed while connecting to node(address=h, port=1): wrong"),
        ("pyignite_rs.connection", "DEBUG", f"Connection closed to node(address=h, port=1, node_uuid={NODE})"),
        ("pyignite_rs.connection", "INFO", f"Connection lost to node(address=h, port=1, node_uuid={NODE}): gone"),
        ("pyignite_rs.queries", "DEBUG", f"Start query(query_id=7, op_type=OP_CACHE_GET, host=h, port=1, node_id={NODE})"),
        (
            "pyignite_rs.queries",
            "DEBUG",
            f"Finished query(query_id=7, op_type=OP_CACHE_GET, host=h, port=1, node_id={NODE}) successfully in 2 ms",
        ),
        (
            "pyignite_rs.queries",
            "DEBUG",
            f"Failed to perform query(query_id=7, op_type=OP_CACHE_GET, host=h, port=1, node_id={NODE}) in 2 ms: no such cache",
        ),
    ]


def test_nothing_is_printed_where_a_program_sets_no_logging_up(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        monitoring._Teller(None).handshake_fail("h", 1, None, OSError("refused"))
    finally:
        root.handlers = handlers
    assert capfd.readouterr().err == ""
