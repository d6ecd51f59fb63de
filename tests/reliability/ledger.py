"""The ledger: nodes are killed under load, and afterwards every write has to be accounted for.

    python -m tests.reliability.ledger --kills 20 --writes 1000000     # make ledger
    python -m tests.reliability.ledger --kills 2 --control backups     # a run that has to fail the check

Three nodes, one backup, FULL_SYNC, READ_WRITE_SAFE. One node after the other is killed and started again, each when the cluster has come
to rest after the one before; besides, proxies throw away answers with their connections. Writers note each write before it is made and
close the line when they know how it ended. At the end all of it is read:

* A key has the last acknowledged value, or a later one whose outcome is unknown. Older: lost. Never written: invented.
* A counter is between the acknowledged increments and those plus the unknown ones. Below: lost. Above: done twice.
* The sum over all accounts of the bank is what it was, in every transaction that reads them all.
* Few outcomes are unknown: a client that knows nothing would pass all the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyignite_rs
from pyignite_rs.datatypes.cache_config import CacheAtomicityMode, PartitionLossPolicy, WriteSynchronizationMode
from pyignite_rs.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_ATOMICITY_MODE,
    PROP_NAME,
    PROP_PARTITION_LOSS_POLICY,
    PROP_WRITE_SYNCHRONIZATION_MODE,
)
from pyignite_rs.exceptions import CacheError, connection_errors

from ..support.balance import wait_for_rest
from ..support.cluster import Cluster, make_class_archive
from ..support.proxies import Proxies

ACKNOWLEDGED, NOT_SENT, REFUSED, UNKNOWN, OPEN = "acknowledged", "not sent", "refused", "unknown", "open"

#: Part of all writes whose outcome may be unknown.
MOST_UNKNOWN = 0.005

ACCOUNTS, MONEY = 100, 1_000

#: Keys of each thread that writes rising numbers.
KEYS = 50

#: Seconds between answers that are lost on purpose.
CUTS = 1.0

#: Entries of each `put_all`.
BATCH = 10


def outcome(error: BaseException) -> str:
    """How a write ended that raised this."""
    if getattr(error, "sent", None) == "no":
        return NOT_SENT
    if "modified concurrently" in str(error):
        # An update of one row that another one overtook.
        return REFUSED
    # A server that answers with an error while nodes die does not always know itself what became of the write.
    return UNKNOWN


# --- the ledger -------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Line:
    """One write: what, to which key, and how it ended."""

    key: Any
    value: int
    ended: str = OPEN


class Ledger:
    """The lines of one writer, in the order in which it wrote."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[Line] = []
        self._counts: Counter[str] = Counter()

    @contextmanager
    def write(self, *writes: tuple[Any, int]) -> Iterator[list[Line]]:
        """Note writes that are one call, then how it ended; what a failed one raises goes no further."""
        lines = [Line(key, value) for key, value in writes]
        self.lines += lines
        ended = ACKNOWLEDGED
        try:
            yield lines
        except (*connection_errors, CacheError) as error:
            ended = outcome(error)
        for line in lines:
            # Unless the writer knows better.
            if line.ended == OPEN:
                line.ended = ended
            self._counts[line.ended] += 1

    def counts(self) -> Counter[str]:
        """How many writes ended in which way."""
        return self._counts + Counter({OPEN: len(self.lines) - sum(self._counts.values())})


@dataclass
class Findings:
    """What the check found."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return self.lost + self.doubled + self.invented + self.other


def check_values(ledger: Ledger, found: dict[Any, int], findings: Findings) -> None:
    """Each key has its last acknowledged value or a later one of unknown outcome."""
    by_key: dict[Any, list[Line]] = {}
    for line in ledger.lines:
        by_key.setdefault(line.key, []).append(line)
    for key, lines in by_key.items():
        last = max((at for at, line in enumerate(lines) if line.ended == ACKNOWLEDGED), default=None)
        allowed = {line.value for line in lines[last or 0 :] if line.ended in (ACKNOWLEDGED, UNKNOWN)}
        value = found.get(key)
        if value in allowed or (value is None and last is None):
            continue
        place = f"{ledger.name}: key {key!r} has {value!r}, allowed {sorted(allowed)[:5]}"
        if value is None or any(line.value == value and line.ended != NOT_SENT for line in lines):
            findings.lost.append(place)
        else:
            findings.invented.append(place)


def check_counter(name: str, ledgers: list[Ledger], final: int, findings: Findings) -> None:
    """A counter is between what was acknowledged and that plus what is unknown."""
    counts = sum((ledger.counts() for ledger in ledgers), Counter())
    least, most = counts[ACKNOWLEDGED], counts[ACKNOWLEDGED] + counts[UNKNOWN]
    if final < least:
        findings.lost.append(f"{name}: {final} of {least} acknowledged increments")
    if final > most:
        findings.doubled.append(f"{name}: {final}, but only {most} were asked for")


# --- writers ----------------------------------------------------------------------------------------------------------------------


class Run:
    """One run: a cluster, its writers, what they wrote."""

    def __init__(self, cluster: Cluster, proxies: Proxies, options: argparse.Namespace) -> None:
        self.cluster = cluster
        self.proxies = proxies
        self.options = options
        self.stop = threading.Event()
        self.ledgers: list[Ledger] = []
        self.counters: dict[str, list[Ledger]] = {}
        self.findings = Findings()
        self.broken: list[BaseException] = []
        self.sums = 0
        policy = "all" if options.control == "retry" else "read"
        self.through = pyignite_rs.Client(timeout=60, retry_policy=policy)
        self.direct = pyignite_rs.Client(timeout=60)
        self.aio = pyignite_rs.AioClient(timeout=60)

    def make_caches(self) -> None:
        is_safe = self.options.control != "backups"

        def settings(name: str, transactional: bool) -> dict[int, Any]:
            return {
                PROP_NAME: name,
                PROP_BACKUPS_NUMBER: 1 if is_safe else 0,
                PROP_WRITE_SYNCHRONIZATION_MODE: WriteSynchronizationMode.FULL_SYNC,
                # Without backups nothing could be read after the first kill.
                PROP_PARTITION_LOSS_POLICY: PartitionLossPolicy.READ_WRITE_SAFE if is_safe else PartitionLossPolicy.IGNORE,
                PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL if transactional else CacheAtomicityMode.ATOMIC,
            }

        # Nodes repeat operations of atomic caches among themselves, so that what counts exactly has to be transactional.
        for name, transactional in (("values", False), ("unique", False), ("counters", True), ("bank", True)):
            self.direct.create_cache(settings(name, transactional))
        backups = f"BACKUPS={1 if is_safe else 0}"
        self.direct.sql(
            "CREATE TABLE counts (id INT PRIMARY KEY, v BIGINT) WITH "
            f'"{backups},ATOMICITY=TRANSACTIONAL,WRITE_SYNCHRONIZATION_MODE=FULL_SYNC"'
        )
        self.direct.sql("INSERT INTO counts (id, v) VALUES (1, 0)")
        self.direct.get_cache("counters").put_all({name: 0 for name in ("chain", "compare", "transaction")})
        self.direct.get_cache("bank").put_all({number: MONEY for number in range(ACCOUNTS)})

    def ledger(self, name: str, counter: str | None = None) -> Ledger:
        made = Ledger(name)
        (self.ledgers if counter is None else self.counters.setdefault(counter, [])).append(made)
        return made

    # Values

    def rising(self, index: int) -> None:
        """Rising numbers under keys of its own."""
        cache, ledger, rng = self.direct.get_cache("values"), self.ledger(f"thread {index}"), random.Random(index)
        number = 0
        while not self.stop.is_set():
            number += 1
            key = f"{index}-{rng.randrange(KEYS)}"
            with ledger.write((key, number)):
                cache.put(key, number)

    async def unique(self, index: int) -> None:
        """Each key once; one writer in four writes many in a call."""
        cache, ledger = await self.aio.get_cache("unique"), self.ledger(f"task {index}")
        number = index << 40
        many = BATCH if index % 4 == 0 else 1
        while not self.stop.is_set():
            writes = {number + each: -number for each in range(many)}
            number += many
            with ledger.write(*writes.items()):
                await (cache.put_all(writes) if many > 1 else cache.put(*writes.popitem()))

    # Counters

    def chain(self) -> None:
        """`get_and_put` of the next number, which has to bring the one before."""
        cache, ledger = self.through.get_cache("counters"), self.ledger("get_and_put", "chain")
        possible, number = {0}, 0
        while not self.stop.is_set():
            number += 1
            with ledger.write(("chain", number)) as (line,):
                before = cache.get_and_put("chain", number)
                if before == number:
                    self.findings.doubled.append(f"get_and_put of {number} brought {number}")
                elif before not in possible:
                    self.findings.lost.append(f"get_and_put of {number} brought {before}, not one of {possible}")
            if line.ended == ACKNOWLEDGED:
                possible = {number}
            elif line.ended == UNKNOWN:
                possible.add(number)

    def compare(self, index: int) -> None:
        """Read, and replace what was read by one more."""
        cache, ledger = self.through.get_cache("counters"), self.ledger(f"replace_if_equals {index}", "compare")
        while not self.stop.is_set():
            try:
                seen = cache.get("compare")
            except (*connection_errors, CacheError):
                continue
            with ledger.write(("compare", seen + 1)) as (line,):
                if not cache.replace_if_equals("compare", seen, seen + 1):
                    line.ended = REFUSED

    def statement(self, index: int) -> None:
        """An increment in SQL."""
        ledger = self.ledger(f"UPDATE {index}", "statement")
        while not self.stop.is_set():
            with ledger.write(("statement", 1)) as (line,):
                if next(self.through.sql("UPDATE counts SET v = v + 1 WHERE id = 1"))[0] != 1:
                    line.ended = REFUSED

    def transaction(self, index: int) -> None:
        """Read and write in a transaction."""
        cache, ledger = self.through.get_cache("counters"), self.ledger(f"transaction {index}", "transaction")
        while not self.stop.is_set():
            with ledger.write(("transaction", 1)) as (line,):
                # Until the commit nothing has happened.
                line.ended = REFUSED
                with self.through.tx_start(timeout=5_000) as transaction:
                    cache.put("transaction", cache.get("transaction") + 1)
                    line.ended = OPEN
                    transaction.commit()

    # The bank

    def transfer(self, index: int) -> None:
        """Money from one account to another."""
        cache, ledger, rng = self.direct.get_cache("bank"), self.ledger(f"bank {index}", "bank"), random.Random(index)
        while not self.stop.is_set():
            # In one order, so that nobody waits for each other.
            first, second = sorted(rng.sample(range(ACCOUNTS), 2))
            amount = rng.randrange(-50, 50)
            with ledger.write(((first, second), amount)) as (line,):
                line.ended = REFUSED
                with self.direct.tx_start(timeout=5_000) as transaction:
                    cache.put(first, cache.get(first) - amount)
                    cache.put(second, cache.get(second) + amount)
                    line.ended = OPEN
                    transaction.commit()

    def audit(self) -> None:
        """Read all accounts in transactions, which lock them in the order in which everybody does."""
        cache = self.direct.get_cache("bank")
        while not self.stop.wait(1.0):
            try:
                with self.direct.tx_start(timeout=5_000) as transaction:
                    accounts = {account: cache.get(account) for account in range(ACCOUNTS)}
                    transaction.commit()
            except (*connection_errors, CacheError):
                continue
            self.sums += 1
            self.check_sum(accounts)

    def check_sum(self, accounts: dict[int, int]) -> None:
        if len(accounts) != ACCOUNTS or sum(accounts.values()) != ACCOUNTS * MONEY:
            self.findings.other.append(f"the bank has {sum(accounts.values())} in {len(accounts)} accounts")

    # All together

    def run(self) -> Findings:
        """Connect, write, kill, check."""
        self.direct.connect(self.cluster.addresses)
        self.through.connect(self.proxies.addresses)
        self.make_caches()
        loads: list[Callable[[], None]] = [self.chain, self.audit, lambda: asyncio.run(self.tasks())]
        loads += [lambda index=index: self.rising(index) for index in range(2)]  # type: ignore[misc]
        loads += [lambda index=index: self.transfer(index) for index in range(2)]  # type: ignore[misc]
        for index in range(2):
            loads += [
                lambda index=index: self.compare(index),  # type: ignore[misc]
                lambda index=index: self.statement(index),  # type: ignore[misc]
                lambda index=index: self.transaction(index),  # type: ignore[misc]
            ]
        threads = [threading.Thread(target=self.guarded, args=(load,)) for load in loads]
        for thread in threads:
            thread.start()
        try:
            self.kill_nodes()
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(90)
                if thread.is_alive():
                    self.findings.other.append("a writer hangs")
        self.say("stopped")
        wait_for_rest(self.cluster, range(3))
        self.say("at rest")
        self.check()
        self.say("checked")
        self.direct.close()
        self.through.close()
        return self.findings

    def guarded(self, load: Callable[[], None]) -> None:
        try:
            load()
        except BaseException as error:
            self.broken.append(error)
            self.stop.set()

    async def tasks(self) -> None:
        async with self.aio.connect(self.cluster.addresses):
            await asyncio.gather(*(self.unique(index) for index in range(self.options.tasks)))

    def kill_nodes(self) -> None:
        """One after the other, each when the cluster has come to rest; and answers that are lost with their connections."""
        self.say("writing")
        # Where everything is repeated, one of these answers has to be that of a counter.
        self.cut(15.0 if self.options.control == "retry" else 2.0)
        for kill in range(self.options.kills):
            node = self.cluster[kill % 3]
            if self.stop.is_set():
                return
            node.kill()
            self.cut(1.0)
            node.start()
            wait_for_rest(self.cluster, range(3))
            self.say(f"kill {kill + 1}")
            self.cut(1.0)
        while self.total()[ACKNOWLEDGED] < self.options.writes and not self.stop.is_set():
            self.cut(1.0)
        self.say("enough")

    def cut(self, seconds: float) -> None:
        """For a while, lose an answer of some node now and then."""
        end = time.monotonic() + seconds
        rng = random.Random(seconds)
        while time.monotonic() < end and not self.stop.wait(CUTS):
            self.proxies[rng.randrange(3)].cut_next()

    def total(self) -> Counter[str]:
        ledgers = self.ledgers + [ledger for each in self.counters.values() for ledger in each]
        return sum((ledger.counts() for ledger in ledgers), Counter())

    def say(self, what: str) -> None:
        if self.options.verbose:
            print(f"{time.strftime('%H:%M:%S')} {what}: {dict(self.total())}", flush=True)

    def check(self) -> None:
        """Read everything with a client that knows nothing yet."""
        findings = self.findings
        client = pyignite_rs.Client(timeout=60)
        with client.connect(self.cluster.addresses):
            if self.options.control == "altered":
                # The last write of one key is noted one higher than it was.
                keys = {line.key: line for line in self.ledgers[0].lines if line.ended == ACKNOWLEDGED}
                line = next(iter(keys.values()))
                line.value += 1
            for ledger in self.ledgers:
                cache = client.get_cache("unique" if ledger.name.startswith("task") else "values")
                keys = list({line.key for line in ledger.lines})
                found: dict[Any, int] = {}
                for start in range(0, len(keys), 10_000):
                    found |= cache.get_all(keys[start : start + 10_000])
                check_values(ledger, found, findings)
            counters = client.get_cache("counters").get_all(["chain", "compare", "transaction"])
            counters["statement"] = next(client.sql("SELECT v FROM counts WHERE id = 1"), [0])[0]
            for name in ("compare", "transaction", "statement"):
                check_counter(name, self.counters[name], counters.get(name, 0), findings)
            check_values(self.counters["chain"][0], {"chain": counters.get("chain", 0)}, findings)
            self.check_sum(client.get_cache("bank").get_all(range(ACCOUNTS)))
        total = self.total()
        if total[OPEN]:
            findings.other.append(f"{total[OPEN]} writes never ended")
        made = total[ACKNOWLEDGED] + total[UNKNOWN]
        if total[UNKNOWN] > MOST_UNKNOWN * made:
            findings.other.append(f"{total[UNKNOWN]} of {made} outcomes are unknown")
        if self.sums == 0:
            findings.other.append("nobody saw the whole bank")
        findings.other += [f"a writer broke: {error!r}" for error in self.broken]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill nodes under load and account for every write.")
    parser.add_argument("--kills", type=int, default=20, help="nodes that are killed (default: 20)")
    parser.add_argument("--writes", type=int, default=1_000_000, help="acknowledged writes at least (default: 1,000,000)")
    parser.add_argument("--tasks", type=int, default=64, help="asynchronous writers (default: 64)")
    parser.add_argument("--control", choices=("backups", "retry", "altered"), help="a run that has to fail the check")
    parser.add_argument("--jit", action="store_true", help="full optimisation in the nodes: slower to start, faster to write")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def keep_ledger(options: argparse.Namespace) -> tuple[Findings, Counter[str], int]:
    """One run: what the check found, how writes ended, how often the whole bank was seen."""
    make_class_archive()
    # Writes that wait for a change of the topology must not take the threads that transactions need to end, for which the change waits.
    with Cluster(3, jit=options.jit, connector={"threadPoolSize": 128}) as cluster, Proxies(cluster) as proxies:
        run = Run(cluster, proxies, options)
        findings = run.run()
        return findings, run.total(), run.sums


def main() -> int:
    options = parse()
    options.verbose = True
    begin = time.monotonic()
    findings, total, sums = keep_ledger(options)
    print(f"{options.kills} kills in {time.monotonic() - begin:.0f} s, {dict(total)}, the bank was seen {sums} times")
    print(
        f"lost {len(findings.lost)}, doubled {len(findings.doubled)}, invented {len(findings.invented)}, other {findings.other}"
    )
    for finding in findings.all[:20]:
        print(f"  {finding}")
    return int(bool(findings.all))


if __name__ == "__main__":
    sys.exit(main())
