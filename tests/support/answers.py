"""Answers that a real node gives, recorded byte by byte: makes rust/tests/answers.tsv and reads it.

`python -m tests.support.answers` (part of `make fixtures`) asks a node of its own, in every protocol version from 1.2 to 1.7, one
request of each operation and one for each kind of value. Requests are written here by hand, from the description of the protocol, so
that no encoder of ours stands between the node and the file. Some of the answers are inputs of fuzz targets too. A second run changes
ids of nodes and ports, nothing else.
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .cluster import Cluster, receive
from .fixtures import FIXTURES, ROOT
from .jars import version

ANSWERS = ROOT / "rust" / "tests" / "answers.tsv"

CORPUS = ROOT / "rust" / "fuzz" / "corpus"

#: Those that a client may speak, by their minor number.
VERSIONS = range(2, 8)

#: What stands in place of an operation where there is none.
HANDSHAKE = "HANDSHAKE"


@dataclass(frozen=True)
class Answer:
    """One line of the file: `request` without its header, `message` as it came, without its length."""

    minor: int
    operation: str
    code: int
    name: str
    request: bytes
    message: bytes

    @property
    def is_handshake(self) -> bool:
        return self.operation == HANDSHAKE

    @property
    def has_flags(self) -> bool:
        """The form of the header: with flags since 1.4, a status before."""
        return self.minor >= 4


@cache
def recorded() -> tuple[Answer, ...]:
    """All answers of the file."""
    lines = [line.split("\t") for line in ANSWERS.read_text().splitlines() if not line.startswith("#")]
    return tuple(
        Answer(int(minor), operation, int(code), name, bytes.fromhex(request), bytes.fromhex(message))
        for minor, operation, code, name, request, message in lines
    )


# --- what requests consist of ----------------------------------------------------------------------------------------------------


def java_hash(text: str) -> int:
    """Java's String.hashCode of a text within the BMP."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def text(value: str | None) -> bytes:
    """A string, or null."""
    if value is None:
        return b"\x65"
    data = value.encode()
    return b"\x09" + struct.pack("<i", len(data)) + data


def integer(value: int) -> bytes:
    """An int as a value."""
    return b"\x03" + struct.pack("<i", value)


def of_cache(name: str) -> bytes:
    """What requests about a cache start with."""
    return struct.pack("<ib", java_hash(name), 0)


def many(*items: bytes) -> bytes:
    return struct.pack("<i", len(items)) + b"".join(items)


def statement(sql: str, *, page: int = 1024, names: bool = True, schema: str = "PUBLIC") -> bytes:
    """A statement of SQL without arguments."""
    start = struct.pack("<ib", 0, 0) + text(schema) + struct.pack("<ii", page, -1) + text(sql) + struct.pack("<i", 0)
    return start + struct.pack("<7bqb", 0, 0, 0, 0, 0, 0, 0, 0, names)


PERSON = "Person"
#: Person { id = 1, name = "Bob" }, compact footer; the type must be known to read it.
_PERSON = bytes.fromhex("67012b00559be3c4b0cdb6fa27000000f3f1dc392500000003010000000903000000426f62181d")
_PERSON_TYPE = (
    _PERSON[4:8]
    + text(PERSON)
    + text(None)
    + many(text("id") + struct.pack("<ii", 3, java_hash("id")), text("name") + struct.pack("<ii", 9, java_hash("name")))
    + b"\x00"
    + many(_PERSON[16:20] + many(struct.pack("<i", java_hash("id")), struct.pack("<i", java_hash("name"))))
)
_COLOR = java_hash("color")
_COLOR_TYPE = (
    struct.pack("<i", _COLOR)
    + text("Color")
    + text(None)
    + many()
    + b"\x01"
    + many(text("RED") + struct.pack("<i", 0), text("GREEN") + struct.pack("<i", 1))
    + many()
)

#: More than one page of these.
_ROWS = 7
_PAGE = 3
_TABLE = (
    "CREATE TABLE IF NOT EXISTS recorded (id INT PRIMARY KEY, name VARCHAR, amount DECIMAL, born TIMESTAMP, day DATE, hour TIME, ratio "
    'DOUBLE, big BIGINT, small SMALLINT, tiny TINYINT, flag BOOLEAN, code UUID, raw VARBINARY) WITH "cache_name=rows,value_type=ROW"'
)
_INSERT = (
    "MERGE INTO recorded (id, name, amount, born, day, hour, ratio, big, small, tiny, flag, code, raw) VALUES ({0}, 'name {0}', {0}.25, "
    "'2020-01-02 03:04:05.{0}', '1999-12-0{0}', '01:02:0{0}', {0}.5, {0}, {0}, {0}, TRUE, '00000000-0000-0000-0000-00000000000{0}', "
    "x'0{0}')"
)

#: Caches whose partitions are asked for. Those whose names start with `ten-` have ten.
_MAPS = [
    ("ten partitions", "ten-{}"),
    ("a field that places keys", "ten-keyed-{}"),
    ("a copy on each node", "ten-everywhere-{}"),
    ("three caches", "ten-{}", "ten-everywhere-{}", "ten-keyed-{}"),
    ("1,024 partitions", "recorded-{}"),
    ("no such cache", "nowhere"),
]


def _values() -> list[tuple[str, bytes]]:
    """A value of each file of fixtures that a client sends: the second of the file, which is rarely the empty one."""
    chosen = []
    for path in sorted(FIXTURES.glob("*.hex")):
        lines = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
        sent = [columns for columns in lines if columns[1] in ("client", "both")]
        if path.stem not in ("handle", "java", "complex", "object", "null"):
            chosen.append((path.stem, bytes.fromhex(sent[min(1, len(sent) - 1)][3])))
    return chosen


# --- the recording ---------------------------------------------------------------------------------------------------------------


class Recorder:
    """One connection in one version of the protocol."""

    def __init__(self, address: tuple[str, int], minor: int) -> None:
        self.minor = minor
        self.answers: list[Answer] = []
        self._sent = 0
        self._socket = socket.create_connection(address, timeout=30)
        request = struct.pack("<bhhhb", 1, 1, minor, 0, 2)
        if minor >= 7:
            # Cluster states and where nodes listen.
            request += b"\x0c" + struct.pack("<i", 1) + b"\x0c"
        self._socket.sendall(struct.pack("<i", len(request)) + request)
        self.greeting = Answer(minor, HANDSHAKE, 0, f"1.{minor}", request, receive(self._socket))
        self.answers.append(self.greeting)

    def ask(self, operation: str, code: int, request: bytes, name: str = "", *, keep: bool = True) -> bytes:
        """The payload of the answer, which is kept under a name; empty for a refusal."""
        self._sent += 1
        body = struct.pack("<hq", code, self._sent) + request
        self._socket.sendall(struct.pack("<i", len(body)) + body)
        message = receive(self._socket)
        if keep:
            self.answers.append(Answer(self.minor, operation, code, name or "plain", request, message))
        if self.minor < 4:
            return b"" if struct.unpack_from("<i", message, 8)[0] else message[12:]
        flags = struct.unpack_from("<h", message, 8)[0]
        return b"" if flags & 1 else message[10 + (12 if flags & 2 else 0) :]

    def close(self) -> None:
        self._socket.close()


def _record(recorder: Recorder) -> None:
    ask, minor = recorder.ask, recorder.minor
    name = f"recorded-{minor}"
    here = of_cache(name)
    one, two = integer(1), integer(2)

    # The first answer since 1.4 tells of the topology.
    ask("OP_CACHE_CREATE_WITH_NAME", 1051, text(name))
    ask("OP_CACHE_CREATE_WITH_NAME", 1051, text(name), "it is there already")
    ask("OP_CACHE_GET_OR_CREATE_WITH_NAME", 1052, text(name))
    settings = struct.pack("<hh", 2, 0) + text(f"{name}-b") + struct.pack("<hi", 2, 0)
    ask("OP_CACHE_CREATE_WITH_CONFIGURATION", 1053, struct.pack("<i", len(settings)) + settings)
    ask("OP_CACHE_GET_OR_CREATE_WITH_CONFIGURATION", 1054, struct.pack("<i", len(settings)) + settings)
    ask("OP_CACHE_GET_CONFIGURATION", 1055, of_cache(f"{name}-b"))
    ask("OP_CACHE_CREATE_WITH_NAME", 1051, text(f"ten-{minor}"), keep=False)
    for cache_name, rest in (
        (f"ten-everywhere-{minor}", struct.pack("<hi", 1, 1)),
        (f"ten-keyed-{minor}", struct.pack("<h", 401) + many(text("Key") + text("city"))),
    ):
        settings = struct.pack("<hh", 2, 0) + text(cache_name) + rest
        ask("OP_CACHE_CREATE_WITH_CONFIGURATION", 1053, struct.pack("<i", len(settings)) + settings, keep=False)
    ask("OP_CACHE_DESTROY", 1056, struct.pack("<i", java_hash(f"{name}-c")), "there is none")
    ask("OP_CACHE_CREATE_WITH_NAME", 1051, text(f"{name}-c"), keep=False)
    ask("OP_CACHE_DESTROY", 1056, struct.pack("<i", java_hash(f"{name}-c")))
    ask("OP_CACHE_GET_NAMES", 1050, b"")

    ask("OP_CACHE_GET", 1000, here + one, "nothing")
    ask("OP_CACHE_GET", 1000, of_cache("nowhere") + one, "no such cache")
    ask("OP_CACHE_PUT", 1001, here + one + text("one"))
    ask("OP_CACHE_GET", 1000, here + one, "a string")
    ask("OP_CACHE_PUT_IF_ABSENT", 1002, here + one + two)
    ask("OP_CACHE_PUT_ALL", 1004, here + many(one + text("one"), two + text("two"), integer(3) + integer(3)))
    ask("OP_CACHE_GET_ALL", 1003, here + many(one, two, integer(3), integer(4)))
    ask("OP_CACHE_GET_AND_PUT", 1005, here + two + text("two again"))
    ask("OP_CACHE_GET_AND_REPLACE", 1006, here + two + text("two"))
    ask("OP_CACHE_GET_AND_REMOVE", 1007, here + integer(3))
    ask("OP_CACHE_GET_AND_PUT_IF_ABSENT", 1008, here + integer(3) + integer(3))
    ask("OP_CACHE_REPLACE", 1009, here + one + text("one"))
    ask("OP_CACHE_REPLACE_IF_EQUALS", 1010, here + one + text("one") + text("ONE"))
    ask("OP_CACHE_CONTAINS_KEY", 1011, here + one)
    ask("OP_CACHE_CONTAINS_KEYS", 1012, here + many(one, integer(77)))
    ask("OP_CACHE_GET_SIZE", 1020, here + many())
    ask("OP_CACHE_CLEAR_KEY", 1014, here + integer(3))
    ask("OP_CACHE_CLEAR_KEYS", 1015, here + many(integer(3), integer(4)))
    ask("OP_CACHE_REMOVE_KEY", 1016, here + two)
    ask("OP_CACHE_REMOVE_IF_EQUALS", 1017, here + one + two)
    ask("OP_CACHE_REMOVE_KEYS", 1018, here + many(one, two))
    ask("OP_CACHE_CLEAR", 1013, here)
    ask("OP_CACHE_REMOVE_ALL", 1019, here)

    ask("OP_REGISTER_BINARY_TYPE_NAME", 3001, b"\x00" + struct.pack("<i", 7) + text("Seven"))
    ask("OP_GET_BINARY_TYPE_NAME", 3000, b"\x00" + struct.pack("<i", 7))
    ask("OP_GET_BINARY_TYPE_NAME", 3000, b"\x00" + struct.pack("<i", 8), "unknown")
    ask("OP_PUT_BINARY_TYPE", 3003, _PERSON_TYPE)
    ask("OP_PUT_BINARY_TYPE", 3003, _COLOR_TYPE, "an enum")
    ask("OP_GET_BINARY_TYPE", 3002, _PERSON[4:8])
    ask("OP_GET_BINARY_TYPE", 3002, struct.pack("<i", _COLOR), "an enum")
    ask("OP_GET_BINARY_TYPE", 3002, struct.pack("<i", 9), "unknown")
    ask("OP_BINARY_CONFIGURATION_GET", 3004, b"")

    # Under their keys for good: scans and maps of partitions have something to tell.
    for number, (kind, value) in enumerate([*_values(), ("complex", _PERSON)], 100):
        key = here + integer(number)
        ask("OP_CACHE_PUT", 1001, key + value, keep=False)
        if minor in (2, 7):
            ask("OP_CACHE_GET", 1000, key, kind)
    everything = here + b"\x65" + struct.pack("<iib", 12, -1, 0)
    cursor = ask("OP_QUERY_SCAN", 2000, everything)[:8]
    ask("OP_QUERY_SCAN_CURSOR_GET_PAGE", 2001, cursor)
    ask("OP_RESOURCE_CLOSE", 0, cursor)
    ask("OP_RESOURCE_CLOSE", 0, cursor, "closed already")
    ask("OP_QUERY_SCAN", 2000, here + b"\x65" + struct.pack("<iib", 0, -1, 0), "no page of that size")

    ask("OP_QUERY_SQL_FIELDS", 2004, statement(_TABLE), "a table")
    for row in range(1, _ROWS + 1):
        ask("OP_QUERY_SQL_FIELDS", 2004, statement(_INSERT.format(row)), "an update", keep=row == 1)
    ask("OP_CACHE_GET_CONFIGURATION", 1055, of_cache("rows"), "with a query entity")
    ask("OP_GET_BINARY_TYPE", 3002, struct.pack("<i", java_hash("row")), "of a table")
    query = "SELECT * FROM recorded ORDER BY id"
    cursor = ask("OP_QUERY_SQL_FIELDS", 2004, statement(query, page=_PAGE), "names and rows")[:8]
    ask("OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE", 2005, cursor, "not the last")
    ask("OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE", 2005, cursor, "the last")
    ask("OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE", 2005, cursor, "past the last")
    ask("OP_QUERY_SQL_FIELDS", 2004, statement(query, names=False), "rows")
    ask("OP_QUERY_SQL_FIELDS", 2004, statement("SELECT id FROM recorded WHERE id < 0"), "no rows")
    ask("OP_QUERY_SQL_FIELDS", 2004, statement("SELECT wrong FROM recorded"), "refused")
    typed = of_cache("rows") + text("ROW") + text("id > 0") + many() + struct.pack("<bbbiq", 0, 0, 0, _PAGE, 0)
    cursor = ask("OP_QUERY_SQL", 2002, typed)[:8]
    ask("OP_QUERY_SQL_CURSOR_GET_PAGE", 2003, cursor)
    ask("OP_RESOURCE_CLOSE", 0, cursor, keep=False)

    if minor >= 4:
        for what, *names in _MAPS if minor == 7 else _MAPS[:1]:
            caches = [struct.pack("<i", java_hash(each.format(minor))) for each in names]
            ask("OP_CACHE_PARTITIONS", 1101, many(*caches), what)
    if minor >= 5:
        label = text("recorded")
        transaction = ask("OP_TX_START", 4000, struct.pack("<bbq", 1, 1, 0) + label)[:4]
        ask("OP_TX_END", 4001, transaction + b"\x01")
        ask("OP_TX_END", 4001, transaction + b"\x01", "ended already")
    if minor >= 7:
        ask("OP_HEARTBEAT", 1, b"")
        ask("OP_GET_IDLE_TIMEOUT", 2, b"")
        ask("OP_CLUSTER_GET_STATE", 5000, b"")
        ask("OP_CLUSTER_CHANGE_STATE", 5001, b"\x01")
        ask("OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS", 5102, struct.pack("<qq", -1, -1))


def record() -> list[Answer]:
    """Ask a node in all versions."""
    answers = []
    with Cluster(1, placement={"ten-": 10}) as cluster:
        for minor in VERSIONS:
            recorder = Recorder(cluster.addresses[0], minor)
            try:
                _record(recorder)
            finally:
                recorder.close()
            answers += recorder.answers
        refused = Recorder(cluster.addresses[0], 99)
        refused.close()
        answers += refused.answers
    return answers


def _inputs(answers: list[Answer]) -> dict[str, bytes]:
    """Inputs for two of the fuzz targets, by directory and name; `rust/fuzz/src/targets.rs` says what the first bytes choose."""
    inputs = {}
    for answer in answers:
        payload = answer.message[10 + (12 if answer.message[8:9] == b"\x02" else 0) :]
        name = answer.name.replace(" ", "_").replace(",", "")
        if answer.minor != 7 or answer.message[8:9] not in (b"\x00", b"\x02"):
            continue
        if answer.operation == "OP_CACHE_PARTITIONS" and len(payload) < 1000:
            inputs[f"partition_map/recorded-{name}"] = b"\x00" + payload
        elif answer.operation == "OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS":
            inputs[f"partition_map/recorded-endpoints-{name}"] = b"\x03" + payload
        elif answer.operation == "OP_QUERY_SQL_FIELDS":
            inputs[f"sql_page/recorded-{name}"] = (b"\x01" if name == "rows" else b"\x00") + payload
        elif answer.operation == "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE":
            inputs[f"sql_page/recorded-{name}"] = b"\x02\x0d" + payload
        elif answer.operation in ("OP_QUERY_SCAN_CURSOR_GET_PAGE", "OP_QUERY_SQL_CURSOR_GET_PAGE"):
            inputs[f"sql_page/recorded-{answer.operation.lower()}"] = b"\x03" + payload
        elif answer.operation in ("OP_QUERY_SCAN", "OP_QUERY_SQL"):
            inputs[f"sql_page/recorded-{answer.operation.lower()}"] = b"\x03" + payload[8:]
    return inputs


def main() -> None:
    """Write the file and say what is in it."""
    answers = record()
    head = [
        f"# Apache Ignite {version()}, Java 17",
        "# Recorded by `make fixtures` (tests/support/answers.py): what a node answered, byte by byte.",
        "# Minor number of the protocol's version, operation, its code, what the answer is, the request without its header, the answer"
        " without its length.",
    ]
    lines = [f"{one.minor}\t{one.operation}\t{one.code}\t{one.name}\t{one.request.hex()}\t{one.message.hex()}" for one in answers]
    ANSWERS.write_text("\n".join([*head, *lines]) + "\n")
    for name, data in _inputs(answers).items():
        path = CORPUS / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    print(f"{len(answers):5} {Path(ANSWERS).relative_to(ROOT)}, by Ignite {version()}", file=sys.stderr)


if __name__ == "__main__":
    main()
