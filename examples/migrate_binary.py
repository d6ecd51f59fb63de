"""A new schema for objects that are there already: `python examples/migrate_binary.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pyignite_rs import Client, GenericObjectMeta
from pyignite_rs.datatypes import BoolObject, DateObject, DecimalObject, LongObject, String

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))


class ExpenseVoucher(
    metaclass=GenericObjectMeta,
    schema={
        "date": DateObject,
        "reported": BoolObject,
        "purpose": String,
        "sum": DecimalObject,
        "recipient": String,
        "cashier_id": LongObject,
    },
):
    """The first version."""


#: The vouchers of the first version.
VOUCHERS = {
    1: ExpenseVoucher(datetime(2017, 9, 21), True, "train to Berlin", Decimal("89.90"), "Ada", 8),
    2: ExpenseVoucher(datetime(2017, 10, 11), True, "lunch with a customer", Decimal("12.50"), "Grace", 9),
    3: ExpenseVoucher(datetime(2017, 12, 1), False, "two keyboards", Decimal("118.00"), "Alan", 10),
}


def shown(value: Any) -> str:
    """The fields of an object in the order of their names."""
    return ", ".join(f"{name}={getattr(value, name)}" for name in sorted(value.schema))


def migrate(cache: Any, entries: Iterable[Any], new_class: Any) -> None:
    """Write each voucher as one of the new class."""
    for key, old in entries:
        print(f"  old {key}: {shown(old)}")
        new = new_class()
        for name in ("sum", "purpose", "recipient", "cashier_id"):
            setattr(new, name, getattr(old, name))
        new.expense_date = old.date
        new.report_date = date(2022, 5, 6) if old.reported else None
        cache.put(key, new)
        print(f"  new {key}: {shown(cache.get(key))}")


def main() -> None:
    """Fill a cache, then come back with a client that knows nothing and change the schema."""
    client = Client()
    with client.connect(HOST, PORT):
        client.get_or_create_cache("accounting").put_all(VOUCHERS)

    client = Client()
    with client.connect(HOST, PORT):
        accounting = client.get_or_create_cache("accounting")
        # The class of the first version comes from the cluster: its schema can be changed without having its code.
        data_class = client.query_binary_type("ExpenseVoucher")[ExpenseVoucher.schema_id]
        schema = data_class.schema
        schema["expense_date"] = schema["date"]
        del schema["date"]
        schema["report_date"] = DateObject
        del schema["reported"]
        schema["sum"] = DecimalObject
        voucher_v2 = GenericObjectMeta("ExpenseVoucherV2", (), {}, type_name="ExpenseVoucher", schema=schema)

        print("Each voucher before and after:")
        with accounting.scan() as cursor:
            entries = sorted(cursor, key=lambda entry: int(entry[0]))
        migrate(accounting, entries, voucher_v2)
        print(f"Schemas of the type now: {len(client.query_binary_type('ExpenseVoucher'))}")
        accounting.destroy()


if __name__ == "__main__":
    main()
