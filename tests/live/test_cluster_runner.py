"""The node runner itself: three nodes, crash and hang, users, settings, a start that fails, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyignite_rs.exceptions import AuthenticationError

from ..conftest import Face
from ..support import jars
from ..support.cluster import Cluster, NodeError, handshake, make_class_archive, receive

ROOT = Path(__file__).resolve().parents[2]


def accepts(address: tuple[str, int]) -> bool:
    """Whether a node answers a handshake."""
    sock, answer = handshake(address)
    sock.close()
    return answer[:1] == b"\x01"


def is_running(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def test_three_nodes_are_one_cluster_and_leave_nothing_behind() -> None:
    make_class_archive()
    with Cluster(3) as cluster:
        assert len({port for _, port in cluster.addresses}) == 3
        assert all(accepts(address) for address in cluster.addresses)
        log = cluster[2].log.read_text(errors="replace")
        assert "servers=3" in log
        processes = [node.process.pid for node in cluster.nodes if node.process]
        assert len(processes) == 3 and all(map(is_running, processes))
    assert not any(map(is_running, processes))
    assert not cluster.directory.exists()


def test_a_node_can_be_killed_restarted_paused_and_resumed() -> None:
    with Cluster(1) as cluster:
        node = cluster[0]
        node.kill()
        with pytest.raises(OSError):
            handshake(node.address)
        node.restart()
        assert accepts(node.address)
        node.pause()
        # The kernel still takes the connection; nobody answers.
        with pytest.raises(TimeoutError):
            handshake(node.address, timeout=0.5)
        node.resume()
        assert accepts(node.address)


def test_settings_of_the_connector_reach_the_node() -> None:
    with Cluster(1, connector={"handshakeTimeout": 300, "threadPoolSize": 1}) as cluster:
        assert accepts(cluster.addresses[0])
        sock, _ = handshake(cluster.addresses[0], send=False)
        started = time.monotonic()
        with sock, pytest.raises(ConnectionError):
            receive(sock)
        assert time.monotonic() - started < 5


def test_a_start_that_fails_shows_the_log() -> None:
    with pytest.raises(NodeError, match=r"(?s)end of its log.*noSuchProperty"):
        Cluster(1, connector={"noSuchProperty": 1}).start()


async def test_users_and_passwords(face: Face, guarded: Cluster) -> None:
    client = await face.connected(*guarded.addresses[0], username="ignite", password="ignite")
    cache = await face(client.get_or_create_cache("guarded"))
    await face(cache.put(1, "seen by users only"))
    assert await face(cache.get(1)) == "seen by users only"
    await face(client.close())
    for options in ({"username": "ignite", "password": "wröng"}, {"username": "nobody", "password": ""}, {}):
        with pytest.raises(AuthenticationError) as caught:
            await face.connected(*guarded.addresses[0], **options)
        assert caught.value.code == 2000
        assert "wröng" not in repr(caught.value)


def test_ctrl_c_stops_the_nodes() -> None:
    command = [sys.executable, "-m", "tests.support.cluster", "--nodes", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "serves at 127.0.0.1:" in line
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()
    assert not any(is_running(int(child)) for child in children)


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match=r"'java' is missing: install .*Java 17"):
        jars.require("java", "a Java 17 runtime")


@pytest.mark.slow
@pytest.mark.parametrize("release", ["2.16.0", "2.18.0"])
async def test_other_releases_serve(face: Face, release: str, monkeypatch: pytest.MonkeyPatch, cache_name: str) -> None:
    monkeypatch.delenv("IGNITE_HOME", raising=False)
    monkeypatch.setenv("IGNITE_VERSION", release)
    make_class_archive()
    with Cluster(1) as cluster:
        client = await face.connected(*cluster.addresses[0])
        cache = await face(client.create_cache(cache_name))
        await face(cache.put_all({key: str(key) for key in range(100)}))
        assert await face(cache.get_all(range(100))) == {key: str(key) for key in range(100)}
        await face(client.close())
