"""Settings of the documentation site, which `make docs` builds with Sphinx."""

import os
import re
import sys
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
# `source_pages` and the scripts of the pages lie beside this file.
sys.path.insert(0, str(DOCS))
# Cells of the tutorial in bash run the command `ceas-gym` of the same environment, and it prints as
# to a file: a kernel asks for colours, and Rich would take that for a terminal.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["TTY_COMPATIBLE"] = "0"

project = "ceas_gym"
release = version = installed("ceas-gym")
copyright = "ceas_gym contributors"  # noqa: A001 - Sphinx's name
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "source_pages"]

html_theme = "furo"
html_title = f"ceas_gym {version}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False

myst_heading_anchors = 4
myst_url_schemes = ("http", "https", "mailto", "source")

# A page of the tutorial is executed anew when its own code changes, but not when the library does:
# `rm -r build/tutorial` before that.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_cache_path = str(DOCS.parent / "build" / "tutorial")
nb_execution_timeout = -1  # A busy machine takes its time.
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
# `Result` is what `prepared` calls a list of several values that are returned.
napoleon_custom_sections = ["Source", ("Result", "params_style")]
napoleon_use_rtype = False
# Names between single backticks are code, as in Markdown.
default_role = "code"


def setup(app: Sphinx) -> None:
    """Connects what prepares docstrings before Sphinx takes their sections apart."""
    app.connect("autodoc-process-docstring", prepare, priority=400)


def prepare(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Changes a docstring to what reStructuredText can say.

    Sections that are headed in Markdown are on a page of their own; only the arguments stay.
    """
    text = "\n".join(lines)
    first, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    arguments = [each.partition("\n")[2] for each in sections if each.startswith("Arguments")]
    text = "\n".join([first, *arguments])
    text = re.sub(r"^Returns:(?=\n\s+\w+: )", "Result:", text, flags=re.MULTILINE)
    lines[:] = text.replace("|t|", "`|t|`").split("\n")
