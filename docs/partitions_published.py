"""Repeats what is published on split quantum neural networks, as far as the data are available.

    python docs/partitions_published.py

It prints the tables of `partitions-published.md`, and writes them and `partitions-published.json`.
The folder keeps what was trained, and an interrupted run goes on from there. With `--data` it also
trains on the real Semeion digits, whose table is printed only.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import halves
import jax
import jax.numpy as jnp
import numpy as np
import partitions_tables
import semeion
import sliced_qnns
import two_qpus
from numpy.typing import NDArray

from ceas_agents.evaluation import results
from ceas_gym.learning import data

FIDELITIES, TRAINED_AT = (1.0, 0.99, 0.95, 0.9, 0.8), (0.9, 0.8)
"""Fidelities of pairs in use, and those of pairs during training."""
FOLDS, NETWORKS, SEMEION_NETWORKS = 5, (1, 2, 4), (1, 2, 4, 8)
KEPT = Path(__file__).with_name("partitions-published.json")
FOLDER = Path("runs/partitions-published")
Found = dict[str, Any]


class Size(NamedTuple):
    """How much is trained."""

    seeds: int = 10
    iterations: int = two_qpus.ITERATIONS
    epochs: int = 150
    layers: int = 20
    """Of a block of the networks with sliced features."""


PUBLISHED_EPOCHS = 300
"""Of Semeion: with `--data`, nothing is cut short."""
QUICK = Size(seeds=2, iterations=20, epochs=2, layers=2)


class Case(NamedTuple):
    """A comparison of no communication with quantum communication."""

    dataset: str
    layers: int

    def __str__(self) -> str:
        """Returns the name by which results are kept."""
        return f"{self.dataset}, {self.layers} layers"


CASES = (Case("clusters", 3), Case("clusters", 9), Case("products", 3), Case("digits", 3))
NOISY = CASES[0]
"""The case that is also trained with worse pairs."""


def accuracies(
    case: Case, communication: str, seed: int, iterations: int, fidelity: float = 1.0
) -> list[float]:
    """Returns the test accuracy with pairs of each of `FIDELITIES`, in [0, 1].

    Both kinds of communication start from the same weights and see the same batches.

    Args:
        case: Data and layers.
        communication: A key of `two_qpus.REMOTE`.
        seed: Decides data, weights at the start, and batches.
        iterations: Steps of training.
        fidelity: Of the pairs during training.
    """
    split = halves.DATASETS[case.dataset](seed)
    training = two_qpus.samples(split.training, split.training_labels)
    test = two_qpus.samples(split.test, split.test_labels)
    layer = jax.tree.map(jnp.asarray, two_qpus.gates(communication))
    weights = two_qpus.train(
        two_qpus.start(seed, case.layers),
        training,
        layer,
        jnp.float32(two_qpus.contraction(fidelity)),
        jax.random.key(seed),
        iterations=iterations,
    )
    kept = [jnp.float32(two_qpus.contraction(each)) for each in FIDELITIES]
    return [float(two_qpus.accuracy(weights, test, layer, each)) for each in kept]


def fold_accuracy(
    pixels: NDArray[np.float64],
    classes: NDArray[np.int64],
    setup: sliced_qnns.Setup,
    fold: int,
    size: Size,
) -> list[float]:
    """Returns the test accuracy of one of five folds after the last epoch, in [0, 1].

    Args:
        pixels: Grey values in [0, 1], shape (images, features).
        classes: In [0, 10), shape (images,).
        setup: Number of networks, constant and largest angle.
        fold: In [0, 5); it also decides the weights at the start.
        size: Epochs and layers.
    """
    from sklearn.model_selection import StratifiedKFold

    training, test = list(StratifiedKFold(FOLDS).split(pixels, classes))[fold]
    angles, labels = sliced_qnns.sliced(pixels, setup), jnp.asarray(classes)
    weights = sliced_qnns.start(fold, setup.networks, angles.shape[1] + 1, size.layers)
    weights = sliced_qnns.train(
        weights, angles[:, :, :, training], labels[training], setup.scale, epochs=size.epochs
    )
    return [float(sliced_qnns.accuracy(weights, angles[:, :, :, test], labels[test]))]


def two_processors(folder: Path, size: Size) -> Found:
    """Returns accuracies without communication, and those with pairs of each fidelity.

    The last entry has those of models that were trained with worse pairs, at the same fidelity.
    """
    found: Found = {"none": {}, "quantum": {}, "trained with it": {}}
    for case in CASES:
        none = _seeds(folder, size, case, "none")
        found["none"][str(case)] = [each[0] for each in none]
        columns = np.array(_seeds(folder, size, case, "quantum")).T.tolist()
        found["quantum"][str(case)] = dict(zip(map(str, FIDELITIES), columns, strict=True))
    for fidelity in TRAINED_AT:
        columns = np.array(_seeds(folder, size, NOISY, "quantum", fidelity)).T.tolist()
        found["trained with it"][str(fidelity)] = columns[FIDELITIES.index(fidelity)]
    return found


def _seeds(
    folder: Path, size: Size, case: Case, communication: str, fidelity: float = 1.0
) -> list[list[float]]:
    name = f"{case}, {communication}, trained at {fidelity}"
    return [
        _kept(
            folder / f"{name}, seed {seed}.json",
            lambda seed=seed: accuracies(case, communication, seed, size.iterations, fidelity),
        )
        for seed in range(size.seeds)
    ]


def slices(folder: Path, size: Size) -> dict[str, list[float]]:
    """Returns the accuracy of each fold on the digits, by the number of networks."""
    pixels, classes = data.digits()
    images = dict.fromkeys(NETWORKS, pixels / 16)
    return _folds(folder, size, "digits", images, classes)


def on_semeion(
    folder: Path, size: Size, pixels: NDArray[np.float64], classes: NDArray[np.int64]
) -> dict[str, list[float]]:
    """Returns the accuracy of each fold on the Semeion digits, by the number of networks.

    Args:
        folder: Keeps what was trained.
        size: Epochs and layers.
        pixels: As from `semeion.read`.
        classes: As from `semeion.read`.
    """
    small = semeion.halved(pixels)
    images = {networks: small if networks < 4 else pixels for networks in SEMEION_NETWORKS}
    return _folds(folder, size, "semeion", images, classes)


def _folds(
    folder: Path,
    size: Size,
    name: str,
    images: dict[int, NDArray[np.float64]],
    classes: NDArray[np.int64],
) -> dict[str, list[float]]:
    def one(networks: int, fold: int) -> list[float]:
        setup = sliced_qnns.PUBLISHED[networks]
        return fold_accuracy(images[networks], classes, setup, fold, size)

    found: dict[str, list[float]] = {}
    for networks in images:
        for fold in range(FOLDS):
            stem = f"{name}, {networks} networks, {size.epochs} epochs, fold {fold}"
            path = folder / f"{stem}.json"
            accuracy = _kept(path, lambda networks=networks, fold=fold: one(networks, fold))
            found.setdefault(str(networks), []).extend(accuracy)
    return found


def _kept(path: Path, compute: Callable[[], list[float]]) -> list[float]:
    # What the file holds; if there is none, it is computed and written.
    if not path.exists():
        begin = time.process_time()
        found = [round(each, 6) for each in compute()]
        seconds = time.process_time() - begin
        path.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(path, json.dumps(found) + "\n")
        print(f"{path.stem}: {found[0]:.3f} ({seconds:.0f} s of one core)", flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def gather(folder: Path, size: Size) -> Found:
    """Returns what the tables show, after training what the folder lacks."""
    found = {"size": size._asdict()} | two_processors(folder / "two processors", size)
    return found | {"slices": slices(folder / "slices", size)}


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Returns what the command was given."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="keeps what was trained")
    parser.add_argument("--seeds", type=int, help=f"of two processors; {Size().seeds} by default")
    parser.add_argument("--data", type=Path, help="the file semeion.data")
    parser.add_argument("--quick", action="store_true", help="a trial run that writes no page")
    found = parser.parse_args(given)
    if found.seeds is not None and found.seeds < 2:
        parser.error("--seeds must be at least 2")
    try:
        found.images = None if found.data is None else semeion.read(found.data)
    except ValueError as error:
        parser.error(str(error))
    return found


def main(given: Sequence[str] | None = None) -> None:
    """Trains what is missing, prints the tables, and writes them and the summary."""
    asked = arguments(given)
    size, folder = (QUICK, asked.folder / "quick") if asked.quick else (Size(), asked.folder)
    if asked.seeds is not None:
        size = size._replace(seeds=asked.seeds)
    if asked.images is not None:
        whole = size if asked.quick else size._replace(epochs=PUBLISHED_EPOCHS)
        trained = on_semeion(folder / "semeion", whole, *asked.images)
        print("\n".join(partitions_tables.semeion(trained)), end="\n\n")
    found = gather(folder, size)
    for name, lines in partitions_tables.TABLES.items():
        print(f"{name}:", *lines(found), sep="\n", end="\n\n")
    if not asked.quick:
        results.write_text(KEPT, json.dumps(found, indent=1) + "\n")
        partitions_tables.write(found)


if __name__ == "__main__":
    main()
