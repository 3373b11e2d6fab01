"""The main results of a reproduction, in three entries, for the report and the README."""

from collections.abc import Mapping
from typing import Any

from ceas_agents.reproduction.claims import (
    attacks,
    coherence_map,
    experiments,
    utilization,
)


def lines(parts: Mapping[str, Any]) -> list[str]:
    """Returns the results for the main claims, in a sentence or two each, as Markdown.

    Args:
        parts: Results of each part of the report, by its name; accuracies in [0, 1].
    """
    by_attack, by_time = attacks.leads(parts["attacks"]), coherence_map.leads(parts["map"])
    by_rule = [
        lead
        for name in attacks.COLOURS
        if name.startswith("fair +")
        for lead in attacks.leads(parts["attacks"], name)
    ]
    used = {
        name: utilization.own(points) for name, points in parts[utilization.NAME]["points"].items()
    }
    made = {name: point["share_of_most_useful"] for name, point in used.items()}
    best = max(made, key=made.__getitem__)
    return [
        "*The paper's lead of 10 to 15 points over oblivious baselines.* CEAS leads "
        f"*{attacks.FAIR}* {_leads(by_attack, 'attack and Byzantine nodes')}; "
        f"{_leads(by_time, 'coherence time and Byzantine nodes')}. With rules of the literature in "
        f"place of the median, its lead is {_leads(by_rule, 'rule, attack and Byzantine nodes')}.",
        f"*Its 90 % of pairs used.* CEAS uses {100 * used['ceas']['utilization']:.1f} %, "
        f"*{attacks.FAIR}* {100 * used[attacks.FAIR]['utilization']:.1f} %. Of the bound on useful "
        f"pairs that no schedule exceeds, CEAS reaches {100 * made['ceas']:.0f} %, "
        f"*{attacks.FAIR}* {100 * made[attacks.FAIR]:.0f} %, the best, *{best}*, "
        f"{100 * made[best]:.0f} %.",
        "*What each part is worth*, in points over all combinations of the others: "
        f"{_effects(parts['ablation'])}; with a quarter of the coherence times: "
        f"{_effects(parts['ablation-short'])}.",
    ]


def _leads(leads: list[attacks.Lead], what: str) -> str:
    inside = sum(attacks.is_claimed(lead.ahead) for lead in leads)
    low, high = (100 * lead.ahead["mean"] for lead in attacks.ends(leads))
    return (
        f"by {low:+.1f} to {high:+.1f} points over {len(leads)} combinations of {what}, by 10 to "
        f"15 in {inside} of them"
    )


def _effects(found: dict[str, Any]) -> str:
    effects = found["effects"].items()
    return ", ".join(f"{name} {experiments.shown(effect['main'], '+')}" for name, effect in effects)
