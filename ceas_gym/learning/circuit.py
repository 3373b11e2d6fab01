"""The only module that uses PennyLane: it reads feature map and ansatz once, as lists of gates."""

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.pauli import Constant, Program, Rotation, Step, transfer_matrix
from ceas_gym.registry import calling, resolve
from ceas_gym.scenario.learning import MOST_WEIGHTS

if TYPE_CHECKING:
    from pennylane.operation import Operation

Circuit = Callable[[NDArray[np.float64], Sequence[int]], None]
"""A function of weights or features, in radians, and of the wires; it applies PennyLane's gates."""

ROTATIONS = {"RX": "X", "RY": "Y", "RZ": "Z", "IsingXX": "XX", "IsingYY": "YY", "IsingZZ": "ZZ"}
CONSTANTS = (
    *("CNOT", "CZ", "CY", "SWAP", "ISWAP", "Hadamard", "PauliX", "PauliY", "PauliZ", "S", "T"),
    *("SX", "Adjoint(S)", "Adjoint(T)", "Adjoint(SX)", "Identity", "GlobalPhase"),
)

GIVEN = {"ansatz": "weights", "feature map": "features"}
"""What a circuit is called with, by its kind."""
PROBES, PROBE_SPREAD = 8, 3.0
"""How many random points must give a circuit the same gates, and their spread in radians."""
MOST_GATES = 4096
"""Most gates of an ansatz. At most `MOST_WEIGHTS` of them may be rotations."""


def hardware_efficient(weights: NDArray[np.float64], wires: Sequence[int]) -> None:
    """Applies layers of RY and RZ on each qubit, entangled by a ring of CZ.

    Args:
        weights: Angles in radians, shape (layers, qubits, 2).
        wires: Labels of the qubits.

    Source:
        Kandala et al., Nature 549, 242 (2017), arXiv:1704.05018; here with RY, RZ and CZ.
    """
    import pennylane as qml

    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
            qml.RZ(angles[1], wires=wire)
        _ring(wires)


def angle(features: NDArray[np.float64], wires: Sequence[int]) -> None:
    """Encodes features as RY angles, as many per layer as qubits, with rings of CZ between layers.

    Args:
        features: Angles in radians, shape (features,).
        wires: Labels of the qubits.

    Source:
        Encoding in several layers as in data re-uploading, Perez-Salinas et al., Quantum 4, 226
        (2020), arXiv:1907.02085.
    """
    import pennylane as qml

    for start in range(0, len(features), len(wires)):
        if start:
            _ring(wires)
        for feature, wire in zip(features[start:], wires, strict=False):
            qml.RY(feature, wires=wire)


def dense_angle(features: NDArray[np.float64], wires: Sequence[int]) -> None:
    """Encodes features as angles of RY and RZ in turn, as many at once as qubits; no joint gates.

    So every QPU can encode the features of its own qubits.

    Args:
        features: Angles in radians, shape (features,).
        wires: Labels of the qubits.

    Source:
        Dense angle encoding: LaRose and Coyle, PRA 102, 032420 (2020), arXiv:2003.01695.
    """
    import pennylane as qml

    for number, feature in enumerate(features):
        layer, qubit = divmod(number, len(wires))
        (qml.RZ if layer % 2 else qml.RY)(feature, wires=wires[qubit])


def _ring(wires: Sequence[int]) -> None:
    import pennylane as qml

    pairs = list(zip(wires, [*wires[1:], wires[0]], strict=True))
    for pair in pairs if len(wires) > 2 else pairs[: len(wires) - 1]:
        qml.CZ(wires=pair)


ANSATZE: dict[str, Circuit] = {"hardware_efficient": hardware_efficient}
FEATURE_MAPS: dict[str, Circuit] = {"angle": angle, "dense_angle": dense_angle}


def encode(name: str, features: NDArray[np.float64], qubits: int) -> NDArray[np.complex128]:
    """Returns the state vectors that the feature map prepares from |0...0>.

    Args:
        name: Shipped feature map, or `module:function` called as `f(features, wires)`.
        features: Angles of each sample in radians, shape (samples, features).
        qubits: Number of qubits of the circuit.

    Returns:
        Amplitudes of normalised states, shape (samples, 2**qubits).

    Raises:
        ValueError: If the name is unknown, or the feature map raises an error or has a gate that
            is not allowed.
    """
    from pennylane.devices.qubit import apply_operation

    read = _reader("feature map", name, FEATURE_MAPS, qubits)

    def state(sample: NDArray[np.float64]) -> NDArray[np.complex128]:
        vector: Any = np.zeros((2,) * qubits, dtype=np.complex128)
        vector[(0,) * qubits] = 1.0
        for gate in read(sample):
            vector = apply_operation(gate, vector)
        return np.asarray(vector).reshape(-1)

    return np.stack([state(sample) for sample in features])


def feature_map(
    name: str, qubits: int
) -> Callable[[NDArray[np.float64]], list[tuple[object, ...]]]:
    """Returns a function of features that lists the gates of a feature map.

    Args:
        name: As for `encode`.
        qubits: Number of qubits of the circuit.

    Returns:
        The function. Each gate is its name, its wires, and its parameters in radians.

    Raises:
        ValueError: If the name is unknown; the function, if the feature map raises an error or has
            a gate that is not allowed.
    """
    read = _reader("feature map", name, FEATURE_MAPS, qubits)
    return lambda values: [
        (gate.name, tuple(gate.wires), *gate.parameters) for gate in read(values)
    ]


def read_program(name: str, shape: tuple[int, int, int], observables: int) -> Program:
    """Returns the ansatz as a list of gates, whose angles are affine functions of the weights.

    The circuit is read at one point, and once more for each weight, which gives the affine
    function. Further random points find any other dependence, which is an error.

    Args:
        name: Shipped ansatz, or `module:function` called as `f(weights, wires)`.
        shape: Shape of the weights: layers, qubits, angles per qubit.
        observables: Number of qubits read out in Z, from the first, in [1, qubits].

    Raises:
        ValueError: If the ansatz raises an error, a gate can't be decomposed, an angle is not
            affine in the weights, or there are too many gates.
    """
    qubits, size = shape[1], int(np.prod(shape))
    read = _reader("ansatz", name, ANSATZE, qubits)
    probes = PROBE_SPREAD * np.random.default_rng(0).normal(size=(PROBES, size))
    gates = read(probes[0].reshape(shape))
    _check_size(name, gates)
    layout = _layout(gates)

    def angles(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        found = read(weights.reshape(shape))
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


def _reader(
    kind: str, name: str, table: Mapping[str, Circuit], qubits: int
) -> Callable[[NDArray[np.float64]], list["Operation"]]:
    function = resolve(kind, name, table)

    def read(values: NDArray[np.float64]) -> list["Operation"]:
        with _given(kind, values.shape), calling(kind, name):
            gates = _decomposed(function, values, qubits)
        _check_gates(gates, qubits)
        return gates

    return read


@contextmanager
def _given(kind: str, shape: tuple[int, ...]) -> Generator[None, None, None]:
    # What a circuit raises is mostly due to the shape of what it is called with.
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{error}; its {GIVEN[kind]} have shape {shape}") from error


def _decomposed(function: Circuit, values: NDArray[np.float64], qubits: int) -> list["Operation"]:
    import pennylane as qml
    from pennylane.tape import make_qscript

    known = {*ROTATIONS, *CONSTANTS}
    tape = make_qscript(function)(values.copy(), range(qubits))
    with warnings.catch_warnings():
        # PennyLane only warns of a gate that it can't decompose; `_check_gates` raises an error.
        warnings.simplefilter("ignore")
        decomposed: Any = qml.decompose(tape, stopping_condition=lambda gate: gate.name in known)
    return decomposed[0][0].operations


def _check_gates(gates: list[Any], qubits: int) -> None:
    # Only the gates of `ROTATIONS` and `CONSTANTS` are known to `_steps`.
    known = {*ROTATIONS, *CONSTANTS}
    unknown = sorted({gate.name for gate in gates} - known)
    if unknown:
        raise ValueError(f"gates {unknown} can't be decomposed into {sorted(known)}")
    strange = {wire for gate in gates for wire in gate.wires} - set(range(qubits))
    if strange:
        raise ValueError(f"the circuit uses wires {sorted(strange)} beyond its {qubits} qubits")
    for gate in gates:
        if gate.parameters and not _is_number(gate.parameters[0]):
            raise ValueError(
                f"the angle of {gate.name} on wires {list(gate.wires)} must be a finite number, "
                f"but is {' '.join(str(gate.parameters[0]).split())[:40]}"
            )


def _is_number(angle: Any) -> bool:  # noqa: ANN401 - whatever a circuit gives
    array = np.asarray(angle)
    return array.shape == () and array.dtype.kind in "iuf" and bool(np.isfinite(array))


def _check_size(name: str, gates: list["Operation"]) -> None:
    rotations = sum(gate.name in ROTATIONS for gate in gates)
    if len(gates) > MOST_GATES or rotations > MOST_WEIGHTS:
        raise ValueError(
            f"ansatz {name!r} has {len(gates)} gates, {rotations} of them rotations, more than "
            f"the {MOST_GATES} and {MOST_WEIGHTS} that are compiled in reasonable time"
        )


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
