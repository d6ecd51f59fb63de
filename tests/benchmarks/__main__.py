"""The table of what this client costs: `make bench`, or `python -m tests.benchmarks`.

One real node with a warmed-up JIT; every peer runs in a process of its own, in random order inside each round; ratios are taken inside
a round and the median over the rounds is reported. The machine's speed may drift: absolute times say little, ratios hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..support.cluster import Cluster
from ..support.jars import version

ROOT = Path(__file__).resolve().parents[2]
CACHE = "bench"


class Runner:
    """Runs workers against the first node of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.host, self.port = cluster.addresses[0]
        self.processors = sorted(os.sched_getaffinity(0))
        self.pinned = False

    def pin(self, pinned: bool) -> None:
        """Put nodes and clients on one processor, or let them go: on one, waking the other side costs the least and varies the least."""
        self.pinned = pinned
        wanted = self.processors[:1] if pinned else self.processors
        for node in self.cluster.nodes:
            assert node.process is not None
            for thread in os.listdir(f"/proc/{node.process.pid}/task"):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread), wanted)

    def command(self, peer: str, workload: str, count: int) -> list[str]:
        if peer == "floor":
            replay = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")) + "/release/examples/replay"
            return [replay, f"{self.host}:{self.port}", CACHE, workload.removeprefix("sync_"), str(count)]
        worker = [sys.executable, "-m", "tests.benchmarks.worker"]
        return [*worker, peer, workload, self.host, str(self.port), CACHE, str(count)]

    def __call__(self, peer: str, workload: str, count: int, *, prefix: list[str] | None = None) -> dict[str, float]:
        place = ["taskset", "-c", str(self.processors[0])] if self.pinned else []
        command = [*place, *(prefix or []), *self.command(peer, workload, count)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            raise SystemExit(f"{peer} {workload} failed:\n{done.stdout}{done.stderr}")
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return result


@dataclass
class Comparison:
    """One workload, the peers that run it, and how often."""

    workload: str
    counts: dict[str, int]
    rounds: list[dict[str, dict[str, float]]] = field(default_factory=list)

    def run_round(self, run: Runner) -> None:
        peers = list(self.counts)
        random.shuffle(peers)
        self.rounds.append({peer: run(peer, self.workload, self.counts[peer]) for peer in peers})

    def ratios(self, figure: str, ours: str, peer: str) -> list[float]:
        return [each[ours][figure] / each[peer][figure] for each in self.rounds]

    def median(self, figure: str, peer: str) -> float:
        return statistics.median(each[peer][figure] for each in self.rounds)


OURS, THEIRS, FLOOR, UVLOOP, GUARDED = "pyignite_rs", "pyignite", "floor", "pyignite_rs+uvloop", "guarded"

#: Reports what is being done.
Say = Callable[[str], None]


def compare(run: Runner, rounds: int, say: Say, workload: str, **counts: int) -> Comparison:
    made = Comparison(workload, {peer.replace("_uvloop", "+uvloop"): count for peer, count in counts.items()})
    for number in range(rounds):
        say(f"{workload}, round {number + 1} of {rounds}")
        made.run_round(run)
    return made


def system_calls(run: Runner, workload: str, few: int, many: int, peer: str = OURS) -> dict[str, float]:
    """System calls per call by name: the difference of two runs under strace, so that start and end cancel out."""

    def counted(count: int) -> dict[str, int]:
        with tempfile.NamedTemporaryFile("r") as report:
            run(peer, workload, count, prefix=["strace", "-f", "-c", "-o", report.name])
            lines = [line.split() for line in report.read().splitlines()]
        return {line[-1]: int(line[3]) for line in lines if len(line) >= 5 and line[3].isdigit() and line[-1] != "total"}

    before, after = counted(few), counted(many)
    # A tenth more is run as a warm-up.
    calls = (many - few) * 1.1
    return {name: (after.get(name, 0) - before.get(name, 0)) / calls for name in after}


def instructions(run: Runner, workload: str) -> float:
    """Instructions per entry by callgrind, again as the difference of two runs."""

    def counted(count: int) -> int:
        with tempfile.TemporaryDirectory() as directory:
            prefix = ["env", "PYTHONHASHSEED=0", "valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out"]
            run(OURS, workload, count, prefix=prefix)
            text = (Path(directory) / "out").read_text(errors="replace")
        found = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        if found is None:
            raise SystemExit("callgrind wrote no summary")
        return int(found.group(1))

    few, many = 5, 25
    return (counted(many) - counted(few)) / (many - few) / 1000


@dataclass
class Row:
    """One line of the table."""

    measure: str
    must: str
    reached: str
    holds: bool | None


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def one_over(values: list[float]) -> str:
    inverted = [1 / value for value in values]
    return f"1/{statistics.median(inverted):.1f} (1/{min(inverted):.1f} to 1/{max(inverted):.1f})"


def two_calls(name: str, calls: dict[str, float]) -> Row:
    """A call costs one send and one receive."""
    sockets = calls.get("sendto", 0) + calls.get("recvfrom", 0)
    total, futex = sum(value for value in calls.values() if value > 0), calls.get("futex", 0)
    shown = f"{sockets:.2f} (all kinds {total:.2f}), futex {abs(futex):.2f}"
    return Row(name, "2.00, futex 0", shown, round(total, 2) == 2.0 and round(futex, 2) == 0)


def measure_guarded(run: Runner, rounds: int, quick: float, say: Say) -> list[Row]:
    """Two nodes, calls that go to the one that has the key, time limits and heartbeats."""
    count = max(512, int(20_000 * quick))
    text = "two nodes, partition awareness, timeout and heartbeats on"
    say("warming two nodes up")
    run(GUARDED, "sync_put", count)
    rows = [two_calls(f"sync get, {text}: send + recv per call", system_calls(run, "sync_get", 2_000, 12_000, GUARDED))]
    run.pin(True)
    compared = compare(run, rounds, say, "sync_get", guarded=count, floor=count)
    cpu = compared.ratios("cpu", GUARDED, FLOOR)
    name = f"sync get, {text}, one processor: client CPU against the raw replay"
    rows.append(Row(name, "<= 1.5", spread(cpu), statistics.median(cpu) <= 1.5))
    return rows


def measure(run: Runner, rounds: int, quick: float, say: Say) -> list[Row]:
    def times(count: int) -> int:
        return max(512, int(count * quick))

    def comparison(workload: str, **counts: int) -> Comparison:
        return compare(run, rounds, say, workload, **counts)

    say("warming the node up")
    run(OURS, "sync_put", times(30_000))
    run(OURS, "async_get_256", times(100_000))
    run(OURS, "put_all", 50)

    rows: list[Row] = []

    def at_most(name: str, limit: float, text: str, values: list[float], show: Callable[[list[float]], str] = spread) -> None:
        rows.append(Row(name, text, show(values), statistics.median(values) <= limit))

    rows.append(two_calls("sync get: send + recv per call (strace -c)", system_calls(run, "sync_get", 2_000, 12_000)))
    for placement in ("one processor", "free"):
        run.pin(placement != "free")
        for name in ("sync_get", "sync_put"):
            compared = comparison(name, floor=times(20_000), pyignite_rs=times(20_000), pyignite=times(4_000))
            short = f"{name.replace('_', ' ')}, {placement}"
            at_most(f"{short}: p50 against the raw replay", 1.15, "<= 1.15", compared.ratios("p50", OURS, FLOOR))
            at_most(f"{short}: client CPU against the raw replay", 1.5, "<= 1.5", compared.ratios("cpu", OURS, FLOOR))
            at_most(f"{short}: client CPU against pyignite", 1 / 5, "<= 1/5", compared.ratios("cpu", OURS, THEIRS), one_over)

    run.pin(True)
    for name in ("object_get", "object_put"):
        compared = comparison(name, pyignite_rs=times(10_000), pyignite=times(2_000))
        short = f"{name.replace('object_', '')} of an object of ten fields, one processor"
        at_most(f"{short}: client CPU against pyignite", 1 / 10, "<= 1/10", compared.ratios("cpu", OURS, THEIRS), one_over)
    run.pin(False)

    busy = comparison("async_get_256", pyignite_rs=times(50_000), pyignite=times(8_000), pyignite_rs_uvloop=times(50_000))
    calls = system_calls(run, "async_get_256", 25_600, 128_000)
    total = sum(value for value in calls.values() if value > 0)
    rows.append(Row("async get, 256 in flight: system calls per call", "<= 0.2", f"{total:.2f}", total <= 0.2))
    at_most("async get, 256 in flight: CPU against pyignite", 1 / 20, "<= 1/20", busy.ratios("cpu", OURS, THEIRS), one_over)
    figures = f"{busy.median('cpu', OURS):.1f} us asyncio, {busy.median('cpu', UVLOOP):.1f} us uvloop"
    rows.append(Row("async get, 256 in flight: CPU per call", "reported", figures, None))
    single = comparison("async_get_1", pyignite_rs=times(8_000), pyignite=times(3_000))
    at_most("async get, 1 in flight: latency against pyignite", 1 / 2, "<= 1/2", single.ratios("p50", OURS, THEIRS), one_over)

    for name in ("get_all", "put_all"):
        compared = comparison(name, pyignite_rs=max(20, int(100 * quick)), pyignite=max(3, int(8 * quick)))
        at_most(
            f"{name} of 1,000 int -> str: CPU per entry against pyignite",
            1 / 60,
            "<= 1/60",
            compared.ratios("cpu", OURS, THEIRS),
            one_over,
        )

    say("filling the cache and the table")
    run(OURS, "fill", 1)
    for name, text, theirs in (
        ("scan", "scan of 100,000 small entries", 100_000),
        ("sql_rows", "SQL of 100,000 rows x 10 columns, lazy", 10_000),
    ):
        compared = comparison(name, pyignite_rs=100_000, pyignite=theirs)
        cpu = compared.ratios("cpu", OURS, THEIRS)
        at_most(f"{text}: CPU per row against pyignite", 1 / 60, "<= 1/60", cpu, one_over)
    say("cursors and transactions that are left")
    left = run(OURS, "left_open", 500)
    reached = f"{left['left']:.0f} of {left['opened']:,.0f}"
    name = "dropped, cancelled and abandoned cursors and transactions that the server still has"
    rows.append(Row(name, "0", reached, left["left"] == 0))

    say("16 threads")
    threads = run(OURS, "threads", max(200, int(2_000 * quick)))
    reached = f"{threads['wrong']:.0f} of {threads['calls']:,.0f} calls"
    rows.append(Row("16 threads on one Client: wrong values", "0", reached, threads["wrong"] == 0))

    for name in ("codec_encode", "codec_decode"):
        say(name)
        wall = statistics.median(run(OURS, name, 2_000)["cpu"] * 1e3 for _ in range(rounds))
        counted = (
            f"{instructions(run, name):.0f} instructions" if shutil.which("valgrind") else "instructions not counted: no valgrind"
        )
        rows.append(Row(f"{name.replace('_', ' ')}, int -> str entry", "reported", f"{wall:.0f} ns, {counted}", None))
    return rows


def table(rows: list[Row], rounds: int) -> str:
    import pyignite

    import pyignite_rs

    verdicts = {True: "yes", False: "**no**", None: ""}
    lines = [
        "# What it costs",
        "",
        f"Made by `make bench` with pyignite_rs {pyignite_rs.__version__} and pyignite {pyignite.__version__} on Python "
        f"{platform.python_version()}, one node of Ignite {version()} on the same machine ({os.cpu_count()} cores, shared by client and "
        f"server), {rounds} rounds. Ratios are taken inside a round, pyignite_rs over the peer; shown are the median and, in brackets, "
        "the smallest and the largest round. The raw replay is `rust/examples/replay.rs`: a Rust loop that sends the same recorded "
        "request on a blocking socket and drops the answers. Of the rows that have two placements, in one node and clients share one "
        "processor, in the other the kernel places them.",
        "",
        "| measure | must | reached | holds |",
        "|---|---|---|---|",
        *(f"| {row.measure} | {row.must} | {row.reached} | {verdicts[row.holds]} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds per comparison (default: 7)")
    parser.add_argument("--quick", type=float, default=1.0, help="factor on the number of calls, for a try-out")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md", help="file of the table")
    arguments = parser.parse_args()
    try:
        import pyignite  # noqa: F401
    except ImportError:
        raise SystemExit("pyignite 0.6.1 is needed for comparison: install it into this environment (extra 'bench')") from None
    for tool, package in (("strace", "strace"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            raise SystemExit(f"'{tool}' is missing: install {package}")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with Cluster(1, jit=True) as cluster:
        rows = measure(Runner(cluster), arguments.rounds, arguments.quick, say)
    with Cluster(2, jit=True) as cluster:
        rows += measure_guarded(Runner(cluster), arguments.rounds, arguments.quick, say)
    text = table(rows, arguments.rounds)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    print(text)
    failed = [row.measure for row in rows if row.holds is False]
    if failed:
        raise SystemExit("not reached: " + "; ".join(failed))


if __name__ == "__main__":
    main()
