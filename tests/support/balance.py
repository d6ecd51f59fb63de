"""When a cluster has moved all data to where it belongs after nodes came or went."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pyignite_rs

from .cluster import Cluster

_STATES = "SELECT STATE, COUNT(*), COUNT(DISTINCT NODE_ID) FROM SYS.PARTITION_STATES GROUP BY STATE"
_SERVERS = "SELECT COUNT(*) FROM SYS.NODES WHERE IS_CLIENT = false"


def wait_for_rest(cluster: Cluster, nodes: Iterable[int], limit: float = 90.0) -> None:
    """Wait until the cluster is made of these nodes and nothing is on its way between them any more."""
    nodes = list(nodes)
    end = time.monotonic() + limit
    client = pyignite_rs.Client(partition_aware=False, timeout=limit)
    with client.connect(*cluster.addresses[nodes[0]]):
        while True:
            states = {state: (partitions, owners) for state, partitions, owners in client.sql(_STATES)}
            servers = next(client.sql(_SERVERS))[0]
            owners = states.get("OWNING", (0, 0))[1]
            if servers == owners == len(nodes) and not {"MOVING", "RENTING"} & set(states):
                return
            if time.monotonic() > end:
                raise AssertionError(f"the cluster does not come to rest: {servers} nodes, {states}")
            time.sleep(0.1)
