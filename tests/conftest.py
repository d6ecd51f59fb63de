"""Nodes and faces for all tests.

A test body is written once, as a coroutine, and runs on both faces: `await face(call)` gives the result whether the call has
been carried out already (sync) or has to be awaited (async).
"""

from __future__ import annotations

import faulthandler
import inspect
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from .support.cluster import Cluster, make_class_archive

_NUMBERS = itertools.count(1)


#: Notes what was reached for a goal of docs/reliability.md: its id, what was done, the figure. Numbers of one kind add up. The fourth
#: argument names whose figure it is, when it is not this client's.
Reached = Callable[..., None]

#: The first of two sizes in `make test`, the second in `make reliability`.
Size = Callable[[int, int], int]

#: No test of `make reliability` takes so long, in seconds. One that does ends the run; what was reached before it is on disk by then.
WATCHDOG = 1_500

_NOTES: dict[tuple[str, str, str], list[str | int]] = {}
_OUTCOMES: Counter[tuple[str, str]] = Counter()


def _note(goal: str, what: str, figure: str | int, whose: str = "") -> None:
    """Keep a figure: a number is added to those of the same kind, a text stands beside them."""
    figures = _NOTES.setdefault((goal, what, whose), [])
    if isinstance(figure, int) and figures and isinstance(figures[0], int):
        figures[0] += figure
    elif figure not in figures:
        figures.append(figure)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run storms, ledger and kin in full length")
    parser.addoption("--report", help="write what was reached for each goal into this file")


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts a program in the background has it ignore Ctrl-C, which some tests are about.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "goal(id, what): belongs to a goal of docs/reliability.md; with `what`, each that passes counts"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="part of make reliability"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call" or report.failed:
        file = item.nodeid.split("::")[0]
        _OUTCOMES[file, report.outcome] += 1
        for marker in item.iter_markers("goal"):
            if report.failed:
                _note(marker.args[0], "FAILED", item.nodeid.partition("::")[2])
            elif report.passed and len(marker.args) > 1:
                _note(*marker.args, 1)
    return report


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """In full, a test that hangs ends the run; where it was stands beside the report."""
    report = request.config.getoption("--report")
    if not (report and request.config.getoption("--full")):
        yield
        return
    with open(f"{report}.hung", "w") as stacks:
        stacks.write(f"{request.node.nodeid}\n")
        stacks.flush()
        faulthandler.dump_traceback_later(WATCHDOG, exit=True, file=stacks)
        yield
        faulthandler.cancel_dump_traceback_later()
    os.remove(f"{report}.hung")


def pytest_runtest_logfinish(nodeid: str) -> None:
    _write_report()


def pytest_sessionstart(session: pytest.Session) -> None:
    _REPORT.append(session.config.getoption("--report"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    _write_report()


_REPORT: list[str | None] = []
_WRITTEN: list[str] = []


def _write_report() -> None:
    """What is known now, after each test: a run that breaks off loses nothing."""
    if not _REPORT or not _REPORT[0]:
        return
    lines = [
        (goal, what, f"{each:,}" if isinstance(each, int) else each, whose)
        for (goal, what, whose), figures in _NOTES.items()
        for each in figures
    ]
    files = sorted({file for file, _ in _OUTCOMES})
    lines += [("file", file, f"{_OUTCOMES[file, 'passed']} passed, {_OUTCOMES[file, 'failed']} failed", "") for file in files]
    text = "".join("\t".join(line).rstrip("\t") + "\n" for line in lines)
    if _WRITTEN != [text]:
        _WRITTEN[:] = [text]
        with open(_REPORT[0], "w") as written:
            written.write(text)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Size:
    """How much of something, in short and in full."""
    is_full = request.config.getoption("--full")
    return lambda short, full: full if is_full else short


@pytest.fixture
def reached() -> Reached:
    """Note what a test reached."""
    return _note


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
