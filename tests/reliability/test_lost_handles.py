"""Transactions and cursors whose connection is lost, while another one gets their id: ids are counted anew on each connection.

In front of a real node stands a gate that breaks connections. What was lost has to say so by its name; the one that has the id now has to
be left alone. The same for pyignite beside.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import ConnectionLostError, CursorLostError, TransactionLostError, connection_errors
from pyignite_rs.testing import GateProxy

from ..conftest import Face, Reached, Size
from ..support.cluster import Cluster
from .beside import OURS, PACKAGES, run, told

pytestmark = pytest.mark.live

ROWS = 40


@pytest.fixture(scope="module")
def where(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A node; in full one that opens hundreds of connections quickly."""
    if request.config.getoption("--full"):
        with Cluster(1, jit=True) as cluster:
            yield cluster.addresses[0]
    else:
        yield request.getfixturevalue("address")


@pytest.fixture
def gate(where: tuple[str, int]) -> Iterator[GateProxy]:
    with GateProxy(*where) as running:
        yield running


def transactional(name: str) -> dict[int, Any]:
    return {PROP_NAME: name, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}


class Steps:
    """A task with a context of its own, and so with a current transaction of its own, that does what it is given."""

    def __init__(self) -> None:
        self.work: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.create_task(self.go_on())

    async def go_on(self) -> None:
        while (step := await self.work.get()) is not None:
            body, done = step
            try:
                done.set_result(await body())
            except BaseException as error:
                done.set_exception(error)

    async def __call__(self, body: Any) -> Any:
        done = asyncio.get_running_loop().create_future()
        await self.work.put((body, done))
        return await done

    async def end(self) -> None:
        await self.work.put(None)
        await self.task


async def connected(face: Face, client: Any) -> None:
    """Wait until the client has a connection again; a call may meet the one that was broken a moment ago."""
    end = time.monotonic() + 5
    while True:
        try:
            await face(client.get_cache_names())
            return
        except connection_errors:
            assert time.monotonic() < end


async def anew(face: Face, gate: GateProxy, client: Any) -> None:
    """Give the client a connection on which nothing has an id yet. One time in five the node takes a second to answer the handshake."""
    gate.kick()
    await connected(face, client)


@pytest.mark.goal("G23")
async def test_a_lost_transaction_leaves_the_one_with_its_id_alone(
    face: Face, gate: GateProxy, cache_name: str, size: Size, reached: Reached
) -> None:
    client = await face.connected(*gate.address, partition_aware=False)
    cache = await face(client.create_cache(transactional(cache_name)))
    times, same = size(10, 100), 0

    async def enter() -> Any:
        transaction = client.tx_start()
        await face(transaction.__aenter__() if face.is_async else transaction.__enter__())
        return transaction

    async def lose_one(turn: int) -> bool:
        mine, others = Steps(), Steps()
        await anew(face, gate, client)
        lost = await mine(enter)
        await mine(lambda: face(cache.put(f"lost {turn}", turn)))
        gate.kick(reset=turn % 2 == 0)
        await connected(face, client)
        other = await others(enter)
        numbers = lost.tx_id, other.tx_id
        await others(lambda: face(cache.put(f"kept {turn}", turn)))
        for call in (
            lambda: cache.put(f"never {turn}", turn),
            lambda: cache.get(f"kept {turn}"),
            lambda: cache.put_all({f"never {turn}": turn, f"nor {turn}": turn}),
            lost.commit,
        ):
            with pytest.raises(TransactionLostError) as raised:
                await mine(lambda call=call: face(call()))
            assert isinstance(raised.value, OSError)
        # Its end, whichever way it is asked for, is not the end of the other.
        try:
            await mine(lambda: face(lost.rollback()))
        except TransactionLostError:
            pass
        await others(lambda: face(cache.put(f"kept too {turn}", turn)))
        await others(lambda: face(other.commit()))
        await mine.end()
        await others.end()
        return numbers[0] == numbers[1]

    for turn in range(times):
        same += await lose_one(turn)

    expected = {f"{kept} {turn}": turn for kept in ("kept", "kept too") for turn in range(times)}
    never = [f"{name} {turn}" for name in ("lost", "never", "nor") for turn in range(times)]
    assert await face(cache.get_all([*expected, *never])) == expected
    # Else nothing was shown.
    assert same > times * 0.9
    await face(cache.destroy())
    await face(client.close())
    reached("G23", "lost transactions while another had their id, each told by TransactionLostError, the other untouched", same)


@pytest.mark.goal("G23")
async def test_a_lost_cursor_leaves_the_one_with_its_id_alone(
    face: Face, gate: GateProxy, cache_name: str, size: Size, reached: Reached
) -> None:
    client = await face.connected(*gate.address, partition_aware=False)
    caches = []
    for name in ("mine", "others"):
        caches.append(await face(client.create_cache(f"{cache_name}-{name}")))
        await face(caches[-1].put_all({key: f"{name} {key}" for key in range(ROWS)}))
    times, same = size(10, 100), 0

    async def row(cursor: Any) -> Any:
        if face.is_async:
            return tuple(await cursor.__anext__())
        try:
            return next(cursor)
        except StopIteration:
            raise StopAsyncIteration from None

    async def opened(cache: Any) -> Any:
        cursor = cache.scan(page_size=5)
        return await cursor if face.is_async else cursor

    for turn in range(times):
        await anew(face, gate, client)
        lost = await opened(caches[0])
        read = [await row(lost)]
        gate.kick(reset=turn % 2 == 0)
        await connected(face, client)
        other = await opened(caches[1])
        seen = [await row(other)]
        same += other.cursor_id == lost.cursor_id
        with pytest.raises((CursorLostError, ConnectionLostError)) as raised:
            while True:
                read.append(await row(lost))
        assert isinstance(raised.value, OSError)
        with pytest.raises(CursorLostError):
            await row(lost)
        await face(lost.close())
        # What it gave before were rows of its own, those of the pages that had come.
        assert len(read) in (5, 10) and all(value == f"mine {key}" for key, value in read)
        with pytest.raises(StopAsyncIteration):
            while True:
                seen.append(await row(other))
        assert dict(seen) == {key: f"others {key}" for key in range(ROWS)} and len(seen) == ROWS
    assert same > times * 0.9
    for cache in caches:
        await face(cache.destroy())
    await face(client.close())
    reached("G23", "lost cursors while another had their id, each told by CursorLostError, the other untouched", same)


LOST = """
    from pyignite_rs.testing import GateProxy

    gate = GateProxy(*ADDRESS)
    gate.start()
    client = ignite.Client(timeout=2)
    client.connect(*gate.address)
    cache = client.get_or_create_cache(transactional("beside-lost"))
    rows = [client.get_or_create_cache(f"beside-{name}") for name in ("mine", "others")]
    for each, name in zip(rows, ("mine", "others")):
        each.put_all({key: f"{name} {key}" for key in range(40)})

    def attempt(call, *arguments):
        try:
            return call(*arguments)
        except Exception:
            seen["errors"] += 1

    def anew():
        # The call that fails makes the connection anew, on which ids start at 1.
        gate.kick()
        for _ in range(3):
            contextvars.Context().run(attempt, cache.get, 1)

    for turn in range(OPTIONS["times"]):
        mine, others = contextvars.Context(), contextvars.Context()
        anew()
        lost = mine.run(client.tx_start)
        mine.run(lost.__enter__)
        mine.run(cache.put, f"lost {turn}", turn)
        anew()
        other = others.run(client.tx_start)
        others.run(other.__enter__)
        others.run(cache.put, f"kept {turn}", turn)
        mine.run(attempt, cache.put, f"never {turn}", turn)
        if turn % 2:
            mine.run(attempt, lost.rollback)
        others.run(attempt, other.commit)

    for turn in range(OPTIONS["times"]):
        seen["written_into_another_transaction"] += cache.get(f"never {turn}") is not None
        seen["others_ended"] += cache.get(f"kept {turn}") is None

    for turn in range(OPTIONS["times"]):
        anew()
        lost = rows[0].scan(page_size=5)
        next(lost)
        anew()
        other = rows[1].scan(page_size=5)
        next(other)
        read, left = [], [next(other)]
        attempt(lambda: read.extend(lost))
        attempt(lambda: left.extend(other))
        seen["cursors_with_rows_of_another"] += any(not value.startswith("mine") for _, value in read)
        seen["cursors_that_miss_rows"] += len(left) != 39
    for each in (cache, *rows):
        each.destroy()
    tell()
"""


@pytest.mark.goal("G23")
@pytest.mark.parametrize("package", PACKAGES)
def test_handles_that_are_lost_beside_pyignite(package: str, where: tuple[str, int], size: Size, reached: Reached) -> None:
    times = size(20, 200)
    seen = run(LOST, package, where[1], 60, times=times)
    wrong = ("written_into_another_transaction", "others_ended", "cursors_with_rows_of_another", "cursors_that_miss_rows")
    if package == OURS:
        assert not seen["hung"] and not any(seen[name] for name in wrong), seen
    else:
        # P4 and P5.
        assert any(seen[name] for name in wrong), seen
        reached("G23", f"of {times} transactions and cursors each", told(seen, *wrong, "hung"), package)
