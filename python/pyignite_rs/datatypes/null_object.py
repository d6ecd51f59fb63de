"""Null, and what can be null."""

from .base import IgniteDataType
from .type_codes import TC_NULL

__all__ = ["Null", "Nullable"]


class Null(IgniteDataType):
    """None."""

    type_code = TC_NULL
    pythonic = type(None)
    default = None


class Nullable(IgniteDataType):
    """Base of the types whose values can be None."""
