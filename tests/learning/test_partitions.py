"""Noise of the gradients of slices, outcome by outcome, and what a partition asks of a shot."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.comparison import plain, wide
from jaxtyping import Array
from numpy.typing import NDArray
from reference import learning as slow
from reference.pairs import named

from ceas_gym.learning import partitions, pullback, setup
from ceas_gym.learning.partitions import features
from ceas_gym.physics import register
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Delivery, Learning, Split

Floats = NDArray[np.float64]
ERRORS = (named(I=0.85, X=0.06, Y=0.02, Z=0.07), named(I=0.94, X=0.01, Y=0.03, Z=0.02))
"""Pauli errors of the qubits that arrive at each of the two QPUs."""
SHOTS = (3, 8)


CLASSES = [
    pytest.param((3, 8), id="two classes"),
    pytest.param((0, 1, 2), id="three classes", marks=pytest.mark.slow),
]


class Law(NamedTuple):
    """Mean and covariance of a gradient, and the slopes of a slice's observables."""

    mean: Floats
    covariance: Floats
    slopes: Floats


@pytest.fixture(scope="module", params=CLASSES)
def learning(request: pytest.FixtureRequest) -> Learning:
    """Two slices of as many qubits as are read out, three samples, in double precision."""
    size = 2 if len(request.param) == 2 else 3
    settings = LearningSettings(
        scheme="features",
        classes=request.param,
        qubits=2 * size,
        features=2 * size,
        layers=4 - size,
        batch_size=3,
    )
    built = setup.build(settings, 1, qpus=2)
    training = Split(built.training.paulis[:3], built.training.labels[:3])
    with jax.enable_x64(True):
        return wide(replace(built, training=training, program=replace(built.program)))


@pytest.fixture(scope="module")
def weights(learning: Learning) -> Floats:
    return np.random.default_rng(2).normal(size=learning.program.parameters)


@pytest.fixture(scope="module")
def law(learning: Learning, weights: Floats) -> Law:
    return enumerated(plain(learning), weights)


def test_noise_of_slices_is_that_of_all_outcomes(
    learning: Learning, law: Law, monkeypatch: pytest.MonkeyPatch
) -> None:
    angles = len(law.mean)
    # The noise is linear in the normal numbers, so those of a basis tell its covariance.
    monkeypatch.setattr(jax.random, "normal", lambda *_: jnp.eye(angles))
    each = (law.mean, law.slopes, np.array(SHOTS))
    with jax.enable_x64(True):
        tiled = [jnp.asarray(np.tile(one, (angles,) + (1,) * np.ndim(one))) for one in each]
        found = jax.jit(partial(features.estimate, learning))(*tiled, jax.random.key(0))
    root = np.asarray(found) - law.mean
    np.testing.assert_allclose(root.T @ root, law.covariance, rtol=1e-10, atol=1e-10)


def test_gradient_of_slices_is_the_mean_of_all_outcomes(
    learning: Learning, weights: Floats, law: Law, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features.learners, "draw", lambda *_: jnp.arange(3)[None])
    monkeypatch.setattr(jax.random, "normal", lambda _, *shape: jnp.zeros(*shape))
    size = learning.program.qubits // 2
    with jax.enable_x64(True):
        delivery = Delivery(
            shots=jnp.array([min(SHOTS)]),
            contraction=jnp.array([[arriving(errors, size) for errors in ERRORS]]),
            signal=jnp.ones(1),
            authenticated=jnp.array([True]),
            slices=jnp.array([SHOTS]),
        )

        def gradient(parameters: Array) -> Array:
            pulled = pullback.pull(learning.program, parameters)
            return features.gradients(
                learning, pulled, delivery, jnp.array([False]), jax.random.key(0)
            )

        found = jax.jit(gradient)(jnp.asarray(weights))
    np.testing.assert_allclose(found[0], law.mean, rtol=1e-10, atol=1e-10)


def arriving(errors: tuple[float, ...], qubits: int) -> list[float]:
    """Returns what equal pairs leave of each type of Pauli word."""
    # In the order I, Y, X, Z.
    _, y, x, z = errors
    left = (1 - 2 * (y + z), 1 - 2 * (x + z), 1 - 2 * (x + y))
    types = register.pauli_types(qubits)
    return [float(np.prod(np.power(left, numbers))) for numbers in types]


def enumerated(learning: Learning, weights: Floats) -> Law:
    """Returns mean and covariance of the gradient, and the slopes of a slice's observables.

    A shot of a slice draws one of its angles, a sample, the sign of the shift and an observable.
    Its outcome, 1 or -1, is multiplied by the slope and the numbers of angles and observables.
    """
    rho = slow.density(learning, learning.training)
    every = slow.weights(learning, weights)
    slopes = slow.slopes_of(learning, slow.expect(learning, every, rho), learning.training.labels)
    size = slow.width(rho) // 2
    for qubit in range(slow.width(rho)):
        rho = slow.disturb(rho, qubit, ERRORS[qubit // size])
    places, outputs = list(slow.places(learning, weights)), slopes.shape[1] // 2
    mean, covariance = np.zeros(len(weights)), np.zeros((len(weights),) * 2)
    for part, mine in enumerate(slow.parts(learning)):
        first, second = np.zeros(len(weights)), np.zeros((len(weights),) * 2)
        for chance, vector in outcomes(learning, rho, every, slopes, part, mine, places, outputs):
            first += chance * vector
            second += chance * np.outer(vector, vector)
        mean += first
        covariance += (second - np.outer(first, first)) / SHOTS[part]
    return Law(mean, covariance, slopes[:, :outputs])


def outcomes(
    learning: Learning,
    rho: Floats,
    every: Floats,
    slopes: Floats,
    part: int,
    mine: Any,
    places: list[int],
    outputs: int,
) -> Iterator[tuple[float, Floats]]:
    """Yields each outcome of a shot of a slice: its probability, and its estimate."""
    number = len(mine) * len(rho) * outputs * 2
    for angle, sign in product(mine, (1, -1)):
        shift = sign * np.pi / 2 * (np.arange(len(every)) == places[angle])
        expected = slow.expect(learning, every + shift, rho)
        for sample, output in product(range(len(rho)), range(outputs)):
            column = part * outputs + output
            for outcome in (1, -1):
                vector = np.zeros(len(places))
                scale = len(mine) * outputs * slopes[sample, column]
                vector[angle] = sign * outcome * scale
                yield (1 + outcome * expected[sample, column]) / 2 / number, vector


# --- What a partition asks of a shot ---


@pytest.mark.parametrize(
    ("settings", "qpus", "data", "ends"),
    [
        ({"scheme": "data"}, 1, (4,), (4,)),
        ({"scheme": "features"}, 2, (2, 2), (2, 2)),
        ({"scheme": "features"}, 4, (1, 1, 1, 1), (1, 1, 1, 1)),
        ({"scheme": "features", "communication": "quantum"}, 2, (0, 0), (3, 3)),
        ({"scheme": "circuit"}, 2, (0, 0), (3, 3)),
        ({"scheme": "circuit", "placement": (0, 0, 0, 1)}, 2, (0, 0), (2, 2)),
        ({"scheme": "circuit", "qubits_per_qpu": 3}, 2, (0, 0), (1, 1)),
        ({"scheme": "circuit"}, 4, (0, 0, 0, 0), (4, 3, 2, 3)),
    ],
)
def test_pairs_of_a_shot(
    settings: dict[str, Any], qpus: int, data: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    learning = setup.build(LearningSettings(**settings), 2, qpus=qpus)
    assert learning.shot.data == data
    assert learning.shot.ends == ends
    assert learning.shot.alone == (not learning.shot.gates)
    assert learning.scheme is partitions.get(
        settings["scheme"], settings.get("communication", "none")
    )
