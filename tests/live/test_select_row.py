"""Queries for whole entries, by the type that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs.datatypes import IntObject
from pyignite_rs.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES
from pyignite_rs.exceptions import CacheError, SQLError

pytestmark = pytest.mark.live


@pytest.fixture
def numbers(address: tuple[str, int], cache_name: str) -> Iterator[Any]:
    """A cache of numbers that can be queried."""
    table = {
        "table_name": "NUMBERS",
        "key_field_name": None,
        "key_type_name": "java.lang.Integer",
        "value_field_name": None,
        "value_type_name": "java.lang.Integer",
        "query_fields": [],
        "field_name_aliases": [],
        "query_indexes": [],
    }
    with pyignite_rs.Client() as client:
        client.connect(*address)
        cache = client.create_cache({PROP_NAME: cache_name, PROP_QUERY_ENTITIES: [table]})
        cache.put_all({(key, IntObject): (key * key, IntObject) for key in range(100)})
        yield cache
        cache.destroy()


@pytest.mark.parametrize("page_size", [1, 7, 1024])
def test_entries_that_meet_a_condition(numbers: Any, page_size: int) -> None:
    with numbers.select_row("_val > ? AND _val < ?", page_size=page_size, query_args=[(100, IntObject), 1000]) as cursor:
        assert type(cursor).__name__ == "SqlCursor"
        found = list(cursor)
    assert sorted(found) == [(key, key * key) for key in range(11, 32)]
    assert {type(row) for row in found} == {tuple}


def test_a_whole_statement_in_its_order(numbers: Any) -> None:
    rows = numbers.select_row("SELECT * FROM NUMBERS WHERE _key < 5 ORDER BY _key DESC", 2)
    assert list(rows) == [(4, 16), (3, 9), (2, 4), (1, 1), (0, 0)]


def test_what_can_not_be_queried(numbers: Any, address: tuple[str, int], cache_name: str) -> None:
    with pytest.raises(SQLError, match=r"(?i)no_such_column"):
        list(numbers.select_row("no_such_column = 1"))
    plain = numbers.client.create_cache(f"{cache_name}-plain")
    with pytest.raises(SQLError, match="has no query entity"):
        plain.select_row("_val > 1")
    plain.destroy()
    with pytest.raises(CacheError):
        numbers.client.get_cache("nowhere").select_row("_val > 1")
