"""Which copies of entries `get_size` counts."""

from enum import IntEnum


class PeekModes(IntEnum):
    """Kinds of copies of an entry."""

    ALL = 0
    NEAR = 1
    PRIMARY = 2
    BACKUP = 3
    ONHEAP = 4
    OFFHEAP = 5
