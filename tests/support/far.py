"""A node behind a cable that can be pulled: then neither side hears anything any more, not even that it is so.

Two network namespaces with a pair of virtual interfaces; one end goes down. It takes root and the tools `ip`, `unshare`, `nsenter`.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType

import pytest

from .accepting import join

_NUMBERS = itertools.count(os.getpid() % 100 * 100)
_CLONE_NEWNET = 0x40000000


def needs_root() -> pytest.MarkDecorator:
    missing = [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]
    allowed = os.geteuid() == 0 and not missing and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0
    return pytest.mark.skipif(not allowed, reason="making network namespaces takes root, ip, unshare and nsenter")


class Far:
    """Passes connections to its `address` on to `target`, which is in the namespace of the test, until `pull()`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        self._sockets: list[socket.socket] = []
        self._wait_for_namespace()
        number = next(_NUMBERS)
        self.near, self.far = f"near{number}", f"far{number}"
        network = f"10.213.{number // 64 % 256}.{number % 64 * 4}"
        base, _, last = network.rpartition(".")
        here, there = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        try:
            self._ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", str(self.holder.pid))
            self._ip("addr", "add", f"{here}/30", "dev", self.near)
            self._ip("link", "set", self.near, "up")
            self._ip_there("addr", "add", f"{there}/30", "dev", self.far)
            self._ip_there("link", "set", self.far, "up")
            listener = self._there(lambda: socket.create_server((there, 0)))
        except BaseException:
            self.close()
            raise
        self._sockets.append(listener)
        self.address: tuple[str, int] = listener.getsockname()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _wait_for_namespace(self) -> None:
        end = time.monotonic() + 5
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            assert time.monotonic() < end
            time.sleep(0.01)

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    def _ip_there(self, *arguments: str) -> None:
        subprocess.run(["nsenter", "-t", str(self.holder.pid), "-n", "ip", *arguments], check=True)

    def _there(self, make: Callable[[], socket.socket]) -> socket.socket:
        """What is made in the other namespace, into which a thread of its own goes."""
        made: list[socket.socket] = []

        def go() -> None:
            with open(f"/proc/{self.holder.pid}/ns/net") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                    made.append(make())

        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        assert made, "the namespace can not be entered"
        return made[0]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            self._sockets += [client, server]
            join(client, server)

    def pull(self) -> None:
        """From now on everything that is sent is lost, both ways."""
        self._ip_there("link", "set", self.far, "down")

    def plug(self) -> None:
        self._ip_there("link", "set", self.far, "up")

    def close(self) -> None:
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        # The interfaces go with the namespace.
        self.holder.kill()
        self.holder.wait()

    def __enter__(self) -> Far:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
