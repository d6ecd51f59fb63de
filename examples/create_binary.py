"""A table made of a cache and a class, without DDL: `python examples/create_binary.py [host [port]]`, by default 127.0.0.1 10800.

IGNITE_HOST and IGNITE_PORT name another node, too.
"""

from __future__ import annotations

import os
import sys

from pyignite_rs import Client, GenericObjectMeta
from pyignite_rs.datatypes import DoubleObject, IntObject, String
from pyignite_rs.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES, PROP_SQL_SCHEMA

HOST = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("IGNITE_HOST", "127.0.0.1")
PORT = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("IGNITE_PORT", "10800"))

#: What CREATE TABLE Student (sid INTEGER PRIMARY KEY, name VARCHAR, login VARCHAR, age INTEGER, gpa DOUBLE) would make.
STUDENTS = {
    PROP_NAME: "SQL_PUBLIC_STUDENT",
    PROP_SQL_SCHEMA: "PUBLIC",
    PROP_QUERY_ENTITIES: [
        {
            "table_name": "STUDENT",
            "key_field_name": "SID",
            "key_type_name": "java.lang.Integer",
            "field_name_aliases": [],
            "query_fields": [
                {"name": "SID", "type_name": "java.lang.Integer", "is_key_field": True, "is_notnull_constraint_field": True},
                {"name": "NAME", "type_name": "java.lang.String"},
                {"name": "LOGIN", "type_name": "java.lang.String"},
                {"name": "AGE", "type_name": "java.lang.Integer"},
                {"name": "GPA", "type_name": "java.lang.Double"},
            ],
            "query_indexes": [],
            "value_type_name": "SQL_PUBLIC_STUDENT_TYPE",
            "value_field_name": None,
        }
    ],
}


class Student(
    metaclass=GenericObjectMeta,
    type_name="SQL_PUBLIC_STUDENT_TYPE",
    schema={"NAME": String, "LOGIN": String, "AGE": IntObject, "GPA": DoubleObject},
):
    """A row of the table, without its key."""


def main() -> None:
    """Make the table, put a row, and ask for it."""
    client = Client()
    with client.connect(HOST, PORT):
        students = client.create_cache(STUDENTS)
        try:
            students.put(1, Student(LOGIN="ada", NAME="Ada Lovelace", AGE=17, GPA=4.25), key_hint=IntObject)
            print("What was put as an object is a row:")
            with client.sql("SELECT * FROM Student", include_field_names=True) as cursor:
                print(f"  {next(cursor)}")
                for row in cursor:
                    print(f"  {row}")

            client.sql("INSERT INTO Student (sid, name, login, age, gpa) VALUES (2, 'Alan Turing', 'alan', 18, 4.75)")
            print("What was inserted as a row is an object:")
            print(f"  {students.get(2, key_hint=IntObject)}")
        finally:
            # Only a cache that CREATE TABLE made can be dropped by DROP TABLE.
            students.destroy()


if __name__ == "__main__":
    main()
