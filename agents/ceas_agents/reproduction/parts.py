"""The parts of the report: how each is played or measured, drawn and described."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress

from ceas_agents.reproduction.claims import (
    ablation,
    attacks,
    coherence_map,
    convergence,
    experiments,
    scale,
    utilization,
    variance,
)
from ceas_agents.sweeps import run
from ceas_gym import config
from ceas_gym.jax_utils import parallel

SCENARIO = "paper"
Found = dict[str, Any]
"""All results of a part, fit for JSON."""


class Work(NamedTuple):
    """A run of the whole report."""

    folder: Path
    """For the rows of the sweeps, so that these can be resumed."""
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
    """Whether it is based on sweeps, which store their own rows and check that they fit."""


def _swept(name: str, find: Callable[..., Found], work: Work) -> Found:
    plan = experiments.plan(name, quick=work.quick)
    folder = work.folder / name
    finished, interrupted = run.play(plan, folder, parallel.usable_cores(), work.progress)
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


def _of_sweep(name: str, title: str, module: Any) -> Part:  # noqa: ANN401 - finds, draws, tells
    find = partial(_swept, name, module.find)
    return Part(name, title, find, module.rows, module.draw, module.caption, swept=True)


def _of_extras(name: str, title: str) -> Part:
    find = partial(_swept, name, ablation.find_extras)
    return Part(name, title, find, ablation.rows, None, ablation.caption_of_extras, swept=True)


def _of_measurement(title: str, module: Any) -> Part:  # noqa: ANN401 - measures, draws, tells
    find = partial(_measured, module)
    return Part(module.NAME, title, find, module.rows, module.draw, module.caption)


PARTS = (
    _of_sweep("attacks", "Accuracy under coordinated attack", attacks),
    _of_sweep("map", "Where the lead is greater, and where smaller", coherence_map),
    _of_measurement("Utilization despite limited coherence", utilization),
    _of_measurement("What fidelity weights do to noise", variance),
    _of_measurement("Convergence under heterogeneous noise", convergence),
    _of_sweep("ablation", "What each part is worth", ablation),
    _of_extras("extras", "What else the hub could do"),
    _of_sweep("ablation-short", "What each part is worth when memories are short", ablation),
    _of_extras("extras-short", "What else the hub could do when memories are short"),
    _of_sweep("scale", "Other sizes, data and hardware", scale)._replace(find=_scales),
)
