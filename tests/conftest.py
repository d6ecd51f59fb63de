"""Nodes and faces for all tests.

A test body is written once, as a coroutine, and runs on both faces: `await face(call)` gives the result whether the call has
been carried out already (sync) or has to be awaited (async).
"""

from __future__ import annotations

import inspect
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from .support.cluster import Cluster, make_class_archive

_NUMBERS = itertools.count(1)


#: Writes what was reached for a goal of docs/reliability.md: its id, what was done, the figure.
Reached = Callable[[str, str, str], None]

#: The first of two sizes in `make test`, the second in `make reliability`.
Size = Callable[[int, int], int]

_REACHED: list[tuple[str, str, str]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run storms, ledger and kin in full length")
    parser.addoption("--report", help="write what was reached for each goal into this file")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="part of make reliability"))


_OUTCOMES: Counter[tuple[str, str]] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.failed:
        _OUTCOMES[report.nodeid.split("::")[0], report.outcome] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    report = session.config.getoption("--report")
    if report:
        files = sorted({file for file, _ in _OUTCOMES})
        told = [(file, f"{_OUTCOMES[file, 'passed']} passed, {_OUTCOMES[file, 'failed']} failed") for file in files]
        lines = [*_REACHED, *(("file", file, counts) for file, counts in told)]
        with open(report, "w") as written:
            written.writelines("\t".join(line) + "\n" for line in lines)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Size:
    """How much of something, in short and in full."""
    is_full = request.config.getoption("--full")
    return lambda short, full: full if is_full else short


@pytest.fixture
def reached() -> Reached:
    """Note what a test reached."""
    return lambda goal, what, figure: _REACHED.append((goal, what, figure))


class Face:
    """One of the two ways to call."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_async(self) -> bool:
        return self.name == "async"

    def client(self, **options: Any) -> Any:
        """A new client that is not connected."""
        import pyignite_rs

        return pyignite_rs.AioClient(**options) if self.is_async else pyignite_rs.Client(**options)

    async def __call__(self, call: Any) -> Any:
        return await call if inspect.isawaitable(call) else call

    async def connected(self, *where: Any, **options: Any) -> Any:
        """A new client that is connected."""
        client = self.client(**options)
        await self(client.connect(*where))
        return client

    async def rows(self, cursor: Any) -> list[Any]:
        """All rows of a cursor that is open, or is to be opened."""
        if not self.is_async:
            return list(cursor)
        await cursor
        return [row async for row in cursor]

    def __repr__(self) -> str:
        return self.name


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    """The face that the test runs on."""
    return Face(request.param)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One node, shared by all tests that do it no harm."""
    make_class_archive()
    with Cluster(1) as running:
        yield running


@pytest.fixture(scope="session")
def address(cluster: Cluster) -> tuple[str, int]:
    """Where the shared node listens."""
    return cluster.addresses[0]


@pytest.fixture
def cache_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return f"{request.node.originalname}-{os.getpid()}-{next(_NUMBERS)}"


@pytest_asyncio.fixture
async def client(face: Face, address: tuple[str, int]) -> AsyncIterator[Any]:
    """A client connected to the shared node."""
    connected = await face.connected(*address)
    yield connected
    await face(connected.close())


@pytest_asyncio.fixture
async def cache(face: Face, client: Any, cache_name: str) -> AsyncIterator[Any]:
    """A cache of the test's own, with few partitions to be made quickly."""
    made = await face(client.create_cache(cache_name))
    yield made
    await face(made.destroy())
