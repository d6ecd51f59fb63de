"""Events against those of pyignite 0.6.1."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import pyignite_rs
from pyignite_rs import monitoring as ours
from pyignite_rs.connection import BitmaskFeature, ProtocolContext

if sys.version_info >= (3, 12):
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
else:
    import pyignite
import pyignite.monitoring as theirs
from pyignite.connection.bitmask_feature import BitmaskFeature as TheirFeature
from pyignite.connection.protocol_context import ProtocolContext as TheirContext

from ..support.cluster import Cluster
from ..support.listening import Ear

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


# --- the same script through both clients -------------------------------------------------------------------------------------------

#: What the clients ask for by themselves, to know where keys live and nodes listen.
OWN_REQUESTS = {"OP_CACHE_PARTITIONS", "OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS"}


def shown(heard: list[tuple[str, Any]]) -> list[tuple[Any, ...]]:
    """Events without what differs from run to run: ids of requests, times."""
    told = []
    for method, event in heard:
        if getattr(event, "op_name", None) in OWN_REQUESTS:
            continue
        attributes = ("host", "port", "node_uuid", "op_code", "op_name", "error_msg", "err_msg")
        facts = {name: getattr(event, name) for name in attributes if hasattr(event, name)}
        if isinstance(event, (theirs.QueryFailEvent, ours.QueryFailEvent)):
            # pyignite has one of the two names; here both are the same.
            facts["error_msg"] = facts["err_msg"]
        elif "error_msg" in facts:
            facts["err_msg"] = facts["error_msg"]
        context = getattr(event, "protocol_context", None)
        # This client offers a feature more.
        agreed = context and (context.version, bool(context.is_cluster_api_supported()))
        told.append((method, type(event).__name__, agreed, facts))
    return told


def outcome(call: Callable[[], Any]) -> None:
    try:
        call()
    except Exception:
        pass


def script(package: Any, monitoring: Any, address: tuple[str, int], name: str) -> list[tuple[str, Any]]:
    """A life of a client."""
    ear = Ear(monitoring)
    client = package.Client(event_listeners=ear.listeners)
    with client.connect(*address):
        cache = client.create_cache(name)
        cache.put(1, "one")
        cache.get(1)
        cache.get_all([1, 2])
        outcome(lambda: client.create_cache(name))
        outcome(lambda: client.get_cache(name + "-nowhere").get(1))
        outcome(lambda: cache.put(None, 1))
        client.get_cache_names()
        with cache.scan() as cursor:
            list(cursor)
        with client.sql("SELECT 1") as rows:
            list(rows)
        outcome(lambda: client.sql("SELECT nonsense FROM nowhere"))
        if client.protocol_context.is_transactions_supported():
            with client.tx_start() as transaction:
                transaction.commit()
        cache.destroy()
    return ear.take()


async def aio_script(package: Any, monitoring: Any, address: tuple[str, int], name: str) -> list[tuple[str, Any]]:
    """The same with coroutines."""

    async def aio_outcome(call: Any) -> None:
        try:
            await call
        except Exception:
            pass

    ear = Ear(monitoring)
    client = package.AioClient(event_listeners=ear.listeners)
    async with client.connect(*address):
        cache = await client.create_cache(name)
        await cache.put(1, "one")
        await cache.get(1)
        await cache.get_all([1, 2])
        await aio_outcome(client.create_cache(name))
        await aio_outcome((await client.get_cache(name + "-nowhere")).get(1))
        await aio_outcome(cache.put(None, 1))
        await client.get_cache_names()
        async with cache.scan() as cursor:
            [_ async for _ in cursor]
        async with client.sql("SELECT 1") as rows:
            [_ async for _ in rows]
        async with client.tx_start() as transaction:
            await transaction.commit()
        await cache.destroy()
    return ear.take()


@pytest.mark.live
def test_the_same_events(address: tuple[str, int], cache_name: str) -> None:
    their_events = shown(script(pyignite, theirs, address, cache_name))
    assert len(their_events) > 30
    assert shown(script(pyignite_rs, ours, address, cache_name)) == their_events


@pytest.mark.live
async def test_the_same_events_of_coroutines(address: tuple[str, int], cache_name: str) -> None:
    their_events = shown(await aio_script(pyignite, theirs, address, cache_name))
    assert len(their_events) > 20
    assert shown(await aio_script(pyignite_rs, ours, address, cache_name)) == their_events


@pytest.mark.live
def test_the_same_log(address: tuple[str, int], cache_name: str, caplog: pytest.LogCaptureFixture) -> None:
    def logged(package: Any, monitoring: Any) -> list[tuple[str, str, str]]:
        caplog.clear()
        script(package, monitoring, address, cache_name)
        return [
            (record.name.replace("pyignite_rs", "pyignite"), record.levelname, str(record.msg))
            for record in caplog.records
            if record.name.startswith("pyignite") and not OWN_REQUESTS & set(map(str, record.args or ()))
        ]

    with caplog.at_level(logging.DEBUG):
        their_log, our_log = logged(pyignite, theirs), logged(pyignite_rs, ours)
    assert len(their_log) > 30
    assert our_log == their_log


def test_the_same_events_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nowhere = free.getsockname()[:2]
    heard = []
    for package, monitoring in ((pyignite, theirs), (pyignite_rs, ours)):
        ear = Ear(monitoring)
        outcome(lambda package=package, ear=ear: package.Client(event_listeners=ear.listeners).connect(*nowhere))
        heard.append(shown(ear.take()))
    assert [method for method, *_ in heard[0]] == ["on_handshake_start", "on_handshake_fail"]
    assert heard[0] == heard[1]


@pytest.mark.live
@pytest.mark.slow
def test_the_same_events_of_a_wrong_password() -> None:
    heard = []
    with Cluster(1, authentication=True) as cluster:
        for package, monitoring in ((pyignite, theirs), (pyignite_rs, ours)):
            for options in ({"username": "ignite", "password": "wrong"}, {}, {"username": "ignite", "password": "ignite"}):
                ear = Ear(monitoring)
                client = package.Client(event_listeners=ear.listeners, **options)
                outcome(lambda client=client: client.connect(*cluster.addresses[0]))
                client.close()
                heard.append(shown(ear.take()))
    # pyignite closes its socket first, and tells of that too; here nothing was open that could be closed.
    assert [method for method, *_ in heard[0]] == ["on_handshake_start", "on_connection_closed", "on_authentication_fail"]
    assert [method for method, *_ in heard[3]] == ["on_handshake_start", "on_authentication_fail"]
    without = [[told for told in each if told[0] != "on_connection_closed"] for each in heard]
    assert without[:3] == without[3:]


@pytest.mark.live
async def test_both_clients_in_one_loop(address: tuple[str, int], cache_name: str) -> None:
    results = await asyncio.gather(
        aio_script(pyignite, theirs, address, cache_name + "-a"), aio_script(pyignite_rs, ours, address, cache_name + "-b")
    )
    their_methods, our_methods = ([method for method, *_ in shown(heard)] for heard in results)
    assert their_methods == our_methods
