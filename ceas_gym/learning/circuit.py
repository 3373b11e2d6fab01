"""The door to PennyLane: feature map and ansatz as its functions, read once, never run again."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.pauli import Constant, Program, Rotation, Step, transfer_matrix
from ceas_gym.names import resolve

if TYPE_CHECKING:
    from pennylane.operation import Operation

Ansatz = Callable[[NDArray[np.float64], Sequence[int]], None]
FeatureMap = Callable[[NDArray[np.float64], Sequence[int]], None]

ROTATIONS = {"RX": "X", "RY": "Y", "RZ": "Z", "IsingXX": "XX", "IsingYY": "YY", "IsingZZ": "ZZ"}
CONSTANTS = (
    *(
        "CNOT",
        "CZ",
        "CY",
        "SWAP",
        "ISWAP",
        "Hadamard",
        "PauliX",
        "PauliY",
        "PauliZ",
        "S",
        "T",
        "SX",
    ),
    *("Adjoint(S)", "Adjoint(T)", "Adjoint(SX)", "Identity", "GlobalPhase"),
)

PROBES, PROBE_SPREAD = 8, 3.0
"""Random weights, and their spread in radians, at which a circuit must have the same form."""


def hardware_efficient(weights: NDArray[np.float64], wires: Sequence[int]) -> None:
    """Applies layers of RY and RZ on each qubit, entangled by a ring of CZ.

    Args:
        weights: Angles in radians, shape (layers, qubits, 2).
        wires: Qubits.

    Source:
        Kandala et al., Nature 549, 242 (2017).
    """
    import pennylane as qml

    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
            qml.RZ(angles[1], wires=wire)
        _ring(wires)


def angle(features: NDArray[np.float64], wires: Sequence[int]) -> None:
    """Encodes features as RY angles, a layer a qubit's worth, with a ring of CZ between layers.

    Args:
        features: Angles in radians, shape (features,).
        wires: Qubits.

    Source:
        Angle encoding with data re-uploading, Perez-Salinas et al., Quantum 4, 226 (2020).
    """
    import pennylane as qml

    for start in range(0, len(features), len(wires)):
        if start:
            _ring(wires)
        for feature, wire in zip(features[start:], wires, strict=False):
            qml.RY(feature, wires=wire)


def _ring(wires: Sequence[int]) -> None:
    import pennylane as qml

    pairs = list(zip(wires, [*wires[1:], wires[0]], strict=True))
    for pair in pairs if len(wires) > 2 else pairs[: len(wires) - 1]:
        qml.CZ(wires=pair)


ANSATZE: dict[str, Ansatz] = {"hardware_efficient": hardware_efficient}
FEATURE_MAPS: dict[str, FeatureMap] = {"angle": angle}


def encode(name: str, features: NDArray[np.float64], qubits: int) -> NDArray[np.complex128]:
    """Returns the state vectors that the feature map prepares from |0...0>.

    Args:
        name: Shipped feature map, or `module:function` called as `f(features, wires)`.
        features: Angles of each sample, shape (samples, features).
        qubits: Width of the circuit.

    Returns:
        Amplitudes, shape (samples, 2**qubits).
    """
    from pennylane.devices.qubit import apply_operation

    feature_map = resolve("feature map", name, FEATURE_MAPS)

    def state(sample: NDArray[np.float64]) -> NDArray[np.complex128]:
        vector: Any = np.zeros((2,) * qubits, dtype=np.complex128)
        vector[(0,) * qubits] = 1.0
        for gate in _read(feature_map, sample, qubits):
            vector = apply_operation(gate, vector)
        return np.asarray(vector).reshape(-1)

    return np.stack([state(sample) for sample in features])


def read_program(name: str, shape: tuple[int, int, int], observables: int) -> Program:
    """Returns the ansatz as a Pauli-transfer program.

    The circuit is read as a tape at one point and once more for each weight, which gives its
    angles as an affine function of the weights; any other dependence is an error, found at
    further random points.

    Args:
        name: Shipped ansatz, or `module:function` called as `f(weights, wires)`.
        shape: Layers, qubits, angles per qubit: the shape of the weights.
        observables: Number of qubits read out in Z, from the first.

    Raises:
        ValueError: If a gate can't be decomposed, or an angle is not affine in the weights.
    """
    ansatz = resolve("ansatz", name, ANSATZE)
    qubits, size = shape[1], int(np.prod(shape))
    probes = PROBE_SPREAD * np.random.default_rng(0).normal(size=(PROBES, size))
    gates = _read(ansatz, probes[0].reshape(shape), qubits)
    layout = _layout(gates)

    def angles(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        found = _read(ansatz, weights.reshape(shape), qubits)
        if _layout(found) != layout:
            raise ValueError(f"ansatz {name!r}: its gates depend on the weights")
        return _angles(found)

    base = angles(probes[0])
    columns = [angles(probes[0] + unit) - base for unit in np.eye(size)]
    jacobian = np.stack(columns, axis=1) if base.size else np.zeros((0, size))
    offset = base - jacobian @ probes[0]
    for probe in probes[1:]:
        if not np.allclose(angles(probe), jacobian @ probe + offset, atol=1e-9):
            raise ValueError(f"ansatz {name!r}: an angle is not an affine function of the weights")
    return Program(qubits, observables, _steps(gates), jacobian, offset)


def _read(
    function: Callable[..., None], values: NDArray[np.float64], qubits: int
) -> list["Operation"]:
    # The circuit's gates: rotations, and constants on at most two wires.
    import pennylane as qml
    from pennylane.tape import make_qscript

    known = {*ROTATIONS, *CONSTANTS}
    tape = make_qscript(function)(values, range(qubits))
    with warnings.catch_warnings():
        # What PennyLane can't decompose it leaves as it is, with a warning; here it is an error.
        warnings.simplefilter("ignore")
        decomposed: Any = qml.decompose(tape, stopping_condition=lambda gate: gate.name in known)
    gates = decomposed[0][0].operations
    unknown = sorted({gate.name for gate in gates} - known)
    if unknown:
        raise ValueError(f"gates {unknown} can't be decomposed into {sorted(known)}")
    strange = {wire for gate in gates for wire in gate.wires} - set(range(qubits))
    if strange:
        raise ValueError(f"the circuit uses wires {sorted(strange)} beyond its {qubits} qubits")
    return gates


def _layout(gates: list["Operation"]) -> list[tuple[str, tuple[object, ...]]]:
    return [(gate.name, tuple(gate.wires)) for gate in gates]


def _angles(gates: list["Operation"]) -> NDArray[np.float64]:
    values: list[Any] = [gate.parameters[0] for gate in gates if gate.name in ROTATIONS]
    return np.array(values, dtype=np.float64)


def _steps(gates: list["Operation"]) -> tuple[Step, ...]:
    import pennylane as qml

    steps: list[Step] = []
    count = 0
    for gate in gates:
        labels: Any = gate.wires
        wires = tuple(int(label) for label in labels)
        if gate.name in ROTATIONS:
            steps.append(Rotation(ROTATIONS[gate.name], wires, count))
            count += 1
        elif wires:
            matrix: Any = qml.matrix(gate)
            steps.append(Constant(transfer_matrix(np.asarray(matrix)), wires))
    return tuple(steps)
