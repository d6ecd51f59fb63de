"""The examples, each run by itself as a user would, with what they print."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..support.cluster import Cluster

pytestmark = pytest.mark.live

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def printed(name: str, address: tuple[str, int], *, by_environment: bool = False) -> str:
    """What an example prints when it is run against this node."""
    host, port = address
    arguments = [] if by_environment else [host, str(port)]
    environment = {**os.environ, **({"IGNITE_HOST": host, "IGNITE_PORT": str(port)} if by_environment else {})}
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


@pytest.mark.parametrize("by_environment", [False, True], ids=["arguments", "environment"])
def test_expiry_policy(address: tuple[str, int], by_environment: bool) -> None:
    assert printed("expiry_policy.py", address, by_environment=by_environment) == (
        "A second for each new entry of a cache.\n"
        "  after 0.3 s: logged in\n"
        "  after 1.5 s: None\n"
        "A second from the last access, for what is done through one cache object.\n"
        "  read every 0.4 s, after 1.6 s: <html>\n"
        "  not read for 1.5 s: None\n"
        "  put without a policy: <html>\n"
        "The same with AioClient.\n"
        "  after 0.3 s: logged in\n"
        "  after 1.5 s: None\n"
        "  0.3 s after it was read: <html>\n"
        "  1.5 s after it was read: None\n"
    )


def test_scans(address: tuple[str, int]) -> None:
    assert printed("scans.py", address) == (
        "Entry by entry, in the order in which the servers have them:\n"
        "  20 entries, key_7 is 7\n"
        "As a dictionary, 5 entries a page:\n"
        "  the sum of all values is 190\n"
        "Only the first three; the rest never leaves the server:\n"
        "  3 entries\n"
    )


def test_transactions(address: tuple[str, int]) -> None:
    assert printed("transactions.py", address) == (
        "A transfer that is committed:\n"
        "  ada 70, bob 30\n"
        "A transfer that fails half-way:\n"
        "  no connection to the bank\n"
        "  ada 70, bob 30\n"
        "A transfer that takes longer than it may:\n"
        "  Cache transaction timed out\n"
        "  ada 70, bob 30\n"
        "Ten transfers by ten tasks at once:\n"
        "  ada 55, bob 45\n"
    )


SQL = (
    "The largest cities:\n"
    "  ['Mumbai (Bombay)', 10500000]\n"
    "  ['Shanghai', 9696300]\n"
    "  ['New York', 8008278]\n"
    "  ['Peking', 7472000]\n"
    "  ['Delhi', 7206704]\n"
    "The largest city of each country, with the names of the columns first:\n"
    "  COUNTRY_NAME | CITY_NAME | MAX_POP\n"
    "  India | Mumbai (Bombay) | 10500000\n"
    "  China | Shanghai | 9696300\n"
    "  United States | New York | 8008278\n"
    "All that is known about one city:\n"
    "  ID: 3802\n"
    "  NAME: Detroit\n"
    "  COUNTRYCODE: USA\n"
    "  DISTRICT: Michigan\n"
    "  POPULATION: 951270\n"
)


def test_sql(address: tuple[str, int]) -> None:
    assert printed("sql.py", address) == SQL + "Rows that an update changed: 3\n"


def test_async_sql(address: tuple[str, int]) -> None:
    assert printed("async_sql.py", address) == SQL


def test_binary_basics(address: tuple[str, int]) -> None:
    assert printed("binary_basics.py", address) == (
        "What was written is read with its own class:\n"
        "  Person(first_name='Ada', last_name='Lovelace', age=36, version=1), Ada Lovelace, True\n"
        "A client that never saw the class makes one of what the cluster knows:\n"
        "  OrgExampleBasicPerson(first_name='Ada', last_name='Lovelace', age=36, version=1)\n"
        "  class OrgExampleBasicPerson for type org.example.BasicPerson\n"
        "Such a class writes, too:\n"
        "  Alan Turing\n"
        "A registered class reads from then on:\n"
        "  True\n"
    )


def test_read_binary(address: tuple[str, int]) -> None:
    assert printed("read_binary.py", address) == (
        "Each table has a cache:\n"
        "  SQL_PUBLIC_CITY\n"
        "  SQL_PUBLIC_COUNTRY\n"
        "  SQL_PUBLIC_COUNTRYLANGUAGE\n"
        "The settings of SQL_PUBLIC_CITY name its types and fields:\n"
        "  ID: java.lang.Integer (key)\n"
        "  NAME: java.lang.String\n"
        "  COUNTRYCODE: java.lang.String (key)\n"
        "  DISTRICT: java.lang.String\n"
        "  POPULATION: java.lang.Integer\n"
        "An entry is a pair of objects of these types:\n"
        "  COUNTRYCODE='IND', ID=1024\n"
        "  DISTRICT='Maharashtra', NAME='Mumbai (Bombay)', POPULATION=10500000\n"
        "  True, True\n"
        "A key is made of its class:\n"
        "  DISTRICT='Maharashtra', NAME='Mumbai (Bombay)', POPULATION=10500000\n"
    )


def test_create_binary(address: tuple[str, int]) -> None:
    assert printed("create_binary.py", address) == (
        "What was put as an object is a row:\n"
        "  ['SID', 'NAME', 'LOGIN', 'AGE', 'GPA']\n"
        "  [1, 'Ada Lovelace', 'ada', 17, 4.25]\n"
        "What was inserted as a row is an object:\n"
        "  Student(NAME='Alan Turing', LOGIN='alan', AGE=18, GPA=4.75, version=1)\n"
    )


def test_migrate_binary(address: tuple[str, int]) -> None:
    lines = printed("migrate_binary.py", address).splitlines()
    assert lines[0] == "Each voucher before and after:" and len(lines) == 8
    assert lines[1] == (
        "  old 1: cashier_id=8, date=2017-09-21 00:00:00, purpose=train to Berlin, recipient=Ada, reported=True, sum=89.90"
    )
    assert lines[2] == (
        "  new 1: cashier_id=8, expense_date=2017-09-21 00:00:00, purpose=train to Berlin, recipient=Ada, "
        "report_date=2022-05-06 00:00:00, sum=89.90"
    )
    assert lines[6].endswith("recipient=Alan, report_date=None, sum=118.00")
    assert lines[7] == "Schemas of the type now: 2"


def test_get_and_put(address: tuple[str, int]) -> None:
    assert printed("get_and_put.py", address) == (
        "One entry.\n"
        "  title: The Hobbit\n"
        "  author: None\n"
        "  was there an author before? False\n"
        "  the title in exchange: The Hobbit\n"
        "Many at once.\n"
        "  author: Tolkien\n"
        "  pages: 365\n"
        "  title: The Silmarillion\n"
        "Gone again.\n"
        "  price: None\n"
        "  entries: 0\n"
    )


def test_type_hints(address: tuple[str, int]) -> None:
    assert printed("type_hints.py", address) == (
        "Values.\n"
        "  a long of 8 bytes: 42\n"
        "  a short of 2 bytes: 42\n"
        "Keys.\n"
        "  stored under a string\n"
        "  stored under a character\n"
        "A pair of a value and its hint does as well, and among many values nothing else can.\n"
        "  stored under a character\n"
        "  entries that are left: 1\n"
        "What does not fit.\n"
        "  OverflowError: value: 42000 does not fit ShortObject (-32768 to 32767)\n"
    )


def test_get_and_put_complex(address: tuple[str, int]) -> None:
    assert printed("get_and_put_complex.py", address) == (
        "Maps: a dict is a HASH_MAP, an OrderedDict a LINKED_HASH_MAP.\n"
        "  True, True\n"
        "  True, [('z', 1), ('a', 2)]\n"
        "Collections: a list of several types is an ARR_LIST, a set a HASH_SET.\n"
        "  (1, [1, 'two', 3.0, None])\n"
        "  (3, ['only one'])\n"
        "  (2, [1, 'two', 3.0])\n"
        "Arrays of objects.\n"
        "  (-1, [7, 'eight', 9.0])\n"
        "Inside each other.\n"
        "  (1, ['from here', [1, 2, 3], None])\n"
        "  (3, ['x'])\n"
    )


def test_async_key_value(address: tuple[str, int]) -> None:
    assert printed("async_key_value.py", address) == (
        "Twenty puts at once.\n"
        "  key 10: 100\n"
        "Several keys in one call, and several calls at once.\n"
        "  [0, 1, 4, 9]\n"
        "  [0, 1, 4, 9]\n"
        "Everything.\n"
        "  sum of all values: 2470\n"
        "A call with a time limit.\n"
        "  True\n"
    )


@pytest.mark.slow
def test_failover() -> None:
    """Three nodes are ended one after the other; the example counts on until the last one is gone."""
    with Cluster(3) as cluster:
        command = [
            sys.executable,
            "-W",
            "error",
            str(EXAMPLES / "failover.py"),
            *(f"{host}:{port}" for host, port in cluster.addresses),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None and running.stdout.readline() == "Connected\n"
            for node in range(3):
                time.sleep(2)
                assert running.poll() is None
                cluster[node].kill()
            printed, errors = running.communicate(timeout=60)
    *lost, last = printed.splitlines()
    assert (running.returncode, errors, last) == (0, "", "No node is left. The last count was more than 0")
    assert set(lost) <= {"Lost a node during OP_CACHE_PUT", "Lost a node during OP_CACHE_GET"}
