"""Predictions and gradients equal density matrices in PennyLane, noise included."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from pennylane import numpy as qnp

from ceas_gym.learning import circuit, pauli, pullback
from ceas_gym.learning.pauli import Program
from ceas_gym.types import Pulled

Simulate = Callable[..., Callable[[Any, NDArray[np.float64]], Any]]
Case = tuple[NDArray[np.float64], ...]
Wires = Sequence[int]

# --- Circuits of a user ---


def strongly_entangling(weights: Any, wires: Wires) -> None:
    qml.StronglyEntanglingLayers(weights, wires=wires)


def controlled(weights: Any, wires: Wires) -> None:
    """Gates that are taken apart, angles shared and shifted, constants that are not Clifford."""
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RX(2 * angles[0] - angles[1] + 0.3, wires=wire)
            qml.T(wires=wire)
            qml.PhaseShift(angles[1], wires=wire)
        qml.CRX(layer[0, 0], wires=[wires[0], wires[1]])
        qml.CRot(layer[1, 0], layer[0, 1], 0.4, wires=[wires[1], wires[0]])
    qml.Hadamard(wires=wires[0])


def ising(weights: Any, wires: Wires) -> None:
    """Rotations of pairs of qubits, in both orders of the wires."""
    for layer in weights:
        qml.IsingXX(layer[0, 0], wires=[wires[0], wires[1]])
        qml.IsingYY(layer[1, 0], wires=[wires[2], wires[0]])
        qml.IsingZZ(layer[2, 0], wires=[wires[1], wires[2]])
        qml.SX(wires=wires[1])
        qml.ISWAP(wires=[wires[2], wires[1]])
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[1], wires=wire)


def doubly_controlled(weights: Any, wires: Wires) -> None:
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
        qml.Toffoli(wires=[wires[0], wires[2], wires[1]])
        qml.ControlledPhaseShift(layer[3, 1], wires=[wires[3], wires[0]])
        qml.SingleExcitation(layer[0, 1], wires=[wires[1], wires[3]])
        qml.MultiRZ(layer[1, 1], wires=wires[:3])


CIRCUITS: dict[str, tuple[Callable[..., None], tuple[int, int, int]]] = {
    "strongly_entangling": (strongly_entangling, (2, 3, 3)),
    "controlled": (controlled, (1, 2, 2)),
    "ising": (ising, (2, 3, 2)),
    "doubly_controlled": (doubly_controlled, (1, 4, 2)),
    "hardware_efficient": (circuit.hardware_efficient, (2, 4, 2)),
}


@functools.cache
def program_of(name: str, dtype: str = "float64") -> Program:
    del dtype  # Each precision compiles a program of its own.
    shape = CIRCUITS[name][1]
    full = name if name in circuit.ANSATZE else f"{__name__}:{name}"
    return circuit.read_program(full, shape, observables=2)


@functools.cache
def pull_of(name: str, dtype: str = "float64") -> Callable[[jax.Array], Pulled]:
    return jax.jit(functools.partial(pullback.pull, program_of(name, dtype)))


# --- Against default.mixed ---


@pytest.fixture(scope="module")
def cases(simulate: Simulate) -> Callable[[str], list[Case]]:
    """Returns random (weights, noisy Pauli vector, values, derivatives by weight) of a circuit."""

    @functools.cache
    def of(name: str) -> list[Case]:
        ansatz, shape = CIRCUITS[name]
        random = np.random.default_rng(sum(map(ord, name)))
        depolarized = random.uniform(0.2, 1.0, shape[1])
        # Probabilities of I, X, Y and Z, so that every letter contracts in its own way.
        errors = random.dirichlet([4.0, 1.0, 1.0, 1.0], shape[1])
        return [_case(simulate, ansatz, shape, noise, random) for noise in (depolarized, errors)]

    return of


def _case(
    simulate: Simulate,
    ansatz: Callable[..., None],
    shape: tuple[int, int, int],
    noise: NDArray[np.float64],
    random: np.random.Generator,
) -> Case:
    qubits = shape[1]
    features = random.normal(size=qubits + 1)
    weights = random.normal(size=shape) * 2
    run = simulate(circuit.angle, ansatz, noise, [qml.Z(0), qml.Z(1)])
    jacobian: Any = qml.jacobian(lambda point: run(point, features))
    slopes = np.asarray(jacobian(qnp.array(weights, requires_grad=True)))
    states = circuit.encode("angle", features[None], qubits)
    arriving = pauli.pauli_vectors(states)[0] * _left_of_words(noise)
    return weights.ravel(), arriving, np.asarray(run(weights, features)), slopes.reshape(2, -1)


def _left_of_words(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the channels leave of each Pauli word."""
    # A Pauli error changes the sign of the letters that do not commute with it.
    signs = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    factors: Any = np.ones(1)
    for one in noise:
        factors = np.kron(factors, [1, one, one, one] if noise.ndim == 1 else one @ signs)
    return factors


def deviations(
    name: str, cases: Callable[[str], list[Case]], dtype: str
) -> tuple[list[float], list[float]]:
    """Returns the greatest error of the values and of the derivatives of each case."""
    program, pull = program_of(name, dtype), pull_of(name, dtype)
    values, slopes = [], []
    for weights, arriving, value, slope in cases(name):
        pulled = pull(jnp.asarray(weights, dtype))
        state = jnp.asarray(arriving, dtype)
        assert pulled.observables.dtype == dtype
        by_angle = jnp.einsum("p,opk->ok", state, pulled.derivatives)
        by_weight = by_angle @ jnp.asarray(program.jacobian, dtype)
        values.append(float(np.abs(np.asarray(pulled.observables @ state) - value).max()))
        slopes.append(float(np.abs(np.asarray(by_weight) - slope).max()))
    return values, slopes


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", CIRCUITS)
def test_equals_default_mixed(name: str, cases: Callable[[str], list[Case]]) -> None:
    values, slopes = deviations(name, cases, "float64")
    assert max(values) < 1e-10
    assert max(slopes) < 1e-10


@pytest.mark.parametrize("name", ["strongly_entangling", "controlled", "hardware_efficient"])
def test_equals_default_mixed_in_single_precision(
    name: str, cases: Callable[[str], list[Case]]
) -> None:
    values, slopes = deviations(name, cases, "float32")
    assert max(values) < 1e-6
    assert max(slopes) < 1e-6


@pytest.mark.usefixtures("exact")
def test_derivatives_equal_parameter_shift() -> None:
    program = circuit.read_program("hardware_efficient", (1, 2, 2), observables=2)
    observables = jax.jit(jax.vmap(functools.partial(pullback.observables, program)))
    weights = jnp.asarray(np.random.default_rng(3).normal(size=4))
    turns = jnp.pi / 2 * jnp.eye(4)
    halves = (observables(weights + turns) - observables(weights - turns)) / 2
    pulled = jax.jit(functools.partial(pullback.pull, program))(weights)
    assert float(jnp.abs(jnp.moveaxis(halves, 0, -1) - pulled.derivatives).max()) < 1e-12
    middle = observables(jnp.tile(weights, (4, 1)))[0]
    assert float(jnp.abs(middle - pulled.observables).max()) < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", ["strongly_entangling", "hardware_efficient"])
def test_pulled_observables_keep_their_norm_and_spectrum(name: str) -> None:
    program = program_of(name)
    weights = jnp.asarray(np.random.default_rng(4).normal(size=program.parameters))
    observables = np.asarray(pull_of(name)(weights).observables)
    assert (observables**2).sum(axis=1) == pytest.approx([1.0, 1.0], abs=1e-12)
    assert np.abs(observables[:, 0]).max() < 1e-12
    matrix = np.einsum("p,pij->ij", observables[1], pauli.words(program.qubits))
    half = 2 ** (program.qubits - 1)
    expected = [-1.0] * half + [1.0] * half
    assert np.linalg.eigvalsh(matrix) == pytest.approx(expected, abs=1e-12)


def test_one_program_serves_both_precisions() -> None:
    program = circuit.read_program("hardware_efficient", (1, 3, 2), observables=1)
    weights = np.random.default_rng(5).normal(size=6)
    single, double = (jax.jit(lambda at: pullback.observables(program, at)) for _ in range(2))
    with jax.enable_x64(True):
        exact = np.asarray(double(jnp.asarray(weights)))
    assert np.abs(np.asarray(single(jnp.asarray(weights, "float32"))) - exact).max() < 1e-6


# --- The test circuit of the physics sheet ---

FEATURES = np.array([0.3, -1.1, 0.7, 2.0])
WEIGHTS = 0.137 * (1 + 8 * np.arange(2)[:, None, None] + 2 * np.arange(4)[:, None] + np.arange(2))


def sheet_feature_map(features: Any, wires: Wires) -> None:
    for feature, wire in zip(features, wires, strict=True):
        qml.RY(feature, wires=wire)
    for wire in wires:
        qml.CNOT(wires=[wire, (wire + 1) % 4])
    for wire, feature in enumerate(features):
        qml.RZ(feature / 2, wires=wire)
        qml.RX(0.2 * (wire + 1), wires=wire)


def sheet_z0(weights: Any, wires: Wires) -> None:
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
            qml.RZ(angles[1], wires=wire)
        for first, second in ((0, 1), (1, 2), (2, 3)):
            qml.CNOT(wires=[first, second])
        qml.CZ(wires=[0, 3])


def sheet_z0z1(weights: Any, wires: Wires) -> None:
    """Turns Z0 Z1 into the Z0 that is read."""
    sheet_z0(weights, wires)
    qml.CNOT(wires=[1, 0])


def sheet_x1y3(weights: Any, wires: Wires) -> None:
    """Turns X1 Y3 into the Z0 that is read."""
    sheet_z0(weights, wires)
    qml.Hadamard(wires=1)
    qml.RX(np.pi / 2, wires=3)
    qml.CNOT(wires=[1, 3])
    qml.SWAP(wires=[0, 3])


def sheet_terms(name: str) -> NDArray[np.float64]:
    """Returns rho_P O_P of the circuit, for each Pauli word P."""
    program = circuit.read_program(f"{__name__}:{name}", (2, 4, 2), observables=1)
    observable = jax.jit(functools.partial(pullback.observables, program))
    states = circuit.encode(f"{__name__}:sheet_feature_map", FEATURES[None], 4)
    pulled = np.asarray(observable(jnp.asarray(WEIGHTS.ravel())))[0]
    return pauli.pauli_vectors(states)[0] * pulled


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("name", "spectrum", "values"),
    [
        (
            "sheet_z0",
            [0, -0.03723403918822, 0, 0, -0.25233501678370],
            [-0.289569055972, -0.199067639781, -0.156190343265, -0.061009302414],
        ),
        (
            "sheet_z0z1",
            [0, 0, -0.07613130131245, 0, 0],
            [-0.076131301312, -0.061666354063, -0.055423167371, -0.030149255273],
        ),
        (
            "sheet_x1y3",
            [0, -0.00018726592701, -0.10835144304959, -0.12119858516986, 0.00677226355610],
            [-0.222965030590, -0.171843694674, -0.131003795940, -0.076851446172],
        ),
    ],
)
def test_sheet_circuit(name: str, spectrum: list[float], values: list[float]) -> None:
    terms = sheet_terms(name)
    by_weight = np.bincount(pauli.letter_counts(4).sum(axis=1), terms)
    assert by_weight == pytest.approx(spectrum, abs=5e-14)
    noise = ([1.0] * 4, [0.9] * 4, [0.95, 0.8, 0.9, 0.7], [0.5, 0.6, 0.7, 0.8])
    noisy = [float(terms @ _left_of_words(np.array(contraction))) for contraction in noise]
    assert noisy == pytest.approx(values, abs=6e-13)


@pytest.mark.usefixtures("exact")
def test_sheet_gradient_is_not_contracted_by_a_scalar() -> None:
    program = circuit.read_program(f"{__name__}:sheet_z0", (2, 4, 2), observables=1)
    pulled = jax.jit(functools.partial(pullback.pull, program))(jnp.asarray(WEIGHTS.ravel()))
    states = circuit.encode(f"{__name__}:sheet_feature_map", FEATURES[None], 4)
    clean = pauli.pauli_vectors(states)[0]
    noisy = clean * 0.9 ** pauli.letter_counts(4).sum(axis=1)
    derivatives = np.asarray(pulled.derivatives)[0]
    before, after = clean @ derivatives, noisy @ derivatives
    # The angle theta[1, 0, 0] is number 8: its derivative grows under noise.
    assert (before[8], after[8]) == pytest.approx((0.017366505907, 0.037247942376), abs=6e-13)
    assert after[0] / before[0] == pytest.approx(0.849055, abs=5e-7)
    felt = np.abs(before) > 1e-12
    assert np.isclose(after[felt] / before[felt], 0.9**4, atol=1e-10).sum() > felt.sum() / 2
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert cosine == pytest.approx(0.996544036323, abs=6e-13)
