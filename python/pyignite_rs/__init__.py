"""Client of Apache Ignite 2.x: pyignite's classes over a Rust core."""

from ._core import __version__
from .aio_client import AioClient
from .client import Client

__all__ = ["AioClient", "Client", "__version__"]
