"""One measured run in a process of its own: `python -m tests.benchmarks.worker PEER WORKLOAD HOST PORT CACHE COUNT`.

Prints one JSON object. Times are microseconds; `cpu` is CPU time of the whole process, all threads, per call or per entry.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

VALUE = "fourteen chars"
ENTRIES = 1000


#: The peer `guarded` is pyignite_rs with everything on that watches over calls.
GUARDS = {"guarded": {"timeout": 5.0, "heartbeat_interval": 1.0, "heartbeat_timeout": 5.0}}


def _module(peer: str) -> Any:
    if peer == "pyignite":
        import pyignite

        return pyignite
    import pyignite_rs

    return pyignite_rs


def _latencies(call: Callable[[], Any], count: int) -> dict[str, float]:
    for _ in range(count // 10):
        call()
    latencies = []
    clock = time.perf_counter_ns
    before = time.process_time()
    for _ in range(count):
        start = clock()
        call()
        latencies.append(clock() - start)
    cpu = time.process_time() - before
    latencies.sort()
    return {"p50": latencies[count // 2] / 1e3, "p99": latencies[count * 99 // 100] / 1e3, "cpu": cpu / count * 1e6}


def sync_get(cache: Any, count: int) -> dict[str, float]:
    return _latencies(lambda: cache.get(1), count)


def sync_put(cache: Any, count: int) -> dict[str, float]:
    return _latencies(lambda: cache.put(1, VALUE), count)


def _voucher(cache: Any, peer: str) -> Any:
    """An object of ten fields."""
    module = _module(peer)
    types = module.datatypes
    hints = {
        "number": types.IntObject, "total": types.LongObject, "rate": types.DoubleObject, "paid": types.BoolObject,
        "name": types.String, "street": types.String, "city": types.String, "code": types.String, "count": types.IntObject,
        "ratio": types.DoubleObject,
    }  # fmt: skip
    voucher = module.GenericObjectMeta("BenchVoucher", (), {}, schema=hints)
    return voucher(1, 2**40, 0.25, True, "Joe Bloggs", "1 Main Street", "Springfield", "12345", 7, 1.5)


def _peer_of(cache: Any) -> str:
    return str(type(cache).__module__).split(".")[0]


def object_put(cache: Any, count: int) -> dict[str, float]:
    voucher = _voucher(cache, _peer_of(cache))
    keys = iter(range(10**9))

    def put() -> None:
        # A changed field, so that nobody sends the bytes of the call before.
        voucher.number = next(keys) % 1000
        cache.put(2, voucher)

    return _latencies(put, count)


def object_get(cache: Any, count: int) -> dict[str, float]:
    cache.put(2, _voucher(cache, _peer_of(cache)))
    return _latencies(lambda: cache.get(2), count)


def _bulk(call: Callable[[], Any], count: int) -> dict[str, float]:
    call()
    before, start = time.process_time(), time.perf_counter()
    for _ in range(count):
        call()
    cpu, wall = time.process_time() - before, time.perf_counter() - start
    return {"p50": wall / count / ENTRIES * 1e6, "cpu": cpu / count / ENTRIES * 1e6}


def get_all(cache: Any, count: int) -> dict[str, float]:
    keys = list(range(ENTRIES))
    return _bulk(lambda: cache.get_all(keys), count)


def put_all(cache: Any, count: int) -> dict[str, float]:
    pairs = {key: f"value number {key}" for key in range(ENTRIES)}
    return _bulk(lambda: cache.put_all(pairs), count)


ROWS = 100_000
TABLE = "bench_rows"
COLUMNS = "id INT PRIMARY KEY, a INT, b BIGINT, c DOUBLE, d VARCHAR, e VARCHAR, f BOOLEAN, g DECIMAL(12, 2), h SMALLINT, i REAL"


def fill(cache: Any, count: int) -> dict[str, float]:
    """Make what `scan` and `sql_rows` read: a cache of small entries, and a table of ten columns."""
    from decimal import Decimal

    client = cache.client
    entries = client.get_or_create_cache("bench-scan")
    list(client.sql(f"CREATE TABLE IF NOT EXISTS {TABLE} ({COLUMNS})"))
    rows = client.get_cache(f"SQL_PUBLIC_{TABLE.upper()}")
    for start in range(0, ROWS, 10_000):
        entries.put_all({number: f"value {number}" for number in range(start, start + 10_000)})
    if rows.get_size() == ROWS:
        return {"rows": ROWS}
    marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * 500)
    for start in range(0, ROWS, 500):
        values: list[Any] = []
        for number in range(start, start + 500):
            text = f"text {number}"
            values += [number, number * 2, number * 3, number / 2, text, text * 2, number % 2 == 0, Decimal(number) / 100, 7, 0.5]
        list(client.sql(f"INSERT INTO {TABLE} VALUES {marks}", query_args=values))
    return {"rows": rows.get_size()}


def _rows(cursor: Any, count: int) -> dict[str, float]:
    before, start = time.process_time(), time.perf_counter()
    with cursor:
        read = sum(1 for _ in cursor)
    cpu, wall = time.process_time() - before, time.perf_counter() - start
    if read != count:
        raise SystemExit(f"{read} rows, not {count}")
    return {"p50": wall / count * 1e6, "cpu": cpu / count * 1e6}


def scan(cache: Any, count: int) -> dict[str, float]:
    """A page of 1,024 entries at a time, all of them."""
    return _rows(cache.client.get_cache("bench-scan").scan(page_size=1024), count)


def sql_rows(cache: Any, count: int) -> dict[str, float]:
    """The first rows of the table, lazily, 1,024 a page."""
    query = f"SELECT * FROM {TABLE} WHERE id < {count}"
    return _rows(cache.client.sql(query, page_size=1024, lazy=True), count)


def left_open(cache: Any, count: int) -> dict[str, float]:
    """Cursors and transactions that are dropped, cancelled or abandoned, and how many of them the server still has."""
    import gc

    client = cache.client
    entries = client.get_cache("bench-scan")
    for _ in range(count):
        next(entries.scan(page_size=5))
        next(iter(client.sql(f"SELECT * FROM {TABLE}", page_size=5, lazy=True)))
        thread = threading.Thread(target=client.tx_start)
        thread.start()
        thread.join()
    asyncio.run(_cancelled(client, count))
    gc.collect()
    views = {"SCAN_QUERIES": "", "SQL_QUERIES": " WHERE SQL NOT LIKE '%SYS.%'", "TRANSACTIONS": ""}
    end = time.monotonic() + 5
    while True:
        left = sum(next(client.sql(f"SELECT COUNT(*) FROM SYS.{view}{where}"))[0] for view, where in views.items())
        if not left or time.monotonic() > end:
            return {"left": left, "opened": 6 * count}
        time.sleep(0.05)


async def _cancelled(client: Any, count: int) -> None:
    module = _module("pyignite_rs")
    asynchronous = module.AioClient()
    async with asynchronous.connect(*client.benchmark_address):
        entries = await asynchronous.get_cache("bench-scan")
        for turn in range(count):
            opening = (
                entries.scan(page_size=5),
                asynchronous.sql(f"SELECT * FROM {TABLE}", page_size=5, lazy=True),
                asynchronous.tx_start(),
            )
            for each in opening:
                task = asyncio.ensure_future(each)
                for _ in range(turn % 5):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def threads(cache: Any, count: int) -> dict[str, float]:
    """16 threads on one client, each with keys of its own: how many answers were not its own."""
    wrong = []

    def work(number: int) -> None:
        key = 1_000_000 + number
        for turn in range(count):
            value = f"{number}:{turn}"
            cache.put(key, value)
            if cache.get(key) != value:
                wrong.append(key)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"wrong": len(wrong), "calls": 2 * 16 * count}


def codec_encode(_: Any, count: int) -> dict[str, float]:
    from pyignite_rs import _core

    pairs = {key: f"value number {key}" for key in range(ENTRIES)}
    return _bulk(lambda: _core.encode(pairs), count)


def codec_decode(_: Any, count: int) -> dict[str, float]:
    from pyignite_rs import _core

    data = _core.encode({key: f"value number {key}" for key in range(ENTRIES)})
    return _bulk(lambda: _core.decode(data), count)


async def async_get(cache: Any, count: int, in_flight: int) -> dict[str, float]:
    async def work(calls: int) -> None:
        for _ in range(calls):
            await cache.get(1)

    await asyncio.gather(*[work(max(1, count // 10 // in_flight)) for _ in range(in_flight)])
    each = count // in_flight
    before, start = time.process_time(), time.perf_counter()
    await asyncio.gather(*[work(each) for _ in range(in_flight)])
    cpu, wall = time.process_time() - before, time.perf_counter() - start
    return {"p50": wall / each * 1e6, "cpu": cpu / (each * in_flight) * 1e6}


SYNC = {
    f.__name__: f
    for f in (sync_get, sync_put, object_get, object_put, get_all, put_all, threads, fill, scan, sql_rows, left_open)
}
CODEC = {f.__name__: f for f in (codec_encode, codec_decode)}


async def _async(peer: str, host: str, port: int, name: str, count: int, in_flight: int) -> dict[str, float]:
    client = _module(peer).AioClient()
    async with client.connect(host, port):
        cache = await client.get_or_create_cache(name)
        return await async_get(cache, count, in_flight)


def main() -> None:
    peer, workload, host, port, name, count = sys.argv[1:]
    if workload in CODEC:
        result = CODEC[workload](None, int(count))
    elif workload in SYNC:
        client = _module(peer).Client(**GUARDS.get(peer, {}))
        client.benchmark_address = (host, int(port))
        with client.connect(host, int(port)):
            result = SYNC[workload](client.get_or_create_cache(name), int(count))
    else:
        in_flight = int(workload.removeprefix("async_get_"))
        run = asyncio.run
        if peer.endswith("+uvloop"):
            import uvloop

            run = uvloop.run
        result = run(_async(peer.removesuffix("+uvloop"), host, int(port), name, int(count), in_flight))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
