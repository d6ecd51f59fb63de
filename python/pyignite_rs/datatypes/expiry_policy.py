"""How long entries live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

__all__ = ["ExpiryPolicy"]

_MS = timedelta(milliseconds=1)


@dataclass(kw_only=True)
class ExpiryPolicy:
    """How long an entry lives once it is created, updated or read.

    A time is a number of milliseconds or a `timedelta`; 0 expires the entry at once. Set it for a cache with PROP_EXPIRY_POLICY, or
    for the calls of one cache object with `with_expire_policy`.

    Args:
        create: Time from the creation of an entry on. Default: UNCHANGED, which for a new entry is eternal.
        update: Time from an update on.
        access: Time from reading on.
    """

    #: The entry lives as long as it would without the operation.
    UNCHANGED: ClassVar[int] = -2
    #: The entry does not expire.
    ETERNAL: ClassVar[int] = -1

    create: int | timedelta = -2
    update: int | timedelta = -2
    access: int | timedelta = -2

    def __post_init__(self) -> None:
        for name in ("create", "update", "access"):
            time = getattr(self, name)
            if not isinstance(time, (int, timedelta)):
                raise TypeError(f"'{name}' must be milliseconds (int) or a timedelta, not {type(time).__name__}")
            ms = time / _MS if isinstance(time, timedelta) else time
            if ms < 0 and ms not in (self.UNCHANGED, self.ETERNAL):
                raise ValueError(f"'{name}' value must not be negative, unless it is ETERNAL or UNCHANGED; it is {time}")
