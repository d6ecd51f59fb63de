"""Writes what `make reliability` reached into docs/reliability.md: python -m tests.reliability.report REPORT...

A report is a file of lines: goal, what was done, figure, and whose figure it is if not this client's, with tabs between. Lines of several
reports are put together.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- reached: begin -->\n", "<!-- reached: end -->\n"

UNMEASURED, NOTHING = "not measured here yet", "—"
OTHER = "pyignite 0.6.1"

#: Each goal: what, and the figure that it asks for.
GOALS: dict[str, tuple[str, str]] = {
    "G1": ("answers split and joined anywhere", "60 recorded answers, every split in two, 20,000 cases"),
    "G2": ("bad lengths and counts", "300 frames made by hand, each ≤ 1 s and ≤ 64 MiB"),
    "G3": ("depth and handles", "40 depths to 1,000,000 on stacks of 8 MiB, 512 and 128 KiB; 50 graphs of handles"),
    "G4": ("fuzz of six decoders", "20,000,000 inputs, 0 crashes"),
    "G5": ("mutated frames through the extension", "100,000 frames, only documented exceptions"),
    "G6": ("round trips of random values", "30 types x 2,000 values; 1,000,000 values in Rust"),
    "G7": ("fault grid", "12 faults x 13 points x 2 faces = 312 cells, 60 under TLS; success ≤ 2 s after healing"),
    "G8": ("storm of cancellations", "20,000, each followed by a checked read; number of connections unchanged"),
    "G9": ("cancelled at each point", "12 gates x 15 calls, plain and TLS"),
    "G10": ("leftovers of cancelled calls", "500 transactions, 500 queries; 0 open at the server"),
    "G11": ("Ctrl-C in blocking calls", "200, each back in ≤ 250 ms, then 200 right reads"),
    "G12": ("threads on one client", "16 x 5,000 checked operations; listeners and debug logging on"),
    "G13": ("fork, forkserver, spawn", "parent + 4 children x 500 checked operations; the parent's port unchanged"),
    "G14": ("exit with work in flight", "200 processes, right exit code, ≤ 3 s, empty stderr"),
    "G15": ("event loops in turn", "200, a client each; one client across loops; 0 unraisable"),
    "G16": ("`close()` with 1,000 calls in flight", "50 rounds, all ended in ≤ 1 s, 0 new connections in the next 3 s"),
    "G17": ("deadlines", "10 stalls x {0.2, 1, 3 s}: ≤ deadline + 0.25 s, both faces"),
    "G18": ("memory under a server that stops reading", "600 MB offered, growth ≤ 64 MiB + window"),
    "G19": (
        "the ledger, nodes killed under load",
        "20 kills, 1,000,000 acknowledged, 0 lost, 0 doubled, < 0.5 % unknown; 3 controls fail",
    ),
    "G20": ("all nodes down for 20 s, and back", "≤ 2 connects per second and address; success ≤ 5 s after the port opens"),
    "G21": ("a hung node, a half-open connection", "noticed ≤ interval + timeout (1 s + 1 s); p99 at other nodes ≤ 2x"),
    "G22": ("nodes join, leave, start anew", "≥ 99 % direct within 5 s; ≤ 1 map request per change and client"),
    "G23": ("lost transactions and cursors", "200 each; named error; others with the same id untouched"),
    "G24": ("TLS matrix", "≥ 90 cells; accepts and refuses as pyignite does"),
    "G25": ("secrets", "4 planted in every failing path: 0 seen in logs, reprs, exceptions, pickles, tracebacks"),
    "G26": ("soak with a fault each second", "2,000,000 operations in 10 min; memory ≤ +2 %; leftovers 0"),
    "G27": ("supply chain", "0 open advisories, 0 denied licences, 0 `unsafe` outside the binding, SBOM in wheels"),
}


def table(lines: list[list[str]]) -> str:
    """The table of all goals."""
    figures: dict[tuple[str, bool], dict[str, list[str]]] = {}
    for goal, what, figure, *whose in lines:
        told = figures.setdefault((goal, bool(whose)), {}).setdefault(what, [])
        if figure not in told:
            told.append(figure)

    def cell(goal: str, is_other: bool, empty: str) -> str:
        told = figures.get((goal, is_other), {})
        texts = [
            f"**{what}** {', '.join(each)}" if what == "FAILED" else f"{what}: {', '.join(each)}" for what, each in told.items()
        ]
        return "; ".join(text.replace("|", "\\|") for text in texts) or empty

    rows = [f"| goal | what | asked for | reached | {OTHER} |", "|---|---|---|---|---|"]
    for goal, (what, figure) in GOALS.items():
        rows.append(f"| {goal} | {what} | {figure} | {cell(goal, False, UNMEASURED)} | {cell(goal, True, NOTHING)} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    lines: list[list[str]] = []
    for path in map(Path, sys.argv[1:]):
        if path.exists():
            lines += [line.split("\t") for line in path.read_text().splitlines() if line.count("\t") >= 2]
        else:
            print(f"{path} is missing: its goals are not measured", file=sys.stderr)
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table(lines) + END + rest.split(END)[1])
    print(table(lines))
    failed = [line for line in lines if line[1] == "FAILED" or (line[0] == "file" and not line[2].endswith(" 0 failed"))]
    for line in failed:
        print("failed:", *line[:3])


if __name__ == "__main__":
    main()
