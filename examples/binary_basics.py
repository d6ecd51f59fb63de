"""Complex objects, written and read: `python examples/binary_basics.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys

from pyignite_rs import Client, GenericObjectMeta
from pyignite_rs.datatypes import IntObject, String

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


class Person(
    metaclass=GenericObjectMeta,
    type_name="org.example.BasicPerson",
    schema={"first_name": String, "last_name": String, "age": IntObject},
):
    """A class for one type of the cluster, with whatever methods its users want."""

    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"  # type: ignore[attr-defined]


def main() -> None:
    """Write an object, read it with the same class and with one that was made on the fly."""
    client = Client()
    with client.connect(HOST, PORT):
        people = client.get_or_create_cache("binary_basics")
        people.put(1, Person("Ada", "Lovelace", age=36))

        person = people.get(1)
        print("What was written is read with its own class:")
        print(f"  {person}, {person.full_name()}, {type(person) is Person}")

        other = Client()
        with other.connect(HOST, PORT):
            people_of_others = other.get_cache("binary_basics")
            person = people_of_others.get(1)
            print("A client that never saw the class makes one of what the cluster knows:")
            print(f"  {person}")
            print(f"  class {type(person).__name__} for type {person.type_name}")

            print("Such a class writes, too:")
            people_of_others.put(2, type(person)(first_name="Alan", last_name="Turing", age=41))
            print(f"  {people.get(2).full_name()}")

            other.register_binary_type(Person)
            print("A registered class reads from then on:")
            print(f"  {type(people_of_others.get(1)) is Person}")
        people.destroy()


if __name__ == "__main__":
    main()
