"""Forks, signals and exits with a real node, each scenario in a process of its own; cancellations in great number."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pyignite_rs
from pyignite_rs import testing as fake
from pyignite_rs.testing import FakeNode

from ..conftest import Reached, Size

ROOT = Path(__file__).parents[2]

#: What every script starts with. `work` returns the number of checked reads, `port` the local port of the only connection.
PRELUDE = """
import asyncio, gc, multiprocessing, os, signal, sys, threading, time
import pyignite_rs
from pyignite_rs import exceptions

ADDRESS = ("127.0.0.1", int(sys.argv[1]))
NAME = sys.argv[2]

def work(cache, who, operations):
    for number in range(operations // 2):
        key, value = f"{who}-{number}", hash((who, number)) & 0xFFFFFFFF
        cache.put(key, value)
        found = cache.get(key)
        assert found == value, (key, value, found)
    return operations

def local_ports():
    inodes = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = []
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        with open(table) as file:
            lines = file.readlines()[1:]
        for line in lines:
            fields = line.split()
            if fields[9] in inodes and int(fields[2].split(":")[1], 16) == ADDRESS[1]:
                ports.append(int(fields[1].split(":")[1], 16))
    return sorted(ports)
"""


def start(script: str, port: int, name: str) -> subprocess.Popen[str]:
    """Run a script of this module's kind in a process of its own."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", PRELUDE + textwrap.dedent(script), str(port), name]
    path = os.pathsep.join([str(Path(pyignite_rs.__file__).parents[1]), *sys.path])
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], limit: float) -> tuple[int, str, str]:
    """Its exit code, output and errors; it must end within the limit."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {limit} s\n{out}\n{err}") from None
    return process.returncode, out, err


def succeeds(script: str, port: int, name: str, limit: float = 60.0) -> str:
    """What a script prints that must end well and say nothing on stderr."""
    code, out, err = finish(start(script, port, name), limit)
    assert (code, err) == (0, ""), f"exit code {code}\n{out}\n{err}"
    return out.strip()


@pytest.fixture(scope="module")
def shared_cache(address: tuple[str, int]) -> Iterator[str]:
    """The name of a cache for all scripts."""
    name = f"processes-{os.getpid()}"
    client = pyignite_rs.Client()
    with client.connect(*address):
        cache = client.create_cache(name)
        cache.put_all({key: key * 11 for key in range(1_000)})
        yield name
        cache.destroy()


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


# Forks


@pytest.mark.goal("G13")
def test_parent_and_forked_children_work_side_by_side(address: tuple[str, int], shared_cache: str, reached: Reached) -> None:
    script = """
        client = pyignite_rs.Client(timeout=30)
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)
        work(cache, "before", 10)
        before = local_ports()
        assert len(before) == 1, before
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    assert work(cache, f"child {child}", 500) == 500
                    mine = local_ports()
                    # One connection of its own; the parent's is not even inherited any more.
                    assert len(mine) == 1 and mine != before, (before, mine)
                    code = 0
                finally:
                    sys.stdout.flush()
                    os._exit(code)
            children.append(pid)
        work(cache, "parent", 500)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        work(cache, "parent", 300)
        assert local_ports() == before, (before, local_ports())
        print(codes)
        client.close()
    """
    assert succeeds(script, address[1], shared_cache) == "[0, 0, 0, 0]"
    reached("G13", "os.fork, parent and 4 children at work", "500 checked operations each, the parent's port unchanged")


def test_a_fork_in_the_middle_of_calls_of_other_threads(address: tuple[str, int], shared_cache: str) -> None:
    script = """
        client = pyignite_rs.Client(timeout=30)
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)
        stop, done = threading.Event(), []

        def run(index):
            while not stop.is_set():
                done.append(work(cache, f"thread {index}", 20))

        threads = [threading.Thread(target=run, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        codes = []
        for child in range(12):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    work(cache, f"child {child}", 40)
                    code = 0
                finally:
                    os._exit(code)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        stop.set()
        for thread in threads:
            thread.join()
        assert sum(done) > 100
        assert len(local_ports()) <= 5
        print(codes == [0] * 12)
        client.close()
    """
    assert succeeds(script, address[1], shared_cache) == "True"


def test_a_child_that_closes_the_client_leaves_the_parents_connection_alone(address: tuple[str, int], shared_cache: str) -> None:
    script = """
        client = pyignite_rs.Client(timeout=30)
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)
        work(cache, "before", 10)
        before = local_ports()
        for end in (lambda: client.close(), lambda: work(cache, "child", 10), lambda: None, lambda: sys.exit(0)):
            pid = os.fork()
            if pid == 0:
                end()
                sys.exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            work(cache, "parent", 20)
            assert local_ports() == before
        print("done")
        client.close()
    """
    assert succeeds(script, address[1], shared_cache) == "done"


@pytest.mark.goal("G13")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(
    address: tuple[str, int], shared_cache: str, method: str, tmp_path: Path, size: Size, reached: Reached
) -> None:
    each = size(100, 500)
    # `spawn` imports the main module again, so it has to be a file.
    module = tmp_path / "script.py"
    module.write_text(
        PRELUDE
        + textwrap.dedent("""
        client = None

        def connect():
            global client
            if client is None:
                client = pyignite_rs.Client(timeout=30)
                client.connect(*ADDRESS)
            return client.get_cache(NAME)

        def job(index):
            return work(connect(), f"job {index}", int(sys.argv[4]))

        if __name__ == "__main__":
            cache = connect()
            work(cache, "parent", 20)
            before = local_ports()
            with multiprocessing.get_context(sys.argv[3]).Pool(4) as pool:
                results = pool.map_async(job, range(16))
                work(cache, "parent", 200)
                print(results.get(60) == [int(sys.argv[4])] * 16)
                pool.close()
                pool.join()
            work(cache, "parent", 20)
            assert local_ports() == before
            client.close()
        """)
    )
    path = os.pathsep.join([str(Path(pyignite_rs.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, str(module), str(address[1]), shared_cache, method, str(each)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")
    reached("G13", "pools of 4 processes", f"{method} 16 x {each} checked operations")


def test_an_asynchronous_client_before_and_after_a_fork(address: tuple[str, int], shared_cache: str) -> None:
    script = """
        client = pyignite_rs.AioClient(timeout=30)

        async def connect():
            await client.connect(*ADDRESS)

        async def calls(who):
            cache = await client.get_cache(NAME)
            await asyncio.gather(*(cache.put(f"{who}-{number}", number) for number in range(150)))
            found = await asyncio.gather(*(cache.get(f"{who}-{number}") for number in range(150)))
            assert found == list(range(150)), found

        asyncio.run(connect())
        asyncio.run(calls("before"))
        before = local_ports()
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    asyncio.run(calls(f"child {child}"))
                    asyncio.run(calls(f"child {child} again"))
                    assert any(port not in before for port in local_ports())
                    code = 0
                finally:
                    os._exit(code)
            children.append(pid)
        asyncio.run(calls("parent"))
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        asyncio.run(calls("parent again"))
        assert local_ports() == before
        print(codes)

        async def close():
            await client.close()

        asyncio.run(close())
    """
    assert succeeds(script, address[1], shared_cache) == "[0, 0, 0, 0]"


def test_the_first_client_of_a_process_in_a_child_after_the_parent_used_another(
    address: tuple[str, int], shared_cache: str
) -> None:
    script = """
        async def calls(who):
            client = pyignite_rs.AioClient(timeout=30)
            async with client.connect(*ADDRESS):
                cache = await client.get_cache(NAME)
                await asyncio.gather(*(cache.put(f"{who}-{number}", number) for number in range(50)))
                assert await cache.get(f"{who}-49") == 49

        asyncio.run(calls("parent"))
        pid = os.fork()
        if pid == 0:
            asyncio.run(calls("child"))
            client = pyignite_rs.Client(timeout=30)
            with client.connect(*ADDRESS):
                work(client.get_cache(NAME), "child", 20)
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        asyncio.run(calls("parent"))
    """
    assert succeeds(script, address[1], shared_cache) == "7"


# Interrupts


INTERRUPTS = """
    client = pyignite_rs.Client()
    client.connect(*ADDRESS)
    cache = client.get_cache(NAME)
    ports = local_ports()
    slowest = 0.0
    for turn in range({turns}):
        sent = []

        def interrupt():
            sent.append(time.monotonic())
            {send}

        timer = threading.Timer(0.03 + turn % 20 * 0.007, interrupt)
        timer.start()
        try:
            while True:
                key = turn % 50
                assert cache.get(key) == key * 11
                {block}
        except KeyboardInterrupt:
            slowest = max(slowest, time.monotonic() - sent[0])
        timer.join()
        for key in range(200):
            assert cache.get(key % 100) == key % 100 * 11, key
    assert slowest < 0.25, slowest
    assert local_ports() == ports
    print("done")
    client.close()
"""


@pytest.mark.goal("G11")
@pytest.mark.parametrize(
    "send", ["os.kill(os.getpid(), signal.SIGINT)", "signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)"]
)
def test_interrupts_in_the_middle_of_calls(
    address: tuple[str, int], shared_cache: str, send: str, size: Size, reached: Reached
) -> None:
    script = textwrap.dedent(INTERRUPTS).replace("{send}", send).replace("{block}", "pass")
    script = script.replace("{turns}", str(size(20, 200)))
    assert succeeds(script, address[1], shared_cache, 200) == "done"
    reached("G11", "Ctrl-C in the middle of calls, each back within 250 ms, 200 checked reads after each", size(20, 200))


@pytest.mark.goal("G11")
def test_interrupts_of_a_call_that_waits(node: FakeNode, size: Size, reached: Reached) -> None:
    cache = pyignite_rs.Client()
    with cache.connect(*node.address):
        cache.get_cache("c").put_all({key: key * 11 for key in range(100)})
    # Every other put is answered never.
    script = textwrap.dedent(INTERRUPTS)
    script = script.replace("{send}", "os.kill(os.getpid(), signal.SIGINT)").replace("{block}", 'cache.put("x", turn)')
    # With more than 64 answers overdue the connection would be given up.
    turns = size(20, 60)
    node.rule("put", fake.silence(), times=turns)
    assert succeeds(script.replace("{turns}", str(turns)), node.port, "c", 200) == "done"
    assert node.requests["put"] == turns
    reached("G11", "of calls without an answer", turns)


@pytest.mark.parametrize("stall", ["connect", "reconnect", "lane"])
def test_interrupts_of_a_call_that_waits_for_a_connection(node: FakeNode, stall: str) -> None:
    script = """
        client = pyignite_rs.Client(max_connections_per_node=1)
        if {stall!r} != "connect":
            client.connect(*ADDRESS)
        if {stall!r} == "reconnect":
            time.sleep(0.3)
        if {stall!r} == "lane":
            threading.Thread(target=lambda: client.get_cache("c").put(1, 1), daemon=True).start()
            time.sleep(0.1)
        sent = []

        def interrupt():
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        threading.Timer(0.2, interrupt).start()
        try:
            if {stall!r} == "connect":
                client.connect(*ADDRESS)
            else:
                client.get_cache_names()
            print("not interrupted")
        except KeyboardInterrupt:
            took = time.monotonic() - sent[0]
            print("interrupted" if took < 0.25 else took)
    """
    node.rule("put", fake.silence())
    if stall == "connect":
        node.mute()
    process = start(textwrap.dedent(script).replace("{stall!r}", repr(stall)), node.port, "c")
    if stall == "reconnect":
        end = time.monotonic() + 10
        while node.open == 0 and time.monotonic() < end:
            time.sleep(0.01)
        node.mute()
        node.kick()
    assert finish(process, 20) == (0, "interrupted\n", "")


def test_other_signals_are_handled_and_the_call_goes_on(node: FakeNode) -> None:
    script = """
        rung = []
        signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
        client = pyignite_rs.Client()
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        begin = time.monotonic()
        cache.put(1, 2)
        took = time.monotonic() - begin
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert 0.9 < took < 1.3 and 7 <= len(rung) <= 11, (took, rung)
        assert max(b - a for a, b in zip(rung, rung[1:])) < 0.25
        signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            cache.put(1, 3)
        except ZeroDivisionError:
            print(cache.get(1))
        client.close()
    """
    node.rule("put", fake.hold(1.0))
    node.rule("put", fake.silence())
    assert succeeds(script, node.port, "c") == "3"


def test_ctrl_c_in_asyncio(address: tuple[str, int], shared_cache: str) -> None:
    script = """
        client = pyignite_rs.AioClient()

        async def connect():
            await client.connect(*ADDRESS)

        async def endless():
            cache = await client.get_cache(NAME)
            while True:
                found = await asyncio.gather(*(cache.get(key) for key in range(100)))
                assert found == [key * 11 for key in range(100)]

        async def once():
            cache = await client.get_cache(NAME)
            return await asyncio.gather(*(cache.get(key) for key in range(100))) == [key * 11 for key in range(100)]

        asyncio.run(connect())
        for turn in range(20):
            sent = []

            def interrupt():
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)

            timer = threading.Timer(0.03 + turn * 0.003, interrupt)
            timer.start()
            try:
                asyncio.run(endless())
            except KeyboardInterrupt:
                assert time.monotonic() - sent[0] < 0.25
            else:
                raise AssertionError("not interrupted")
            timer.join()
            assert asyncio.run(once())
        assert len(local_ports()) == 1
        print("done")
    """
    assert succeeds(script, address[1], shared_cache) == "done"


# Exits


EXITS = {
    "threads in calls": """
        client = pyignite_rs.Client()
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)

        def run(index):
            while True:
                work(cache, f"exit {index}", 100)

        for index in range(4):
            threading.Thread(target=run, args=(index,), daemon=True).start()
        time.sleep(0.1)
        sys.exit(3)
    """,
    "pending tasks": """
        async def main():
            client = pyignite_rs.AioClient()
            await client.connect(*ADDRESS)
            cache = await client.get_cache(NAME)
            tasks = [asyncio.ensure_future(cache.get(key % 1000)) for key in range(500)]
            await asyncio.sleep(0)
            sys.exit(3)

        asyncio.run(main())
    """,
    "a callback": """
        async def main():
            client = pyignite_rs.AioClient()
            await client.connect(*ADDRESS)
            cache = await client.get_cache(NAME)
            task = asyncio.ensure_future(cache.get(1))
            task.add_done_callback(lambda task: sys.exit(3))
            await asyncio.gather(*(cache.get(key) for key in range(200)), asyncio.sleep(5))

        asyncio.run(main())
    """,
    "a loop in a daemon thread": """
        def run():
            async def main():
                client = pyignite_rs.AioClient()
                await client.connect(*ADDRESS)
                cache = await client.get_cache(NAME)
                while True:
                    await asyncio.gather(*(cache.get(key) for key in range(50)))

            asyncio.run(main())

        threading.Thread(target=run, daemon=True).start()
        time.sleep(0.3)
        sys.exit(3)
    """,
    "clients that nobody closed": """
        client = pyignite_rs.Client()
        client.connect(*ADDRESS)
        work(client.get_cache(NAME), "exit", 20)
        other = pyignite_rs.AioClient()
        loop = asyncio.new_event_loop()

        async def connect():
            await other.connect(*ADDRESS)
            return await other.get_cache(NAME)

        cache = loop.run_until_complete(connect())
        assert loop.run_until_complete(cache.get(5)) == 55
        loop.close()
        cycle = [client, other]
        cycle.append(cycle)
        sys.exit(3)
    """,
    "a connect in progress": """
        client = pyignite_rs.Client()
        threading.Thread(target=client.connect, args=("127.0.0.1", int(os.environ["MUTE_PORT"])), daemon=True).start()
        time.sleep(0.2)
        sys.exit(3)
    """,
}


@pytest.mark.goal("G14")
@pytest.mark.parametrize("what", EXITS)
def test_exit_with_work_in_flight(
    address: tuple[str, int], shared_cache: str, what: str, monkeypatch: pytest.MonkeyPatch, size: Size, reached: Reached
) -> None:
    with FakeNode() as mute:
        mute.mute()
        monkeypatch.setenv("MUTE_PORT", str(mute.port))

        def once(_: int) -> tuple[tuple[int, str, str], float]:
            process = start(EXITS[what] + "\n", address[1], shared_cache)
            begin = time.monotonic()
            return finish(process, 30), time.monotonic() - begin

        with ThreadPoolExecutor(2) as pool:
            ends = list(pool.map(once, range(size(20, 35))))
    assert [end for end, _ in ends] == [(3, "", "")] * len(ends)
    # From the start of the interpreter to its end.
    assert max(took for _, took in ends) < 3
    reached(
        "G14", f"processes that exit with work in flight ({len(EXITS)} kinds), exit code kept, stderr empty, < 3 s", len(ends)
    )


def test_a_thread_that_is_no_daemon_ends_its_calls_before_the_exit(address: tuple[str, int], shared_cache: str) -> None:
    script = """
        client = pyignite_rs.Client()
        client.connect(*ADDRESS)
        cache = client.get_cache(NAME)

        def run():
            time.sleep(0.3)
            work(cache, "late", 200)
            os.write(1, b"done")

        threading.Thread(target=run).start()
    """
    assert succeeds(script, address[1], shared_cache) == "done"


# Cancellations


@pytest.mark.goal("G8")
async def test_thousands_of_cancellations(address: tuple[str, int], shared_cache: str, size: Size, reached: Reached) -> None:
    client = pyignite_rs.AioClient()
    await client.connect(*address)
    cache = await client.get_cache(shared_cache)
    rng = random.Random(3)
    cancelled = 0
    for turn in range(size(200, 6_000)):
        tasks = [asyncio.ensure_future(cache.get(key)) for key in range(10)]
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        if turn % 3 == 0:
            await asyncio.sleep(rng.random() * 0.001)
        for task in tasks:
            task.cancel()
        for key, outcome in enumerate(await asyncio.gather(*tasks, return_exceptions=True)):
            if isinstance(outcome, asyncio.CancelledError):
                cancelled += 1
            else:
                assert outcome == key * 11
        key = rng.randrange(1_000)
        assert await cache.get(key) == key * 11
    assert cancelled > size(500, 20_000)
    reached("G8", "cancelled calls, a checked read after every ten, the connection the same", cancelled)
    # All this time one connection: what the server still answers is dropped by its id.
    assert await asyncio.gather(*(cache.get(key) for key in range(1_000))) == [key * 11 for key in range(1_000)]
    await client.close()


async def test_time_limits_of_asyncio(address: tuple[str, int], shared_cache: str) -> None:
    client = pyignite_rs.AioClient()
    await client.connect(*address)
    cache = await client.get_cache(shared_cache)
    for turn in range(300):
        try:
            assert await asyncio.wait_for(cache.get(turn), timeout=1e-5 * (turn % 40)) == turn * 11
        except asyncio.TimeoutError:
            pass
        assert await cache.get(turn + 1) == (turn + 1) * 11
    await client.close()
