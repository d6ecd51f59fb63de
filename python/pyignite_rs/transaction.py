"""Transactions: all operations on caches between their start and their end take effect together, or not at all.

The current transaction is a context variable: a thread or a task sees its own, and a task begins with that of its creator. A
transaction that begins inside another one is current until it ends; then the outer one is again.
"""

from __future__ import annotations

from collections.abc import Generator
from contextvars import ContextVar
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._core import BaseTransaction
from .datatypes.transactions import TransactionConcurrency, TransactionIsolation
from .exceptions import CacheError, ClientClosedError, NotSupportedByClusterError, TransactionLostError

if TYPE_CHECKING:
    from .aio_client import AioClient
    from .client import BaseClient, Client

__all__ = ["AioTransaction", "Transaction"]

#: The innermost transaction of the calling context, or one that was innermost and has ended.
CURRENT: ContextVar[BaseTransaction | None] = ContextVar("pyignite_rs_transaction", default=None)

_ROLLED_BACK = (TransactionLostError, ClientClosedError)


def _member(value: int | IntEnum, options: type[IntEnum]) -> int:
    if value not in {option.value for option in options}:
        raise ValueError(f"{value} not in {options}")
    return int(value)


def _milliseconds(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"the timeout of a transaction is a number of milliseconds from 0 on, not {value!r}")
    return value


def _text(value: Any) -> str | None:
    if value and not isinstance(value, str):
        raise ValueError(f"the label of a transaction is a str, not {type(value).__name__}")
    return value or None


class _Transaction(BaseTransaction):
    """What both kinds share."""

    concurrency: int
    isolation: int
    timeout: int
    label: str | None
    closed: bool

    def __new__(
        cls,
        client: BaseClient,
        concurrency: int = TransactionConcurrency.PESSIMISTIC,
        isolation: int = TransactionIsolation.REPEATABLE_READ,
        timeout: int = 0,
        label: str | None = None,
    ) -> Any:
        checked = (
            _member(concurrency, TransactionConcurrency),
            _member(isolation, TransactionIsolation),
            _milliseconds(timeout),
            _text(label),
        )
        transaction = super().__new__(cls, client, *checked)
        transaction.concurrency, transaction.isolation, transaction.timeout, transaction.label = (
            concurrency,
            isolation,
            timeout,
            label,
        )
        transaction.closed = False
        return transaction

    def _check_supported(self) -> None:
        context = self.client.protocol_context
        if context is not None and not context.is_transactions_supported():
            raise NotSupportedByClusterError("transactions need servers with protocol 1.6 or later")

    def _enter(self) -> None:
        """Become the current transaction."""
        self._outer = CURRENT.get()
        CURRENT.set(self)

    def _leave(self) -> None:
        """Give way to the outer transaction. Only whoever is inside may end it."""
        current = CURRENT.get()
        inside = current
        while inside is not None and inside is not self:
            inside = inside._outer
        if inside is None:
            raise CacheError("a transaction can not be ended in another thread or task than the one that began it")
        self.closed = True
        while current is not None and getattr(current, "closed", False):
            current = current._outer
        CURRENT.set(current)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"id {self.tx_id}"
        return f"<{type(self).__name__} ({state})>"


class Transaction(_Transaction):
    """A transaction of the synchronous client. As a context manager it rolls back at its end unless it was committed."""

    def __init__(
        self,
        client: Client,
        concurrency: int = TransactionConcurrency.PESSIMISTIC,
        isolation: int = TransactionIsolation.REPEATABLE_READ,
        timeout: int = 0,
        label: str | None = None,
    ) -> None:
        self._check_supported()
        self._start()
        self._enter()

    def commit(self) -> None:
        """Make everything that was done take effect. A transaction that has ended stays as it is.

        Raises:
            CacheError: The server could not commit, for example because the time of the transaction was over.
            TransactionLostError: The connection is gone; `sent` tells whether the commit may have taken effect.
        """
        if not self.closed:
            self._leave()
            self._end(True)

    def rollback(self) -> None:
        """Undo everything that was done."""
        self.close()

    def close(self) -> None:
        """Undo everything unless it was committed."""
        if not self.closed:
            self._leave()
            try:
                self._end(False)
            except _ROLLED_BACK:
                # The server does it by itself when the connection ends.
                pass

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AioTransaction(_Transaction):
    """A transaction of the asynchronous client: to be awaited, or entered with `async with`, in the task that uses it.

    As a context manager it rolls back at its end unless it was committed.
    """

    def __init__(
        self,
        client: AioClient,
        concurrency: int = TransactionConcurrency.PESSIMISTIC,
        isolation: int = TransactionIsolation.REPEATABLE_READ,
        timeout: int = 0,
        label: str | None = None,
    ) -> None:
        pass

    def __await__(self) -> Generator[Any, Any, AioTransaction]:
        self._check_supported()
        yield from self._start().__await__()
        self._enter()
        self.closed = False
        return self

    async def commit(self) -> None:
        """Make everything that was done take effect. A transaction that has ended stays as it is.

        Raises:
            CacheError: The server could not commit, for example because the time of the transaction was over.
            TransactionLostError: The connection is gone; `sent` tells whether the commit may have taken effect.
        """
        if not self.closed:
            self._leave()
            await self._end(True)

    async def rollback(self) -> None:
        """Undo everything that was done."""
        await self.close()

    async def close(self) -> None:
        """Undo everything unless it was committed."""
        if not self.closed:
            self._leave()
            try:
                await self._end(False)
            except _ROLLED_BACK:
                # The server does it by itself when the connection ends.
                pass

    async def __aenter__(self) -> AioTransaction:
        return await self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
