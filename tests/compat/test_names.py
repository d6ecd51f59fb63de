"""Every public name of pyignite 0.6.1, with its kind, signature, defaults, parents and value, against the one here.

What pyignite has is read from a record (record_names.py), so this runs on every Python. Names that are not here stand in one of
three lists, and an entry that is not true any more fails.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .record_datatypes import plain
from .record_names import PRIVATE_MODULES, RECORD, member, parameters, record, written

PYIGNITE: dict[str, dict[str, Any]] = json.loads(RECORD.read_text())

#: Not here yet, by what brings it. A path covers what is below it.
LATER: dict[str, str] = {}

#: Never here: parts of pyignite's own machinery that no program needs.
PRIVATE: dict[str, str] = {
    path: reason
    for reason, listed in {
        "parts of its parser: no type that a value can have": """
            datatypes.AnyDataArray datatypes.Struct datatypes.StructArray
            datatypes.internal.AnyDataArray datatypes.internal.Conditional datatypes.internal.Struct datatypes.internal.StructArray
        """,
        "functions of its parser, which take a stream": """
            datatypes.infer_from_python datatypes.infer_from_python_async datatypes.tc_map
            datatypes.internal.infer_from_python datatypes.internal.infer_from_python_async datatypes.internal.tc_map
        """,
        "the structure that its parser reads cache settings with": "datatypes.cache_config.get_cache_config_struct",
        "structures that its parser reads binary types with": "datatypes.binary",
        "requests as ctypes structures": "queries.Query queries.ConfigQuery queries.query_perform",
        "how its cursors are put together": """
            cursors.AbstractScanCursor cursors.AbstractSqlFieldsCursor cursors.BaseCursorMixin cursors.CursorMixin
            cursors.AioCursorMixin
        """,
        "what its cursors send requests with": """
            cursors.ScanCursor.cache_info cursors.SqlCursor.cache_info cursors.SqlFieldsCursor.cache_info
            cursors.AioScanCursor.cache_info cursors.AioSqlFieldsCursor.cache_info
            cursors.ScanCursor.connection cursors.SqlCursor.connection cursors.SqlFieldsCursor.connection
            cursors.AioScanCursor.connection cursors.AioSqlFieldsCursor.connection
        """,
        "bookkeeping of its partition maps": """
            client.BaseClient.register_cache client.Client.register_cache aio_client.AioClient.register_cache
        """,
        "how its modules are put together": "utils.FALLBACK utils.LONG_MASK utils.DIGITS_PER_INT utils.deprecated",
        "wraps functions of `pyignite.api`, which are not here": "utils.status_to_exception",
    }.items()
    for path in listed.split()
}

#: Here, but otherwise than there: path -> reason.
OTHERWISE: dict[str, str] = {
    "client.BaseClient.__init__": "the base tells the Rust half which face it is; programs make a Client or an AioClient",
    "binary.GenericObjectMeta.__init__": "`__new__` takes `type_name` and `schema`",
    "cache.Cache.scan": "pages of 1,024 entries instead of 1: nobody can see the difference except in time",
    "aio_cache.AioCache.scan": "as Cache.scan",
    "cache.Cache.select_row": "as Cache.scan",
    **dict.fromkeys(
        (
            "cursors.ScanCursor.__init__",
            "cursors.SqlCursor.__init__",
            "cursors.SqlFieldsCursor.__init__",
            "cursors.AioScanCursor.__init__",
            "cursors.AioSqlFieldsCursor.__init__",
        ),
        "clients and caches make cursors, of what the Rust half gives them",
    ),
}

#: Parents that are parts of pyignite's machinery; nothing here has them.
PRIVATE_PARENTS: dict[str, str] = dict.fromkeys(
    ("AbstractScanCursor", "AbstractSqlFieldsCursor", "BaseCursorMixin", "CursorMixin", "AioCursorMixin"),
    "how its cursors are put together",
)

#: Constants that belong to the Python that runs.
OF_PYTHON = {"constants.SSL_DEFAULT_CIPHERS"}


def paths() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every recorded name, members of classes included, with its shape; 'client.Client.connect', say."""
    for module, names in PYIGNITE.items():
        for name, shape in names.items():
            path = f"{module}.{name}".lstrip(".")
            yield path, shape
            for each, inner in shape.get("members", {}).items():
                yield f"{path}.{each}", inner


SHAPES = dict(paths())


def covering(path: str, *lists: dict[str, str]) -> str | None:
    """The entry that a path falls under."""
    for listed in lists:
        for entry in listed:
            if path == entry or path.startswith(entry + "."):
                return entry
    return None


PRESENT = [path for path in SHAPES if covering(path, LATER, PRIVATE) is None]


def find(path: str) -> tuple[Any, Any]:
    """What a path leads to here, and what holds it. Modules are imported as far as the path goes."""
    parts = path.split(".")
    holder: Any = None
    found: Any = importlib.import_module("pyignite_rs")
    for index, part in enumerate(parts):
        holder = found
        if inspect.ismodule(found) and not hasattr(found, part):
            try:
                importlib.import_module(".".join(["pyignite_rs", *parts[: index + 1]]))
            except ModuleNotFoundError:
                pass
        found = getattr(found, part)
    return found, holder


def exists(path: str) -> bool:
    """Whether a path leads anywhere here."""
    try:
        find(path)
    except AttributeError:
        return False
    return True


def renamed(value: Any) -> Any:
    """A recorded value with the package's own name."""
    return json.loads(json.dumps(value).replace("pyignite_rs.", "pyignite."))


def fits(theirs: list[list[Any]] | None, ours: list[list[Any]] | None) -> bool:
    """Whether every call that their signature takes is taken by ours, with the same meaning.

    Ours may have more parameters behind, if they have defaults.
    """
    if theirs is None or ours is None:
        return theirs is ours
    by_name = {each[0]: each for each in ours}
    positional = [each[0] for each in ours if each[1].startswith("POSITIONAL")]
    takes_any = any(each[1] == "VAR_KEYWORD" for each in ours)
    for index, parameter in enumerate(theirs):
        name, kind, *default = parameter
        if kind == "VAR_POSITIONAL":
            if not any(each[1] == kind for each in ours):
                return False
        elif kind == "VAR_KEYWORD":
            if not takes_any:
                return False
        elif index == 0 and name in ("self", "cls"):
            if positional[:1] not in (["self"], ["cls"]):
                return False
        elif name not in by_name or by_name[name][2:] != default:
            return False
        elif kind != "KEYWORD_ONLY" and (by_name[name][1] != "POSITIONAL_OR_KEYWORD" or positional[index] != name):
            return False
    known = {each[0] for each in theirs}
    extra = [each for each in ours if each[0] not in known and not each[1].startswith("VAR")]
    return all(len(each) == 3 for each in extra if each[0] not in ("self", "cls"))


def difference(path: str, theirs: dict[str, Any]) -> str | None:
    """What is otherwise at a path here; None when nothing is."""
    value, holder = find(path)
    kind = theirs["kind"]
    if kind == "alias":
        return None if value.__name__ == theirs["of"] else f"is {value.__name__}"
    if kind == "class" and "is" in theirs:
        return None if value.__name__ == theirs["is"] else f"is {value!r}"
    if kind == "class":
        if not inspect.isclass(value):
            return f"is no class but {value!r}"
        above = {cls.__name__ for cls in value.__mro__}
        missing = [each for each in theirs["parents"] if each not in above and each not in PRIVATE_PARENTS]
        return f"is no {', '.join(missing)}" if missing else None
    if kind == "object":
        # A structure of its parser; here it only has to be something that can be named.
        return None
    if kind == "constant" and path in OF_PYTHON:
        return None if type(value).__name__ == type(theirs["value"]).__name__ else f"is {value!r}"
    if kind == "constant":
        ours = renamed(plain(value))
        return None if ours == theirs["value"] else f"is {ours!r}, not {theirs['value']!r}"
    if path.endswith(".__init__") and kind == "method" and "__init__" not in vars(holder) and not issubclass(holder, type):
        # Objects of the Rust half are made by `__new__`.
        rest = theirs["parameters"][1:]
        return None if fits(rest, parameters(holder)) else f"is made of {parameters(holder)}, not {rest}"
    ours = (
        {"kind": "function", "parameters": parameters(value)} if kind == "function" else member(holder, path.rpartition(".")[2])
    )
    if kind == "attribute" and "value" not in theirs:
        # A property there; how it is stored is nobody's business.
        return None if ours["kind"] == "attribute" else f"is a {ours['kind']}"
    if kind == "attribute":
        ours = renamed(plain(value))
        return None if ours == theirs["value"] else f"is {ours!r}, not {theirs['value']!r}"
    if ours["kind"] not in (kind, "method", "function"):
        return f"is a {ours['kind']}, not a {kind}"
    if path.rpartition(".")[2].startswith("__") and not path.endswith(".__init__"):
        # Python calls these, and by position.
        return None
    if not fits(theirs["parameters"], ours["parameters"]):
        return f"takes {ours['parameters']}, not {theirs['parameters']}"
    return None


def test_the_record_is_whole() -> None:
    assert len(PYIGNITE) > 25 and len(SHAPES) > 900
    assert SHAPES["client.Client.connect"] == {
        "kind": "method",
        "parameters": [["self", "POSITIONAL_OR_KEYWORD"], ["args", "VAR_POSITIONAL"]],
    }
    assert SHAPES["exceptions.HandshakeError"]["parents"] == ["OSError", "Exception", "BaseException"]


@pytest.mark.parametrize("module", [module for module in PYIGNITE if module])
def test_a_module_can_be_imported(module: str) -> None:
    if covering(module, LATER, PRIVATE) is None:
        importlib.import_module(f"pyignite_rs.{module}")


@pytest.mark.parametrize("path", PRESENT)
def test_a_name_is_what_pyignites_is(path: str) -> None:
    found = difference(path, SHAPES[path])
    if path in OTHERWISE:
        assert found is not None, "the same by now: take it off the list"
    else:
        assert found is None, f"{path} {found}"


@pytest.mark.parametrize("entry", [*LATER, *PRIVATE])
def test_a_name_that_is_listed_as_missing_is_missing(entry: str) -> None:
    assert any(covering(path, {entry: ""}) for path in [*SHAPES, *PYIGNITE]), "pyignite has no such name: take it off the list"
    assert not exists(entry), "it is here: take it off the list"


def test_lists_name_only_what_is_there() -> None:
    assert set(OTHERWISE) <= set(PRESENT)
    assert not set(LATER) & set(PRIVATE)
    parents = {each for shape in SHAPES.values() for each in shape.get("parents", ())}
    assert set(PRIVATE_PARENTS) <= parents
    assert all(reason for listed in (LATER, PRIVATE, OTHERWISE, PRIVATE_PARENTS, PRIVATE_MODULES) for reason in listed.values())


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
def test_the_record_is_what_pyignite_says_today() -> None:
    today = json.loads(written(record("pyignite")))
    today["constants"]["SSL_DEFAULT_CIPHERS"] = PYIGNITE["constants"]["SSL_DEFAULT_CIPHERS"]
    assert today == PYIGNITE
