"""TLS: the same servers, certificates, keys, versions and ciphers are accepted and refused as by pyignite on CPython.

In each cell pyignite and both faces of this client connect to one TLS server of CPython's, with a stand-in for a node behind it. What
pyignite does is what is expected: nothing is written down about who is right, besides why a refusal says what it says.
"""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs.exceptions import NoNodesError, ReconnectError
from pyignite_rs.testing import FakeNode

from ..conftest import Face
from ..support.tls import PASSWORD, SHAPES, Front, Workshop, equipped

pyignite = pytest.importorskip("pyignite")

pytestmark = pytest.mark.goal("G24", "cells, pyignite and both faces each")

ONE = ssl.TLSVersion
LEVELS = [ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED]

#: Pinned to TLS 1.2 (the default), and whatever both sides know: 1.3.
PROTOCOLS = [ssl.PROTOCOL_TLSv1_2, ssl.PROTOCOL_TLS]

#: Words of the refusal of a certificate, where one is refused.
WHY = {
    "expired": "expired",
    "early": "not yet valid",
    "self": "self-signed",
    "gap": "unable to get local issuer certificate",
    "stranger": "unable to get local issuer certificate",
    "client": "purpose",
    "sha1": "weak",
    "short": "too weak",
}


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """pyignite reports each failed connect with a traceback."""
    logging.getLogger("pyignite").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("pyignite").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return equipped(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


@pytest.fixture(scope="module")
def fronts(shop: Workshop, node: FakeNode) -> Iterator[dict[Any, Front]]:
    """Servers, made when they are asked for."""

    class Fronts(dict[Any, Front]):
        def __missing__(self, choices: tuple[tuple[str, Any], ...]) -> Front:
            options = dict(choices)
            certificate = shop[options.pop("certificate", "good") + ".pem"]
            self[choices] = Front(node.address, certificate, **options)
            return self[choices]

    made = Fronts()
    yield made
    for front in made.values():
        front.close()


def front(fronts: dict[Any, Front], **choices: Any) -> Front:
    return fronts[tuple(sorted(choices.items()))]


def with_pyignite(address: tuple[str, int], options: dict[str, Any]) -> tuple[bool, Exception | None]:
    """Whether pyignite connects and gets an answer."""
    client = pyignite.Client(use_ssl=True, handshake_timeout=5.0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client.connect(*address)
            return client.get_cache_names() == ["c"], None
        except Exception as error:
            return False, error
        finally:
            client.close()


async def with_face(face: Face, address: tuple[str, int], options: dict[str, Any]) -> tuple[bool, Exception | None]:
    """Whether this client does."""
    client = face.client(use_ssl=True, handshake_timeout=5.0, **options)
    try:
        await face(client.connect(*address))
        return await face(client.get_cache_names()) == ["c"], None
    except Exception as error:
        return False, error
    finally:
        await face(client.close())


async def both(server: Front, options: dict[str, Any]) -> tuple[bool, list[Exception]]:
    """What pyignite does; this client does the same on both faces. And what it raises."""
    expected, theirs = with_pyignite(server.address, options)
    raised: list[Exception] = []
    spoken = server.spoken[-1:] if expected else []
    for name in ("sync", "async"):
        accepts, error = await with_face(Face(name), server.address, options)
        assert accepts is expected, f"pyignite: {theirs!r}; here, {name}: {error!r}"
        if error is None:
            # The same version, the same cipher.
            assert server.spoken[-1][:2] == spoken[0][:2]
        else:
            # Programs for pyignite catch these.
            assert isinstance(error, (ReconnectError, OSError)) or type(error) is type(theirs), repr(error)
            assert PASSWORD not in repr(error)
            raised.append(error)
    return expected, raised


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["1.2", "any"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", SHAPES)
async def test_certificates_of_servers(
    fronts: dict[Any, Front], shop: Workshop, shape: str, level: ssl.VerifyMode, protocol: int
) -> None:
    options = {"ssl_version": protocol, "ssl_cert_reqs": level, "ssl_ca_certfile": shop["root.crt"]}
    accepted, raised = await both(front(fronts, certificate=shape), options)
    for error in raised:
        assert isinstance(error, NoNodesError) and WHY[shape] in str(error), str(error)
    if level != ssl.CERT_NONE and shape in ("expired", "early", "self", "gap", "stranger", "client"):
        assert not accepted


#: Files of certificates that are trusted, and the server's certificate.
TRUSTED = [
    ("root.crt", "good"), ("bundle.pem", "good"), ("combined.pem", "good"), ("other.crt", "good"), ("other.crt", "stranger"),
    ("middle.crt", "chain"), ("middle.crt", "gap"), ("self.crt", "self"), ("good.crt", "good"), ("v1.crt", "v1"),
    ("empty.pem", "good"), ("garbage.pem", "good"), ("me.der", "good"), ("missing.pem", "good"), ("me.key", "good"), (None, "good"),
]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("trusted", "shape"), TRUSTED)
async def test_files_of_trusted_certificates(
    fronts: dict[Any, Front], shop: Workshop, trusted: str | None, shape: str, level: ssl.VerifyMode
) -> None:
    options = {"ssl_cert_reqs": level, "ssl_ca_certfile": trusted and shop[trusted]}
    accepted, raised = await both(front(fronts, certificate=shape), options)
    if trusted in ("empty.pem", "garbage.pem", "me.der", "missing.pem", "me.key"):
        assert not accepted
        # The option that is wrong, and the file.
        assert all("ssl_ca_certfile" in str(error) and str(trusted) in str(error) for error in raised)


#: A client's certificate, its key and the password; the server wants a certificate of the root.
KEYS: list[tuple[str | None, str | None, str | None]] = [
    (None, None, None),
    ("me.crt", "me.key", None),
    ("me.crt", "me.key", PASSWORD),
    ("me.crt", "me.traditional.key", None),
    *(("me.crt", f"me.traditional.{cipher}.key", PASSWORD) for cipher in ("aes256", "aes128", "des3")),
    *(("me.crt", f"me.pkcs8.{form}.key", PASSWORD) for form in ("aes", "des3", "v1", "scrypt")),
    ("me.crt", "me.traditional.aes256.key", "wrong"),
    ("me.crt", "me.pkcs8.aes.key", "wrong"),
    ("me.crt", "me.traditional.aes256.key", ""),
    ("me.crt", "me.pkcs8.aes.key", ""),
    ("curve.crt", "curve.key", None),
    ("curve.crt", "curve.traditional.key", None),
    ("curve.crt", "curve.locked.key", PASSWORD),
    ("edwards.crt", "edwards.key", None),
    ("v1.crt", "leaf.key", None),
    ("me.both.pem", None, None),
    ("me.both.pem", "", None),
    ("me.locked.pem", None, PASSWORD),
    ("me.locked.pem", None, "wrong"),
    ("hers.chain.pem", "me.key", None),
    ("hers.crt", "me.key", None),
    ("theirs.crt", "me.key", None),
    ("expired.crt", "leaf.key", None),
    ("me.crt", "leaf.key", None),
    ("me.crt", "me.der", None),
    ("me.crt", "me.crt", None),
    ("me.crt", "empty.pem", None),
    ("me.crt", "missing.key", None),
    ("me.crt", None, None),
    ("missing.crt", "me.key", None),
    ("garbage.pem", "me.key", None),
    ("empty.pem", "me.key", None),
    ("me.der", "me.key", None),
    (None, "me.key", None),
]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["1.2", "any"])
@pytest.mark.parametrize(("certificate", "key", "password"), KEYS)
async def test_keys_of_clients(
    fronts: dict[Any, Front],
    shop: Workshop,
    certificate: str | None,
    key: str | None,
    password: str | None,
    protocol: int,
) -> None:
    options = {
        "ssl_version": protocol,
        "ssl_certfile": certificate and shop[certificate],
        "ssl_keyfile": key and shop[key],
        "ssl_keyfile_password": password,
    }
    _, raised = await both(front(fronts, authorities=shop["root.crt"]), options)
    for error in raised:
        text = str(error)
        if password is not None and (password == "wrong" or password == ""):
            assert "ssl_keyfile_password" in text
        for file in (certificate, key):
            if file is not None and "missing" in file:
                assert file in text and "No such file" in text


SERVERS = [
    (ONE.TLSv1_2, ONE.TLSv1_2),
    (ONE.TLSv1_3, ONE.TLSv1_3),
    (ONE.TLSv1_2, ONE.TLSv1_3),
    (ONE.TLSv1, ONE.TLSv1),
    (ONE.TLSv1_1,) * 2,
]
CODES = [None, ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLSv1, ssl.PROTOCOL_TLSv1_1, ssl.PROTOCOL_TLSv1_2]


@pytest.mark.parametrize("ciphers", [None, "ALL:@SECLEVEL=0"])
@pytest.mark.parametrize(("minimum", "maximum"), SERVERS, ids=lambda version: version.name)
@pytest.mark.parametrize("code", CODES, ids=str)
async def test_versions(fronts: dict[Any, Front], code: int | None, minimum: ONE, maximum: ONE, ciphers: str | None) -> None:
    server = front(fronts, minimum=minimum, maximum=maximum)
    chosen = {"ssl_ciphers": ciphers} if ciphers else {}
    await both(server, {"ssl_version": code, **chosen})


async def test_the_version_that_nobody_chose_is_1_2(fronts: dict[Any, Front]) -> None:
    server = front(fronts, minimum=ONE.TLSv1_2, maximum=ONE.TLSv1_3)
    assert (await both(server, {}))[0] and server.spoken[-1][0] == "TLSv1.2"
    assert (await both(server, {"ssl_version": None}))[0] and server.spoken[-1][0] == "TLSv1.3"


CLIENT_CIPHERS = [
    None, "", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384", "HIGH:!aNULL", "ALL",
    "DEFAULT", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "NO-SUCH-CIPHER", "!ALL", "eNULL:@SECLEVEL=0", "CHACHA20",
    "TLS_AES_128_GCM_SHA256",
]  # fmt: skip
SERVER_CIPHERS = ["ALL:@SECLEVEL=0", "AES128-SHA:@SECLEVEL=0", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"]


@pytest.mark.parametrize("offered", SERVER_CIPHERS)
@pytest.mark.parametrize("ciphers", CLIENT_CIPHERS)
async def test_ciphers(fronts: dict[Any, Front], ciphers: str | None, offered: str) -> None:
    server = front(fronts, ciphers=offered, maximum=ONE.TLSv1_2)
    await both(server, {"ssl_ciphers": ciphers})


@pytest.mark.parametrize(
    "wrong",
    [
        {"ssl_version": 99},
        {"ssl_version": 1},
        {"ssl_cert_reqs": 3},
        {"ssl_cert_reqs": -1},
        {"ssl_version": ssl.PROTOCOL_TLS_CLIENT},
        {"ssl_version": ssl.PROTOCOL_TLS_CLIENT, "ssl_cert_reqs": ssl.CERT_NONE},
        {"ssl_keyfile": "key.pem"},
        {"ssl_version": "TLS"},
        {"ssl_cert_reqs": "all"},
        {"ssl_keyfile_password": 5, "ssl_certfile": "me.locked.pem"},
    ],
    ids=str,
)
async def test_choices_that_are_none_raise_what_pyignite_raises(
    fronts: dict[Any, Front], shop: Workshop, wrong: dict[str, Any]
) -> None:
    options = {name: shop[value] if str(value).endswith(".pem") else value for name, value in wrong.items()}
    accepted, raised = await both(front(fronts), options)
    assert not accepted and all(isinstance(error, (ValueError, TypeError)) for error in raised), raised
    # Nobody looks at them while TLS is off.
    for face in (Face("sync"), Face("async")):
        client = face.client(**options)
        with pytest.raises(NoNodesError):
            await face(client.connect("127.0.0.1", 1))
