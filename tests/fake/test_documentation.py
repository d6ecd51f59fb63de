"""Code in the documentation of the stand-in runs, and so does the tour where there is no Java."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pyignite_rs.testing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"
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


def test_the_tour_goes_on_without_java_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.demo"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "'java' is missing" in done.stdout and "stand-in" in done.stdout
    assert "AioClient" in done.stdout and "start an Ignite node" not in done.stdout
