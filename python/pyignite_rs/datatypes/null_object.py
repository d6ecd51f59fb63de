"""Null, and what can be null."""

from typing import Any, ClassVar

from .base import IgniteDataType
from .type_codes import TC_NULL

__all__ = ["Null", "Nullable"]


class Null(IgniteDataType):
    """None."""

    type_code = TC_NULL
    pythonic: ClassVar[Any] = type(None)
    default = None


class Nullable(IgniteDataType):
    """Base of the types whose values can be None."""
