"""Counts in a cache while nodes come and go: `python examples/failover.py [host:port ...]`, until no node is left.

By default three nodes: 127.0.0.1:10800, :10801 and :10802. Start them, run this, and end one node after the other.
"""

from __future__ import annotations

import sys
import time

from pyignite_rs import Client
from pyignite_rs.datatypes.cache_config import CacheMode
from pyignite_rs.datatypes.prop_codes import PROP_BACKUPS_NUMBER, PROP_CACHE_MODE, PROP_NAME
from pyignite_rs.exceptions import ReconnectError

NODES = sys.argv[1:] or ["127.0.0.1:10800", "127.0.0.1:10801", "127.0.0.1:10802"]


def main() -> None:
    client = Client(timeout=4.0)
    with client.connect(NODES):
        print("Connected", flush=True)
        cache = client.get_or_create_cache({PROP_NAME: "failover", PROP_CACHE_MODE: CacheMode.REPLICATED, PROP_BACKUPS_NUMBER: 2})
        cache.put("count", 0)
        count = 0
        while True:
            try:
                # A lost connection is no trouble for a call that reads; one that writes may have been carried out or not.
                count = cache.get("count")
                cache.put("count", count + 1)
                time.sleep(0.01)
            except ReconnectError:
                print(f"No node is left. The last count was {'more than 0' if count else 0}", flush=True)
                return
            except OSError as error:
                # Here one would repeat the call, look at the data, or simply go on: it depends on the task.
                print(
                    f"Lost a node during {error.operation}" if hasattr(error, "operation") else f"Lost a node: {error}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
