"""Type hints choose the type that the server stores: `python examples/type_hints.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys

from pyignite_rs import Client
from pyignite_rs.datatypes import CharObject, ShortObject

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def main() -> None:
    client = Client()
    with client.connect(HOST, PORT):
        cache = client.create_cache("type hints")
        try:
            print("Values.")
            cache.put("age", 42)
            print(f"  a long of 8 bytes: {cache.get('age')}")
            cache.put("age", 42, value_hint=ShortObject)
            print(f"  a short of 2 bytes: {cache.get('age')}")

            print("Keys.")
            cache.put("a", "stored under a string")
            cache.put("a", "stored under a character", key_hint=CharObject)
            print(f"  {cache.get('a')}")
            print(f"  {cache.get('a', key_hint=CharObject)}")

            print("A pair of a value and its hint does as well, and among many values nothing else can.")
            print(f"  {cache.get(('a', CharObject))}")
            cache.remove_keys(["a", ("a", CharObject)])
            print(f"  entries that are left: {cache.get_size()}")

            print("What does not fit.")
            try:
                cache.put("age", 42_000, value_hint=ShortObject)
            except OverflowError as error:
                print(f"  {type(error).__name__}: {error}")
        finally:
            cache.destroy()


if __name__ == "__main__":
    main()
