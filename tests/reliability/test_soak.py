"""Everything at once for a long time, with a fault each second: nothing wrong, nothing grows, nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pyignite_rs
from pyignite_rs import testing as fake
from pyignite_rs.testing import GateProxy

from ..conftest import Reached, Size
from ..support.cluster import Cluster

pytestmark = [pytest.mark.live, pytest.mark.slow]

ROOT = Path(__file__).parents[2]

#: A fault each second, in turn.
FAULTS = [
    lambda gate: gate.kick(),
    lambda gate: gate.rule("get", fake.cut(9), times=3),
    lambda gate: gate.rule("put", fake.hold(0.3), times=20),
    lambda gate: gate.kick(reset=True),
    lambda gate: gate.rule("put", fake.silence(), times=2),
    lambda gate: gate.rule(None, fake.cut(3, reset=True)),
    lambda gate: gate.rule("get", fake.wrong_id(), times=1),
    lambda gate: gate.rule("get", fake.repeat(), times=5),
    lambda gate: gate.rule("get_all", fake.instead(b"\xde\xad\xbe\xef" * 8)),
    lambda gate: gate.rule("put", fake.refusal(1, "no"), times=3, on="request"),
    lambda gate: gate.rule("query_sql_fields_cursor_get_page", fake.cut(0), times=2),
    lambda gate: gate.rule("tx_end", fake.cut(0)),
    lambda gate: gate.rule("get", fake.dribble(0.01)),
    lambda gate: gate.rule("put", fake.half_close(4)),
    lambda gate: (gate.stop(), time.sleep(0.3), gate.start()),
]


def open_at_the_server(address: tuple[str, int]) -> list[int]:
    client = pyignite_rs.Client()
    with client.connect(*address):
        views = ("SCAN_QUERIES", "TRANSACTIONS")
        return [next(client.sql(f"SELECT COUNT(*) FROM SYS.{view}"))[0] for view in views]


@pytest.mark.goal("G26")
def test_a_fault_each_second(size: Size, reached: Reached) -> None:
    seconds = size(20, 600)
    with Cluster(1, jit=True) as cluster, GateProxy(*cluster.addresses[0]) as gate:
        command = [sys.executable, "-m", "tests.reliability.soak", str(gate.port), str(seconds)]
        path = os.pathsep.join([str(Path(pyignite_rs.__file__).parents[1]), *sys.path])
        load = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert load.stdout is not None and load.stdout.readline() == "ready\n", load.communicate()
            end, faults = time.monotonic() + seconds, 0
            while time.monotonic() < end - 1 and load.poll() is None:
                time.sleep(1)
                FAULTS[faults % len(FAULTS)](gate)
                faults += 1
            gate.forget_rules()
            gate.release()
            out, err = load.communicate(timeout=90)
        finally:
            load.kill()
        assert out and err == "", err
        seen = json.loads(out)
        left = open_at_the_server(cluster.addresses[0])
        end = time.monotonic() + 5
        while any(left) and time.monotonic() < end:
            time.sleep(0.1)
            left = open_at_the_server(cluster.addresses[0])
    figure = (
        f"{seen['operations']:,} operations in {seconds} s, {faults} faults, {seen.get('failed', 0):,} failed, "
        f"memory {seen['growth']:+.1%} of {seen['MiB']} MiB"
    )
    reached("G26", "a real node behind a gate, 2 threads and 24 tasks, 0 wrong, 0 left over", figure)
    assert seen["broken"] == [] and seen["hung"] == 0
    assert seen.get("wrong", 0) == 0 and seen.get("late", 0) == 0, seen
    assert (seen["descriptors"], max(seen["threads"], 0), seen["open"], left) == ([], 0, 0, [0, 0]), (seen, left)
    # Faults were met, and most calls were not.
    assert faults >= seconds * 0.7 and faults // 2 < seen["failed"] < seen["operations"] * 0.15
    assert seen["operations"] >= size(20_000, 2_000_000)
    # In the short form memory has not come to rest yet.
    assert seen["growth"] <= (0.02 if seconds >= 600 else 0.25), seen
