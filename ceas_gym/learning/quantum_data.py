"""Quantum data by name: states that are not encoded, because they are the data.

A sample is a ground state of a chain of spins, and its class is the phase of the chain. Nothing but
teleportation brings such a state to a node, so these data suit the data partition.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ceas_gym.learning import checks, data, files
from ceas_gym.registry import calling, resolve
from ceas_gym.scenario import LearningSettings

ROWS = 8
"""Rows of tiles in the triangle of couplings; even, so that no tile lies in two phases."""
PER_CLASS = 256
"""Ground states of each phase."""
SHRUNK = 0.8
"""Linear size of the part of a tile that samples come from, so that tiles keep a distance."""
FEWEST = 4
"""Fewest spins of the chain."""


class States(NamedTuple):
    """Samples of a quantum data set."""

    amplitudes: NDArray[np.complex128]
    """Of normalised states, shape (samples, 2**qubits)."""
    classes: NDArray[np.int64]
    """Shape (samples,)."""
    groups: NDArray[np.int64]
    """Samples of a group are in the same split, shape (samples,)."""


Chain = Callable[[int], tuple[Any, Any, Any]]


def cluster_ising(qubits: int) -> States:
    """Returns ground states of the transverse-field cluster-Ising chain, in one of three phases.

    On a ring of n spins, the Hamiltonian is

        H = -h sum_i X_i - J sum_i Z_i Z_(i+1) - K sum_i Z_i X_(i+1) Z_(i+2),

    with h, J, K >= 0 and h + J + K = 1. Free fermions solve it: the phase of an endless chain is
    the number of zeros of f(z) = h - J z - K z^2 inside the unit circle. So it is a paramagnet
    (class 0) for h > 1/2, a cluster state, which is a topological phase protected by symmetry
    (class 2), for K > 1/2, and a ferromagnet (class 1) elsewhere.

    The triangle of couplings is divided into 64 tiles, none of which lies in two phases. The
    couplings of a sample are drawn uniformly from the middle of a tile, and the tile is its group,
    so that no state of the test split is next door to one of the training split.

    Args:
        qubits: Number n of spins, even, at least 4. Then the ground state is even under the flip of
            all spins, and unique. States take 4 s on one core with 8 spins, and a minute with 10.

    Returns:
        256 states of each phase, with real amplitudes.

    Raises:
        ValueError: If the number of spins is odd, or too small.

    Source:
        Phases: Verresen, Moessner and Pollmann, PRB 96, 165124 (2017), arXiv:1707.05787. Such
        phases as data of quantum classifiers: Cong, Choi and Lukin, Nature Physics 15, 1273 (2019),
        arXiv:1810.03787.
    """
    if qubits < FEWEST or qubits % 2:
        raise ValueError(
            f"a ring of cluster_ising has an even number of spins, at least {FEWEST}, not {qubits}"
        )
    couplings, groups = _couplings()
    terms = _terms(qubits)
    half = np.stack([_lowest(-np.tensordot(each, terms, axes=1)) for each in couplings])
    amplitudes = np.concatenate([half, half[:, ::-1]], axis=1) / np.sqrt(2)
    return States(amplitudes.astype(complex), phases(couplings), groups)


def phases(couplings: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the phase of the endless chain with these couplings h, J and K, shape (chains,).

    Args:
        couplings: At least 0, shape (chains, 3).

    Example:
        >>> phases(np.array([[0.6, 0.2, 0.2], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]])).tolist()
        [0, 1, 2]
    """
    field, ising, cluster = couplings.T
    return np.where(field > ising + cluster, 0, np.where(cluster > field + ising, 2, 1))


QUANTUM: dict[str, Chain] = {"cluster_ising": cluster_ising}


def prepare(
    settings: LearningSettings,
) -> tuple[tuple[NDArray[np.complex128], NDArray[np.int64]], ...]:
    """Returns amplitudes and labels of the training, validation and test split.

    Samples of other classes are left out. Each split has whole groups, and about the same shares of
    all classes: 60, 20 and 20 % of the groups.

    Args:
        settings: Data set, classes, seed and number of qubits. The data set is a shipped name, or
            `module:function`, called with the number of qubits, that returns (amplitudes, classes,
            groups) as in `States`.

    Raises:
        ValueError: If the data set is unknown or invalid, or a class does not occur in all splits.
    """
    name = settings.dataset
    if name in data.DATASETS or files.is_file(name):
        raise ValueError(
            f"the samples of {name!r} are numbers, which need a feature map, such as angle; "
            f"quantum data are {', '.join(QUANTUM)}"
        )
    chain = resolve("quantum dataset", name, QUANTUM)
    with calling("dataset", name):
        found = chain(settings.qubits)
    amplitudes, classes, groups = checks.states(name, found, settings.qubits)
    chosen, labels = data.labels_of(settings, classes)
    amplitudes, groups = amplitudes[chosen], groups[chosen]
    splits = _split_by_group(labels, groups, settings.data_seed)
    for members in splits:
        if len(np.unique(labels[members])) < len(settings.classes):
            raise ValueError(
                f"dataset {name!r} has too few groups: each split needs one of every class"
            )
    return tuple((amplitudes[members], labels[members]) for members in splits)


def _split_by_group(
    labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], ...]:
    # Samples of each split. Of the groups whose first sample is of a class, 60, 20 and 20 % are in
    # the training, validation and test split, rounded, and at least one each if there are three.
    random, splits = np.random.default_rng(seed), ([], [], [])
    names, first = np.unique(groups, return_index=True)
    for label in np.unique(labels[first]):
        members = random.permutation(names[labels[first] == label])
        test, validation = (
            max(round(share * len(members)), 1)
            for share in (data.TEST_SHARE, data.VALIDATION_SHARE)
        )
        cuts = [len(members) - test - validation, len(members) - test]
        for split, part in zip(splits, np.split(members, np.maximum(cuts, 0)), strict=True):
            split.extend(part.tolist())
    return tuple(np.flatnonzero(np.isin(groups, split)) for split in splits)


def _couplings() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    # Couplings of all samples, and the number of the tile of each.
    tiles = _tiles()
    kinds = phases(tiles.mean(axis=1))
    random, found, groups = np.random.default_rng(0), list[Any](), list[int]()
    for number, (corners, kind) in enumerate(zip(tiles, kinds, strict=True)):
        count = PER_CLASS // (kinds == kind).sum()
        inside = random.dirichlet(np.ones(3), count) @ corners
        found.append(corners.mean(axis=0) + SHRUNK * (inside - corners.mean(axis=0)))
        groups += [number] * count
    return np.concatenate(found), np.array(groups)


def _tiles() -> NDArray[np.float64]:
    # Corners of all tiles of the triangle h + J + K = 1, shape (tiles, corners, couplings).
    def corners(total: int) -> list[NDArray[np.int64]]:
        pairs = [(h, j) for h in range(total + 1) for j in range(total + 1 - h)]
        return [np.array([h, j, total - h - j]) for h, j in pairs]

    one = np.eye(3)
    upright = [low + one for low in corners(ROWS - 1)]
    inverted = [low + 1 - one for low in corners(ROWS - 2)]
    return np.stack([*upright, *inverted]) / ROWS


def _terms(qubits: int) -> NDArray[np.float64]:
    # Sums of X, ZZ and ZXZ on a ring, in the states |b> + |flipped b> with the first spin up;
    # shape (3, 2**(qubits - 1), 2**(qubits - 1)).
    size = 2 ** (qubits - 1)
    states = np.arange(size)
    spins = 1 - 2 * (states[:, None] >> np.arange(qubits) & 1)
    terms = np.zeros((3, size, size))
    terms[1][states, states] = (spins * np.roll(spins, 1, axis=1)).sum(axis=1)
    for spin in range(qubits):
        flipped = states ^ (1 << spin)
        # Flipping the first spin leads to the other half of the same pair of states.
        flipped = np.minimum(flipped, 2 * size - 1 - flipped)
        beside = spins[:, spin - 1] * spins[:, (spin + 1) % qubits]
        terms[0][flipped, states] += 1
        terms[2][flipped, states] += beside
    return terms


def _lowest(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    vector = linalg.eigh(matrix, subset_by_index=[0, 0])[1][:, 0]
    return vector * np.sign(vector[np.abs(vector).argmax()])
