"""Scans and SQL on a real node: rows, pages, cursors that are closed early, lost or shared, and what is left on the server."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import gc
import inspect
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import pyignite_rs
from pyignite_rs.datatypes import DateObject, DecimalObject, IntObject, ShortObject, TimestampObject
from pyignite_rs.datatypes.sql import StatementType
from pyignite_rs.exceptions import CacheError, ConnectionLostError, CursorLostError, SQLError

from ..conftest import Face, Reached, Size
from ..support.cluster import Cluster

pytestmark = pytest.mark.live

ENTRIES = {number: f"value {number}" for number in range(2500)}


async def first(face: Face, cursor: Any) -> Any:
    """The next row."""
    return await cursor.__anext__() if face.is_async else next(cursor)


async def opened(face: Face, cursor: Any) -> Any:
    return await cursor if face.is_async else cursor


async def sql(face: Face, client: Any, text: str, *arguments: Any, **options: Any) -> list[Any]:
    return await face.rows(client.sql(text, query_args=arguments, **options))


@pytest_asyncio.fixture
async def full(face: Face, cache: Any) -> Any:
    """A cache with entries."""
    await face(cache.put_all(ENTRIES))
    return cache


@pytest_asyncio.fixture
async def table(face: Face, client: Any, cache_name: str) -> AsyncIterator[str]:
    """A table with 1,000 rows."""
    name = "T_" + cache_name.replace("-", "_").replace("[", "_").replace("]", "_")
    await sql(face, client, f"CREATE TABLE {name} (id INT PRIMARY KEY, name VARCHAR, half DOUBLE)")
    for start in range(0, 1000, 250):
        marks = ", ".join("(?, ?, ?)" for _ in range(250))
        values = [each for number in range(start, start + 250) for each in ((number, IntObject), f"name {number}", number / 2)]
        await sql(face, client, f"INSERT INTO {name} VALUES {marks}", *values)
    yield name
    await sql(face, client, f"DROP TABLE {name}")


async def open_queries(face: Face, client: Any) -> int:
    """Scans and lazy statements that the server has open, this question apart."""
    scans = await sql(face, client, "SELECT COUNT(*) FROM SYS.SCAN_QUERIES")
    statements = await sql(face, client, "SELECT COUNT(*) FROM SYS.SQL_QUERIES WHERE SQL NOT LIKE '%SYS.SQL_QUERIES%'")
    return int(scans[0][0] + statements[0][0])


async def expect_nothing_open(face: Face, client: Any) -> None:
    end = time.monotonic() + 5
    while await open_queries(face, client) and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert await open_queries(face, client) == 0


# --- scans ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 7, 2499, 2500, 2501, 10_000])
async def test_a_scan_brings_every_entry_once_whatever_the_pages(face: Face, full: Any, page_size: int) -> None:
    rows = await face.rows(full.scan(page_size=page_size))
    assert len(rows) == len(ENTRIES)
    assert {key: value for key, value in rows} == ENTRIES


async def test_entries_are_tuples_and_lists_on_the_asynchronous_face(face: Face, full: Any) -> None:
    """So does pyignite."""
    cursor = await opened(face, full.scan())
    assert type(await first(face, cursor)) is (list if face.is_async else tuple)
    await face(cursor.close())


async def test_a_scan_of_an_empty_cache(face: Face, cache: Any) -> None:
    assert await face.rows(cache.scan()) == []


async def test_partitions_together_are_the_cache(face: Face, client: Any, cache_name: str) -> None:
    cache = await face(client.create_cache(cache_name))
    await face(cache.put_all(ENTRIES))
    found = [dict([tuple(row) for row in await face.rows(cache.scan(partitions=number))]) for number in range(0, 1024, 64)]
    together = {key: value for part in found for key, value in part.items()}
    assert sum(map(len, found)) == len(together) < len(ENTRIES)
    assert all(ENTRIES[key] == value for key, value in together.items())
    with pytest.raises(CacheError):
        await face.rows(cache.scan(partitions=1024))
    await face(cache.destroy())


async def test_a_local_scan_of_the_only_node_brings_everything(face: Face, full: Any) -> None:
    assert len(await face.rows(full.scan(local=True))) == len(ENTRIES)


async def test_a_page_has_a_row_at_least(face: Face, client: Any, cache: Any) -> None:
    for size in (0, -1):
        with pytest.raises(ValueError, match="page_size"):
            cache.scan(page_size=size)
        with pytest.raises(ValueError, match="page_size"):
            client.sql("SELECT 1", page_size=size)


async def test_a_scan_of_a_cache_that_is_not_there_names_it(face: Face, client: Any) -> None:
    cache = await face(client.get_cache("nowhere"))
    with pytest.raises(CacheError) as raised:
        await face.rows(cache.scan())
    assert (raised.value.code, raised.value.cache, raised.value.operation) == (1000, "nowhere", "OP_QUERY_SCAN")


# --- cursors --------------------------------------------------------------------------------------------------------------------


async def test_what_a_cursor_tells_about_itself(face: Face, full: Any) -> None:
    cursor = full.scan(page_size=10)
    if face.is_async:
        assert (cursor.cursor_id, cursor.more, cursor.data) == (None, None, None)
    cursor = await opened(face, cursor)
    assert cursor.cursor_id > 0 and cursor.more is True and len(list(cursor.data)) == 10
    await first(face, cursor)
    assert len(list(cursor.data)) == 9
    assert cursor.client is full.client
    await face(cursor.close())
    assert cursor.more is False and list(cursor.data) == []
    if face.is_async:
        with pytest.raises(StopAsyncIteration):
            await first(face, cursor)
    else:
        with pytest.raises(StopIteration):
            next(cursor)


async def test_a_context_closes_the_cursor_at_its_end(face: Face, client: Any, full: Any) -> None:
    if face.is_async:
        async with full.scan(page_size=10) as cursor:
            assert len(await cursor.__anext__()) == 2
            assert await open_queries(face, client) == 1
    else:
        with full.scan(page_size=10) as cursor:
            assert len(next(cursor)) == 2
            assert await open_queries(face, client) == 1
    assert await open_queries(face, client) == 0


async def test_dropped_cursors_are_closed_on_the_server(face: Face, client: Any, full: Any) -> None:
    cursors = [await opened(face, full.scan(page_size=10)) for _ in range(100)]
    assert await open_queries(face, client) == 100
    del cursors
    gc.collect()
    await expect_nothing_open(face, client)


async def test_cursors_of_sql_are_closed_on_the_server(face: Face, client: Any, table: str) -> None:
    cursors = [await opened(face, client.sql(f"SELECT * FROM {table}", page_size=10, lazy=True)) for _ in range(20)]
    for cursor in cursors[:10]:
        await face(cursor.close())
    del cursors, cursor
    gc.collect()
    await expect_nothing_open(face, client)


async def test_more_cursors_than_a_connection_allows(face: Face, client: Any, full: Any) -> None:
    """128 by default. A thread's cursors spread over its lanes; an event loop has one connection, and the server's answer is told."""
    if face.is_async:
        cursors = [await opened(face, full.scan(page_size=10)) for _ in range(128)]
        with pytest.raises(CacheError) as raised:
            await opened(face, full.scan(page_size=10))
        assert raised.value.code == 1010 and "maxOpenCursorsPerConnection" in str(raised.value)
        await face(cursors.pop().close())
    else:
        cursors = [await opened(face, full.scan(page_size=10)) for _ in range(200)]
    assert len({tuple(await first(face, cursor)) for cursor in cursors}) == 1
    another = await opened(face, full.scan(page_size=10))
    assert len(await face.rows(another) if not face.is_async else [row async for row in another]) == len(ENTRIES)


async def test_many_cursors_at_once_bring_each_their_own_rows(face: Face, full: Any) -> None:
    cursors = [await opened(face, full.scan(page_size=100)) for _ in range(40)]
    found: list[dict[Any, Any]] = [{} for _ in cursors]
    for _ in ENTRIES:
        for cursor, rows in zip(cursors, found, strict=True):
            key, value = await first(face, cursor)
            rows[key] = value
    assert all(rows == ENTRIES for rows in found)


async def test_an_asynchronous_cursor_has_to_be_opened(address: tuple[str, int]) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        with pytest.raises(SQLError, match="await it"):
            await client.sql("SELECT 1").__anext__()
        cache = await client.get_or_create_cache("unopened")
        with pytest.raises(CacheError, match="await it"):
            await cache.scan().__anext__()
        await cache.destroy()


async def test_an_asynchronous_cursor_that_nobody_awaits_is_no_leak(address: tuple[str, int]) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        before = sum(isinstance(each, pyignite_rs.cursors.AioSqlFieldsCursor) for each in gc.get_objects())
        for _ in range(10):
            client.sql("SELECT 1")
        gc.collect()
        assert sum(isinstance(each, pyignite_rs.cursors.AioSqlFieldsCursor) for each in gc.get_objects()) == before


async def test_cursors_work_with_all_of_asyncio(address: tuple[str, int]) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        cursors = await asyncio.gather(*[client.sql("SELECT X FROM SYSTEM_RANGE(1, 3000)") for _ in range(5)])
        rows = await asyncio.gather(*[asyncio.create_task(each.__anext__()) for each in cursors])
        assert rows == [[1]] * 5
        assert [await asyncio.wait_for(each.__anext__(), 5) for each in cursors] == [[2]] * 5
        face = Face("async")
        rest = [await face.rows(each) for each in cursors]
        assert [len(rows) for rows in rest] == [2998] * 5
        assert inspect.isawaitable(client.sql("SELECT 1"))


async def test_two_tasks_do_not_get_each_others_rows(address: tuple[str, int]) -> None:
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        async with client.sql("SELECT X FROM SYSTEM_RANGE(1, 100)", page_size=10) as cursor:
            found = []

            async def read() -> None:
                while True:
                    try:
                        found.append((await cursor.__anext__())[0])
                    except StopAsyncIteration:
                        return
                    except ValueError:
                        await asyncio.sleep(0)

            await asyncio.gather(read(), read(), read())
            assert sorted(found) == list(range(1, 101))


@pytest.mark.goal("G10")
async def test_cancelled_queries_leave_nothing_open(address: tuple[str, int], size: Size, reached: Reached) -> None:
    face = Face("async")
    client = pyignite_rs.AioClient()
    async with client.connect(*address):
        cache = await client.get_or_create_cache("cancelled-queries")
        await cache.put_all(ENTRIES)
        for turn in range(size(100, 500)):
            task = asyncio.ensure_future(cache.scan(page_size=5))
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        await expect_nothing_open(face, client)
        assert await cache.get(1) == ENTRIES[1]
        await cache.destroy()
    reached("G10", "cancelled queries, none left open", size(100, 500))


async def test_a_cursor_is_lost_with_its_connection(face: Face) -> None:
    """It never goes on over another connection, where its number would be another cursor's."""
    with Cluster(1) as cluster:
        client = await face.connected(*cluster.addresses[0])
        cache = await face(client.create_cache("lost"))
        await face(cache.put_all(ENTRIES))
        cursor = await opened(face, cache.scan(page_size=10))
        cluster[0].kill()
        cluster[0].start()
        read = 0
        with pytest.raises((CursorLostError, ConnectionLostError)) as raised:
            while True:
                await first(face, cursor)
                read += 1
        assert read in (10, 20) and isinstance(raised.value, OSError)
        with pytest.raises(CursorLostError):
            await first(face, cursor)
        await face(cursor.close())
        # The client itself goes on.
        assert await face(client.get_cache_names()) == []
        await face(client.close())


async def test_a_cursor_ends_with_its_client(face: Face, address: tuple[str, int]) -> None:
    client = await face.connected(*address)
    cursor = await opened(face, client.sql("SELECT X FROM SYSTEM_RANGE(1, 100)", page_size=10))
    await face(client.close())
    with pytest.raises(OSError):
        for _ in range(100):
            await first(face, cursor)
    await face(cursor.close())


# --- SQL ------------------------------------------------------------------------------------------------------------------------


async def test_rows_are_lists(face: Face, client: Any, table: str) -> None:
    rows = await sql(face, client, f"SELECT id, name, half FROM {table} WHERE id < ? ORDER BY id", 3)
    assert rows == [[0, "name 0", 0.0], [1, "name 1", 0.5], [2, "name 2", 1.0]]


@pytest.mark.parametrize("page_size", [1, 9, 999, 1000, 1001])
@pytest.mark.parametrize("lazy", [False, True])
async def test_names_come_first_when_asked_for(face: Face, client: Any, table: str, page_size: int, lazy: bool) -> None:
    options: dict[str, Any] = {"page_size": page_size, "lazy": lazy, "include_field_names": True}
    names, *rows = await sql(face, client, f"SELECT id, half AS H FROM {table} ORDER BY id", **options)
    assert names == ["ID", "H"]
    assert rows == [[number, number / 2] for number in range(1000)]


async def test_changes_tell_their_number_of_rows(face: Face, client: Any, table: str) -> None:
    assert await sql(face, client, f"UPDATE {table} SET name = ? WHERE id >= 990", "changed") == [[10]]
    assert await sql(face, client, f"DELETE FROM {table} WHERE name = 'changed'") == [[10]]
    assert await sql(face, client, f"SELECT COUNT(*) FROM {table}") == [[990]]
    assert await sql(face, client, f"CREATE INDEX i_{table} ON {table} (name)") == [[0]]


async def test_arguments_can_be_any_iterable_and_have_hints(face: Face, client: Any) -> None:
    for arguments in ([7, "x"], (7, "x"), iter([7, "x"]), (each for each in (7, "x"))):
        assert await face.rows(client.sql("SELECT ?, ?", query_args=arguments)) == [[7, "x"]]
    hinted = [(1, ShortObject), (decimal.Decimal("1.50"), DecimalObject)]
    assert await face.rows(client.sql("SELECT ?, ?", query_args=hinted)) == [[1, decimal.Decimal("1.50")]]
    with pytest.raises(TypeError, match=r"query_args\[1\]"):
        await face.rows(client.sql("SELECT ?, ?", query_args=[1, object()]))


COLUMNS: list[tuple[str, Any, Any]] = [
    ("TINYINT", 5, 5),
    ("SMALLINT", -300, -300),
    ("INT", 2**31 - 1, 2**31 - 1),
    ("BIGINT", -(2**63), -(2**63)),
    ("REAL", 0.5, 0.5),
    ("DOUBLE", 1e300, 1e300),
    ("BOOLEAN", True, True),
    ("DECIMAL(20, 4)", decimal.Decimal("123.4500"), decimal.Decimal("123.4500")),
    ("VARCHAR", "text ✓ 😀", "text ✓ 😀"),
    ("CHAR(3)", "abc", "abc"),
    ("UUID", uuid.UUID(int=2**100), uuid.UUID(int=2**100)),
    ("BINARY(4)", b"\x00\xff\x01", b"\x00\xff\x01"),
    ("DATE", datetime.datetime(2024, 2, 29), datetime.datetime(2024, 2, 29)),
    ("TIME", datetime.timedelta(hours=5, seconds=1), datetime.timedelta(hours=5, seconds=1)),
    (
        "TIMESTAMP",
        (datetime.datetime(2024, 2, 29, 12, 30, 1, 123000), 456789),
        (datetime.datetime(2024, 2, 29, 12, 30, 1, 123000), 456789),
    ),
]


@pytest.mark.parametrize(("kind", "value", "back"), COLUMNS, ids=[column[0] for column in COLUMNS])
async def test_every_type_of_column(face: Face, client: Any, cache_name: str, kind: str, value: Any, back: Any) -> None:
    name = "C" + str(abs(hash(cache_name)))
    await sql(face, client, f"CREATE TABLE {name} (id INT PRIMARY KEY, v {kind})")
    hint = TimestampObject if kind == "TIMESTAMP" else None
    await sql(face, client, f"INSERT INTO {name} VALUES (1, ?)", (value, hint) if hint else value)
    await sql(face, client, f"INSERT INTO {name} VALUES (2, NULL)")
    assert await sql(face, client, f"SELECT v FROM {name} ORDER BY id") == [[back], [None]]
    hinted = (value, hint) if hint else value
    assert await sql(face, client, f"SELECT id FROM {name} WHERE v = ?", hinted) == [[1]]
    await sql(face, client, f"DROP TABLE {name}")


async def test_arguments_of_dates_are_compared(face: Face, client: Any) -> None:
    day = datetime.datetime(2020, 1, 2)
    rows = await sql(face, client, "SELECT CAST('2020-01-02' AS TIMESTAMP) = CAST(? AS TIMESTAMP)", (day, DateObject))
    assert rows == [[True]]


async def test_statements_of_the_wrong_kind_are_refused(face: Face, client: Any, table: str) -> None:
    for text, kind in ((f"DELETE FROM {table}", StatementType.SELECT), ("SELECT 1", StatementType.UPDATE)):
        with pytest.raises(SQLError):
            await sql(face, client, text, statement_type=kind)
    assert await sql(face, client, "SELECT 1", statement_type=StatementType.SELECT) == [[1]]
    assert await sql(face, client, "SELECT 1", statement_type=StatementType.ALL) == [[1]]
    assert await sql(face, client, f"SELECT COUNT(*) FROM {table}") == [[1000]]


async def test_switches_are_taken_by_the_server(face: Face, client: Any, table: str) -> None:
    for name in ("distributed_joins", "local", "enforce_join_order", "collocated", "lazy"):
        assert await sql(face, client, f"SELECT COUNT(*) FROM {table}", **{name: True}) == [[1000]], name
    assert await sql(face, client, f"SELECT COUNT(*) FROM {table}", max_rows=5, timeout=10_000) == [[1000]]


async def test_a_schema_is_taken_from_the_cache(face: Face, client: Any, table: str) -> None:
    cache = await face(client.get_cache(f"SQL_PUBLIC_{table.upper()}"))
    for where in (cache, cache.name, cache.cache_id):
        assert await sql(face, client, f"SELECT COUNT(*) FROM {table}", cache=where, schema="NOWHERE") == [[1000]]
    with pytest.raises(SQLError, match="NOWHERE"):
        await sql(face, client, "SELECT 1", schema="NOWHERE")
    with pytest.raises(CacheError) as raised:
        await sql(face, client, "SELECT 1", cache="no such cache")
    assert (raised.value.code, raised.value.cache) == (1000, "no such cache")


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(face: Face, client: Any) -> None:
    with pytest.raises(SQLError, match="cancelled"):
        await sql(face, client, "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 20000) A, SYSTEM_RANGE(1, 20000) B", timeout=100)


async def test_errors_of_sql_carry_code_and_operation(face: Face, client: Any) -> None:
    with pytest.raises(SQLError, match=r"(?s)42000: Failed to parse query.*\[OP_QUERY_SQL_FIELDS\]") as raised:
        await sql(face, client, "SELEKT 1")
    assert (raised.value.code, raised.value.operation) == (1, "OP_QUERY_SQL_FIELDS")


async def test_a_result_without_rows_and_with_many_columns(face: Face, client: Any) -> None:
    columns = ", ".join(f"X AS C{number}" for number in range(300))
    text = f"SELECT {columns} FROM SYSTEM_RANGE(1, 1) WHERE X > 1"
    assert await sql(face, client, text) == []
    assert await sql(face, client, text, include_field_names=True) == [[f"C{number}" for number in range(300)]]


async def test_a_scan_of_a_hundred_thousand_entries_takes_a_hundred_pages(face: Face, client: Any, cache: Any) -> None:
    for start in range(0, 100_000, 20_000):
        await face(cache.put_all({number: number for number in range(start, start + 20_000)}))
    rows = await face.rows(cache.scan())
    assert sum(value for _, value in rows) == sum(range(100_000))
