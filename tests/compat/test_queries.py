"""The same scans, statements and transactions through pyignite 0.6.1 and through this client, on one node."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import importlib
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

if sys.version_info >= (3, 12):
    pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")

pytestmark = pytest.mark.live

Address = tuple[str, int]
BOTH = ("pyignite", "pyignite_rs")


def module(peer: str, name: str) -> Any:
    return importlib.import_module(f"{peer}.{name}")


class Noted:
    """What a script saw, step by step."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def __call__(self, step: Callable[[], Any]) -> None:
        """Note what a step gives, or the name of what it raises."""
        try:
            self.steps.append(step())
        except Exception as error:
            self.steps.append(type(error).__name__)

    async def awaited(self, step: Any) -> None:
        try:
            self.steps.append(await step)
        except Exception as error:
            self.steps.append(type(error).__name__)


def same(script: Callable[[str, Address, str], list[Any]], address: Address, table: str) -> None:
    """Run a script on both and compare what each step gave."""
    theirs, ours = (script(peer, address, f"{table}_{peer}") for peer in BOTH)
    assert len(theirs) == len(ours) > 0
    for number, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        assert our == their, f"step {number}"


COLUMNS = """id INT PRIMARY KEY, tiny TINYINT, small SMALLINT, big BIGINT, r REAL, d DOUBLE, yes BOOLEAN, dec DECIMAL(12, 3),
    text VARCHAR, u UUID, raw BINARY(4), moment TIMESTAMP, at TIME"""

ROW = [
    3,
    200,
    2**50,
    0.5,
    1e100,
    True,
    decimal.Decimal("12.345"),
    "text ✓",
    uuid.UUID(int=7),
    b"\x00\x01\xff",
    datetime.timedelta(hours=3, seconds=7),
]


def sql_script(peer: str, address: Address, table: str) -> list[Any]:
    types, noted = module(peer, "datatypes"), Noted()
    client = module(peer, "client").Client()
    moment = (datetime.datetime(2021, 2, 3, 4, 5, 6, 789000), 0)
    with client.connect(*address):
        noted(lambda: list(client.sql(f"CREATE TABLE {table} ({COLUMNS})")))
        for number in range(30):
            arguments = [(number, types.IntObject), (1, types.ByteObject), (ROW[1], types.ShortObject), *ROW[2:3]]
            arguments += [(ROW[3], types.FloatObject), *ROW[4:10], (moment, types.TimestampObject), ROW[10]]
            insert = f"INSERT INTO {table} VALUES ({', '.join('?' * 13)})"
            noted(lambda insert=insert, arguments=arguments: list(client.sql(insert, query_args=arguments)))  # type: ignore[misc]
        noted(lambda: list(client.sql(f"INSERT INTO {table} (id) VALUES (100)")))
        for size in (1, 7, 31, 1024):
            noted(lambda size=size: list(client.sql(f"SELECT * FROM {table} ORDER BY id", page_size=size)))  # type: ignore[misc]
        names = {"include_field_names": True}
        noted(lambda: next(client.sql(f"SELECT id, text AS T, COUNT(*) OVER () FROM {table}", **names)))
        noted(lambda: list(client.sql(f"SELECT id, text AS label FROM {table} ORDER BY id LIMIT 3", **names)))
        noted(lambda: list(client.sql(f"SELECT * FROM {table} WHERE id < 0", **names)))
        for text in (
            f"SELECT COUNT(*), SUM(big), AVG(d), MAX(text), MIN(id) FROM {table}",
            f"UPDATE {table} SET text = 'x' WHERE id < 5",
            f"DELETE FROM {table} WHERE id = 100",
            f"MERGE INTO {table} (id, text) VALUES (1, 'merged')",
            "SELEKT",
            f"SELECT nothing FROM {table}",
            f"INSERT INTO {table} (id) VALUES (1)",
            f"CREATE TABLE {table} (id INT PRIMARY KEY)",
            "SELECT 1; SELECT 2",
            "SELECT 1 / 0",
        ):
            noted(lambda text=text: list(client.sql(text)))  # type: ignore[misc]
        for options in (
            {"statement_type": 1},
            {"statement_type": 2},
            {"lazy": True},
            {"local": True},
            {"distributed_joins": True},
            {"enforce_join_order": True},
            {"collocated": True},
            {"max_rows": 1},
            {"timeout": 5000},
            {"schema": "NOWHERE"},
            {"cache": f"SQL_PUBLIC_{table.upper()}", "schema": "NOWHERE"},
        ):
            noted(lambda options=options: list(client.sql(f"SELECT COUNT(*) FROM {table}", **options)))  # type: ignore[misc]

        def looked_at() -> Any:
            with client.sql(f"SELECT id FROM {table} ORDER BY id", page_size=5) as cursor:
                first = next(cursor)
                return type(cursor).__name__, first, cursor.more, type(cursor.cursor_id).__name__, len(list(cursor))

        noted(looked_at)
        noted(lambda: list(client.sql(f"DROP TABLE {table}")))
    return noted.steps


def test_statements(address: Address) -> None:
    same(sql_script, address, f"sql_{int(time.time())}")


def scan_script(peer: str, address: Address, name: str) -> list[Any]:
    noted = Noted()
    client = module(peer, "client").Client()
    with client.connect(*address):
        cache = client.create_cache(name)
        noted(lambda: list(cache.scan()))
        entries = {number: f"value {number}" for number in range(50)} | {"text": 1.5, 2.5: [1, 2], True: b"raw"}
        cache.put_all(entries)
        for size in (1, 10, 53, 100):
            noted(lambda size=size: dict(cache.scan(page_size=size)))  # type: ignore[misc]
        noted(lambda: {type(row).__name__ for row in cache.scan()})
        noted(lambda: sorted(len(dict(cache.scan(partitions=number))) for number in range(4)))
        noted(lambda: len(dict(cache.scan(local=True))))
        noted(lambda: list(cache.scan(partitions=5000)))

        def left() -> Any:
            with cache.scan(page_size=3) as cursor:
                rows = [next(cursor) for _ in range(7)]
                return len(rows), cursor.more, type(cursor).__name__

        noted(left)
        cache.destroy()
        noted(lambda: list(cache.scan()))
    return noted.steps


def test_scans(address: Address) -> None:
    same(scan_script, address, f"scan-{int(time.time())}")


def settings(peer: str, name: str) -> dict[int, Any]:
    codes = module(peer, "datatypes.prop_codes")
    mode = module(peer, "datatypes.cache_config").CacheAtomicityMode.TRANSACTIONAL
    return {codes.PROP_NAME: name, codes.PROP_CACHE_ATOMICITY_MODE: mode}


def transaction_script(peer: str, address: Address, name: str) -> list[Any]:
    types, noted = module(peer, "datatypes"), Noted()
    client = module(peer, "client").Client()
    with client.connect(*address):
        cache = client.create_cache(settings(peer, name))
        for concurrency in types.TransactionConcurrency:
            for isolation in types.TransactionIsolation:
                with client.tx_start(concurrency=concurrency, isolation=isolation) as transaction:
                    cache.put(1, "inside")
                    noted(lambda: cache.get(1))
                    noted(transaction.commit)
                noted(lambda: cache.get(1))
                with client.tx_start(concurrency, isolation, 0, "label") as transaction:
                    cache.put(1, "undone")
                    noted(lambda: cache.get_and_put(2, "undone"))
                noted(lambda: (cache.get(1), cache.get(2), transaction.closed))
        for wrong in ({"concurrency": 5}, {"isolation": 7}, {"timeout": -1}, {"label": 5}, {"timeout": 1.5}):
            noted(lambda wrong=wrong: client.tx_start(**wrong))  # type: ignore[misc]

        def late() -> Any:
            with client.tx_start(timeout=200) as transaction:
                cache.put(1, "late")
                time.sleep(0.5)
                transaction.commit()

        noted(late)
        noted(lambda: cache.get(1))
        transaction = client.tx_start()
        cache.put(3, "rolled back")
        noted(transaction.rollback)
        noted(transaction.rollback)
        noted(transaction.commit)
        noted(lambda: cache.get(3))
        cache.destroy()
    return noted.steps


def test_transactions(address: Address) -> None:
    same(transaction_script, address, f"tx-{int(time.time())}")


def asynchronous_script(peer: str, address: Address, name: str) -> list[Any]:
    table = name.replace("-", "_")

    async def script() -> list[Any]:
        noted = Noted()
        client = module(peer, "aio_client").AioClient()
        async with client.connect(*address):
            cache = await client.create_cache(settings(peer, name))
            await cache.put_all({number: number for number in range(20)})
            async with cache.scan(page_size=3) as cursor:
                noted.steps.append(sorted([row async for row in cursor]))
                noted.steps.append(type(cursor).__name__)
            cursor = await cache.scan(page_size=4)
            noted.steps.append(len([row async for row in cursor]))
            await noted.awaited(cursor.__anext__())
            async with client.sql(f"CREATE TABLE {table} (id INT PRIMARY KEY, t VARCHAR)") as cursor:
                noted.steps.append([row async for row in cursor])
            insert = f"INSERT INTO {table} VALUES (?, ?)"
            await asyncio.gather(*[client.sql(insert, query_args=[number, f"t{number}"]) for number in range(10)])
            async with client.sql(f"SELECT * FROM {table} ORDER BY id", page_size=4, include_field_names=True) as cursor:
                noted.steps.append(await cursor.__anext__())
                noted.steps.append([row async for row in cursor])
            await noted.awaited(client.sql("SELEKT"))
            await noted.awaited(client.sql("SELECT 1").__anext__())
            await noted.awaited(cache.scan().__anext__())
            async with client.tx_start() as transaction:
                await cache.put(1, "inside")
                noted.steps.append(await cache.get(1))
                await noted.awaited(transaction.commit())
            async with client.tx_start():
                await cache.put(1, "undone")
            noted.steps.append(await cache.get(1))
            transaction = await client.tx_start()
            await cache.put(2, "undone")
            await noted.awaited(transaction.rollback())
            noted.steps.append(await cache.get(2))
            async with client.sql(f"DROP TABLE {table}") as cursor:
                noted.steps.append([row async for row in cursor])
            await cache.destroy()
        return noted.steps

    return asyncio.run(script())


def test_the_asynchronous_face(address: Address) -> None:
    same(asynchronous_script, address, f"aio-{int(time.time())}")
