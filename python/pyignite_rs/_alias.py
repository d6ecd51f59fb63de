"""This package under the name of pyignite, for programs and tools that import that."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import Lock
from types import ModuleType
from typing import Any

__all__ = ["install_as_pyignite"]

_OURS = __package__ or "pyignite_rs"
_THEIRS = "pyignite"

#: The version whose classes, names and results this package has; what `pyignite.__version__` says.
_VERSION = "0.6.1"

_INSTALLING = Lock()


class _Pyignite(ModuleType):
    """The package `pyignite`: what it has not itself, `pyignite_rs` has."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(sys.modules[_OURS], name)
        except AttributeError:
            raise AttributeError(f"module {_THEIRS!r} has no attribute {name!r}", name=name, obj=self) from None

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *dir(sys.modules[_OURS])})


class _Loader(Loader):
    """Gives out modules that are there already."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the other name into it.
        module.__spec__ = self.spec or module.__spec__


def _spec(name: str, module: ModuleType) -> ModuleSpec:
    """How a module is found under another name."""
    spec = ModuleSpec(name, _Loader(module), origin=module.__file__)
    spec.submodule_search_locations = getattr(module, "__path__", None)
    return spec


class _Finder(MetaPathFinder):
    """Answers for `pyignite` and everything below; submodules are imported when they are asked for, and are the same objects."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == _THEIRS:
            package = _Pyignite(_THEIRS, sys.modules[_OURS].__doc__)
            package.__version__ = _VERSION  # type: ignore[attr-defined]
            package.__file__ = sys.modules[_OURS].__file__
            package.__path__ = sys.modules[_OURS].__path__
            return _spec(fullname, package)
        if not fullname.startswith(_THEIRS + "."):
            return None
        ours = _OURS + fullname.removeprefix(_THEIRS)
        if importlib.util.find_spec(ours) is None:
            # pyignite's machinery, or nothing at all.
            return None
        return _spec(fullname, importlib.import_module(ours))


def install_as_pyignite() -> None:
    """Make `import pyignite` bring this package, in the whole process and from now on.

    Every public module of pyignite is found under its name and is the same object as the one here: `pyignite.client` is
    `pyignite_rs.client`. What was pickled under either name can be loaded. `pyignite.__version__` is '0.6.1', the version whose
    interface this is, and log records come from loggers below `pyignite`. Where pyignite itself is installed too, this package is what
    `import pyignite` finds. Calling it again does nothing.

    Raises:
        RuntimeError: pyignite itself was imported before, so parts of the program hold its classes already.
    """
    with _INSTALLING:
        if any(isinstance(finder, _Finder) for finder in sys.meta_path):
            return
        if _THEIRS in sys.modules:
            raise RuntimeError("pyignite itself was imported already; call install_as_pyignite() before anything imports it")
        sys.meta_path.insert(0, _Finder())
    from .monitoring import _LOGGERS

    _LOGGERS.rename(_THEIRS)
