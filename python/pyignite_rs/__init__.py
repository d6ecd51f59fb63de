"""Client of Apache Ignite 2.x: pyignite's classes over a Rust core."""

# `import pyignite` brings its modules along, so this does too.
from . import constants as constants
from . import cursors as cursors
from . import datatypes as datatypes
from . import exceptions as exceptions
from . import monitoring as monitoring
from . import queries as queries
from . import transaction as transaction
from . import utils as utils
from ._alias import install_as_pyignite
from ._core import __version__
from .aio_client import AioClient
from .binary import GenericObjectMeta
from .client import Client

__all__ = ["AioClient", "Client", "GenericObjectMeta", "__version__", "install_as_pyignite"]
