"""Entries that end by themselves: `python examples/expiry_policy.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import timedelta

from pyignite_rs import AioClient, Client
from pyignite_rs.datatypes import ExpiryPolicy
from pyignite_rs.datatypes.prop_codes import PROP_EXPIRY_POLICY, PROP_NAME

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def with_client() -> None:
    """The synchronous client."""
    client = Client()
    with client.connect(HOST, PORT):
        print("A second for each new entry of a cache.")
        sessions = client.create_cache(
            {
                PROP_NAME: "expiring sessions",
                PROP_EXPIRY_POLICY: ExpiryPolicy(create=timedelta(seconds=1)),
            }
        )
        try:
            sessions.put("ada", "logged in")
            time.sleep(0.3)
            print(f"  after 0.3 s: {sessions.get('ada')}")
            time.sleep(1.2)
            print(f"  after 1.5 s: {sessions.get('ada')}")
        finally:
            sessions.destroy()

        print("A second from the last access, for what is done through one cache object.")
        plain = client.create_cache("expiring pages")
        try:
            pages = plain.with_expire_policy(create=1000, access=timedelta(seconds=1))
            pages.put("index", "<html>")
            plain.put("about", "<html>")
            for _ in range(4):
                time.sleep(0.4)
                pages.get("index")
            print(f"  read every 0.4 s, after 1.6 s: {plain.get('index')}")
            time.sleep(1.5)
            print(f"  not read for 1.5 s: {plain.get('index')}")
            print(f"  put without a policy: {plain.get('about')}")
        finally:
            plain.destroy()


async def with_aio_client() -> None:
    """The asynchronous client: the same calls, awaited."""
    client = AioClient()
    async with client.connect(HOST, PORT):
        print("The same with AioClient.")
        sessions = await client.create_cache(
            {
                PROP_NAME: "expiring sessions",
                PROP_EXPIRY_POLICY: ExpiryPolicy(create=timedelta(seconds=1)),
            }
        )
        try:
            await sessions.put("ada", "logged in")
            await asyncio.sleep(0.3)
            print(f"  after 0.3 s: {await sessions.get('ada')}")
            await asyncio.sleep(1.2)
            print(f"  after 1.5 s: {await sessions.get('ada')}")
        finally:
            await sessions.destroy()

        plain = await client.create_cache("expiring pages")
        try:
            pages = plain.with_expire_policy(access=timedelta(seconds=1))
            await pages.put("index", "<html>")
            await pages.get("index")
            await asyncio.sleep(0.3)
            print(f"  0.3 s after it was read: {await plain.get('index')}")
            await asyncio.sleep(1.2)
            print(f"  1.5 s after it was read: {await plain.get('index')}")
        finally:
            await plain.destroy()


if __name__ == "__main__":
    with_client()
    asyncio.run(with_aio_client())
