"""What every hint class is: a name for a wire type."""

from __future__ import annotations

from typing import Any, ClassVar

from ..utils import entity_id

__all__ = ["IgniteDataType", "IgniteDataTypeMeta", "IgniteDataTypeProps"]


class IgniteDataTypeProps:
    """`type_name` and `type_id`, on a class and on its instances alike."""

    @property
    def type_name(self) -> str | None:
        """Name of the type in the cluster; None for types that have none."""
        name: str | None = getattr(self, "_type_name", None)
        return name

    @property
    def type_id(self) -> int | None:
        """Id of the type: as given, else the hash of the name in lower case."""
        type_id: int | None = getattr(self, "_type_id", None)
        return entity_id(self.type_name) if type_id is None else type_id


class IgniteDataTypeMeta(type, IgniteDataTypeProps):
    """Metaclass of the hint classes: they have their properties themselves, without an instance."""


class IgniteDataType(metaclass=IgniteDataTypeMeta):
    """Base of all hint classes.

    A hint stands for a wire type in `put(key, value, value_hint=IntObject)` or in a pair `(value, IntObject)`. It is never
    instantiated and holds no code; the bytes are written by the Rust half, which looks at `type_code`.
    """

    _type_name: ClassVar[str | None] = None
    _type_id: ClassVar[int | None] = None
    #: The byte in front of a value of this type; None for types that are no data object by themselves.
    type_code: ClassVar[bytes | None] = None
    #: What a value of this type is in Python.
    pythonic: ClassVar[Any]
    #: The value of a field that was not given.
    default: ClassVar[Any]

    @classmethod
    def hashcode(cls, value: Any, **kwargs: Any) -> int:
        """Hash code that servers compute for a key of this type, Java's.

        Args:
            value: The key; it must be of this type.
            **kwargs: Taken for pyignite's sake (`client`), and not needed.

        Returns:
            A signed 32-bit number.

        Raises:
            TypeError, ValueError, OverflowError: The value is of another type.
        """
        from .. import _core

        return _core.hash_of(_core.encode(value, cls))

    @classmethod
    async def hashcode_async(cls, value: Any, **kwargs: Any) -> int:
        """The same as a coroutine, as pyignite has it."""
        return cls.hashcode(value, **kwargs)
