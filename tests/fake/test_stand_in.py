"""The stand-in as a product: what its users' tests rely on. That it answers as a node does is shown in tests/live."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs import Client, GenericObjectMeta, exceptions
from pyignite_rs.datatypes import IntObject, ShortObject, String
from pyignite_rs.testing import (
    Action,
    FakeCluster,
    FakeNode,
    GateProxy,
    black_hole,
    cut,
    deaf,
    dribble,
    first,
    garble,
    half_close,
    hold,
    instead,
    keep,
    refusal,
    repeat,
    silence,
    stray_first,
    swap,
    then,
    throttle,
    topology,
    with_payload,
    with_value,
    wrong_id,
)

from ..conftest import Face


@pytest.fixture(params=["node", "gate"])
def places(request: pytest.FixtureRequest) -> Iterator[tuple[Any, FakeNode]]:
    """Where clients connect and where rules are made, and the node: the same one, or behind a gate."""
    with FakeNode({"c": {1: "one"}}) as node:
        if request.param == "node":
            yield node, node
        else:
            with GateProxy(*node.address) as gate:
                yield gate, node


def test_it_has_what_it_is_given() -> None:
    with FakeNode({"people": {1: "Ann", "two": (2, ShortObject)}, "empty": {}}) as node, Client() as client:
        client.connect(*node.address)
        assert sorted(client.get_cache_names()) == sorted(node.cache_names) == ["empty", "people"]
        assert client.get_cache("people").get_all([1, "two", 3]) == {1: "Ann", "two": 2}
        client.get_cache("people").put(4, "Dan")
        assert node.entries("people") == {1: "Ann", "two": 2, 4: "Dan"}
        assert node.entries("empty") == {}
        node.put("empty", (1, IntObject), 5)
        assert client.get_cache("empty").get((1, IntObject)) == 5
        with pytest.raises(KeyError, match="nowhere"):
            node.entries("nowhere")
        with pytest.raises(KeyError, match="nowhere"):
            node.put("nowhere", 1, 1)
        with pytest.raises(exceptions.CacheError, match="does not exist") as caught:
            client.get_cache("nowhere").get(1)
        assert caught.value.code == 1000


class Person(metaclass=GenericObjectMeta, schema={"name": String, "age": IntObject}):
    """What a test puts into a node."""


async def test_complex_objects_go_in_and_come_out(face: Face) -> None:
    people = {1: Person("Ann", 41), 2: Person("Bob", 52)}
    with FakeNode({"people": people, "plain": {1: "g"}}) as node:
        assert node.accepted == 0 and node.requests == {}
        node.register_binary_type(Person)
        client = await face.connected(*node.address)
        await face(client.register_binary_type(Person))
        cache = await face(client.get_cache("people"))
        assert await face(cache.get_all([1, 2, 3])) == people
        await face(cache.put(3, Person("Cid", 7)))
        assert node.entries("people") == people | {3: Person("Cid", 7)}
        node.put("plain", 2, [Person("Dan", 1)])
        assert await face((await face(client.get_cache("plain"))).get(2)) == (1, [Person("Dan", 1)])
        node.sql("SELECT _VAL FROM people", ["_VAL"], [[people[1]]])
        if not face.is_async:
            assert [row[0] for row in client.sql("SELECT _VAL FROM people")] == [people[1]]
        assert node.accepted == 1
        await face(client.close())


async def test_it_serves_coroutines() -> None:
    async with FakeNode(["c"]) as node:
        client = await Face("async").connected(*node.address)
        cache = await client.get_cache("c")
        await asyncio.gather(*(cache.put(key, key * key) for key in range(100)))
        assert node.entries("c") == {key: key * key for key in range(100)}
        assert node.requests["put"] == 100 and node.open == 1
        await client.close()
    with pytest.raises(OSError):
        socket.create_connection(node.address, 1)


def test_any_cache_is_there_when_it_is_asked_for() -> None:
    with FakeNode(any_cache=True) as node, Client() as client:
        client.connect(*node.address)
        client.get_cache("c").put(1, "one")
        assert node.entries("c") == {1: "one"} and node.cache_names == []
        assert client.create_cache("c").get(1) == "one"
        assert node.cache_names == ["c"]


def test_users_are_asked_for_their_passwords() -> None:
    with FakeNode(["c"], users={"ann": "gehe\u00efm"}) as node:
        with Client(username="ann", password="gehe\u00efm") as client:
            client.connect(*node.address)
            assert client.get_cache("c").get(1) is None
        for wrong in ({}, {"username": "ann", "password": "other"}, {"username": "bob", "password": "gehe\u00efm"}):
            with pytest.raises(exceptions.AuthenticationError):
                Client(**wrong).connect(*node.address)


async def test_counters_count_what_came_in(face: Face, places: tuple[Any, FakeNode]) -> None:
    entry, _ = places
    client = await face.connected(*entry.address)
    cache = await face(client.get_cache("c"))
    for _ in range(3):
        await face(cache.get(1))
    await face(cache.put_all({2: 2, 3: 3}))
    requests = entry.requests
    # Besides these the client asks once where keys live, and where nodes listen.
    assert (requests.pop("get"), requests.pop("put_all")) == (3, 1)
    assert set(requests) <= {"partitions", "cluster_group_get_node_endpoints"} and set(requests.values()) <= {1}
    assert entry.requests_by_connection == [4 + len(requests)] and entry.accepted == entry.open == 1
    entry.reset_counters()
    assert entry.requests == {} and entry.accepted == 1
    await face(client.close())


#: What a get of 1 gives under each action: a value, an exception, or nothing within the time limit.
GIVES: list[tuple[Action, Any]] = [
    (cut(0), "one"),
    (cut(5, reset=True), "one"),
    (half_close(7), "one"),
    (hold(0.05), "one"),
    (silence(), exceptions.OperationTimeoutError),
    (dribble(0.001), "one"),
    (throttle(400), "one"),
    (instead(b"\xff" * 8), exceptions.ParseError),
    (first(struct.pack("<iqhh", 12, 9, 4, 2007)), "one"),
    (then(struct.pack("<iqhh", 12, 9, 4, 2007)), "one"),
    (with_payload(b"\x65"), None),
    (with_value("other"), "other"),
    (refusal(1, "disk full"), exceptions.CacheError),
    (stray_first(1, -1), "one"),
    (wrong_id(), exceptions.OperationTimeoutError),
    (garble(14), exceptions.ParseError),
    (repeat(), "one"),
    (topology(99, 1), "one"),
    (keep(), exceptions.OperationTimeoutError),
    (swap(), exceptions.OperationTimeoutError),
    (deaf(), exceptions.OperationTimeoutError),
    (black_hole(), exceptions.OperationTimeoutError),
]


@pytest.mark.parametrize(("action", "gives"), GIVES, ids=lambda value: value.kind if isinstance(value, Action) else "")
async def test_each_action_on_an_answer(face: Face, places: tuple[Any, FakeNode], action: Action, gives: Any) -> None:
    entry, node = places
    client = await face.connected(*entry.address)
    cache = await face(client.get_cache("c"))
    assert await face(cache.get(1)) == "one"
    entry.rule("get", action)
    if isinstance(gives, type):
        with pytest.raises(gives) as caught:
            await face(cache.get(1, timeout=0.15))
        assert action.kind != "refusal" or ("disk full" in str(caught.value) and caught.value.code == 1)
    else:
        assert await face(cache.get(1, timeout=1)) == gives
    # A read is sent again when its connection is lost.
    again = action.kind in ("cut", "half_close")
    assert node.requests["get"] == (3 if again else 2)
    entry.forget_rules()
    entry.kick()
    # A write on a connection that broke this moment would be of unknown outcome; a read is not.
    assert await face(cache.get(1, timeout=2)) == "one"
    await face(cache.put(1, "new", timeout=2))
    assert await face(cache.get(1)) == "new"
    await face(client.close())


async def test_actions_on_requests(face: Face, places: tuple[Any, FakeNode]) -> None:
    entry, node = places
    client = await face.connected(*entry.address, timeout=0.2)
    cache = await face(client.get_cache("c"))
    await face(cache.get(1))
    entry.rule("put", silence(), on="request")
    with pytest.raises(exceptions.OperationTimeoutError):
        await face(cache.put(1, "lost"))
    entry.rule("put", hold(0.1), on="request")
    await face(cache.put(2, "late"))
    entry.rule("put", cut(0), on="request")
    with pytest.raises(exceptions.ConnectionLostError) as caught:
        await face(cache.put(3, "lost"))
    assert caught.value.sent == "maybe"
    entry.rule("put", repeat(), on="request")
    await face(cache.put(4, "twice"))
    assert node.entries("c") == {1: "one", 2: "late", 4: "twice"}
    await face(client.close())


def test_rules_count(places: tuple[Any, FakeNode]) -> None:
    entry, _ = places
    with Client() as client:
        client.connect(*entry.address)
        cache = client.get_cache("c")
        entry.rule("get", with_value("n-th"), skip=2, times=2)
        entry.rule("OP_CACHE_GET", with_value("last"), skip=4)
        assert [cache.get(1) for _ in range(8)] == ["one", "one", "n-th", "n-th", "one", "one", "last", "one"]
        entry.rule(None, refusal(1, "no"), times=2)
        for call in (lambda: cache.get(1), lambda: cache.get_size()):
            with pytest.raises(exceptions.CacheError):
                call()
        assert cache.get_size() == 1
        entry.rule("get", refusal(1, "no"), times=9)
        entry.forget_rules()
        assert cache.get(1) == "one"


def test_what_is_refused_is_not_carried_out(places: tuple[Any, FakeNode]) -> None:
    entry, node = places
    with Client() as client:
        client.connect(*entry.address)
        cache = client.get_cache("c")
        cache.get(1)
        entry.rule("put", refusal(1, "disk full"), on="answer" if entry is node else "request")
        with pytest.raises(exceptions.CacheError, match="disk full"):
            cache.put(1, "new")
        assert cache.get(1) == "one" and entry.requests["put"] == 1


def test_wrong_rules_are_refused() -> None:
    with FakeNode() as node:
        with pytest.raises(ValueError, match="no operation 'fetch'"):
            node.rule("fetch", silence())
        with pytest.raises(ValueError, match="'answer' or on 'request'"):
            node.rule("get", silence(), on="way")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no action 'explode'"):
            node.rule("get", Action("explode", ()))
        with pytest.raises(ValueError, match="pause"):
            node.rule("get", hold(-1))


async def test_kept_answers_come_when_they_are_released(places: tuple[Any, FakeNode]) -> None:
    entry, _ = places
    client = await Face("async").connected(*entry.address)
    cache = await client.get_cache("c")
    entry.rule("get", keep(), times=3)
    calls = [asyncio.ensure_future(cache.get(1)) for _ in range(3)]
    assert await cache.get_size() == 1
    await asyncio.sleep(0.05)
    assert not any(call.done() for call in calls)
    entry.release()
    assert await asyncio.gather(*calls) == ["one"] * 3
    await client.close()


@pytest.mark.parametrize(
    "action", [cut(0), cut(0, reset=True), cut(3), instead(b"SSH-2.0-x\r\n"), garble(4), refusal(2000, "no")]
)
def test_handshakes_and_connects_have_rules_too(places: tuple[Any, FakeNode], action: Action) -> None:
    entry, node = places
    if action.kind == "refusal" and entry is not node:
        # The gate carries handshakes of the node, and makes none.
        return
    for operation in ("handshake", "connect"):
        if operation == "connect" and action.kind in ("garble", "refusal"):
            continue
        entry.rule(operation, action)
        expected = exceptions.AuthenticationError if action.kind == "refusal" else exceptions.NoNodesError
        with pytest.raises(expected):
            Client(handshake_timeout=0.5).connect(*entry.address)
        with Client() as client:
            client.connect(*entry.address)
            assert client.get_cache("c").get(1) == "one"


def test_a_port_that_hangs_and_comes_back(places: tuple[Any, FakeNode]) -> None:
    entry, _ = places
    entry.hang()
    begin = time.monotonic()
    with pytest.raises(exceptions.ConnectTimeoutError):
        Client(handshake_timeout=0.3).connect(*entry.address)
    assert 0.25 < time.monotonic() - begin < 0.6
    entry.start()
    with Client() as client:
        client.connect(*entry.address)
        assert client.get_cache("c").get(1) == "one"


def test_a_node_stops_and_starts_on_its_port(places: tuple[Any, FakeNode]) -> None:
    entry, node = places
    with Client() as client:
        client.connect(*entry.address)
        port = entry.port
        entry.stop()
        with pytest.raises(exceptions.NoNodesError):
            Client().connect(*entry.address)
        entry.start()
        assert entry.port == port
        assert client.get_cache("c").get(1) == "one"
        assert node.entries("c") == {1: "one"}


def test_a_cluster_shares_its_caches() -> None:
    with FakeCluster(3, {"c": {1: "one"}}, partitions=12) as cluster:
        assert len({node.node_id for node in cluster}) == len(cluster) == 3
        for node in cluster:
            with Client() as client:
                client.connect(*node.address)
                cache = client.get_cache("c")
                assert cache.get(1) == "one"
                cache.put(node.port, "seen")
        assert len(cluster[0].entries("c")) == 4
        owners = [cluster.primary(key) for key in range(100)]
        assert all(owners.count(node) > 10 for node in cluster)
        version = cluster[0].topology
        cluster[1].stop()
        assert cluster[0].topology > version
        assert cluster[1] not in {cluster.primary(key) for key in range(100)}
        late = cluster.add()
        assert late in {cluster.primary(key) for key in range(100)} and late.entries("c")[1] == "one"


def test_a_cluster_without_nodes_says_so() -> None:
    with FakeCluster(2, ["c"]) as cluster:
        for node in cluster:
            node.stop()
        with pytest.raises(LookupError, match="none of the 2 runs"):
            cluster.primary(1)


def test_recorded_statements() -> None:
    text = "SELECT name FROM people WHERE age > ?"
    with FakeNode() as node, Client() as client:
        client.connect(*node.address)

        def answer(*arguments: Any) -> list[Any]:
            return list(client.sql(text, query_args=arguments))

        node.sql(text, ["NAME"], [["Ann"], ["Bob"]])
        assert answer(40) == answer(50) == [["Ann"], ["Bob"]]
        node.sql(text, ["NAME"], [["Bob"]], arguments=[50])
        assert (answer(40), answer(50)) == ([["Ann"], ["Bob"]], [["Bob"]])
        node.sql(text, error="42000: no such table")
        with pytest.raises(exceptions.SQLError, match="no such table"):
            answer(50)
        node.sql("DELETE FROM people", updated=2)
        assert list(client.sql("DELETE FROM people")) == [[2]]
        node.forget_sql()
        with pytest.raises(exceptions.SQLError, match="no answer recorded"):
            answer(40)


def test_the_gate_has_a_node_behind_it_or_not() -> None:
    with FakeNode(["c"]) as node, GateProxy(*node.address) as gate:
        node.stop()
        with pytest.raises(exceptions.NoNodesError):
            Client().connect(*gate.address)
        node.start()
        with Client() as client:
            client.connect(*gate.address)
            client.get_cache("c").put(1, "one")
        assert node.entries("c") == {1: "one"}


def test_what_is_shown() -> None:
    with FakeNode() as node:
        assert repr(node) == f"<FakeNode 127.0.0.1:{node.port}>"
        assert repr(cut(3, reset=True)) == "cut(3, True)"
