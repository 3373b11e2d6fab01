"""Memory models against PennyLane's channels, closed forms, and what no noise can be."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pennylane as qml
import pytest
from physics import density

from ceas_gym.physics import bell, memories

T2, T1 = 1.3, 0.9
"""A T2 longer than T1, as it may be."""
word: Any = qml.pauli.string_to_pauli_word
decay, to_letters = jax.jit(bell.decay), jax.jit(bell.to_letters)
PREPARED: dict[str, Any] = {
    "X": qml.Hadamard,
    "Y": partial(qml.RX, -np.pi / 2),
    "Z": qml.Identity,
}
"""Gates that make of |0> the state of a letter's eigenvalue 1."""


def damped(time: float, t2: float, t1: float, wire: int) -> None:
    """Applies the decay to |0> and the dephasing of a wait, as they are without a twirl."""
    qml.AmplitudeDamping(1 - np.exp(-time / t1), wires=wire)
    # PhaseDamping of lambda shrinks X and Y by sqrt(1 - lambda).
    qml.PhaseDamping(1 - np.exp(-2 * time * (1 / t2 - 1 / (2 * t1))), wires=wire)


def twirled(time: float, t2: float, t1: float) -> list[float]:
    """Returns what the channel between every Pauli and its inverse leaves of X, Y and Z."""
    device = qml.device("default.mixed", wires=1)

    @qml.qnode(device)
    def wait(letter: str, error: str) -> Any:
        PREPARED[letter](wires=0)
        word(error)
        damped(time, t2, t1, 0)
        word(error)
        return qml.expval(word(letter))

    return [float(np.mean([wait(letter, error) for error in "IXYZ"])) for letter in "XYZ"]


@pytest.mark.parametrize("time", [0.01, 0.4, 2.0])
def test_t1_t2_is_the_twirl_of_pennylanes_channels(time: float) -> None:
    rates = np.array(memories.t1_t2(T2, T1))
    np.testing.assert_allclose(twirled(time, T2, T1), np.exp(-rates * time), rtol=1e-12)


@pytest.mark.parametrize("time", [0.01, 0.4, 2.0])
def test_t1_t2_is_made_of_the_published_pauli_errors(time: float) -> None:
    # Tomita and Svore, equations 9 and 10; on both halves, of unlike memories.
    state, times = density.density(np.array([0.85, 0.02, 0.03, 0.1])), ((T2, T1), (3.0, 4.0))
    for half, (t2, t1) in enumerate(times):
        flip = (1 - np.exp(-time / t1)) / 4
        phase = (1 - np.exp(-time / t2)) / 2 - flip
        gates = [density.on(gate, half, 2) for gate in density.PAULIS]
        state = density.mixture(state, gates, [1 - 2 * flip - phase, flip, flip, phase])
    rates = [memories.t1_t2(*each) for each in times]
    aged = decay(np.array([0.85, 0.02, 0.03, 0.1]), time, *rates)
    np.testing.assert_allclose(state, density.density(np.asarray(aged)), atol=1e-14)


def test_twirl_leaves_out_the_product_of_both_halves_decays() -> None:
    time, device = 0.2, qml.device("default.mixed", wires=2)

    @qml.qnode(device)
    def wait() -> Any:
        qml.Hadamard(0)
        qml.CNOT([0, 1])
        damped(time, T2, T1, 0)
        damped(time, 3.0, 4.0, 1)
        return [
            qml.expval(qml.PauliX(0) @ qml.PauliX(1)),
            qml.expval(qml.PauliZ(0) @ qml.PauliZ(1)),
        ]

    xx, zz = (float(value) for value in wait())
    x, _, z = np.exp(-time * np.add(memories.t1_t2(T2, T1), memories.t1_t2(3.0, 4.0)))
    assert xx == pytest.approx(x, rel=1e-12)
    gammas = (1 - np.exp(-time / T1)) * (1 - np.exp(-time / 4.0))
    assert zz == pytest.approx(z + gammas, rel=1e-12)


@pytest.mark.parametrize(
    ("memory", "t1"), [("depolarizing", np.inf), ("dephasing", np.inf), ("t1_t2", T1)]
)
def test_decay_multiplies_the_letters(memory: str, t1: float) -> None:
    pairs, rates = density.random_pairs(5), memories.MEMORIES[memory](T2, t1)
    aged = to_letters(decay(pairs, 0.3, rates, memories.depolarizing(2.0)))
    kept = np.exp(-0.3 * (np.array(rates) + 0.5))
    np.testing.assert_allclose(aged, np.asarray(to_letters(pairs)) * kept, rtol=1e-12)


def test_t1_without_end_is_dephasing() -> None:
    assert memories.t1_t2(T2, np.inf) == memories.dephasing(T2)


def test_rates_go_through_jax_transformations() -> None:
    slope = jax.grad(lambda t1: memories.t1_t2(1.0, t1)[2])(2.0)
    assert float(slope) == pytest.approx(-0.25)


def biased(coherence: Any, relaxation: Any) -> memories.Rates:
    """Phase errors along X: Y and Z fall, X lasts."""
    del relaxation
    return 0.0, 1 / coherence, 1 / coherence


def impossible(coherence: Any, relaxation: Any) -> memories.Rates:
    """A Z that falls more than twice as fast as X and Y."""
    del relaxation
    return 1 / coherence, 1 / coherence, 2.1 / coherence


def rising(coherence: Any, relaxation: Any) -> memories.Rates:
    """Letters that grow."""
    del relaxation
    return -1 / coherence, 1 / coherence, 1 / coherence


def pair(coherence: Any, relaxation: Any) -> Any:
    """Two rates."""
    return 1 / coherence, 1 / relaxation


def rates(name: str) -> Any:
    coherence = np.array([2.0, 4.0])
    return memories.decay_rates(name, coherence, np.full(2, np.inf))


def test_a_users_memory_is_taken_by_its_name() -> None:
    assert rates(f"{__name__}:biased").tolist() == [[0, 0], [0.5, 0.25], [0.5, 0.25]]


@pytest.mark.parametrize("name", ["impossible", "rising"])
def test_rates_of_no_noise_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="rates from zero to the sum of the other two"):
        rates(f"{__name__}:{name}")


def test_other_numbers_of_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="must return three rates: of X, Y and Z"):
        rates(f"{__name__}:pair")


def test_unknown_memory_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="memory 't1t2' is unknown; did you mean t1_t2"):
        memories.get("t1t2")


def test_t1_at_half_of_t2_is_possible_to_the_last_bit() -> None:
    t2 = np.array([0.1, 0.3, 7.7])
    np.testing.assert_allclose(memories.decay_rates("t1_t2", t2, t2 / 2)[2], 2 / t2)
