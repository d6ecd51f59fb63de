"""Cursors: the rows of a query, a page at a time.

While one page is read, the next one is on its way. A cursor lives on one connection: when that is lost, the cursor raises
CursorLostError and never goes on with another one. What is left open is closed on the server when the cursor is dropped.
"""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._core import AsyncCursor, SyncCursor

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AioScanCursor", "AioSqlFieldsCursor", "ScanCursor", "SqlCursor", "SqlFieldsCursor"]


class _Cursor(SyncCursor):
    """An iterator over rows and a context manager that closes it."""

    def close(self) -> None:
        """Close the cursor on the server, if it has more rows."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ScanCursor(_Cursor):
    """Entries of a scan: tuples (key, value)."""


class SqlCursor(_Cursor):
    """Entries of a query for one type: tuples (key, value)."""


class SqlFieldsCursor(_Cursor):
    """Rows of a statement: lists. If asked for, the first one is the list of column names."""


class _AioCursor(AsyncCursor):
    """An asynchronous iterator over rows: to be awaited, or entered with `async with`, which closes it at its end."""

    def __await__(self) -> Generator[Any, Any, Self]:
        yield from self._open().__await__()
        return self

    async def close(self) -> None:
        """Close the cursor on the server, if it has more rows."""
        ahead = self._take_ahead()
        if ahead is not None:
            # A cursor serves one request at a time; what became of the page does not matter any more.
            try:
                await ahead
            except Exception:
                pass
        await self._close()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


class AioScanCursor(_AioCursor):
    """Entries of a scan: lists [key, value], as pyignite gives them."""


class AioSqlFieldsCursor(_AioCursor):
    """Rows of a statement: lists. If asked for, the first one is the list of column names."""
