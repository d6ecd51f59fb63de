"""A server that takes nothing, and one that gives slowly, cost time and no memory; the same for pyignite beside."""

from __future__ import annotations

from collections import Counter

import pytest

from pyignite_rs import testing as fake
from pyignite_rs.testing import FakeNode

from ..conftest import Reached, Size
from .beside import OURS, PACKAGES, note, run, told

MEBIBYTE = 1 << 20

#: What a client may have on its way to a server on one connection, in MiB, and what it may need besides.
WINDOW, ALLOWED = 16, 64

#: Requests of so many bytes are offered by so many tasks or threads at once, each with so many seconds.
OFFER = """
    SIZE, CALLERS, PATIENCE = OPTIONS["size"], 16, 0.2
    left = OPTIONS["offered"] // SIZE
    value = bytes(SIZE)
    # pyignite takes no hint in a pair where a value stands alone.
    put = lambda cache: cache.put(1, value, value_hint=datatypes.ByteArrayObject)
    lock = threading.Lock()

    def another():
        global left
        with lock:
            left -= 1
            return left >= 0

    async def tasks():
        client = ignite.AioClient()
        await client.connect(*ADDRESS)
        cache = await client.get_cache("c")
        watch_growth()

        async def offer():
            while another():
                call = cache.get("large") if OPTIONS["reads"] else put(cache)
                try:
                    await asyncio.wait_for(call, PATIENCE)
                    seen["done"] += 1
                except (OSError, asyncio.TimeoutError):
                    seen["failed"] += 1

        await asyncio.gather(*(offer() for _ in range(CALLERS)))
        tell()

    def threads():
        def connected():
            made = ignite.Client(timeout=PATIENCE)
            made.connect(*ADDRESS)
            return made

        # pyignite's client is not for several threads.
        clients = [connected()] * CALLERS if is_ours else [connected() for _ in range(CALLERS)]
        watch_growth()

        def offer(client):
            cache = client.get_cache("c")
            while another():
                try:
                    cache.get("large") if OPTIONS["reads"] else put(cache)
                    seen["done"] += 1
                except OSError:
                    seen["failed"] += 1

        workers = [threading.Thread(target=offer, args=(client,), daemon=True) for client in clients]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        tell()

    asyncio.run(tasks()) if OPTIONS["tasks"] else threads()
"""


@pytest.mark.goal("G18")
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("server", ["stops reading", "sends slowly"])
@pytest.mark.parametrize("callers", ["threads", "tasks"])
def test_memory_has_a_bound(package: str, server: str, callers: str, size: Size, reached: Reached) -> None:
    reads = server == "sends slowly"
    # Of answers the slow server has to keep what nobody takes, in this process: they are smaller.
    each, offered = (MEBIBYTE // 4, size(20, 150)) if reads else (MEBIBYTE, size(100, 600))
    with FakeNode(["c"]) as node:
        node.put("c", "large", bytes(each))
        if reads:
            node.rule("get", fake.throttle(100_000), times=100_000)
        else:
            node.rule("put", fake.deaf(), times=100_000, on="request")
        limit = 30
        seen: Counter[str] = run(
            OFFER, package, node.port, limit, size=each, offered=offered * MEBIBYTE, tasks=callers == "tasks", reads=reads
        )
        node.release()
    what = f"{offered} MiB {'asked of' if reads else 'offered to'} a server that {server}, memory grew"
    figure = f"{callers} {seen['MiB']} MiB" + (f" (hangs after {limit} s)" if seen["hung"] else "")
    note("G18", what, figure, package, reached)
    if package == OURS:
        assert not seen["hung"] and seen["failed"] + seen["done"] == offered * MEBIBYTE // each, seen
        assert seen["failed"] > 0.9 * offered * MEBIBYTE // each, told(seen, "failed", "done")
        assert seen["MiB"] <= ALLOWED + WINDOW, seen
    elif not reads and callers == "tasks":
        # P15: nothing keeps it from taking in what it can not send.
        assert seen["MiB"] > 4 * ALLOWED, seen
