"""The tables of `partitions-published.md`, beside the published values."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import show
import sliced_qnns
import two_qpus
from numpy.typing import NDArray

from ceas_agents.evaluation import results
from ceas_agents.statistics import comparisons

PAGE = Path(__file__).with_name("partitions-published.md")
PUBLISHED = {"clusters, 3 layers": (84.63, 89.51), "clusters, 9 layers": (88.11, 96.00)}
"""Accuracy without and with quantum communication in per cent: arXiv:2408.16327, other data."""
ONE_SEED = {"1.0": 88.5, "0.99": 88.9, "0.95": 86.9, "0.9": 79.9, "0.8": 58.6}
"""Accuracy in per cent of an earlier training run, by the fidelity of the pairs."""
SEMEION = {1: (0.9391, 0.0129), 2: (0.9479, 0.0150), 4: (0.9479, 0.0126), 8: (0.9485, 0.0079)}
"""Mean and deviation of five folds, by the number of networks: the notebooks' last outputs."""
Found = dict[str, Any]


def gap(found: Found) -> Iterator[str]:
    """Yields the comparison of no communication with quantum communication."""
    yield (
        "| data, layers | none, % | quantum, % | quantum minus none, points | published none, % | "
        "published quantum, % | published difference, points |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for case, reached in found["none"].items():
        none, quantum = np.array(reached), np.array(found["quantum"][case]["1.0"])
        cells = [case, level(none), level(quantum), lead(quantum - none), *_published(case)]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"Seeds: {found['size']['seeds']}."


def _published(case: str) -> Sequence[str]:
    if case not in PUBLISHED:
        return ("",) * 3
    none, quantum = PUBLISHED[case]
    return f"{none:.2f}", f"{quantum:.2f}", f"{quantum - none:+.2f}"


def fidelity(found: Found) -> Iterator[str]:
    """Yields how much accuracy is lost as the pairs get worse, in points."""
    cases = {case: _arrays(columns) for case, columns in found["quantum"].items()}
    yield f"| fidelity | contraction | {' | '.join(cases)} | an earlier run |"
    yield "|---:|---:|" + "---:|" * (len(cases) + 1)
    best = ONE_SEED["1.0"]
    for name in list(ONE_SEED)[1:]:
        lost = [lead(values[name] - values["1.0"]) for values in cases.values()]
        cells = [name, f"{two_qpus.contraction(float(name)):.3f}", *lost]
        yield f"| {' | '.join(cells)} | {ONE_SEED[name] - best:+.1f} |"


def training(found: Found) -> Iterator[str]:
    """Yields what is gained by training with the pairs that will be used."""
    case = next(iter(found["quantum"]))
    yield (
        f"| fidelity | {case}: trained without noise, % | trained with it, % | "
        "gain, points | with it, minus no communication, points |"
    )
    yield "|---:|---:|---:|---:|---:|"
    none, without = np.array(found["none"][case]), _arrays(found["quantum"][case])
    for name, values in _arrays(found["trained with it"]).items():
        cells = [name, level(without[name]), level(values)]
        cells += [lead(values - without[name]), lead(values - none)]
        yield f"| {' | '.join(cells)} |"


def _arrays(columns: dict[str, list[float]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array(column) for name, column in columns.items()}


def slices(found: Found) -> Iterator[str]:
    """Yields the accuracy on the digits, by the number of networks."""
    yield from _by_networks(found["slices"], pixels=64)
    yield ""
    size = found["size"]
    yield f"Epochs: {size['epochs']}. Layers of a block: {size['layers']}."


def semeion(trained: dict[str, list[float]]) -> Iterator[str]:
    """Yields the accuracy on the Semeion digits, by the number of networks."""
    yield from _by_networks(trained, pixels=None)


def _by_networks(trained: dict[str, list[float]], pixels: int | None) -> Iterator[str]:
    yield (
        "| networks | features of each | blocks | c | largest angle | accuracy | more than one "
        "network's, points | published on Semeion |"
    )
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|"
    for name, folds in trained.items():
        setup, values = sliced_qnns.PUBLISHED[int(name)], np.array(folds)
        each = (pixels or (64 if setup.networks < 4 else 256)) // setup.networks
        mean, deviation = SEMEION[setup.networks]
        cells = [name, str(each), str(each // sliced_qnns.ENCODED + 1), f"{setup.scale:g}"]
        cells += [f"pi/{np.pi / setup.largest_angle:.0f}", spread(values)]
        cells += [lead(values - np.array(trained["1"])) if name != "1" else ""]
        yield f"| {' | '.join(cells)} | {mean:.4f} +- {deviation:.4f} |"


def level(values: NDArray[np.float64]) -> str:
    """Returns the mean accuracy with its 95 % interval, in per cent.

    Args:
        values: In [0, 1], one for each seed.
    """
    low, high = interval(values)
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def lead(differences: NDArray[np.float64]) -> str:
    """Returns the mean of paired differences with its interval, in points; bold if not zero.

    Args:
        differences: Of accuracies in [0, 1], one for each seed or fold.
    """
    return show.points(differences, *interval(differences))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the symmetric 95 % bootstrap-t interval of the mean, which suits few seeds.

    Args:
        values: One for each seed.
    """
    low, high = comparisons.simultaneous(np.asarray(values, float)[:, None])
    return float(low[0]), float(high[0])


def spread(values: NDArray[np.float64]) -> str:
    """Returns mean and standard deviation over the folds, as published.

    Args:
        values: Accuracies in [0, 1], one for each fold.

    Example:
        >>> spread(np.array([0.9, 1.0]))
        '0.9500 +- 0.0500'
    """
    return f"{values.mean():.4f} +- {values.std():.4f}"


TABLES: dict[str, Callable[[Found], Iterator[str]]] = {
    "gap": gap,
    "fidelity": fidelity,
    "training": training,
    "slices": slices,
}


def page(text: str, found: Found) -> str:
    """Returns the page with the tables of a run.

    Args:
        text: The page, with marks around each table.
        found: What `partitions-published.json` keeps.

    Raises:
        KeyError: If the page asks for a table that there is not.
    """
    return show.filled(text, lambda name: "\n".join(TABLES[name](found)))


def write(found: Found) -> None:
    """Writes the tables of a run into the page."""
    results.write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), found))
