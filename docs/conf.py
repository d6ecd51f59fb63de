"""Builds the documentation: `make docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from pyignite_rs import __version__

project = "pyignite_rs"
author = "the pyignite_rs contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"pyignite_rs {__version__}"
# What is included elsewhere, or is about the project instead of the package.
exclude_patterns = ["_build", "compatibility.md", "benchmarks.md", "reliability.md"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Docstrings are plain text with `names` in it.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Attributes that are properties as well would be described twice.
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True, "show-inheritance": True}
