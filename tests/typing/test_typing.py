"""The type checkers read a file that uses every public method; this sees to it that it does. `make check` runs them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from pyignite_rs import AioClient, Client
from pyignite_rs.aio_cache import AioCache
from pyignite_rs.aio_cluster import AioCluster
from pyignite_rs.cache import Cache
from pyignite_rs.cluster import Cluster
from pyignite_rs.transaction import AioTransaction, Transaction

USES = ast.parse(Path(__file__).with_name("uses_everything.py").read_text())

#: Functions of the file that use each class.
WHERE = {
    Client: {"client", "types"},
    Cluster: {"client"},
    Transaction: {"client"},
    Cache: {"cache", "typed_cache"},
    AioClient: {"aio_client", "aio_types"},
    AioCluster: {"aio_client"},
    AioTransaction: {"aio_client"},
    AioCache: {"aio_cache"},
}

#: Attributes that hold what a constructor was given; they are what they were.
GIVEN = {"concurrency", "isolation", "timeout", "label", "client", "tx_id"}


@pytest.mark.parametrize("cls", WHERE, ids=lambda cls: cls.__name__)
def test_every_public_method_is_used(cls: type) -> None:
    used = set()
    for function in USES.body:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in WHERE[cls]:
            used |= {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    public = {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}
    assert public - used - GIVEN == set()
