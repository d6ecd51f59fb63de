"""Client of Apache Ignite 2.x: pyignite's classes over a Rust core."""

from ._core import __version__
from .aio_client import AioClient
from .binary import GenericObjectMeta
from .client import Client

__all__ = ["AioClient", "Client", "GenericObjectMeta", "__version__"]
