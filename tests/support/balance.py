"""When a cluster has moved all data to where it belongs after nodes came or went."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pyignite_rs

from .cluster import Cluster

_STATES = "SELECT STATE, COUNT(*), COUNT(DISTINCT NODE_ID) FROM SYS.PARTITION_STATES GROUP BY STATE"
_SERVERS = "SELECT COUNT(*) FROM SYS.NODES WHERE IS_CLIENT = false"


#: So long a copy too many is waited for, in seconds. Nodes sometimes keep one for minutes; all owners of its partition have their copies
#: by then, so nothing hangs on it.
SURPLUS = 15.0


def wait_for_rest(cluster: Cluster, nodes: Iterable[int], limit: float = 90.0) -> None:
    """Wait until the cluster is made of these nodes, owners have their partitions, and copies too many are gone (or `SURPLUS` is over)."""
    nodes = list(nodes)
    begin = time.monotonic()
    end = begin + limit
    client = pyignite_rs.Client(partition_aware=False, timeout=limit)
    with client.connect(*cluster.addresses[nodes[0]]):
        while True:
            states = {state: (partitions, owners) for state, partitions, owners in client.sql(_STATES)}
            servers = next(client.sql(_SERVERS))[0]
            owners = states.get("OWNING", (0, 0))[1]
            busy = {"MOVING", "RENTING"} if time.monotonic() < begin + SURPLUS else {"MOVING"}
            if servers == owners == len(nodes) and not busy & set(states):
                return
            if time.monotonic() > end:
                raise AssertionError(f"the cluster does not come to rest: {servers} nodes, {states}")
            time.sleep(0.1)
