"""Clients on a real node: connecting, closing, and what the async face owes to asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

import pyignite_rs
from pyignite_rs import exceptions
from pyignite_rs.connection import BitmaskFeature, ProtocolContext

from ..conftest import Face
from ..support.cluster import Cluster, free_port
from .hanging import hanging

pytestmark = pytest.mark.live

Address = tuple[str, int]

# --- connecting ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda host, port: (host, port),
        lambda host, port: ("localhost", port),
        lambda host, port: ([(host, port)],),
        lambda host, port: (((host, port),),),
        lambda host, port: (iter([(host, port)]),),
        lambda host, port: ([[host, port]],),
        lambda host, port: (f"{host}:{port}",),
        lambda host, port: ([f"{host}:{port}"],),
        lambda host, port: (f"{host}:{port}..{port + 2}",),
        lambda host, port: ([f"{host}:{port - 1}..{port}", (host, port)],),
        lambda host, port: ([(host, port), (host, port)],),
        lambda host, port: ({(host, port): "a mapping of nodes"},),
    ],
    ids=[
        "host and port",
        "name",
        "list",
        "tuple",
        "iterator",
        "lists",
        "text",
        "texts",
        "range",
        "ranges",
        "twice the same",
        "mapping",
    ],
)
async def test_forms_of_addresses(face: Face, address: Address, form: Any) -> None:
    client = face.client()
    await face(client.connect(*form(*address)))
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


@pytest.mark.parametrize("arguments", [(5,), ("127.0.0.1", "10800"), ([],), (1, 2, 3), (None,), ("127.0.0.1", 1, 2)])
async def test_forms_that_are_none(face: Face, arguments: Any) -> None:
    with pytest.raises(ConnectionError, match=r"connect\(\) takes"):
        await face(face.client().connect(*arguments))


@pytest.mark.parametrize(
    "text", ["127.0.0.1:", "127.0.0.1:x", "127.0.0.1:10801..10800", "127.0.0.1:10800..", "127.0.0.1:..10800"]
)
async def test_texts_that_are_no_address(face: Face, text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        await face(face.client().connect([text]))


@pytest.mark.parametrize("port", [-1, 65_536, 10**20])
async def test_a_port_that_is_none(face: Face, port: int) -> None:
    for arguments in (("127.0.0.1", port), ([("127.0.0.1", port)],), (f"127.0.0.1:{port}",)):
        with pytest.raises(OverflowError, match=r"is no port of '127.0.0.1': ports are from 0 to 65535"):
            await face(face.client().connect(*arguments))


@pytest.mark.parametrize("pair", [(5, 5), ("127.0.0.1", "10800"), ("127.0.0.1", 1.5), (b"127.0.0.1", 10800)])
async def test_pairs_that_are_no_address(face: Face, pair: Any) -> None:
    with pytest.raises(TypeError, match="is no address: host and port are a str and an int"):
        await face(face.client().connect([pair]))


async def test_without_an_address_it_goes_to_the_default(face: Face) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 10800)) == 0:
            client = await face.connected()
            assert client.protocol_context is not None
            await face(client.close())
            return
    with pytest.raises(exceptions.ReconnectError, match=r"127\.0\.0\.1:10800"):
        await face(face.client().connect())


async def test_what_connect_returns_closes_the_client(face: Face, address: Address) -> None:
    client = face.client()
    if face.is_async:
        async with client.connect(*address) as connection:
            assert connection.client is client
            names = await client.get_cache_names()
    else:
        with client.connect(*address) as connection:
            assert connection.client is client
            names = client.get_cache_names()
    assert isinstance(names, list)
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


async def test_the_client_is_a_context_manager(face: Face, address: Address) -> None:
    if face.is_async:
        async with pyignite_rs.AioClient() as client:
            await client.connect(*address)
            assert isinstance(await client.get_cache_names(), list)
    else:
        with pyignite_rs.Client() as client:
            client.connect(*address)
            assert isinstance(client.get_cache_names(), list)
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


async def test_the_context_closes_when_its_body_fails(face: Face, address: Address) -> None:
    client = face.client()
    with pytest.raises(LookupError, match="body"):
        if face.is_async:
            async with client.connect(*address):
                raise LookupError("body")
        else:
            with client.connect(*address):
                raise LookupError("body")
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


async def test_connect_twice(face: Face, address: Address, cache_name: str) -> None:
    client = face.client()
    await face(client.connect(*address))
    cache = await face(client.create_cache(cache_name))
    await face(cache.put(1, "a"))
    await face(client.connect(*address))
    assert await face(cache.get(1)) == "a"
    await face(cache.destroy())
    await face(client.close())


async def test_close_twice_and_close_unconnected(face: Face, address: Address) -> None:
    client = face.client()
    assert await face(client.close()) is None
    await face(client.connect(*address))
    assert await face(client.close()) is None
    assert await face(client.close()) is None


async def test_use_after_close(face: Face, address: Address, cache_name: str) -> None:
    client = await face.connected(*address)
    cache = await face(client.get_cache(cache_name))
    await face(client.close())
    for call in (
        lambda: cache.get(1),
        lambda: cache.put_all({1: 1}),
        client.get_cache_names,
        lambda: client.create_cache(cache_name),
    ):
        with pytest.raises(exceptions.ClientClosedError) as caught:
            await face(call())
        assert isinstance(caught.value, exceptions.ReconnectError)
        assert isinstance(caught.value, OSError)
        assert caught.value.sent == "no"


async def test_use_before_connect(face: Face) -> None:
    client = face.client()
    assert client.protocol_context is None
    assert client.partition_aware is False
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


async def test_connect_after_close(face: Face, address: Address, cache_name: str) -> None:
    client = await face.connected(*address)
    cache = await face(client.create_cache(cache_name))
    for number in range(3):
        await face(cache.put(1, number))
        await face(client.close())
        await face(client.connect(*address))
        assert await face(cache.get(1)) == number
    await face(cache.destroy())
    await face(client.close())


async def test_many_clients_one_after_the_other(face: Face, address: Address) -> None:
    for _ in range(50):
        client = await face.connected(*address)
        assert client.protocol_context is not None
        await face(client.close())


# --- options ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"no_such_option": 1},
        {"handshake_timeout": 0},
        {"handshake_timeout": 0.0},
        {"handshake_timeout": -5.0},
        {"handshake_timeout": "soon"},
        {"timeout": -1},
        {"timeout": "late"},
        {"timeout": float("nan")},
    ],
    ids=str,
)
async def test_an_option_that_is_wrong_is_told_at_connect(face: Face, address: Address, options: dict[str, Any]) -> None:
    client = face.client(**options)
    with pytest.raises(exceptions.ParameterError, match=next(iter(options))):
        await face(client.connect(*address))
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"timeout": None, "handshake_timeout": 10.0},
        {"timeout": 0},
        {"timeout": 5, "handshake_timeout": 3},
        {"compact_footer": True, "partition_aware": False},
        {"use_ssl": False, "ssl_version": None, "ssl_ciphers": None, "ssl_keyfile": None, "ssl_certfile": None},
    ],
    ids=str,
)
async def test_options_that_are_right(face: Face, address: Address, options: dict[str, Any]) -> None:
    client = await face.connected(*address, **options)
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


async def test_compact_footer_is_set_once(face: Face) -> None:
    client = face.client()
    assert client.compact_footer is True
    client.compact_footer = False
    assert client.compact_footer is False
    with pytest.raises(Warning):
        client.compact_footer = True
    assert face.client(compact_footer=False).compact_footer is False


async def test_protocol_context(face: Face, client: Any) -> None:
    context = client.protocol_context
    assert isinstance(context, ProtocolContext)
    assert context.version == (1, 7, 0)
    assert context.features is not None and BitmaskFeature.CLUSTER_API in context.features
    for question in (
        "is_partition_awareness_supported",
        "is_status_flags_supported",
        "is_transactions_supported",
        "is_feature_flags_supported",
        "is_cluster_api_supported",
        "is_expiry_policy_supported",
    ):
        assert getattr(context, question)() is True
    assert client.partition_awareness_supported_by_protocol is True
    assert client.partition_aware is True
    assert context == context.copy() and hash(context) == hash(context.copy())
    assert "1, 7, 0" in repr(context)


async def test_pickling_and_copying_are_refused(face: Face, client: Any, cache: Any) -> None:
    for thing in (client, cache):
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                way(thing)
    with pytest.raises(TypeError, match="connections"):
        pickle.dumps(client)


async def test_what_a_client_shows_of_itself(face: Face, address: Address) -> None:
    client = face.client(password="a secret")
    name = "AioClient" if face.is_async else "Client"
    assert repr(client) == f"<{name} (not connected)>"
    await face(client.connect(*address))
    assert repr(client) == f"<{name} (connected)>"
    await face(client.close())
    assert "secret" not in repr(client)


# --- addresses that do not serve -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def http_server() -> Iterator[int]:
    """A port that answers everything as a web server does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            listener.settimeout(0.05)
            while not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join()


async def test_a_port_that_nobody_listens_on(face: Face) -> None:
    port = free_port()
    client = face.client()
    with pytest.raises(exceptions.NoNodesError) as caught:
        await face(client.connect("127.0.0.1", port))
    error = caught.value
    assert isinstance(error, exceptions.ReconnectError) and isinstance(error, OSError)
    ((where, why),) = error.causes
    assert where == f"127.0.0.1:{port}"
    assert "refused" in why.lower()
    assert where in str(error) and why in str(error)
    assert error.sent == "no"
    with pytest.raises(exceptions.ClientClosedError):
        await face(client.get_cache_names())


async def test_a_host_that_does_not_exist(face: Face) -> None:
    with pytest.raises(exceptions.NoNodesError, match=r"no-such-host\.invalid") as caught:
        await face(face.client(timeout=20).connect("no-such-host.invalid", 10800))
    assert [address for address, _ in caught.value.causes] == ["no-such-host.invalid:10800"]


async def test_each_address_is_told_with_its_cause(face: Face) -> None:
    with http_server() as web:
        dead = [free_port(), free_port()]
        addresses = [("127.0.0.1", port) for port in (*dead, web)]
        with pytest.raises(exceptions.NoNodesError) as caught:
            await face(face.client().connect(addresses))
    causes = dict(caught.value.causes)
    assert sorted(causes) == sorted(f"{host}:{port}" for host, port in addresses)
    for where, why in causes.items():
        assert where in str(caught.value) and why in str(caught.value)
    assert all("refused" in causes[f"127.0.0.1:{port}"].lower() for port in dead)
    assert "HTTP" in causes[f"127.0.0.1:{web}"]


async def test_a_port_that_speaks_http(face: Face) -> None:
    begin = time.monotonic()
    with http_server() as port, pytest.raises(exceptions.ReconnectError, match="HTTP") as caught:
        await face(face.client(handshake_timeout=5.0).connect("127.0.0.1", port))
    assert isinstance(caught.value, OSError)
    assert time.monotonic() - begin < 5


async def test_a_port_that_says_nothing(face: Face) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begin = time.monotonic()
        with pytest.raises(exceptions.ConnectTimeoutError) as caught:
            await face(face.client(handshake_timeout=0.3).connect(*listener.getsockname()))
        assert 0.25 < time.monotonic() - begin < 3
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value, exceptions.ReconnectError)


async def test_one_live_address_among_dead_ones(face: Face, address: Address) -> None:
    with http_server() as web, socket.create_server(("127.0.0.1", 0)) as silent:
        places = [("127.0.0.1", free_port()), ("127.0.0.1", web), silent.getsockname(), address, ("127.0.0.1", free_port())]
        begin = time.monotonic()
        client = await face.connected(places)
        assert time.monotonic() - begin < 3, "addresses are tried at once"
        assert isinstance(await face(client.get_cache_names()), list)
        await face(client.close())


async def test_a_client_that_could_not_connect_can_try_again(face: Face, address: Address) -> None:
    client = face.client()
    with pytest.raises(exceptions.NoNodesError):
        await face(client.connect("127.0.0.1", free_port()))
    await face(client.connect(*address))
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


# --- threads ---------------------------------------------------------------------------------------------------------------------


async def test_threads_share_a_client(address: Address, cache_name: str) -> None:
    client = pyignite_rs.Client()
    client.connect(*address)
    cache = client.create_cache(cache_name)
    cache.put_all({number: f"value {number}" for number in range(1600)})
    wrong: list[Any] = []

    def read(first: int) -> None:
        for number in range(first, 1600, 16):
            if cache.get(number) != f"value {number}":
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    cache.destroy()
    client.close()


# --- the async face --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def entries() -> dict[int, str]:
    """What the cache of the following tests holds."""
    return {number: f"value {number}" for number in range(1000)}


@pytest_asyncio.fixture
async def aio(address: Address, cache_name: str, entries: dict[int, str]) -> Any:
    """A cache of an AioClient, filled with `entries`."""
    async with pyignite_rs.AioClient().connect(*address) as connection:
        cache = await connection.client.create_cache(cache_name)
        await cache.put_all(entries)
        yield cache
        await cache.destroy()


async def test_a_thousand_at_once_each_with_its_own_value(aio: Any, entries: dict[int, str]) -> None:
    assert await asyncio.gather(*(aio.get(key) for key in entries)) == list(entries.values())
    tasks = [asyncio.create_task(aio.get(key)) for key in reversed(entries)]
    assert [await task for task in tasks] == list(reversed(entries.values()))


async def test_a_thousand_writes_at_once(aio: Any) -> None:
    await asyncio.gather(*(aio.put(key, str(key) * (key % 50)) for key in range(1000)))
    assert await aio.get_all(range(1000)) == {key: str(key) * (key % 50) for key in range(1000)}


async def test_calls_do_nothing_before_they_are_awaited(aio: Any) -> None:
    call = aio.put(1, "changed")
    assert await aio.get(1) == "value 1"
    assert await call is None
    assert await aio.get(1) == "changed"


async def test_create_task_and_ensure_future(aio: Any) -> None:
    task = asyncio.create_task(aio.get(1), name="mine")
    assert await task == "value 1"
    assert (task.done(), task.result(), task.get_name()) == (True, "value 1", "mine")
    future = asyncio.ensure_future(aio.get(2))
    assert await future == "value 2"
    done, pending = await asyncio.wait([asyncio.create_task(aio.get(key)) for key in (3, 4)])
    assert ({each.result() for each in done}, pending) == ({"value 3", "value 4"}, set())
    found = [await each for each in asyncio.as_completed([aio.get(5), aio.get(6)])]
    assert sorted(found) == ["value 5", "value 6"]


async def test_inside_coroutines_of_the_program(aio: Any) -> None:
    async def twice(key: int) -> tuple[str, str]:
        return await aio.get(key), await aio.get(key + 1)

    assert await asyncio.gather(twice(1), twice(5)) == [("value 1", "value 2"), ("value 5", "value 6")]


async def test_gather_with_failures(aio: Any) -> None:
    results = await asyncio.gather(aio.get(1), aio.get(None), aio.put(1, object()), aio.get(2), return_exceptions=True)
    assert results[0] == "value 1" and results[3] == "value 2"
    assert isinstance(results[1], exceptions.CacheError)
    assert isinstance(results[2], TypeError)


async def test_wait_for(aio: Any) -> None:
    assert await asyncio.wait_for(aio.get(1), 10) == "value 1"
    assert await asyncio.wait_for(aio.get(2), None) == "value 2"


async def test_shield(aio: Any) -> None:
    task = asyncio.create_task(aio.put(1, "shielded"))

    async def outer() -> None:
        await asyncio.shield(task)

    waiting = asyncio.create_task(outer())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await task is None
    assert await aio.get(1) == "shielded"


if sys.version_info >= (3, 11):

    async def test_task_group(aio: Any) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(aio.get(key)) for key in range(100)]
        assert [task.result() for task in tasks] == [f"value {key}" for key in range(100)]

    async def test_task_group_with_a_failure(aio: Any) -> None:
        with pytest.raises(BaseExceptionGroup) as caught:  # noqa: F821
            async with asyncio.TaskGroup() as group:
                group.create_task(aio.get(None))
                for key in range(100):
                    group.create_task(aio.get(key))
        assert [type(error) for error in caught.value.exceptions] == [exceptions.CacheError]
        assert await aio.get(1) == "value 1"

    async def test_asyncio_timeout(aio: Any, cluster: Cluster) -> None:
        async with asyncio.timeout(10):
            assert await aio.get(1) == "value 1"
        with hanging(cluster[0]), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await aio.get(1)
        assert await aio.get(2) == "value 2"


async def test_a_cancelled_call_and_the_next(aio: Any, entries: dict[int, str]) -> None:
    for turns in (0, 1, 2, 3):
        tasks = {key: asyncio.create_task(aio.get(key)) for key in range(100)}
        for _ in range(turns):
            await asyncio.sleep(0)
        for key in range(0, 100, 2):
            tasks[key].cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        for key, result in enumerate(results):
            # One that had its answer before it was cancelled keeps it.
            assert result == entries[key] or (key % 2 == 0 and isinstance(result, asyncio.CancelledError))
        assert await aio.get(7) == "value 7"


async def test_cancel_while_the_node_hangs(aio: Any, cluster: Cluster) -> None:
    with hanging(cluster[0]):
        task = asyncio.create_task(aio.get(1))
        await asyncio.sleep(0.02)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(aio.get(2), 0.05)
    assert await asyncio.gather(*(aio.get(key) for key in range(20))) == [f"value {key}" for key in range(20)]


async def test_awaited_twice(aio: Any) -> None:
    call = aio.get(1)
    assert await call == "value 1"
    with pytest.raises(RuntimeError, match=r"AioCache\.get was awaited already"):
        await call
    assert await aio.get(2) == "value 2"


async def test_awaited_by_two_tasks(aio: Any) -> None:
    call = aio.get(1)

    async def wait() -> Any:
        return await call

    results = await asyncio.gather(wait(), wait(), return_exceptions=True)
    assert "value 1" in results
    assert [type(result) for result in results if result != "value 1"] == [RuntimeError]


async def test_what_is_wrong_is_raised_when_awaited(aio: Any, cache_name: str) -> None:
    """Not where the call is made: a program that makes its calls first and gathers them later sees every outcome."""
    client = aio.client
    calls: list[tuple[Any, type[Exception]]] = [
        (aio.put(1, object()), TypeError),
        (aio.put(2**64, 1), OverflowError),
        (aio.put(1, 1, value_hint=int), TypeError),
        (aio.put_all(5), TypeError),
        (aio.get_all([object()]), TypeError),
        (aio.get(1, timeout=-1), ValueError),
        (aio.get_size(99), ValueError),
        (aio.get(None), exceptions.CacheError),
        (client.create_cache(cache_name), exceptions.CacheCreationError),
    ]
    for call, error in calls:
        with pytest.raises(error):
            await call
    assert await aio.get(1) == "value 1"


async def test_settings_that_are_wrong_are_told_when_awaited(aio: Any) -> None:
    client = aio.client
    calls = [client.create_cache({}), client.get_or_create_cache(5), client.get_cache({1: 1})]
    for call in calls:
        with pytest.raises(exceptions.ParameterError):
            await call


async def test_connect_tells_what_is_wrong_when_awaited() -> None:
    client = pyignite_rs.AioClient(nonsense=1)
    connection = client.connect("127.0.0.1", free_port())
    with pytest.raises(exceptions.ParameterError, match="nonsense"):
        await connection
    with pytest.raises(exceptions.ParameterError, match="nonsense"):
        async with client.connect("127.0.0.1", free_port()):
            raise AssertionError("connected with an option that does not exist")


async def test_never_awaited(aio: Any) -> None:
    with pytest.warns(RuntimeWarning, match=r"AioCache\.get' was never awaited"):
        aio.get(1)
        gc.collect()
    with pytest.warns(RuntimeWarning, match=r"AioClient\.get_cache_names' was never awaited"):
        aio.client.get_cache_names()
        gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call = aio.get(1)
        call.close()
        del call
        gc.collect()
    assert await aio.get(1) == "value 1"


def test_await_outside_a_loop(address: Address) -> None:
    client = pyignite_rs.AioClient()
    call = client.get_cache("x")
    cache = call.__await__()
    with pytest.raises(StopIteration) as caught:
        next(cache)
    with pytest.raises(RuntimeError, match="loop"):
        caught.value.value.get(1).send(None)


def test_asyncio_run_twice_with_one_client(address: Address, cache_name: str) -> None:
    client = pyignite_rs.AioClient()

    async def first() -> Any:
        await client.connect(*address)
        cache = await client.create_cache(cache_name)
        await cache.put_all({number: number for number in range(100)})
        return cache

    cache = asyncio.run(first())

    async def second() -> Any:
        return await asyncio.gather(*(cache.get(number) for number in range(100)))

    for _ in range(3):
        assert asyncio.run(second()) == list(range(100))

    async def last() -> None:
        await cache.destroy()
        await client.close()

    asyncio.run(last())


def test_a_loop_that_ends_in_the_middle(address: Address, cache_name: str) -> None:
    client = pyignite_rs.AioClient()

    async def abandon() -> Any:
        await client.connect(*address)
        cache = await client.create_cache(cache_name)
        for number in range(100):
            asyncio.get_running_loop().create_task(cache.put(number, number))
        await asyncio.sleep(0)
        return cache

    cache = asyncio.run(abandon())

    async def go_on() -> Any:
        await cache.put("k", "v")
        value = await cache.get("k")
        await cache.destroy()
        await client.close()
        return value

    assert asyncio.run(go_on()) == "v"


def test_two_loops_in_two_threads(address: Address, cache_name: str) -> None:
    client = pyignite_rs.AioClient()

    async def prepare() -> Any:
        await client.connect(*address)
        cache = await client.create_cache(cache_name)
        await cache.put_all({number: f"value {number}" for number in range(1000)})
        return cache

    cache = asyncio.run(prepare())
    results: dict[int, Any] = {}

    async def read(first: int) -> Any:
        return await asyncio.gather(*(cache.get(number) for number in range(first, 1000, 4)))

    threads = [threading.Thread(target=lambda n=n: results.update({n: asyncio.run(read(n))})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {first: [f"value {number}" for number in range(first, 1000, 4)] for first in range(4)}
    asyncio.run(cache.destroy())
    asyncio.run(client.close())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_uvloop(address: Address, cache_name: str) -> None:
    import uvloop

    async def work() -> list[Any]:
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        async with pyignite_rs.AioClient().connect(*address) as connection:
            cache = await connection.client.create_cache(cache_name)
            await cache.put_all({number: f"value {number}" for number in range(1000)})
            values = await asyncio.gather(*(cache.get(number) for number in range(1000)))
            task = asyncio.create_task(cache.get(1))
            await asyncio.sleep(0)
            task.cancel()
            assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], (asyncio.CancelledError, str))
            assert await asyncio.wait_for(cache.get(2, timeout=5), 5) == "value 2"
            await cache.destroy()
            return values

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(work()) == [f"value {number}" for number in range(1000)]
    finally:
        loop.close()


async def test_debug_mode_of_asyncio(aio: Any) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        assert await asyncio.gather(*(aio.get(key) for key in range(50))) == [f"value {key}" for key in range(50)]
    finally:
        loop.set_debug(False)


async def test_a_call_looks_like_a_coroutine(aio: Any) -> None:
    call = aio.get(1)
    assert asyncio.iscoroutine(call)
    assert call.__name__ == "get" and call.__qualname__ == "AioCache.get"
    assert "AioCache.get" in repr(call)
    assert await call == "value 1"


async def test_context_variables_reach_the_continuation(aio: Any) -> None:
    import contextvars

    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")

    async def one(number: int) -> int:
        variable.set(number)
        await aio.get(number)
        return variable.get()

    assert await asyncio.gather(*(one(number) for number in range(100))) == list(range(100))


async def test_methods_can_be_called_unbound(aio: Any) -> None:
    from pyignite_rs.aio_cache import AioCache

    assert await AioCache.get(aio, 1, timeout=5) == "value 1"
