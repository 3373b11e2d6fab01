"""Encodes samples as states, and states as expectation values of Pauli words."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import checks, circuit, data, pauli, quantum_data
from ceas_gym.learning.circuit import FEATURE_MAPS, PROBES
from ceas_gym.registry import asked_by
from ceas_gym.scenario import LearningSettings

ENCODING = (
    *("dataset", "label_column", "classes", "features", "data_seed", "qubits"),
    "feature_map",
)
"""Settings on which the encoded samples depend, which make the key of the cache."""
NO_MAP = "none"
"""The feature map of quantum data, which are states already."""
ZERO = 1e-9
"""Expectation values up to this are taken for rounding errors of zero."""
Encoded = tuple[tuple[NDArray[np.complex128], NDArray[Any]], ...]
"""Amplitudes, shape (samples, 2**qubits), and labels; of the training, validation and test split.
"""


def only(settings: LearningSettings) -> LearningSettings:
    """Returns the settings as a key of the cache: those that don't matter have their defaults."""
    return LearningSettings(**settings.model_dump(include=set(ENCODING)))


def encoded(settings: LearningSettings) -> Encoded:
    """Returns the states of the training, validation and test split, and their labels.

    Args:
        settings: Data and feature map.

    Raises:
        ValueError: If they do not fit each other; it names the setting.
    """
    return _cached_encoding(only(settings))


@lru_cache(maxsize=128)
def _cached_encoding(settings: LearningSettings) -> Encoded:
    if settings.feature_map == NO_MAP:
        with asked_by("learning.dataset"):
            return quantum_data.prepare(settings)
    with asked_by("learning.feature_map"):
        if settings.dataset in quantum_data.QUANTUM:
            raise ValueError(
                f"the samples of {settings.dataset!r} are quantum states, which are not encoded; "
                f"set it to {NO_MAP}"
            )
    parts = data.prepare(settings)
    with asked_by("learning.dataset"):
        checks.check_size("encoded samples", sum(len(p.labels) for p in parts), 2**settings.qubits)
    with asked_by("learning.feature_map"):
        states = [circuit.encode(settings.feature_map, p.features, settings.qubits) for p in parts]
    with asked_by("learning.features"):
        check_features(settings.feature_map, settings.features, settings.qubits)
    return tuple((each, part.labels) for each, part in zip(states, parts, strict=True))


def vectors(settings: LearningSettings, words: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
    """Returns the expectation values of words in each split, shape (samples, words), in [-1, 1].

    Args:
        settings: Data and feature map.
        words: Pauli words in [0, 4**qubits).

    Raises:
        ValueError: As `encoded`.
    """
    return _cached_vectors(only(settings), words)


@lru_cache(maxsize=128)
def _cached_vectors(
    settings: LearningSettings, words: tuple[int, ...]
) -> tuple[NDArray[np.float64], ...]:
    splits = _cached_encoding(settings)
    with asked_by("learning.dataset"):
        checks.check_size("encoded samples", sum(len(y) for _, y in splits), len(words))
    vectors = [pauli.pauli_vectors(states, words) for states, _ in splits]
    # With real amplitudes, as RY and CZ make them, words with an odd number of Y vanish.
    held = np.abs(np.concatenate(vectors)).max(axis=0) > ZERO
    return tuple(np.where(held, each, 0) for each in vectors)


def check_features(name: str, features: int, qubits: int) -> None:
    """Refuses features on which no gate of a user's feature map depends.

    At a few random points it changes one feature at a time and compares the gates.

    Args:
        name: As for `encode`.
        features: Number of features. Random ones are in [-pi/2, pi/2], in radians.
        qubits: Number of qubits of the circuit.

    Raises:
        ValueError: If there is such a feature; it names all of them, counted from zero.

    Example:
        >>> check_features("angle", features=4, qubits=2)
    """
    if name in FEATURE_MAPS:
        return
    gates = circuit.feature_map(name, qubits)
    random, unused = np.random.default_rng(0), list(range(features))
    for values in random.uniform(-np.pi / 2, np.pi / 2, (PROBES, features)):
        before = gates(values)
        changes = {
            place: np.where(np.arange(features) == place, -values / 2, values) for place in unused
        }
        unused = [place for place, changed in changes.items() if gates(changed) == before]
    if unused:
        raise ValueError(f"no gate of feature map {name!r} depends on features {unused}")


def check_local(name: str, features: int, home: Sequence[int]) -> None:
    """Refuses a feature map with gates across QPUs: a QPU has only the features of its own qubits.

    Args:
        name: As for `encode`.
        features: Number of features.
        home: QPU that holds each qubit.

    Raises:
        ValueError: If a gate acts on qubits of several QPUs; it names the first one.

    Example:
        >>> check_local("angle", features=4, home=[0, 0, 1, 1])
    """
    gates = circuit.feature_map(name, len(home))
    for gate, wires, *_ in gates(np.random.default_rng(0).uniform(-1, 1, features)):
        places: Any = wires
        if len({home[wire] for wire in places}) > 1:
            raise ValueError(
                f"feature map {name!r} has a {gate} on qubits {list(places)} of different "
                "QPUs; a QPU has only the features of its own qubits, so take dense_angle or, with "
                "angle, no more features than qubits"
            )
