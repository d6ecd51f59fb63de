"""Messages about arguments say what was expected, what came, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyignite_rs.exceptions import ParameterError
from pyignite_rs.testing import FakeNode

from ..conftest import Face


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"username": 5}, TypeError, "username must be a str, not int"),
        ({"username": "ann", "password": b"x"}, TypeError, "password must be a str, not bytes"),
        ({"timeout": "soon"}, ParameterError, "timeout should be a positive number of seconds, not soon"),
        ({"ssl_version": 99}, ValueError, r"ssl_version must be ssl\.PROTOCOL_TLS, .*, not 99"),
        ({"ssl_version": "TLS"}, TypeError, r"ssl_version must be ssl\.PROTOCOL_TLS, .*, not str"),
        ({"ssl_minimum_version": 3}, ValueError, r"ssl_minimum_version must be a member of ssl\.TLSVersion, .*, not 3"),
        ({"ssl_cert_reqs": 7}, ValueError, r"ssl_cert_reqs must be ssl\.CERT_NONE, .*, not 7"),
        ({"ssl_cert_reqs": "all"}, TypeError, r"ssl_cert_reqs must be ssl\.CERT_NONE, .*, not str"),
        ({"ssl_ciphers": 5}, TypeError, "ssl_ciphers must be a str, not int"),
        ({"ssl_keyfile_password": 5}, TypeError, "ssl_keyfile_password must be a str, bytes, or a function .*, not int"),
    ],
    ids=str,
)
async def test_an_option_of_a_client(face: Face, options: dict[str, Any], kind: type[Exception], message: str) -> None:
    client = face.client(use_ssl=any(name.startswith("ssl_") for name in options), **options)
    with pytest.raises(kind, match=f"^{message}"):
        await face(client.connect("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda client, cache: client.sql("SELECT 1", cache=[1]), TypeError, r"cache must be a cache, its name .*, not list"),
        (lambda client, cache: client.sql("SELECT 1", cache=2**40), OverflowError, ""),
        (lambda client, cache: client.get_binary_type([]), TypeError, r"a binary type must be given by its name .*, not list"),
        (lambda client, cache: cache.put("\ud800", 1), UnicodeEncodeError, r".*position 0: surrogates not allowed \(key\)"),
        (lambda client, cache: cache.put(1, ["a", "b\udfff"]), UnicodeEncodeError, r".*surrogates not allowed \(value\[1\]\)"),
        (lambda client, cache: cache.put(1, {"k": object()}), TypeError, r"value\['k'\]: a value of type object has no"),
    ],
)
async def test_an_argument(face: Face, call: Callable[[Any, Any], Any], kind: type[Exception], message: str) -> None:
    with FakeNode(["c"]) as node:
        client = await face.connected(*node.address)
        cache = await face(client.get_cache("c"))
        with pytest.raises(kind, match=f"^{message}"):
            await face(call(client, cache))
        await face(client.close())
