"""Whether a wheel says what is in it: `python -m tests.support.sbom WHEEL REPORT` holds its list of crates against Cargo.lock."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

try:
    import tomllib
except ImportError:
    # pip brings the same parser.
    from pip._vendor import tomli as tomllib  # type: ignore[no-redef]

from .fixtures import ROOT

#: Crates that end up in every wheel.
_CERTAIN = {"pyo3", "tokio", "openssl", "rustix", "bytes"}


def listed(wheel: Path) -> set[tuple[str, str]]:
    """Names and versions of the crates that the wheel's CycloneDX file lists."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/sboms/" in name and name.endswith(".cyclonedx.json")]
        if len(names) != 1:
            raise SystemExit(f"{wheel.name} has {len(names)} lists of crates")
        content = json.loads(archive.read(names[0]))
    return {(component["name"], component["version"]) for component in content["components"]}


def main() -> None:
    wheel, report = Path(sys.argv[1]), Path(sys.argv[2])
    crates = listed(wheel)
    locked = {(package["name"], package["version"]) for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    if unknown := crates - locked:
        raise SystemExit(f"{wheel.name} lists crates that Cargo.lock has not: {sorted(unknown)}")
    if missing := _CERTAIN - {name for name, _ in crates}:
        raise SystemExit(f"{wheel.name} does not list {sorted(missing)}")
    report.write_text(f"G27\tcrates listed in the wheel (CycloneDX), all of Cargo.lock\t{len(crates)}\n")
    print(f"{wheel.name} lists {len(crates)} crates")


if __name__ == "__main__":
    main()
