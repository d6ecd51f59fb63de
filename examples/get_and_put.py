"""Keys and values: `python examples/get_and_put.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys

from pyignite_rs import Client

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def main() -> None:
    client = Client()
    with client.connect(HOST, PORT):
        shelf = client.create_cache("get and put")
        try:
            print("One entry.")
            shelf.put("title", "The Hobbit")
            print(f"  title: {shelf.get('title')}")
            print(f"  author: {shelf.get('author')}")
            print(f"  was there an author before? {not shelf.put_if_absent('author', 'Tolkien')}")
            print(f"  the title in exchange: {shelf.get_and_put('title', 'The Silmarillion')}")

            print("Many at once.")
            shelf.put_all({"pages": 365, "year": 1977, "price": 12.5})
            found = shelf.get_all(["title", "author", "pages", "isbn"])
            for name in sorted(found):
                print(f"  {name}: {found[name]}")

            print("Gone again.")
            shelf.remove_key("price")
            print(f"  price: {shelf.get('price')}")
            shelf.clear()
            print(f"  entries: {shelf.get_size()}")
        finally:
            shelf.destroy()


if __name__ == "__main__":
    main()
