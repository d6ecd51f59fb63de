"""Tables, statements and rows: `python examples/sql.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too. `sql_data.py` has the statements; `async_sql.py` does the same with AioClient.
"""

from __future__ import annotations

import os
import sys

from sql_data import CITIES, CITY_INSERT, COUNTRIES, COUNTRY_INSERT, DROP_TABLES, LANGUAGE_INSERT, LANGUAGES, TABLES, TOP_CITIES

from pyignite_rs import Client

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


def main() -> None:
    """Make tables, fill them, ask, and drop them."""
    client = Client()
    with client.connect(HOST, PORT):
        for statement in TABLES:
            client.sql(statement)
        try:
            for row in COUNTRIES:
                client.sql(COUNTRY_INSERT, query_args=row)
            for row in CITIES:
                client.sql(CITY_INSERT, query_args=row)
            for row in LANGUAGES:
                client.sql(LANGUAGE_INSERT, query_args=row)

            print("The largest cities:")
            with client.sql("SELECT name, population FROM City ORDER BY population DESC LIMIT 5") as cursor:
                for row in cursor:
                    print(f"  {row}")

            print("The largest city of each country, with the names of the columns first:")
            with client.sql(TOP_CITIES, include_field_names=True) as cursor:
                names = next(cursor)
                print("  " + " | ".join(names))
                for country, city, population in cursor:
                    print(f"  {country} | {city} | {population}")

            print("All that is known about one city:")
            with client.sql("SELECT * FROM City WHERE id = ?", query_args=[3802], include_field_names=True) as cursor:
                names, values = cursor
            for name, value in zip(names, values, strict=True):
                print(f"  {name}: {value}")

            with client.sql("UPDATE City SET population = population + 1 WHERE CountryCode = ?", query_args=["USA"]) as cursor:
                print(f"Rows that an update changed: {next(cursor)[0]}")
        finally:
            for statement in DROP_TABLES:
                client.sql(statement)


if __name__ == "__main__":
    main()
