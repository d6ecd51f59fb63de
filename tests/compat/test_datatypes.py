"""Hint classes and constants against what pyignite 0.6.1 says of its own, recorded by record_datatypes.py."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import pytest

from .record_datatypes import RECORD, constants, enumerations, record

PYIGNITE: dict[str, Any] = json.loads(RECORD.read_text())
OURS: dict[str, Any] = json.loads(json.dumps(record("pyignite_rs")))

#: What this version leaves out, with the reason.
NOT_HERE: dict[str, dict[str, str]] = {
    "datatypes": {
        "AnyDataArray": "a helper of pyignite's parser: it has no type code and can not be a hint",
        "Struct": "a helper of pyignite's parser, no type",
        "StructArray": "a helper of pyignite's parser, no type",
    },
}

#: What is said here and not by pyignite.
MORE: dict[str, set[str]] = {"Null": {"type_code"}}


def test_the_record_is_whole() -> None:
    assert len(PYIGNITE["datatypes"]) > 60
    assert PYIGNITE["datatypes"]["IntObject"] == {
        "type_code": "b'\\x03'",
        "type_id": 3,
        "type_name": "java.lang.Integer",
        "pythonic": {"class": "builtins.int"},
        "default": 0,
    }


@pytest.mark.parametrize("name", [name for name in PYIGNITE["datatypes"] if name not in NOT_HERE["datatypes"]])
def test_a_hint_class_says_what_pyignites_says(name: str) -> None:
    here = OURS["datatypes"][name]
    assert {key: value for key, value in here.items() if key not in MORE.get(name, set())} == PYIGNITE["datatypes"][name]


def test_hint_classes_that_are_left_out() -> None:
    assert set(PYIGNITE["datatypes"]) - set(OURS["datatypes"]) == set(NOT_HERE["datatypes"])
    assert set(OURS["datatypes"]) - set(PYIGNITE["datatypes"]) == set()


@pytest.mark.parametrize("module", PYIGNITE["constants"])
def test_constants(module: str) -> None:
    theirs, here = PYIGNITE["constants"][module], OURS["constants"][module]
    assert set(theirs) - set(here) == set(NOT_HERE.get(module, {}))
    assert {name: value for name, value in here.items() if name in theirs} == {
        name: value for name, value in theirs.items() if name in here
    }


@pytest.mark.parametrize("module", PYIGNITE["enumerations"])
def test_enumerations(module: str) -> None:
    assert OURS["enumerations"][module] == PYIGNITE["enumerations"][module]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
def test_the_record_is_what_pyignite_says_today() -> None:
    assert json.loads(json.dumps(record("pyignite"))) == PYIGNITE


def test_the_recorder_sees_what_is_there() -> None:
    class Kind:
        A = 1
        B = 2
        lower = 3

    module: Any = ModuleType("module")
    Kind.__module__ = "module"
    module.SOME, module.lower, module.Kind = {3, 1}, 5, Kind
    assert constants(module) == {"SOME": [1, 3]}
    assert enumerations(module) == {"Kind": {"A": 1, "B": 2}}
