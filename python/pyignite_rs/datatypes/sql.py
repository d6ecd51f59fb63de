"""Kinds of SQL statements."""

from .primitive import Byte

__all__ = ["StatementType"]


class StatementType(Byte):
    """Which statements a server is to accept."""

    #: Every statement.
    ANY = 0
    #: The same, as pyignite's documentation calls it.
    ALL = 0
    #: Those with rows as result.
    SELECT = 1
    #: Those that change something.
    UPDATE = 2
