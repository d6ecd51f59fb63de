"""TLS for tests without a node: certificates of many shapes, keys of many forms, and a TLS front for a stand-in."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from .accepting import Accepting
from .jars import require

PASSWORD = "correct horse"

_CA_SETTINGS = """
[ca]
default_ca = it
[it]
new_certs_dir = {directory}
database = {directory}/index.txt
serial = {directory}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""

_LEAF = "basicConstraints=critical,CA:FALSE\nsubjectAltName="
_AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"


class Workshop:
    """Makes keys and certificates with the program `openssl`, in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._openssl = require("openssl", "OpenSSL (openssl)")
        (directory / "index.txt").touch()
        (directory / "serial").write_text("1000")
        (directory / "ca.cnf").write_text(_CA_SETTINGS.format(directory=directory))

    def __getitem__(self, name: str) -> str:
        """Path of a file, which need not be there."""
        return str(self.directory / name)

    def run(self, *command: str) -> None:
        done = subprocess.run(
            [self._openssl, *command], cwd=self.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(command)} failed:\n{done.stdout}{done.stderr}")

    def key(self, name: str, kind: Sequence[str] = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")) -> None:
        """A private key, `name.key`, in the form PKCS #8."""
        self.run("genpkey", "-algorithm", *kind, "-out", f"{name}.key")

    def certify(
        self,
        name: str,
        signer: str | None,
        extensions: str | None,
        *,
        key: str | None = None,
        subject: str | None = None,
        days: tuple[int, int] = (-1, 30),
        digest: str = "sha256",
    ) -> None:
        """A certificate, `name.crt`, for the key of the same name or another: signed by another one's key, or by its own. Without
        extensions it is of version 1."""
        key = f"{key or name}.key"
        self.run("req", "-new", "-key", key, "-subj", f"/CN={subject or name}", "-out", f"{name}.csr")
        now = datetime.now(timezone.utc)
        start, end = ((now + timedelta(days=each)).strftime("%Y%m%d%H%M%SZ") for each in days)
        more = []
        if extensions is not None:
            (self.directory / f"{name}.ext").write_text(extensions + "\n")
            more = ["-extfile", f"{name}.ext"]
        by = ["-selfsign"] if signer is None else ["-cert", f"{signer}.crt"]
        times = ["-startdate", start, "-enddate", end, "-md", digest]
        out = ["-in", f"{name}.csr", "-out", f"{name}.crt", "-notext"]
        self.run("ca", "-batch", "-config", "ca.cnf", "-keyfile", f"{signer}.key" if signer else key, *by, *times, *more, *out)

    def alone(self, name: str) -> str:
        """File of a key and a certificate that nobody but itself has signed."""
        self.key(name)
        self.certify(name, None, None)
        self.join(f"{name}.pem", f"{name}.key", f"{name}.crt")
        return self[f"{name}.pem"]

    def join(self, name: str, *parts: str) -> None:
        """A file of others."""
        (self.directory / name).write_text("".join((self.directory / part).read_text() for part in parts))


#: Server certificates with one and the same key, and those with keys of their own.
_SHARING = "good v1 expired early self chain gap stranger wronghost cnonly wild sha1 client".split()
_APART = "short curve edwards".split()

SHAPES = [*_SHARING, *_APART]


def equipped(directory: Path) -> Workshop:
    """A workshop that has made authorities, a server's certificate of each of `SHAPES`, and a client's keys."""
    shop = Workshop(directory)
    _authorities(shop)
    _servers(shop)
    _client_keys(shop)
    return shop


def _authorities(shop: Workshop) -> None:
    """A root, another one, and an authority below the root."""
    for name in ("root", "other"):
        shop.key(name)
        shop.certify(name, None, _AUTHORITY)
    shop.key("middle")
    shop.certify("middle", "root", _AUTHORITY)


def _servers(shop: Workshop) -> None:
    """Server certificates of many shapes, each `name.pem` with its key."""
    here = _LEAF + "DNS:localhost,IP:127.0.0.1"
    keys = {name: "leaf" for name in _SHARING} | {name: name for name in _APART}
    shop.key("leaf")
    shop.key("short", ("RSA", "-pkeyopt", "rsa_keygen_bits:1024"))
    shop.key("curve", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    shop.key("edwards", ("ED25519",))
    choices: dict[str, dict[str, Any]] = {
        "v1": {"extensions": None},
        "expired": {"days": (-10, -5)},
        "early": {"days": (5, 10)},
        "self": {"signer": None},
        "chain": {"signer": "middle"},
        "gap": {"signer": "middle"},
        "stranger": {"signer": "other"},
        "wronghost": {"extensions": _LEAF + "DNS:evil.example,IP:10.0.0.1"},
        "cnonly": {"extensions": "basicConstraints=critical,CA:FALSE", "subject": "localhost"},
        "wild": {"extensions": _LEAF + "DNS:*.localhost,DNS:local*"},
        "sha1": {"digest": "sha1"},
        "client": {"extensions": here + "\nextendedKeyUsage=clientAuth"},
    }
    for name, key in keys.items():
        shop.certify(name, **{"signer": "root", "extensions": here, "key": key, "subject": "server"} | choices.get(name, {}))
        shop.join(f"{name}.pem", *[f"{key}.key", f"{name}.crt", *(["middle.crt"] if name == "chain" else [])])


def _client_keys(shop: Workshop) -> None:
    """A client's certificate and its key in every form, and files that are none."""
    shop.key("me")
    shop.certify("me", "root", _LEAF + "DNS:me")
    locked = ["-passout", f"pass:{PASSWORD}"]
    shop.run("rsa", "-traditional", "-in", "me.key", "-out", "me.traditional.key")
    for cipher in ("aes256", "aes128", "des3"):
        shop.run("rsa", "-traditional", f"-{cipher}", *locked, "-in", "me.key", "-out", f"me.traditional.{cipher}.key")
    shop.run("pkcs8", "-topk8", "-v2", "aes-256-cbc", *locked, "-in", "me.key", "-out", "me.pkcs8.aes.key")
    shop.run("pkcs8", "-topk8", "-v2", "des3", *locked, "-in", "me.key", "-out", "me.pkcs8.des3.key")
    shop.run("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", *locked, "-in", "me.key", "-out", "me.pkcs8.v1.key")
    shop.run("pkcs8", "-topk8", "-scrypt", *locked, "-in", "me.key", "-out", "me.pkcs8.scrypt.key")
    shop.run("ec", "-in", "curve.key", "-out", "curve.traditional.key")
    shop.run("ec", "-aes256", *locked, "-in", "curve.key", "-out", "curve.locked.key")
    shop.run("rsa", "-in", "me.key", "-outform", "DER", "-out", "me.der")
    shop.join("me.both.pem", "me.key", "me.crt")
    shop.join("me.locked.pem", "me.crt", "me.traditional.aes256.key")
    shop.certify("hers", "middle", _LEAF + "DNS:hers", key="me")
    shop.join("hers.chain.pem", "hers.crt", "middle.crt")
    shop.certify("theirs", "other", _LEAF + "DNS:theirs", key="me")
    (shop.directory / "empty.pem").touch()
    (shop.directory / "garbage.pem").write_text("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
    shop.join("bundle.pem", "other.crt", "root.crt")
    shop.join("combined.pem", "root.key", "root.crt", "leaf.key", "good.crt")


class Front(Accepting):
    """A TLS server of CPython's before a plain port. What it decrypts goes there, and back.

    Args:
        target: Host and port of the plain port.
        certificate: File of its key and its certificates.
        minimum: Oldest version of TLS.
        maximum: Newest one.
        ciphers: Its cipher list.
        authorities: Clients have to show a certificate of these.
    """

    def __init__(
        self,
        target: tuple[str, int],
        certificate: str,
        *,
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        ciphers: str | None = None,
        authorities: str | None = None,
    ) -> None:
        self.target = target
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Before the certificate: a weak one is refused on the default level.
        self.context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
        self.context.load_cert_chain(certificate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.context.minimum_version = minimum
            self.context.maximum_version = maximum
        if authorities is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(authorities)
        #: What was spoken on each connection: version, cipher, the name that the client asked for.
        self.spoken: list[tuple[str | None, str, str | None]] = []
        self.names: list[str | None] = []
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        #: What happens to a new connection in place of TLS; the connection is closed afterwards.
        self.spoil: Callable[[socket.socket], None] | None = None
        self._open: set[socket.socket] = set()
        super().__init__()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return ("127.0.0.1", self.port)

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self.spoil is not None:
                self._open.add(connection)
                with contextlib.suppress(OSError):
                    self.spoil(connection)
                self._open.discard(connection)
                return
            try:
                secure = self.context.wrap_socket(connection, server_side=True)
                stack.callback(secure.close)
                self.spoken.append((secure.version(), (secure.cipher() or ("",))[0], self.names[-1] if self.names else None))
                node = stack.enter_context(socket.create_connection(self.target))
            except OSError:
                return
            self._open |= {secure, node}
            secure.setblocking(False)
            node.setblocking(False)
            self._pump(secure, node)
            self._open -= {secure, node}

    @staticmethod
    def _pump(secure: ssl.SSLSocket, node: socket.socket) -> None:
        """Carry bytes both ways with one thread, since a session of TLS is for one thread at a time."""
        import select

        out: dict[Any, bytearray] = {secure: bytearray(), node: bytearray()}
        while True:
            writing = [sock for sock, waiting in out.items() if waiting]
            # What waits to be sent holds up what comes: the peer's window is the limit, not this process's memory.
            reading = [sock for sock, other in ((secure, node), (node, secure)) if len(out[other]) < 1 << 20]
            if not (secure in reading and secure.pending()):
                readable, _, _ = select.select(reading, writing, [], 30)
            else:
                readable = reading
            try:
                for sock, other in ((secure, node), (node, secure)):
                    if sock in readable:
                        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                            data = sock.recv(1 << 16)
                            if not data:
                                return
                            out[other] += data
                for sock, waiting in out.items():
                    with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                        while waiting:
                            del waiting[: sock.send(bytes(waiting[: 1 << 16]))]
            except OSError:
                return

    def close(self) -> None:
        """Stop listening and end all connections."""
        super().close()
        self.kick()

    def kick(self) -> None:
        """End all connections."""
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Front:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
