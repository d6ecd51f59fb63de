"""Events against those of pyignite 0.6.1."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

import pytest

from pyignite_rs import monitoring as ours
from pyignite_rs.connection import BitmaskFeature, ProtocolContext

if sys.version_info >= (3, 12):
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
import pyignite.monitoring as theirs
from pyignite.connection.bitmask_feature import BitmaskFeature as TheirFeature
from pyignite.connection.protocol_context import ProtocolContext as TheirContext

NODE = UUID("aa0e1c31-3a0e-4a3e-9fd5-6f5ba4d2cdd2")
CONTEXT = ProtocolContext((1, 7, 0), BitmaskFeature.CLUSTER_API), TheirContext((1, 7, 0), TheirFeature.CLUSTER_API)
NO_CONTEXT = None, None
QUERY = ("h", 1, NODE, 7, 1000, "OP_CACHE_GET")

#: Name of a class and the arguments of both.
MADE: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    (name, (*front, ours_context, *behind), (*front, their_context, *behind))
    for ours_context, their_context in (CONTEXT, NO_CONTEXT)
    for name, front, behind in [
        ("HandshakeStartEvent", ("h", 1), ()),
        ("HandshakeFailedEvent", ("h", 1), (OSError("no"),)),
        ("HandshakeFailedEvent", ("h", 1), (None,)),
        ("AuthenticationFailedEvent", ("h", 1), (OSError(2, "no"),)),
        ("HandshakeSuccessEvent", ("h", 1), (NODE,)),
        ("HandshakeSuccessEvent", ("h", 1), (None,)),
    ]
] + [
    (name, arguments, arguments)
    for name, arguments in [
        ("ConnectionClosedEvent", ("h", 1, NODE)),
        ("ConnectionLostEvent", ("h", 1, NODE, OSError("gone"))),
        ("ConnectionLostEvent", ("h", 1, None, None)),
        ("QueryStartEvent", QUERY),
        ("QuerySuccessEvent", (*QUERY, 12)),
        ("QueryFailEvent", (*QUERY, 12, "no such cache")),
        ("QueryFailEvent", (*QUERY, 12, ValueError("no"))),
    ]
]


@pytest.mark.parametrize(("name", "our_arguments", "their_arguments"), MADE, ids=[row[0] for row in MADE])
def test_an_event_looks_like_pyignites(name: str, our_arguments: tuple[Any, ...], their_arguments: tuple[Any, ...]) -> None:
    our_event, their_event = getattr(ours, name)(*our_arguments), getattr(theirs, name)(*their_arguments)
    assert repr(our_event) == repr(their_event)
    for attribute in ("host", "port", "node_uuid", "query_id", "op_code", "op_name", "duration", "error_msg", "err_msg"):
        if hasattr(their_event, attribute):
            assert getattr(our_event, attribute) == getattr(their_event, attribute), attribute
    for event in (our_event, their_event):
        with pytest.raises(TypeError, match="is immutable"):
            event.host = "elsewhere"
