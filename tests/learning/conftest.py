"""PennyLane as the oracle, and double precision where a test asks for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from pennylane import numpy as qnp

Simulate = Callable[..., Callable[[Any, NDArray[np.float64]], Any]]


@pytest.fixture
def exact() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def simulate() -> Simulate:
    """Returns a builder of density-matrix runs f(weights, features) -> expectation values.

    The features are encoded, qubit i is depolarized by contraction i, and the ansatz follows.
    """

    def build(
        feature_map: Callable[..., None],
        ansatz: Callable[..., None],
        contraction: Sequence[float],
        observables: Sequence[Any],
    ) -> Callable[[Any, NDArray[np.float64]], Any]:
        wires = range(len(contraction))

        @qml.qnode(qml.device("default.mixed", wires=len(wires)), diff_method="parameter-shift")
        def circuit(weights: Any, features: NDArray[np.float64]) -> list[Any]:
            feature_map(features, wires)
            for factor, wire in zip(contraction, wires, strict=True):
                qml.DepolarizingChannel(3 * (1 - factor) / 4, wires=wire)
            ansatz(weights, wires)
            return [qml.expval(observable) for observable in observables]

        return lambda weights, features: qnp.stack(circuit(weights, features))

    return build
