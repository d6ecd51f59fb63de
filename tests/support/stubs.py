"""Writes the stubs of `_core` and of the faces from the built module: `python -m tests.support.stubs`, or `make stubs`.

Signatures come from the module, types of arguments from their names, types of results from the docstrings' *Returns*. The stub of
an asynchronous face differs from the synchronous one by `Coroutine` alone. With `--check` nothing is written, and a stub that is
not current is an error.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyignite_rs import _core

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "pyignite_rs"

#: Modules of the faces, and the class of each that shows the methods of a class of `_core`.
FACES = {
    "cache": ("Cache", _core.BaseCache),
    "aio_cache": ("AioCache", _core.BaseCache),
    "client": ("Client", _core.BaseClient),
    "aio_client": ("AioClient", _core.BaseClient),
    "cluster": ("Cluster", _core.BaseCluster),
    "aio_cluster": ("AioCluster", _core.BaseCluster),
}

#: What arguments of these names are. One word has one meaning, so a new operation needs no entry; other names are Any.
ARGUMENTS = {
    "_args": "Any",
    "_kwargs": "Any",
    "addresses": "list[tuple[str, int]]",
    "cache": "Any",
    "cache_class": "type",
    "change": "int",
    "collocated": "bool",
    "commit": "bool",
    "concurrency": "int",
    "distributed_joins": "bool",
    "enforce_join_order": "bool",
    "include_field_names": "bool",
    "isolation": "int",
    "label": "str | None",
    "lazy": "bool",
    "local": "bool",
    "max_rows": "int",
    "page_size": "int",
    "partition_aware": "bool",
    "query_args": "Iterable[Any] | None",
    "query_str": "str",
    "replicated_only": "bool",
    "schema": "str | int | Mapping[str, Any] | None",
    "start": "CursorStart",
    "statement_type": "int",
    "type_name": "str",
    "affinity_key_field": "str | None",
    "binary_type": "int | str",
    "callback": "Callable[[Any], object]",
    "client": "BaseClient",
    "context": "Context | None",
    "compact": "bool | None",
    "data": "bytes",
    "data_class": "type",
    "expiry_policy": "ExpiryPolicy | None",
    "face": "str",
    "fields": "Iterable[str]",
    "has_version": "bool",
    "hash": "int",
    "hint": "type[IgniteDataType] | None",
    "is_enum": "bool",
    "items": "list[tuple[str, type[IgniteDataType], Any]]",
    "keys": "Iterable[Any]",
    "name": "str",
    "options": "dict[str, Any]",
    "pairs": "Mapping[Any, Any]",
    "partitions": "int",
    "peek_modes": "int | Iterable[int] | None",
    "settings": "str | dict[int, Any]",
    "state": "ClusterState | int",
    "teller": "Any",
    "text": "str",
    "timeout": "float | None",
}

#: Results that no docstring tells.
RESULTS = {
    "__repr__": "str",
    "__await__": "Generator[Any, Any, Any]",
    "__iter__": "Generator[Any, Any, Any]",
    "_footer": "bool | None",
    "_keep": "None",
    "_set_footer": "None",
    "_next_event": "tuple[Callable[..., object], tuple[Any, ...]]",
    "_shutdown": "None",
    "entity_id": "int",
    "java_hash_string": "int",
    "schema_id": "int",
    "AsyncCursor.__aiter__": "Self",
    "AsyncCursor.__anext__": "Coroutine[Any, Any, Any]",
    "SyncCursor.__iter__": "Self",
    "SyncCursor.__next__": "Any",
    "BaseCursor.cursor_id": "int | None",
    "BaseCursor.more": "bool | None",
    "BaseCursor._take_ahead": "Call | None",
    "BaseTransaction._outer": "BaseTransaction | None",
    "BaseTransaction.tx_id": "int | None",
    "CursorRow.__next__": "Any",
    "CursorRow.close": "None",
    "Several.__next__": "Call",
    "Several.close": "None",
    "Several.__name__": "str",
    "Several.__qualname__": "str",
    "BaseCache.cache_id": "int",
    "BaseCache.name": "str",
    "BaseCache.client": "Any",
    "BaseCache.expiry_policy": "ExpiryPolicy | None",
    "Call.cancel": "bool",
    "Call.cancelled": "bool",
    "Call.close": "None",
    "Call.done": "bool",
    "Call.__name__": "str",
    "Call.__qualname__": "str",
    "Call._asyncio_future_blocking": "bool | None",
}

#: What the classes `Cache[K, V]` and `AioCache[K, V]` know more precisely. The mapping is written out, because a Mapping's type of
#: keys can not be widened.
_HINTED = "tuple[{}, type[IgniteDataType]]"
_KEY, _VALUE = f"_K | {_HINTED.format('_K')}", f"_V | {_HINTED.format('_V')}"
GENERIC_ARGUMENTS = {
    "key": _KEY,
    "keys": f"Iterable[{_KEY}]",
    "pairs": f"Mapping[_K, {_VALUE}] | Mapping[tuple[_K, Any], {_VALUE}]",
    "sample": _VALUE,
    "value": _VALUE,
}
GENERIC_RESULTS = {
    "get": "_V | None",
    "get_all": "dict[_K, _V]",
    "get_and_put": "_V | None",
    "get_and_put_if_absent": "_V | None",
    "get_and_remove": "_V | None",
    "get_and_replace": "_V | None",
}
GENERIC = {"Cache", "AioCache"}

#: Properties that can be set.
SETTERS = {"_asyncio_future_blocking", "_outer"}

_RETURNS = re.compile(r"^Returns:\n +(?P<type>[^:\n]+):", re.MULTILINE)

#: Types of documentation as types of Python.
_DOCUMENTED = {"object": "Any", "dict": "dict[Any, Any]", "list": "list[Any]"}


def result_type(name: str, function: Any, face: str = "") -> str:
    """Type of a result, as its docstring tells it; on the face of the class named `face`."""
    if name in RESULTS:
        return RESULTS[name]
    found = _RETURNS.search(inspect.getdoc(function) or "")
    documented = found["type"].strip() if found else "Any"
    if face.startswith("Aio") and (documented == "Cache" or documented.endswith("Cursor")):
        documented = f"Aio{documented}"
    return _DOCUMENTED.get(documented, documented)


def argument(parameter: inspect.Parameter, known: dict[str, str]) -> str:
    """A parameter with its type and default."""
    kind = known.get(parameter.name, "Any")
    if parameter.name.endswith("_hint"):
        kind = ARGUMENTS["hint"]
    if parameter.default is None and kind != "Any" and "None" not in kind:
        kind += " | None"
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
    return f"{stars}{parameter.name}: {kind}{default}"


def definition(name: str, function: Any, result: str, first: str = "", known: dict[str, str] = ARGUMENTS) -> str:
    """A function of the built module as a stub. `first` is the name of what it is bound to."""
    parts = [first] if first else []
    previous = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and previous is not inspect.Parameter.KEYWORD_ONLY:
            parts.append("*")
        previous = parameter.kind
        parts.append(argument(parameter, known))
    documentation = inspect.getdoc(function)
    # What a slot inherits its text from is Python's own.
    body = docstring(documentation) if documentation and not name.startswith("__") else "..."
    return f"def {name}({', '.join(parts)}) -> {result}:\n{textwrap.indent(body, '    ')}\n"


def docstring(text: str) -> str:
    """A docstring as source. Texts with quotes at their ends or backslashes would need care, and there are none."""
    if '"""' in text or "\\" in text or text.endswith('"'):
        raise ValueError(f"this docstring can not be written as it is: {text!r}")
    return f'"""{text}{chr(10) if chr(10) in text else ""}"""'


def operations(base: type) -> Iterator[tuple[str, Any]]:
    """Public methods of a class of `_core`."""
    for name, member in vars(base).items():
        if not name.startswith("_") and callable(member):
            yield name, member


def core_class(cls: type) -> str:
    """A class of `_core`."""
    lines = [docstring(cls.__doc__)] if cls.__doc__ else []
    # The module has its properties in another order with each build.
    properties = sorted(item for item in vars(cls).items() if inspect.isgetsetdescriptor(item[1]))
    others = [item for item in vars(cls).items() if not inspect.isgetsetdescriptor(item[1])]
    for name, member in properties + others:
        qualified = f"{cls.__name__}.{name}"
        known = RESULTS.get(qualified) or RESULTS.get(name)
        if name == "__new__":
            constructor = definition(name, cls, "Self", "cls")
            lines.append(constructor)
        elif inspect.isgetsetdescriptor(member):
            documentation = docstring(member.__doc__) if member.__doc__ else "..."
            lines.append(f"@property\ndef {name}(self) -> {known or 'Any'}:\n{textwrap.indent(documentation, '    ')}\n")
            if name in SETTERS:
                lines.append(f"@{name}.setter\ndef {name}(self, value: {known}) -> None: ...")
        elif callable(member):
            lines.append(definition(name, member, known or "Any", "self"))
    # Py_TPFLAGS_BASETYPE; a class with a layout of its own in Rust can have no second one beside it as a base.
    decorator = "final" if not cls.__flags__ & (1 << 10) else "disjoint_base" if cls.__base__ is object else ""
    base = "" if cls.__base__ is object or cls.__base__ is None else f"({cls.__base__.__name__})"
    return f"{decorator and '@' + decorator}\nclass {cls.__name__}{base}:\n" + textwrap.indent("\n".join(lines), "    ") + "\n"


def core_stub() -> str:
    """The stub of `_core`."""
    parts = [
        docstring(_core.__doc__ or ""),
        "from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping",
        "from contextvars import Context",
        "from typing import Any, Final, final",
        "from typing_extensions import Self, disjoint_base",
        "from .datatypes.base import IgniteDataType",
        "from .datatypes.cluster_state import ClusterState",
        "from .datatypes.expiry_policy import ExpiryPolicy",
        f"__all__ = {_core.__all__!r}",
        "__version__: Final[str]",
    ]
    for name, member in vars(_core).items():
        if inspect.isclass(member):
            parts.append(core_class(member))
        elif callable(member):
            parts.append(definition(name, member, result_type(name, member)))
    return "\n".join(parts)


def without_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Leave a function's signature and docstring."""
    documentation = ast.get_docstring(function)
    if documentation is not None and "\n" in documentation:
        documentation += "\n"
    function.body = [ast.Expr(ast.Constant(... if documentation is None else documentation))]


def attributes(cls: ast.ClassDef) -> list[ast.stmt]:
    """The public attributes that `__init__` makes of its arguments."""
    made: list[ast.stmt] = []
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef) or method.name != "__init__":
            continue
        kinds = {each.arg: each.annotation for each in method.args.args}
        for statement in method.body:
            match statement:
                case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Name(id=value)) if not name.startswith("_"):
                    annotation = kinds.get(value)
                    if annotation is not None:
                        made.append(ast.AnnAssign(ast.Name(name), annotation, None, 1))
    return made


def face_class(cls: ast.ClassDef, shown: str, base: type) -> None:
    """Turn a class into its stub; the one named `shown` gets the methods of `base`."""
    before = attributes(cls)
    # What makes `Cache[K, V]` an expression; the stub has `Generic` for it.
    cls.body = [member for member in cls.body if "__class_getitem__" not in ast.unparse(member)]
    for member in cls.body:
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
            without_body(member)
    head = 1 if ast.get_docstring(cls, clean=False) is not None else 0
    cls.body[head:head] = before
    if cls.name != shown:
        return
    is_generic = shown in GENERIC
    if is_generic:
        cls.bases += [ast.parse("Generic[_K, _V]", mode="eval").body]
    for name, method in operations(base):
        result = result_type(f"{base.__name__}.{name}", method, shown)
        if is_generic:
            result = GENERIC_RESULTS.get(name, result)
        # A cursor is made at once, and asks the server when it is awaited.
        if shown.startswith("Aio") and not result.endswith("Cursor"):
            result = f"Coroutine[Any, Any, {result}]"
        known = ARGUMENTS | GENERIC_ARGUMENTS if is_generic else ARGUMENTS
        cls.body += ast.parse(definition(name, method, result, "self", known)).body


def face_stub(module: str) -> str:
    """The stub of a face: its module without bodies, and the operations with the types of this face."""
    shown, base = FACES[module]
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    body: list[ast.stmt] = ast.parse(
        "from collections.abc import Coroutine, Iterable, Mapping\n"
        "from typing import Any, Generic\n"
        "from typing_extensions import TypeVar\n"
        "from .datatypes.base import IgniteDataType\n"
        "from .datatypes.cluster_state import ClusterState"
    ).body
    # Without type arguments a cache holds anything.
    variables = ast.parse("_K = TypeVar('_K', default=Any)\n_V = TypeVar('_V', default=Any)").body if shown in GENERIC else []
    for statement in tree.body:
        match statement:
            case ast.ImportFrom(module="__future__"):
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                body += statement.body
                continue
            case ast.ClassDef():
                body += variables
                variables = []
                face_class(statement, shown, base)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("_"):
                    continue
                without_body(statement)
            case ast.Assign(targets=[ast.Name(id=name)]) if name != "__all__":
                continue
            case ast.AnnAssign():
                statement.value = None
        body.append(statement)
    # The module's docstring stays in front.
    body.insert(0, body.pop(next(index for index, each in enumerate(body) if isinstance(each, ast.Expr))))
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


def tidied(sources: dict[str, str]) -> dict[str, str]:
    """The stubs without imports that they do not need, in the project's format."""
    # Inside the project, so that its settings are found.
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".stubs-") as directory:
        paths = {name: Path(directory) / f"{name}.pyi" for name in sources}
        for name, path in paths.items():
            path.write_text(sources[name])
        for command in (["check", "--quiet", "--fix", "--select", "F401,F811,I"], ["format", "--quiet"]):
            subprocess.run([sys.executable, "-m", "ruff", *command, *map(str, paths.values())], check=True)
        return {name: path.read_text() for name, path in paths.items()}


def write(name: str, text: str) -> bool:
    """Write a stub. Returns whether it was current already."""
    path = PACKAGE / f"{name}.pyi"
    current = path.exists() and path.read_text() == text
    if not current:
        path.write_text(text)
        print(f"written: {path.relative_to(ROOT)}")
    return current


def compare(name: str, text: str) -> bool:
    """Whether a stub is current."""
    path = PACKAGE / f"{name}.pyi"
    current = path.exists() and path.read_text() == text
    if not current:
        print(f"not current: {path.relative_to(ROOT)}; run make stubs", file=sys.stderr)
    return current


def main() -> int:
    """Write the stubs, or compare them."""
    parser = argparse.ArgumentParser(description="Write the stubs from the built module.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a stub is not current")
    checking = parser.parse_args().check
    stubs = tidied({"_core": core_stub(), **{module: face_stub(module) for module in FACES}})
    step: Callable[[str, str], bool] = compare if checking else write
    current = [step(name, text) for name, text in stubs.items()]
    return 0 if all(current) or not checking else 1


if __name__ == "__main__":
    sys.exit(main())
