"""Cancelling at every point, event loops in turn, closing and forgetting clients with work in flight: nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import CacheError, ClientClosedError, CursorLostError, TransactionLostError

from ..conftest import Face, Reached, Size
from ..live.test_processes import succeeds
from ..support import tls
from ..support.leftovers import at_rest, left_over
from ..support.tls import Front

pytestmark = pytest.mark.live

ENTRIES = {key: f"value {key}" for key in range(1_000)}


def transactional(name: str) -> dict[int, Any]:
    return {PROP_NAME: name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}


async def open_at_the_server(address: tuple[str, int]) -> tuple[int, int]:
    """Queries and transactions that are open at the server, this question not counted."""
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        counts = []
        for view in ("SQL_QUERIES", "SCAN_QUERIES", "TRANSACTIONS"):
            async with client.sql(f"SELECT COUNT(*) FROM SYS.{view}") as cursor:
                counts.append((await cursor.__anext__())[0])
    return counts[0] - 1 + counts[1], counts[2]


async def nothing_left(address: tuple[str, int]) -> None:
    end = time.monotonic() + 5
    while (left := await open_at_the_server(address)) != (0, 0) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert left == (0, 0)


async def pages(cursor: Any) -> int:
    async with cursor:
        return len([row async for row in cursor])


async def transfer(client: Any, cache: Any) -> None:
    async with client.tx_start() as transaction:
        await cache.put("other", await cache.get("other") or 0)
        await transaction.commit()


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "get": lambda client, cache: cache.get(1),
    "put": lambda client, cache: cache.put("other", 1),
    "get_all": lambda client, cache: cache.get_all(range(1_000)),
    "put_all": lambda client, cache: cache.put_all({f"other {key}": key for key in range(1_000)}),
    "contains_key": lambda client, cache: cache.contains_key(1),
    "get_and_put": lambda client, cache: cache.get_and_put("other", 1),
    "put_if_absent": lambda client, cache: cache.put_if_absent("other", 1),
    "replace_if_equals": lambda client, cache: cache.replace_if_equals("other", 1, 2),
    "remove_key": lambda client, cache: cache.remove_key("other"),
    "get_size": lambda client, cache: cache.get_size(),
    "get_cache_names": lambda client, cache: client.get_cache_names(),
    "settings": lambda client, cache: client.get_cache(cache.name),
    "scan": lambda client, cache: pages(cache.scan(page_size=100)),
    "sql": lambda client, cache: pages(client.sql("SELECT X FROM SYSTEM_RANGE(1, 1000)", page_size=100)),
    "transaction": lambda client, cache: transfer(client, cache),
}

#: Where a call is cancelled: after so many turns of the loop, or after so many seconds.
GATES: list[int | float] = [0, 1, 2, 3, 5, 8, 13, 0.0002, 0.0005, 0.001, 0.002, 0.005]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    shop = tls.Workshop(tmp_path_factory.mktemp("tls"))
    shop.key("server")
    shop.certify("server", None, None)
    shop.join("server.pem", "server.key", "server.crt")
    return shop["server.pem"]


@pytest.mark.goal("G9")
@pytest.mark.parametrize("through", ["plain", "TLS"])
async def test_cancelled_at_every_gate(
    address: tuple[str, int], cache_name: str, certificate: str, through: str, size: Size, reached: Reached
) -> None:
    with contextlib.ExitStack() as stack:
        where, options = address, {}
        if through == "TLS":
            where = stack.enter_context(Front(address, certificate)).address
            options = {"use_ssl": True, "partition_aware": False}
        client = pyignite_rs.AioClient(**options)
        async with client.connect(*where):
            turns = size(2, 20) if through == "plain" else size(1, 10)
            cancelled = await cancel_at_every_gate(client, address, cache_name, turns)
    what = f"{len(GATES)} gates x {len(CALLS)} calls again and again, a checked read after each"
    reached("G9", what, f"{through} {cancelled:,} cancelled")


async def cancel_at_every_gate(client: Any, address: tuple[str, int], cache_name: str, turns: int) -> int:
    cache = await client.create_cache(transactional(cache_name))
    await cache.put_all(ENTRIES)
    open_before = len((await at_rest())[0])
    cancelled = ended = 0
    for turn in range(turns):
        for name, call in CALLS.items():
            for gate in GATES:
                task = asyncio.ensure_future(call(client, cache))
                if isinstance(gate, int):
                    for _ in range(gate):
                        await asyncio.sleep(0)
                else:
                    await asyncio.sleep(gate)
                task.cancel()
                try:
                    await task
                    ended += 1
                except asyncio.CancelledError:
                    cancelled += 1
                except CacheError as error:
                    # Another one's lock or an end that came too late: never more than a refusal of this call.
                    raise AssertionError(name) from error
                key = (turn * 17 + cancelled) % 1_000
                assert await cache.get(key) == ENTRIES[key], (name, gate)
    # Both happened, else nothing was shown.
    assert cancelled > 100 and ended > 5
    del task
    await nothing_left(address)
    # Those who looked at the server have closed their connections; the background lets go of the sockets.
    assert len((await at_rest())[0]) == open_before
    await cache.destroy()
    return cancelled


async def test_cancelled_at_each_suspension_of_a_coroutine(address: tuple[str, int], cache_name: str) -> None:
    """The coroutine is driven by hand, and cancelled at its n-th suspension."""
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        cache = await client.create_cache(transactional(cache_name))
        await cache.put_all(ENTRIES)
        for name in ("scan", "sql", "transaction"):
            for at in range(12):

                async def until(coroutine: Any, suspensions: int) -> None:
                    for _ in range(suspensions):
                        try:
                            waited = coroutine.send(None)
                        except StopIteration:
                            return
                        if waited is not None:
                            waited._asyncio_future_blocking = False
                            come = asyncio.Event()
                            waited.add_done_callback(lambda _, come=come: come.set())
                            await asyncio.wait_for(come.wait(), 10)
                    try:
                        coroutine.throw(asyncio.CancelledError())
                        coroutine.close()
                    except (asyncio.CancelledError, StopIteration, RuntimeError):
                        pass

                await until(CALLS[name](client, cache), at)
                assert await cache.get(at) == ENTRIES[at]
        gc.collect()
        await nothing_left(address)
        await cache.destroy()


LOOPS = """
    unraisable = []
    sys.unraisablehook = lambda info: unraisable.append((info.exc_value, info.object))

    async def once(number):
        client = pyignite_rs.AioClient()
        await client.connect(*ADDRESS)
        cache = await client.get_cache(NAME)
        found = await asyncio.gather(*(cache.get(key) for key in range(20)))
        assert found == [key * 11 for key in range(20)]
        left = [asyncio.ensure_future(cache.get(key)) for key in range(20)]
        if number % 3 == 0:
            await asyncio.sleep(0)
        if number % 2 == 0:
            await client.close()
            assert all(isinstance(end, (int, exceptions.ClientClosedError))
                       for end in await asyncio.gather(*left, return_exceptions=True))
        # Else the loop cancels what is left, and nobody closes the client.

    shared = pyignite_rs.AioClient()

    async def across(number):
        if number == 0:
            await shared.connect(*ADDRESS)
        cache = await shared.get_cache(NAME)
        assert await cache.get(number) == number * 11

    threads = threading.active_count()
    for number in range({loops}):
        asyncio.run(once(number))
        if number == 10:
            gc.collect()
            open_then = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        asyncio.run(across(number))

    async def close():
        await shared.close()

    asyncio.run(close())
    gc.collect()
    time.sleep(0.2)
    assert unraisable == [], unraisable
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= open_then, (open_then, os.listdir("/proc/self/fd"))
    print("done")
"""


@pytest.mark.goal("G15")
def test_event_loops_in_turn(address: tuple[str, int], size: Size, reached: Reached) -> None:
    name = f"loops-{os.getpid()}"
    client = pyignite_rs.Client()
    with client.connect(*address):
        client.create_cache(name).put_all({key: key * 11 for key in range(100)})
        assert succeeds(LOOPS.replace("{loops}", str(size(40, 200))), address[1], name) == "done"
        client.get_cache(name).destroy()
    reached("G15", "event loops in turn with a client each, one client across 20 loops, 0 unraisable", size(40, 200))


# --- the end of cursors and transactions -------------------------------------------------------------------------------------------


async def test_close_ends_cursors_and_transactions(face: Face, address: tuple[str, int], cache_name: str) -> None:
    client = await face.connected(*address)
    other = await face.connected(*address)
    cache = await face(client.create_cache(transactional(cache_name)))
    await face(cache.put_all(ENTRIES))
    cursor = cache.scan(page_size=10)
    if face.is_async:
        await cursor
        await cursor.__anext__()
    else:
        next(cursor)
    transaction = await face(client.tx_start())
    await face(cache.put(1, "never"))
    begin = time.monotonic()
    await face(client.close())
    assert time.monotonic() - begin < 1
    with pytest.raises((CursorLostError, ClientClosedError)):
        for _ in range(100):
            await (cursor.__anext__() if face.is_async else asyncio.to_thread(next, cursor))
    with pytest.raises((TransactionLostError, ClientClosedError)):
        await face(cache.put(2, "never"))
    with pytest.raises((TransactionLostError, ClientClosedError)):
        await face(transaction.commit())
    with pytest.raises(ClientClosedError):
        await face(client.tx_start())
    with pytest.raises(ClientClosedError):
        await face(cache.get(1))
    await nothing_left(address)
    same = await face(other.get_cache(cache_name))
    assert await face(same.get_all([1, 2])) == {1: ENTRIES[1], 2: ENTRIES[2]}
    await face(same.destroy())
    await face(other.close())


async def test_a_client_that_is_forgotten_leaves_nothing(face: Face, address: tuple[str, int], cache_name: str) -> None:
    """Without close(), with a cursor and a transaction open, also in cycles of references."""
    keeper = await face.connected(*address)
    kept = await face(keeper.create_cache(transactional(cache_name)))
    await face(kept.put_all(ENTRIES))
    before = len((await at_rest())[0])

    async def work() -> None:
        client = await face.connected(*address)
        cache = await face(client.get_cache(cache_name))
        cursor = cache.scan(page_size=10)
        if face.is_async:
            await cursor
        await face(client.tx_start())
        await face(cache.put(1, "never"))
        cycle: list[Any] = [client, cache, cursor]
        cycle.append(cycle)

    for _ in range(5):
        if face.is_async:
            await asyncio.create_task(work())
        else:
            # A thread's context, with the transaction in it, ends with the thread.
            thread = threading.Thread(target=lambda: asyncio.run(work()))
            thread.start()
            thread.join()
    gc.collect()
    await nothing_left(address)
    end = time.monotonic() + 2
    while len(left_over()[0]) > before and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert len(left_over()[0]) <= before
    assert await face(kept.get(1)) == ENTRIES[1]
    await face(kept.destroy())
    await face(keeper.close())


async def test_one_loop_that_ends_does_not_touch_the_calls_of_another(address: tuple[str, int], cache_name: str) -> None:
    """One client in two loops; one of them ends with calls in flight again and again."""
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        cache = await client.create_cache(cache_name)
        await cache.put_all(ENTRIES)
        stop = threading.Event()
        ended: list[int] = []

        async def leave() -> None:
            tasks = [asyncio.ensure_future(cache.get(key)) for key in range(50)]
            await asyncio.sleep(0)
            del tasks

        def others() -> None:
            while not stop.is_set():
                asyncio.run(leave())
                ended.append(1)

        thread = threading.Thread(target=others)
        thread.start()
        for turn in range(100):
            keys = [(turn * 31 + key) % 1_000 for key in range(50)]
            assert await asyncio.gather(*(cache.get(key) for key in keys)) == [ENTRIES[key] for key in keys]
        stop.set()
        await asyncio.to_thread(thread.join)
        assert len(ended) > 3
        await cache.destroy()
