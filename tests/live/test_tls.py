"""TLS against a real node that wants a client certificate, on both faces."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyignite_rs.exceptions import NoNodesError, ReconnectError

from ..conftest import Face
from ..support.certificates import PASSWORD, Certificates, make
from ..support.cluster import Cluster, make_class_archive


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def address(certificates: Certificates) -> Iterator[tuple[str, int]]:
    make_class_archive()
    with Cluster(1, ssl=certificates.stores(client_auth=True)) as running:
        yield running.addresses[0]


@pytest.fixture
def options(certificates: Certificates) -> dict[str, Any]:
    """What a client needs here."""
    return {"use_ssl": True, "ssl_certfile": certificates.client_crt, "ssl_keyfile": certificates.client_key}


@pytest.mark.parametrize("size", [1, 1_000, 16_384, 1 << 20, 16 << 20])
async def test_values_of_every_size_go_through(
    face: Face, address: Any, options: dict[str, Any], cache_name: str, size: int
) -> None:
    client = await face.connected(*address, **options)
    cache = await face(client.get_or_create_cache(cache_name))
    value = bytes(number * 7 % 251 for number in range(min(size, 4096))) * max(1, size // 4096)
    await face(cache.put(1, value))
    assert await face(cache.get(1)) == value
    assert await face(cache.get_all([1, 2])) == {1: value}
    await face(cache.destroy())
    await face(client.close())


async def test_many_calls_at_once(face: Face, address: Any, options: dict[str, Any], cache_name: str) -> None:
    client = await face.connected(*address, **options)
    cache = await face(client.get_or_create_cache(cache_name))
    await face(cache.put_all({key: f"value {key}" for key in range(500)}))
    if face.is_async:
        values = await asyncio.gather(*[cache.get(key) for key in range(500)])
    else:
        values = [cache.get(key) for key in range(500)]
    assert values == [f"value {key}" for key in range(500)]
    await face(cache.destroy())
    await face(client.close())


@pytest.mark.parametrize("version", [ssl.PROTOCOL_TLSv1_2, ssl.PROTOCOL_TLS, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("level", [ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
async def test_versions_and_levels_are_accepted(
    face: Face, address: Any, options: dict[str, Any], certificates: Certificates, version: int, level: int
) -> None:
    trusted = {"ssl_version": version, "ssl_cert_reqs": level, "ssl_ca_certfile": certificates.ca_crt}
    client = await face.connected(*address, **options, **trusted)
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


async def test_a_key_under_a_password_is_read(
    face: Face, address: Any, options: dict[str, Any], certificates: Certificates
) -> None:
    locked = {**options, "ssl_keyfile": certificates.locked_key, "ssl_keyfile_password": PASSWORD}
    client = await face.connected(*address, **locked)
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


async def refused(face: Face, address: Any, options: dict[str, Any]) -> str:
    with pytest.raises(NoNodesError) as caught:
        await face.connected(*address, handshake_timeout=3.0, **options)
    assert isinstance(caught.value, ReconnectError)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


async def test_wrong_choices_say_what_is_wrong(
    face: Face, address: Any, options: dict[str, Any], certificates: Certificates, tmp_path: Path
) -> None:
    stranger = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certfile": certificates.other_crt}
    assert "verify failed" in await refused(face, address, {**options, **stranger})
    assert "ssl_ca_certfile" in await refused(face, address, {**options, "ssl_ca_certfile": str(tmp_path / "missing.pem")})
    locked = {**options, "ssl_keyfile": certificates.locked_key}
    assert "ssl_keyfile_password" in await refused(face, address, {**locked, "ssl_keyfile_password": "wrong"})
    assert "ssl_keyfile_password" in await refused(face, address, locked)
    assert "ssl_ciphers" in await refused(face, address, {**options, "ssl_ciphers": "NO-SUCH-CIPHER"})
    # The node wants a certificate of the client.
    assert str(address[1]) in await refused(face, address, {"use_ssl": True})


async def test_plain_tcp_at_a_tls_port_is_recognised(face: Face, address: Any) -> None:
    assert "TLS" in await refused(face, address, {})


async def test_tls_at_a_plain_port_is_refused_in_time(face: Face, cluster: Cluster, options: dict[str, Any]) -> None:
    assert str(cluster.addresses[0][1]) in await refused(face, cluster.addresses[0], options)
