"""The compiled learning half: encoded data, shared programs, and its derived figures."""

from collections.abc import Callable
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceas_gym.learning import (
    circuit,
    data,
    encoding,
    partitions,
    pauli,
    pullback,
    reach,
    setup,
)
from ceas_gym.physics import register
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning

SMALL: dict[str, Any] = {"qubits": 2, "layers": 1, "features": 2, "batch_size": 4}
THREE: dict[str, Any] = {"qubits": 3, "layers": 1, "features": 3, "classes": (0, 1, 2)}
WHOLE: dict[str, Any] = {"estimator": "all", "slope_share": 0}


def slow_descent(rate: float) -> optax.GradientTransformation:
    return optax.sgd(rate / 10)


@pytest.fixture(scope="module")
def build() -> Callable[..., Learning]:
    return lambda nodes=3, **changes: setup.build(LearningSettings(**changes), nodes)


def test_splits_are_encoded(build: Callable[..., Learning]) -> None:
    learning = build(**SMALL, **WHOLE)
    parts = data.prepare(LearningSettings(**SMALL))
    splits = (learning.training, learning.validation, learning.test)
    for part, split in zip(parts, splits, strict=True):
        states = circuit.encode("angle", part.features, 2)
        vectors = pauli.pauli_vectors(states)
        words = list(learning.program.words)
        assert np.abs(np.asarray(split.paulis) - vectors[:, words]).max() < 1e-6
        # All others vanish, or no observable depends on them.
        (held,) = np.nonzero(np.abs(vectors).max(axis=0) > 1e-12)
        *_, reached = reach.backwards(learning.program)
        assert words == np.intersect1d(held, reached).tolist()
        assert split.labels.tolist() == part.labels.tolist()


def test_kinds_of_paulis(build: Callable[..., Learning]) -> None:
    learning = build(**SMALL | {"layers": 2}, **WHOLE)
    table, pauli_types = np.asarray(learning.type_of_pauli), register.pauli_types(2)
    every = ["".join(word) for word in product("IXYZ", repeat=2)]
    words = [every[word] for word in learning.program.words]
    # Two features make a product of states in the plane of X and Z: no word has a Y. Of the others,
    # the gates before the readout, Z on the first qubit, reach all that act on this qubit.
    assert words == ["XI", "XX", "XZ", "ZI", "ZX", "ZZ"]
    assert table.shape == (len(pauli_types), len(words))
    assert table.sum(axis=0).tolist() == [1.0] * len(words)
    for word, column in zip(words, table.T, strict=True):
        assert pauli_types[column.argmax()] == tuple(word.count(letter) for letter in "XYZ")


def test_readout_of_two_classes_and_of_more(build: Callable[..., Learning]) -> None:
    assert build(**SMALL).readout.tolist() == [[1.0], [-1.0]]
    assert build(**THREE).readout.tolist() == np.eye(3).tolist()


def test_noise_scale_is_that_of_an_undecided_classifier(build: Callable[..., Learning]) -> None:
    # K^2 Q |dl/df|^2: slopes of 2 each way for two classes, (2, -1, -1) 2/3 for three.
    assert float(build(**SMALL, **WHOLE).noise_scale) == pytest.approx(4**2 * 1 * 2.0**2)
    assert float(build(**THREE, **WHOLE).noise_scale) == pytest.approx(6**2 * 3 * 2.0**2 * 6 / 9)
    louder = build(**SMALL, **WHOLE, logit_scale=3.0)
    assert float(louder.noise_scale) == pytest.approx(4**2 * 1 * 3.0**2)
    # In the light cone of the readout is the first qubit's RY only.
    assert float(build(**SMALL, slope_share=0).noise_scale) == pytest.approx(1**2 * 1 * 2.0**2)


def test_shots_that_measure_predictions_are_charged(build: Callable[..., Learning]) -> None:
    known, measured = (build(**SMALL, slope_share=share) for share in (0, 0.2))
    # A shot is worth four fifths of one that need not measure predictions.
    assert float(known.noise_scale / measured.noise_scale) == pytest.approx(0.8)
    assert float(known.batch_floor / measured.batch_floor) == pytest.approx(0.8)


def test_batch_floor_is_where_shot_noise_meets_the_minibatch(
    build: Callable[..., Learning],
) -> None:
    learning = build(**SMALL, **WHOLE)
    program = learning.program

    @jax.jit
    @jax.vmap
    def squared_slope(weights: jax.Array) -> jax.Array:
        def values(point: jax.Array) -> jax.Array:
            return learning.training.paulis @ pullback.observables(program, point)[0]

        return (jax.jacfwd(values)(weights) ** 2).sum(axis=1).mean()

    models = jnp.asarray(np.random.default_rng(1).normal(size=(400, program.parameters)), "float32")
    squares = np.asarray(squared_slope(models))
    # K^2 Q B / |df|^2, in which the library's average is over 16 models.
    expected = 4**2 * 1 * 4 / squares.mean()
    error = squares.std() / squares.mean() / np.sqrt(setup.FLOOR_DRAWS)
    assert abs(expected / float(learning.batch_floor) - 1) <= 4 * error
    doubled = build(**SMALL | WHOLE | {"batch_size": 8})
    assert float(doubled.batch_floor / learning.batch_floor) == pytest.approx(2.0)


def test_equal_circuits_are_one_program(build: Callable[..., Learning]) -> None:
    first = build(**SMALL)
    other = build(**SMALL | {"learning_rate": 0.3, "data_seed": 4, "batch_size": 7})
    assert first.program is other.program
    assert build(**SMALL | {"layers": 2}).program is not first.program


def test_data_is_encoded_once(build: Callable[..., Learning]) -> None:
    encoding._cached_encoding.cache_clear()
    for changes in ({}, {"learning_rate": 0.3, "layers": 2}, {"estimator": "all"}):
        build(**SMALL | changes)
    assert encoding._cached_encoding.cache_info().misses == 1
    build(**SMALL | {"data_seed": 4})
    assert encoding._cached_encoding.cache_info().misses == 2


def test_shards_are_those_of_the_partition(build: Callable[..., Learning]) -> None:
    dealt: dict[str, Any] = SMALL | {"partition": "dirichlet"}
    learning = build(nodes=5, **dealt)
    labels = np.asarray(learning.training.labels)
    shards, sizes = data.shards(LearningSettings(**dealt), labels, 5)
    assert learning.shards.tolist() == shards.tolist()
    assert learning.shard_sizes.tolist() == sizes.tolist()


def test_optimizer_of_the_user(build: Callable[..., Learning]) -> None:
    assert build(**SMALL | {"optimizer": f"{__name__}:slow_descent"}).optimizer is slow_descent
    with pytest.raises(ValueError, match="optimizer 'sdg' is unknown; did you mean sgd"):
        build(**SMALL | {"optimizer": "sdg"})


def test_scheme_by_its_name(build: Callable[..., Learning]) -> None:
    assert build(**SMALL).scheme is partitions.get("data")
    with pytest.raises(
        ValueError, match=r"learning\.scheme: scheme 'date' is unknown; did you mean"
    ):
        build(**SMALL | {"scheme": "date"})


@pytest.mark.parametrize("section", ["ansatz", "feature_map"])
def test_unknown_circuit(build: Callable[..., Learning], section: str) -> None:
    with pytest.raises(ValueError, match="'nothing' is unknown"):
        build(**SMALL | {section: "nothing"})
