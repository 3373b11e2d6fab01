"""The parts of the report: how each is played or measured, drawn and described."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress

from ceas_agents.executors import jobs, run
from ceas_agents.executors.jobs import Job, Tell
from ceas_agents.executors.run import Engine
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
from ceas_agents.sweeps import run as sweeping
from ceas_gym import config

SCENARIO = "paper"
PER_CENT = 100
"""Steps that the progress bar counts for a measurement."""
Found = dict[str, Any]
"""All results of a part, fit for JSON."""


class Work(NamedTuple):
    """A run of the whole report."""

    folder: Path
    """For the rows of the sweeps, so that these can be resumed."""
    quick: bool
    progress: Progress
    engine: Engine


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
    jobs: Callable[[Work], list[Job]] = lambda _: []
    """What is to be performed before `find`, which otherwise does it."""


def _swept(name: str, find: Callable[..., Found], work: Work) -> Found:
    plan = experiments.plan(name, quick=work.quick)
    finished, interrupted = sweeping.play(plan, work.folder / name, work.engine, work.progress)
    if interrupted:
        raise KeyboardInterrupt
    return find(plan, finished)


def _sweeps(names: Sequence[str], work: Work) -> list[Job]:
    plans = {name: experiments.plan(name, quick=work.quick) for name in names}
    return [job for name in names for job in sweeping.begin(plans[name], work.folder / name)[1]]


def _measured(name: str, work: Work) -> Found:
    found: list[Found] = []
    run.run(_measurement(name, work), work.engine, work.progress, lambda _, it: found.append(it))
    return found[0]


def _measurement(name: str, work: Work) -> list[Job]:
    folder = jobs.make_room(work.folder, overwrite=False)
    path = folder / f"{jobs.key(name, work.quick)}.json"
    return [Job(path, measure, (name, work.quick), name, group=name, size=PER_CENT)]


def measure(name: str, quick: bool, tell: Tell) -> Found:
    """Returns what is measured of a claim.

    Args:
        name: A key of `MEASURED`.
        quick: Whether few seeds and settings are enough.
        tell: Is told of the progress.
    """
    return MEASURED[name].measure(config.load(SCENARIO), quick=quick, tick=tell)


def _scales(work: Work) -> Found:
    found = _swept("scale", scale.find, work)
    fibre = _swept("surfnet", partial(scale.find, name="surfnet, real fibre"), work)
    merged = {name: found[name] | fibre[name] for name in ("settings", "chance")}
    return {**found, **merged}


def _of_sweep(name: str, title: str, module: Any) -> Part:  # noqa: ANN401 - finds, draws, tells
    find, todo = partial(_swept, name, module.find), partial(_sweeps, [name])
    return Part(name, title, find, module.rows, module.draw, module.caption, True, todo)


def _of_extras(name: str, title: str) -> Part:
    find, todo = partial(_swept, name, ablation.find_extras), partial(_sweeps, [name])
    return Part(name, title, find, ablation.rows, None, ablation.caption_of_extras, True, todo)


def _of_measurement(title: str, name: str) -> Part:
    module = MEASURED[name]
    find, todo = partial(_measured, name), partial(_unmeasured, name)
    return Part(name, title, find, module.rows, module.draw, module.caption, jobs=todo)


def _unmeasured(name: str, work: Work) -> list[Job]:
    return [] if (work.folder / f"{name}.json").exists() else _measurement(name, work)


MEASURED: dict[str, Any] = {each.NAME: each for each in (utilization, variance, convergence)}
"""Modules of measurements, by name."""
PARTS = (
    _of_sweep("attacks", "Accuracy under coordinated attack", attacks),
    _of_sweep("map", "Where the lead is greater, and where smaller", coherence_map),
    _of_measurement("Utilization despite limited coherence", utilization.NAME),
    _of_measurement("What fidelity weights do to noise", variance.NAME),
    _of_measurement("Convergence under heterogeneous noise", convergence.NAME),
    _of_sweep("ablation", "What each part is worth", ablation),
    _of_extras("extras", "What else the hub could do"),
    _of_sweep("ablation-short", "What each part is worth when memories are short", ablation),
    _of_extras("extras-short", "What else the hub could do when memories are short"),
    _of_sweep("scale", "Other sizes, data and hardware", scale)._replace(
        find=_scales, jobs=partial(_sweeps, ["scale", "surfnet"])
    ),
)
