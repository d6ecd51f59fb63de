"""Certificates for TLS tests, made anew for each run with OpenSSL and put into a key store for the node."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .config import Ssl
from .jars import require

PASSWORD = "123456"


@dataclass(frozen=True)
class Certificates:
    """Files of one small authority: a server, a client, and a client's key under a password."""

    directory: Path

    def __getattr__(self, name: str) -> str:
        """`ca_crt` is the path of `ca.crt`, and so on."""
        return str(self.directory / name.replace("_", "."))

    def stores(self, *, client_auth: bool) -> Ssl:
        """What the node is given."""
        return Ssl(self.directory / "server.p12", PASSWORD, self.directory / "trust.p12", PASSWORD, client_auth)


def make(directory: Path) -> Certificates:
    """Make everything in an empty directory. The certificates are X.509 v1 and name no host, as pyignite's recipes make them."""
    openssl = require("openssl", "OpenSSL (openssl)")
    keytool = require("keytool", "a Java 17 runtime (openjdk-17-jre-headless)")

    def run(*command: str) -> None:
        done = subprocess.run([*command], cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")

    fresh = ["req", "-newkey", "rsa:2048", "-nodes"]
    for name in ("ca", "other"):
        run(openssl, *fresh, "-x509", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    for name in ("server", "client"):
        run(openssl, *fresh, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
        run(openssl, "x509", "-req", "-in", f"{name}.csr", *authority, "-out", f"{name}.crt")
    run(openssl, "rsa", "-aes256", "-traditional", "-passout", f"pass:{PASSWORD}", "-in", "client.key", "-out", "locked.key")
    exported = ["-inkey", "server.key", "-in", "server.crt", "-certfile", "ca.crt", "-passout", f"pass:{PASSWORD}"]
    run(openssl, "pkcs12", "-export", *exported, "-out", "server.p12")
    imported = ["-importcert", "-noprompt", "-alias", "ca", "-file", "ca.crt", "-storetype", "PKCS12", "-storepass", PASSWORD]
    run(keytool, *imported, "-keystore", "trust.p12")
    return Certificates(directory)
