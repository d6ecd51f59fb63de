"""Writes what `make reliability` reached into docs/reliability.md: python -m tests.reliability.report REPORT."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- reached: begin -->\n", "<!-- reached: end -->\n"

#: Each goal: what, and the files whose tests show it; without files there is no test yet.
GOALS: dict[str, tuple[str, list[str]]] = {
    "G1": ("answers split and joined anywhere", []),
    "G2": ("bad lengths and counts in frames made by hand", []),
    "G3": ("depth and handles on small stacks", []),
    "G4": ("20 million inputs for six decoders", []),
    "G5": ("100,000 mutated frames through the built extension", []),
    "G6": ("round trips of random values", ["tests/unit/test_values.py", "tests/unit/test_codec.py"]),
    "G7": ("fault grid: 12 faults x 13 points x 2 faces, and under TLS", ["tests/fake/test_fault_grid.py"]),
    "G8": ("storm of cancellations", []),
    "G9": ("cancelled at each point", []),
    "G10": ("nothing left of cancelled transactions and queries", []),
    "G11": ("Ctrl-C in blocking calls", []),
    "G12": ("threads on one client", []),
    "G13": ("fork, forkserver, spawn", []),
    "G14": ("exits with work in flight", []),
    "G15": ("event loops in turn", []),
    "G16": ("close() with 1,000 calls in flight", []),
    "G17": ("deadlines", ["tests/fake/test_limits.py"]),
    "G18": ("a server that stops reading costs no memory", []),
    "G19": ("the ledger", []),
    "G20": ("all nodes down for 20 s, and back", []),
    "G21": ("a node that hangs, a connection that is half open", []),
    "G22": ("nodes join, leave, start anew", []),
    "G23": ("lost transactions and cursors", []),
    "G24": ("TLS: accepts and refuses as pyignite does", ["tests/compat/test_tls.py", "tests/fake/test_tls.py"]),
    "G25": ("no secret in logs, reprs, exceptions, pickles", ["tests/fake/test_secrets.py"]),
    "G26": ("soak with a fault each second", []),
    "G27": ("supply chain", []),
}


def table(lines: list[list[str]]) -> str:
    """The table of all goals."""
    figures: dict[str, list[str]] = defaultdict(list)
    passed: dict[str, str] = {}
    for goal, what, figure in lines:
        if goal == "file":
            passed[what] = figure
        elif f"{what}: {figure}" not in figures[goal]:
            figures[goal].append(f"{what}: {figure}")
    rows = ["| goal | what | reached |", "|---|---|---|"]
    for goal, (what, files) in GOALS.items():
        reached = figures[goal] + [f"`{file}`: {passed.get(file, 'not run')}" for file in files]
        rows.append(f"| {goal} | {what} | {'; '.join(reached) or 'not measured here yet'} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    lines = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()]
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table(lines) + END + rest.split(END)[1])
    print(table(lines))


if __name__ == "__main__":
    main()
