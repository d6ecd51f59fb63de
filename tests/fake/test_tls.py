"""TLS over the stand-in: names of hosts, versions, trusted authorities, passwords of keys, sizes; what pyignite has not."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from pyignite_rs.exceptions import NoNodesError
from pyignite_rs.testing import FakeNode, cut, hold

from ..conftest import Face
from ..support.tls import PASSWORD, Front, Workshop, equipped

VERIFIED = {"use_ssl": True, "ssl_cert_reqs": ssl.CERT_REQUIRED}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return equipped(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"]) as running:
        yield running


async def connects(face: Face, server: Front, host: str = "127.0.0.1", **options: Any) -> str:
    """Empty when a client connects and gets an answer, else what is wrong."""
    client = face.client(handshake_timeout=5.0, use_ssl=True, **options)
    try:
        await face(client.connect(host, server.address[1]))
        assert await face(client.get_cache_names()) == ["c"]
    except NoNodesError as error:
        return str(error)
    finally:
        await face(client.close())
    return ""


def cpython_connects(server: Front, host: str, authority: str) -> bool:
    """Whether Python's own `ssl` takes the server for this host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    try:
        with socket.create_connection(server.address, 5) as plain, context.wrap_socket(plain, server_hostname=host):
            return True
    except ssl.SSLError:
        return False


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
@pytest.mark.parametrize("shape", ["good", "v1", "wronghost", "cnonly", "wild", "curve", "expired"])
async def test_the_name_of_the_host_is_checked_when_that_is_wanted(shop: Workshop, node: FakeNode, shape: str, host: str) -> None:
    with Front(node.address, shop[f"{shape}.pem"]) as server:
        expected = cpython_connects(server, host, shop["root.crt"])
        trusted = {"ssl_ca_certfile": shop["root.crt"]}
        for face in (Face("sync"), Face("async")):
            for wanted in (
                {"ssl_check_hostname": True},
                {"ssl_version": ssl.PROTOCOL_TLS_CLIENT, "ssl_cert_reqs": ssl.CERT_REQUIRED},
            ):
                refused = await connects(face, server, host, **trusted, **wanted)
                assert (refused == "") is expected, refused
                if shape == "wronghost":
                    assert "mismatch" in refused
            # Without the wish only the certificate counts.
            unnamed = await connects(face, server, host, **trusted, ssl_cert_reqs=ssl.CERT_REQUIRED)
            assert (unnamed == "") is (shape != "expired")


async def test_the_server_is_told_the_name_of_the_host(face: Face, shop: Workshop, node: FakeNode) -> None:
    with Front(node.address, shop["good.pem"]) as server:
        for host in ("localhost", "127.0.0.1"):
            assert await connects(face, server, host) == ""
        assert server.names == ["localhost", None]


@pytest.mark.parametrize(
    ("choices", "speaks"),
    [
        ({}, "TLSv1.2"),
        ({"ssl_version": ssl.PROTOCOL_TLS}, "TLSv1.3"),
        ({"ssl_version": ssl.TLSVersion.TLSv1_3}, "TLSv1.3"),
        ({"ssl_version": ssl.TLSVersion.TLSv1_2}, "TLSv1.2"),
        ({"ssl_minimum_version": ssl.TLSVersion.TLSv1_2}, "TLSv1.3"),
        ({"ssl_minimum_version": ssl.TLSVersion.TLSv1_3}, "TLSv1.3"),
        ({"ssl_version": ssl.PROTOCOL_TLS, "ssl_minimum_version": ssl.TLSVersion.TLSv1_3}, "TLSv1.3"),
        ({"ssl_version": ssl.PROTOCOL_TLSv1_2, "ssl_minimum_version": ssl.TLSVersion.TLSv1_2}, "TLSv1.2"),
    ],
    ids=str,
)
async def test_versions(face: Face, shop: Workshop, node: FakeNode, choices: dict[str, Any], speaks: str) -> None:
    with Front(node.address, shop["good.pem"]) as server:
        assert await connects(face, server, **choices) == ""
        assert server.spoken[-1][0] == speaks
    with Front(node.address, shop["good.pem"], maximum=ssl.TLSVersion.TLSv1_2) as old:
        may_be_old = choices.get("ssl_minimum_version") != ssl.TLSVersion.TLSv1_3
        may_be_old = may_be_old and choices.get("ssl_version") != ssl.TLSVersion.TLSv1_3
        refused = await connects(face, old, **choices)
        assert (refused == "") is may_be_old and ("version" in refused) is not may_be_old


@pytest.mark.parametrize(
    "wrong",
    [
        {"ssl_minimum_version": 5},
        {"ssl_minimum_version": ssl.TLSVersion.TLSv1_3, "ssl_version": ssl.PROTOCOL_TLSv1_2},
        {"ssl_check_hostname": True, "ssl_cert_reqs": ssl.CERT_NONE},
        {"ssl_version": ssl.PROTOCOL_TLS_SERVER},
    ],
    ids=str,
)
async def test_choices_that_contradict_each_other(face: Face, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ssl_"):
        await face(face.client(use_ssl=True, **wrong).connect("127.0.0.1", 1))


async def test_authorities_that_the_machine_trusts(
    face: Face, shop: Workshop, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Front(node.address, shop["good.pem"]) as server:
        for file, trusted in (("root.crt", True), ("other.crt", False)):
            monkeypatch.setenv("SSL_CERT_FILE", shop[file])
            refused = await connects(face, server, ssl_cert_reqs=ssl.CERT_REQUIRED, ssl_system_roots=True)
            assert (refused == "") is trusted
            # They are not looked at unless that is wanted.
            assert "verify failed" in await connects(face, server, ssl_cert_reqs=ssl.CERT_REQUIRED)
            both = await connects(
                face, server, ssl_cert_reqs=ssl.CERT_REQUIRED, ssl_system_roots=True, ssl_ca_certfile=shop["root.crt"]
            )
            assert both == ""


@pytest.mark.parametrize(
    "secret", [PASSWORD, PASSWORD.encode(), bytearray(PASSWORD.encode()), lambda: PASSWORD], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("path", [str, os.fsencode, os.path.abspath], ids=["str", "bytes", "path"])
async def test_passwords_and_paths_in_each_form_that_python_takes(
    face: Face, shop: Workshop, node: FakeNode, secret: Any, path: Any
) -> None:
    with Front(node.address, shop["good.pem"], authorities=shop["root.crt"]) as server:
        key, certificate = path(shop["me.traditional.aes256.key"]), path(shop["me.crt"])
        assert await connects(face, server, ssl_keyfile=key, ssl_certfile=certificate, ssl_keyfile_password=secret) == ""


async def test_a_locked_key_without_a_password_says_so_and_asks_nobody(face: Face, shop: Workshop, node: FakeNode) -> None:
    with Front(node.address, shop["good.pem"], authorities=shop["root.crt"]) as server:
        for form in ("traditional.aes256", "pkcs8.aes"):
            refused = await connects(face, server, ssl_keyfile=shop[f"me.{form}.key"], ssl_certfile=shop["me.crt"])
            assert "ssl_keyfile_password is missing" in refused


async def test_a_certificate_that_a_server_wants_and_does_not_get(face: Face, shop: Workshop, node: FakeNode) -> None:
    with Front(node.address, shop["good.pem"], authorities=shop["root.crt"]) as server:
        for version in (ssl.PROTOCOL_TLSv1_2, ssl.PROTOCOL_TLS):
            assert "alert" in await connects(face, server, ssl_version=version)


async def test_renewed_files_count_from_the_next_connection_on(face: Face, shop: Workshop, node: FakeNode, tmp_path: Any) -> None:
    trusted = tmp_path / "trusted.crt"
    shutil.copy(shop["other.crt"], trusted)
    with Front(node.address, shop["good.pem"]) as server:
        client = face.client(**VERIFIED, ssl_ca_certfile=str(trusted))
        with pytest.raises(NoNodesError):
            await face(client.connect(*server.address))
        shutil.copy(shop["bundle.pem"], trusted)
        await face(client.connect(*server.address))
        assert await face(client.get_cache_names()) == ["c"]
        shutil.copy(shop["other.crt"], trusted)
        server.kick()
        await asyncio.sleep(0.15)
        with pytest.raises(NoNodesError, match="verify failed"):
            await face(client.get_cache_names())
        await face(client.close())


#: Around the edges of a record of TLS, of buffers here, of what a connection collects.
SIZES = [1, 100, 16_000, 16_383, 16_384, 16_385, 17_408, 65_535, 65_536, 100_000, 1 << 20, 4_194_304, 16 << 20]


@pytest.mark.parametrize("version", [ssl.PROTOCOL_TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_values_of_every_size_go_through(face: Face, shop: Workshop, node: FakeNode, version: int) -> None:
    with Front(node.address, shop["good.pem"]) as server:
        client = await face.connected(
            *server.address, **VERIFIED, ssl_ca_certfile=shop["root.crt"], ssl_version=version, timeout=30.0
        )
        cache = await face(client.get_cache("c"))
        pattern = bytes(number * 7 % 251 for number in range(4_099))
        for size in SIZES:
            value = (pattern * (size // len(pattern) + 1))[:size]
            await face(cache.put(size, value))
            assert await face(cache.get(size)) == value
        assert len(node.entries("c")) == len(SIZES)
        small = SIZES[:8]
        if face.is_async:
            for key, value in zip(small, await asyncio.gather(*(cache.get(key) for key in small)), strict=True):
                assert len(value) == key
        assert await face(cache.get_all(small)) == {key: (pattern * (key // len(pattern) + 1))[:key] for key in small}
        assert node.accepted == 1
        await face(client.close())


async def test_faults_under_tls_meet_the_right_calls(face: Face, shop: Workshop, node: FakeNode) -> None:
    with Front(node.address, shop["good.pem"]) as server:
        client = await face.connected(*server.address, use_ssl=True, timeout=5.0)
        cache = await face(client.get_cache("c"))
        await face(cache.put(1, "one"))
        node.rule("get", cut(7))
        assert await face(cache.get(1)) == "one"
        node.rule("get", hold(0.3))
        with pytest.raises(TimeoutError):
            await face(cache.get(1, timeout=0.1))
        for _ in range(20):
            assert await face(cache.get(1)) == "one"
        server.kick()
        assert await face(cache.get(1)) == "one"
        await face(client.close())
