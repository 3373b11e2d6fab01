"""Pages of the site for files of the repository, so that a link to one leads nowhere else.

A Sphinx extension. A link in Markdown to a file that is neither a page nor an image, such as
`../ceas_gym/dynamics.py`, becomes a link to a page that shows the file; a link to a folder, one to
a page that lists what is in it.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.application import Sphinx
from sphinx.util import logging

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!!)(\[[^\]]*\]\()((?=[^)]*[./])[\w./-]+)(?=\))")
"""A link to a path, without the closing bracket; not an image, nor an address, nor a call."""
SHOWN_BYTES = 100_000
"""Of a longer file, only the beginning is shown."""
Page = tuple[str, dict[str, Any], str]

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects the extension, as Sphinx asks for."""
    app.connect("source-read", mark)
    app.connect("doctree-resolved", lead)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mark(app: Sphinx, docname: str, source: list[str]) -> None:
    """Marks links to files by the scheme `source:`; warns of those that lead nowhere.

    Args:
        app: The build.
        docname: Page that is read.
        source: Its text, as the only entry, which is replaced.
    """
    folder = Path(app.env.doc2path(docname)).parent

    def marked(link: re.Match[str]) -> str:
        path = target(folder, link[2])
        if path is None:
            return link[0]
        if not path.exists():
            logger.warning("there is no file %s", link[2], location=docname)
        return f"{link[1]}source:{path.relative_to(ROOT).as_posix()}"

    source[0] = LINK.sub(marked, source[0])


def target(folder: Path, link: str) -> Path | None:
    """Returns the file or folder that a link leads to, or None if that is a page of the site.

    Args:
        folder: Of the page that has the link.
        link: Path, relative to the folder.

    Example:
        >>> target(ROOT / "docs", "../LICENSE") == ROOT / "LICENSE"
        True
        >>> target(ROOT / "docs", "model.md")
    """
    path = (folder / link).resolve()
    is_page = path.suffix == ".md" and ROOT / "docs" in path.parents
    return None if is_page or ROOT not in path.parents else path


def lead(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Leads marked links to the pages of their files.

    Args:
        app: The build.
        doctree: The page, which is changed.
        docname: Its name.
    """
    for link in doctree.findall(nodes.reference):
        scheme, _, path = link.get("refuri", "").partition(":")
        if scheme == "source":
            link["refuri"] = app.builder.get_relative_uri(docname, page_name(path))


def page_name(path: str) -> str:
    """Returns the name of the page of a file.

    Args:
        path: Of the file, from the root of the repository.
    """
    return f"source/{path}"


def pages(app: Sphinx) -> Iterator[Page]:
    """Yields the pages of all files and folders that any page links to, and of what these hold.

    Args:
        app: The build.
    """
    waiting = {path for docname in app.env.found_docs for path in _linked(app, docname)}
    done: set[Path] = set()
    while waiting:
        path = waiting.pop()
        done.add(path)
        if path.is_dir():
            waiting |= set(_held(path)) - done
        name = path.relative_to(ROOT).as_posix()
        body = _listed(app, path) if path.is_dir() else _shown(path)
        context = {"title": name, "body": f"<h1>{html.escape(name)}</h1>\n{body}"}
        yield page_name(name), context, "page.html"


def _linked(app: Sphinx, docname: str) -> Iterator[Path]:
    page = Path(app.env.doc2path(docname))
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        path = target(page.parent, link[2])
        if path is not None and path.exists():
            yield path


def _held(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))


def _listed(app: Sphinx, folder: Path) -> str:
    at = page_name(folder.relative_to(ROOT).as_posix())
    uris = {
        path.name: app.builder.get_relative_uri(at, page_name(path.relative_to(ROOT).as_posix()))
        for path in _held(folder)
    }
    lines = (f'<li><a href="{uri}">{html.escape(name)}</a></li>' for name, uri in uris.items())
    return f"<ul>{''.join(lines)}</ul>"


def _shown(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    code = highlight(text[:SHOWN_BYTES], lexer, HtmlFormatter())
    cut = "<p>Only the beginning of the file is shown.</p>" if len(text) > SHOWN_BYTES else ""
    return f"{cut}{code}"
