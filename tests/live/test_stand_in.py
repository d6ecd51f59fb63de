"""The stand-in for a node against a real one: the same requests, as bytes, to both; the same answers from both."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs._core import decode, encode, entity_id, java_hash_string
from pyignite_rs.datatypes import DoubleArrayObject, MapObject
from pyignite_rs.testing import FakeCluster, FakeNode

from ..support.cluster import Cluster

NULL = b"\x65"
Answer = tuple[int, bytes]


class Raw:
    """One connection, without any code of the client."""

    def __init__(self, address: tuple[str, int], version: tuple[int, int, int] = (1, 7, 0), mask: bytes = b"\x0c\x09") -> None:
        self.sock = socket.create_connection(address, 10)
        self.version = version
        self.number = 0
        #: The version of the topology that was told last.
        self.topology: tuple[int, int] | None = None
        body = struct.pack("<b3hb", 1, *version, 2)
        if version >= (1, 7, 0):
            body += b"\x0c" + struct.pack("<i", len(mask)) + mask
        self.sock.sendall(struct.pack("<i", len(body)) + body)
        self.greeting = self.message()

    def exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def message(self) -> bytes:
        return self.exactly(struct.unpack("<i", self.exactly(4))[0])

    def __call__(self, code: int, body: bytes = b"") -> Answer:
        """Status and payload of an answer."""
        self.number += 1
        self.sock.sendall(struct.pack("<ihq", len(body) + 10, code, self.number) + body)
        message = self.message()
        assert struct.unpack_from("<q", message)[0] == self.number
        if self.version < (1, 4, 0):
            status = struct.unpack_from("<i", message, 8)[0]
            return status, b"" if status else message[12:]
        flags = struct.unpack_from("<h", message, 8)[0]
        start = 10
        if flags & 2:
            self.topology = struct.unpack_from("<qi", message, start)
            start += 12
        status = struct.unpack_from("<i", message, start)[0] if flags & 1 else 0
        # Texts of errors differ; programs go by the status.
        return status, b"" if flags & 1 else message[start:]

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def pair(address: tuple[str, int]) -> Iterator[list[Raw]]:
    """A connection to the stand-in, and one to a node."""
    with FakeNode() as node:
        both = [Raw(node.address), Raw(address)]
        yield both
        for raw in both:
            raw.close()


def same(pair: list[Raw], code: int, body: bytes = b"") -> Answer:
    """The answer that both give."""
    fake, real = (raw(code, body) for raw in pair)
    assert fake == real, f"op {code}, {body!r}"
    return real


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<bi", 9, len(data)) + data


def header(name: str, flags: int = 0) -> bytes:
    return struct.pack("<ib", java_hash_string(name), flags)


@pytest.fixture
def name(cache_name: str, pair: list[Raw]) -> Iterator[str]:
    """A cache that both have."""
    same(pair, 1051, string(cache_name))
    yield cache_name
    for raw in pair:
        raw(1056, struct.pack("<i", java_hash_string(cache_name)))


def test_handshakes_look_alike(pair: list[Raw], address: tuple[str, int]) -> None:
    fake, real = (raw.greeting for raw in pair)
    # Success, the mask of features both ways, the form of the node id.
    assert fake[:-16] == real[:-16] and len(fake) == len(real)
    for minor in range(2, 8):
        with FakeNode(newest=(1, minor, 0)) as node:
            fake, real = (Raw(each, (1, minor, 0)).greeting for each in (node.address, address))
            assert len(fake) == len(real) and fake[:1] == real[:1] == b"\x01"
    with FakeNode() as node:
        fake, real = (Raw(each, (1, 9, 0), b"").greeting for each in (node.address, address))
        # Refused, with the newest version and the status.
        assert fake[:7] == real[:7] and fake[-4:] == real[-4:]


KEYS = [1, 2, "three", 4.5, b"bytes"]


def test_every_operation_on_entries(pair: list[Raw], name: str) -> None:
    head = header(name)
    values: list[Any] = ["one", 2, None, [1.5, 2.5], ("x" * 1_000)]
    keys = [encode(key) for key in KEYS]
    hints = [None, None, None, DoubleArrayObject, None]
    written = [encode(value, hint) for value, hint in zip(values, hints, strict=True)]
    for turn in range(3):
        for key, value in zip(keys, written, strict=True):
            for code in (1000, 1011, 1021):
                same(pair, code, head + key)
            # Put, put if absent, get and put, get and replace, get and put if absent, replace.
            for code in (1002, 1008, 1009, 1006, 1001, 1005):
                same(pair, code, head + key + value)
            same(pair, 1010, head + key + value + written[turn])
            same(pair, 1010, head + key + written[turn] + value)
            same(pair, 1020, head + struct.pack("<i", 0))
        many = struct.pack("<i", len(keys)) + b"".join(keys)
        same(pair, 1012, head + many)
        assert same_entries(pair, head + many) == 4
        same(pair, 1017, head + keys[0] + written[1])
        same(pair, 1017, head + keys[0] + written[0])
        same(pair, 1007, head + keys[1])
        same(pair, 1016, head + keys[1])
        same(pair, 1014, head + keys[3])
        same(pair, 1012, head + many)
        same(pair, 1018, head + struct.pack("<i", 2) + keys[2] + keys[3])
        same(pair, 1015, head + struct.pack("<i", 2) + keys[4] + keys[0])
        same(pair, 1004, head + struct.pack("<i", 2) + keys[0] + written[0] + keys[1] + written[1])
        same(pair, 1020, head + struct.pack("<i", 1) + b"\x00")
        same(pair, 1013 if turn else 1019, head)
        assert same(pair, 1020, head + struct.pack("<i", 0)) == (0, struct.pack("<q", 0))


def same_entries(pair: list[Raw], body: bytes) -> int:
    """Ask both for many keys: the same entries, in whatever order. Returns their number."""
    found = []
    for raw in pair:
        status, payload = raw(1003, body)
        assert status == 0
        count = struct.unpack_from("<i", payload)[0]
        found.append((count, sorted(payload[4:])))
    assert found[0] == found[1]
    return int(found[0][0])


def test_what_is_refused(pair: list[Raw], name: str) -> None:
    head, nowhere = header(name), header(name + "?")
    key = encode(1)
    assert same(pair, 1000, nowhere + key)[0] == 1000
    assert same(pair, 1000, head + NULL)[0] == 1
    assert same(pair, 1001, head + key + NULL)[0] == 1
    assert same(pair, 1003, head + struct.pack("<i", 1) + NULL)[0] == 1
    assert same(pair, 1051, string(name))[0] == 1001
    assert same(pair, 1052, string(name))[0] == 0
    assert same(pair, 1056, struct.pack("<i", java_hash_string(name + "?")))[0] == 1000
    assert same(pair, 9999)[0] == 2
    assert same(pair, 0, struct.pack("<q", 77))[0] == 1011
    assert same(pair, 2001, struct.pack("<q", 77))[0] == 1011
    assert same(pair, 4001, struct.pack("<ib", 77, 1))[0] == 1021
    assert same(pair, 2000, head + NULL + struct.pack("<iib", 0, -1, 0))[0] == 1
    assert same(pair, 2000, head + NULL + struct.pack("<iib", 10, 99_999, 0))[0] == 1
    assert same(pair, 3000, struct.pack("<bi", 0, 77))[0] == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"\x01\x02\x03\x04", struct.pack("<ib", 1, 0) + b"\xee", struct.pack("<ib3q", 1, 4, -3, -2, -2) + b"\x65"],
)
def test_what_can_not_be_read_ends_the_connection(pair: list[Raw], body: bytes) -> None:
    for raw in pair:
        with pytest.raises((EOFError, ConnectionError)):
            raw(1000, body)


def test_expiry_policies(pair: list[Raw], name: str) -> None:
    once = struct.pack("<ib3q", java_hash_string(name), 4, 0, -2, -2)
    for raw in pair:
        assert raw(1001, once + encode(1) + encode("gone"))[0] == 0
        assert raw(1000, header(name) + encode(1)) == (0, NULL)
        later = struct.pack("<ib3q", java_hash_string(name), 4, 60_000, -1, -2)
        assert raw(1001, later + encode(2) + encode("here"))[0] == 0
        assert raw(1000, header(name) + encode(2)) == (0, encode("here"))


def configuration(*properties: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<h", code) + value for code, value in properties)
    return struct.pack("<ih", len(body) + 2, len(properties)) + body


def test_settings_are_told_as_a_node_tells_them(pair: list[Raw], cache_name: str) -> None:
    entity = b"".join(map(string, ["java.lang.Integer", "V", "T", "K", "W"]))
    entity += struct.pack("<i", 2)
    entity += string("K") + string("java.lang.Integer") + b"\x01\x01" + NULL + struct.pack("<ii", -1, -1)
    entity += string("W") + string("java.lang.String") + b"\x00\x00" + NULL + struct.pack("<ii", -1, -1)
    # A server makes aliases of its own; with them there is nothing to add.
    entity += struct.pack("<i", 2) + b"".join(map(string, "WWKK")) + struct.pack("<i", 0)
    chosen = [
        (2, struct.pack("<i", 0)), (3, struct.pack("<i", 1)), (1, struct.pack("<i", 2)), (5, b"\x00"), (405, b"\x00"),
        (406, b"\x01"), (400, string("g" + cache_name)), (402, struct.pack("<q", 123)), (206, struct.pack("<i", 77)),
        (101, b"\x01"), (404, struct.pack("<i", 2)), (6, b"\x00"), (303, struct.pack("<i", 1_000)), (4, struct.pack("<i", 0)),
        (205, b"\x01"), (204, struct.pack("<i", 9)), (203, string("S")), (200, struct.pack("<i", 1) + entity),
        (407, b"\x01" + struct.pack("<3q", 1_000, -1, -2)), (0, string(cache_name)),
    ]  # fmt: skip
    for code, properties in ((1053, chosen), (1054, chosen), (1053, chosen)):
        same(pair, code, configuration(*properties))
    told = [raw(1055, header(cache_name)) for raw in pair]
    assert told[0] == told[1]
    for raw in pair:
        raw(1056, struct.pack("<i", java_hash_string(cache_name)))


def test_settings_that_nobody_chose(pair: list[Raw], name: str) -> None:
    same(pair, 1055, header(name))


def scanned(raw: Raw, name: str, page: int, partition: int = -1) -> tuple[list[int], dict[int, Any]]:
    """All pages of a scan of long keys and string values: their sizes, and what they hold."""
    status, payload = raw(2000, header(name) + NULL + struct.pack("<iib", page, partition, 0))
    assert status == 0
    cursor = struct.unpack_from("<q", payload)[0]
    sizes, found, payload = [], {}, payload[8:]
    while True:
        count = struct.unpack_from("<i", payload)[0]
        sizes.append(count)
        start = 4
        for _ in range(count):
            key = decode(payload[start : start + 9])
            length = struct.unpack_from("<i", payload, start + 10)[0]
            found[key] = decode(payload[start + 9 : start + 14 + length])
            start += 14 + length
        if not payload[start]:
            break
        status, payload = raw(2001, struct.pack("<q", cursor))
        assert status == 0
    # The last page took the cursor with it.
    assert raw(2001, struct.pack("<q", cursor))[0] == raw(0, struct.pack("<q", cursor))[0] == 1011
    return sizes, found


@pytest.mark.parametrize("page", [1, 7, 50, 100, 1_000])
def test_scans_have_the_same_pages(pair: list[Raw], name: str, page: int) -> None:
    entries = {key: f"value {key}" for key in range(100)}
    body = header(name) + struct.pack("<i", 100)
    body += b"".join(encode(key) + encode(value) for key, value in entries.items())
    same(pair, 1004, body)
    fake, real = (scanned(raw, name, page) for raw in pair)
    assert fake[1] == real[1] == entries
    assert fake[0] == real[0]


def test_partitions_of_a_scan(pair: list[Raw], name: str) -> None:
    entries = {key: f"value {key}" for key in range(100)}
    body = header(name) + struct.pack("<i", 100)
    same(pair, 1004, body + b"".join(encode(key) + encode(value) for key, value in entries.items()))
    for partition in (0, 1, 42, 99, 100, 1_023):
        fake, real = (scanned(raw, name, 10, partition) for raw in pair)
        assert fake == real and set(fake[1]) <= {partition}


def test_transactions(pair: list[Raw], cache_name: str) -> None:
    same(pair, 1053, configuration((0, string(cache_name)), (2, struct.pack("<i", 0))))
    plain, key = header(cache_name), encode(1)
    begin = struct.pack("<bbq", 1, 1, 0) + NULL
    for commit in (1, 0):
        assert same(pair, 4000, begin) == (0, struct.pack("<i", 1 if commit else 2))
        number = 1 if commit else 2
        within = struct.pack("<ibi", java_hash_string(cache_name), 2, number)
        same(pair, 1001, within + key + encode("new" if commit else "newer"))
        same(pair, 1000, within + key)
        same(pair, 1016, within + encode(2))
        same(pair, 4001, struct.pack("<ib", number, commit))
        assert same(pair, 1000, plain + key) == (0, encode("new"))
        # To end one that is over already is an error for a commit alone.
        assert same(pair, 4001, struct.pack("<ib", number, 1))[0] == 1021
        assert same(pair, 4001, struct.pack("<ib", number, 0))[0] == 0
        # An id that no transaction has any more.
        same(pair, 1001, within + encode(3) + encode("alone"))
        assert same(pair, 1000, plain + encode(3)) == (0, encode("alone"))
    for raw in pair:
        raw(1056, struct.pack("<i", java_hash_string(cache_name)))


def test_atomic_caches_take_no_part_in_transactions(pair: list[Raw], name: str) -> None:
    same(pair, 4000, struct.pack("<bbq", 1, 1, 0) + NULL)
    within = struct.pack("<ibi", java_hash_string(name), 2, 1)
    assert same(pair, 1001, within + encode(1) + encode(2))[0] == 1
    same(pair, 4001, struct.pack("<ib", 1, 0))


def test_limits_of_a_connection(pair: list[Raw], name: str) -> None:
    same(pair, 1004, header(name) + struct.pack("<i", 2) + encode(1) + encode(1) + encode(2) + encode(2))
    scan = header(name) + NULL + struct.pack("<iib", 1, -1, 0)
    for raw in pair:
        assert [raw(2000, scan)[0] for _ in range(129)] == [0] * 128 + [1010]
        cursor = struct.unpack_from("<q", raw(2000, scan)[1] or bytes(8))[0]
        assert cursor == 0
        begin = struct.pack("<bbq", 0, 1, 0) + NULL
        assert [raw(4000, begin)[0] for _ in range(101)] == [0] * 100 + [1020]


def binary_type(name: str, fields: dict[str, int], affinity: str | None = None) -> bytes:
    ids = [entity_id(field) for field in fields]
    body = struct.pack("<i", entity_id(name)) + string(name) + (NULL if affinity is None else string(affinity))
    body += struct.pack("<i", len(fields))
    for (field, code), number in zip(fields.items(), ids, strict=True):
        body += string(field) + struct.pack("<ii", code, number)
    return body + b"\x00" + struct.pack("<iii", 1, hash(tuple(fields)) & 0xFFFF, len(ids)) + struct.pack(f"<{len(ids)}i", *ids)


def test_binary_types(pair: list[Raw]) -> None:
    name = f"Person{os.getpid()}"
    number = struct.pack("<i", entity_id(name))
    assert same(pair, 3002, number) == (0, b"\x00")
    same(pair, 3003, binary_type(name, {"a": 3, "b": 9}))
    assert same(pair, 3002, number)[1][0] == 1
    assert same(pair, 3003, binary_type(name, {"a": 9}))[0] == 1
    assert same(pair, 3003, binary_type(name, {"a": 3}, affinity="a"))[0] == 1
    same(pair, 3003, binary_type(name, {"a": 3, "b": 9, "c": 4}))
    fake, real = (raw(3002, number)[1] for raw in pair)
    # Nobody promises the order of schemas.
    assert sorted(fake) == sorted(real) and len(fake) == len(real)
    assert same(pair, 3000, b"\x00" + number)[0] == 1
    for code, body in (
        (3001, b"\x00" + number + string(name)),
        (3000, b"\x00" + number),
        (3001, b"\x00" + number + string("Other")),
    ):
        same(pair, code, body)


def test_the_cluster(pair: list[Raw], name: str) -> None:
    assert same(pair, 5000) == (0, b"\x01")
    same(pair, 1)
    same(pair, 2)
    same(pair, 3004)
    fake, real = (raw(5102, struct.pack("<qq", -1, -1)) for raw in pair)
    assert fake[0] == real[0] == 0
    # Version, one node: its id, its port, its addresses.
    assert fake[1][8:12] == real[1][8:12] == struct.pack("<i", 1)


def test_the_partition_map_has_the_form_of_a_nodes(pair: list[Raw], name: str) -> None:
    maps = [raw(1101, struct.pack("<ii", 1, java_hash_string(name))) for raw in pair]
    parsed = [partition_map(payload) for status, payload in maps if status == 0]
    assert len(parsed) == 2
    for raw, (version, groups) in zip(pair, parsed, strict=True):
        assert raw.topology is not None and version <= raw.topology
        mine = next(group for group in groups if java_hash_string(name) in group[0])
        assert sorted(number for numbers in mine[1].values() for number in numbers) == list(range(1024))


def partition_map(payload: bytes) -> tuple[tuple[int, int], list[tuple[list[int], dict[bytes, list[int]]]]]:
    """Version, and for each group its caches and the partitions of each node."""
    version = struct.unpack_from("<qi", payload)
    count, at = struct.unpack_from("<i", payload, 12)[0], 16
    groups = []

    def number() -> int:
        nonlocal at
        at += 4
        return int(struct.unpack_from("<i", payload, at - 4)[0])

    for _ in range(count):
        applicable, caches, nodes = payload[at], [], {}
        at += 1
        for _ in range(number()):
            caches.append(number())
            if applicable:
                for _ in range(number()):
                    number()
                    number()
        if applicable:
            for _ in range(number()):
                node = payload[at + 1 : at + 17]
                at += 17
                nodes[node] = [number() for _ in range(number())]
        groups.append((caches, nodes))
    assert at == len(payload)
    return version, groups


def test_values_of_every_kind_are_kept(pair: list[Raw], name: str) -> None:
    values = [(1, "x"), {"a": [1, None]}, {1, 2}, ["a", None], [1, "a"], 10**25]
    from decimal import Decimal

    values[-1] = Decimal("-12.50")
    for index, value in enumerate(values):
        hint = MapObject if isinstance(value, dict) else None
        written = encode((1, value), MapObject) if hint else encode(value)
        same(pair, 1001, header(name) + encode(index) + written)
        status, payload = same(pair, 1000, header(name) + encode(index))
        assert status == 0 and payload == written


def test_a_cluster_of_stand_ins_tells_its_nodes(cluster: Cluster) -> None:
    with FakeCluster(3, ["c"], partitions=30) as nodes:
        raw = Raw(nodes[0].address)
        status, payload = raw(1101, struct.pack("<ii", 1, java_hash_string("c")))
        version, groups = partition_map(payload)
        assert status == 0 and version == raw.topology
        owners = groups[0][1]
        assert [len(numbers) for numbers in owners.values()] == [10, 10, 10]
        nodes[2].stop()
        status, payload = raw(1101, struct.pack("<ii", 1, java_hash_string("c")))
        newer, groups = partition_map(payload)
        assert newer > version and newer == raw.topology
        assert [len(numbers) for numbers in groups[0][1].values()] == [15, 15]
        nodes[2].start()
        status, payload = raw(5102, struct.pack("<qq", version[0], -1))
        # Gone and back again since then.
        assert payload[8:12] == struct.pack("<i", 1)


def statement(text: str, page: int = 10, with_names: bool = True, arguments: list[bytes] | None = None) -> bytes:
    body = struct.pack("<ib", 0, 0) + NULL + struct.pack("<ii", page, 0) + string(text)
    body += struct.pack("<i", len(arguments or [])) + b"".join(arguments or [])
    return body + bytes(7) + struct.pack("<qb", 0, with_names)


@pytest.mark.parametrize("page", [1, 2, 100])
@pytest.mark.parametrize("with_names", [True, False])
def test_recorded_sql_is_told_as_a_node_tells_it(address: tuple[str, int], page: int, with_names: bool) -> None:
    text = "SELECT X, 'row ' || X AS T FROM SYSTEM_RANGE(1, 3)"
    with FakeNode() as node:
        node.sql(f"  {text.replace(' ', '   ')}", ["X", "T"], [(number, f"row {number}") for number in (1, 2, 3)])
        pair = [Raw(node.address), Raw(address)]
        payload = same(pair, 2004, statement(text, page, with_names))[1]
        cursor, more = payload[:8], payload[-1]
        while more:
            more = same(pair, 2005, cursor)[1][-1]
        assert same(pair, 2005, cursor)[0] == same(pair, 0, cursor)[0] == 1011
        assert same(pair, 2004, statement("SELECT * FROM NOWHERE"))[0] == 1
        for raw in pair:
            raw.close()
