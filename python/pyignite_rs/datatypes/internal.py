"""The hint that leaves the choice to the value."""

from .base import IgniteDataType

__all__ = ["AnyDataObject"]


class AnyDataObject(IgniteDataType):
    """Whatever wire type suits the value, as without a hint."""
