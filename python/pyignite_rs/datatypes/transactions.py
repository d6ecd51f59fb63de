"""How transactions run."""

from enum import IntEnum

__all__ = ["TransactionConcurrency", "TransactionIsolation"]


class TransactionConcurrency(IntEnum):
    """When entries are locked."""

    #: When the transaction commits.
    OPTIMISTIC = 0
    #: When they are first used.
    PESSIMISTIC = 1


class TransactionIsolation(IntEnum):
    """What a transaction sees of others."""

    #: Each read sees what is committed at that moment.
    READ_COMMITTED = 0
    #: What was read once stays the same.
    REPEATABLE_READ = 1
    #: As if transactions ran one after the other.
    SERIALIZABLE = 2
