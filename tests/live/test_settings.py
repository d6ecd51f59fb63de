"""Settings of caches: each property set and read back on a real node, and all of them used again."""

from __future__ import annotations

import decimal
import inspect
import struct
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs.datatypes import ExpiryPolicy, IntObject, prop_codes
from pyignite_rs.datatypes.cache_config import (
    CacheAtomicityMode,
    CacheMode,
    IndexType,
    PartitionLossPolicy,
    RebalanceMode,
    WriteSynchronizationMode,
)
from pyignite_rs.datatypes.key_value import PeekModes
from pyignite_rs.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_ATOMICITY_MODE,
    PROP_CACHE_KEY_CONFIGURATION,
    PROP_CACHE_MODE,
    PROP_COPY_ON_READ,
    PROP_DATA_REGION_NAME,
    PROP_DEFAULT_LOCK_TIMEOUT,
    PROP_EAGER_TTL,
    PROP_EXPIRY_POLICY,
    PROP_GROUP_NAME,
    PROP_IS_ONHEAP_CACHE_ENABLED,
    PROP_MAX_CONCURRENT_ASYNC_OPERATIONS,
    PROP_MAX_QUERY_ITERATORS,
    PROP_NAME,
    PROP_PARTITION_LOSS_POLICY,
    PROP_QUERY_DETAIL_METRIC_SIZE,
    PROP_QUERY_ENTITIES,
    PROP_QUERY_PARALLELISM,
    PROP_READ_FROM_BACKUP,
    PROP_REBALANCE_BATCH_SIZE,
    PROP_REBALANCE_BATCHES_PREFETCH_COUNT,
    PROP_REBALANCE_DELAY,
    PROP_REBALANCE_MODE,
    PROP_REBALANCE_ORDER,
    PROP_REBALANCE_THROTTLE,
    PROP_REBALANCE_TIMEOUT,
    PROP_SQL_ESCAPE_ALL,
    PROP_SQL_INDEX_INLINE_MAX_SIZE,
    PROP_SQL_SCHEMA,
    PROP_STATISTICS_ENABLED,
    PROP_WRITE_SYNCHRONIZATION_MODE,
)
from pyignite_rs.exceptions import CacheCreationError, CacheError, ConnectionLostError, ParameterError, ParseError
from pyignite_rs.testing import FakeNode, with_payload

from ..conftest import Face
from ..support.cluster import handshake, receive

pytestmark = pytest.mark.live

ALL = {value: name for name, value in vars(prop_codes).items() if name.startswith("PROP_")}


async def settings_of(face: Face, cache: Any) -> dict[int, Any]:
    """What the server says: a method on the asynchronous face, a property on the other."""
    settings: dict[int, Any] = await cache.settings() if face.is_async else cache.settings
    return settings


def in_order(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tables with their aliases by name: servers keep no order of them."""
    return [
        {**each, "field_name_aliases": sorted(each["field_name_aliases"], key=lambda alias: alias["field_name"])}
        for each in entities
    ]


def entity(name: str) -> dict[str, Any]:
    """A table with a bit of everything; nothing is left to defaults, so that it reads back as it is."""
    columns: list[tuple[str, str, bool, bool, Any, int, int]] = [
        ("ID", "java.lang.Integer", True, False, None, -1, -1),
        ("NAME", "java.lang.String", False, True, "nobody", 20, -1),
        ("SHARE", "java.math.BigDecimal", False, False, decimal.Decimal("1.50"), 10, 2),
        ("AGE", "java.lang.Integer", False, False, 18, -1, -1),
    ]
    keys = ("name", "type_name", "is_key_field", "is_notnull_constraint_field", "default_value", "precision", "scale")
    return {
        "key_type_name": "java.lang.Integer",
        "value_type_name": f"{name}_TYPE",
        "table_name": name,
        "key_field_name": "ID",
        "value_field_name": None,
        "query_fields": [dict(zip(keys, column, strict=True)) for column in columns],
        "field_name_aliases": [{"field_name": column[0], "alias": f"{column[0]}_"} for column in columns],
        "query_indexes": [
            {
                "index_name": f"{name}_INDEX",
                "index_type": IndexType.SORTED,
                "inline_size": 12,
                "fields": [{"name": "NAME", "is_descending": True}, {"name": "AGE", "is_descending": False}],
            }
        ],
    }


def table_name(cache_name: str) -> str:
    """Of tables and indexes there is one of a name in a schema."""
    return "T" + "".join(character for character in cache_name if character.isalnum()).upper()


#: A value for each property that is not the server's default.
VALUES: dict[int, Any] = {
    PROP_NAME: None,
    PROP_CACHE_MODE: CacheMode.REPLICATED,
    PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL,
    PROP_BACKUPS_NUMBER: 2,
    PROP_WRITE_SYNCHRONIZATION_MODE: WriteSynchronizationMode.FULL_SYNC,
    PROP_COPY_ON_READ: False,
    PROP_READ_FROM_BACKUP: False,
    PROP_DATA_REGION_NAME: "default",
    PROP_IS_ONHEAP_CACHE_ENABLED: True,
    PROP_QUERY_ENTITIES: entity,
    PROP_QUERY_PARALLELISM: 3,
    PROP_QUERY_DETAIL_METRIC_SIZE: 10,
    PROP_SQL_SCHEMA: "MY_SCHEMA",
    PROP_SQL_INDEX_INLINE_MAX_SIZE: 64,
    PROP_SQL_ESCAPE_ALL: True,
    PROP_MAX_QUERY_ITERATORS: 200,
    PROP_REBALANCE_MODE: RebalanceMode.SYNC,
    PROP_REBALANCE_DELAY: 5,
    PROP_REBALANCE_TIMEOUT: 20_000,
    PROP_REBALANCE_BATCH_SIZE: 1 << 18,
    PROP_REBALANCE_BATCHES_PREFETCH_COUNT: 4,
    PROP_REBALANCE_ORDER: 1,
    PROP_REBALANCE_THROTTLE: 7,
    PROP_GROUP_NAME: "a group",
    PROP_CACHE_KEY_CONFIGURATION: [{"type_name": "Key", "affinity_key_field_name": "company"}],
    PROP_DEFAULT_LOCK_TIMEOUT: 1000,
    PROP_MAX_CONCURRENT_ASYNC_OPERATIONS: 100,
    PROP_PARTITION_LOSS_POLICY: PartitionLossPolicy.READ_WRITE_SAFE,
    PROP_EAGER_TTL: False,
    PROP_STATISTICS_ENABLED: True,
    PROP_EXPIRY_POLICY: ExpiryPolicy(create=1000, update=ExpiryPolicy.ETERNAL),
}


def value_of(code: int, cache_name: str) -> Any:
    """The value of the table, for this cache."""
    if code == PROP_NAME:
        return cache_name
    if code == PROP_QUERY_ENTITIES:
        return [entity(table_name(cache_name))]
    return VALUES[code]


def test_the_table_has_every_property() -> None:
    assert set(VALUES) == set(ALL)
    assert len(ALL) == 31


@pytest.mark.parametrize("create", ["create_cache", "get_or_create_cache"])
@pytest.mark.parametrize("code", VALUES, ids=ALL.get)
async def test_each_property_is_read_back(face: Face, client: Any, cache_name: str, create: str, code: int) -> None:
    plain = await face(client.create_cache(f"{cache_name}-plain"))
    default = await settings_of(face, plain)
    wanted = value_of(code, cache_name)
    cache = await face(getattr(client, create)({PROP_NAME: cache_name, code: wanted}))
    settings = await settings_of(face, cache)
    read = in_order(settings[code]) if code == PROP_QUERY_ENTITIES else settings[code]
    assert read == (in_order(wanted) if code == PROP_QUERY_ENTITIES else wanted)
    assert settings[code] != default[code]
    assert settings[PROP_NAME] == cache_name
    # Which of the others follow from this one is the server's business; the kinds of values stay.
    assert list(settings) == list(default)
    for other in settings:
        assert type(settings[other]) is type(default[other]) or None in (settings[other], default[other])
    await face(cache.put(1, "a"))
    await face(cache.destroy())
    await face(plain.destroy())


async def test_the_keys_of_settings_are_all_properties(face: Face, cache: Any) -> None:
    settings = await settings_of(face, cache)
    assert type(settings) is dict
    assert set(settings) == set(ALL)


async def test_all_properties_at_once_and_a_second_cache_of_what_is_read_back(face: Face, client: Any, cache_name: str) -> None:
    # A replicated cache has one index segment and a copy on each node, whatever else is said.
    wanted = {code: value_of(code, cache_name) for code in VALUES} | {PROP_CACHE_MODE: CacheMode.PARTITIONED}
    cache = await face(client.create_cache(wanted))
    settings = await settings_of(face, cache)
    assert {**settings, PROP_QUERY_ENTITIES: in_order(settings[PROP_QUERY_ENTITIES])} == {
        **wanted,
        PROP_QUERY_ENTITIES: in_order(wanted[PROP_QUERY_ENTITIES]),
    }
    await face(cache.put(1, "a"))
    # ONHEAP_CACHE_ENABLED took effect: by default nothing is on the heap.
    assert await face(cache.get_size(PeekModes.ONHEAP)) == 1
    await face(cache.destroy())
    again = await face(client.create_cache(settings))
    read = await settings_of(face, again)
    assert {**read, PROP_QUERY_ENTITIES: in_order(read[PROP_QUERY_ENTITIES])} == {
        **settings,
        PROP_QUERY_ENTITIES: in_order(settings[PROP_QUERY_ENTITIES]),
    }
    await face(again.destroy())


async def test_the_settings_of_a_plain_cache_make_the_same_cache(face: Face, client: Any, cache: Any, cache_name: str) -> None:
    settings = await settings_of(face, cache)
    copy = await face(client.create_cache({**settings, PROP_NAME: f"{cache_name}-copy"}))
    assert await settings_of(face, copy) == {**settings, PROP_NAME: f"{cache_name}-copy"}
    await face(copy.destroy())


async def test_settings_are_asked_for_once(face: Face, client: Any, cache_name: str) -> None:
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_BACKUPS_NUMBER: 1}))
    settings = await settings_of(face, cache)
    await face(cache.destroy())
    again = await face(client.create_cache({PROP_NAME: cache_name, PROP_BACKUPS_NUMBER: 2}))
    assert await settings_of(face, cache) is settings
    # Another object asks for itself.
    assert (await settings_of(face, again))[PROP_BACKUPS_NUMBER] == 2
    await face(again.destroy())


async def test_settings_of_a_cache_that_does_not_exist(face: Face, client: Any) -> None:
    cache = await face(client.get_cache("nowhere"))
    for _ in range(2):
        with pytest.raises(CacheError) as caught:
            await settings_of(face, cache)
        assert (caught.value.code, caught.value.operation) == (1000, "OP_CACHE_GET_CONFIGURATION")


async def test_settings_on_the_asynchronous_face_take_a_time_limit(address: tuple[str, int], cache_name: str) -> None:
    face = Face("async")
    client = await face.connected(*address)
    cache = await client.create_cache(cache_name)
    assert list(inspect.signature(type(cache).settings).parameters) == ["self", "timeout"]
    assert (await cache.settings(timeout=5))[PROP_NAME] == cache_name
    with pytest.raises(ValueError, match="-1"):
        await (await client.get_cache(cache_name)).settings(timeout=-1)
    await cache.destroy()
    await client.close()


async def test_optional_keys_get_their_defaults_in_the_dicts_that_were_given_too(
    face: Face, client: Any, cache_name: str
) -> None:
    """As with pyignite: what was given equals the settings that come back."""
    table = entity(table_name(cache_name))
    given = {"name": "ID", "type_name": "java.lang.Integer"}
    index = {"name": "ID"}
    table |= {"query_fields": [given], "field_name_aliases": []}
    table["query_indexes"] = [{"index_name": f"{table['table_name']}_I", "index_type": 0, "inline_size": -1, "fields": [index]}]
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_QUERY_ENTITIES: [table]}))
    settings = (await settings_of(face, cache))[PROP_QUERY_ENTITIES]
    assert settings[0]["query_fields"] == [
        {
            "name": "ID",
            "type_name": "java.lang.Integer",
            "is_key_field": False,
            "is_notnull_constraint_field": False,
            "default_value": None,
            "precision": -1,
            "scale": -1,
        }
    ]
    assert settings[0]["query_indexes"][0]["fields"] == [{"name": "ID", "is_descending": False}]
    assert [given] == settings[0]["query_fields"] and [index] == settings[0]["query_indexes"][0]["fields"]
    await face(cache.destroy())


class Kept(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __iter__(self) -> Any:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


async def test_iterables_and_mappings_of_any_kind(face: Face, client: Any, cache_name: str) -> None:
    table = entity(table_name(cache_name))
    lazy = {key: (each for each in value) if isinstance(value, list) else value for key, value in table.items()}
    settings = {PROP_NAME: cache_name, PROP_QUERY_ENTITIES: (Kept(each) for each in [lazy])}
    cache = await face(client.create_cache(settings))
    assert in_order((await settings_of(face, cache))[PROP_QUERY_ENTITIES]) == in_order([table])
    await face(cache.destroy())


@pytest.mark.parametrize(
    ("java", "value", "read"),
    [
        ("java.lang.Integer", 5, 5),
        ("java.lang.Short", 5, 5),
        ("java.lang.Byte", -5, -5),
        ("java.lang.Long", 5, 5),
        ("java.lang.Float", 1.5, 1.5),
        ("java.lang.Double", 3, 3.0),
        ("java.math.BigDecimal", 3, decimal.Decimal(3)),
        ("java.lang.Boolean", True, True),
        ("java.lang.String", "x", "x"),
        ("java.lang.Character", "x", "x"),
        ("java.sql.Time", timedelta(seconds=5), timedelta(seconds=5)),
        ("java.lang.Integer", (5, IntObject), 5),
        ("org.example.Unknown", 5, 5),
    ],
    ids=str,
)
async def test_a_default_becomes_what_its_column_is(
    face: Face, client: Any, cache_name: str, java: str, value: Any, read: Any
) -> None:
    table = entity(table_name(cache_name))
    table |= {"field_name_aliases": [], "query_indexes": []}
    table["query_fields"] = [table["query_fields"][0], {"name": "A", "type_name": java, "default_value": value}]
    cache = await face(client.create_cache({PROP_NAME: cache_name, PROP_QUERY_ENTITIES: [table]}))
    column = (await settings_of(face, cache))[PROP_QUERY_ENTITIES][0]["query_fields"][1]
    assert (column["default_value"], type(column["default_value"])) == (read, type(read))
    await face(cache.destroy())


async def test_a_property_that_the_server_refuses(face: Face, client: Any, cache_name: str) -> None:
    with pytest.raises(CacheCreationError) as caught:
        await face(client.create_cache({PROP_NAME: cache_name, PROP_DATA_REGION_NAME: "nowhere"}))
    assert caught.value.cache == cache_name
    assert caught.value.code is not None
    assert cache_name in str(caught.value)
    assert cache_name not in await face(client.get_cache_names())


async def test_a_property_that_makes_the_server_hang_up(face: Face, client: Any, cache_name: str) -> None:
    """Ignite 2.17 closes the connection when a value is no valid one for Java; the next call opens another."""
    with pytest.raises(ConnectionLostError) as caught:
        await face(client.create_cache({PROP_NAME: cache_name, PROP_QUERY_PARALLELISM: -5}))
    assert (caught.value.sent, caught.value.cache) == ("maybe", cache_name)
    assert cache_name not in await face(client.get_cache_names())


def without(key: str) -> list[dict[str, Any]]:
    """A table that lacks a key."""
    return [{name: value for name, value in entity("T").items() if name != key}]


def columns(**column: Any) -> list[dict[str, Any]]:
    """A table with one column."""
    return [{**entity("T"), "query_fields": [{"name": "A", "type_name": "java.lang.Integer", **column}]}]


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({}, ParameterError, "PROP_NAME"),
        ({PROP_BACKUPS_NUMBER: 1}, ParameterError, "PROP_NAME"),
        ({PROP_NAME: "x", 9999: 1}, ParameterError, "9999"),
        ({PROP_NAME: "x", "backups": 1}, ParameterError, "backups"),
        (5, ParameterError, "name"),
        (None, ParameterError, "name"),
        ({PROP_NAME: 7}, TypeError, "PROP_NAME must be a str, not int"),
        ({PROP_NAME: None, PROP_BACKUPS_NUMBER: 1}, TypeError, "PROP_NAME must be a str, not NoneType"),
        ({PROP_NAME: "x", PROP_BACKUPS_NUMBER: "many"}, TypeError, "PROP_BACKUPS_NUMBER must be an int, not str"),
        ({PROP_NAME: "x", PROP_BACKUPS_NUMBER: 1.0}, TypeError, "PROP_BACKUPS_NUMBER must be an int, not float"),
        ({PROP_NAME: "x", PROP_BACKUPS_NUMBER: 1 << 31}, OverflowError, "PROP_BACKUPS_NUMBER can not be 2147483648"),
        ({PROP_NAME: "x", PROP_REBALANCE_DELAY: 1 << 80}, OverflowError, "PROP_REBALANCE_DELAY can not be"),
        ({PROP_NAME: "x", PROP_REBALANCE_TIMEOUT: -1}, ValueError, "PROP_REBALANCE_TIMEOUT can not be -1"),
        ({PROP_NAME: "x", PROP_DEFAULT_LOCK_TIMEOUT: -1}, ValueError, "PROP_DEFAULT_LOCK_TIMEOUT can not be -1"),
        ({PROP_NAME: "x", PROP_SQL_SCHEMA: 5}, TypeError, "PROP_SQL_SCHEMA must be a str or None, not int"),
        ({PROP_NAME: "x", PROP_EAGER_TTL: "no"}, TypeError, "PROP_EAGER_TTL must be a bool, not str"),
        ({PROP_NAME: "x", PROP_EXPIRY_POLICY: 5}, TypeError, "PROP_EXPIRY_POLICY must be an ExpiryPolicy or None, not int"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: 5}, TypeError, "PROP_QUERY_ENTITIES must be an iterable of dicts, not int"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: entity("T")}, TypeError, "PROP_QUERY_ENTITIES must be an iterable of dicts"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: "T"}, TypeError, "PROP_QUERY_ENTITIES must be an iterable of dicts, not str"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: ["T"]}, TypeError, r"PROP_QUERY_ENTITIES\[0\] must be a dict, not str"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: without("table_name")}, ParameterError, r"ENTITIES\[0\] has no 'table_name'"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: columns(scale="2")}, TypeError, r"\[0\].query_fields\[0\].scale must be an int"),
        ({PROP_NAME: "x", PROP_QUERY_ENTITIES: columns(default_value="5")}, TypeError, r"\[0\].default_value: .*an int"),
        (
            {PROP_NAME: "x", PROP_CACHE_KEY_CONFIGURATION: [{"type_name": "K"}]},
            ParameterError,
            r"PROP_CACHE_KEY_CONFIGURATION\[0\] has no 'affinity_key_field_name'",
        ),
    ],
    ids=range(25),
)
async def test_settings_that_are_none(face: Face, client: Any, settings: Any, error: type[Exception], text: str) -> None:
    names = await face(client.get_cache_names())
    for method in (client.create_cache, client.get_or_create_cache):
        with pytest.raises(error, match=text) as caught:
            await face(method(settings))
        assert type(caught.value) is error
    assert await face(client.get_cache_names()) == names


async def test_get_cache_wants_a_name_and_no_more(face: Face, client: Any) -> None:
    assert (await face(client.get_cache({PROP_NAME: "x"}))).name == "x"
    with pytest.raises(ParameterError):
        await face(client.get_cache({PROP_NAME: "x", PROP_BACKUPS_NUMBER: 1}))
    with pytest.raises(ParameterError):
        await face(client.get_cache(7))


async def test_cache_info_tells_what_requests_start_with(face: Face, client: Any, cache: Any) -> None:
    info = cache.cache_info
    assert (info.cache_id, info.expiry_policy, info.protocol_context) == (cache.cache_id, None, client.protocol_context)
    policy = ExpiryPolicy(access=5)
    assert cache.with_expire_policy(policy).cache_info.expiry_policy is policy


# --- answers that are cut or changed ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answer(address: tuple[str, int]) -> bytes:
    """What a real node answers about a cache that has something of everything."""
    with pyignite_rs.Client() as client:
        client.connect(*address)
        wanted = {code: value_of(code, "answer") for code in VALUES if code not in (PROP_CACHE_MODE, PROP_GROUP_NAME)}
        cache = client.create_cache(wanted)
        sock, _ = handshake(address)
        with sock:
            sock.sendall(struct.pack("<ihqib", 15, 1055, 1, cache.cache_id, 0))
            message = receive(sock)
        cache.destroy()
    # Request id and flags, and with the first answer of a connection the version of the topology.
    return message[22:] if struct.unpack_from("<h", message, 8)[0] & 2 else message[10:]


async def told(face: Face, bodies: list[bytes]) -> list[Any]:
    """What becomes of these answers, sent by the scripted node: settings, or the class of what is raised."""
    results: list[Any] = []
    with FakeNode() as node:
        client = await face.connected(*node.address)
        for body in bodies:
            node.rule("get_configuration", with_payload(body))
            cache = await face(client.get_cache("c"))
            try:
                results.append(await settings_of(face, cache))
            except Exception as error:
                results.append(type(error))
        # One connection served all of them: none was mistaken for a broken one.
        assert node.accepted == 1
        await face(client.close())
    return results


def with_length(body: bytes) -> bytes:
    """A configuration behind its length."""
    return struct.pack("<i", len(body)) + body


async def test_cut_and_padded_answers_are_errors(face: Face, answer: bytes) -> None:
    whole = answer[4:]
    assert (await told(face, [answer]))[0][PROP_EXPIRY_POLICY] == VALUES[PROP_EXPIRY_POLICY]
    cuts = [with_length(whole[:end]) for end in range(0, len(whole), 3)]
    padded = [with_length(whole + b"\x00"), answer + b"\x00", answer[:-1], struct.pack("<i", -1) + whole]
    assert set(await told(face, cuts + padded)) == {ParseError}


async def test_answers_of_servers_without_expiry_policies(face: Face, answer: bytes) -> None:
    """Before protocol 1.6 the last property is not there."""
    settings = (await told(face, [with_length(answer[4:-25])]))[0]
    assert set(ALL) - set(settings) == {PROP_EXPIRY_POLICY}


async def test_changed_answers_are_settings_or_errors(face: Face, answer: bytes) -> None:
    whole = answer[4:]
    changed = [
        with_length(whole[:at] + bytes([byte]) + whole[at + 1 :]) for at in range(0, len(whole), 2) for byte in (0xFF, 0x7F)
    ]
    results = await told(face, changed)
    assert {type(result) for result in results} == {dict, type}
    assert {result for result in results if isinstance(result, type)} == {ParseError}
