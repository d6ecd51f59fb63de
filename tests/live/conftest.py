"""Nodes of the live tests that the others do without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..support.cluster import Cluster, make_class_archive


@pytest.fixture(scope="session")
def guarded() -> Iterator[Cluster]:
    """A node with users (the first is ignite / ignite), whose data is persistent."""
    make_class_archive()
    with Cluster(1, authentication=True) as cluster:
        yield cluster
