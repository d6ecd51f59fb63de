"""Events of connections and requests: which, in what order, in which thread, with what in them, and at what price."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyignite_rs import AioClient, Client, exceptions, monitoring
from pyignite_rs import testing as fake
from pyignite_rs.connection import BitmaskFeature, ProtocolContext
from pyignite_rs.testing import FakeNode

from ..conftest import Face
from ..support.listening import Ear

ROOT = Path(__file__).resolve().parents[2]

OFFER = ProtocolContext((1, 7, 0), BitmaskFeature.all_supported())


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


@pytest.fixture
def ear() -> Ear:
    return Ear(monitoring)


async def heard_later(ear: Ear, number: int) -> list[str]:
    """What is heard once the background has told so much."""
    end = time.monotonic() + 5
    while len(ear.heard) < number and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return ear.methods()


async def test_the_life_of_a_client(face: Face, node: FakeNode, ear: Ear) -> None:
    host, port = node.address
    client = await face.connected(host, port, partition_aware=False, event_listeners=ear.listeners)
    (start, started), (success, opened) = ear.take()
    assert (start, success) == ("on_handshake_start", "on_handshake_success")
    assert (started.host, started.port, started.protocol_context) == (host, port, OFFER)
    assert (opened.host, opened.port, opened.protocol_context) == (host, port, client.protocol_context)
    assert len(opened.node_uuid) == 36

    cache = await face(client.get_cache("c"))
    assert ear.take() == []
    await face(cache.put(1, "one"))
    (start, put), (success, done) = ear.take()
    assert (start, success) == ("on_query_start", "on_query_success")
    for event in (put, done):
        assert (event.host, event.port, event.node_uuid) == (host, port, opened.node_uuid)
        assert (event.op_code, event.op_name, event.query_id) == (1001, "OP_CACHE_PUT", put.query_id)
    assert type(put.query_id) is int
    assert type(done.duration) is int and 0 <= done.duration < 5000

    await face(client.close())
    [(closed, event)] = ear.take()
    assert (closed, event.host, event.port, event.node_uuid) == ("on_connection_closed", host, port, opened.node_uuid)


async def test_events_come_in_the_callers_thread_before_the_call_returns(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    await face(cache.get(1))
    node.rule("get", fake.cut(0))
    node.rule("get", fake.cut(0))
    with pytest.raises(exceptions.ConnectionLostError):
        await face(cache.get(1))
    assert "on_connection_lost" in ear.methods()
    await face(client.close())
    assert {thread for _, _, thread in ear.heard} == {threading.current_thread()}


async def test_a_refused_request(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    ear.take()
    node.rule("get", fake.refusal(1000, "no such cache"))
    with pytest.raises(exceptions.CacheError):
        await face(cache.get(1))
    (start, started), (fail, failed) = ear.take()
    assert (start, fail) == ("on_query_start", "on_query_fail")
    # As pyignite tells it: the `repr` of the server's words.
    assert failed.error_msg == failed.err_msg == "'no such cache'"
    assert failed.query_id == started.query_id
    await face(client.close())


async def test_requests_that_take_time(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    ear.take()
    node.rule("get", fake.hold(0.2))
    await face(cache.get(1))
    assert 180 <= ear.take()[-1][1].duration < 1000
    node.rule("get", fake.silence())
    with pytest.raises(TimeoutError):
        await face(cache.get(1, timeout=0.1))
    (_, _), (fail, failed) = ear.take()
    assert (fail, failed.error_msg) == ("on_query_fail", "TimeoutError('timed out')")
    assert 80 <= failed.duration < 1000
    await face(client.close())


async def test_a_connection_that_breaks_in_a_call(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    ear.take()
    node.rule("put", fake.cut(0, reset=True))
    with pytest.raises(exceptions.ConnectionLostError):
        await face(cache.put(1, 1))
    heard = ear.take()
    assert [method for method, _ in heard] == ["on_query_start", "on_connection_lost", "on_query_fail"]
    assert heard[1][1].error_msg == heard[2][1].error_msg == "ConnectionResetError(104, 'Connection reset by peer')"
    # The next call opens another one.
    await face(cache.put(1, 1))
    assert [method for method, _ in ear.take()] == [
        "on_handshake_start",
        "on_handshake_success",
        "on_query_start",
        "on_query_success",
    ]
    await face(client.close())
    assert ear.methods() == ["on_connection_closed"]


async def test_a_read_that_is_repeated(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    ear.take()
    node.rule("get", fake.cut(0))
    assert await face(cache.get(1)) is None
    assert [method for method, _ in ear.take()] == [
        "on_query_start",
        "on_connection_lost",
        "on_query_fail",
        "on_handshake_start",
        "on_handshake_success",
        "on_query_start",
        "on_query_success",
    ]
    await face(client.close())


async def test_nobody_can_be_connected(face: Face, ear: Ear) -> None:
    nowhere = [("127.0.0.1", 1), ("127.0.0.1", 2)]
    with pytest.raises(exceptions.NoNodesError):
        await face.connected(nowhere, partition_aware=False, event_listeners=ear.listeners)
    heard = ear.take()
    for port in (1, 2):
        start, fail = [(method, event) for method, event in heard if event.port == port]
        assert (start[0], fail[0]) == ("on_handshake_start", "on_handshake_fail")
        assert fail[1].error_msg == "ConnectionRefusedError(111, 'Connection refused')"
        assert fail[1].protocol_context == OFFER


async def test_an_older_server_is_offered_its_version(face: Face, ear: Ear) -> None:
    with FakeNode(newest=(1, 4, 0)) as node:
        client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
        heard = ear.take()
        assert [method for method, _ in heard] == ["on_handshake_start", "on_handshake_start", "on_handshake_success"]
        assert [event.protocol_context for _, event in heard] == [OFFER, ProtocolContext((1, 4, 0)), ProtocolContext((1, 4, 0))]
        await face(client.close())


async def test_a_handshake_that_takes_too_long(face: Face, ear: Ear) -> None:
    with FakeNode() as node:
        node.mute()
        with pytest.raises(TimeoutError):
            await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners, handshake_timeout=0.1)
        (start, _), (fail, event) = ear.take()
        assert (start, fail) == ("on_handshake_start", "on_handshake_fail")
        assert event.error_msg == "TimeoutError('timed out')"


async def test_a_shared_connection_that_breaks_while_nobody_uses_it(node: FakeNode, ear: Ear) -> None:
    client = AioClient(partition_aware=False, event_listeners=ear.listeners)
    await client.connect(*node.address)
    ear.take()
    node.kick()
    assert await heard_later(ear, 1) == ["on_connection_lost"]
    _, event, thread = ear.heard[0]
    assert (event.host, event.port) == node.address
    assert thread.name == "pyignite_rs events"
    await client.close()
    assert ear.methods() == ["on_connection_lost"]


def test_a_lane_that_broke_while_nobody_used_it(node: FakeNode, ear: Ear) -> None:
    """Its loss is told by the call that notices it, before what that call does about it."""
    client = Client(partition_aware=False, event_listeners=ear.listeners)
    client.connect(*node.address)
    cache = client.get_cache("c")
    ear.take()
    node.kick()
    time.sleep(0.2)
    assert cache.get(1) is None
    assert ear.methods() == [
        "on_connection_lost",
        "on_handshake_start",
        "on_handshake_success",
        "on_query_start",
        "on_query_success",
    ]
    assert {thread for _, _, thread in ear.heard} == {threading.current_thread()}
    client.close()


def test_each_lane_is_told_of(node: FakeNode, ear: Ear) -> None:
    client = Client(partition_aware=False, event_listeners=ear.listeners)
    client.connect(*node.address)
    cache = client.get_cache("c")
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        node.rule("get", fake.hold(0.1))
        cache.get(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = ear.methods().count("on_handshake_success")
    assert opened == ear.methods().count("on_handshake_start") > 1
    # Each thread heard of its own request.
    for method in ("on_query_start", "on_query_success"):
        assert sorted(t.name for m, _, t in ear.heard if m == method) == sorted(thread.name for thread in threads)
    client.close()
    assert ear.methods().count("on_connection_closed") == opened
    assert "on_connection_lost" not in ear.methods()


async def test_a_client_that_is_closed_under_a_call(face: Face, node: FakeNode, ear: Ear) -> None:
    client = await face.connected(*node.address, partition_aware=False, event_listeners=ear.listeners)
    cache = await face(client.get_cache("c"))
    ear.take()
    node.rule("get", fake.silence())
    if face.is_async:
        call = asyncio.ensure_future(cache.get(1))
        await asyncio.sleep(0.1)
        await client.close()
        with pytest.raises(exceptions.ClientClosedError):
            await call
    else:
        closing = threading.Timer(0.2, client.close)
        closing.start()
        with pytest.raises(exceptions.ClientClosedError):
            cache.get(1)
        closing.join()
    assert sorted(ear.methods()) == ["on_connection_closed", "on_query_fail", "on_query_start"]


async def test_cancelled_calls_end_in_silence(node: FakeNode, ear: Ear) -> None:
    client = AioClient(partition_aware=False, event_listeners=ear.listeners)
    await client.connect(*node.address)
    cache = await client.get_cache("c")
    ear.take()
    node.rule("get", fake.hold(0.1))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(cache.get(1), 0.03)
    await asyncio.sleep(0.15)
    assert ear.methods() == ["on_query_start"]
    await client.close()


async def test_what_listeners_raise_is_logged_and_changes_nothing(
    face: Face, node: FakeNode, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(monitoring.ConnectionEventListener, monitoring.QueryEventListener):
        def on_handshake_start(self, event: Any) -> None:
            raise RuntimeError("in on_handshake_start")

        def on_query_start(self, event: Any) -> None:
            raise RuntimeError("in on_query_start")

        def on_query_success(self, event: Any) -> None:
            raise asyncio.CancelledError("in on_query_success")

        def on_connection_closed(self, event: Any) -> None:
            raise SystemExit("in on_connection_closed")

    with caplog.at_level(logging.ERROR, logger="pyignite_rs"):
        client = await face.connected(*node.address, partition_aware=False, event_listeners=[Broken(), *ear.listeners])
        cache = await face(client.get_cache("c"))
        await face(cache.put(1, 5))
        assert await face(cache.get(1)) == 5
        await face(client.close())
    assert ear.methods() == [
        "on_handshake_start",
        "on_handshake_success",
        *["on_query_start", "on_query_success"] * 2,
        "on_connection_closed",
    ]
    texts = [record.exc_text or "" for record in caplog.records]
    expected = ["in on_handshake_start", *["in on_query_start", "in on_query_success"] * 2, "in on_connection_closed"]
    assert [one in text for one, text in zip(expected, texts, strict=True)] == [True] * len(expected)


async def test_a_listener_may_use_the_client(face: Face, node: FakeNode) -> None:
    class Curious(monitoring.QueryEventListener):
        def __init__(self) -> None:
            self.cache: Any = None
            self.got: list[Any] = []
            self.asks = False

        def on_query_success(self, event: monitoring.QuerySuccessEvent) -> None:
            if event.op_name == "OP_CACHE_PUT" and not face.is_async:
                self.got.append(self.cache.get(1))

    curious = Curious()
    client = await face.connected(*node.address, partition_aware=False, event_listeners=[curious])
    curious.cache = await face(client.get_cache("c"))
    await face(curious.cache.put(1, 5))
    assert curious.got == ([] if face.is_async else [5])
    await face(client.close())


def test_an_interrupt_in_a_listener_reaches_the_program(node: FakeNode) -> None:
    class Interrupted(monitoring.QueryEventListener):
        def on_query_start(self, event: monitoring.QueryStartEvent) -> None:
            raise KeyboardInterrupt

    client = Client(partition_aware=False, event_listeners=[Interrupted()])
    client.connect(*node.address)
    cache = client.get_cache("c")
    with pytest.raises(KeyboardInterrupt):
        cache.get(1)
        for _ in range(1000):
            time.sleep(0.001)
    client.close()


@pytest.mark.parametrize("cls", [Client, AioClient])
def test_what_clients_take_as_listeners(cls: Any, ear: Ear) -> None:
    for given in (None, [], (), ear.listeners, tuple(ear.listeners), set(ear.listeners), iter(ear.listeners)):
        cls(event_listeners=given)
        cls(None, True, given)
    with pytest.raises(TypeError, match="not iterable"):
        cls(event_listeners=5)
    with pytest.warns(UserWarning, match="is no event listener"):
        cls(partition_aware=False, event_listeners=[print])


def test_a_listener_that_holds_its_client_is_collected_with_it(node: FakeNode) -> None:
    class Holder(monitoring.QueryEventListener):
        client: Any = None

    holder = Holder()
    client = holder.client = Client(partition_aware=False, event_listeners=[holder])
    client.connect(*node.address)
    client.get_cache("c").get(1)
    gone = weakref.ref(holder), weakref.ref(client)
    del holder, client
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


# --- logging ---------------------------------------------------------------------------------------------------------------------


async def test_debug_logging_can_be_turned_on_and_off_while_a_client_works(
    face: Face, node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    client = await face.connected(*node.address)
    cache = await face(client.get_cache("c"))
    await face(cache.put(1, 1))
    for logger in ("pyignite_rs", "pyignite_rs.queries", None):
        with caplog.at_level(logging.DEBUG, logger=logger):
            caplog.clear()
            await face(cache.get(1))
            assert [record.getMessage().split("(")[0] for record in caplog.records if record.name.startswith("pyignite_rs")] == [
                "Start query",
                "Finished query",
            ]
        caplog.clear()
        await face(cache.get(1))
        assert [record for record in caplog.records if record.name.startswith("pyignite_rs")] == []
    await face(client.close())


async def test_what_is_logged_of_a_connection(face: Face, node: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    host, port = node.address
    with caplog.at_level(logging.DEBUG, logger="pyignite_rs"):
        client = await face.connected(host, port)
        await face(client.close())
        with pytest.raises(exceptions.NoNodesError):
            await face.connected("127.0.0.1", 1)
    texts = [record.getMessage() for record in caplog.records if record.name == "pyignite_rs.connection"]
    assert [text.split(" with ")[0] for text in texts[:1]] == [f"Connecting to node(address={host}, port={port})"]
    assert texts[1].startswith(f"Connected to node(address={host}, port={port}, node_uuid=")
    assert texts[2].startswith(f"Connection closed to node(address={host}, port={port}, node_uuid=")
    assert texts[3].startswith("Connecting to node(address=127.0.0.1, port=1) ")
    assert texts[4].startswith("Failed to perform handshake, connection to node(address=127.0.0.1, port=1) ")
    assert texts[4].endswith("failed: [Errno 111] Connection refused")


async def test_what_happened_meanwhile_is_logged_with_the_next_call(node: FakeNode, caplog: pytest.LogCaptureFixture) -> None:
    """Without listeners there is no thread that could do it."""
    client = AioClient()
    await client.connect(*node.address)
    cache = await client.get_cache("c")
    with caplog.at_level(logging.INFO, logger="pyignite_rs"):
        node.kick()
        await asyncio.sleep(0.1)
        assert caplog.records == []
        await cache.get(1)
    [record] = [record for record in caplog.records if record.name == "pyignite_rs.connection"]
    assert record.getMessage().startswith(
        f"Connection lost to node(address={node.address[0]}, port={node.address[1]}, node_uuid="
    )
    await client.close()


# --- what it costs ---------------------------------------------------------------------------------------------------------------


def test_there_is_no_thread_of_events_without_listeners(node: FakeNode) -> None:
    script = textwrap.dedent("""
        import sys, threading
        from pyignite_rs import Client, monitoring
        def names(): return [thread.name for thread in threading.enumerate() if "events" in thread.name]
        class Listener(monitoring.ConnectionEventListener): pass
        class Other(monitoring.QueryEventListener): pass
        for listeners in (None, [Other()], [Listener()], [Listener()]):
            client = Client(partition_aware=False, event_listeners=listeners)
            client.connect("127.0.0.1", int(sys.argv[1]))
            print(names())
    """)
    ran = subprocess.run(
        [sys.executable, "-c", script, str(node.address[1])], capture_output=True, text=True, timeout=30, check=True
    )
    one = "['pyignite_rs events']\n"
    assert (ran.stdout, ran.stderr) == ("[]\n[]\n" + one + one, "")


def test_events_in_the_child_of_a_fork(node: FakeNode, ear: Ear) -> None:
    client = Client(partition_aware=False, event_listeners=ear.listeners)
    client.connect(*node.address)
    cache = client.get_cache("c")
    cache.put(1, 1)
    ear.take()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        cache.get(1)
        client.close()
        os.write(writer, repr(ear.methods()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        heard = told.read()
    assert os.waitpid(child, 0)[1] == 0
    assert heard == str(
        ["on_handshake_start", "on_handshake_success", "on_query_start", "on_query_success", "on_connection_closed"]
    )
    assert cache.get(1) == 1
    assert ear.methods() == ["on_query_start", "on_query_success"]
    client.close()


#: A program that makes calls.
STEADY = """
import sys
from pyignite_rs import Client, monitoring
host, port, listening, count = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "yes", int(sys.argv[4])
class Listener(monitoring.QueryEventListener, monitoring.ConnectionEventListener): pass
client = Client(partition_aware=False, event_listeners=[Listener()] if listening else None)
client.connect(host, port)
cache = client.get_cache("c")
for _ in range(count):
    cache.put(1, 1)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@pytest.mark.parametrize("listening", ["no", "yes"])
def test_listeners_cost_no_system_calls(node: FakeNode, tmp_path: Path, listening: str) -> None:
    """Two a call, with or without; the difference of two runs, so that start and end cancel out."""

    def counted(count: int) -> int:
        report = tmp_path / "strace"
        command = ["strace", "-f", "-c", "-U", "calls,name", "-o", str(report), sys.executable, "-c", STEADY]
        subprocess.run([*command, node.address[0], str(node.address[1]), listening, str(count)], timeout=60, check=True)
        return int(report.read_text().splitlines()[-1].split()[0])

    first, second = counted(100), counted(1100)
    assert (second - first) / 1000 == pytest.approx(2, abs=0.1)


def test_without_listeners_nothing_is_made_for_them(node: FakeNode) -> None:
    """No Python object is made by a call but its result, and no code of this package runs."""
    client = Client()
    client.connect(*node.address)
    cache = client.get_cache("c")
    for _ in range(10):
        cache.put(1, 1)
    calls: list[str] = []
    before = sys.getallocatedblocks()
    for _ in range(1000):
        cache.put(1, 1)
    made = sys.getallocatedblocks() - before
    sys.setprofile(lambda frame, event, argument: calls.append(frame.f_code.co_filename) if event == "call" else None)
    try:
        for _ in range(10):
            cache.put(1, 1)
    finally:
        sys.setprofile(None)
    assert made < 20
    assert calls == []
    client.close()


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "node.kick()", "gc.collect(); del client, aio"])
def test_a_program_that_ends_with_listeners_and_open_clients(end: str) -> None:
    """The right exit code, at once, and nothing on stderr: whatever the background still wanted to say."""
    script = textwrap.dedent(f"""
        import asyncio, gc
        from pyignite_rs import AioClient, Client, monitoring
        from pyignite_rs.testing import FakeNode
        class Listener(monitoring.ConnectionEventListener, monitoring.QueryEventListener):
            def on_connection_lost(self, event): print("lost", flush=True)
        node = FakeNode(["c"])
        client = Client(partition_aware=False, event_listeners=[Listener()])
        client.connect(*node.address)
        client.get_cache("c").put(1, 1)
        aio = AioClient(partition_aware=False, event_listeners=[Listener()])
        async def main():
            await aio.connect(*node.address)
            await (await aio.get_cache("c")).put(1, 1)
        asyncio.run(main())
        {end}
    """)
    begin = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (3 if "3" in end else 0, "")
    # Told by both clients, by one or by none, as far as the end of the process lets it.
    assert ran.stdout.replace("\n", "") in ("", "lost", "lost" * 2)
    assert time.monotonic() - begin < 10
