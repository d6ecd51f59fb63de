"""Runs the Python in the documentation, page by page, each in a process of its own. A block of `text` behind it is what it prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.certificates import Certificates, make
from ..support.cluster import Cluster, make_class_archive

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]

#: A fenced block: its language and its text.
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

#: Pages whose code needs a node of its own kind.
SPECIAL = {"tls.md", "authentication.md"}

#: The runner of a page: blocks on its standard input, what each printed on its output, both behind lines that nobody else writes.
RUNNER = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("error")
blocks = json.load(sys.stdin)
namespace = {"__name__": "__main__"}
printed = []
for line, source in blocks:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        # As many empty lines in front as make tracebacks name the line of the page.
        exec(compile("\\n" * line + source, sys.argv[1], "exec"), namespace)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


def blocks(text: str) -> Iterator[tuple[int, str, str | None]]:
    """The blocks of Python of a page: the line, the code, and what it prints if the page says so."""
    found = list(_BLOCK.finditer(text))
    for index, block in enumerate(found):
        if block["language"] != "python":
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        is_next = following is not None and text[block.end() : following.start()].strip() == ""
        output = following["text"] if following is not None and is_next and following["language"] == "text" else None
        yield text[: block.start()].count("\n") + 1, block["text"], output


def pages() -> list[Path]:
    """Every page that has code."""
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in candidates if any(True for _ in blocks(page.read_text()))]


def run(page: Path, port: int, files: dict[str, Path] | None = None) -> None:
    """Run a page's code against a node on this port, with these files in place of those that it names."""
    found = list(blocks(page.read_text()))
    sources = []
    for line, source, _ in found:
        source = source.replace("10800", str(port))
        for name, path in (files or {}).items():
            source = source.replace(f'"{name}"', repr(str(path)))
        sources.append((line, source))
    command = [sys.executable, "-c", RUNNER, str(page.relative_to(ROOT))]
    ran = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    for (line, _, expected), printed in zip(found, json.loads(ran.stdout), strict=True):
        if expected is not None:
            assert printed.replace(str(port), "10800") == expected, f"{page.name}, line {line}"


@pytest.mark.parametrize("page", [page for page in pages() if page.name not in SPECIAL], ids=lambda page: page.name)
def test_a_page(page: Path, address: tuple[str, int]) -> None:
    run(page, address[1])


@pytest.mark.slow
def test_the_page_about_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    certificates: Certificates = make(tmp_path_factory.mktemp("certificates"))
    make_class_archive()
    files: dict[str, Any] = {
        "client.crt": certificates.client_crt,
        "client.key": certificates.client_key,
        "ca.crt": certificates.ca_crt,
    }
    with Cluster(1, ssl=certificates.stores(client_auth=True)) as cluster:
        run(ROOT / "docs" / "tls.md", cluster.addresses[0][1], files)


@pytest.mark.slow
def test_the_page_about_users() -> None:
    make_class_archive()
    with Cluster(1, authentication=True) as cluster:
        run(ROOT / "docs" / "authentication.md", cluster.addresses[0][1])


def test_blocks_are_found() -> None:
    text = textwrap.dedent("""
        ```python
        print(1)
        ```

        ```text
        1
        ```

        ```sh
        make
        ```

        ```python
        x = 2
        ```
        Then words.
        ```text
        no output
        ```
    """)
    assert list(blocks(text)) == [(2, "print(1)\n", "1\n"), (14, "x = 2\n", None)]
    names = {page.name for page in pages()}
    assert {"README.md", "quick_start.md", "sql.md", "monitoring.md", "migration.md"} | SPECIAL <= names
    # A page that shows code shows what it does.
    for page in pages():
        if page.name != "README.md":
            assert any(output is not None for _, _, output in blocks(page.read_text())), page.name
