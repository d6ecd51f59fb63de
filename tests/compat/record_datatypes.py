"""Records what pyignite's hint classes tell about themselves: `python -m tests.compat.record_datatypes`, where pyignite 0.6.1 is."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("pyignite_datatypes.json")

#: What is asked of each class.
ATTRIBUTES = ("type_code", "type_id", "type_name", "pythonic", "default")

#: Modules of plain constants and enumerations; each name in capitals is compared.
CONSTANTS = (
    "constants",
    "datatypes.prop_codes",
    "datatypes.type_codes",
    "datatypes.type_ids",
    "datatypes.type_names",
    "queries.op_codes",
)
ENUMERATIONS = ("datatypes.cache_config", "datatypes.cluster_state", "datatypes.key_value")


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if inspect.isclass(value):
        return {"class": f"{value.__module__}.{value.__qualname__}"}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (int, str, float, type(None))) else repr(value)


def describe(hint: Any) -> dict[str, Any]:
    """What a hint class tells; an attribute that it has not is left out."""
    told = {}
    for name in ATTRIBUTES:
        value = getattr(hint, name, None)
        if value is not None and not isinstance(value, property):
            told[name] = plain(value)
    return told


def classes(package: str) -> dict[str, Any]:
    """The classes that `datatypes` exports, by name."""
    module = importlib.import_module(f"{package}.datatypes")
    return {
        name: value
        for name, value in sorted(vars(module).items())
        if inspect.isclass(value) and value.__module__.startswith(f"{package}.datatypes")
    }


def constants(module: Any) -> dict[str, Any]:
    """The names in capitals of a module."""
    return {name: plain(value) for name, value in sorted(vars(module).items()) if name.isupper()}


def enumerations(module: Any) -> dict[str, dict[str, int]]:
    """The classes of a module with their numbers."""
    found = {}
    for name, value in sorted(vars(module).items()):
        if inspect.isclass(value) and value.__module__ == module.__name__:
            found[name] = {
                key: int(number) for key, number in sorted(vars(value).items()) if key.isupper() and isinstance(number, int)
            }
    return {name: numbers for name, numbers in found.items() if numbers}


def record(package: str) -> dict[str, Any]:
    """Everything that is compared, of a package."""
    return {
        "datatypes": {name: describe(hint) for name, hint in classes(package).items()},
        "constants": {name: constants(importlib.import_module(f"{package}.{name}")) for name in CONSTANTS},
        "enumerations": {name: enumerations(importlib.import_module(f"{package}.{name}")) for name in ENUMERATIONS},
    }


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record("pyignite"), indent=1, ensure_ascii=True) + "\n")
    print(f"wrote {RECORD.name}")
