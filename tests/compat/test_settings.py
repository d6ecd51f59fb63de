"""Settings, expiry policies and the cluster through pyignite 0.6.1 and through this client, on one node."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import pyignite_rs

if sys.version_info >= (3, 12):
    pyignite = pytest.importorskip("pyignite", reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
else:
    import pyignite

from pyignite.datatypes.expiry_policy import ExpiryPolicy as TheirPolicy

from pyignite_rs.datatypes.expiry_policy import ExpiryPolicy as OurPolicy

pytestmark = pytest.mark.live

#: The tables of pyignite's SQL examples, with what its examples show of them and more.
CITY = """CREATE TABLE City (
    ID INT(11), Name CHAR(35), CountryCode CHAR(3), District CHAR(20), Population INT(11) DEFAULT 7, Share DECIMAL(9, 3) NOT NULL,
    PRIMARY KEY (ID, CountryCode)
) WITH "affinityKey=CountryCode" """


@pytest.fixture
def clients(address: tuple[str, int]) -> Iterator[tuple[Any, Any]]:
    """Theirs and ours, connected to one node."""
    theirs, ours = pyignite.Client(), pyignite_rs.Client()
    theirs.connect(*address)
    ours.connect(*address)
    yield theirs, ours
    ours.close()
    theirs.close()


def shape(value: Any) -> Any:
    """A value with the types of all its parts, and expiry policies as their three times."""
    if isinstance(value, (TheirPolicy, OurPolicy)):
        return ("ExpiryPolicy", value.create, value.update, value.access)
    if isinstance(value, dict):
        return (type(value).__name__, [(key, shape(part)) for key, part in value.items()])
    if isinstance(value, list):
        return ("list", [shape(part) for part in value])
    return (type(value).__name__, value)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the class of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__


def asynchronous(package: Any, address: tuple[str, int], name: str) -> Any:
    """Settings by the asynchronous client of a package."""

    async def work() -> Any:
        client = package.AioClient()
        async with client.connect(*address):
            return await (await client.get_cache(name)).settings()

    return asyncio.run(work())


def test_settings_of_a_plain_cache(clients: tuple[Any, Any], address: tuple[str, int], cache_name: str) -> None:
    theirs, ours = clients
    cache = theirs.create_cache(cache_name)
    expected = shape(cache.settings)
    assert shape(ours.get_cache(cache_name).settings) == expected
    assert shape(asynchronous(pyignite, address, cache_name)) == shape(asynchronous(pyignite_rs, address, cache_name)) == expected
    cache.destroy()


def test_settings_of_an_sql_table(clients: tuple[Any, Any], address: tuple[str, int]) -> None:
    theirs, ours = clients
    list(theirs.sql("DROP TABLE IF EXISTS City"))
    list(theirs.sql(CITY))
    expected = theirs.get_or_create_cache("SQL_PUBLIC_CITY").settings
    cache = ours.get_or_create_cache("SQL_PUBLIC_CITY")
    assert shape(cache.settings) == shape(expected)
    assert shape(asynchronous(pyignite_rs, address, "SQL_PUBLIC_CITY")) == shape(expected)
    table = cache.settings[200][0]
    assert (table["table_name"], table["key_field_name"]) == ("CITY", None)
    assert {field["name"]: field["precision"] for field in table["query_fields"]}["NAME"] == 35
    assert cache.settings[401]
    list(theirs.sql("DROP TABLE City"))


def everything(policy: Any, name: str) -> dict[int, Any]:
    """Settings of a cache with one of each kind of property."""
    table = f"T{abs(hash(name))}"
    fields = [
        {"name": "ID", "type_name": "java.lang.Long", "is_key_field": True, "is_notnull_constraint_field": True},
        {"name": "NAME", "type_name": "java.lang.String", "default_value": "nobody", "precision": 7},
        {"name": "WIDTH", "type_name": "java.math.BigDecimal", "precision": 10, "scale": 2},
    ]
    index = {"index_name": f"{table}_I", "index_type": 0, "inline_size": 9, "fields": [{"name": "NAME", "is_descending": True}]}
    return {
        0: name,
        2: 0,
        3: 1,
        5: False,
        203: "PUBLIC",
        200: [
            {
                "table_name": table,
                "key_field_name": "ID",
                "key_type_name": "java.lang.Long",
                "value_field_name": None,
                "value_type_name": f"{table}_TYPE",
                "field_name_aliases": [{"field_name": "NAME", "alias": "N"}],
                "query_fields": fields,
                "query_indexes": [index],
            }
        ],
        400: "group",
        401: [{"type_name": f"{table}_KEY", "affinity_key_field_name": "ID"}],
        402: 77,
        404: 2,
        407: policy,
    }


def test_each_makes_the_cache_that_the_other_makes(clients: tuple[Any, Any], cache_name: str) -> None:
    theirs, ours = clients
    cache = theirs.create_cache(everything(TheirPolicy(create=timedelta(seconds=1.5), access=9), cache_name))
    expected = cache.settings
    assert shape(ours.get_cache(cache_name).settings) == shape(expected)
    cache.destroy()
    cache = ours.create_cache(everything(OurPolicy(create=timedelta(seconds=1.5), access=9), cache_name))
    assert shape(cache.settings) == shape(expected)
    settings = cache.settings
    cache.destroy()
    # What was read makes the cache again, and so does what the other has read.
    for source in (settings, {**expected, 407: OurPolicy(create=1500, access=9)}):
        again = ours.create_cache(source)
        assert shape(theirs.get_cache(cache_name).settings[200]) == shape(expected[200])
        assert shape(again.settings) == shape(settings)
        again.destroy()


@pytest.mark.parametrize(
    ("times", "same"),
    [
        ({"create": 5}, True),
        ({"create": -1, "update": -2, "access": 0}, True),
        ({"create": timedelta(milliseconds=-1)}, True),
        ({"create": timedelta(milliseconds=-1.5)}, True),
        ({"create": -3}, True),
        ({"access": timedelta(seconds=-1)}, True),
        ({"update": "5"}, True),
        ({"update": 5.0}, True),
        ({"update": None}, True),
        ({"update": True}, True),
    ],
    ids=str,
)
def test_what_policies_can_be(times: dict[str, Any], same: bool) -> None:
    theirs, ours = (outcome(lambda c=c: shape(c(**times))) for c in (TheirPolicy, OurPolicy))
    assert (theirs == ours) is same
    assert repr(TheirPolicy()) == repr(OurPolicy())
    for name in ("UNCHANGED", "ETERNAL"):
        assert getattr(TheirPolicy, name) == getattr(OurPolicy, name)
    wanted = inspect.signature(TheirPolicy).parameters
    here = inspect.signature(OurPolicy).parameters
    assert [(each.name, each.kind, each.default) for each in wanted.values()] == [
        (each.name, each.kind, each.default) for each in here.values()
    ]


def test_entries_expire_for_both(clients: tuple[Any, Any], cache_name: str) -> None:
    """One puts, the other reads: the time is the server's."""
    theirs, ours = clients
    cache = theirs.create_cache(cache_name)
    mirror = ours.get_cache(cache_name)
    cache.with_expire_policy(create=700).put("theirs", 1)
    mirror.with_expire_policy(create=700).put("ours", 1)
    mirror.with_expire_policy(OurPolicy(create=timedelta(minutes=10))).put("long", 1)
    both = ["theirs", "ours", "long"]
    assert cache.get_all(both) == mirror.get_all(both) == dict.fromkeys(both, 1)
    time.sleep(1.2)
    assert cache.get_all(both) == mirror.get_all(both) == {"long": 1}
    cache.destroy()


def test_decorated_caches(clients: tuple[Any, Any], cache_name: str) -> None:
    for client, policy in zip(clients, (TheirPolicy, OurPolicy), strict=True):
        cache = client.get_cache(cache_name)
        other = cache.with_expire_policy(create=5)
        assert type(other) is type(cache) and other is not cache and other.name == cache_name
        assert other.cache_info.expiry_policy == policy(create=5)
        assert (cache.cache_info.cache_id, cache.cache_info.expiry_policy) == (cache.cache_id, None)
        assert (cache.cache_info.TRANSACTIONS_MASK, cache.cache_info.EXPIRY_POLICY_MASK) == (2, 4)
        assert cache.cache_info.protocol_context.version == client.protocol_context.version
        # The first argument counts alone.
        assert cache.with_expire_policy(policy(access=7), create=5).cache_info.expiry_policy == policy(access=7)
        with pytest.raises(ValueError):
            cache.with_expire_policy(create=-5)


def test_the_state_of_the_cluster(clients: tuple[Any, Any], address: tuple[str, int]) -> None:
    theirs, ours = (client.get_cluster() for client in clients)
    assert theirs.get_state() == ours.get_state() == 1
    assert ours.set_state(1) is None and theirs.set_state(1) is None
    for package in (pyignite, pyignite_rs):

        async def work(package: Any = package) -> Any:
            client = package.AioClient()
            async with client.connect(*address):
                return await client.get_cluster().get_state()

        assert asyncio.run(work()) == 1
    states = [importlib.import_module(f"{package}.datatypes").ClusterState for package in ("pyignite", "pyignite_rs")]
    assert {each.name: each.value for each in states[0]} == {each.name: each.value for each in states[1]}


def test_the_classes_of_properties() -> None:
    theirs, ours = (importlib.import_module(f"{package}.datatypes.cache_properties") for package in ("pyignite", "pyignite_rs"))
    assert sorted(ours.__all__) == sorted(theirs.__all__)
    for name in theirs.__all__:
        if name.startswith("Prop"):
            wanted, here = getattr(theirs, name), getattr(ours, name)
            assert here.prop_code == wanted.prop_code
            assert ours.prop_map(here.prop_code) is here and theirs.prop_map(here.prop_code) is wanted
            kind = wanted.prop_data_class
            if inspect.isclass(kind):
                assert here.prop_data_class.__name__ == kind.__name__
            else:
                assert [key for key, _ in here.prop_data_class.following] == [key for key, _ in kind.following]
    configuration = [importlib.import_module(f"{package}.datatypes.cache_config") for package in ("pyignite", "pyignite_rs")]
    for name in ("QueryFields", "FieldNameAliases", "Fields", "QueryIndexes", "QueryEntities", "CacheKeyConfiguration"):
        wanted, here = (getattr(module, name) for module in configuration)
        assert [key for key, _ in here.following] == [key for key, _ in wanted.following]
        assert here.defaults == wanted.defaults


def test_what_only_one_of_them_takes(clients: tuple[Any, Any], cache_name: str) -> None:
    """The lines of the compatibility page."""
    theirs, ours = clients
    table = everything(None, cache_name)[200][0] | {"query_indexes": [], "field_name_aliases": []}
    both: list[tuple[dict[int, Any], str, str]] = [
        ({3: "x"}, "error", "TypeError"),
        ({3: 1 << 31}, "error", "OverflowError"),
        ({302: -1}, "ValueError", "ValueError"),
        ({5: "no"}, "Cache", "TypeError"),
        ({407: 5}, "AttributeError", "TypeError"),
        ({200: [{}]}, "KeyError", "ParameterError"),
        ({200: (each for each in [table])}, "TypeError", "Cache"),
        ({999: 1}, "ParameterError", "ParameterError"),
    ]
    for number, (settings, there, here) in enumerate(both):
        for client, wanted in ((theirs, there), (ours, here)):
            name = f"{cache_name}-{number}"
            made = outcome(lambda client=client, name=name, settings=settings: client.create_cache({0: name, **settings}))
            assert (made if isinstance(made, str) else type(made).__name__) == wanted, settings
            if not isinstance(made, str):
                made.destroy()


def test_defaults_of_columns(clients: tuple[Any, Any], cache_name: str) -> None:
    """A number is written as a long there, whatever the column is; the server takes it, and every query of the column fails."""
    theirs, ours = clients
    table = everything(None, cache_name)[200][0] | {"query_indexes": [], "field_name_aliases": []}
    column = {"name": "A", "type_name": "java.lang.Integer", "default_value": 5}
    other = {"name": "B", "type_name": "java.lang.String"}
    settings = {0: cache_name, 203: "PUBLIC", 200: [table | {"query_fields": [table["query_fields"][0], column, other]}]}
    for client, read in ((theirs, "SQLError"), (ours, [[5]])):
        cache = client.create_cache(settings)
        list(theirs.sql(f"INSERT INTO {table['table_name']} (ID, B) VALUES (1, 'b')"))
        assert outcome(lambda: list(theirs.sql(f"SELECT A FROM {table['table_name']}"))) == read
        cache.destroy()


def test_select_row(clients: tuple[Any, Any], cache_name: str) -> None:
    """Servers know queried types by their simple names; pyignite asks by the whole name, which fails if there is a package in it."""
    theirs, ours = clients
    list(theirs.sql("CREATE TABLE Nobody (id INT PRIMARY KEY, age INT)"))
    for client in clients:
        assert list(client.get_cache("SQL_PUBLIC_NOBODY").select_row("age > 1")) == []
        assert outcome(lambda client=client: list(client.get_cache("SQL_PUBLIC_NOBODY").select_row("nonsense > 1"))) == "SQLError"
    list(theirs.sql("DROP TABLE Nobody"))

    table = everything(None, cache_name)[200][0] | {"query_indexes": [], "field_name_aliases": [], "query_fields": []}
    table |= {"key_field_name": None, "key_type_name": "java.lang.String", "value_type_name": "java.lang.Long"}
    cache = theirs.create_cache({0: cache_name, 200: [table]})
    cache.put("k", 7)
    assert outcome(lambda: list(cache.select_row("_val > 1"))) == "SQLError"
    assert list(ours.get_cache(cache_name).select_row("_val > 1")) == [("k", 7)]
    cache.destroy()
