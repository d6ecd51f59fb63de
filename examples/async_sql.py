"""Tables, statements and rows with AioClient: `python examples/async_sql.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too. `sql_data.py` has the statements; `sql.py` does the same with Client.
"""

from __future__ import annotations

import asyncio
import os
import sys

from sql_data import CITIES, CITY_INSERT, COUNTRIES, COUNTRY_INSERT, DROP_TABLES, LANGUAGE_INSERT, LANGUAGES, TABLES, TOP_CITIES

from pyignite_rs import AioClient

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


async def main() -> None:
    """Make tables, fill them with many statements at once, ask, and drop them."""
    client = AioClient()
    async with client.connect(HOST, PORT):
        for statement in TABLES:
            await client.sql(statement)
        try:
            for statement, rows in ((COUNTRY_INSERT, COUNTRIES), (CITY_INSERT, CITIES), (LANGUAGE_INSERT, LANGUAGES)):
                await asyncio.gather(*[client.sql(statement, query_args=row) for row in rows])

            print("The largest cities:")
            async with client.sql("SELECT name, population FROM City ORDER BY population DESC LIMIT 5") as cursor:
                async for row in cursor:
                    print(f"  {row}")

            print("The largest city of each country, with the names of the columns first:")
            async with client.sql(TOP_CITIES, include_field_names=True) as cursor:
                names = await anext(cursor)
                print("  " + " | ".join(names))
                async for country, city, population in cursor:
                    print(f"  {country} | {city} | {population}")

            print("All that is known about one city:")
            query = "SELECT * FROM City WHERE id = ?"
            async with client.sql(query, query_args=[3802], include_field_names=True) as cursor:
                names, values = [row async for row in cursor]
            for name, value in zip(names, values, strict=True):
                print(f"  {name}: {value}")
        finally:
            for statement in DROP_TABLES:
                await client.sql(statement)


if __name__ == "__main__":
    asyncio.run(main())
