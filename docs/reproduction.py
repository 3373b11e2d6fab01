"""Writes what `ceas-gym reproduce` found into the documents: `reproduction.md` and the README.

    ceas-gym reproduce --out runs/reproduce
    python docs/reproduction.py runs/reproduce

The summary of the run is kept beside the page, as `reproduction.json`, and a test compares them.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from ceas_agents import results
from ceas_agents.reproduce import experiments, headlines
from ceas_agents.reproduce.parts import PARTS
from ceas_agents.reproduce.run import FIGURES, SUMMARY

DOCS = Path(__file__).parent
PAGE, KEPT, README = DOCS / "reproduction.md", DOCS / SUMMARY, DOCS.parent / "README.md"
BEGIN, END = "<!-- results: written by docs/reproduction.py -->", "<!-- end of results -->"
ATTACK, BAD = "white_box", "12"
"""Of the scenario."""


def page(summary: dict[str, Any]) -> str:
    """Returns the page: a section of each part, with its figure and its caption."""
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    sections = [_section(part, summary["parts"][part.name]) for part in PARTS]
    return "\n".join(
        [
            "# The paper's claims, measured",
            "",
            "What the abstract of [arXiv:2602.06847](https://arxiv.org/abs/2602.06847) claims, in "
            "a scenario that was fixed",
            "first, and variations of it (`paper`, [its parameters]"
            "(../ceas_gym/scenarios/paper.yaml) and "
            "[where they come from](../ceas_gym/hardware.py)). One command plays everything,",
            "writes a report that opens in a browser, and the data behind it; it goes on where it "
            "was stopped:",
            "",
            "```sh",
            "ceas-gym reproduce --out runs/reproduce     # --quick: few seeds, about ten minutes",
            "python docs/reproduction.py runs/reproduce  # writes this page and the README's table",
            "```",
            "",
            f"This page is of {versions}; its numbers are in [{SUMMARY}]({SUMMARY}).",
            "",
            *sections,
        ]
    )


def readme(summary: dict[str, Any]) -> str:
    """Returns the README's table of results: the scenario's own attack."""
    attacks = summary["parts"]["attacks"]
    lines = [
        f"`paper`, {attacks['seeds']}, mean and 95 % bootstrap interval over the seeds, in per "
        "cent:",
        "",
        "| policy | final accuracy | ceas is ahead by | without Byzantine nodes |",
        "|---|---:|---:|---:|",
    ]
    for name, curve in attacks["attacks"][ATTACK].items():
        ahead = "" if name == "ceas" else experiments.shown(curve[BAD]["ahead"], "+")
        cells = (experiments.shown(curve[count]["accuracy"]) for count in (BAD, "0"))
        with_bad, without = cells
        lines.append(f"| {name} | {with_bad} | {ahead} | {without} |")
    return "\n".join([*lines, "", *(f"- {line}" for line in headlines.told(summary["parts"]))])


def replaced(text: str, block: str) -> str:
    """Returns the README with another block of results.

    Raises:
        ValueError: If the marks of the block are not there.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{README.name} must have one line {BEGIN!r} and one line {END!r}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{block}\n{END}{rest.split(END)[1]}"


def _section(part: Any, found: dict[str, Any]) -> str:  # noqa: ANN401 - a part of the report
    picture = f"![{part.title}](figures/reproduction-{part.name}.png)\n\n" if part.draw else ""
    return f"## {part.title}\n\n{picture}{part.caption(found)}\n"


def main() -> None:
    """Writes page, figures, summary and README."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="of `ceas-gym reproduce`")
    folder = parser.parse_args().folder
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    if summary["quick"]:
        parser.error(f"{folder} holds a quick run, whose numbers are no results")
    for part in PARTS:
        if part.draw:
            name = f"{part.name}.png"
            shutil.copyfile(folder / FIGURES / name, DOCS / "figures" / f"reproduction-{name}")
    # On one line: there are ten thousands of numbers.
    results.write_text(KEPT, json.dumps(summary) + "\n")
    results.write_text(PAGE, page(summary))
    results.write_text(README, replaced(README.read_text(encoding="utf-8"), readme(summary)))


if __name__ == "__main__":
    main()
