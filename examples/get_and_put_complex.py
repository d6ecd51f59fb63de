"""Maps, collections and arrays of objects: `python examples/get_and_put_complex.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict

from pyignite_rs import Client
from pyignite_rs.datatypes import CollectionObject, MapObject, ObjectArrayObject

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def main() -> None:
    client = Client()
    with client.connect(HOST, PORT):
        cache = client.create_cache("get and put complex")
        try:
            print("Maps: a dict is a HASH_MAP, an OrderedDict a LINKED_HASH_MAP.")
            cache.put("map", {"name": "Ada", 1: 2.5})
            kind, entries = cache.get("map")
            print(f"  {kind == MapObject.HASH_MAP}, {entries == {'name': 'Ada', 1: 2.5}}")
            cache.put("map", OrderedDict([("z", 1), ("a", 2)]))
            kind, entries = cache.get("map")
            print(f"  {kind == MapObject.LINKED_HASH_MAP}, {list(entries.items())}")

            print("Collections: a list of several types is an ARR_LIST, a set a HASH_SET.")
            cache.put("collection", [1, "two", 3.0, None])
            print(f"  {cache.get('collection')}")
            cache.put("collection", {"only one"})
            print(f"  {cache.get('collection')}")
            cache.put("collection", (CollectionObject.LINKED_LIST, [1, "two", 3.0]))
            print(f"  {cache.get('collection')}")

            print("Arrays of objects.")
            cache.put("array", (ObjectArrayObject.OBJECT, [7, "eight", 9.0]), value_hint=ObjectArrayObject)
            print(f"  {cache.get('array')}")

            print("Inside each other.")
            cache.put("nested", {"path": ["from here", [1, 2, 3], None], "tags": {"x"}})
            _, nested = cache.get("nested")
            print(f"  {nested['path']}")
            print(f"  {nested['tags']}")
        finally:
            cache.destroy()


if __name__ == "__main__":
    main()
