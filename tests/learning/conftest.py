"""PennyLane as the oracle, and double precision where a test asks for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from pennylane import numpy as qnp

from ceas_gym.learning import setup
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning

Simulate = Callable[..., Callable[[Any, NDArray[np.float64]], Any]]


@pytest.fixture
def exact() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def settings() -> LearningSettings:
    """A small circuit and two classes."""
    return LearningSettings(qubits=3, layers=2, features=3, batch_size=4)


@pytest.fixture(scope="session")
def learning(settings: LearningSettings) -> Learning:
    """The same, shared by six nodes."""
    return setup.build(settings, teams=6)


@pytest.fixture(scope="session")
def simulate() -> Simulate:
    """Returns a builder of density-matrix runs f(weights, features) -> expectation values.

    The features are encoded, each qubit meets its noise, and the ansatz follows. Noise is the
    contraction of a depolarizing channel, or the probabilities of the errors I, X, Y and Z.
    """

    def build(
        feature_map: Callable[..., None],
        ansatz: Callable[..., None],
        noise: Sequence[Any],
        observables: Sequence[Any],
    ) -> Callable[[Any, NDArray[np.float64]], Any]:
        wires = range(len(noise))

        @qml.qnode(qml.device("default.mixed", wires=len(wires)), diff_method="parameter-shift")
        def circuit(weights: Any, features: NDArray[np.float64]) -> list[Any]:
            feature_map(features, wires)
            for one, wire in zip(noise, wires, strict=True):
                _disturb(one, wire)
            ansatz(weights, wires)
            return [qml.expval(observable) for observable in observables]

        return lambda weights, features: qnp.stack(circuit(weights, features))

    return build


def _disturb(noise: Any, wire: int) -> None:
    if np.ndim(noise) == 0:
        qml.DepolarizingChannel(3 * (1 - noise) / 4, wires=wire)
        return
    errors = [np.eye(2), *(np.asarray(qml.matrix(error(0))) for error in (qml.X, qml.Y, qml.Z))]
    kraus = [np.sqrt(p) * error for p, error in zip(noise, errors, strict=True)]
    qml.QubitChannel(kraus, wires=wire)
