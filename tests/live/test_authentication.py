"""Users and passwords on a node that asks for them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from pyignite_rs.exceptions import AuthenticationError

from ..conftest import Face
from ..support.cluster import Cluster, handshake, sql

pytestmark = pytest.mark.live

#: Names and passwords; the server keeps names in quotes as they are written.
USERS = [
    ("plain", "secret"),
    ("Jürgen", "Größe ß"),
    ("имя", "пароль"),
    ("名前", "パスワード"),
    ("emoji 😀", "🔑" * 5),
    ("with space", "  "),
    ("short", "x"),
    # Servers look at the first 72 bytes of a password.
    ("long", "p" * 70),
]


@pytest.fixture(scope="module")
def users(guarded: Cluster) -> Cluster:
    """The node with more users than the first."""
    for name, password in USERS:
        sql(guarded.addresses[0], f"CREATE USER \"{name}\" WITH PASSWORD '{password}'", username="ignite", password="ignite")
    return guarded


async def works(face: Face, cluster: Cluster, **options: Any) -> None:
    """Connects, and a call goes through."""
    client = await face.connected(*cluster.addresses[0], **options)
    cache = await face(client.get_or_create_cache("guarded"))
    await face(cache.put(1, "seen by users only"))
    assert await face(cache.get(1)) == "seen by users only"
    await face(client.close())


async def refused(face: Face, cluster: Cluster, **options: Any) -> AuthenticationError:
    """The error of a connect that is refused, which tells no secret."""
    with pytest.raises(AuthenticationError) as caught:
        await face.connected(*cluster.addresses[0], **options)
    assert caught.value.code == 2000
    assert "user name or password is incorrect" in str(caught.value)
    password = options.get("password")
    if password is not None and password.strip():
        assert password not in str(caught.value) + repr(caught.value) + repr(caught.value.args)
    return caught.value


@pytest.mark.parametrize(("name", "password"), USERS, ids=[name for name, _ in USERS])
async def test_names_and_passwords_of_all_kinds(face: Face, users: Cluster, name: str, password: str) -> None:
    await works(face, users, username=name, password=password)
    for wrong in (password + "x", password[:-1]):
        await refused(face, users, username=name, password=wrong)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"username": "ignite"},
        {"password": "ignite"},
        {"username": "", "password": ""},
        {"username": "", "password": "ignite"},
        {"username": "nobody", "password": "ignite"},
        {"username": None, "password": None},
        {"username": "plain", "password": ""},
        {"username": "Jürgen", "password": ""},
    ],
    ids=str,
)
async def test_no_credentials_or_half_of_them(face: Face, users: Cluster, options: dict[str, Any]) -> None:
    await refused(face, users, **options)


async def test_credentials_that_nobody_asked_for(face: Face, address: tuple[str, int]) -> None:
    client = await face.connected(*address, username="Jürgen", password="")
    assert isinstance(await face(client.get_cache_names()), list)
    await face(client.close())


async def test_a_wrong_password_is_told_at_once_and_by_every_node_address(face: Face, users: Cluster) -> None:
    """The nodes of a cluster have the same users: there is no use in asking the others."""
    client = face.client(username="ignite", password="wrong")
    with pytest.raises(AuthenticationError):
        await face(client.connect([*users.addresses, ("127.0.0.1", 1)]))


@pytest.mark.parametrize("options", [{"username": 5}, {"username": "u", "password": 5}, {"username": b"u"}], ids=str)
async def test_credentials_that_are_no_text(face: Face, users: Cluster, options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        await face.connected(*users.addresses[0], **options)


# --- in clear text ---------------------------------------------------------------------------------------------------------------

#: A documentation address (RFC 5737): nobody answers there.
ELSEWHERE = ("192.0.2.1", 10800)


async def warned(face: Face, *where: Any, **options: Any) -> list[str]:
    """The warnings of a connect, which may fail."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = face.client(handshake_timeout=0.2, **options)
        for _ in range(2):
            try:
                await face(client.connect(*where))
            except OSError:
                pass
        await face(client.close())
    assert all(warning.filename == __file__ and warning.category is UserWarning for warning in caught)
    return [str(warning.message) for warning in caught]


async def test_one_warning_when_credentials_go_out_in_clear_text(face: Face) -> None:
    texts = await warned(face, [("127.0.0.1", 1), ELSEWHERE], username="ignite", password="hidden")
    assert len(texts) == 1
    assert "192.0.2.1" in texts[0] and "use_ssl" in texts[0]
    assert "hidden" not in texts[0]


@pytest.mark.parametrize(
    ("where", "options"),
    [
        (ELSEWHERE, {}),
        (ELSEWHERE, {"username": "u", "password": "p", "use_ssl": True}),
        (("127.0.0.1", 1), {"username": "u", "password": "p"}),
        (("127.8.9.1", 1), {"username": "u", "password": "p"}),
        (("localhost", 1), {"username": "u", "password": "p"}),
        (("::1", 1), {"username": "u", "password": "p"}),
    ],
    ids=str,
)
async def test_no_warning_otherwise(face: Face, where: tuple[str, int], options: dict[str, Any]) -> None:
    assert await warned(face, *where, **options) == []


def test_the_helper_of_these_tests_logs_in(users: Cluster) -> None:
    """A positive control: a bare handshake, made by hand, is judged as ours are."""
    sock, answer = handshake(users.addresses[0], "имя", "пароль")
    with sock:
        assert answer[:1] == b"\x01"
    sock, answer = handshake(users.addresses[0], "имя", "wrong")
    with sock:
        assert answer[:1] == b"\x00"
