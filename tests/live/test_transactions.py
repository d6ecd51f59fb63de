"""Transactions on a real node: what they do, whose they are, how they end, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import pyignite_rs
from pyignite_rs.datatypes import TransactionConcurrency, TransactionIsolation
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import CacheError, NotSupportedByClusterError, TransactionLostError

from ..conftest import Face, Reached, Size
from ..support.cluster import Cluster

pytestmark = pytest.mark.live

OPTIMISTIC, PESSIMISTIC = TransactionConcurrency
READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = TransactionIsolation
KINDS = list(itertools.product(TransactionConcurrency, TransactionIsolation))


def transactional(name: str) -> dict[int, Any]:
    return {PROP_NAME: name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}


class Entered:
    """A transaction as a context manager on either face."""

    def __init__(self, face: Face, transaction: Any) -> None:
        self.face = face
        self.transaction = transaction

    async def __aenter__(self) -> Any:
        return await self.transaction.__aenter__() if self.face.is_async else self.transaction.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        if self.face.is_async:
            await self.transaction.__aexit__(*error)
        else:
            self.transaction.__exit__(*error)


@pytest_asyncio.fixture
async def cache(face: Face, client: Any, cache_name: str) -> AsyncIterator[Any]:
    made = await face(client.create_cache(transactional(cache_name)))
    yield made
    await face(made.destroy())


async def seen_by_others(cache: Any, key: Any) -> Any:
    """What a client outside of all transactions reads."""
    client = pyignite_rs.AioClient()
    host, port = cache.client._address
    async with client.connect(host, port):
        return await (await client.get_cache(cache.name)).get(key)


@pytest_asyncio.fixture(autouse=True)
async def remember_address(client: Any, address: tuple[str, int]) -> None:
    client._address = address


async def open_transactions(address: tuple[str, int]) -> int:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        async with client.sql("SELECT COUNT(*) FROM SYS.TRANSACTIONS") as cursor:
            return int((await cursor.__anext__())[0])


async def expect_none_open(address: tuple[str, int]) -> None:
    end = time.monotonic() + 5
    while await open_transactions(address) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert await open_transactions(address) == 0


@pytest.mark.parametrize(("concurrency", "isolation"), KINDS)
async def test_a_commit_makes_everything_seen_at_once(
    face: Face, client: Any, cache: Any, concurrency: Any, isolation: Any
) -> None:
    await face(cache.put(1, "before"))
    async with Entered(face, client.tx_start(concurrency, isolation)) as transaction:
        assert transaction.tx_id > 0 and not transaction.closed
        await face(cache.put(1, "inside"))
        await face(cache.put(2, "new"))
        assert await face(cache.get(1)) == "inside"
        assert await face(cache.get_all([1, 2])) == {1: "inside", 2: "new"}
        assert await seen_by_others(cache, 2) is None
        await face(transaction.commit())
    assert transaction.closed
    assert await face(cache.get_all([1, 2])) == {1: "inside", 2: "new"}


@pytest.mark.parametrize(("concurrency", "isolation"), KINDS)
async def test_what_was_not_committed_never_happened(
    face: Face, client: Any, cache: Any, concurrency: Any, isolation: Any
) -> None:
    await face(cache.put(1, "before"))
    with pytest.raises(RuntimeError, match="on the way"):
        async with Entered(face, client.tx_start(concurrency, isolation)):
            await face(cache.put(1, "inside"))
            raise RuntimeError("on the way")
    assert await face(cache.get(1)) == "before"
    async with Entered(face, client.tx_start(concurrency, isolation)) as transaction:
        await face(cache.put(1, "inside"))
        await face(transaction.rollback())
        # Outside again.
        await face(cache.put(2, "after"))
    assert await face(cache.get_all([1, 2])) == {1: "before", 2: "after"}


async def test_every_operation_of_a_cache_takes_part(face: Face, client: Any, cache: Any) -> None:
    await face(cache.put_all({number: number for number in range(20)}))
    async with Entered(face, client.tx_start()):
        await face(cache.put(1, "x"))
        assert await face(cache.put_if_absent(100, "x")) is True
        await face(cache.put_all({2: "x"}))
        assert await face(cache.get_and_put(3, "x")) == 3
        assert await face(cache.get_and_replace(4, "x")) == 4
        assert await face(cache.get_and_remove(5)) == 5
        assert await face(cache.get_and_put_if_absent(101, "x")) is None
        assert await face(cache.replace(6, "x")) is True
        assert await face(cache.replace_if_equals(7, 7, "x")) is True
        assert await face(cache.remove_key(8)) is True
        assert await face(cache.remove_if_equals(9, 9)) is True
        await face(cache.remove_keys([10, 11]))
        assert await face(cache.contains_key(8)) is False
        assert await face(cache.contains_keys([1, 100])) is True
    assert await face(cache.get_all(range(200))) == {number: number for number in range(20)}


async def test_a_transaction_that_takes_too_long_is_rolled_back(face: Face, client: Any, cache: Any) -> None:
    await face(cache.put(1, "before"))
    with pytest.raises(CacheError, match=r"timed out.*label=long-tx") as raised:
        async with Entered(face, client.tx_start(timeout=300, label="long-tx")) as transaction:
            await face(cache.put(1, "inside"))
            await asyncio.sleep(0.8)
            await face(transaction.commit())
    assert raised.value.operation == "OP_TX_END"
    assert await face(cache.get(1)) == "before"


async def test_a_label_is_shown_by_the_server(face: Face, client: Any, address: tuple[str, int], cache: Any) -> None:
    async with Entered(face, client.tx_start(label="shown")):
        await face(cache.put(1, 1))
        other = pyignite_rs.AioClient()
        async with other.connect(*address), other.sql("SELECT LABEL FROM SYS.TRANSACTIONS WHERE LABEL = 'shown'") as cursor:
            assert await cursor.__anext__() == ["shown"]


async def test_a_transaction_inside_another_one_is_its_own(face: Face, client: Any, cache: Any) -> None:
    async with Entered(face, client.tx_start()) as outer:
        await face(cache.put(1, "outer"))
        async with Entered(face, client.tx_start()) as inner:
            await face(cache.put(2, "inner"))
            await face(inner.commit())
        assert await seen_by_others(cache, 2) == "inner"
        assert await seen_by_others(cache, 1) is None
        await face(cache.put(3, "outer again"))
    assert outer.closed
    assert await face(cache.get_all([1, 2, 3])) == {2: "inner"}


async def test_transactions_of_two_clients_do_not_mix(face: Face, client: Any, cache: Any, address: tuple[str, int]) -> None:
    other = await face.connected(*address)
    same = await face(other.get_cache(cache.name))
    async with Entered(face, client.tx_start()) as first:
        async with Entered(face, other.tx_start()) as second:
            await face(cache.put(1, "first"))
            await face(same.put(2, "second"))
            await face(second.rollback())
        await face(first.commit())
    assert await face(cache.get_all([1, 2])) == {1: "first"}
    await face(other.close())


async def test_tasks_have_transactions_of_their_own(address: tuple[str, int], cache: Any) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        mine = await client.get_cache(cache.name)

        async def work(number: int, commits: bool) -> None:
            async with client.tx_start() as transaction:
                await mine.put(number, number)
                await asyncio.sleep(0.01)
                assert await mine.get(number) == number
                if commits:
                    await transaction.commit()

        await asyncio.gather(*[work(number, number % 2 == 0) for number in range(50)])
        assert await mine.get_all(range(50)) == {number: number for number in range(0, 50, 2)}


def test_threads_have_transactions_of_their_own(address: tuple[str, int]) -> None:
    client = pyignite_rs.Client()
    with client.connect(*address):
        cache = client.create_cache(transactional("threads-tx"))
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(20):
                    with client.tx_start() as transaction:
                        cache.put(number, turn)
                        assert cache.get(number) == turn
                        if turn % 2 == 0:
                            transaction.commit()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert cache.get_all(range(16)) == {number: 18 for number in range(16)}
        cache.destroy()


def test_a_thread_that_waits_for_a_lock_holds_nobody_up(address: tuple[str, int]) -> None:
    """With one connection at a time for ordinary calls: a transaction keeps its own."""
    client = pyignite_rs.Client(max_connections_per_node=1)
    with client.connect(*address):
        cache = client.create_cache(transactional("waiting-tx"))
        holder = client.tx_start()
        cache.put(1, "holder")
        waited = threading.Event()

        def wait() -> None:
            with client.tx_start() as transaction:
                cache.put(1, "waiter")
                waited.set()
                transaction.commit()

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        assert not waited.is_set()
        cache.put(2, "holder")
        holder.commit()
        thread.join(10)
        assert waited.is_set() and cache.get_all([1, 2]) == {1: "waiter", 2: "holder"}
        cache.destroy()


async def test_only_who_is_inside_may_end_it(face: Face, client: Any, cache: Any) -> None:
    async with Entered(face, client.tx_start()) as transaction:
        await face(cache.put(1, "inside"))
        told: list[BaseException] = []

        def elsewhere() -> None:
            try:
                if face.is_async:
                    asyncio.run(transaction.commit())
                else:
                    transaction.commit()
            except CacheError as error:
                told.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert len(told) == 1 and "another thread or task" in str(told[0])
        await face(transaction.commit())
    assert await face(cache.get(1)) == "inside"


async def test_ending_twice_changes_nothing(face: Face, client: Any, cache: Any) -> None:
    async with Entered(face, client.tx_start()) as transaction:
        await face(cache.put(1, "inside"))
        await face(transaction.commit())
        await face(transaction.commit())
        await face(transaction.rollback())
    assert await face(cache.get(1)) == "inside"


@pytest.mark.parametrize(
    "arguments",
    [{"concurrency": 2}, {"isolation": 3}, {"timeout": -1}, {"timeout": 1.5}, {"label": 7}, {"isolation": -1}],
    ids=str,
)
async def test_wrong_terms_are_told_at_once(face: Face, client: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        client.tx_start(**arguments)


async def test_abandoned_transactions_are_rolled_back(face: Face, client: Any, cache: Any, address: tuple[str, int]) -> None:
    def abandon_sync() -> None:
        transaction = client.tx_start()
        cache.put(1, "abandoned")
        del transaction

    async def abandon() -> None:
        await client.tx_start()
        await cache.put(1, "abandoned")

    for _ in range(5):
        if face.is_async:
            await asyncio.create_task(abandon())
        else:
            thread = threading.Thread(target=abandon_sync)
            thread.start()
            thread.join()
    gc.collect()
    await expect_none_open(address)
    assert await face(cache.get(1)) is None
    await face(cache.put(1, "free"))


@pytest.mark.goal("G10")
async def test_cancelled_starts_and_ends_leave_nothing_open(
    address: tuple[str, int], cache: Any, size: Size, reached: Reached
) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        mine = await client.get_cache(cache.name)

        async def work(turns: int) -> None:
            async with client.tx_start() as transaction:
                await mine.put(turns, turns)
                await transaction.commit()

        for turn in range(size(200, 500)):
            task = asyncio.create_task(work(turn))
            for _ in range(turn % 12):
                await asyncio.sleep(0)
            if turn % 3:
                await asyncio.sleep(0.0005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        await expect_none_open(address)
        # Nobody's lock is left.
        await asyncio.wait_for(mine.put_all({number: "free" for number in range(size(200, 500))}), 5)
    reached("G10", "cancelled transactions, none left open", size(200, 500))


async def test_a_lost_connection_ends_the_transaction_and_touches_no_other(face: Face) -> None:
    with Cluster(1) as cluster:
        client = await face.connected(*cluster.addresses[0])
        cache = await face(client.create_cache(transactional("lost")))
        with pytest.raises(TransactionLostError) as raised:
            async with Entered(face, client.tx_start()):
                await face(cache.put(1, "lost"))
                cluster[0].kill()
                cluster[0].start()
                # It gets the number that the lost one had.
                other = pyignite_rs.AioClient()
                async with other.connect(*cluster.addresses[0]):
                    await other.create_cache(transactional("lost"))
                await face(cache.put(1, "never"))
        assert isinstance(raised.value, CacheError) and isinstance(raised.value, OSError)
        async with Entered(face, client.tx_start()) as transaction:
            await face(cache.put(2, "next"))
            await face(transaction.commit())
        assert await face(cache.get_all([1, 2])) == {2: "next"}
        await face(client.close())


async def test_limits_of_the_server_are_told(face: Face) -> None:
    """An event loop has one connection; a thread's transactions have a connection each."""
    if not face.is_async:
        pytest.skip("threads give each transaction a connection of its own")
    with Cluster(1, thin_client={"maxActiveTxPerConnection": 2}) as cluster:
        client = await face.connected(*cluster.addresses[0])
        held = [await client.tx_start() for _ in range(2)]
        with pytest.raises(CacheError) as raised:
            await client.tx_start()
        assert raised.value.code == 1020 and "maxActiveTxPerConnection" in str(raised.value)
        for transaction in reversed(held):
            await transaction.rollback()
        async with client.tx_start() as transaction:
            assert transaction.tx_id > 0
        await client.close()


async def test_atomic_caches_refuse_to_take_part(face: Face, client: Any, cache_name: str) -> None:
    atomic = await face(client.create_cache(cache_name))
    with pytest.raises(CacheError):
        async with Entered(face, client.tx_start()):
            await face(atomic.put(1, 1))
    await face(atomic.put(1, 2))
    assert await face(atomic.get(1)) == 2
    await face(atomic.destroy())


async def test_servers_without_transactions_are_told_of(face: Face) -> None:
    from pyignite_rs.testing import FakeNode

    with FakeNode(newest=(1, 4, 0)) as node:
        client = await face.connected(*node.address)
        with pytest.raises(NotSupportedByClusterError):
            async with Entered(face, client.tx_start()):
                pass
        await face(client.close())
