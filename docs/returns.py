"""Writes the table of returns of `frameworks.md`: what to expect of an agent before it has learned.

    python docs/returns.py

Everybody plays each scenario with its own settings, untuned, on the first seeds of an evaluation.
The returns are kept beside the page, in `returns.json`.
"""

import argparse
from pathlib import Path

import numpy as np
import show

from ceas_agents.evaluation import contestants, play, results
from ceas_agents.policies.rollout import most_steps
from ceas_gym import config

DOCS = Path(__file__).parent
PAGE, KEPT = DOCS / "frameworks.md", DOCS / "returns.json"
SCENARIOS = ("micro", "tiny", "small", "paper", "scarce", "micro-loop", "scarce-loop")
POLICIES = ("random", "uniform", "ceas")
SEEDS = 20
Returns = dict[str, dict[str, list[float]]]
"""By scenario and policy, with an entry for each seed; `steps` are those of the last policy."""


def returns(scenario: str, seeds: int = SEEDS) -> dict[str, list[float]]:
    """Returns the sum of the rewards of each episode by policy, and the steps of an episode.

    Args:
        scenario: Name of a shipped scenario.
        seeds: How many episodes to play, from seed 0 on.
    """
    found: dict[str, list[float]] = {}
    settings = config.load(scenario)
    for name in POLICIES:
        chosen = contestants.get(name)
        params = play.prepare(settings, [chosen])[name]
        played = [
            steps for _, steps in play.episodes(chosen, params, most_steps(params), range(seeds))
        ]
        found[name] = [float(np.sum(steps["reward"])) for steps in played]
        found["steps"] = [len(steps["reward"]) for steps in played]
    return found


def page(text: str, found: Returns) -> str:
    """Returns the page with the table.

    Args:
        text: Of the page.
        found: What was played.
    """
    return show.filled(text, lambda name: {"returns": table}[name](found))


def table(found: Returns) -> str:
    """Returns a row for each scenario: the steps of an episode, and each policy's mean return."""
    rows = (
        (f"`{scenario}`", f"{np.mean(each['steps']):.0f}", *(_mean(each[p]) for p in POLICIES))
        for scenario, each in found.items()
    )
    return "\n".join(show.table(("scenario", "steps", *(f"`{p}`" for p in POLICIES)), rows, 1))


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({np.std(values, ddof=1):.3f})"


def main() -> None:
    """Plays what the page shows, and writes page and returns."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    found = {scenario: returns(scenario) for scenario in SCENARIOS}
    results.write_json(KEPT, found)
    results.write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), found))


if __name__ == "__main__":
    main()
