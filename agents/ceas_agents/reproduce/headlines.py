"""What a reproduction says of the claims, in three sentences: for the report and the README."""

from collections.abc import Mapping
from typing import Any

from ceas_agents.reproduce import attacks, coherence_map, experiments, reach
from ceas_agents.reproduce.attacks import FAIR


def told(parts: Mapping[str, Any]) -> list[str]:
    """Returns what a reproduction says of the claims, in a sentence or two each, as Markdown.

    Args:
        parts: What each part of the report found, by its name.
    """
    by_attack = _leads(attacks.leads(parts["attacks"]))
    by_time = _leads(coherence_map.leads(parts["map"]))
    ceas, fair = (reach.own(parts[reach.NAME]["points"][name]) for name in ("ceas", FAIR))
    return [
        "*the paper's lead of 10 to 15 points* over an oblivious baseline: that of CEAS over "
        f"*oblivious-fair* goes {by_attack} of attack and Byzantine nodes, and {by_time} of "
        "coherence time and Byzantine nodes;",
        f"*its 90 % of pairs used*: CEAS uses {100 * ceas['utilization']:.1f} %, *oblivious-fair* "
        f"{100 * fair['utilization']:.1f} %; of the useful pairs that no schedule could exceed, "
        f"CEAS makes {100 * ceas['share_of_most_useful']:.0f} %;",
        "*what each part is worth*, in points over all combinations of the others: "
        f"{_effects(parts['ablation'])}; with a quarter of the coherence times, "
        f"{_effects(parts['ablation-short'])}.",
    ]


def _leads(leads: list[attacks.Lead]) -> str:
    inside = sum(attacks.is_claimed(lead.ahead) for lead in leads)
    low, high = (100 * end(lead.ahead["mean"] for lead in leads) for end in (min, max))
    count = f"{inside} of {len(leads)} combinations"
    return f"from {low:+.1f} to {high:+.1f} points, and is the claimed one in {count}"


def _effects(found: dict[str, Any]) -> str:
    effects = found["effects"].items()
    return ", ".join(f"{name} {experiments.shown(effect['main'], '+')}" for name, effect in effects)
