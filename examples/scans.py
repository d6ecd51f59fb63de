"""Everything in a cache, a page at a time: `python examples/scans.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys

from pyignite_rs import Client

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def main() -> None:
    """Fill a cache and read it back."""
    client = Client()
    with client.connect(HOST, PORT):
        words = client.create_cache("scanned words")
        try:
            words.put_all({f"key_{number}": number for number in range(20)})

            print("Entry by entry, in the order in which the servers have them:")
            with words.scan() as cursor:
                entries = list(cursor)
            print(f"  {len(entries)} entries, key_7 is {dict(entries)['key_7']}")

            print("As a dictionary, 5 entries a page:")
            with words.scan(page_size=5) as cursor:
                found = dict(cursor)
            print(f"  the sum of all values is {sum(found.values())}")

            print("Only the first three; the rest never leaves the server:")
            with words.scan(page_size=3) as cursor:
                some = [next(cursor) for _ in range(3)]
            print(f"  {len(some)} entries")
        finally:
            words.destroy()


if __name__ == "__main__":
    main()
