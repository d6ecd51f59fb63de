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

    def reads_of_one_object():
        cache = client.get_cache("c")
        for key in range(100):
            (owner,) = (node for node in nodes if node.is_primary(key))
            before = owner.requests["get"]
            check(cache, key)
            seen["of_them_direct"] += owner.requests["get"] - before

    def objects():
        for key in range(100):
            check(client.get_cache("c"), key)

    # The version of its topology is that of a cluster which has seen some changes.
    nodes[0].topology = (9, 0)
    client = ignite.Client(timeout=2, handshake_timeout=2)
    client.connect([node.address for node in nodes])
    check(client.get_cache("c"), 0)
    counted("map_requests_for_100_objects", objects)

    # A cluster on the same ports that counts its versions from the beginning.
    ports = [node.port for node in nodes]
    for node in nodes:
        node.stop()
    nodes = [fake.FakeNode({"c": {key: key * 11 for key in range(1_000)}}, port=ports[0])]
    nodes.append(fake.FakeNode(port=ports[1], beside=nodes[0]))
    end = time.monotonic() + 5
    # Until both nodes serve: calls may fail, and the back-off is over after a second or two.
    while time.monotonic() < end and min(node.open for node in nodes) == 0:
        try:
            client.get_cache("c").get(1)
        except Exception:
            seen["failed_before"] += 1
        time.sleep(0.05)
    counted("map_requests_for_100_reads_of_the_new_cluster", reads_of_one_object)
    tell()
"""


@pytest.mark.goal("G22")
@pytest.mark.parametrize("package", PACKAGES)
def test_map_requests(package: str, reached: Reached) -> None:
    names = ("map_requests_for_100_objects", "map_requests_for_100_reads_of_the_new_cluster")
    what = "one read by each of 100 cache objects; two stand-ins stopped and started anew, then 100 reads by one new object"
    seen = compare("G22", what, MAPS, package, reached, *names, "of_them_direct", "wrong", "errors")
    if package == OURS:
        assert not seen["hung"] and not seen["wrong"] and not seen["errors"] and seen["of_them_direct"] >= 99, seen
        assert seen[names[0]] <= 1 and seen[names[1]] <= 1, seen
    else:
        # P23 and P24.
        assert seen[names[0]] >= 100 and seen[names[1]] >= 100, seen


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
