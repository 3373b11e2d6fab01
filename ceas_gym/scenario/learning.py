"""Settings of the distributed quantum neural network."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.section import Count, Section, Seed

Label = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]

MOST_WEIGHTS = 512
"""Of the ansatz: with so many, compiling takes about a minute, and four times that with twice as
many."""


class LearningSettings(Section, frozen=True):
    """Data, circuit, loss and optimizer of the distributed quantum neural network."""

    scheme: str = "data"
    """How the network is split over the nodes: with `data`, every node runs the whole circuit, on
    samples of its own."""
    dataset: str = "digits"
    """Samples and classes: handwritten digits are the usual small example of such classifiers."""
    classes: Annotated[tuple[Label, ...], Field(min_length=2, max_length=4)] = (3, 8)
    """Of the data set; 3 and 8 are alike."""
    features: Annotated[int, Field(ge=1, le=64)] = 4
    """Principal components that enter the feature map."""
    data_seed: Seed = 0
    """Decides the split into training, validation and test samples."""
    qubits: Annotated[int, Field(ge=1, le=6)] = 4
    """Of a node's register, and pairs that a shot takes. Pauli vectors have 4^qubits entries."""
    layers: Count = 3
    """Of the ansatz, which has at most 512 weights in all."""
    angles_per_qubit: Count = 2
    """The weights of the ansatz have the shape (layers, qubits, angles_per_qubit), and a gate has
    to depend on each. `hardware_efficient` takes 2; an ansatz of your own, as many as it uses."""
    feature_map: str = "angle"
    """Circuit that encodes a sample, at the hub."""
    ansatz: str = "hardware_efficient"
    """Circuit with the weights that are trained, at the nodes."""
    estimator: Literal["cone", "all"] = "cone"
    """Of the gradient: which angles its shots are drawn among. `cone` are those that can move the
    read-out, and no others are trained; `all` wastes shots on angles whose derivative is zero."""
    slope_share: Annotated[float, Field(ge=0, le=0.9)] = 0.25
    """Of a node's shots, that measure its predictions, whose errors the slope of the loss depends
    on. With 0 the slope is taken as known, which no experiment can do."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Samples a node draws in a round."""
    partition: Literal["iid", "dirichlet"] = "iid"
    """How the training samples are dealt to the nodes: `iid`, each draws from all of them."""
    dirichlet_concentration: Annotated[float, Field(ge=1e-3, le=1e6)] = 0.5
    """Of the classes' proportions at a node, with `dirichlet`; smaller is more unequal."""
    logit_scale: Annotated[float, Field(ge=1e-6, le=1e4)] = 2.0
    """Logits are this times the expectation values."""
    optimizer: str = "sgd"
    """What takes the step, at the hub."""
    learning_rate: Annotated[float, Field(ge=1e-6, le=1e3)] = 0.1
    """Fixed on training without noise and attack. Shorter steps than allowed here are hardly one in
    the last digit of 32 bits."""

    @model_validator(mode="after")
    def _check(self) -> "LearningSettings":
        weights = self.layers * self.qubits * self.angles_per_qubit
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"layers = {self.layers} of qubits = {self.qubits} with angles_per_qubit = "
                f"{self.angles_per_qubit} make {weights} weights, but at most {MOST_WEIGHTS} are "
                "compiled in reasonable time"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes = {list(self.classes)} names a class twice")
        if len(self.classes) > max(2, self.qubits):
            raise ValueError(
                f"classes = {list(self.classes)} need as many qubits to read out, "
                f"but qubits = {self.qubits}"
            )
        return self
