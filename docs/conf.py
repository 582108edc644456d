"""Sphinx configuration. Build: sphinx-build -W -b html docs docs/_build/html"""

import pkgutil
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # bench is no part of an installation

import house  # noqa: E402
import results  # noqa: E402
import sphinx.util.inspect  # noqa: E402
import tutorial_output  # noqa: E402
import which  # noqa: E402

import symrank  # noqa: E402

results.write(HERE / "_build" / "results")
house.write(HERE / "_build" / "house")
which.write(HERE / "_build" / "which")
tutorial_output.write(HERE / "_build" / "tutorials")

project = "symrank"
author = "The symrank developers"
project_copyright = author
version = release = symrank.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
nitpicky = True  # a name that is no page must at least exist: `a_name_that_exists`

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_mock_imports = [name for name in ("torch", "jax") if not find_spec(name)]
autosummary_generate = False  # the pages hold their own autodoc: no generated files
autodoc_typehints = "none"  # the signatures of numpydoc say it in words
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"symrank {release}"
html_copy_source = False
html_show_sphinx = False

# `as_operator` has a signature for each registered type, all the same: show it once
sphinx.util.inspect.is_singledispatch_function = lambda _: False

PROTECTED = re.compile(r"(``.+?``|:math:`[^`]*`)", re.DOTALL)


def plain_bars(*event: Any) -> None:
    """Let |A| in a docstring stand for a norm, not for a substitution of reStructuredText.

    In the docstring of a module, where numpydoc has no sections, an indented formula is literal.
    """
    _, what, _, _, _, lines = event
    parts = PROTECTED.split("\n".join(lines))
    parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
    text = "".join(parts)
    if what == "module":
        text = re.sub(r"(?<=\S)\n\n(?=    +\S)", "\n\n::\n\n", text)
        text = re.sub(r"(?m)^    .*$", lambda line: line[0].replace("\\|", "|"), text)
    lines[:] = text.split("\n")


def a_name_that_exists(*event: Any) -> Any:
    """Show a dotted name without a link where it can be imported; a bare one is a parameter."""
    _, _, node, content = event
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    if not target.isascii() or "." not in target:
        return content
    return content if exists(target) or exists(f"symrank.{target}") else None


def exists(name: str) -> bool:
    """True for what can be imported, and for fields of a class."""
    try:
        pkgutil.resolve_name(name)
    except AttributeError:
        owner, _, field = name.rpartition(".")
        return exists(owner) and field in getattr(
            pkgutil.resolve_name(owner), "__dataclass_fields__", ()
        )
    except (ImportError, ValueError):
        return False
    return True


def setup(app: Any) -> None:
    """Run before numpydoc reads the docstring, and where a reference has no page."""
    app.connect("autodoc-process-docstring", plain_bars, priority=100)
    app.connect("missing-reference", a_name_that_exists)
