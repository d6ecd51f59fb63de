"""Uses every public method with its types. It is read by the type checkers and never run; `test_typing.py` sees to it that nothing
is left out."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from typing_extensions import assert_type

import pyignite_rs
from pyignite_rs import AioClient, Client, GenericObjectMeta, exceptions, install_as_pyignite, monitoring
from pyignite_rs.aio_cache import AioCache
from pyignite_rs.cache import Cache
from pyignite_rs.connection import AioConnection, Connection
from pyignite_rs.connection.protocol_context import ProtocolContext
from pyignite_rs.datatypes import ClusterState, ExpiryPolicy, IntObject, String, TransactionConcurrency, TransactionIsolation
from pyignite_rs.datatypes.key_value import PeekModes
from pyignite_rs.datatypes.prop_codes import PROP_BACKUPS_NUMBER, PROP_NAME


class Listener(monitoring.ConnectionEventListener, monitoring.QueryEventListener):
    """Every event with its attributes."""

    def on_handshake_start(self, event: monitoring.HandshakeStartEvent) -> None:
        assert_type(event.host, str)
        assert_type(event.port, int)
        assert_type(event.protocol_context, ProtocolContext | None)

    def on_handshake_success(self, event: monitoring.HandshakeSuccessEvent) -> None:
        assert_type(event.node_uuid, str)

    def on_handshake_fail(self, event: monitoring.HandshakeFailedEvent) -> None:
        assert_type(event.error_msg, str)

    def on_authentication_fail(self, event: monitoring.AuthenticationFailedEvent) -> None:
        assert_type(event.err_msg, str)

    def on_connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        assert_type(event.node_uuid, str)

    def on_connection_lost(self, event: monitoring.ConnectionLostEvent) -> None:
        assert_type(event.error_msg, str)

    def on_query_start(self, event: monitoring.QueryStartEvent) -> None:
        assert_type(event.query_id, int)
        assert_type(event.op_code, int)
        assert_type(event.op_name, str)

    def on_query_success(self, event: monitoring.QuerySuccessEvent) -> None:
        assert_type(event.duration, int)

    def on_query_fail(self, event: monitoring.QueryFailEvent) -> None:
        assert_type(event.error_msg, str)
        assert_type(event.err_msg, str)


def client() -> None:
    """`Client`."""
    install_as_pyignite()
    assert_type(pyignite_rs.__version__, str)
    Client(None, True, [Listener()], timeout=5.0, username="ignite", password="ignite", use_ssl=True)
    made = Client(compact_footer=True, partition_aware=False, event_listeners=(Listener(),))
    with made.connect("127.0.0.1", 10800) as connection:
        assert_type(connection.client, Client)
    with made.connect([("127.0.0.1", 10800)]), made.connect("127.0.0.1:10800"), made.connect():
        pass
    with Client() as same:
        assert_type(same, Client)
    assert_type(made.get_cache_names(), list[str])
    assert_type(made.create_cache({PROP_NAME: "c", PROP_BACKUPS_NUMBER: 1}), Cache)
    assert_type(made.get_or_create_cache("c"), Cache)
    assert_type(made.get_cache("c"), Cache)
    assert_type(made.partition_aware, bool)
    assert_type(made.partition_awareness_supported_by_protocol, bool)
    assert_type(made.compact_footer, bool)
    made.compact_footer = True
    assert_type(made.random_node, Connection)
    assert_type(made.get_best_node("c", 1, IntObject), Connection)
    context = made.protocol_context
    if context is not None:
        assert_type(context.version, tuple[int, int, int])
        assert_type(context.is_transactions_supported(), bool)
    cluster = made.get_cluster()
    assert_type(cluster.get_state(), ClusterState)
    cluster.set_state(ClusterState.ACTIVE)
    with made.tx_start(TransactionConcurrency.OPTIMISTIC, TransactionIsolation.SERIALIZABLE, 1000, "label") as transaction:
        transaction.commit()
        transaction.rollback()
        transaction.close()
    with made.sql("SELECT ?", query_args=[1], include_field_names=True, page_size=10, lazy=True, timeout=100) as rows:
        for row in rows:
            print(row)
        rows.close()
    with made.deadline(5.0):
        made.get_cache_names()
    made.close()


class Person(metaclass=GenericObjectMeta, type_name="Person", schema=OrderedDict([("name", String), ("age", IntObject)])):
    """A complex object."""


def types(made: Client) -> None:
    """Binary types."""
    made.register_binary_type(Person)
    made.register_binary_type(Person, affinity_key_field="name")
    assert_type(made.query_binary_type("Person"), Any)
    assert_type(made.query_binary_type("Person", Person.schema), Any)
    assert_type(made.get_binary_type("Person"), dict[Any, Any])
    made.put_binary_type("Person", affinity_key_field=None, is_enum=False, schema={"name": String})
    assert_type(made.unwrap_binary((1, [])), Any)


async def aio_types(made: AioClient) -> None:
    """The same with coroutines."""
    await made.register_binary_type(Person)
    assert_type(await made.query_binary_type("Person"), Any)
    assert_type(await made.get_binary_type("Person"), dict[Any, Any])
    await made.put_binary_type("Color", is_enum=True, schema={"RED": 0})
    assert_type(await made.unwrap_binary((1, [])), Any)


def cache(made: Client) -> None:
    """`Cache`, with any keys and values."""
    anything = made.get_or_create_cache("c")
    anything.put("key", 1)
    anything.put(1, Decimal("1.5"), key_hint=IntObject, value_hint=None, timeout=1)
    assert_type(anything.name, str)
    assert_type(anything.cache_id, int)
    assert_type(anything.settings, dict[int, Any])
    assert_type(anything.expiry_policy, ExpiryPolicy | None)
    assert_type(anything.cache_info.cache_id, int)
    assert_type(anything.client, Any)
    assert_type(anything.with_expire_policy(create=timedelta(seconds=1)), Cache)
    with anything.select_row("age > ?", query_args=[18], page_size=10) as people:
        for key, value in people:
            print(key, value)
    with anything.scan(page_size=100, partitions=3, local=True) as entries:
        for key, value in entries:
            print(key, value)


def typed_cache(made: Client) -> None:
    """`Cache[K, V]`."""
    prices: Cache[str, Decimal] = made.get_or_create_cache("prices")
    assert_type(prices.get("a"), Decimal | None)
    assert_type(prices.get(("a", String), timeout=None), Decimal | None)
    prices.put("a", Decimal(1))
    prices.put(("a", String), Decimal(1), value_hint=None)
    assert_type(prices.get_all(["a", ("b", String)]), dict[str, Decimal])
    prices.put_all({"a": Decimal(1)})
    prices.put_all({("a", String): Decimal(1)})
    assert_type(prices.get_and_put("a", Decimal(2)), Decimal | None)
    assert_type(prices.get_and_put_if_absent("a", Decimal(2)), Decimal | None)
    assert_type(prices.get_and_remove("a"), Decimal | None)
    assert_type(prices.get_and_replace("a", Decimal(2)), Decimal | None)
    assert_type(prices.put_if_absent("a", Decimal(2)), bool)
    assert_type(prices.replace("a", Decimal(2)), bool)
    assert_type(prices.replace_if_equals("a", Decimal(1), Decimal(2)), bool)
    assert_type(prices.remove_if_equals("a", Decimal(2)), bool)
    assert_type(prices.remove_key("a"), bool)
    assert_type(prices.contains_key("a"), bool)
    assert_type(prices.contains_keys(("a", "b")), bool)
    assert_type(prices.get_size(), int)
    assert_type(prices.get_size([PeekModes.PRIMARY]), int)
    prices.remove_keys(iter(["a"]))
    prices.remove_all()
    prices.clear(["a"])
    prices.clear()
    prices.clear_key("a")
    prices.clear_keys(["a"])
    prices.destroy()
    prices.get(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    prices.put("a", "text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def aio_client() -> None:
    """`AioClient`."""
    made = AioClient(event_listeners=[Listener()], handshake_timeout=1.0)
    async with made.connect("127.0.0.1", 10800) as connection:
        assert_type(connection.client, AioClient)
    await made.connect([("127.0.0.1", 10800)])
    async with AioClient() as same:
        assert_type(same, AioClient)
    assert_type(await made.get_cache_names(), list[str])
    assert_type(await made.create_cache("c"), AioCache)
    assert_type(await made.get_or_create_cache("c"), AioCache)
    assert_type(await made.get_cache("c"), AioCache)
    assert_type(made.protocol_context, ProtocolContext | None)
    assert_type(made.partition_aware, bool)
    assert_type(made.partition_awareness_supported_by_protocol, bool)
    assert_type(made.compact_footer, bool)
    assert_type(await made.random_node(), AioConnection)
    assert_type(await made.get_best_node("c", 1), AioConnection)
    cluster = made.get_cluster()
    assert_type(await cluster.get_state(), ClusterState)
    await cluster.set_state(ClusterState.ACTIVE)
    async with made.tx_start(timeout=1000) as transaction:
        await transaction.commit()
        await transaction.rollback()
        await transaction.close()
    async with made.sql("SELECT 1") as rows:
        async for row in rows:
            print(row)
        await rows.close()
    with made.deadline(5.0):
        await made.get_cache_names()
    await made.close()


async def aio_cache(made: AioClient) -> None:
    """`AioCache[K, V]`."""
    seen: AioCache[int, datetime] = await made.get_or_create_cache("seen")
    assert_type(await seen.get(1), datetime | None)
    assert_type(await asyncio.wait_for(seen.get(1), 1), datetime | None)
    first, second = await asyncio.gather(seen.get(1), seen.get(2))
    assert_type(first, datetime | None)
    assert_type(second, datetime | None)
    assert_type(await seen.get_all([1, 2]), dict[int, datetime])
    task = asyncio.create_task(seen.put(1, datetime(2020, 1, 1)))
    await task
    await seen.put_all({1: datetime(2020, 1, 1)})
    assert_type(await seen.get_and_put(1, datetime(2020, 1, 1)), datetime | None)
    assert_type(await seen.get_and_put_if_absent(1, datetime(2020, 1, 1)), datetime | None)
    assert_type(await seen.get_and_remove(1), datetime | None)
    assert_type(await seen.get_and_replace(1, datetime(2020, 1, 1)), datetime | None)
    assert_type(await seen.put_if_absent(1, datetime(2020, 1, 1)), bool)
    assert_type(await seen.replace(1, datetime(2020, 1, 1)), bool)
    assert_type(await seen.replace_if_equals(1, datetime(2020, 1, 1), datetime(2021, 1, 1)), bool)
    assert_type(await seen.remove_if_equals(1, datetime(2020, 1, 1)), bool)
    assert_type(await seen.remove_key(1), bool)
    assert_type(await seen.contains_key(1), bool)
    assert_type(await seen.contains_keys([1, 2]), bool)
    assert_type(await seen.get_size(PeekModes.ALL), int)
    assert_type(await seen.settings(), dict[int, Any])
    assert_type(seen.name, str)
    assert_type(seen.cache_id, int)
    assert_type(seen.client, Any)
    assert_type(seen.expiry_policy, ExpiryPolicy | None)
    assert_type(seen.cache_info.cache_id, int)
    assert_type(seen.with_expire_policy(ExpiryPolicy(create=1)), AioCache[int, datetime])
    async with seen.scan() as entries:
        async for key, value in entries:
            print(key, value)
    await seen.remove_keys([1])
    await seen.remove_all()
    await seen.clear([1])
    await seen.clear_key(1)
    await seen.clear_keys([1])
    await seen.destroy()


def failures(made: Client) -> None:
    """What exceptions tell."""
    try:
        made.get_cache_names()
    except exceptions.ConnectionLostError as error:
        assert_type(error.sent, str | None)
        assert_type(error.operation, str | None)
    except exceptions.CacheError as error:
        assert_type(error.code, int | None)
        assert_type(error.cache, str | None)
    except exceptions.NoNodesError as error:
        assert_type(error.causes, tuple[tuple[str, str], ...])
