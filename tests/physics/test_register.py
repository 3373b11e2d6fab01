"""A register of teleported qubits, against every assignment of pairs and exact fractions."""

import functools
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ceas_gym.physics import register

Letters = Sequence[float]
mean_products = jax.jit(register.mean_products, static_argnames="qubits")
twirled_contraction = jax.jit(register.twirled_contraction)
# What pairs leave of X, Y and Z: all of it, a Werner pair's, a dephased one's, and worse.
PAIRS = [(1.0, 1.0, 1.0), (0.8, 0.8, 0.8), (0.5, 0.4, 0.9), (0.3, -0.2, 0.1)]


def means(counts: Sequence[int], values: Sequence[Letters], qubits: int) -> NDArray[np.float64]:
    """The library's mean products of a single node, by type of Pauli word."""
    found = mean_products(jnp.array([counts]), jnp.array([values]), qubits=qubits)
    return np.asarray(found, dtype=np.float64)[0]


# --- Kinds ---


@pytest.mark.parametrize(("qubits", "letters"), [(0, 3), (1, 1), (4, 3), (6, 3), (5, 2)])
def test_every_kind_is_listed_once_by_weight(qubits: int, letters: int) -> None:
    pauli_types = register.pauli_types(qubits, letters)
    assert len(set(pauli_types)) == len(pauli_types) == math.comb(qubits + letters, letters)
    assert pauli_types[0] == (0,) * letters
    assert all(len(pauli_type) == letters and min(pauli_type) >= 0 for pauli_type in pauli_types)
    weights = [sum(pauli_type) for pauli_type in pauli_types]
    assert weights == sorted(weights)
    assert max(weights) == qubits


def test_kinds_of_equal_weight_begin_with_the_most_of_the_first_letter() -> None:
    of_two = [(2, 0, 0), (1, 1, 0), (1, 0, 1), (0, 2, 0), (0, 1, 1), (0, 0, 2)]
    assert list(register.pauli_types(2)[4:]) == of_two
    # A longer register only adds types.
    assert register.pauli_types(5)[:10] == register.pauli_types(2)


# --- Mean products ---


def assigned_at_random(pairs: Sequence[Letters], pauli_type: tuple[int, ...]) -> float:
    """Mean over all assignments of as many pairs as there are letters in a word of the type."""
    word = [letter for letter, number in enumerate(pauli_type) for _ in range(number)]
    assignments = itertools.permutations(pairs, len(word))
    chosen = [
        [pair[i] for i, pair in zip(word, assignment, strict=True)] for assignment in assignments
    ]
    return float(np.mean([math.prod(factors) for factors in chosen]))


@pytest.mark.parametrize("counts", [[4, 0, 0, 0], [1, 1, 1, 1], [0, 3, 2, 1], [2, 1, 0, 3]])
def test_mean_products_equal_all_deals(counts: list[int]) -> None:
    each = [pair for pair, count in zip(PAIRS, counts, strict=True) for _ in range(count)]
    expected = [assigned_at_random(each, pauli_type) for pauli_type in register.pauli_types(4)]
    assert means(counts, PAIRS, 4).tolist() == pytest.approx(expected, abs=1e-13)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(0, 3), min_size=3, max_size=3).filter(lambda c: sum(c) >= 3),
    values=st.lists(st.floats(-1 / 3, 1.0), min_size=9, max_size=9),
)
def test_mean_products_equal_all_deals_of_any_pairs(counts: list[int], values: list[float]) -> None:
    pairs = [tuple(values[i : i + 3]) for i in (0, 3, 6)]
    each = [pair for pair, count in zip(pairs, counts, strict=True) for _ in range(count)]
    expected = [assigned_at_random(each, pauli_type) for pauli_type in register.pauli_types(3)]
    assert means(counts, pairs, 3).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("letters", [1, 2])
def test_mean_products_of_fewer_letters(letters: int) -> None:
    pairs = [pair[:letters] for pair in PAIRS]
    each = [*pairs, pairs[2], pairs[3]]
    expected = [
        assigned_at_random(each, pauli_type) for pauli_type in register.pauli_types(3, letters)
    ]
    assert means([1, 1, 2, 2], pairs, 3).tolist() == pytest.approx(expected, abs=1e-13)


def test_mean_products_of_words_equal_those_of_the_twirled_letters_where_letters_are_alike() -> (
    None
):
    counts, alike = [3, 1, 2], [(x, x, x) for x in (0.9, 0.5, -0.3)]
    by_weight = means(counts, [pair[:1] for pair in alike], 4)
    expected = [by_weight[sum(pauli_type)] for pauli_type in register.pauli_types(4)]
    assert means(counts, alike, 4).tolist() == pytest.approx(expected, abs=1e-14)


def exact_means(counts: Sequence[int], values: Any, qubits: int) -> list[float]:
    """From the coefficients of prod_j (1 + x_j r + y_j s + z_j t)^counts_j, in exact fractions."""
    letters = len(values[0])
    pauli_types = register.pauli_types(qubits, letters)
    product = {pauli_types[0]: Fraction(1)}
    for count, value in zip(counts, values, strict=True):
        numbers = [Fraction(float(x)) for x in value]
        power = {
            pauli_type: _coefficient(int(count), numbers, pauli_type) for pauli_type in pauli_types
        }
        grown = dict.fromkeys(pauli_types, Fraction(0))
        for (one, left), (other, right) in itertools.product(product.items(), power.items()):
            pauli_type = tuple(a + b for a, b in zip(one, other, strict=True))
            if pauli_type in grown:
                grown[pauli_type] += left * right
        product = grown
    total = int(sum(counts))
    return [
        float(product[pauli_type] / _coefficient(total, [Fraction(1)] * 3, pauli_type))
        for pauli_type in pauli_types
    ]


def _coefficient(count: int, numbers: list[Fraction], pauli_type: tuple[int, ...]) -> Fraction:
    """Of r^a s^b t^c in (1 + x r + y s + z t)^count."""
    ways = math.perm(count, sum(pauli_type)) // math.prod(map(math.factorial, pauli_type))
    return ways * math.prod(
        (x**a for x, a in zip(numbers, pauli_type, strict=False)), start=Fraction(1)
    )


NEAR_ONE = [(1 - 1e-4 * i, 1 - 2e-4 * i, 1.0) for i in range(6)]
HARD = {
    "as many pairs as qubits": [1, 1, 1, 1, 1, 1],
    "all in one class": [6, 0, 0, 0, 0, 0],
    "one more": [2, 1, 0, 3, 0, 1],
    "many in one class": [0, 1_000_000, 0, 0, 0, 0],
    "many and one": [1, 0, 0, 0, 999_999, 0],
    "many in all": [400_000, 70_001, 3, 170_000, 1, 359_995],
}
SPREAD = np.random.default_rng(3).uniform(-1 / 3, 1, (6, 3)).tolist()
SIGNS = np.random.default_rng(4).choice([-1.0, 0.0, 1.0], (6, 3)).tolist()


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("values", [NEAR_ONE, SPREAD, SIGNS], ids=["near one", "spread", "signs"])
def test_mean_products_hold_in_single_precision(name: str, values: list[Letters]) -> None:
    single = jnp.array(values, jnp.float32)
    found = mean_products(jnp.array([HARD[name]], jnp.int32), single[None], qubits=6)
    assert found.dtype == jnp.float32
    expected = exact_means(HARD[name], single, 6)
    assert found[0].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("counts", [[10, 0, 0, 0, 0, 0], [3, 1, 0, 4, 0, 2], [1, 2, 2, 2, 2, 1]])
@pytest.mark.parametrize("values", [NEAR_ONE, SPREAD, SIGNS], ids=["near one", "spread", "signs"])
def test_ten_qubits_hold_in_single_precision(counts: list[int], values: list[Letters]) -> None:
    single = jnp.array(values, jnp.float32)
    found = mean_products(jnp.array([counts], jnp.int32), single[None], qubits=10)
    assert found.dtype == jnp.float32
    expected = means(counts, np.asarray(single, float).tolist(), 10).tolist()
    assert found[0].tolist() == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize("name", HARD)
def test_mean_products_are_exact_in_double_precision(name: str) -> None:
    expected = exact_means(HARD[name], SPREAD, 6)
    assert means(HARD[name], SPREAD, 6).tolist() == pytest.approx(expected, abs=2e-14)


def test_equal_pairs_contract_by_powers() -> None:
    x, y, z = 0.9, 0.8, 0.7
    expected = [x**a * y**b * z**c for a, b, c in register.pauli_types(4)]
    for count in (4, 7, 4_000_000):
        assert means([0, count], [(0.1,) * 3, (x, y, z)], 4) == pytest.approx(expected, abs=1e-13)


def test_no_pairs_leave_the_identity_only() -> None:
    found = means([0, 0, 0, 0], PAIRS, 6)
    assert found.tolist() == [1.0] + [0.0] * 83


def test_nodes_do_not_mix_and_gradients_stay_finite() -> None:
    counts = jnp.array([[0, 0, 0, 0], [1, 0, 2, 0], [0, 5, 0, 1]])
    values = jnp.array([PAIRS] * 3)
    together = mean_products(counts, values, qubits=2)
    alone = jax.vmap(functools.partial(register.mean_products, qubits=2))(
        counts[:, None], values[:, None]
    )
    assert np.abs(np.asarray(alone[:, 0] - together)).max() < 1e-14

    @jax.jit
    @jax.grad
    def slope(at: jax.Array) -> jax.Array:
        return register.mean_products(counts, at, 2).sum()

    assert np.isfinite(np.asarray(slope(values * 0.0))).all()
    assert np.asarray(slope(values))[0].tolist() == [[0.0] * 3] * 4


# --- Twirl ---


def choi_fidelity(register_errors: Sequence[Letters]) -> float:
    """The process fidelity of Pauli channels side by side, from their Choi state."""
    qubits = len(register_errors)
    paulis = [np.eye(2), *(np.asarray(qml.matrix(error(0))) for error in (qml.X, qml.Y, qml.Z))]

    def entangle() -> None:
        for first in range(qubits):
            qml.Hadamard(wires=first)
            qml.CNOT(wires=[first, first + qubits])

    @qml.qnode(qml.device("default.mixed", wires=2 * qubits))
    def choi() -> Any:
        entangle()
        for wire, errors in enumerate(register_errors):
            kraus = [np.sqrt(p) * pauli for p, pauli in zip(errors, paulis, strict=True)]
            qml.QubitChannel(kraus, wires=wire)
        qml.adjoint(entangle)()
        return qml.probs(wires=range(2 * qubits))

    return float(np.asarray(choi())[0])


# Probabilities of the errors I, X, Y and Z, and what they leave of X, Y and Z.
ERRORS = [(0.8, 0.02, 0.03, 0.15), (0.6, 0.1, 0.05, 0.25), (0.7, 0.2, 0.1, 0.0)]
LEFT = [(i + x - y - z, i + y - x - z, i + z - x - y) for i, x, y, z in ERRORS]


def mean_over_words(by_kind: NDArray[np.float64], qubits: int) -> float:
    """Mean over all Pauli words but the identity."""
    pauli_types = register.pauli_types(qubits)
    words = list(itertools.product("IXYZ", repeat=qubits))[1:]
    of_word = [pauli_types.index((w.count("X"), w.count("Y"), w.count("Z"))) for w in words]
    return float(np.mean(by_kind[of_word]))


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_twirled_contraction_is_the_mean_over_all_words(qubits: int) -> None:
    # Pairs are assigned to the qubits at random, and the channels average over the assignments.
    assignments = list(itertools.combinations(ERRORS, qubits))
    fidelity = np.mean([choi_fidelity(assignment) for assignment in assignments])
    expected = float(twirled_contraction(fidelity, 2**qubits))
    assert mean_over_words(means([1, 1, 1], LEFT, qubits), qubits) == pytest.approx(expected, 1e-12)
    # The process fidelity is a mean product too, of the single fidelities.
    single = [((1 + x + y + z) / 4,) for x, y, z in LEFT]
    assert means([1, 1, 1], single, qubits)[-1] == pytest.approx(fidelity, abs=1e-12)


@pytest.mark.parametrize("pairs", [(0.8, 0.8), (0.9, 0.5, 0.3)])
def test_twirled_contraction_of_werner_pairs(pairs: tuple[float, ...]) -> None:
    qubits = len(pairs)
    fidelity = math.prod((1 + 3 * w) / 4 for w in pairs)
    subsets = [s for k in range(1, qubits + 1) for s in itertools.combinations(pairs, k)]
    expected = sum(3 ** len(s) * math.prod(s) for s in subsets) / (4**qubits - 1)
    assert float(twirled_contraction(fidelity, 2**qubits)) == pytest.approx(expected, abs=1e-13)


def test_twirled_contraction_at_its_limits() -> None:
    dimension = np.array([2, 4, 64])
    assert twirled_contraction(np.ones(3), dimension).tolist() == [1.0] * 3
    assert twirled_contraction(dimension**-2.0, dimension) == pytest.approx(np.zeros(3), abs=1e-15)
    assert twirled_contraction(jnp.float32(1.0), 64).dtype == jnp.float32
