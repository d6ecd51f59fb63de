"""All nodes down for a while; a node that hangs; a connection whose other end is out of reach."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs import testing as fake
from pyignite_rs.exceptions import ConnectionLostError, NoNodesError, connection_errors
from pyignite_rs.monitoring import ConnectionEventListener
from pyignite_rs.testing import FakeCluster, FakeNode

from ..conftest import Face, Reached, Size
from ..support.balance import wait_for_rest
from ..support.cluster import Cluster
from ..support.far import Far, needs_root

#: Seconds of a call.
LIMIT, SLACK = 2.0, 0.25


class Counting(ConnectionEventListener):
    """Counts what becomes of attempts to connect, by port, and keeps when connections were lost."""

    def __init__(self) -> None:
        self.attempts: Counter[int] = Counter()
        self.lost: list[tuple[int, float]] = []

    def on_handshake_fail(self, event: Any) -> None:
        self.attempts[event.port] += 1

    def on_handshake_success(self, event: Any) -> None:
        self.attempts[event.port] += 1

    def on_connection_lost(self, event: Any) -> None:
        self.lost.append((event.port, time.monotonic()))


@contextlib.asynccontextmanager
async def load(face: Face, number: int, body: Callable[[int], Any]) -> Any:
    """So many callers at work, each in a thread or a task of its own, until they have seen that `stop` is set."""
    raised: list[BaseException] = []

    async def guarded(index: int) -> None:
        try:
            await body(index)
        except BaseException as error:
            raised.append(error)

    if face.is_async:
        tasks = [asyncio.create_task(guarded(index)) for index in range(number)]
        yield
        await asyncio.gather(*tasks)
    else:
        threads = [threading.Thread(target=lambda index=index: asyncio.run(guarded(index))) for index in range(number)]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            await asyncio.to_thread(thread.join)
    assert raised == []


@pytest.mark.goal("G20")
@pytest.mark.parametrize("port", ["refuses", "accepts and closes"])
async def test_all_nodes_are_down_for_a_while(face: Face, port: str, size: Size, reached: Reached) -> None:
    seconds, callers = size(3, 20), 8
    stop = threading.Event()
    back: list[float] = []
    first: dict[int, float] = {}
    slowest, failed = 0.0, 0
    counting = Counting()

    async def call(index: int) -> None:
        nonlocal slowest, failed
        while not stop.is_set():
            begin = time.monotonic()
            try:
                assert await face(cache.get(1)) == "one"
                if back:
                    first.setdefault(index, time.monotonic() - back[0])
            except (NoNodesError, *connection_errors):
                failed += 1
            slowest = max(slowest, time.monotonic() - begin)
            # A call that can not wait for anything gives way to others.
            await asyncio.sleep(0)

    with FakeCluster(2, {"c": {1: "one"}}) as nodes:
        client = await face.connected(nodes.addresses, timeout=LIMIT, event_listeners=[counting])
        cache = await face(client.get_cache("c"))
        async with load(face, callers, call):
            await asyncio.sleep(0.3)
            for node in nodes:
                if port == "refuses":
                    node.stop()
                else:
                    node.say(b"", then_close=True)
                    node.kick()
            # What began before is over.
            await asyncio.sleep(0.1)
            failed, tried, accepted = 0, Counter(counting.attempts), [node.accepted for node in nodes]
            began = time.monotonic()
            await asyncio.sleep(seconds)
            down = time.monotonic() - began
            attempts = [counting.attempts[node.port] - tried[node.port] for node in nodes]
            accepts = [node.accepted - before for node, before in zip(nodes, accepted, strict=True)]
            refused = failed
            back.append(time.monotonic())
            for node in nodes:
                node.start() if port == "refuses" else node.welcome()
            while len(first) < callers and time.monotonic() - back[0] < 10:
                await asyncio.sleep(0.01)
            stop.set()
        await face(client.close())
    if port == "accepts and closes":
        # The listener tells of every attempt, so that it can be believed where nobody accepts.
        assert all(abs(one - other) <= 1 for one, other in zip(attempts, accepts, strict=True)), (attempts, accepts)
    # One attempt may fall on each end of the time.
    assert 1 <= min(attempts) and max(attempts) <= 2 * down + 1, attempts
    # Calls go on being made, and being told.
    assert refused >= callers
    assert slowest <= LIMIT + SLACK
    assert len(first) == callers and max(first.values()) <= 5, first
    rate = max(attempts) / down
    figure = (
        f"{face} {rate:.1f} a second and address, all {callers} callers served {max(first.values()):.1f} s after the port opened"
    )
    reached("G20", f"down {seconds} s, the port {port}, connects", figure)


# --- one that hangs ------------------------------------------------------------------------------------------------------------------

INTERVAL, TIMEOUT = 1.0, 1.0
BEATING = {"heartbeat_interval": INTERVAL, "heartbeat_timeout": TIMEOUT}

#: What the machine and the tick of the heartbeats may add to the time in which a dead connection is noticed.
NOTICE = 0.5


def percentile(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


async def timed_reads(face: Face, cache: Any, keys: list[int], seconds: float) -> float:
    """The 99th percentile of reads for so long."""
    end, times = time.monotonic() + seconds, []
    while (begin := time.monotonic()) < end:
        key = keys[len(times) % len(keys)]
        assert await face(cache.get(key)) == key
        times.append(time.monotonic() - begin)
        if len(times) % 100 == 0:
            await asyncio.sleep(0)
    return percentile(times)


async def in_flight(call: Callable[[], Any], ended: list[tuple[Any, float]]) -> None:
    """A call in a thread or a task of its own, and how it ended after how long."""
    begin = time.monotonic()
    try:
        result = await call()
    except Exception as error:
        result = error
    ended.append((result, time.monotonic() - begin))


async def hang(
    face: Face, connect: Callable[..., Any], stop: Callable[[], None], go_on: Callable[[], None], keys: dict[bool, list[int]], port: int,
    seconds: float,
) -> str:  # fmt: skip
    """What calls notice of a node that hangs for so long: `keys[True]` are its own. The figures."""
    counting = Counting()
    client = await connect(event_listeners=[counting], **BEATING)
    cache = await face(client.get_cache("c"))
    for key in (*keys[True], *keys[False]):
        await face(cache.put(key, key))
    before = await timed_reads(face, cache, keys[False], min(seconds, 3))
    ended: list[tuple[Any, float]] = []
    stop()
    try:
        began = time.monotonic()
        # A write that may have left: nobody can know what became of it when the connection is given up.
        put = asyncio.create_task(
            in_flight(
                lambda: cache.put(keys[True][0], 0) if face.is_async else asyncio.to_thread(cache.put, keys[True][0], 0), ended
            )
        )
        during = await timed_reads(face, cache, keys[False], seconds)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    finally:
        go_on()
    await asyncio.wait_for(put, 10)
    ((error, took),) = ended
    assert isinstance(error, ConnectionLostError) and error.sent == "maybe", (error, took)
    lost = [moment - began for place, moment in counting.lost if place == port]
    assert lost and took <= INTERVAL + TIMEOUT + NOTICE and min(lost) <= INTERVAL + TIMEOUT + NOTICE, (took, lost)
    # The connections of the others are left alone.
    assert {place for place, _ in counting.lost} == {port}
    # Below half a millisecond the machine alone makes such differences.
    assert during <= max(2 * before, before + 0.0005), (before, during)
    end = time.monotonic() + 5
    while True:
        try:
            await face(cache.put(keys[True][1], 2))
            break
        except connection_errors:
            assert time.monotonic() < end
    assert await face(cache.get(keys[True][1])) == 2
    await face(client.close())
    return f"{face} noticed after {took:.1f} s, p99 at the other nodes {during / before:.1f}x of before"


@pytest.mark.goal("G21")
async def test_a_stand_in_that_hangs(face: Face, reached: Reached) -> None:
    with FakeCluster(3, ["c"]) as nodes:
        keys = {which: [key for key in range(200) if nodes[0].is_primary(key) == which] for which in (True, False)}

        def stop() -> None:
            nodes[0].rule(None, fake.black_hole(), times=1_000_000, on="request")

        def go_on() -> None:
            nodes[0].forget_rules()
            nodes[0].kick()

        await hang(face, lambda **more: face.connected(nodes.addresses, **more), stop, go_on, keys, nodes[0].port, 3.0)


@pytest.mark.full
@pytest.mark.live
@pytest.mark.goal("G21")
async def test_a_node_that_hangs(face: Face, reached: Reached) -> None:
    # Ten seconds are as long as nodes wait for each other, so that the one that hung may be out of the cluster afterwards.
    with Cluster(3, jit=True) as cluster:
        helper = pyignite_rs.Client()
        with helper.connect(cluster.addresses):
            wait_for_rest(cluster, range(3))
            cache = helper.create_cache("c")
            ports = {key: helper.get_best_node(cache, key).port for key in range(200)}
        hung = cluster[2]
        keys = {which: [key for key in ports if (ports[key] == hung.port) == which] for which in (True, False)}
        figures = await hang(
            face, lambda **more: face.connected(cluster.addresses, **more), hung.pause, hung.resume, keys, hung.port, 10.0
        )
    reached("G21", "a node stopped for 10 s (SIGSTOP)", figures)


@needs_root()
@pytest.mark.goal("G21")
async def test_a_connection_that_is_half_open(face: Face, reached: Reached) -> None:
    with FakeNode({"c": {1: "one"}}) as node, Far(node.address) as far:
        counting = Counting()
        client = await face.connected(*far.address, event_listeners=[counting], partition_aware=False, **BEATING)
        cache = await face(client.get_cache("c"))
        assert await face(cache.get(1)) == "one"
        far.pull()
        begin = time.monotonic()
        ended: list[tuple[Any, float]] = []
        await in_flight(lambda: cache.put(2, 2) if face.is_async else asyncio.to_thread(cache.put, 2, 2), ended)
        ((error, took),) = ended
        assert isinstance(error, ConnectionLostError) and error.sent == "maybe", error
        assert took <= INTERVAL + TIMEOUT + NOTICE
        # One that nobody uses is noticed too.
        assert counting.lost and counting.lost[0][1] - begin <= INTERVAL + TIMEOUT + NOTICE
        far.plug()
        end = time.monotonic() + 10
        while True:
            try:
                assert await face(cache.get(1, timeout=1)) == "one"
                break
            except connection_errors:
                assert time.monotonic() < end
        await face(client.close())
    reached("G21", "a connection half open (one end of a veth pair down)", f"{face} noticed after {took:.1f} s")
