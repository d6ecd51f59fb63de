"""All or nothing: `python examples/transactions.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from pyignite_rs import AioClient, Client
from pyignite_rs.datatypes import TransactionConcurrency, TransactionIsolation
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode
from pyignite_rs.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from pyignite_rs.exceptions import CacheError

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))

ACCOUNTS = {PROP_NAME: "transferred accounts", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}


def with_client() -> None:
    """The synchronous client."""
    client = Client()
    with client.connect(HOST, PORT):
        accounts = client.create_cache(ACCOUNTS)
        try:
            accounts.put_all({"ada": 100, "bob": 0})

            print("A transfer that is committed:")
            with client.tx_start(
                isolation=TransactionIsolation.REPEATABLE_READ, concurrency=TransactionConcurrency.PESSIMISTIC
            ) as transaction:
                accounts.put("ada", accounts.get("ada") - 30)
                accounts.put("bob", accounts.get("bob") + 30)
                transaction.commit()
            print(f"  ada {accounts.get('ada')}, bob {accounts.get('bob')}")

            print("A transfer that fails half-way:")
            try:
                with client.tx_start():
                    accounts.put("ada", 0)
                    raise RuntimeError("no connection to the bank")
            except RuntimeError as error:
                print(f"  {error}")
            print(f"  ada {accounts.get('ada')}, bob {accounts.get('bob')}")

            print("A transfer that takes longer than it may:")
            try:
                with client.tx_start(timeout=300, label="slow transfer") as transaction:
                    accounts.put("ada", 0)
                    time.sleep(0.8)
                    transaction.commit()
            except CacheError as error:
                print(f"  {str(error).split(':')[0]}")
            print(f"  ada {accounts.get('ada')}, bob {accounts.get('bob')}")
        finally:
            accounts.destroy()


async def with_aio_client() -> None:
    """The asynchronous client: a transaction belongs to the task that began it."""
    client = AioClient()
    async with client.connect(HOST, PORT):
        accounts = await client.create_cache(ACCOUNTS)
        try:
            await accounts.put_all({"ada": 100, "bob": 0})

            async def transfer(amount: int) -> None:
                async with client.tx_start() as transaction:
                    await accounts.put("ada", await accounts.get("ada") - amount)
                    await accounts.put("bob", await accounts.get("bob") + amount)
                    await transaction.commit()

            print("Ten transfers by ten tasks at once:")
            await asyncio.gather(*[transfer(number) for number in range(10)])
            print(f"  ada {await accounts.get('ada')}, bob {await accounts.get('bob')}")
        finally:
            await accounts.destroy()


if __name__ == "__main__":
    with_client()
    asyncio.run(with_aio_client())
