"""What tables hold, read without SQL: `python examples/read_binary.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from sql_data import CITIES, CITY_INSERT, COUNTRIES, COUNTRY_INSERT, DROP_TABLES, TABLES

from pyignite_rs import Client
from pyignite_rs.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def shown(value: Any) -> str:
    """The fields of an object in the order of their names."""
    return ", ".join(f"{name}={getattr(value, name)!r}" for name in sorted(value.schema))


def main() -> None:
    """Make tables, and look at the caches behind them."""
    client = Client()
    with client.connect(HOST, PORT):
        for statement in TABLES:
            client.sql(statement)
        try:
            for row in COUNTRIES:
                client.sql(COUNTRY_INSERT, query_args=row)
            for row in CITIES:
                client.sql(CITY_INSERT, query_args=row)

            print("Each table has a cache:")
            for name in sorted(name for name in client.get_cache_names() if name.startswith("SQL_PUBLIC_C")):
                print(f"  {name}")

            cities = client.get_cache("SQL_PUBLIC_CITY")
            entity = cities.settings[PROP_QUERY_ENTITIES][0]
            print(f"The settings of {cities.settings[PROP_NAME]} name its types and fields:")
            for field in entity["query_fields"]:
                print(f"  {field['name']}: {field['type_name']}{' (key)' if field['is_key_field'] else ''}")

            print("An entry is a pair of objects of these types:")
            with cities.scan() as cursor:
                entries = sorted(cursor, key=lambda entry: int(entry[0].ID))
            key, value = entries[0]
            print(f"  {shown(key)}")
            print(f"  {shown(value)}")
            print(f"  {key.type_name == entity['key_type_name']}, {value.type_name == entity['value_type_name']}")

            print("A key is made of its class:")
            print(f"  {shown(cities.get(type(key)(ID=key.ID, COUNTRYCODE=key.COUNTRYCODE)))}")
        finally:
            for statement in DROP_TABLES:
                client.sql(statement)


if __name__ == "__main__":
    main()
