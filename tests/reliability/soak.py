"""The load of the soak, in a process of its own so that its memory can be looked at: python -m tests.reliability.soak PORT SECONDS.

Threads and tasks write and read keys of their own through connections that break all the time, and know at each moment which values a key
may have: one after a write that succeeded, one more after each whose outcome is unknown. Such a one may take effect a little later, behind
what went over the next connection: the server still has it. Prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import pyignite_rs
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import CacheError, ParseError, connection_errors

from ..support.leftovers import left_over

THREADS, TASKS, KEYS, LIMIT = 2, 24, 40, 5.0
#: Seconds in which a server carries out what it has of a connection that is gone.
LATE = 2.0
FAILURES = (*connection_errors, CacheError, ParseError)


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Worker:
    """What one thread or task does, as coroutines; `give` makes a result of what a face returns."""

    def __init__(self, index: int, client: Any, cache: Any, give: Any, seen: Counter[str]) -> None:
        self.rng = random.Random(index)
        self.client, self.cache, self.give, self.seen = client, cache, give, seen
        self.keys = [index * 1_000 + number for number in range(KEYS)]
        self.number = 0
        #: Values that each key may have.
        self.possible: dict[int, set[int | None]] = {key: {None} for key in self.keys}
        #: Writes whose outcome is unknown: key, value, the moment until which they may still take effect.
        self.late: list[tuple[int, int, float]] = []

    def check(self, key: int, found: int | None) -> None:
        if found not in self.possible[key]:
            self.seen["wrong"] += 1
        self.settle(key, found)

    def settle(self, key: int, value: int | None) -> None:
        """The key has this value now, or one that comes late."""
        if self.late:
            now = time.monotonic()
            self.late = [write for write in self.late if write[2] > now]
        self.possible[key] = {value, *(late for at, late, _ in self.late if at == key)}

    def doubt(self, writes: dict[int, int]) -> None:
        """The writes may have taken effect, or may do so yet."""
        end = time.monotonic() + LATE
        for key, value in writes.items():
            self.possible[key].add(value)
            self.late.append((key, value, end))

    async def write(self, call: Any, writes: dict[int, int]) -> None:
        try:
            await self.give(call())
        except FAILURES as error:
            self.seen["failed"] += 1
            if getattr(error, "sent", "maybe") != "no":
                self.doubt(writes)
            return
        for key, value in writes.items():
            self.settle(key, value)

    async def step(self) -> None:
        """One call, or a transaction or a cursor of several."""
        self.number += 1
        key, value, choice = self.rng.choice(self.keys), self.number, self.rng.random()
        began = time.monotonic()
        try:
            if choice < 0.5:
                self.seen["operations"] += 1
                self.check(key, await self.give(self.cache.get(key)))
            elif choice < 0.9:
                self.seen["operations"] += 1
                await self.write(lambda: self.cache.put(key, value), {key: value})
            elif choice < 0.94:
                self.seen["operations"] += 1
                keys = self.rng.sample(self.keys, 10)
                found = await self.give(self.cache.get_all(keys))
                for each in keys:
                    self.check(each, found.get(each))
            elif choice < 0.97:
                self.seen["operations"] += 1
                writes = {each: value for each in self.rng.sample(self.keys, 10)}
                await self.write(lambda: self.cache.put_all(writes), writes)
            elif choice < 0.985:
                self.seen["operations"] += 4
                await self.transaction(key, value)
            else:
                self.seen["operations"] += 2
                await self.rows()
        except FAILURES:
            self.seen["failed"] += 1
        took = time.monotonic() - began
        # A transaction is four calls and its end.
        if took > LIMIT * (6 if choice >= 0.97 else 1) + 0.5:
            self.seen["late"] += 1

    async def transaction(self, key: int, value: int) -> None:
        transaction = self.client.tx_start(timeout=2_000)
        transaction = await self.give(transaction) if hasattr(transaction, "__await__") else transaction
        try:
            self.check(key, await self.give(self.cache.get(key)))
            await self.give(self.cache.put(key, value))
            await self.write(transaction.commit, {key: value})
        finally:
            await self.give(transaction.close())

    async def rows(self) -> None:
        cursor = self.client.sql("SELECT X FROM SYSTEM_RANGE(1, 30)", page_size=10)
        if hasattr(cursor, "__aiter__"):
            async with cursor:
                found = [row[0] async for row in cursor]
        else:
            with cursor:
                found = [row[0] for row in cursor]
        if found != list(range(1, 31)):
            self.seen["wrong"] += 1


async def as_it_is(result: Any) -> Any:
    return result


async def awaited(call: Any) -> Any:
    return await call if hasattr(call, "__await__") else call


#: Queries on connections that are open; those of connections that broke are the node's to end, and at times it forgets one.
OPEN = "SELECT COUNT(*) FROM SYS.SQL_QUERIES q JOIN SYS.CLIENT_CONNECTIONS c ON q.INITIATOR_ID = 'cli:' || SUBSTRING(c.REMOTE_ADDRESS, 2)"


def open_queries(client: Any) -> int:
    """Queries that are still open although everybody is done, this question not counted."""
    end = time.monotonic() + 5
    while (found := next(client.sql(OPEN))[0] - 1) and time.monotonic() < end:
        time.sleep(0.1)
    return int(found)


def main() -> None:
    address, seconds = ("127.0.0.1", int(sys.argv[1])), float(sys.argv[2])
    settings = {PROP_NAME: "soak", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
    with pyignite_rs.Client() as warm:
        warm.connect(*address)
        warm.get_or_create_cache(settings).remove_all()
        next(warm.sql("SELECT 1"))

    async def once() -> None:
        client = pyignite_rs.AioClient()
        async with client.connect(*address):
            assert await (await client.get_cache("soak")).get(1) is None

    asyncio.run(once())
    gc.collect()
    time.sleep(0.3)
    before = left_over()
    print("ready", flush=True)

    client: Any = pyignite_rs.Client(timeout=LIMIT)
    loops: Any = pyignite_rs.AioClient(timeout=LIMIT)
    client.connect(*address)
    end = time.monotonic() + seconds
    seens: list[Counter[str]] = []
    broken: list[str] = []
    memory: list[int] = []

    def guarded(body: Any) -> None:
        try:
            asyncio.run(body())
        except BaseException as error:
            broken.append(repr(error))

    async def thread(index: int) -> None:
        seens.append(seen := Counter())
        worker = Worker(index, client, client.get_cache("soak"), as_it_is, seen)
        while time.monotonic() < end:
            await worker.step()

    async def tasks() -> None:
        seens.append(seen := Counter())
        await loops.connect(*address)
        cache = await loops.get_cache("soak")

        async def task(index: int) -> None:
            worker = Worker(index, loops, cache, awaited, seen)
            while time.monotonic() < end:
                if worker.number % 500 == 499:
                    # Somebody gives up in the middle.
                    call = asyncio.ensure_future(worker.cache.get(worker.keys[0]))
                    await asyncio.sleep(0)
                    call.cancel()
                    await asyncio.gather(call, return_exceptions=True)
                await worker.step()

        await asyncio.gather(*(task(THREADS + index) for index in range(TASKS)))
        await loops.close()

    threads = [threading.Thread(target=guarded, args=(lambda index=index: thread(index),)) for index in range(THREADS)]
    threads.append(threading.Thread(target=guarded, args=(tasks,)))
    for each in threads:
        each.start()
    while time.monotonic() < end:
        time.sleep(0.25)
        memory.append(resident())
    for each in threads:
        each.join(30)
    hung = sum(each.is_alive() for each in threads)
    still_open = open_queries(client)
    client.close()
    # What threads that have ended held is let go of by whoever calls next.
    client = loops = None
    with pyignite_rs.Client() as another:
        another.connect(*address)
    gc.collect()
    time.sleep(0.5)
    after = left_over()
    total = sum(seens, Counter())
    # The median of a twentieth of the time, from a fifth on and at the end.
    part = max(1, len(memory) // 20)
    early, late = (sorted(each)[part // 2] for each in (memory[len(memory) // 5 :][:part], memory[-part:]))
    told = {
        **total,
        "broken": broken,
        "open": still_open,
        "hung": hung,
        "growth": late / early - 1,
        "MiB": late >> 20,
        "descriptors": sorted(after[0] - before[0]) if len(after[0]) > len(before[0]) else [],
        "threads": after[1] - before[1],
    }
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
