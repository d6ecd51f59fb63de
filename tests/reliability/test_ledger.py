"""The ledger in short: two nodes are killed under load. The long form is `make ledger`."""

from __future__ import annotations

import pytest

from ..conftest import Reached, Size
from .ledger import (
    ACKNOWLEDGED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    Findings,
    Ledger,
    check_counter,
    check_values,
    keep_ledger,
    parse,
)

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.mark.goal("G19")
def test_nodes_are_killed_and_no_write_is_lost_or_done_twice(size: Size, reached: Reached) -> None:
    options = ["--kills", str(size(2, 20)), "--writes", str(size(20_000, 1_000_000)), "--tasks", str(size(8, 32))]
    findings, total, sums = keep_ledger(parse(options))
    assert findings.all == []
    assert total[ACKNOWLEDGED] >= size(20_000, 1_000_000) and sums > 0
    part = total[UNKNOWN] / (total[ACKNOWLEDGED] + total[UNKNOWN])
    figure = (
        f"{size(2, 20)} kills, {total[ACKNOWLEDGED]:,} acknowledged, {total[UNKNOWN]:,} unknown ({part:.2%}), 0 lost, 0 doubled"
    )
    reached("G19", "ledger with kill -9", f"{figure}, the bank seen whole {sums} times")


def written(*lines: tuple[str, int, str]) -> Ledger:
    """A ledger with these lines: key, value, how it ended."""
    ledger = Ledger("by hand")
    for key, value, ended in lines:
        with ledger.write((key, value)) as (line,):
            line.ended = ended
    return ledger


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ({"a": 3}, None),
        ({"a": 4}, None),
        ({"a": 2}, "lost"),
        ({"a": 5}, "invented"),
        ({"a": 6}, "invented"),
        ({}, "lost"),
    ],
    ids=str,
)
def test_what_the_check_says_of_values(found: dict[str, int], kind: str | None) -> None:
    ledger = written(("a", 1, ACKNOWLEDGED), ("a", 2, UNKNOWN), ("a", 3, ACKNOWLEDGED), ("a", 4, UNKNOWN), ("a", 5, NOT_SENT))
    findings = Findings()
    check_values(ledger, found, findings)
    assert [name for name in ("lost", "doubled", "invented") if getattr(findings, name)] == ([kind] if kind else [])


@pytest.mark.parametrize(("final", "kind"), [(1, "lost"), (2, None), (3, None), (4, "doubled")])
def test_what_the_check_says_of_counters(final: int, kind: str | None) -> None:
    first = written(("n", 1, ACKNOWLEDGED), ("n", 2, REFUSED), ("n", 2, UNKNOWN))
    second = written(("n", 2, ACKNOWLEDGED), ("n", 3, NOT_SENT))
    findings = Findings()
    check_counter("n", [first, second], final, findings)
    assert [name for name in ("lost", "doubled", "invented") if getattr(findings, name)] == ([kind] if kind else [])


@pytest.mark.full
@pytest.mark.goal("G19")
@pytest.mark.parametrize(
    ("control", "kills", "kinds"),
    [("backups", 1, ["lost"]), ("retry", 0, ["doubled"]), ("altered", 0, ["lost", "invented"])],
    ids=["no backups", "everything is repeated", "an altered line"],
)
def test_what_has_to_fail_fails(control: str, kills: int, kinds: list[str], reached: Reached) -> None:
    options = ["--kills", str(kills), "--writes", "40000", "--tasks", "8", "--control", control]
    findings, _, _ = keep_ledger(parse(options))
    assert any(getattr(findings, kind) for kind in kinds), findings.all
    reached("G19", "controls that fail as they must", 1)
