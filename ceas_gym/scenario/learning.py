"""Settings of the distributed quantum neural network."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ceas_gym.scenario.section import Count, Section, Seed

LARGEST_LABEL = 1_000_000
LONGEST_LABEL = 100


def _label(value: object) -> int | str:
    if type(value) is int and abs(value) <= LARGEST_LABEL:
        return value
    if isinstance(value, str) and 1 <= len(value) <= LONGEST_LABEL:
        return value
    raise PydanticCustomError("label", "is no label of a class")


Label = Annotated[
    int | str,
    PlainValidator(_label),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": -LARGEST_LABEL, "maximum": LARGEST_LABEL},
                {"type": "string", "minLength": 1, "maxLength": LONGEST_LABEL},
            ]
        }
    ),
]
"""A class, as the data set has it."""

BEST = "best"
"""Another word for the default placement."""
MOST_WEIGHTS = 512
"""Most weights of an ansatz. With so many, compilation takes about a minute; with twice as many, it
would take four minutes."""


def _unless_best(placement: object) -> object:
    return None if placement == BEST else placement


class LearningSettings(Section, frozen=True):
    """Data, circuit, loss and optimizer of the distributed quantum neural network."""

    scheme: str = "data"
    """How the neural network is split over the nodes. With `data`, every node runs the whole
    circuit, on its own samples. With `circuit`, `network.team_size` nodes run a circuit together,
    and teleport the gates between them. With `features`, each node of a team encodes a slice of the
    features."""
    communication: Literal["none", "quantum"] = "none"
    """With `features`: whether gates act between the slices. `none`: each slice has a circuit of
    its own, and their outcomes are added. `quantum`: one circuit with teleported gates."""
    placement: Annotated[
        tuple[Annotated[int, Field(ge=0, le=9)], ...] | None, BeforeValidator(_unless_best)
    ] = None
    """With `circuit`: which QPU of a team holds each qubit, from 0. By default, and with `best`, a
    placement is sought by which a shot takes fewest pairs."""
    qubits_per_qpu: Annotated[int, Field(ge=1, le=10)] | None = None
    """With `circuit`: the most qubits that a QPU may hold in the best placement. By default as few
    as possible: qubits over `network.team_size`, rounded up. Not used with a `placement` of your
    own."""
    dataset: str = "digits"
    """Name of the data set, or path of a file in CSV or of NumPy's (`.npz`). Handwritten digits are
    the usual small example for such classifiers. `docs/own-data-and-maps.md` says what a file must
    hold."""
    label_column: str | None = None
    """Column of a CSV file that holds the classes. With null it is the one named `label`, or else
    the last one."""
    classes: Annotated[tuple[Label, ...], Field(min_length=2, max_length=4)] = (3, 8)
    """Classes of the data set that are told apart, as whole numbers or text. If they are left out
    and the data set is a file, they are all of the file. The digits 3 and 8 look alike."""
    features: Annotated[int, Field(ge=1, le=64)] = 4
    """Number of principal components that enter the feature map."""
    data_seed: Seed = 0
    """Decides the split into training, validation and test samples."""
    qubits: Annotated[int, Field(ge=1, le=10)] = 4
    """Qubits of the circuit; with the scheme `data`, a shot takes as many pairs. What a round
    computes grows with the number of Pauli words that the readout can reach, at most 4^qubits:
    with the shipped ansatz, 82 for 4 qubits and 3 layers, and 183 for 8 qubits and 3 layers."""
    layers: Count = 3
    """Layers of the ansatz, which may have at most 512 parameters in all."""
    angles_per_qubit: Count = 2
    """The parameters of the ansatz have the shape (layers, qubits, angles_per_qubit), and each must
    change a gate. `hardware_efficient` takes 2; your own ansatz takes as many as it uses."""
    feature_map: str = "angle"
    """Name of the circuit that encodes a sample, at the hub; or at the QPUs, if gates between them
    are teleported. Then no gate of it may act between QPUs: `dense_angle` has no joint gates.
    Quantum data, such as the ground states of `cluster_ising`, need none: set it to `none`, and
    `features` has no effect."""
    ansatz: str = "hardware_efficient"
    """Name of the circuit whose parameters are trained, at the nodes."""
    estimator: Literal["cone", "all"] = "cone"
    """Angles among which the shots of the gradient are drawn. `cone`: only those that can change
    the readout, and no others are trained. `all`: all angles, which wastes shots on derivatives
    that are always zero."""
    slope_share: Annotated[float, Field(ge=0, le=0.9)] = 0.25
    """Share of a node's shots that measure its predictions, because the slope of the loss depends
    on their errors. With 0 the slope is taken as known, which is impossible in an experiment."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Number of samples that a node draws in a round."""
    partition: Literal["iid", "dirichlet"] = "iid"
    """How the training samples are shared among the nodes. With `iid`, each draws from all of them;
    with `dirichlet`, each has its own, with unequal shares of the classes."""
    dirichlet_concentration: Annotated[float, Field(ge=1e-3, le=1e6)] = 0.5
    """Concentration of the Dirichlet distribution, with `dirichlet`; a smaller one makes the nodes
    more unequal."""
    logit_scale: Annotated[float, Field(ge=1e-6, le=1e4)] = 2.0
    """Factor from expectation values to logits."""
    optimizer: str = "sgd"
    """Name of the optimizer, which runs at the hub."""
    learning_rate: Annotated[float, Field(ge=1e-6, le=1e3)] = 0.1
    """Learning rate of the optimizer; the default was chosen by training without noise and attack.
    A smaller one than allowed here would hardly change the last digit of 32 bits."""

    @model_validator(mode="after")
    def _check(self) -> "LearningSettings":
        weights = self.layers * self.qubits * self.angles_per_qubit
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"layers = {self.layers} of qubits = {self.qubits} with angles_per_qubit = "
                f"{self.angles_per_qubit} make {weights} weights, but at most {MOST_WEIGHTS} are "
                "compiled in reasonable time"
            )
        if self.label_column is not None and not self.dataset.lower().endswith(".csv"):
            raise ValueError(
                f"label_column = {self.label_column!r} is for CSV files, but dataset = "
                f"{self.dataset!r}"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes = {list(self.classes)} names a class twice")
        if len(self.classes) > max(2, self.qubits):
            raise ValueError(
                f"classes = {list(self.classes)} need as many qubits to read out, "
                f"but qubits = {self.qubits}"
            )
        return self
