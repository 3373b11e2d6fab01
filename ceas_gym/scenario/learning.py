"""Settings of the distributed quantum neural network."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.section import Count, Positive, Section, Seed


class LearningSettings(Section, frozen=True):
    """Data, circuit, loss and optimizer of the distributed quantum neural network."""

    dataset: str = "digits"
    classes: Annotated[tuple[int, ...], Field(min_length=2, max_length=4)] = (3, 8)
    features: Annotated[int, Field(ge=1, le=64)] = 4
    """Principal components that enter the feature map."""
    data_seed: Seed = 0
    """Decides the split into training, validation and test samples."""
    qubits: Count = 4
    layers: Count = 3
    angles_per_qubit: Count = 2
    """The weights of the ansatz have the shape (layers, qubits, angles_per_qubit)."""
    feature_map: str = "angle"
    ansatz: str = "hardware_efficient"
    batch_size: Count = 16
    """Samples a node draws in a round."""
    partition: Literal["iid", "dirichlet"] = "iid"
    dirichlet_concentration: Positive = 0.5
    logit_scale: Positive = 2.0
    """Logits are this times the expectation values."""
    optimizer: str = "sgd"
    learning_rate: Positive = 0.1

    @model_validator(mode="after")
    def _check(self) -> "LearningSettings":
        if self.qubits > 6:
            raise ValueError(
                f"qubits = {self.qubits} is above 6, the most that Pauli vectors of 4^qubits "
                "entries can carry"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes = {list(self.classes)} names a class twice")
        if len(self.classes) > max(2, self.qubits):
            raise ValueError(
                f"classes = {list(self.classes)} need as many qubits to read out, "
                f"but qubits = {self.qubits}"
            )
        return self
