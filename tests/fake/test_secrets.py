"""No secret is shown: not by exceptions with the local variables of their frames, not by representations, logs or pickles."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import ssl
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyignite_rs.testing import FakeNode, cut, instead, refusal, silence

from ..conftest import Face
from ..support.tls import Front, Workshop, equipped

pytestmark = pytest.mark.goal("G25", "failing paths and views, 4 planted secrets, 0 seen, logs at the finest level")

#: What is looked for. Each is a word of its own, so that a part of it is found too.
USER_PASSWORD = "canary-of-the-user"
KEY_PASSWORD = "canary-of-the-key"
MISTYPED = "canary-of-the-typo"
CALLED = "canary-of-the-function"


def options(**more: Any) -> dict[str, Any]:
    """Options of a client that holds secrets."""
    return {"username": "ann", "password": USER_PASSWORD, "handshake_timeout": 0.5, "timeout": 0.5, **more}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = equipped(tmp_path_factory.mktemp("tls"))
    made.run("rsa", "-traditional", "-aes256", "-passout", f"pass:{KEY_PASSWORD}", "-in", "me.key", "-out", "mine.key")
    return made


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode(["c"], users={"ann": USER_PASSWORD}) as running:
        yield running


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that is logged, at the finest level."""
    caplog.set_level(logging.NOTSET)
    for name in ("pyignite_rs", "pyignite"):
        logging.getLogger(name).setLevel(1)
    return caplog


def shown_of(error: BaseException) -> str:
    """An exception as tools show it: its text, its attributes, its chain, and the variables of all frames that are not this file's."""
    parts = []
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        pending += [each.__cause__, each.__context__]
        parts += [str(each), repr(each), repr(each.args), repr(vars(each))]
        stack = traceback.TracebackException.from_exception(each, capture_locals=True)
        for frame in stack.stack:
            # The variables of the caller are the caller's own.
            if frame.filename != __file__:
                parts.append(f"{frame.name}: {frame.locals}")
    return "\n".join(parts)


def shown_of_client(client: Any) -> str:
    """All that can be seen of a client, and of what it made."""
    parts = [repr(client), str(client), repr(vars(client))]
    for name in dir(client):
        try:
            value = getattr(client, name)
        except Exception as error:
            parts.append(repr(error))
        else:
            parts.append(repr(value))
            parts.append(repr(getattr(value, "__dict__", "")))
    for action in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            action(client)
        parts.append(shown_of(caught.value))
    return "\n".join(parts)


def assert_hidden(*shown: str) -> None:
    for text in shown:
        for secret in (USER_PASSWORD, KEY_PASSWORD, MISTYPED, CALLED, "canary"):
            assert secret not in text


#: What goes wrong: what the client is given, and what the node does.
PATHS: dict[str, tuple[dict[str, Any], Callable[[FakeNode], Any]]] = {
    "nobody listens": ({}, FakeNode.stop),
    "wrong user": ({"username": "bob"}, lambda node: None),
    "silence": ({}, FakeNode.mute),
    "no Ignite": ({}, lambda node: node.say(b"HTTP/1.1 400\r\n")),
    "cut": ({}, lambda node: node.rule("handshake", cut(3, reset=True))),
    "garbage": ({}, lambda node: node.rule("handshake", instead(b"\xff" * 40))),
    "refused": ({}, lambda node: node.rule("handshake", refusal(1, "go away"))),
    "mistyped": ({"passwrd": MISTYPED}, lambda node: None),
    "mistyped for TLS": ({"ssl_passwrd": MISTYPED}, lambda node: None),
    "wrong kind of password": ({"password": [MISTYPED]}, lambda node: None),
    "wrong kind of name": ({"username": [MISTYPED]}, lambda node: None),
    "wrong limit": ({"timeout": -1}, lambda node: None),
    "wrong version": ({"use_ssl": True, "ssl_version": 99}, lambda node: None),
    "no TLS there": ({"use_ssl": True, "ssl_keyfile_password": KEY_PASSWORD}, lambda node: None),
}


@pytest.mark.parametrize("path", PATHS)
async def test_connecting(face: Face, node: FakeNode, log: pytest.LogCaptureFixture, path: str) -> None:
    more, spoil = PATHS[path]
    spoil(node)
    client = face.client(**options(**more))
    with pytest.raises(Exception) as caught:
        await face(client.connect(*node.address))
    assert_hidden(shown_of(caught.value), shown_of_client(client), log.text)


@pytest.mark.parametrize(
    "files",
    [
        {"ssl_keyfile_password": KEY_PASSWORD},
        {"ssl_keyfile_password": "canary-that-is-wrong"},
        {"ssl_keyfile_password": lambda: CALLED},
        {"ssl_keyfile_password": [MISTYPED]},
        {"ssl_keyfile_password": KEY_PASSWORD, "ssl_keyfile": "missing.key"},
        {"ssl_keyfile_password": KEY_PASSWORD, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certfile": "other.crt"},
        {"ssl_keyfile_password": KEY_PASSWORD, "ssl_ciphers": "NO-SUCH"},
    ],
    ids=lambda files: str(sorted(files)),
)
async def test_connecting_with_tls(
    face: Face, node: FakeNode, shop: Workshop, log: pytest.LogCaptureFixture, files: dict[str, Any]
) -> None:
    files = {"ssl_certfile": "me.crt", "ssl_keyfile": "mine.key", **files}
    chosen = {name: shop[value] if name.endswith("file") else value for name, value in files.items()}
    with Front(node.address, shop["good.pem"], authorities=shop["other.crt"]) as server:
        client = face.client(**options(use_ssl=True, **chosen))
        with pytest.raises(Exception) as caught:
            await face(client.connect(*server.address))
        assert_hidden(shown_of(caught.value), shown_of_client(client), log.text)


async def test_calls_that_fail(face: Face, node: FakeNode, log: pytest.LogCaptureFixture) -> None:
    client = await face.connected(*node.address, **options())
    cache = await face(client.get_cache("c"))
    assert await face(cache.get(1)) is None
    shown = [shown_of_client(client), repr(cache), repr(vars(cache))]
    spoilers: list[Callable[[], None]] = [
        lambda: node.rule("put", cut(5)),
        lambda: node.rule("put", refusal(1, "no")),
        lambda: node.rule("put", instead(b"\xff" * 9)),
        lambda: node.rule("put", silence()),
        node.stop,
    ]
    for spoil in spoilers:
        spoil()
        with pytest.raises(Exception) as caught:
            await face(cache.put(1, 1, timeout=0.2))
        shown.append(shown_of(caught.value))
    with pytest.raises(TypeError) as caught:
        await face(cache.put(1, object()))
    shown.append(shown_of(caught.value))
    await face(client.close())
    with pytest.raises(Exception) as caught:
        await face(cache.get(1))
    shown += [shown_of(caught.value), shown_of_client(client)]
    assert_hidden(*shown, log.text)


async def test_warnings(face: Face) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        client = face.client(**options(handshake_timeout=0.1))
        with pytest.raises(Exception) as caught:
            # An address that is kept for documentation: nobody is there.
            await face(client.connect("192.0.2.1", 10800))
    assert_hidden(shown_of(caught.value), *(str(each.message) for each in told))


def test_making_a_client_that_can_not_be_made() -> None:
    import pyignite_rs

    for cls in (pyignite_rs.Client, pyignite_rs.AioClient):
        for wrong in ({"event_listeners": 5}, {"compact_footer": 3}):
            try:
                cls(**options(**wrong))
            except Exception as error:
                assert_hidden(shown_of(error))


def test_the_check_finds_what_is_there() -> None:
    def leak(password: str) -> None:
        raise ValueError("leaked")

    code = compile("def leak(password):\n    raise ValueError('leaked')\n", "elsewhere.py", "exec")
    space: dict[str, Any] = {}
    exec(code, space)
    with pytest.raises(ValueError) as caught:
        space["leak"](USER_PASSWORD)
    with pytest.raises(AssertionError):
        assert_hidden(shown_of(caught.value))


def test_objects_of_python_that_hold_a_secret_belong_to_the_caller(node: FakeNode) -> None:
    import pyignite_rs

    client = pyignite_rs.Client(**options())
    client.connect(*node.address)
    gc.collect()
    # What the garbage collector can reach from a client, as tools that dump memory by objects do.
    reached = repr(gc.get_referents(client))
    assert_hidden(reached)
    client.close()
