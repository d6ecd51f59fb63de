"""One synchronous client shared by threads: no wrong value, no more connections than threads or than allowed."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs import exceptions
from pyignite_rs import testing as fake
from pyignite_rs.monitoring import ConnectionEventListener, QueryEventListener
from pyignite_rs.testing import FakeNode

from ..conftest import Reached, Size

THREADS = 16


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(number: int, body: Callable[[int], None]) -> list[BaseException]:
    """Run `body(0)`, `body(1)` ... at once; what they raised."""
    raised: list[BaseException] = []
    together = threading.Barrier(number)

    def run(index: int) -> None:
        together.wait()
        try:
            body(index)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def work(cache: Any, operations: int, wrong: list[tuple[Any, Any]]) -> Callable[[int], None]:
    """Each thread writes and reads keys of its own and a key that nobody writes."""

    def body(index: int) -> None:
        for number in range(operations // 2):
            key = f"{index}-{number % 50}"
            value = index * 1_000_000 + number
            cache.put(key, value)
            expected, found = ("shared", cache.get("all")) if number % 10 == 0 else (value, cache.get(key))
            if found != expected:
                wrong.append((expected, found))

    return body


class Counting(QueryEventListener, ConnectionEventListener):
    """Counts what it is told; a listener is called by all threads at once."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def on_query_start(self, event: Any) -> None:
        self.count("started")

    def on_query_success(self, event: Any) -> None:
        self.count("succeeded")

    def on_query_fail(self, event: Any) -> None:
        self.count("failed")


class Formatting(logging.Handler):
    """Makes a text of every record, and keeps none."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
        self.count += 1


@pytest.fixture
def log() -> Iterator[Formatting]:
    """A handler of everything that this package logs, at the finest level."""
    logger, handler = logging.getLogger("pyignite_rs"), Formatting()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(1)
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before[0])
    logger.propagate = before[1]


@pytest.mark.goal("G12")
def test_sixteen_threads_are_watched(node: FakeNode, quick_switches: None, log: Formatting, size: Size, reached: Reached) -> None:
    """With listeners and with the log at its finest level, both of which run Python code in the middle of calls."""
    listener = Counting()
    client = pyignite_rs.Client(timeout=60, event_listeners=[listener])
    wrong: list[tuple[Any, Any]] = []
    with client.connect(*node.address):
        cache = client.get_cache("c")
        cache.put("all", "shared")
        listener.counts.clear()
        operations = size(500, 5_000)
        raised = in_threads(THREADS, work(cache, operations, wrong))
        assert raised == [] and wrong == []
        assert listener.counts == {"started": THREADS * operations, "succeeded": THREADS * operations}
        assert log.count >= 2 * THREADS * operations
    reached("G12", "with listeners and debug logging on", f"{THREADS} x {operations:,}")


@pytest.mark.goal("G12")
def test_sixteen_threads_get_their_own_answers(node: FakeNode, quick_switches: None, size: Size, reached: Reached) -> None:
    client = pyignite_rs.Client(timeout=30)
    wrong: list[tuple[Any, Any]] = []
    with client.connect(*node.address):
        cache = client.get_cache("c")
        cache.put("all", "shared")
        operations = size(2_000, 5_000)
        raised = in_threads(THREADS, work(cache, operations, wrong))
        assert raised == [] and wrong == []
        assert node.requests["put"] == THREADS * operations // 2 + 1 and node.requests["get"] == THREADS * operations // 2
        # One more than the threads: opening one for a thread can end after another became free.
        assert node.accepted <= THREADS + 1
        reached("G12", "threads on one client, checked operations, 0 wrong", f"{THREADS} x {operations:,}")


@pytest.mark.parametrize("limit", [1, 4])
def test_no_more_connections_than_allowed(node: FakeNode, limit: int) -> None:
    client = pyignite_rs.Client(timeout=30, max_connections_per_node=limit)
    wrong: list[tuple[Any, Any]] = []
    with client.connect(*node.address):
        cache = client.get_cache("c")
        cache.put("all", "shared")
        begin = time.monotonic()
        raised = in_threads(THREADS, work(cache, 200, wrong))
        assert raised == [] and wrong == []
        assert node.accepted <= limit
        # Nobody sleeps through the moment when a connection becomes free.
        assert time.monotonic() - begin < 10


def test_waiting_for_a_connection_counts_against_the_limit(node: FakeNode) -> None:
    client = pyignite_rs.Client(max_connections_per_node=2)
    with client.connect(*node.address):
        cache = client.get_cache("c")
        node.rule("get", fake.hold(1.0), times=2)
        slow = threading.Thread(target=in_threads, args=(2, lambda index: cache.get(index)))
        slow.start()
        time.sleep(0.2)
        begin = time.monotonic()
        with pytest.raises(exceptions.OperationTimeoutError) as caught:
            cache.put(1, 1, timeout=0.3)
        assert 0.29 <= time.monotonic() - begin <= 0.55
        assert caught.value.sent == "no" and node.requests["put"] == 0
        slow.join()
        cache.put(1, 1)
        assert node.accepted == 2


def test_broken_connections_under_load_harm_only_the_calls_on_them(node: FakeNode) -> None:
    client = pyignite_rs.Client(timeout=30)
    wrong: list[tuple[Any, Any]] = []
    lost: list[exceptions.ConnectionLostError] = []
    acknowledged = [0] * 8

    def body(index: int) -> None:
        for number in range(300):
            key, value = f"{index}-{number}", index * 1000 + number
            try:
                cache.put(key, value)
                acknowledged[index] += 1
            except exceptions.ConnectionLostError as error:
                lost.append(error)
                continue
            # A read may meet two broken connections in turn, which is as often as it is repeated.
            try:
                found = cache.get(key)
            except exceptions.ConnectionLostError as error:
                lost.append(error)
                continue
            if found != value:
                wrong.append((value, found))

    with client.connect(*node.address):
        cache = client.get_cache("c")
        stop = threading.Event()

        def kick() -> None:
            while not stop.wait(0.05):
                node.kick(reset=True)

        kicker = threading.Thread(target=kick)
        kicker.start()
        try:
            raised = in_threads(8, body)
        finally:
            stop.set()
            kicker.join()
        assert raised == [] and wrong == []
        assert sum(acknowledged) > 1_000
        # Every put that was acknowledged came in once, and those that were not at most once.
        assert sum(acknowledged) <= node.requests["put"] <= 8 * 300
        assert node.accepted > 8
        assert cache.get("0-0") in (0, None)


def test_close_ends_the_calls_of_all_threads(node: FakeNode) -> None:
    client = pyignite_rs.Client()
    client.connect(*node.address)
    cache = client.get_cache("c")
    node.rule("get", fake.silence(), times=THREADS)
    raised: list[BaseException] = []
    threads = threading.Thread(target=lambda: raised.extend(in_threads(THREADS, lambda index: cache.get(index))))
    threads.start()
    end = time.monotonic() + 5
    while node.requests["get"] < THREADS and time.monotonic() < end:
        time.sleep(0.01)
    begin = time.monotonic()
    client.close()
    threads.join()
    assert time.monotonic() - begin < 1
    assert [type(error) for error in raised] == [exceptions.ClientClosedError] * THREADS
    accepted = node.accepted
    time.sleep(0.2)
    assert node.accepted == accepted and node.open == 0


def test_close_ends_a_thread_that_waits_for_a_connection() -> None:
    with FakeNode(["c"]) as node:
        client = pyignite_rs.Client()
        client.connect(*node.address)
        node.mute()
        node.kick()
        time.sleep(0.2)
        raised: list[BaseException] = []
        thread = threading.Thread(target=lambda: raised.extend(in_threads(1, lambda index: client.get_cache_names())))
        thread.start()
        time.sleep(0.2)
        begin = time.monotonic()
        client.close()
        thread.join()
        assert time.monotonic() - begin < 1
        assert [type(error) for error in raised] == [exceptions.ClientClosedError]


def test_other_threads_run_while_one_waits(node: FakeNode) -> None:
    def count(seconds: float) -> int:
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            number += 1
        return number

    client = pyignite_rs.Client()
    with client.connect(*node.address):
        cache = client.get_cache("c")
        node.rule("get", fake.hold(1.2))
        waiting = threading.Thread(target=cache.get, args=(1,))
        waiting.start()
        time.sleep(0.1)
        # The waiting thread must not hold the interpreter: nothing would be counted before its answer comes.
        begin = time.monotonic()
        assert count(0.5) > 1_000
        assert time.monotonic() - begin < 0.7 and waiting.is_alive()
        waiting.join()


def test_event_loops_in_several_threads_share_a_client(node: FakeNode) -> None:
    client = pyignite_rs.AioClient(timeout=30)
    wrong: list[tuple[Any, Any]] = []

    async def connect() -> None:
        await client.connect(*node.address)

    asyncio.run(connect())

    def body(index: int) -> None:
        async def calls() -> None:
            cache = await client.get_cache("c")
            for turn in range(10):
                base = index * 10_000 + turn * 100
                await asyncio.gather(*(cache.put(base + number, base - number) for number in range(50)))
                found = await asyncio.gather(*(cache.get(base + number) for number in range(50)))
                expected = [base - number for number in range(50)]
                if found != expected:
                    wrong.append((expected, found))

        asyncio.run(calls())

    raised = in_threads(4, body)
    assert raised == [] and wrong == []
    assert node.requests["put"] == node.requests["get"] == 2_000 and node.accepted == 1

    async def close() -> None:
        await client.close()

    asyncio.run(close())


def test_a_loop_that_ends_in_the_middle_of_its_turn_takes_no_later_call_with_it(node: FakeNode) -> None:
    client = pyignite_rs.AioClient(timeout=5)

    async def connect() -> Any:
        await client.connect(*node.address)
        return await client.get_cache("c")

    cache = asyncio.run(connect())
    loop = asyncio.new_event_loop()
    left = [loop.create_task(cache.put(key, key)) for key in range(3)]
    # Stopped in the turn in which the calls start, and never run again.
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert not any(task.done() for task in left)

    async def go_on() -> list[Any]:
        await cache.put(7, 49)
        return await asyncio.gather(cache.get(7), cache.get(8))

    assert asyncio.run(go_on()) == [49, None]
    for task in left:
        # The tasks of a loop that was closed are reported as lost otherwise.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
