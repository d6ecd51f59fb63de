"""Runs a program that was written for pyignite, unchanged: `python -m pyignite_rs.as_pyignite program.py [arguments]`.

`-m package.module` runs a module. Everything else is as if Python had been called with the program alone: `sys.argv`, `sys.path`,
`__main__`, the exit code, and what is printed of an exception that nothing catches.
"""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType
from typing import NoReturn

USAGE = "usage: python -m pyignite_rs.as_pyignite (program.py | directory | archive.zip | -m module) [arguments ...]"


def _prepend(directory: str) -> None:
    """Put in front of `sys.path` what Python itself would; the place is taken by the current directory, for the sake of this module."""
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = directory


def _absolute(path: str) -> str:
    """A path as Python writes it into `__file__`: absolute, and otherwise as it was given."""
    return os.path.join(os.getcwd(), path)


def _hide_ourselves() -> None:
    """Have the frames of this module left out when the interpreter prints the exception that is on its way."""
    show = sys.excepthook

    def shortened(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        inner, rest = trace, trace
        while inner is not None:
            if inner.tb_frame.f_code.co_filename == __file__:
                rest = inner.tb_next
            inner = inner.tb_next
        show(kind, error.with_traceback(rest), rest)

    sys.excepthook = shortened


def _main_module() -> ModuleType:
    """An empty `__main__`. The one that runs this stays alive beside it."""
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    if "__annotations__" in vars(sys.modules["__main__"]):
        # Python up to 3.13 gives it to the main module from the start.
        module.__dict__["__annotations__"] = {}
    sys.modules["__main__"] = module
    return module


def _run_file(path: str) -> None:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {os.path.abspath(path)!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        sys.exit(2)
    _prepend(os.path.dirname(os.path.realpath(path)))
    path = _absolute(path)
    module = _main_module()
    module.__file__ = path
    module.__loader__ = SourceFileLoader("__main__", path)
    module.__dict__["__cached__"] = None
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)


def _run_module(name: str, in_archive: bool = False) -> None:
    _main_module()
    # What the interpreter itself calls for `-m`, and for a directory or an archive.
    runpy._run_module_as_main(name, not in_archive)  # type: ignore[attr-defined]


def _usage() -> NoReturn:
    print(USAGE, file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Read the command line, install the alias, and run."""
    from . import install_as_pyignite

    arguments = sys.argv[1:]
    if arguments[:1] == ["-h"] or arguments[:1] == ["--help"]:
        print(USAGE)
        return
    if not arguments or (arguments[0].startswith("-") and arguments[0] != "-m") or arguments == ["-m"]:
        _usage()
    install_as_pyignite()
    try:
        if arguments[0] == "-m":
            sys.argv[:] = ["-m", *arguments[2:]]
            _run_module(arguments[1])
        elif os.path.isdir(arguments[0]) or zipfile.is_zipfile(arguments[0]):
            sys.argv[:] = arguments
            _prepend(_absolute(arguments[0]))
            _run_module("__main__", in_archive=True)
        else:
            sys.argv[:] = arguments
            _run_file(arguments[0])
    except SystemExit:
        raise
    except BaseException:
        _hide_ourselves()
        raise


if __name__ == "__main__":
    main()
