"""Proxies in front of the nodes of a cluster: they count what goes to which node, and can break connections at the worst moment.

with Proxies(cluster) as proxies:
    client.connect(proxies.addresses)
    assert proxies[0].requests[GET] == 7

What servers tell about where nodes listen is rewritten on the way, so that clients which discover a node discover its proxy.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from types import TracebackType

from .accepting import Accepting
from .cluster import Cluster

GET, PUT, MAP, ENDPOINTS = 1000, 1001, 1101, 5102


class Proxy(Accepting):
    """Stands in front of one node."""

    def __init__(self, proxies: Proxies, target: tuple[str, int]) -> None:
        self.proxies = proxies
        self.target = target
        #: How many requests of each op code went to the node.
        self.requests: Counter[int] = Counter()
        self._cuts = 0
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        super().__init__()
        self.address = ("127.0.0.1", self.port)

    def cut_next(self) -> None:
        """The next answer is thrown away with its connection: what was asked has been done, and nobody hears of it."""
        with self._lock:
            self._cuts += 1

    def _is_cut(self) -> bool:
        with self._lock:
            self._cuts, cuts = max(self._cuts - 1, 0), self._cuts
            return cuts > 0

    def close(self) -> None:
        super().close()
        self.kick()

    def kick(self) -> None:
        """Break all connections."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            _end(*pair)

    def serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.append((client, server))
        asked: set[int] = set()
        back = threading.Thread(target=self._pass_answers, args=(server, client, asked), daemon=True)
        back.start()
        self._pass_requests(client, server, asked)
        back.join()
        with self._lock:
            self._pairs.remove((client, server))
        client.close()
        server.close()

    def _pass_requests(self, client: socket.socket, server: socket.socket, asked: set[int]) -> None:
        messages = _Messages()
        is_greeted = False
        try:
            while data := client.recv(65_536):
                for message in messages.of(data):
                    if is_greeted:
                        code, request = struct.unpack_from("<hq", message, 4)
                        self.requests[code] += 1
                        if code == ENDPOINTS:
                            asked.add(request)
                    is_greeted = True
                server.sendall(data)
        except OSError:
            pass
        _end(client, server)

    def _pass_answers(self, server: socket.socket, client: socket.socket, asked: set[int]) -> None:
        messages = _Messages()
        is_greeted = False
        try:
            while data := server.recv(65_536):
                out = []
                for message in messages.of(data):
                    if is_greeted:
                        if self._is_cut():
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            _end(client, server)
                            return
                        request = struct.unpack_from("<q", message, 4)[0]
                        if request in asked:
                            asked.discard(request)
                            message = self.proxies.rewritten(message)
                    is_greeted = True
                    out.append(message)
                client.sendall(b"".join(out))
        except OSError:
            pass
        _end(client, server)


class _Messages:
    """Puts a stream together into messages, each with its length in front."""

    def __init__(self) -> None:
        self._kept = b""

    def of(self, data: bytes) -> list[bytes]:
        self._kept += data
        messages = []
        while len(self._kept) >= 4 and len(self._kept) >= (end := 4 + struct.unpack_from("<i", self._kept)[0]):
            messages.append(self._kept[:end])
            self._kept = self._kept[end:]
        return messages


def _end(*sockets: socket.socket) -> None:
    for sock in sockets:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxies:
    """A proxy in front of each node of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._proxies = [Proxy(self, address) for address in cluster.addresses]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [proxy.address for proxy in self._proxies]

    def __getitem__(self, index: int) -> Proxy:
        return self._proxies[index]

    def counts(self, code: int) -> list[int]:
        """How many requests of this op code went to each node."""
        return [proxy.requests[code] for proxy in self._proxies]

    def forget(self) -> None:
        """Count from 0 again."""
        for proxy in self._proxies:
            proxy.requests.clear()

    def rewritten(self, message: bytes) -> bytes:
        """A message with the ports of the proxies in place of those of the nodes."""
        for proxy in self._proxies:
            message = message.replace(struct.pack("<i", proxy.target[1]), struct.pack("<i", proxy.address[1]))
        return message

    def __enter__(self) -> Proxies:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for proxy in self._proxies:
            proxy.close()
