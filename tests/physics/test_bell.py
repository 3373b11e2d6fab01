"""Pairs and their decay against the reference sheet, density matrices and laws."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.physics import bell, heralding, key

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, teleport = jax.jit(bell.werner), jax.jit(bell.teleport)
depolarize, dephase = jax.jit(bell.depolarize), jax.jit(bell.dephase)
DECAYS = {"depolarizing": depolarize, "dephasing": dephase}
expiry_age = jax.jit(bell.expiry_age, static_argnames="memory")
MEMORIES = pytest.mark.parametrize("memory", sorted(DECAYS))

Matrix = NDArray[Any]
IDENTITY = np.eye(2, dtype=complex)
X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1.0 + 0j, -1.0])
HADAMARD = (X + Z) / np.sqrt(2.0)
# The order of the quadruple: (Phi+, Psi-, Psi+, Phi-) are the errors (I, Y, X, Z) on one half.
BELL_STATES = np.stack(
    [np.kron(IDENTITY, error) @ [1, 0, 0, 1] / np.sqrt(2.0) for error in (IDENTITY, Y, X, Z)]
)


def random_pairs(number: int, *, ordered: bool = False) -> NDArray[np.float64]:
    """Random quadruples; an ordered one has its best state first and the other Phi state last."""
    pairs = np.random.default_rng(7).dirichlet(np.ones(4), size=number)
    return np.sort(pairs, axis=-1)[:, ::-1] if ordered else pairs


# --- A density-matrix calculation that shares nothing with the library ---


def density(pair: NDArray[np.float64]) -> Matrix:
    """The density matrix of a quadruple."""
    return np.einsum("k,ki,kj->ij", pair, BELL_STATES, BELL_STATES.conj())


def on(gate: Matrix, qubit: int, qubits: int) -> Matrix:
    """A gate on one of several qubits."""
    left, right = np.eye(2**qubit), np.eye(2 ** (qubits - qubit - 1))
    return np.kron(np.kron(left, gate), right)


def mixture(state: Matrix, gates: list[Matrix], weights: list[float]) -> Matrix:
    """A state after one of several gates at random."""
    after = [p * g @ state @ g.conj().T for g, p in zip(gates, weights, strict=True)]
    return np.sum(after, axis=0)


def stored(pair: NDArray[np.float64], memory: str, kept: tuple[float, float]) -> Matrix:
    """The density matrix after a memory that keeps `kept` of each half, in Pauli errors."""
    state = density(pair)
    for qubit, fraction in enumerate(kept):
        # Textbook and PennyLane convention: an error of probability p, shared by three Paulis.
        error = 3.0 * (1.0 - fraction) / 4.0 if memory == "depolarizing" else (1.0 - fraction) / 2.0
        errors = [X, Y, Z] if memory == "depolarizing" else [Z]
        gates = [on(gate, qubit, 2) for gate in [IDENTITY, *errors]]
        state = mixture(state, gates, [1.0 - error] + [error / len(errors)] * len(errors))
    return state


def teleported(
    bloch: NDArray[np.float64], pair: NDArray[np.float64], gate_contraction: float, readout: float
) -> NDArray[np.float64]:
    """The Bloch vector that comes out of the teleportation circuit, one that goes in."""
    data = (IDENTITY + bloch[0] * X + bloch[1] * Y + bloch[2] * Z) / 2.0
    state = np.kron(data, density(pair))
    paulis = [
        np.kron(np.kron(a, b), IDENTITY)
        for a, b in itertools.product((IDENTITY, X, Y, Z), repeat=2)
    ]
    # An error of probability p, shared by fifteen Paulis.
    error = 15.0 * (1.0 - gate_contraction) / 16.0
    state = mixture(state, paulis, [1.0 - error] + [error / 15.0] * 15)
    excited = np.diag([0.0 + 0j, 1.0])
    cnot = on(IDENTITY - excited, 0, 3) + on(excited, 0, 3) @ on(X, 1, 3)
    circuit = on(HADAMARD, 0, 3) @ cnot
    state = circuit @ state @ circuit.conj().T
    received = np.zeros((2, 2), dtype=complex)
    for true, flips in itertools.product(itertools.product((0, 1), repeat=2), repeat=2):
        outcome = np.kron(np.eye(2)[true[0]], np.eye(2)[true[1]])
        projector = np.kron(outcome[None, :], IDENTITY)
        phase, parity = true[0] ^ flips[0], true[1] ^ flips[1]
        correction = np.linalg.matrix_power(Z, phase) @ np.linalg.matrix_power(X, parity)
        operator = correction @ projector
        chance = np.prod([1.0 - readout if flip else readout for flip in flips])
        received += chance * operator @ state @ operator.conj().T
    return np.array([np.trace(pauli @ received).real for pauli in (X, Y, Z)])


@MEMORIES
@pytest.mark.parametrize("kept", [(0.7, 0.9), (1.0, 0.2), (0.35, 0.35)])
def test_stored_pair_equals_density_matrix(memory: str, kept: tuple[float, float]) -> None:
    pairs, time = random_pairs(20), 0.3
    coherence = tuple(-time / np.log(fraction) if fraction < 1.0 else np.inf for fraction in kept)
    aged = DECAYS[memory](pairs, time, *coherence)
    for before, after in zip(pairs, np.asarray(aged), strict=True):
        # The whole matrix: the state stays Bell-diagonal.
        np.testing.assert_allclose(density(after), stored(before, memory, kept), atol=1e-13)


@pytest.mark.parametrize("gate_contraction", [1.0, 0.93])
@pytest.mark.parametrize("readout", [1.0, 0.97, 0.5])
def test_teleported_qubit_equals_density_matrix(gate_contraction: float, readout: float) -> None:
    for pair in random_pairs(4):
        expected = np.stack(
            [teleported(bloch, pair, gate_contraction, readout) for bloch in np.eye(3)]
        )
        factors = teleport(pair, gate_contraction, readout)
        # A diagonal map: no Pauli leaks into another.
        np.testing.assert_allclose(np.diag(factors), expected, atol=1e-13)


# --- The reference sheet ---


@pytest.mark.parametrize(
    ("contraction", "fidelity"),
    [(1 / np.sqrt(2.0), 0.780330085890), (0.779944271123, 0.834958203342), (1 / 3, 0.5)],
)
def test_werner_fidelity_and_contraction(contraction: float, fidelity: float) -> None:
    pair = werner(contraction)
    error = (1.0 - fidelity) / 3.0
    np.testing.assert_allclose(pair, [fidelity, error, error, error], atol=1e-12)
    assert float(bell.fidelity(pair)) == exactly(fidelity)
    assert float(bell.contraction(pair)) == exactly(contraction)


@pytest.mark.parametrize(
    ("start", "coherence_a", "coherence_b", "time", "contraction", "depolarized", "dephased"),
    [
        (1.0, 1.0, 1.0, 0.1, 0.818730753078, 0.864048064808, 0.909365376539),
        (0.95, 2.0, 0.5, 0.3, 0.448748225104, 0.586561168828, 0.711874112552),
        (0.9, 1.0, 4.0, 0.25, 0.658454066052, 0.743840549539, 0.804227033026),
        (0.92, 10.0, 0.05, 0.02, 0.615462286035, 0.711596714526, 0.787731143018),
    ],
)
def test_decay_table(
    start: float,
    coherence_a: float,
    coherence_b: float,
    time: float,
    contraction: float,
    depolarized: float,
    dephased: float,
) -> None:
    storage = (werner(start), time, coherence_a, coherence_b)
    mixed, classical = depolarize(*storage), dephase(*storage)
    assert float(bell.contraction(mixed)) == exactly(contraction)
    assert float(bell.fidelity(mixed)) == exactly(depolarized)
    np.testing.assert_allclose(mixed, werner(contraction), atol=1e-12)
    other_phi = (1.0 + start) / 2.0 - dephased
    psi = (1.0 - start) / 4.0
    np.testing.assert_allclose(classical, [dephased, psi, psi, other_phi], atol=1e-12)


@pytest.mark.parametrize(
    ("start", "coherence_a", "coherence_b", "threshold", "depolarizing", "dephasing"),
    [
        (1.0, 1.0, 1.0, 0.5, 0.5493061443341, np.inf),
        (0.95, 2.0, 0.5, 0.8, 0.1035446535665, 0.1674841339433),
        (0.98, 1.0, 1.0, 0.9, 0.06144906816158, 0.09525916199907),
        (0.92, 10.0, 0.05, 0.8349581931, 0.008216478492513, 0.01289683944568),
    ],
)
def test_expiry_table(
    start: float,
    coherence_a: float,
    coherence_b: float,
    threshold: float,
    depolarizing: float,
    dephasing: float,
) -> None:
    question = (werner(start), threshold, coherence_a, coherence_b)
    assert float(expiry_age(*question)) == exactly(depolarizing)
    age = expiry_age(*question, memory="dephasing")
    assert float(age) == exactly(dephasing)


@pytest.mark.parametrize(
    ("contraction", "gate", "readout", "x_and_z", "y", "process_fidelity", "mean_fidelity"),
    [
        (0.9, 1.0, 1.0, 0.9, 0.9, 0.925, 0.95),
        (0.78, 1.0, 1.0, 0.78, 0.78, 0.835, 0.89),
        (0.5, 1.0, 1.0, 0.5, 0.5, 0.625, 0.75),
        (0.9, 0.98, 1.0, 0.882, 0.882, 0.9115, 0.941),
        (0.9, 0.98, 0.99, 0.86436, 0.8470728, 0.8939482, 0.9292988),
    ],
)
def test_teleportation_table(
    contraction: float,
    gate: float,
    readout: float,
    x_and_z: float,
    y: float,
    process_fidelity: float,
    mean_fidelity: float,
) -> None:
    factors = np.asarray(teleport(werner(contraction), gate, readout))
    np.testing.assert_allclose(factors, [x_and_z, y, x_and_z], rtol=1e-12)
    process = (1.0 + factors.sum()) / 4.0
    assert process == exactly(process_fidelity)
    assert (2.0 * process + 1.0) / 3.0 == exactly(mean_fidelity)


# --- Laws ---


@MEMORIES
def test_decay_conserves_probability_and_never_helps(memory: str) -> None:
    pairs = random_pairs(30, ordered=True)[:, None]
    ages = np.linspace(0.0, 5.0, 20)[None]
    aged = np.asarray(DECAYS[memory](pairs, ages, 1.3, 0.8))
    np.testing.assert_allclose(aged.sum(axis=-1), 1.0, rtol=1e-12)
    assert (aged >= 0.0).all()
    assert (np.diff(aged[..., 0], axis=1) < 0.0).all()


@MEMORIES
def test_decay_in_two_steps_equals_one(memory: str) -> None:
    decay, pairs = DECAYS[memory], random_pairs(10)
    halfway = decay(pairs, 0.2, 1.3, 0.8)
    np.testing.assert_allclose(
        decay(halfway, 0.5, 1.3, 0.8), decay(pairs, 0.7, 1.3, 0.8), rtol=1e-12
    )
    np.testing.assert_array_equal(decay(pairs, 0.0, 1.3, 0.8), pairs)
    np.testing.assert_array_equal(decay(pairs, 0.5, np.inf, np.inf), pairs)


def test_depolarized_pair_ends_as_maximally_mixed() -> None:
    np.testing.assert_allclose(depolarize(random_pairs(5), 1e3, 1.0, 1.0), 0.25)


def test_dephased_pair_ends_without_phase() -> None:
    ended = dephase(np.array([0.7, 0.05, 0.15, 0.1]), 1e3, 1.0, 1.0)
    np.testing.assert_allclose(ended, [0.4, 0.1, 0.1, 0.4])


@MEMORIES
def test_expiry_age_inverts_decay(memory: str) -> None:
    pairs = random_pairs(30, ordered=True)
    limit = np.asarray(DECAYS[memory](pairs, np.inf, 1.3, 0.8))[:, 0]
    threshold = limit + np.linspace(0.1, 0.9, 30) * (pairs[:, 0] - limit)
    age = expiry_age(pairs, threshold, 1.3, 0.8, memory=memory)
    expired = np.asarray(DECAYS[memory](pairs, age, 1.3, 0.8))
    assert (age > 0.0).all()
    np.testing.assert_allclose(expired[:, 0], threshold, rtol=1e-12)


@pytest.mark.parametrize(
    ("pair", "threshold", "memory", "age"),
    [
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.7, "depolarizing", 0.0, id="at the threshold"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.8, "depolarizing", 0.0, id="already below"),
        pytest.param([0.1, 0.3, 0.3, 0.3], 0.2, "depolarizing", 0.0, id="below, rising past it"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.25, "depolarizing", np.inf, id="at the limit"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.1, "depolarizing", np.inf, id="below the limit"),
        pytest.param([0.2, 0.5, 0.2, 0.1], 0.1, "depolarizing", np.inf, id="above, and rising"),
        pytest.param([0.7, 0.1, 0.1, 0.1], 0.8, "dephasing", 0.0, id="already below, dephased"),
        pytest.param(
            [0.5, 0.125, 0.125, 0.25], 0.375, "dephasing", np.inf, id="at the limit, dephased"
        ),
    ],
)
def test_expiry_age_where_nothing_crosses(
    pair: list[float], threshold: float, memory: str, age: float
) -> None:
    assert float(expiry_age(np.array(pair), threshold, 1.0, 2.0, memory=memory)) == age


@MEMORIES
def test_pair_in_perfect_memories_never_expires(memory: str) -> None:
    age = expiry_age(werner(0.9), 0.8, np.inf, np.inf, memory=memory)
    assert float(age) == np.inf


def test_unknown_memory_is_named() -> None:
    with pytest.raises(ValueError, match="'dephasing', 'depolarizing', but is 'perfect'"):
        expiry_age(werner(0.9), 0.8, 1.0, 1.0, memory="perfect")


@MEMORIES
@pytest.mark.parametrize("threshold", [0.25, 0.8, 0.99])
def test_gradient_of_expiry_age_is_finite(memory: str, threshold: float) -> None:
    def age(contraction: jax.Array, threshold: jax.Array) -> jax.Array:
        # An infinite age has no gradient to speak of, but must not give NaN either.
        return expiry_age(werner(contraction), threshold, 1.0, 2.0, memory=memory)

    slopes = jax.jit(jax.grad(age, argnums=(0, 1)))(0.9, threshold)
    assert all(np.isfinite(slope) for slope in slopes)


def test_perfect_pair_teleports_perfectly_and_mixed_pair_nothing() -> None:
    np.testing.assert_array_equal(teleport(werner(1.0)), np.ones(3))
    np.testing.assert_allclose(teleport(werner(0.0)), np.zeros(3), atol=1e-16)


# --- Transformations and shapes ---


QUESTIONS: dict[str, Callable[..., jax.Array]] = {
    "depolarize": lambda pair, time, a: bell.depolarize(pair, time, a, 2.0),
    "dephase": lambda pair, time, a: bell.dephase(pair, time, a, 2.0),
    "expiry_age": lambda pair, time, a: bell.expiry_age(pair, 0.2 + time, a, 2.0),
    "teleport": lambda pair, time, a: bell.teleport(pair, jnp.exp(-time), jnp.exp(-0.1 * a)),
}


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_compiled_batch_equals_broadcast_equals_loop(name: str) -> None:
    ask = jax.jit(QUESTIONS[name])
    pairs = random_pairs(6, ordered=True)
    times, coherences = np.linspace(0.1, 0.4, 6), np.linspace(0.5, 3.0, 6)
    loop = np.stack([ask(*row) for row in zip(pairs, times, coherences, strict=True)])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(QUESTIONS[name]))(pairs, times, coherences), loop, rtol=1e-12
    )
    np.testing.assert_allclose(ask(pairs, times, coherences), loop, rtol=1e-12)


@MEMORIES
def test_one_pair_spreads_over_ages_and_one_age_over_pairs(memory: str) -> None:
    def shape(pair: tuple[int, ...], time: tuple[int, ...], coherence: tuple[int, ...]) -> tuple:
        inputs = (np.zeros(pair), np.zeros(time), np.ones(coherence), 2.0)
        return jax.eval_shape(DECAYS[memory], *inputs).shape

    assert shape((4,), (5,), ()) == (5, 4)
    assert shape((2, 3, 4), (), ()) == (2, 3, 4)
    assert shape((3, 1, 4), (3, 5), (3, 1)) == (3, 5, 4)


def test_single_precision_resolves_a_young_pair() -> None:
    with jax.enable_x64(False):
        perfect = np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32)
        aged = jax.jit(bell.depolarize)(perfect, 1e-6, 1.0, 1.0)
        assert float(aged[1]) == pytest.approx(5e-7, rel=1e-5)


def test_single_precision_stays_single() -> None:
    def answers() -> tuple[jax.Array, ...]:
        pair = bell.depolarize(bell.werner(1), 1, 10, 20)
        dephased, age = bell.dephase(pair, 1, 10, 20), bell.expiry_age(pair, 0.8, 10, 20)
        return pair, dephased, age, bell.teleport(pair, 1, 1)

    with jax.enable_x64(False):
        assert {answer.dtype for answer in jax.eval_shape(answers)} == {jnp.dtype("float32")}


# --- Traps ---


def test_both_memories_decay_and_time_constant_is_of_the_contraction() -> None:
    aged = depolarize(werner(0.9), 3.0, 3.0, 3.0)
    assert float(bell.contraction(aged)) == exactly(0.9 * np.exp(-2.0))
    one_sided = depolarize(werner(0.9), 3.0, 3.0, np.inf)
    assert float(bell.contraction(one_sided)) == exactly(0.9 * np.exp(-1.0))


def test_dephased_pair_is_worth_more_than_its_twirl() -> None:
    pair = dephase(werner(0.95), 0.2, 1.0, 1.0)
    twirled = werner(bell.contraction(pair))
    assert float(bell.fidelity(twirled)) == exactly(float(bell.fidelity(pair)))
    secret_fraction = jax.jit(key.secret_fraction)
    # The classical correlation outlives the phase, and both key and teleportation profit.
    assert float(teleport(pair)[2]) == exactly(0.95)
    assert float(teleport(twirled)[2]) < 0.8
    assert float(secret_fraction(pair)) > 2.0 * float(secret_fraction(twirled))


def test_pair_is_not_new_when_the_herald_arrives() -> None:
    age = heralding.attempt_period_s(length_km=100.0)
    known = depolarize(werner(0.98), age, 0.01, 0.02)
    assert float(bell.contraction(known)) == exactly(0.98 * np.exp(-0.075))
