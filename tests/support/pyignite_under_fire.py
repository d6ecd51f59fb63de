"""What pyignite makes of mutated answers: `python -m tests.support.pyignite_under_fire HOST PORT PLAN FIRST LAST`.

Runs in a process of its own, because it may never come back. Each line of its output is a number and what came of it; `begin` is written
before each, so that who reads knows which one hangs.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from ..reliability.test_hostile import ASKED, CACHE, Asked, mutation
from .recorded_node import GREETING, Plan

#: Those that its synchronous client can be asked for in one call.
SHARED = [asked for asked in ASKED if asked.code not in (2002, 2003, 4000, 4001, 5000)]


def documented() -> tuple[type[BaseException], ...]:
    from pyignite import exceptions

    own = [each for each in vars(exceptions).values() if isinstance(each, type) and issubclass(each, Exception)]
    return (*own, *exceptions.connection_errors)


def ask(client: Any, cache: Any, asked: Asked) -> None:
    match asked.operation:
        case "OP_CACHE_GET" | "OP_CACHE_PARTITIONS" | "HANDSHAKE":
            cache.get(1)
        case "OP_CACHE_PUT":
            cache.put(1, "one")
        case "OP_CACHE_GET_ALL":
            cache.get_all([1, 2, 3])
        case "OP_CACHE_GET_AND_PUT":
            cache.get_and_put(2, "two again")
        case "OP_CACHE_CONTAINS_KEYS":
            cache.contains_keys([1, 2])
        case "OP_CACHE_REMOVE_KEY":
            cache.remove_key(2)
        case "OP_CACHE_GET_SIZE":
            cache.get_size()
        case "OP_CACHE_GET_NAMES":
            client.get_cache_names()
        case "OP_CACHE_GET_CONFIGURATION":
            client.get_cache(CACHE).settings  # noqa: B018
        case "OP_GET_BINARY_TYPE":
            client.get_binary_type("Person")
        case "OP_QUERY_SCAN" | "OP_QUERY_SCAN_CURSOR_GET_PAGE":
            with cache.scan() as cursor:
                list(cursor)
        case _:
            with client.sql("SELECT 1", include_field_names=True) as cursor:
                list(cursor)


def main() -> None:
    import pyignite

    host, port, file, first, last = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    # A length of two gigabytes is believed; the machine is not to feel it.
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    plan, known = Plan(file), documented()
    client: Any = None
    for number in range(first, last):
        asked, frame, close, keep_id = mutation(number, SHARED)
        print(number, "begin", flush=True)
        begin = time.monotonic()
        outcome = "value"
        try:
            if client is None or asked.once:
                client = pyignite.Client(timeout=0.5, partition_aware=True)
                if asked.code != GREETING:
                    client.connect(host, port)
                    cache = client.get_cache(CACHE)
            plan.arm(asked.code, frame, close=close, keep_id=keep_id)
            if asked.code == GREETING:
                client.connect(host, port)
                cache = client.get_cache(CACHE)
            ask(client, cache, asked)
        except known:
            outcome = "documented"
        except Exception as error:
            outcome = f"undocumented:{type(error).__name__}"
        took = time.monotonic() - begin
        plan.disarm()
        after = "right"
        try:
            after = "right" if cache.get(1) == "one" else "wrong"
        except Exception:
            after = "failed"
            client = None
        print(number, outcome, after, f"{took:.3f}", flush=True)


if __name__ == "__main__":
    main()
