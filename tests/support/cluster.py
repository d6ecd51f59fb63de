"""Real Ignite nodes on this machine: started for tests, benchmarks, the demo and hand work, and gone with the process.

    with Cluster(nodes=1) as cluster:
        host, port = cluster.addresses[0]

On the command line: `python -m tests.support.cluster --nodes 3`.
"""

from __future__ import annotations

import argparse
import atexit
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from .config import Settings, Ssl, java_options, spring_xml
from .jars import cache_directory, class_path, require, version

#: Seconds that a node gets to start, and to stop when it is asked to.
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0

_PR_SET_PDEATHSIG = 1


#: Nodes talk to each other on the first free one of these, whichever they were given for clients and discovery.
COMMUNICATION_PORTS = range(47100, 47201)


def free_port() -> int:
    """A port that nobody listens on, and that no node takes by itself."""
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port: int = sock.getsockname()[1]
            if port not in COMMUNICATION_PORTS:
                return port


def _die_with_parent() -> None:
    """In the child: end when the process that started it ends, however that happens. Ctrl-C in the terminal is not for the node."""
    os.setsid()
    if os.name == "posix" and os.uname().sysname == "Linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class NodeError(RuntimeError):
    """A node did not start; the message has the end of its log."""


class Node:
    """One server process."""

    def __init__(self, cluster: Cluster, index: int, port: int) -> None:
        self.cluster = cluster
        self.index = index
        self.port = port
        self.work = cluster.directory / f"node{index}"
        self.log = cluster.directory / f"node{index}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect: host and port."""
        return ("127.0.0.1", self.port)

    def launch(self) -> None:
        """Start the process; `wait` returns when it serves."""
        self.work.mkdir(exist_ok=True)
        configuration = self.cluster.directory / f"node{self.index}.xml"
        name = f"{self.cluster.name}-{self.index}"
        configuration.write_text(
            spring_xml(self.cluster.settings, name, self.work, self.port, self.cluster.discovery_ports, self.index)
        )
        java = require("java", "a Java 17 runtime (openjdk-17-jre-headless)")
        options = java_options(self.work, jit=self.cluster.jit) + self._shared_classes()
        jars = os.pathsep.join(f"{directory}/*" for directory in self.cluster.class_path)
        command = [java, *options, "-cp", jars, "org.apache.ignite.startup.cmdline.CommandLineStartup", str(configuration)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent
            )

    def _shared_classes(self) -> list[str]:
        """The class archive halves the start-up cost; it is made when the first node of a release stops in good order."""
        if self.cluster.jit or os.environ.get("IGNITE_HOME"):
            return []
        archive = cache_directory(version()) / "classes.jsa"
        if archive.exists():
            return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"]
        return []

    def wait(self) -> None:
        """Wait until the node says that it started. Its port opens earlier, and must not be used before."""
        end = time.monotonic() + START_TIMEOUT
        while b"Node started" not in (text := self.log.read_bytes()) and b"Ignite node started OK" not in text:
            if self.process is None or self.process.poll() is not None or time.monotonic() > end:
                tail = "\n".join(text.decode(errors="replace").splitlines()[-40:])
                state = "did not start in time" if self.process and self.process.poll() is None else "ended while it started"
                raise NodeError(f"node {self.index} {state}; the end of its log:\n{tail}")
            time.sleep(0.02)

    def start(self) -> None:
        """Start the node and wait until it serves."""
        self.launch()
        self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """Ask the node to leave, and wait until it has."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()

    def restart(self) -> None:
        """Start again on the same port, with what its work directory holds."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Make it hang: connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)


class Cluster:
    """One to three nodes of one cluster.

    Args:
        nodes: How many.
        jit: Full optimisation in the JVMs: for benchmarks. Tests start more quickly without.
        ssl: Key stores of the client connectors; plain TCP without.
        authentication: Users and persistence; the cluster is activated, the first user is `ignite` / `ignite`.
        calcite: The second SQL engine beside the first.
        connector: Properties of ClientConnectorConfiguration, for example `{"threadPoolSize": 1}`.
        thin_client: Properties of ThinClientConfiguration, for example `{"maxActiveTxPerConnection": 2}`.
        placement: How caches are placed by the start of their names, for example `{"ten-": 10}`: ten partitions.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        jit: bool = False,
        ssl: Ssl | None = None,
        authentication: bool = False,
        calcite: bool = False,
        connector: dict[str, object] | None = None,
        thin_client: dict[str, object] | None = None,
        placement: dict[str, int | str] | None = None,
    ) -> None:
        self.settings = Settings(ssl, authentication, calcite, connector or {}, thin_client or {}, placement or {})
        self.jit = jit
        self.class_path = class_path(calcite=calcite)
        self.directory = Path(tempfile.mkdtemp(prefix="pyignite_rs-"))
        self.name = self.directory.name
        self.discovery_ports = [free_port() for _ in range(nodes)]
        self.nodes = [Node(self, index, free_port()) for index in range(nodes)]
        atexit.register(self.close)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where clients connect: a pair (host, port) per node."""
        return [node.address for node in self.nodes]

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def start(self) -> Cluster:
        """Start all nodes and wait until they serve."""
        try:
            # The first one alone: nodes that start together elect their coordinator slowly.
            for node in self.nodes:
                node.start()
            if self.settings.authentication:
                activate(self.addresses[0], "ignite", "ignite")
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop all nodes and remove what they left on disk."""
        atexit.unregister(self.close)
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def make_class_archive() -> Path | None:
    """Make the archive of loaded classes with which test nodes start in half the time. Made once for a release."""
    if os.environ.get("IGNITE_HOME"):
        return None
    archive = cache_directory(version()) / "classes.jsa"
    if archive.exists():
        return archive
    partial = archive.with_suffix(f".{os.getpid()}")
    cluster = Cluster(1)
    node = cluster[0]
    node._shared_classes = lambda: [f"-XX:ArchiveClassesAtExit={partial}"]  # type: ignore[method-assign]
    try:
        node.start()
        node.stop()
    finally:
        cluster.close()
    if partial.exists():
        os.replace(partial, archive)
        return archive
    return None


def handshake(
    address: tuple[str, int], username: str | None = None, password: str = "", *, timeout: float = 10, send: bool = True
) -> tuple[socket.socket, bytes]:
    """A bare handshake of protocol 1.7: the connected socket and the server's answer without its length.

    With `send=False` nothing is said and nothing awaited.
    """

    def text(value: str) -> bytes:
        data = value.encode()
        return b"\x09" + struct.pack("<i", len(data)) + data

    body = struct.pack("<bhhhb", 1, 1, 7, 0, 2) + b"\x0c\x00\x00\x00\x00"
    if username is not None:
        body += text(username) + text(password)
    sock = socket.create_connection(address, timeout=timeout)
    if not send:
        return sock, b""
    sock.sendall(struct.pack("<i", len(body)) + body)
    return sock, receive(sock)


def receive(sock: socket.socket) -> bytes:
    """One message of a server, without its length."""

    def exactly(length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = sock.recv(length - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return data

    return exactly(struct.unpack("<i", exactly(4))[0])


def activate(address: tuple[str, int], username: str, password: str) -> None:
    """Activate a cluster with persistence (operation 5001)."""
    sock, answer = handshake(address, username, password)
    with sock:
        if answer[:1] != b"\x01":
            raise NodeError(f"the cluster can not be activated: {answer!r}")
        sock.sendall(struct.pack("<ihqb", 11, 5001, 1, 1))
        response = receive(sock)
        flags = struct.unpack_from("<h", response, 8)[0]
        if flags & 1:
            raise NodeError(f"the cluster can not be activated: {response!r}")


def sql(address: tuple[str, int], statement: str, *, username: str | None = None, password: str = "") -> None:
    """Run a statement that returns no rows (operation 2004)."""
    sock, answer = handshake(address, username, password)
    with sock:
        if answer[:1] != b"\x01":
            raise NodeError(f"the server refuses the handshake: {answer!r}")
        text = statement.encode()
        body = struct.pack("<ib", 0, 0) + b"\x09" + struct.pack("<i", 6) + b"PUBLIC" + struct.pack("<ii", 1024, -1)
        body += b"\x09" + struct.pack("<i", len(text)) + text + struct.pack("<ib", 0, 0)
        body += struct.pack("<6bqb", 0, 0, 0, 0, 0, 0, 0, 0)
        sock.sendall(struct.pack("<ihq", 10 + len(body), 2004, 1) + body)
        response = receive(sock)
        if struct.unpack_from("<h", response, 8)[0] & 1:
            raise NodeError(f"the server refuses {statement!r}: {response!r}")


def main() -> None:
    """Nodes for hand work, until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Run Apache Ignite nodes until Ctrl-C.")
    parser.add_argument("--nodes", type=int, default=1, choices=(1, 2, 3), help="how many (default: 1)")
    parser.add_argument("--authentication", action="store_true", help="users and persistence; log in as ignite / ignite")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: exit(0))
    try:
        with Cluster(arguments.nodes, jit=True, authentication=arguments.authentication) as cluster:
            addresses = ", ".join(f"{host}:{port}" for host, port in cluster.addresses)
            print(f"Ignite {version()} serves at {addresses}; Ctrl-C stops it", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
