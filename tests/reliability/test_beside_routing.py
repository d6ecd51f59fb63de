"""Which nodes calls go to, and how often nodes are asked for that, on this client and on pyignite with the same script."""

from __future__ import annotations

import pytest

from ..conftest import Reached
from .beside import OURS, PACKAGES, compare

MAPS = """
    nodes = [fake.FakeNode({"c": {key: key * 11 for key in range(1_000)}})]
    nodes.append(fake.FakeNode(beside=nodes[0]))

    def maps():
        return sum(node.requests["partitions"] for node in nodes)

    def counted(name, body):
        before = maps()
        body()
        seen[name] = maps() - before

    def reads(cache, direct):
        for key in range(100):
            (owner,) = (node for node in nodes if node.is_primary(key))
            before = owner.requests["get"]
            check(cache, key)
            seen[direct] += owner.requests["get"] - before

    def objects():
        for key in range(100):
            check(client.get_cache("c"), key)

    # The version of its topology is that of a cluster which has seen some changes.
    nodes[0].topology = (9, 0)
    client = ignite.Client(timeout=2, handshake_timeout=2)
    client.connect([node.address for node in nodes])
    old = client.get_cache("c")
    check(old, 0)
    counted("map_requests_for_100_objects", objects)

    # A cluster on the same ports that counts its versions from the beginning.
    ports = [node.port for node in nodes]
    for node in nodes:
        node.stop()
    nodes = [fake.FakeNode({"c": {key: key * 11 for key in range(1_000)}}, port=ports[0])]
    nodes.append(fake.FakeNode(port=ports[1], beside=nodes[0]))
    # Calls may fail, and the back-off is over after a second or two. So much time has a client to find the nodes and the new map.
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            old.get(1)
        except Exception:
            seen["failed_before"] += 1
        time.sleep(0.05)
    counted("map_requests_by_the_first_object", lambda: reads(old, "reads_of_the_first_object_direct"))
    counted("map_requests_by_a_new_one", lambda: reads(client.get_cache("c"), "reads_of_the_new_one_direct"))
    tell()
"""


@pytest.mark.goal("G22")
@pytest.mark.parametrize("package", PACKAGES)
def test_map_requests(package: str, reached: Reached) -> None:
    what = "a read by each of 100 cache objects; two stand-ins started anew, after 3 s 100 reads by the first object and 100 by a new one"
    maps = ("map_requests_for_100_objects", "map_requests_by_the_first_object", "map_requests_by_a_new_one")
    direct = ("reads_of_the_first_object_direct", "reads_of_the_new_one_direct")
    seen = compare("G22", what, MAPS, package, reached, *maps, *direct, "wrong", "errors")
    if package == OURS:
        assert not seen["hung"] and not seen["wrong"] and not seen["errors"], seen
        assert all(seen[name] <= 1 for name in maps) and all(seen[name] >= 99 for name in direct), seen
    else:
        # P23; P24: the first object keeps the map of a cluster that is gone, the new one asks for it with each call.
        assert seen[maps[0]] >= 100 and seen[direct[0]] < 90 and seen[maps[2]] >= 100, seen


PARTITIONS = """
    nodes = [fake.FakeNode({"c": {key: key * 11 for key in range(1_000)}}, partitions=OPTIONS["partitions"])]
    nodes += [fake.FakeNode(beside=nodes[0], partitions=OPTIONS["partitions"]) for _ in range(2)]
    client = ignite.Client(timeout=2)
    client.connect([node.address for node in nodes])
    cache = client.get_cache("c")
    # A client may learn about the map beside its first calls.
    check(cache, 0)
    time.sleep(0.2)
    check(cache, 0)
    seen.clear()
    for key in range(300):
        (owner,) = (node for node in nodes if node.is_primary(key))
        before = owner.requests["get"]
        check(cache, key)
        seen["direct"] += owner.requests["get"] - before
    tell()
"""


@pytest.mark.goal("G22")
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("partitions", [1_000, 1_024])
def test_reads_go_to_the_node_of_the_key(package: str, partitions: int, reached: Reached) -> None:
    what = f"300 reads at three stand-ins, {partitions:,} partitions"
    seen = compare("G22", what, PARTITIONS, package, reached, "direct", "wrong", "errors", partitions=partitions)
    if package == OURS:
        assert (seen["direct"], seen["right"], seen["wrong"], seen["errors"]) == (300, 300, 0, 0), seen
    elif partitions == 1_000:
        # P25.
        assert seen["direct"] < 150, seen
    else:
        # The stand-in's map is one that it can read.
        assert seen["direct"] > 290, seen
