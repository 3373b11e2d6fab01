"""What is refused of data and circuits: settings without effect, arrays that fit no memory."""

from typing import Any

import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ceas_gym import config
from ceas_gym.learning import checks, data, setup
from ceas_gym.scenario import LearningSettings

HERE = __name__
PRIME = 2**31 - 1
SMALL: dict[str, Any] = {"qubits": 2, "layers": 2, "features": 2, "batch_size": 4}


def settings(**changes: Any) -> LearningSettings:
    return LearningSettings(**SMALL | changes)


def refusal(**changes: Any) -> str:
    """Returns what is said when the learning half is built."""
    with pytest.raises(ValueError, match="learning") as caught:
        setup.build(settings(**changes), teams=3)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Features ---


def exact_rank(matrix: NDArray[np.int64]) -> int:
    """Returns the rank by elimination in whole numbers, modulo a prime."""
    rows = [[int(value) % PRIME for value in row] for row in matrix]
    rank = 0
    for column in range(matrix.shape[1]):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][column], -1, PRIME)
        top = [value * inverse % PRIME for value in rows[rank]]
        for row in range(rank + 1, len(rows)):
            if factor := rows[row][column]:
                rows[row] = [(a - factor * b) % PRIME for a, b in zip(rows[row], top, strict=True)]
        rank += 1
    return rank


def training_digits(classes: tuple[int, ...]) -> NDArray[np.int64]:
    raw, labels = load_digits(return_X_y=True)
    raw, labels = raw[np.isin(labels, classes)], labels[np.isin(labels, classes)]
    everything = np.arange(len(labels))
    rest, _ = train_test_split(everything, test_size=0.2, random_state=0, stratify=labels)
    kept, _ = train_test_split(rest, test_size=0.25, random_state=0, stratify=labels[rest])
    return raw[kept].astype(np.int64)


def test_digits_have_as_many_features_as_their_rank() -> None:
    training = training_digits((3, 8))
    # Centred and in whole numbers.
    rank = exact_rank(len(training) * training - training.sum(axis=0))
    assert rank == 53
    parts = data.prepare(LearningSettings(features=rank))
    assert parts[0].features.shape[1] == rank
    for features in (rank + 1, 64):
        with pytest.raises(ValueError, match=r"learning\.features") as error:
            data.prepare(LearningSettings(features=features))
        assert str(error.value) == (
            f"learning.features: features = {features}, but the training split of 'digits' "
            "has 53 principal components; set features to 53 at most"
        )


def of_rank(rank: int, kind: type = np.float64, offset: float = 0.0) -> NDArray[Any]:
    random = np.random.default_rng(rank)
    factors = random.normal(size=(100, rank)), random.normal(size=(rank, 20))
    return (factors[0] @ factors[1] + offset).astype(kind)


def flat() -> data.Samples:
    """Twenty measurements in a space of five dimensions."""
    return of_rank(5), np.repeat([3, 8], 50)


def of_half_width() -> data.Samples:
    """The same in 32 bits, of which rounding makes full rank."""
    return of_rank(5, np.float32), np.repeat([3, 8], 50)


def far_off() -> data.Samples:
    """The same in 64 bits far from the origin, where rounding is coarse."""
    return of_rank(5, offset=1e9), np.repeat([3, 8], 50)


def few() -> data.Samples:
    """Ten samples, of which six are trained on, of forty measurements."""
    return np.random.default_rng(0).normal(size=(10, 40)), np.repeat([3, 8], 5)


def constant() -> data.Samples:
    return np.full((100, 3), 0.1), np.repeat([3, 8], 50)


@pytest.mark.parametrize(
    ("name", "most"), [("flat", 5), ("of_half_width", 5), ("far_off", 5), ("few", 5)]
)
def test_a_data_set_of_the_users_has_no_more_features_than_it_can(name: str, most: int) -> None:
    dataset = f"{HERE}:{name}"
    angles = data.prepare(LearningSettings(dataset=dataset, features=most))[0].features
    assert np.linalg.matrix_rank(angles - angles.mean(axis=0), rtol=1e-6) == most
    assert refusal(dataset=dataset, features=most + 1) == (
        f"learning.features: features = {most + 1}, but the training split of {dataset!r} "
        f"has {most} principal components; set features to {most} at most"
    )


def test_samples_that_are_all_alike_have_no_feature() -> None:
    assert refusal(dataset=f"{HERE}:constant", features=1).endswith(
        "has 0 principal components; its samples are all alike"
    )


@pytest.mark.parametrize(("name", "most"), [("wine", 13), ("iris", 4), ("gaussians", 4)])
def test_shipped_sets_have_as_many_features_as_measurements(name: str, most: int) -> None:
    classes = {"dataset": name, "classes": (0, 1)}
    data.prepare(LearningSettings(features=most, **classes))
    with pytest.raises(ValueError, match=f"has {most} principal components"):
        data.prepare(LearningSettings(features=most + 1, **classes))


# --- Data sets of the user's that are none ---


def ragged() -> Any:
    return [[1.0, 2.0], [3.0]], [3, 8]


def lonely() -> Any:
    return np.ones((4, 2))


def nothing() -> Any:
    return None


def longer() -> Any:
    return np.ones((4, 2)), np.array([3, 8, 3])


def holed() -> Any:
    return np.array([[1.0, np.nan]] * 10), np.repeat([3, 8], 5)


def worded() -> Any:
    return np.array([["1", "2"]] * 10), np.repeat([3, 8], 5)


def lazy() -> Any:
    raise FileNotFoundError("no file data.npz")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ragged", "must return (samples, classes) as arrays"),
        ("lonely", "must return (samples, classes), but returned a ndarray"),
        ("nothing", "must return (samples, classes), but returned a NoneType"),
        ("longer", "but returned (4, 2) and (3,)"),
        ("holed", "must return (samples, classes) with finite numbers as samples"),
        ("worded", "must return (samples, classes) with finite numbers as samples"),
        ("lazy", "raised FileNotFoundError: no file data.npz"),
    ],
)
def test_what_is_no_data_set_is_named(name: str, said: str) -> None:
    message = refusal(dataset=f"{HERE}:{name}")
    assert message.startswith(f"learning.dataset: dataset '{HERE}:{name}' ")
    assert said in message


def test_a_class_with_too_few_samples_is_named() -> None:
    assert refusal(dataset=f"{HERE}:few", classes=(3, 9)).startswith(
        "learning.classes: classes [9]"
    )


# --- Angles and features that nothing depends on ---


def one_each(weights: Any, wires: Any) -> None:
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RY(angles[0], wires=wire)
        qml.CZ(wires=wires[:2])


def cancelled(weights: Any, wires: Any) -> None:
    one_each(weights, wires)
    qml.RX((weights[0, 0, 0] + weights[1, 1, 1]) - weights[1, 1, 1], wires=wires[0])
    qml.RX(weights[0, 0, 1] + weights[0, 1, 1] - weights[1, 0, 1], wires=wires[0])


def phased(weights: Any, wires: Any) -> None:
    one_each(weights, wires)
    qml.GlobalPhase(weights[..., 1:].sum(), wires=wires)


@pytest.mark.parametrize("angles", [1, 3, 4])
def test_the_shipped_ansatz_takes_two_angles_per_qubit(angles: int) -> None:
    assert refusal(angles_per_qubit=angles) == (
        "learning.angles_per_qubit: ansatz 'hardware_efficient' takes 2 angles per qubit, "
        f"not {angles}"
    )


def test_an_ansatz_of_the_users_takes_what_it_uses() -> None:
    program = setup.build(settings(ansatz=f"{HERE}:one_each", angles_per_qubit=1), 3).program
    # One of the four is outside the light cone of the readout.
    assert (program.parameters, program.angles) == (3, 3)


@pytest.mark.parametrize(
    ("name", "angles", "first", "more"),
    [
        ("one_each", 2, [0, 0, 1], " and 3 more"),
        ("phased", 2, [0, 0, 1], " and 3 more"),
        ("cancelled", 2, [1, 1, 1], ""),
    ],
)
def test_angles_that_no_gate_uses_are_named(
    name: str, angles: int, first: list[int], more: str
) -> None:
    assert refusal(ansatz=f"{HERE}:{name}", angles_per_qubit=angles) == (
        f"learning.angles_per_qubit: no gate of ansatz '{HERE}:{name}' depends on weights{first}"
        f"{more}, of shape (layers, qubits, angles per qubit) = (2, 2, {angles})"
    )


def first_two(features: Any, wires: Any) -> None:
    for feature, wire in zip(features, wires, strict=False):
        qml.RY(feature, wires=wire)


def of_magnitude(features: Any, wires: Any) -> None:
    qml.RY(abs(features[0]), wires=wires[0])
    if features[1] > 0:
        qml.PauliX(wires=wires[1])


def test_features_that_no_gate_uses_are_named() -> None:
    asked = {"feature_map": f"{HERE}:first_two", "features": 4}
    assert refusal(**asked) == (
        f"learning.features: no gate of feature map '{HERE}:first_two' depends on features [2, 3]"
    )


@pytest.mark.parametrize("name", ["first_two", "of_magnitude"])
def test_features_that_are_used_are_taken(name: str) -> None:
    assert setup.build(settings(feature_map=f"{HERE}:{name}"), 3).batch_size == 4


# --- Which setting is named ---


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"dataset": "digit"}, "learning.dataset: dataset 'digit' is unknown"),
        ({"feature_map": "angel"}, "learning.feature_map: feature map 'angel' is unknown"),
        ({"ansatz": "hardware"}, "learning.ansatz: ansatz 'hardware' is unknown"),
        ({"optimizer": "sdg"}, "learning.optimizer: optimizer 'sdg' is unknown"),
        ({"classes": (3, 11)}, "learning.classes: classes [11] do not occur"),
    ],
)
def test_the_setting_that_is_wrong_is_named_once(changes: dict[str, Any], start: str) -> None:
    message = refusal(**changes)
    assert message.startswith(start)
    assert message.count("learning.") == 1


# --- Sizes ---


@pytest.mark.parametrize(
    "changes",
    [{"layers": 10**9}, {"layers": 65}, {"angles_per_qubit": 10**9}, {"layers": 43, "qubits": 6}],
)
def test_circuits_that_would_never_compile_are_refused(changes: dict[str, int]) -> None:
    overrides = {f"learning.{name}": value for name, value in changes.items()}
    with pytest.raises(
        config.ScenarioError, match="weights, but at most 512 are compiled"
    ) as error:
        config.load("small", overrides)
    assert "learning.layers = " in str(error.value)
    with pytest.raises(ValidationError, match="weights, but at most 512"):
        LearningSettings.model_validate(changes)


def test_the_largest_circuit_is_allowed() -> None:
    assert LearningSettings(layers=64).layers == 64


def endless(weights: Any, wires: Any) -> None:
    one_each(weights, wires)
    for _ in range(5000):
        qml.Hadamard(wires=wires[0])


def winding(weights: Any, wires: Any) -> None:
    for turn in range(600):
        qml.RX(weights.sum() / (1 + turn), wires=wires[0])


@pytest.mark.parametrize("name", ["endless", "winding"])
def test_an_ansatz_of_too_many_gates_is_refused(name: str) -> None:
    message = refusal(ansatz=f"{HERE}:{name}", angles_per_qubit=1)
    assert message.startswith(f"learning.ansatz: ansatz '{HERE}:{name}' has ")
    assert "more than" in message


def many() -> data.Samples:
    return np.random.default_rng(0).normal(size=(200_000, 2)), np.repeat([3, 8], 100_000)


def test_arrays_that_do_not_fit_are_refused() -> None:
    crowd: dict[str, Any] = {"dataset": f"{HERE}:many"}
    assert refusal(**crowd, qubits=10).startswith("learning.dataset: encoded samples take 20480000")
    with pytest.raises(
        ValueError, match=r"^learning\.batch_size: the teams' encoded batches take "
    ):
        setup.build(settings(batch_size=10_000, estimator="all"), teams=50_000)
    with pytest.raises(ValueError, match=r"^the draws take 3000000000000000000000 numbers"):
        checks.check_size("the draws", 10**9, 3 * 10**12)
