"""Nodes that are killed, or hang, with calls in flight."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import pyignite_rs
from pyignite_rs import exceptions

from ..support.cluster import Cluster


def test_a_node_that_is_killed_under_load_and_started_again() -> None:
    documented = (exceptions.ConnectionLostError, exceptions.NoNodesError, exceptions.OperationTimeoutError)
    with Cluster(1) as cluster:
        client = pyignite_rs.Client(timeout=10)
        client.connect(*cluster.addresses[0])
        client.create_cache("load")
        outcomes: list[Any] = []
        phase = {"killed": False, "stop": False}

        def run(index: int) -> None:
            cache = client.get_cache("load")
            number = 0
            while not phase["stop"]:
                number += 1
                try:
                    cache.put(f"{index}-{number}", number)
                    if cache.get(f"{index}-{number}") != number:
                        outcomes.append(("wrong", index, number))
                except Exception as error:
                    if not phase["killed"]:
                        time.sleep(0.01)
                    outcomes.append(error)
                    if isinstance(error, exceptions.NoNodesError):
                        return

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(run, index) for index in range(4)]
            time.sleep(0.5)
            phase["killed"] = True
            cluster[0].kill()
            time.sleep(1)
            phase["stop"] = True
            for future in running:
                future.result(20)
        assert outcomes and all(isinstance(outcome, documented) for outcome in outcomes), outcomes
        # Every thread came to know that no node is left, and no call was in doubt more than once per thread.
        assert sum(isinstance(outcome, exceptions.NoNodesError) for outcome in outcomes) == 4
        assert all(outcome.sent == "no" for outcome in outcomes if isinstance(outcome, exceptions.NoNodesError))
        assert sum(isinstance(outcome, exceptions.ConnectionLostError) for outcome in outcomes) <= 8

        asynchronous = pyignite_rs.AioClient(timeout=10)

        async def fails() -> None:
            with pytest.raises(exceptions.NoNodesError):
                await asynchronous.connect(*cluster.addresses[0])

        asyncio.run(fails())
        cluster[0].start()
        cache = client.get_or_create_cache("load")
        for number in range(100):
            cache.put(number, -number)
            assert cache.get(number) == -number
        client.close()

        async def works() -> None:
            await asynchronous.connect(*cluster.addresses[0])
            cache = await asynchronous.get_cache("load")
            assert await asyncio.gather(*(cache.get(number) for number in range(100))) == [-number for number in range(100)]
            await asynchronous.close()

        asyncio.run(works())


async def test_calls_in_flight_at_a_node_that_hangs_and_dies() -> None:
    with Cluster(1) as cluster:
        client = pyignite_rs.AioClient()
        await client.connect(*cluster.addresses[0])
        cache = await client.create_cache("load")
        await cache.put(1, "one")
        cluster[0].pause()
        begin = time.monotonic()
        with pytest.raises(exceptions.OperationTimeoutError):
            await cache.get(1, timeout=0.5)
        assert time.monotonic() - begin < 0.75
        puts = [asyncio.ensure_future(cache.put(number, number)) for number in range(100)]
        gets = [asyncio.ensure_future(cache.get(number)) for number in range(100)]
        await asyncio.sleep(0.2)
        cluster[0].kill()
        for outcome in await asyncio.gather(*puts, return_exceptions=True):
            assert type(outcome) is exceptions.ConnectionLostError and outcome.sent == "maybe"
        for outcome in await asyncio.gather(*gets, return_exceptions=True):
            # Reads are sent again, and find that there is no node.
            assert isinstance(outcome, exceptions.NoNodesError)
        await client.close()
