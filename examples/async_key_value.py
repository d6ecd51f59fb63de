"""Keys, values and a scan with coroutines: `python examples/async_key_value.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import asyncio
import os
import sys

from pyignite_rs import AioClient

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


async def main() -> None:
    client = AioClient()
    async with client.connect(HOST, PORT):
        cache = await client.create_cache("async key value")
        try:
            print("Twenty puts at once.")
            await asyncio.gather(*[cache.put(f"key {number}", number * number) for number in range(20)])
            print(f"  key 10: {await cache.get('key 10')}")

            print("Several keys in one call, and several calls at once.")
            print(f"  {sorted((await cache.get_all([f'key {number}' for number in range(4)])).values())}")
            print(f"  {await asyncio.gather(*[cache.get(f'key {number}') for number in range(4)])}")

            print("Everything.")
            async with cache.scan() as cursor:
                total = sum([value async for _, value in cursor])
            print(f"  sum of all values: {total}")

            print("A call with a time limit.")
            print(f"  {await cache.contains_key('key 3', timeout=5.0)}")
        finally:
            await cache.destroy()


if __name__ == "__main__":
    asyncio.run(main())
