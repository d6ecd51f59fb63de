"""This package under pyignite's name, each time in a process of its own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.compat.test_names import LATER, PRIVATE, PYIGNITE, covering

#: pyignite 0.6.1 is in this environment; it has wheels up to Python 3.11.
HAS_PYIGNITE = sys.version_info < (3, 12)


def python(*arguments: str, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a Python of its own."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONSAFEPATH", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False, **options
    )


def told(code: str) -> Any:
    """What a piece of code writes into `result`, run in a process of its own."""
    ran = python("-c", textwrap.dedent(code) + "\nimport json; print(json.dumps(result))")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return json.loads(ran.stdout)


# --- install_as_pyignite ---------------------------------------------------------------------------------------------------------


def test_import_pyignite_brings_this_package() -> None:
    assert told("""
        import pyignite_rs
        pyignite_rs.install_as_pyignite()
        import pyignite
        from pyignite import Client, AioClient
        import pyignite.datatypes.prop_codes as codes
        result = [pyignite.__version__, pyignite.__name__, Client is pyignite_rs.Client, AioClient.__module__, codes.__name__]
    """) == ["0.6.1", "pyignite", True, "pyignite_rs.aio_client", "pyignite_rs.datatypes.prop_codes"]


def test_every_public_module_is_the_same_object() -> None:
    names = [name for name in PYIGNITE if name and covering(name, LATER, PRIVATE) is None]
    assert len(names) > 20
    assert (
        told(f"""
        import importlib, pyignite_rs
        pyignite_rs.install_as_pyignite()
        result = []
        for name in {names!r}:
            there = importlib.import_module("pyignite." + name)
            here = importlib.import_module("pyignite_rs." + name)
            again = importlib.import_module("pyignite." + name)
            if not (there is here is again and here.__spec__.name == here.__name__ == "pyignite_rs." + name):
                result.append(name)
    """)
        == []
    )


def test_modules_come_along_with_the_package_as_in_pyignite() -> None:
    """`import pyignite` is enough for `pyignite.datatypes.String`, and the same goes for `import pyignite_rs`."""
    # The one module that pyignite does not import by itself.
    names = [name for name in PYIGNITE if name and name != "datatypes.key_value" and covering(name, LATER, PRIVATE) is None]
    for package in ("pyignite", "pyignite_rs"):
        assert (
            told(f"""
            import operator, pyignite_rs
            pyignite_rs.install_as_pyignite()
            import {package} as package
            result = [name for name in {names!r} if operator.attrgetter(name)(package).__name__ != "pyignite_rs." + name]
        """)
            == []
        )


def test_modules_are_not_imported_before_they_are_asked_for() -> None:
    assert told("""
        import sys, pyignite_rs
        pyignite_rs.install_as_pyignite()
        before = [name for name in sys.modules if name.split(".")[0] == "pyignite"]
        import pyignite.utils
        result = [before, sorted(name for name in sys.modules if name.split(".")[0] == "pyignite")]
    """) == [[], ["pyignite", "pyignite.utils"]]


def test_without_pyignite_in_the_environment() -> None:
    assert told("""
        import sys
        sys.path = [entry for entry in sys.path if not entry.endswith("site-packages")]
        import pyignite_rs
        try:
            import pyignite
        except ModuleNotFoundError as error:
            before = error.name
        pyignite_rs.install_as_pyignite()
        from pyignite.exceptions import CacheError
        result = [before, CacheError is pyignite_rs.exceptions.CacheError]
    """) == ["pyignite", True]


def test_installing_twice_and_from_threads() -> None:
    assert told("""
        import sys, threading, pyignite_rs
        finders = len(sys.meta_path)
        threads = [threading.Thread(target=pyignite_rs.install_as_pyignite) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        pyignite_rs.install_as_pyignite()
        import pyignite
        pyignite_rs.install_as_pyignite()
        result = [len(sys.meta_path) - finders, pyignite.Client is pyignite_rs.Client]
    """) == [1, True]


def test_modules_are_imported_by_many_threads_at_once() -> None:
    assert told("""
        import importlib, threading, pyignite_rs
        pyignite_rs.install_as_pyignite()
        names = ["datatypes.standard", "datatypes.key_value", "client", "aio_client", "utils", "queries.op_codes", "monitoring"] * 20
        got, start = [], threading.Barrier(len(names))
        def work(name):
            start.wait()
            got.append(importlib.import_module("pyignite." + name) is importlib.import_module("pyignite_rs." + name))
        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        result = [len(got), all(got)]
    """) == [140, True]


def test_what_is_not_here_can_not_be_imported() -> None:
    """Not even where pyignite is installed: its machinery would bring a second set of classes."""
    assert told("""
        import importlib, importlib.util, pyignite_rs
        pyignite_rs.install_as_pyignite()
        result = []
        for name in ("pyignite.api", "pyignite.stream.binary_stream", "pyignite.nonsense"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                result.append(error.name)
        result.append(importlib.util.find_spec("pyignite.api"))
        import pyignite
        try:
            pyignite.nonsense
        except AttributeError as error:
            result.append(str(error))
    """) == ["pyignite.api", "pyignite.stream", "pyignite.nonsense", None, "module 'pyignite' has no attribute 'nonsense'"]


@pytest.mark.skipif(not HAS_PYIGNITE, reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
def test_after_pyignite_itself_was_imported() -> None:
    assert (
        told("""
        import pyignite, pyignite_rs
        try:
            pyignite_rs.install_as_pyignite()
        except RuntimeError as error:
            result = str(error)
        assert pyignite.Client is not pyignite_rs.Client
    """)
        == "pyignite itself was imported already; call install_as_pyignite() before anything imports it"
    )


def test_tools_that_look_at_modules() -> None:
    assert (
        told("""
        import importlib, inspect, pkgutil, pydoc, unittest.mock, pyignite_rs
        pyignite_rs.install_as_pyignite()
        import pyignite
        result = [
            inspect.getsourcefile(pyignite.client.Client) == pyignite_rs.client.__file__,
            importlib.reload(pyignite.utils) is pyignite_rs.utils,
            "pyignite.datatypes" in {found.name for found in pkgutil.walk_packages(pyignite.__path__, "pyignite.")},
            pydoc.locate("pyignite.exceptions.CacheError") is pyignite_rs.exceptions.CacheError,
            "Client" in dir(pyignite),
        ]
        with unittest.mock.patch("pyignite.Client") as double:
            from pyignite import Client
            result.append(Client is double)
        with unittest.mock.patch("pyignite.client.Client") as double:
            result.append(pyignite_rs.client.Client is double)
        result.append(pyignite.Client is pyignite_rs.Client)
    """)
        == [True] * 8
    )


def test_pickles_of_either_name() -> None:
    """Each process names classes in its own way; both read both."""
    ours = "pyignite_rs.exceptions.CacheError('no', 1), pyignite_rs.datatypes.String"
    # Protocol 0 has names on lines of their own, so that they can be replaced without counting their bytes.
    made = told(f"import pickle, pyignite_rs; result = pickle.dumps(({ours}), protocol=0).decode('latin-1')").encode("latin-1")
    renamed = made.replace(b"pyignite_rs", b"pyignite")
    assert b"pyignite_rs" not in renamed
    assert told(f"""
        import pickle, pyignite_rs
        pyignite_rs.install_as_pyignite()
        error, hint = pickle.loads({renamed!r})
        same = pickle.loads({made!r})
        result = [type(error) is type(same[0]) is pyignite_rs.exceptions.CacheError, hint is same[1], error.args]
    """) == [True, True, ["no", 1]]
    error, hint = pickle.loads(made)
    assert (error.args, hint.__name__) == (("no", 1), "String")


@pytest.mark.skipif(not HAS_PYIGNITE, reason="pyignite 0.6.1 has wheels up to Python 3.11 only")
def test_pickles_that_pyignite_made() -> None:
    made = told("""
        import pickle
        from pyignite.connection.bitmask_feature import BitmaskFeature
        from pyignite.connection.protocol_context import ProtocolContext
        from pyignite.datatypes import IntObject
        from pyignite.datatypes.key_value import PeekModes
        from pyignite.exceptions import SQLError
        from pyignite.monitoring import QueryFailEvent
        context = ProtocolContext((1, 7, 0), BitmaskFeature.all_supported())
        event = QueryFailEvent("h", 1, None, 7, 1000, "OP_CACHE_GET", 2, "no")
        result = pickle.dumps((SQLError("no"), IntObject, PeekModes.BACKUP, context, event)).hex()
    """)
    assert told(f"""
        import pickle, pyignite_rs
        pyignite_rs.install_as_pyignite()
        error, hint, mode, context, event = pickle.loads(bytes.fromhex({made!r}))
        from pyignite_rs.datatypes.key_value import PeekModes
        result = [type(error) is pyignite_rs.exceptions.SQLError, hint is pyignite_rs.datatypes.IntObject, mode is PeekModes.BACKUP,
                  context.version, context.is_cluster_api_supported(), event.op_name, event.error_msg]
    """) == [True, True, True, [1, 7, 0], True, "OP_CACHE_GET", "'no'"]


def test_log_records_come_under_pyignites_name() -> None:
    assert told("""
        import logging, pyignite_rs
        class Keep(logging.Handler):
            def emit(self, record): kept.append(record.name)
        kept = []
        pyignite_rs.install_as_pyignite()
        logging.getLogger("pyignite").setLevel(logging.DEBUG)
        logging.getLogger("pyignite").addHandler(Keep())
        from pyignite_rs.monitoring import _Teller
        _Teller(None).connection_closed("h", 1, "")
        _Teller(None).query_start("h", 1, "", 1, 1000, "OP_CACHE_GET")
        result = kept
    """) == ["pyignite.connection", "pyignite.queries"]


# --- python -m pyignite_rs.as_pyignite --------------------------------------------------------------------------------------------

RUN = ("-m", "pyignite_rs.as_pyignite")

#: Tells everything that a program can see of how it was started.
PROGRAM = """
import sys
import json
facts = {
    "argv": sys.argv, "path": sys.path, "name": __name__, "file": __file__, "spec": __spec__ and __spec__.name, "package": __package__,
    "doc": __doc__, "main": sys.modules["__main__"].__dict__ is globals(), "own": sorted(set(globals()) - {"facts"}),
    "loader": type(__loader__).__name__, "builtins": type(__builtins__).__name__, "annotations": __annotations__,
}
print(json.dumps(facts))
"""

IMPORTS = "import pyignite, pyignite.client, pyignite_rs\nassert pyignite.client is pyignite_rs.client\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with programs of every shape."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "program.py").write_text('"""About."""\n' + PROGRAM)
    (tmp_path / "linked.py").symlink_to("deep/program.py")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "tool.py").write_text(PROGRAM)
    (tmp_path / "package" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "__main__.py").write_text(PROGRAM)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", PROGRAM)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["deep/program.py"],
        ["deep/program.py", "-x", "--long", "a b", "-m"],
        ["./deep/../deep/program.py"],
        ["linked.py", "1"],
        ["-m", "package.tool", "a", "-b"],
        ["-m", "package"],
        ["directory", "a"],
        ["archive.zip"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("flags", [[], ["-O", "-X", "utf8"]], ids=["", "flags"])
def test_a_program_sees_what_it_would_see_without_us(programs: Path, arguments: list[str], flags: list[str]) -> None:
    expected = python(*flags, *arguments, cwd=programs)
    ran = python(*flags, *RUN, *arguments, cwd=programs)
    assert expected.returncode == 0, expected.stderr
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == json.loads(expected.stdout)


def test_pyignite_is_this_package_in_a_program(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(IMPORTS + "print(pyignite.__version__)")
    (tmp_path / "tool.py").write_text(IMPORTS + "print(pyignite.__version__)")
    for arguments in (["program.py"], ["-m", "tool"]):
        ran = python(*RUN, *arguments, cwd=tmp_path)
        assert (ran.stdout, ran.stderr, ran.returncode) == ("0.6.1\n", "", 0)


#: Programs that end in some way.
ENDS = {
    "exit code": "import sys; sys.exit(7)",
    "exit with a text": "import sys; sys.exit('a reason')",
    "exit with nothing": "import sys; sys.exit()",
    "exit from deep inside": "import sys\ndef f(): sys.exit(3)\nf()",
    "an exception": "def f():\n    raise ValueError('a mistake')\nf()",
    "an exception with a cause": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError('worse') from error",
    "an exception with a context": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    [][1]",
    "a syntax error": "x = 1\nif x\n    pass",
    "an interrupt": "raise KeyboardInterrupt",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "os._exit": "import os; os._exit(9)",
    "its own hook": (
        "import sys\n"
        "sys.excepthook = lambda kind, error, trace: print('hook', error, trace.tb_frame.f_code.co_name, error.__traceback__ is trace)\n"
        "raise OSError('x')"
    ),
    "work at exit": "import atexit\nx = 5\natexit.register(lambda: print('x is', x))\nraise SystemExit(2)",
    "an output that is gone": "import os\nos.close(1)\nprint('x')",
    "a missing module": "import nonsense_that_is_not_there",
    "an exception group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])"
    if sys.version_info >= (3, 11)
    else "raise ValueError",
    "a thread that goes on": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()",
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("as_module", [False, True], ids=["file", "module"])
def test_a_program_ends_as_it_would_without_us(tmp_path: Path, name: str, as_module: bool) -> None:
    (tmp_path / "program.py").write_text(ENDS[name])
    arguments = ["-m", "program"] if as_module else ["program.py"]
    expected = python(*arguments, cwd=tmp_path)
    ran = python(*RUN, *arguments, cwd=tmp_path)
    assert ran.stderr == expected.stderr
    assert (ran.returncode, ran.stdout) == (expected.returncode, expected.stdout)


@pytest.mark.parametrize("source", [b"# coding: nonsense\n", b"x = '\0'", b"x = '\xff'"], ids=["encoding", "null", "bytes"])
def test_a_program_that_is_no_text(tmp_path: Path, source: bytes) -> None:
    """The words for these differ between Python's own two ways to read a file; the exit code does not."""
    (tmp_path / "program.py").write_bytes(source)
    ran = python(*RUN, "program.py", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (python("program.py", cwd=tmp_path).returncode, "")
    assert "SyntaxError: " in ran.stderr
    assert "as_pyignite" not in ran.stderr


@pytest.mark.parametrize("arguments", [["nowhere.py"], ["-m", "nowhere"], ["-m", "package.nowhere"]], ids=" ".join)
def test_a_program_that_is_not_there(programs: Path, arguments: list[str]) -> None:
    expected = python(*arguments, cwd=programs)
    ran = python(*RUN, *arguments, cwd=programs)
    assert (ran.returncode, ran.stdout) == (expected.returncode, "")
    assert ran.stderr.strip() == expected.stderr.strip()


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-c", "pass"], ["--nonsense"]], ids=" ".join)
def test_a_wrong_command_line(arguments: list[str]) -> None:
    ran = python(*RUN, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("usage: python -m pyignite_rs.as_pyignite")


def test_help() -> None:
    ran = python(*RUN, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("usage: ")


@pytest.mark.parametrize("way", ["fork", "forkserver", "spawn"])
def test_processes_that_a_program_starts(tmp_path: Path, way: str) -> None:
    (tmp_path / "program.py").write_text(
        textwrap.dedent(f"""
            import multiprocessing
            import pyignite_rs
            pyignite_rs.install_as_pyignite()
            import pyignite

            def work(number):
                return number, pyignite.__version__, pyignite.Client is pyignite_rs.Client

            if __name__ == "__main__":
                with multiprocessing.get_context({way!r}).Pool(2) as pool:
                    print(pool.map(work, range(3)))
        """)
    )
    ran = python(*RUN, "program.py", cwd=tmp_path)
    assert ran.stdout == str([(number, "0.6.1", True) for number in range(3)]) + "\n", ran.stderr
