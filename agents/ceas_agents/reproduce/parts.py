"""The parts of the report: what is played or measured for each, and what is made of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress

from ceas_agents import sweep
from ceas_agents.reproduce import (
    ablation,
    attacks,
    coherence_map,
    convergence,
    experiments,
    reach,
    scale,
    variance,
)
from ceas_gym import batch, config

SCENARIO = "paper"
Found = dict[str, Any]
"""Everything that a part found, fit for JSON."""


class Work(NamedTuple):
    """A run of the whole report."""

    folder: Path
    """For what the sweeps leave, so that they go on where they were stopped."""
    quick: bool
    progress: Progress


class Part(NamedTuple):
    """A section of the report with one question."""

    name: str
    title: str
    find: Callable[[Work], Found]
    rows: Callable[[Found], list[dict[str, object]]]
    draw: Callable[[Found, Path], Path] | None
    caption: Callable[[Found], str]
    swept: bool = False
    """Whether it is made of sweeps, which keep their own rows and check what they are of."""


def _swept(name: str, find: Callable[..., Found], work: Work) -> Found:
    plan = experiments.plan(name, quick=work.quick)
    folder = work.folder / name
    finished, interrupted = sweep.play(plan, folder, batch.usable_cores(), work.progress)
    if interrupted:
        raise KeyboardInterrupt
    return find(plan, finished)


def _measured(module: Any, work: Work) -> Found:  # noqa: ANN401 - a module of measurements
    task = work.progress.add_task(module.NAME, total=1.0)
    return module.measure(
        config.load(SCENARIO),
        quick=work.quick,
        tick=lambda share: work.progress.update(task, completed=share),
    )


def _scales(work: Work) -> Found:
    found = _swept("scale", scale.find, work)
    fibre = _swept("surfnet", partial(scale.find, name="surfnet, real fibre"), work)
    merged = {name: found[name] | fibre[name] for name in ("settings", "chance")}
    return {**found, **merged}


PARTS = (
    Part(
        "attacks",
        "Accuracy under coordinated attack",
        partial(_swept, "attacks", attacks.find),
        attacks.rows,
        attacks.draw,
        attacks.caption,
        swept=True,
    ),
    Part(
        "map",
        "Where the lead is greater, and where smaller",
        partial(_swept, "map", coherence_map.find),
        coherence_map.rows,
        coherence_map.draw,
        coherence_map.caption,
        swept=True,
    ),
    Part(
        reach.NAME,
        "Utilization despite limited coherence",
        partial(_measured, reach),
        reach.rows,
        reach.draw,
        reach.caption,
    ),
    Part(
        variance.NAME,
        "What fidelity weights do to noise",
        partial(_measured, variance),
        variance.rows,
        variance.draw,
        variance.caption,
    ),
    Part(
        convergence.NAME,
        "Convergence under heterogeneous noise",
        partial(_measured, convergence),
        convergence.rows,
        convergence.draw,
        convergence.caption,
    ),
    Part(
        "ablation",
        "What each part is worth",
        partial(_swept, "ablation", ablation.find),
        ablation.rows,
        ablation.draw,
        ablation.caption,
        swept=True,
    ),
    Part(
        "extras",
        "What else the hub could do",
        partial(_swept, "extras", ablation.find_extras),
        ablation.rows,
        None,
        ablation.caption_of_extras,
        swept=True,
    ),
    Part(
        "ablation-short",
        "What each part is worth when memories are short",
        partial(_swept, "ablation-short", ablation.find),
        ablation.rows,
        ablation.draw,
        ablation.caption,
        swept=True,
    ),
    Part(
        "extras-short",
        "What else the hub could do when memories are short",
        partial(_swept, "extras-short", ablation.find_extras),
        ablation.rows,
        None,
        ablation.caption_of_extras,
        swept=True,
    ),
    Part(
        "scale",
        "Other sizes, data and hardware",
        _scales,
        scale.rows,
        scale.draw,
        scale.caption,
        True,
    ),
)
