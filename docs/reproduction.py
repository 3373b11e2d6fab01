"""Writes what `ceas-gym reproduce` found into the documents: `reproduction.md`.

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
PAGE, KEPT = DOCS / "reproduction.md", DOCS / SUMMARY
# Goes when the whole has been played anew.
STALE = (
    "> **To be measured anew.** Since this run CEAS aims at what the hub's rule loses, shots are "
    "drawn in the light cone only, and the slope of the loss is measured: [what scheduling is "
    "worth today]"
    "(scheduling.md). A run today gives other numbers than these."
)
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
            STALE,
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
            "python docs/reproduction.py runs/reproduce  # writes this page",
            "```",
            "",
            f"This page is of {versions}; its numbers are in [{SUMMARY}]({SUMMARY}).",
            "",
            headline(summary),
            "",
            *sections,
        ]
    )


def headline(summary: dict[str, Any]) -> str:
    """Returns the table of results under the scenario's own attack."""
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


def _section(part: Any, found: dict[str, Any]) -> str:  # noqa: ANN401 - a part of the report
    picture = f"![{part.title}](figures/reproduction-{part.name}.png)\n\n" if part.draw else ""
    return f"## {part.title}\n\n{picture}{part.caption(found)}\n"


def main() -> None:
    """Writes page, figures and summary."""
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


if __name__ == "__main__":
    main()
