"""A short tour on one real node: `make demo`, or `python -m examples.demo` from the root of the project.

Where a node can not be run because Java is not there, a stand-in serves, and the tour says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyignite_rs import AioClient, Client, __version__
from pyignite_rs.testing import FakeNode
from tests.support.cluster import Cluster
from tests.support.jars import what_is_missing

ENTRIES = 1_000


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    print(f"  {text:<60}", end="", flush=True)
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"{seconds:8.2f} s " if seconds >= 1 else f"{seconds * 1_000:8.2f} ms")


def expect(what: str, got: object, wanted: object) -> None:
    """End the demo when the server says something else than it should."""
    if got != wanted:
        raise SystemExit(f"{what}: got {got!r}, not {wanted!r}")


def with_client(host: str, port: int) -> None:
    """The synchronous client."""
    print("Client")
    client = Client()
    with step("connect"):
        connection = client.connect(host, port)
    with connection:
        with step("get_or_create_cache('demo')"):
            cache = client.get_or_create_cache("demo")
        with step("put('greeting', 'hello')"):
            cache.put("greeting", "hello")
        with step("get('greeting')"):
            greeting = cache.get("greeting")
        expect("get", greeting, "hello")
        entries = {number: f"value {number}" for number in range(ENTRIES)}
        with step(f"put_all of {ENTRIES:,} entries"):
            cache.put_all(entries)
        with step(f"get_all of {ENTRIES:,} keys"):
            found = cache.get_all(entries)
        expect("get_all", found, entries)
        with step(f"{ENTRIES:,} gets, one after another"):
            values = [cache.get(number) for number in entries]
        expect("get", values, list(entries.values()))


async def with_aio_client(host: str, port: int) -> None:
    """The asynchronous client; it reads what the other one wrote."""
    print("AioClient")
    client = AioClient()
    async with client.connect(host, port):
        with step("get_or_create_cache('demo')"):
            cache = await client.get_or_create_cache("demo")
        with step(f"{ENTRIES:,} gets at the same time"):
            values = await asyncio.gather(*(cache.get(number) for number in range(ENTRIES)))
        expect("get", values, [f"value {number}" for number in range(ENTRIES)])
        with step("get_size"):
            size = await cache.get_size()
        expect("get_size", size, ENTRIES + 1)
        with step("destroy"):
            await cache.destroy()


def tour(host: str, port: int) -> None:
    """Both clients, one after the other."""
    with_client(host, port)
    asyncio.run(with_aio_client(host, port))


def main() -> None:
    """Start a node, show both clients, stop the node."""
    print(f"pyignite_rs {__version__}")
    missing = what_is_missing()
    if missing is not None:
        print(f"  {missing}. So this is no Ignite node but a stand-in from pyignite_rs.testing:")
        print("  the same protocol, data in this process, times that say nothing about a server.")
        with FakeNode() as node:
            tour(*node.address)
        return
    cluster = Cluster(nodes=1)
    try:
        with step("start an Ignite node"):
            cluster.start()
        tour(*cluster.addresses[0])
    finally:
        with step("stop the node"):
            cluster.close()


if __name__ == "__main__":
    main()
