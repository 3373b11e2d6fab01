"""Writes what `ceas-gym reproduce` found into the documents: `reproduction.md` and the README.

    ceas-gym reproduce --out runs/reproduce
    python docs/reproduction.py runs/reproduce

The summary of the run is kept beside the page, as `reproduction.json`, and a test compares them.
"""

import argparse
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ceas_agents import results
from ceas_agents.reproduce import attacks, coherence_map, experiments, reach
from ceas_agents.reproduce.attacks import FAIR
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
            "one scenario that was fixed",
            "first (`paper`, [its parameters](../ceas_gym/scenarios/paper.yaml) and "
            "[where they come from](../ceas_gym/hardware.py)). One command plays everything,",
            "writes a report that opens in a browser, and the data behind it; it goes on where it "
            "was stopped:",
            "",
            "```sh",
            "ceas-gym reproduce --out runs/reproduce     # --quick: few seeds, in some minutes",
            "python docs/reproduction.py runs/reproduce  # writes this page and the README's table",
            "```",
            "",
            f"This page is of {versions}.",
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
    return "\n".join([*lines, "", *(f"- {line}" for line in told(summary))])


def told(summary: dict[str, Any]) -> Iterable[str]:
    """Yields what the run says of the claims, in a sentence or two each."""
    parts = summary["parts"]
    by_attack = _leads(attacks.leads(parts["attacks"]))
    by_time = _leads(coherence_map.leads(parts["map"]))
    yield (
        "*the paper's lead of 10 to 15 points* over an oblivious baseline: that of CEAS over "
        f"*oblivious-fair* goes {by_attack} of attack and Byzantine nodes, and {by_time} of "
        "coherence time and Byzantine nodes;"
    )
    ceas, fair = (reach.own(parts[reach.NAME]["points"][name]) for name in ("ceas", FAIR))
    yield (
        f"*its 90 % of pairs used*: CEAS uses {100 * ceas['utilization']:.1f} %, *oblivious-fair* "
        f"{100 * fair['utilization']:.1f} %; of the useful pairs that no schedule could exceed, "
        f"CEAS makes {100 * ceas['share_of_most_useful']:.0f} %;"
    )
    yield (
        "*what each part is worth*, in points over all combinations of the others: "
        f"{_effects(parts['ablation'])}; with a quarter of the coherence times, "
        f"{_effects(parts['ablation-short'])}."
    )


def _leads(leads: list[attacks.Lead]) -> str:
    inside = sum(attacks.is_claimed(lead.ahead) for lead in leads)
    low, high = (100 * end(lead.ahead["mean"] for lead in leads) for end in (min, max))
    count = f"{inside} of {len(leads)} combinations"
    return f"from {low:+.1f} to {high:+.1f} points, and is the claimed one in {count}"


def _effects(found: dict[str, Any]) -> str:
    effects = found["effects"].items()
    return ", ".join(f"{name} {experiments.shown(effect['main'], '+')}" for name, effect in effects)


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
    summary = json.loads((folder / SUMMARY).read_text())
    if summary["quick"]:
        parser.error(f"{folder} holds a quick run, whose numbers are no results")
    for picture in (folder / FIGURES).glob("*.png"):
        shutil.copyfile(picture, DOCS / "figures" / f"reproduction-{picture.name}")
    results.write_json(KEPT, summary)
    results.write_text(PAGE, page(summary))
    results.write_text(README, replaced(README.read_text(), readme(summary)))


if __name__ == "__main__":
    main()
