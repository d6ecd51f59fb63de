"""The second SQL engine, Calcite: statements, types of columns, cursors."""

from __future__ import annotations

import datetime
import decimal
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from pyignite_rs.datatypes import IntObject, TimestampObject
from pyignite_rs.exceptions import SQLError

from ..conftest import Face
from ..support.cluster import Cluster
from ..support.jars import CORE_ONLY, version

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(version() in CORE_ONLY, reason="of this release there is no SQL"),
    pytest.mark.skipif("IGNITE_HOME" in os.environ, reason="an installed Ignite may lack ignite-calcite"),
]

HINT = "/*+ QUERY_ENGINE('calcite') */"


@pytest.fixture(scope="module")
def calcite() -> Iterator[Cluster]:
    with Cluster(1, calcite=True) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def client(face: Face, calcite: Cluster) -> AsyncIterator[Any]:
    connected = await face.connected(*calcite.addresses[0])
    yield connected
    await face(connected.close())


async def test_the_engine_is_calcite(face: Face, client: Any) -> None:
    """The other one has no such statement."""
    plan = await face.rows(client.sql(f"EXPLAIN PLAN FOR SELECT {HINT} 1"))
    assert "IgniteProject" in plan[0][0] or "IgniteValues" in plan[0][0]


COLUMNS = [
    ("TINYINT", 5),
    ("SMALLINT", -300),
    ("INT", 2**31 - 1),
    ("BIGINT", -(2**63)),
    ("REAL", 0.5),
    ("DOUBLE", 1e300),
    ("BOOLEAN", True),
    ("DECIMAL(20, 4)", decimal.Decimal("123.4500")),
    ("VARCHAR", "text ✓ 😀"),
    ("UUID", uuid.UUID(int=2**100)),
    ("DATE", datetime.datetime(2024, 2, 29)),
    ("TIME", datetime.timedelta(hours=5, seconds=1)),
    ("TIMESTAMP", (datetime.datetime(2024, 2, 29, 12, 30, 1, 123000), 0)),
]


@pytest.mark.parametrize(("kind", "value"), COLUMNS, ids=[kind for kind, _ in COLUMNS])
async def test_every_type_of_column(face: Face, client: Any, kind: str, value: Any) -> None:
    name = f"c_{face.name}_{kind.split('(')[0]}"
    await face.rows(client.sql(f"CREATE TABLE {name} (id INT PRIMARY KEY, v {kind})"))
    argument = (value, TimestampObject) if kind == "TIMESTAMP" else value
    await face.rows(client.sql(f"INSERT INTO {name} VALUES (1, ?), (2, NULL)", query_args=[argument]))
    assert await face.rows(client.sql(f"SELECT {HINT} v FROM {name} ORDER BY id")) == [[value], [None]]
    await face.rows(client.sql(f"DROP TABLE {name}"))


async def test_pages_names_and_arguments(face: Face, client: Any) -> None:
    name = f"pages_{face.name}"
    await face.rows(client.sql(f"CREATE TABLE {name} (id INT PRIMARY KEY, name VARCHAR)"))
    marks = ", ".join("(?, ?)" for _ in range(500))
    values = [each for number in range(500) for each in ((number, IntObject), f"name {number}")]
    assert await face.rows(client.sql(f"INSERT INTO {name} VALUES {marks}", query_args=values)) == [[500]]
    query = f"SELECT {HINT} id, name FROM {name} WHERE id >= ? ORDER BY id"
    found = await face.rows(client.sql(query, page_size=7, query_args=[100], include_field_names=True))
    assert found == [["ID", "NAME"], *([number, f"name {number}"] for number in range(100, 500))]
    with pytest.raises(SQLError):
        await face.rows(client.sql(f"SELECT {HINT} nothing FROM {name}"))
    await face.rows(client.sql(f"DROP TABLE {name}"))
