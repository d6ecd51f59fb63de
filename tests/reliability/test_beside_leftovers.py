"""What cancelled calls, event loops and processes leave behind when they end, on this client and on pyignite with the same script."""

from __future__ import annotations

import pytest

from ..conftest import Reached, Size
from .beside import OURS, PACKAGES, compare

CANCELS = """
    node = fake.FakeNode({"c": {key: key for key in range(10)}})
    node.sql("SELECT X", ["X"], [[number] for number in range(10)])

    async def main():
        client = ignite.AioClient()
        await client.connect(*node.address)
        cache = await client.get_cache("c")
        calls = {
            "query_scan": lambda: cache.scan(page_size=1),
            "query_sql_fields": lambda: client.sql("SELECT X", page_size=1),
            "tx_start": lambda: client.tx_start(),
        }

        async def opened(call):
            async with call():
                pass

        for name in calls:
            node.rule(name, fake.hold(0.1), times=1_000_000)
        for turn in range(OPTIONS["times"]):
            for name in ("query_scan" if turn % 2 else "query_sql_fields", "tx_start"):
                try:
                    await asyncio.wait_for(opened(calls[name]), 0.003)
                except asyncio.TimeoutError:
                    seen["cancelled"] += 1
                except Exception:
                    # The server refuses more than it lets a connection have open.
                    seen["refused"] += 1
        node.forget_rules()
        # What is on its way comes, and may be given back.
        end = time.monotonic() + 3
        while (node.open_cursors or node.open_transactions) and time.monotonic() < end:
            await asyncio.sleep(0.05)
        seen["queries_left_open"] = node.open_cursors
        seen["transactions_left_open"] = node.open_transactions
        for _ in range(20):
            for call in calls.values():
                try:
                    await asyncio.wait_for(opened(call), 2)
                    seen["served_afterwards"] += 1
                except Exception:
                    seen["of_60_refused_afterwards"] += 1
        tell()

    asyncio.run(main())
"""


@pytest.mark.goal("G10")
@pytest.mark.parametrize("package", PACKAGES)
def test_cancelled_queries_and_transactions(package: str, size: Size, reached: Reached) -> None:
    times = size(50, 500)
    what = f"{times} queries and {times} tx_start cancelled by asyncio.wait_for before the stand-in answers (128 and 100 may be open)"
    names = ("queries_left_open", "transactions_left_open", "of_60_refused_afterwards")
    seen = compare("G10", what, CANCELS, package, reached, *names, times=times)
    if package == OURS:
        assert not any(seen[name] for name in (*names, "refused", "hung")), seen
        assert (seen["cancelled"], seen["served_afterwards"]) == (2 * times, 60), seen
    else:
        # P19.
        assert seen["queries_left_open"] == 128 and seen["transactions_left_open"] == 100, seen


LOOPS = """
    async def read(cache):
        found = await asyncio.wait_for(asyncio.gather(*(cache.get(key) for key in range(20))), 2)
        seen["wrong"] += found != [key * 11 for key in range(20)]

    async def once(number):
        client = ignite.AioClient()
        await client.connect(*node.address)
        await read(await client.get_cache("c"))
        # Every other loop ends and leaves its client as it is.
        if number % 2:
            await client.close()

    shared = ignite.AioClient()

    async def across(number):
        if number == 0:
            await shared.connect(*node.address)
        await read(await shared.get_cache("c"))

    for name, body in (("with_a_client_each", once), ("with_one_client", across)):
        for number in range(OPTIONS["times"]):
            try:
                asyncio.run(body(number))
            except Exception:
                seen["loops_failed_" + name] += 1
    gc.collect()
    time.sleep(0.2)
    tell()
"""


@pytest.mark.goal("G15")
@pytest.mark.parametrize("package", PACKAGES)
def test_loops_in_turn(package: str, size: Size, reached: Reached) -> None:
    times = size(20, 50)
    what = f"{times} event loops in turn that share a client, and {times} with a client each (every other one closed), 20 reads in each"
    names = ("loops_failed_with_one_client", "loops_failed_with_a_client_each", "wrong", "unraisable")
    seen = compare("G15", what, LOOPS, package, reached, *names, times=times)
    if package == OURS:
        assert not any(seen[name] for name in (*names, "hung")), seen
    else:
        # P18: all but the first.
        assert seen["loops_failed_with_one_client"] >= times - 1, seen


EXITS = """
    import subprocess, textwrap

    # Threads have a client each: pyignite's is not for several.
    CHILD = textwrap.dedent('''
        import asyncio, importlib, sys, threading, time

        package, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        ignite = importlib.import_module(package)

        def connected():
            client = ignite.Client()
            client.connect("127.0.0.1", port)
            return client

        async def tasks():
            client = ignite.AioClient()
            await client.connect("127.0.0.1", port)
            cache = await client.get_cache("c")
            calls = [asyncio.ensure_future(cache.get(1)) for _ in range(20)]
            await asyncio.sleep(0.1)
            sys.exit(7)

        if kind == "tasks":
            asyncio.run(tasks())
        elif kind == "threads":
            for _ in range(4):
                threading.Thread(target=connected().get_cache("c").get, args=(1,), daemon=True).start()
            time.sleep(0.1)
        else:
            client = connected()
            cursor = client.get_cache("c").scan(page_size=1)
            next(cursor)
            transaction = client.tx_start()
        sys.exit(7)
    ''')

    for turn in range(OPTIONS["times"]):
        # Answers come never, or while the interpreter is on its way out.
        node.forget_rules()
        node.rule("get", fake.hold(0.12) if turn % 2 else fake.silence(), times=1_000_000)
        for kind in ("threads", "tasks", "handles"):
            began = time.monotonic()
            child = subprocess.Popen([sys.executable, "-c", CHILD, package, str(node.port), kind], stderr=subprocess.PIPE)
            try:
                _, err = child.communicate(timeout=5)
                seen["with_another_exit_code"] += child.returncode != 7
                seen["with_text_on_stderr"] += err != b""
                seen["late"] += time.monotonic() - began > 3
            except subprocess.TimeoutExpired:
                child.kill()
                seen["late"] += 1
            seen["processes"] += 1
    tell()
"""


@pytest.mark.goal("G14")
@pytest.mark.parametrize("package", PACKAGES)
def test_exits_with_work_in_flight(package: str, size: Size, reached: Reached) -> None:
    times = size(2, 20)
    what = f"{3 * times} processes that exit with calls of threads, calls of tasks, or a cursor and a transaction in flight"
    names = ("with_another_exit_code", "with_text_on_stderr", "late")
    seen = compare("G14", what, EXITS, package, reached, *names, limit=60, times=times)
    assert seen["processes"] == 3 * times, seen
    if package == OURS:
        assert not any(seen[name] for name in (*names, "hung")), seen
