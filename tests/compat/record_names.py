"""Records every public name of pyignite with its shape: `python -m tests.compat.record_names`, where pyignite 0.6.1 is."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .record_datatypes import plain

RECORD = Path(__file__).with_name("pyignite_names.json")

#: Modules of pyignite that are no import path of a program, with the reason.
PRIVATE_MODULES = {
    "api": "functions behind the methods of clients and caches: each takes a connection and returns a raw result",
    "stream": "byte streams of its parser",
    "queries.query": "requests as ctypes structures",
    "queries.response": "responses as ctypes structures",
    "queries.cache_info": "header of a request to a cache",
    "connection.aio_connection": "its socket; the class itself is recorded where `connection` exports it",
    "connection.connection": "its socket; the class itself is recorded where `connection` exports it",
    "connection.handshake": "handshake messages as ctypes structures",
    "connection.ssl": "builds the SSLContext of its socket",
}

#: Special methods that are a part of how an object is used.
PROTOCOLS = {
    "__init__",
    "__call__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__iter__",
    "__next__",
    "__aiter__",
    "__anext__",
    "__await__",
    "__bytes__",
}


#: Members of hint classes that read and write bytes. Here the hints hold none: the Rust half does it.
CODEC = re.compile(
    r"(from_python|to_python|parse|hashcode)(_not_null)?(_async)?$|build_(c_type|header)$|(offset_)?c_type$|get_header_class$|schema_type$"
    r"|(standard|primitive)_type$|get_subtype$|prop_data_class$|write_policy$|map_python_type$"
)


def is_private(name: str) -> bool:
    """Whether a module, named without its package, is private machinery."""
    return any(name == each or name.startswith(each + ".") for each in PRIVATE_MODULES)


def modules(package: str) -> Iterator[tuple[str, ModuleType]]:
    """The public modules of a package by their names without it; the package itself is ''."""
    root = importlib.import_module(package)
    yield "", root
    for found in pkgutil.walk_packages(root.__path__, package + "."):
        name = found.name.removeprefix(package + ".")
        if not is_private(name) and not any(part.startswith("_") for part in name.split(".")):
            yield name, importlib.import_module(found.name)


def written_here(module: ModuleType) -> set[str]:
    """Names that the source of a module assigns, defines, or imports under another name, at its top level."""
    names = set()
    statements: list[ast.stmt] = list(ast.parse(inspect.getsource(module)).body)
    while statements:
        match statements.pop():
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname for alias in aliases if alias.asname}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.If(body=body, orelse=other):
                statements += body + other
            case ast.Try(body=body, handlers=handlers, orelse=other):
                statements += body + other + [each for handler in handlers for each in handler.body]
    return names


def public(module: ModuleType, package: str) -> Iterator[tuple[str, Any]]:
    """Public names of a module: what it defines, what `__all__` names, and, of a package, what it collects from its modules.

    What a module only imports for its own use is no import path.
    """
    exported = set(getattr(module, "__all__", ())) | written_here(module)
    collects = hasattr(module, "__path__")
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or inspect.ismodule(value):
            continue
        owner = getattr(value, "__module__", None) or ""
        if name in exported or (collects and owner.startswith(package + ".")):
            yield name, value


def parameters(function: Any) -> list[list[Any]] | None:
    """Name, kind and default of each parameter; None where Python can not tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    described = []
    for parameter in signature.parameters.values():
        one = [parameter.name, parameter.kind.name]
        if parameter.default is not inspect.Parameter.empty:
            default = parameter.default
            one.append(plain(int(default) if isinstance(default, enum.IntEnum) else default))
        described.append(one)
    return described


def member(owner: type, name: str) -> dict[str, Any]:
    """One attribute of a class."""
    static = inspect.getattr_static(owner, name)
    if isinstance(static, property) or inspect.isdatadescriptor(static):
        return {"kind": "attribute"}
    if isinstance(static, (classmethod, staticmethod)):
        return {"kind": type(static).__name__, "parameters": parameters(getattr(owner, name))}
    if callable(static) and not inspect.isclass(static):
        return {"kind": "method", "parameters": parameters(static)}
    return {"kind": "attribute", "value": plain(static)}


def members(owner: type, package: str) -> dict[str, Any]:
    """Public attributes of a class, wherever in the package they come from."""
    names = set()
    for cls in owner.__mro__:
        if cls.__module__.split(".")[0] == package:
            names |= {name for name in vars(cls) if not name.startswith("_") or name in PROTOCOLS}
    if issubclass(owner, enum.Enum):
        # How an enumeration is made differs between versions of Python.
        numbers = {each.name: {"kind": "attribute", "value": plain(each.value)} for each in owner}
        functions = names - set(numbers) - {"__init__"}
        return numbers | {name: member(owner, name) for name in sorted(functions)}
    return {name: member(owner, name) for name in sorted(names) if not CODEC.match(name)}


def parents(owner: type, package: str) -> list[str]:
    """What an instance also is: the names of the public classes above, in their order."""
    above = []
    for cls in owner.__mro__[1:]:
        of_python = cls in (enum.IntEnum, enum.IntFlag) or (cls.__module__ == "builtins" and cls is not object)
        if of_python or (cls.__module__.split(".")[0] == package and not cls.__name__.startswith("_")):
            above.append(cls.__name__)
    return above


def describe(value: Any, package: str, where: str) -> dict[str, Any]:
    """The shape of a name's value, which stands in the module `where`."""
    owner = getattr(value, "__module__", None) or ""
    if (inspect.isclass(value) or inspect.isroutine(value)) and owner.startswith(package + ".") and owner != f"{package}.{where}":
        # Described where it is defined.
        return {"kind": "alias", "of": value.__name__, "public": not is_private(owner.removeprefix(package + "."))}
    if inspect.isclass(value):
        if not owner.startswith(package):
            return {"kind": "class", "is": value.__name__}
        return {"kind": "class", "parents": parents(value, package), "members": members(value, package)}
    if inspect.isroutine(value):
        return {"kind": "function", "parameters": parameters(value)}
    if type(value).__module__.split(".")[0] == package:
        return {"kind": "object", "of": type(value).__name__}
    return {"kind": "constant", "value": plain(value)}


def record(package: str) -> dict[str, dict[str, Any]]:
    """Every public name of a package, by module."""
    return {
        name: {each: describe(value, package, name) for each, value in public(module, package)}
        for name, module in modules(package)
    }


def written(recorded: dict[str, dict[str, Any]]) -> str:
    """JSON with a line for each name, or for each member of a class."""
    lines = []
    for module, names in recorded.items():
        lines.append(f" {json.dumps(module)}: {{")
        for name, shape in names.items():
            shape = dict(shape)
            inner = shape.pop("members", None)
            text = json.dumps(shape)
            if inner is not None:
                rows = ",\n".join(f"   {json.dumps(each)}: {json.dumps(what)}" for each, what in inner.items())
                text = f'{text[:-1]}, "members": {{\n{rows}\n  }}}}' if rows else f'{text[:-1]}, "members": {{}}}}'
            lines.append(f"  {json.dumps(name)}: {text},")
        lines[-1] = lines[-1].rstrip(",")
        lines.append(" },")
    lines[-1] = " }"
    return "{\n" + "\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    RECORD.write_text(written(record("pyignite")))
