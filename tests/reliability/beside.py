"""The same script on this client and on pyignite, in a process of its own that ends whatever happens in it.

A script counts what it sees in `seen` and calls `tell()` when it is done. If it is not done within its limit it is asked for what it has
seen so far, and `seen["hung"]` is 1: pyignite's calls may wait for ever, and some defects stop its event loop. A process that says nothing
at all any more has `silent`, one that died `died`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import pyignite_rs

from ..conftest import Reached

ROOT = Path(__file__).parents[2]

OURS, PYIGNITE = "pyignite_rs", "pyignite"

#: Both packages; pyignite in the full form only, and where it is installed.
PACKAGES = [
    OURS,
    pytest.param(
        PYIGNITE,
        marks=[
            pytest.mark.full,
            pytest.mark.skipif(importlib.util.find_spec(PYIGNITE) is None, reason="pyignite is not installed"),
        ],
    ),
]

PRELUDE = """
import asyncio, contextvars, faulthandler, gc, importlib, json, logging, os, random, signal, socket, sys, threading, time
from collections import Counter

package, ADDRESS, LIMIT = sys.argv[1], ("127.0.0.1", int(sys.argv[2])), float(sys.argv[3])
OPTIONS = json.loads(sys.argv[4])
ignite = importlib.import_module(package)
datatypes = importlib.import_module(package + ".datatypes")
cache_config = importlib.import_module(package + ".datatypes.cache_config")
prop_codes = importlib.import_module(package + ".datatypes.prop_codes")
monitoring = importlib.import_module(package + ".monitoring")
is_ours = package == "pyignite_rs"
seen = Counter()
logging.lastResort = None
sys.unraisablehook = lambda info: seen.update(unraisable=1)
threading.excepthook = lambda info: seen.update(broken=1)


def tell(**more):
    seen.update(more)
    os.write(1, json.dumps(seen).encode())
    os._exit(0)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def watch():
    time.sleep(LIMIT)
    tell(hung=1)


threading.Thread(target=watch, daemon=True).start()


def watch_growth():
    # seen["MiB"]: the most memory that was in use beyond what is in use now.
    gc.collect()
    before = resident()

    def look():
        while True:
            seen["MiB"] = max(seen["MiB"], (resident() - before + (1 << 20) - 1) >> 20)
            time.sleep(0.01)

    threading.Thread(target=look, daemon=True).start()


def transactional(name):
    return {prop_codes.PROP_NAME: name,
            prop_codes.PROP_CACHE_ATOMICITY_MODE: cache_config.CacheAtomicityMode.TRANSACTIONAL}
"""


#: A stand-in in the process of the script; pyignite speaks to it as to a node.
NODE = """
    from pyignite_rs import testing as fake

    node = fake.FakeNode({"c": {key: key * 11 for key in range(1_000)}})
    node.start()

    def connected(**options):
        client = ignite.Client(**options)
        client.connect(*node.address)
        return client

    def check(cache, key):
        try:
            seen["right" if cache.get(key) == key * 11 else "wrong"] += 1
            return True
        except Exception:
            seen["errors"] += 1
            return False
"""


def run(script: str, package: str, port: int, limit: float = 30.0, **options: Any) -> Counter[str]:
    """What the script has seen on this package with the node at that port."""
    path = os.pathsep.join([str(Path(pyignite_rs.__file__).parents[1]), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script), package, str(port), str(limit), json.dumps(options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=limit + 10)
    except subprocess.TimeoutExpired:
        # Not even the thread that watches gets its turn.
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return Counter(hung=1, silent=1)
    if out:
        return Counter(json.loads(out))
    print(f"exit code {process.returncode}\n{err}")
    assert package != OURS
    return Counter(died=1)


def told(seen: Counter[str], *names: str) -> str:
    """Counts as text for the table, those that are 0 left out except the first."""
    parts = [f"{seen[name]:,} {name.replace('_', ' ')}" for at, name in enumerate(names) if at == 0 or seen[name]]
    return ", ".join(parts)


def note(goal: str, what: str, figure: str, package: str, reached: Reached) -> None:
    """Note a figure in the column of its package."""
    reached(goal, what, figure, "" if package == OURS else package)


def compare(goal: str, what: str, script: str, package: str, reached: Reached, *names: str, **options: Any) -> Counter[str]:
    """Run the script, and note its counts for the table."""
    seen = run(NODE + script, package, 0, options.pop("limit", 40), **options)
    note(goal, what, told(seen, *names, "hung", "died"), package, reached)
    return seen
