"""Bytes that real Java code writes: makes the files of rust/tests/fixtures, and lends tests a Java client.

`python -m tests.support.fixtures` (which is `make fixtures`) compiles the programs of tests/java/fixtures, runs them against a
node of their own and writes the files again. A second run with the same Ignite release changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from .cluster import Cluster
from .config import java_options
from .jars import cache_directory, class_path, require, version

ROOT = Path(__file__).resolve().parents[2]

#: Where the recorded files are.
FIXTURES = ROOT / "rust" / "tests" / "fixtures"

SOURCES = ROOT / "tests" / "java" / "fixtures"

#: Seconds that the recording may take; it takes about ten.
_TIMEOUT = 300.0


def _jars() -> str:
    return os.pathsep.join(f"{directory}/*" for directory in class_path())


def compiled() -> Path:
    """The directory with the compiled programs, made again only when a source or the release changed."""
    sources = sorted(SOURCES.glob("*.java"))
    digest = hashlib.sha256(_jars().encode())
    for source in sources:
        digest.update(source.read_bytes())
    classes = cache_directory(version()) / f"fixtures-{digest.hexdigest()[:16]}"
    if not classes.is_dir():
        javac = require("javac", "a Java 17 JDK (openjdk-17-jdk-headless)")
        classes.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=classes.parent) as directory:
            output = Path(directory) / "classes"
            command = [javac, "-nowarn", "-encoding", "UTF-8", "-cp", _jars(), "-d", str(output), *map(str, sources)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"javac refuses the programs of {SOURCES.relative_to(ROOT)}:\n{done.stdout}{done.stderr}")
            try:
                output.rename(classes)
            except OSError:
                # Another run was quicker.
                if not classes.is_dir():
                    raise
    return classes


def java_command(program: str, *arguments: object, home: Path) -> list[str]:
    """The command that runs one of the programs, in UTC.

    Args:
        program: Name of its class.
        arguments: What it is given.
        home: A directory that the program may fill.
    """
    java = require("java", "a Java 17 runtime (openjdk-17-jre-headless)")
    path = f"{compiled()}{os.pathsep}{_jars()}"
    options = [*java_options(home, jit=False), "-Duser.timezone=UTC", "-Djava.util.logging.config.file=/dev/null"]
    return [java, *options, "-cp", path, program, *map(str, arguments)]


class JavaClient:
    """A Java thin client in a process of its own: reads what we wrote, writes what we read.

        with JavaClient(address) as java:
            java.put("cache", 1, {"t": "int", "v": "5"})
            assert java.get("cache", 1) == {"t": "int", "v": "5"}

    Values are tagged JSON, described in rust/tests/fixtures/README.md.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="pyignite_rs-java-")
        command = java_command("RoundTrip", f"{address[0]}:{address[1]}", home=Path(self._home.name))
        self._log = open(Path(self._home.name) / "errors.log", "w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, encoding="utf-8"
        )
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"the Java client ended:\n{self._log.read()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the Java client failed: {answer['error']}")
        return answer

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def read(self, cache: str, key: int) -> tuple[str | None, dict[str, Any]]:
        """The value under an int key: name of its Java class (None without a value) and tagged JSON."""
        answer = self._ask(f"get {cache} {key}")
        return answer["class"], answer["value"]

    def get(self, cache: str, key: int) -> dict[str, Any]:
        """The value under an int key as tagged JSON."""
        return self.read(cache, key)[1]

    def put(self, cache: str, key: int, value: dict[str, Any]) -> None:
        """Store the value of tagged JSON under an int key."""
        self._ask(f"put {cache} {key} {json.dumps(value)}")

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()
        self._home.cleanup()

    def __enter__(self) -> JavaClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def record(directory: Path = FIXTURES) -> list[Path]:
    """Write all fixture files into a directory; those that the programs no longer make are removed."""
    with Cluster(1) as cluster, tempfile.TemporaryDirectory(prefix="pyignite_rs-fixtures-") as scratch:
        home, output = Path(scratch, "home"), Path(scratch, "output")
        home.mkdir()
        output.mkdir()
        host, port = cluster.addresses[0]
        command = java_command("Fixtures", host, port, cluster.discovery_ports[0], output, home=home)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
        if done.returncode != 0:
            raise SystemExit(f"the recording failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        made = {path.name: path.read_bytes() for path in sorted(output.iterdir())}
    directory.mkdir(parents=True, exist_ok=True)
    for old in [*directory.glob("*.hex"), *directory.glob("*.tsv")]:
        if old.name not in made:
            old.unlink()
    for name, content in made.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in made]


def main() -> None:
    """Write the fixture files and say what is in them."""
    cases = 0
    for path in record():
        lines = sum(not line.startswith("#") for line in path.read_text().splitlines())
        cases += lines
        print(f"{lines:5} {path.relative_to(ROOT)}")
    print(f"{cases:5} lines, by Ignite {version()}", file=sys.stderr)


if __name__ == "__main__":
    main()
