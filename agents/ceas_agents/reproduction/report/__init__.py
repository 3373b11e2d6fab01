"""The report: one HTML file with its figures inside, which opens without a network."""

import base64
import html as escaping
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ceas_agents.reproduction.report import parameters
from ceas_gym.scenario import Scenario

PAPER = "https://arxiv.org/abs/2602.06847"
STYLE = """
:root { color-scheme: light; --ink: #1b1b1b; --soft: #5a5a5a; --line: #dddddd; --link: #0072b2 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 52rem; padding: 2.5rem 1.25rem 5rem; color: var(--ink);
  background: #ffffff; font: 1rem/1.55 Georgia, "Times New Roman", serif }
h1, h2, nav, table, summary, footer { font-family: system-ui, "Segoe UI", Helvetica, sans-serif }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem }
h2 { font-size: 1.2rem; margin: 3rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid var(--line) }
a { color: var(--link) }
nav ol { padding-left: 1.4rem; columns: 2; gap: 2rem; font-size: .95rem }
figure { margin: 1rem 0 }
figure img { width: 100%; height: auto; display: block }
figcaption, .lead { color: var(--ink) }
figcaption { margin-top: .5rem; font-size: .97rem }
details { margin: .7rem 0 }
summary { cursor: pointer; color: var(--link); font-size: .9rem }
.scroll { overflow-x: auto; max-height: 28rem; border: 1px solid var(--line) }
table { border-collapse: collapse; font-size: .8rem; width: 100% }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top }
th { position: sticky; top: 0; background: #f6f6f6 }
td.number { text-align: right; font-variant-numeric: tabular-nums }
code { font-size: .9em }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem }
@media print { details > .scroll { max-height: none } }
"""


class Section(NamedTuple):
    """A section of the report: a question and the results."""

    title: str
    caption: str
    figure: Path | None
    rows: Sequence[Mapping[str, object]]


def html(
    sections: Sequence[Section],
    summary: Sequence[str],
    scenario: Scenario,
    record: Mapping[str, Any],
) -> str:
    """Returns the whole report as the text of an HTML file.

    Args:
        sections: Sections in the order of the page. Their figures are PNG files; captions give
            shares in per cent, and rows give them in [0, 1].
        summary: Main results, one sentence or two each, as Markdown.
        scenario: Its parameters are listed at the end.
        record: Whether it was a quick run (`quick`), and the `versions` of the packages.
    """
    links = "".join(
        f'<li><a href="#part-{number}">{_text(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    body = "\n".join(_section(number, one) for number, one in enumerate(sections, start=1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Consensus for entanglement-aware scheduling: what the simulation says</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Consensus for entanglement-aware scheduling: what the simulation says</h1>
{_lead(record)}
<ul>{"".join(f"<li>{_prose(line)}</li>" for line in summary)}</ul>
<nav><ol>{links}<li><a href="#parameters">Parameters</a></li></ol></nav>
{body}
{_parameters(scenario)}
<footer>{_versions(record)}</footer>
</body>
</html>
"""


def _lead(record: Mapping[str, Any]) -> str:
    warning = (
        "<p><strong>This is a quick run: few seeds and settings, to see that everything works. Its "
        "numbers are not results.</strong></p>"
        if record["quick"]
        else ""
    )
    return (
        f'<p class="lead">The claims of <a href="{PAPER}">arXiv:2602.06847</a>, of which only the '
        "abstract was available, measured in a scenario that was fixed first: <code>paper</code>, "
        "fifty nodes with physical defaults from the literature; and in variations of it that "
        "each section names. No parameter was tuned to obtain a result, and all parameters are "
        "listed at the end. Each section asks one question; the data of its figure are in the "
        "folder <code>data</code> next to this page.</p>" + warning
    )


def _section(number: int, section: Section) -> str:
    image = ""
    if section.figure:
        data = base64.b64encode(section.figure.read_bytes()).decode()
        image = f'<img alt="{_text(section.title)}" src="data:image/png;base64,{data}">'
    # Without a figure, the table is open from the start.
    shown = "" if section.figure else " open"
    return (
        f'<section id="part-{number}"><h2>{number}. {_text(section.title)}</h2>\n'
        f"<figure>{image}<figcaption>{_prose(section.caption)}</figcaption></figure>\n"
        f"<details{shown}><summary>Table ({len(section.rows)} rows)</summary>"
        f"{_table(section.rows)}</details></section>"
    )


def _parameters(scenario: Scenario) -> str:
    lines = [line._asdict() for line in parameters.table(scenario)]
    return (
        '<section id="parameters"><h2>Parameters</h2><p>Every parameter of the scenario, what it '
        f"is, and where it comes from.</p>{_table(lines)}</section>"
    )


def _versions(record: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    command = "ceas-gym reproduce" + (" --quick" if record["quick"] else "")
    return f"<code>{command}</code> with {_text(versions)}"


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{_text(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cells(row, names))}</tr>" for row in rows)
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{inside}</table></div>'


def _cells(row: Mapping[str, object], names: Iterable[str]) -> Iterable[str]:
    for name in names:
        value = row.get(name)
        if isinstance(value, float):
            yield f'<td class="number">{value:.4g}</td>'
        elif isinstance(value, int):
            yield f'<td class="number">{value}</td>'
        else:
            yield f"<td>{'' if value is None else _text(str(value))}</td>"


def _prose(text: str) -> str:
    # As in Markdown, backticks mark names and asterisks mark emphasis.
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", coded)


def _text(plain: str) -> str:
    return escaping.escape(plain)
