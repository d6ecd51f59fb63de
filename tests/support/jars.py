"""The jars of an Ignite node: from IGNITE_HOME if that is set, else fetched once with Maven and kept in a cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DEFAULT_VERSION = "2.17.0"

#: Releases of which the repositories hold the core alone; the rest of a node comes from the release before.
CORE_ONLY = {"2.18.0": "2.17.0"}


class MissingTool(SystemExit):
    """A program that is needed is not installed; one line says which."""


def version() -> str:
    """The Ignite release to run: IGNITE_VERSION, else the default."""
    return os.environ.get("IGNITE_VERSION", DEFAULT_VERSION)


def require(tool: str, package: str) -> str:
    """Path of a program, or one clear line that names what to install."""
    path = shutil.which(tool)
    if path is None:
        raise MissingTool(f"'{tool}' is missing: install {package}")
    return path


def what_is_missing() -> str | None:
    """Why no node can be run here, as a sentence without its full stop; None when one can."""
    if shutil.which("java") is None:
        return "'java' is missing (a Java 17 runtime, openjdk-17-jre-headless)"
    has_jars = os.environ.get("IGNITE_HOME") or (cache_directory(version()) / "libs").is_dir()
    if not has_jars and shutil.which("mvn") is None:
        return "'mvn' is missing (Maven, maven) and IGNITE_HOME is not set"
    return None


def cache_directory(release: str) -> Path:
    """Where the jars of a release, and what is made from them, are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pyignite_rs" / f"ignite-{release}"


def class_path(release: str | None = None, *, calcite: bool = False) -> list[Path]:
    """The directories whose jars make a node, with the second SQL engine if that is asked for."""
    home = os.environ.get("IGNITE_HOME")
    if home:
        libs = Path(home) / "libs"
        parts = [libs, *(libs / name for name in ("ignite-spring", "ignite-indexing", "ignite-calcite"))]
        found = [part for part in parts if any(part.glob("*.jar"))]
        if not found:
            raise SystemExit(f"IGNITE_HOME={home} has no jars in libs: unset it, or point it at an Ignite distribution")
        return found
    release = release or version()
    return [_fetch(release, "sql", "libs"), *([_fetch(release, "calcite", "calcite")] if calcite else [])]


def _fetch(release: str, profile: str, name: str) -> Path:
    libs = cache_directory(release) / name
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with open(libs.parent / "lock", "w") as lock:
        # Another run may be fetching the same jars.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not libs.is_dir():
            _maven(release, profile, libs)
    return libs


def _maven(release: str, profile: str, libs: Path) -> None:
    maven = require("mvn", "Maven (maven)")
    print(f"fetching Ignite {release} ({profile}) with Maven, once ...", file=sys.stderr, flush=True)
    rest = CORE_ONLY.get(release, release)
    with tempfile.TemporaryDirectory(dir=libs.parent) as directory:
        shutil.copy(Path(__file__).with_name("pom.xml"), directory)
        command = [
            maven, "--batch-mode", "--quiet", "dependency:copy-dependencies", f"-Dcore.version={release}",
            f"-Drest.version={rest}", f"-DoutputDirectory={directory}/libs",
        ]  # fmt: skip
        if release not in CORE_ONLY:
            command.append(f"-P{profile}")
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"Maven could not fetch Ignite {release}:\n{done.stdout}{done.stderr}")
        os.rename(Path(directory) / "libs", libs)
