"""A server of a few lines: whatever connects to its port is served by a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes, until it ends."""
    with contextlib.suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def join(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes from either to the other, in threads of their own."""
    for ends in ((one, other), (other, one)):
        threading.Thread(target=pump, args=ends, daemon=True).start()


class Accepting:
    """Listens on a free port from the moment it is made.

    Args:
        host: Address of this machine.
        family: Its family.
    """

    def __init__(self, host: str = "127.0.0.1", family: socket.AddressFamily = socket.AF_INET) -> None:
        self._listener = socket.create_server((host, 0), family=family, backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """What is done with a connection, which this has to close."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop listening. Connections that were accepted go on."""
        with contextlib.suppress(OSError):
            # Closing alone would not wake the thread that accepts.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
