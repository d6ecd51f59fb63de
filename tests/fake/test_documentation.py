"""Code in the documentation of the stand-in runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pyignite_rs.testing

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=lambda code: str(BLOCKS.index(code)))
def test_the_page_about_tests(code: str) -> None:
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})


def test_the_page_has_examples() -> None:
    assert len(BLOCKS) >= 4


def test_the_page_names_every_action() -> None:
    text = PAGE.read_text()
    public = set(pyignite_rs.testing.__all__) - {"Action"}
    assert {name for name in public if f"`{name}(" not in text and name not in text} == set()
