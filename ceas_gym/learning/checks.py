"""Checks of data and circuit: every setting must have an effect, and arrays must fit memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.files import listed
from ceas_gym.learning.pauli import Program

ANGLES_PER_QUBIT = {"hardware_efficient": 2}
"""Angles per qubit of each shipped ansatz; a user's own ansatz may use any number."""
ROUNDING = 1e-9
"""Derivatives of an angle by a weight count as zero up to this."""
NORMALISED = 1e-6
"""By how much the norm of a state may differ from one."""
FEWEST = 5
"""So many samples of each class are enough for three splits."""
MOST_NUMBERS = 2**27
"""Largest number of entries of an array: half a gigabyte in 32 bits."""


def check_angles_per_qubit(ansatz: str, angles_per_qubit: int) -> None:
    """Refuses a number of angles per qubit that a shipped ansatz does not take.

    Args:
        ansatz: A shipped name, or `module:function`, which may take any number.
        angles_per_qubit: Last side of the shape of the weights.

    Raises:
        ValueError: If the ansatz takes another number.

    Example:
        >>> check_angles_per_qubit("hardware_efficient", 3)
        Traceback (most recent call last):
        ...
        ValueError: ansatz 'hardware_efficient' takes 2 angles per qubit, not 3
    """
    taken = ANGLES_PER_QUBIT.get(ansatz, angles_per_qubit)
    if taken != angles_per_qubit:
        raise ValueError(
            f"ansatz {ansatz!r} takes {taken} angles per qubit, not {angles_per_qubit}"
        )


def check_weights(ansatz: str, program: Program, shape: tuple[int, int, int]) -> None:
    """Refuses weights that no gate of an ansatz depends on: training would never move them.

    Args:
        ansatz: What the message calls it.
        program: From `circuit.read_program`.
        shape: Shape of the weights: layers, qubits, angles per qubit.

    Raises:
        ValueError: If there are any; it names the first by layer, qubit and angle.
    """
    is_used = (np.abs(program.jacobian) > ROUNDING).any(axis=0)
    unused = np.argwhere(~is_used.reshape(shape)).tolist()
    if unused:
        more = f" and {len(unused) - 1} more" if unused[1:] else ""
        raise ValueError(
            f"no gate of ansatz {ansatz!r} depends on weights{unused[0]}{more}, of shape "
            f"(layers, qubits, angles per qubit) = {shape}"
        )


def samples(dataset: str, found: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:  # noqa: ANN401
    """Returns as arrays what a user's data set returned.

    Args:
        dataset: What the message calls it.
        found: What it returned, of any type.

    Returns:
        Samples, shape (samples, features), and their classes, shape (samples,).

    Raises:
        ValueError: If it did not return such samples and classes, or a sample is not finite.

    Example:
        >>> samples("mine:data", ([[1, 2], [3, 4]], [0, 1]))[0].shape
        (2, 2)
    """
    form = f"dataset {dataset!r} must return (samples, classes)"
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise ValueError(f"{form}, but returned a {type(found).__name__}")
    try:
        values, classes = np.asarray(found[0]), np.asarray(found[1])
    # Rows may differ in length, and a user's own objects may raise any error.
    except Exception as error:
        raise ValueError(f"{form} as arrays, but they are none: {error}") from error
    if values.ndim != 2 or classes.shape != values.shape[:1]:
        raise ValueError(
            f"{form} of shapes (samples, features) and (samples,), "
            f"but returned {values.shape} and {classes.shape}"
        )
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ValueError(f"{form} with finite numbers as samples")
    return values, classes


def states(
    dataset: str,
    found: Any,  # noqa: ANN401
    qubits: int,
) -> tuple[NDArray[np.complex128], NDArray[Any], NDArray[Any]]:
    """Returns as arrays what a user's quantum data set returned.

    Args:
        dataset: What the message calls it.
        found: What it returned, of any type.
        qubits: Number of qubits of the states.

    Returns:
        Amplitudes, shape (samples, 2**qubits), and the class and the group of each, (samples,).

    Raises:
        ValueError: If it did not return such arrays, or a state is not normalised.
    """
    form = f"dataset {dataset!r} must return (amplitudes, classes, groups)"
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise ValueError(f"{form}, but returned a {type(found).__name__}")
    try:
        amplitudes, classes, groups = (np.asarray(each) for each in found)
    # As in `samples`.
    except Exception as error:
        raise ValueError(f"{form} as arrays, but they are none: {error}") from error
    shapes = [each.shape for each in (amplitudes, classes, groups)]
    number = shapes[0][:1]
    if shapes != [(*number, 2**qubits), number, number] or not number:
        raise ValueError(
            f"{form} of shapes (samples, {2**qubits}), (samples,) and (samples,), but returned "
            f"{', '.join(map(str, shapes))}"
        )
    if amplitudes.dtype.kind not in "iufc" or not np.isfinite(amplitudes).all():
        raise ValueError(f"{form} with finite numbers as amplitudes")
    norms = np.linalg.norm(amplitudes, axis=1)
    if not np.allclose(norms, 1, atol=NORMALISED):
        worst = int(np.abs(norms - 1).argmax())
        raise ValueError(
            f"{form} of normalised states, but state {worst} has norm {norms[worst]:g}"
        )
    return amplitudes.astype(np.complex128), classes, groups


def check_splits(
    dataset: str,
    classes: Sequence[int | str],
    labels: NDArray[np.int64],
    splits: Sequence[NDArray[np.int64]],
) -> None:
    """Refuses data of which some split lacks a class.

    Args:
        dataset: What the message calls it.
        classes: Names of the classes.
        labels: Place of each sample's class in `classes`, shape (samples,).
        splits: Indices of the samples of each split; none if there is no such split.

    Raises:
        ValueError: If a split lacks a class; it names the class with the fewest samples.
    """
    if splits and all(len(set(labels[each])) == len(classes) for each in splits):
        return
    counts = np.bincount(labels, minlength=len(classes))
    rarest = int(counts.argmin())
    raise ValueError(
        f"class {classes[rarest]!r} of dataset {dataset!r} has {counts[rarest]} of "
        f"{len(labels)} samples, too few for training, validation and test; give at least "
        f"{FEWEST} of each class"
    )


def check_columns(dataset: str, columns: Sequence[str], training: NDArray[np.float64]) -> None:
    """Refuses columns that have the same value in all training samples: they tell nothing.

    Args:
        dataset: What the message calls it.
        columns: Names of the columns.
        training: Samples of the training split, shape (samples, columns).

    Raises:
        ValueError: If there are any; it names them.

    Example:
        >>> check_columns("data.csv", ["a", "b"], np.array([[0.0, 1.0], [2.0, 1.0]]))
        Traceback (most recent call last):
        ...
        ValueError: data.csv: column 'b' is the same in all training samples; take it out
    """
    same = [name for name, each in zip(columns, training.T, strict=True) if np.ptp(each) == 0]
    if same:
        many = "s" * (len(same) > 1)
        raise ValueError(
            f"{dataset}: column{many} {listed(same)} {'are' if many else 'is'} the same in all "
            f"training samples; take {'them' if many else 'it'} out"
        )


def check_features(dataset: str, features: int, training: NDArray[Any]) -> None:
    """Refuses more features than the training samples have principal components.

    Their number is the rank of the centred samples: the number of singular values above a
    tolerance. The tolerance is the one of `numpy.linalg.matrix_rank` for the samples before
    centring: their largest singular value, times the longer side of the array, times the precision
    of its numbers. A smaller component would be rounding noise, scaled up to full angles.

    Args:
        dataset: What the message calls it.
        features: Number of features asked for.
        training: Samples before any reduction, shape (samples, raw features).

    Raises:
        ValueError: If there are fewer components; it says how many.

    Source:
        The tolerance: Press et al., Numerical Recipes, 3rd edition (2007), page 795.

    Example:
        >>> check_features("mine:line", 2, np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]))
        Traceback (most recent call last):
        ...
        ValueError: features = 2, but the training split of 'mine:line' has 1 principal component; \
set features to 1 at most
    """
    kind = training.dtype if training.dtype.kind == "f" else np.dtype(np.float64)
    values = training.astype(np.float64)
    rounding = np.linalg.norm(values, 2) * max(values.shape) * np.finfo(kind).eps
    most = int(np.linalg.matrix_rank(values - values.mean(axis=0), tol=rounding))
    if features > most:
        remedy = f"set features to {most} at most" if most else "its samples are all alike"
        raise ValueError(
            f"features = {features}, but the training split of {dataset!r} has {most} "
            f"principal component{'s' * (most != 1)}; {remedy}"
        )


def check_size(what: str, *sides: int) -> None:
    """Refuses an array that would not fit memory.

    Args:
        what: What the message calls the array.
        sides: Sides of the array, as in its shape.

    Raises:
        ValueError: If it has more than 2^27 numbers.

    Example:
        >>> check_size("samples of 6 qubits", 100_000, 4**6)
        Traceback (most recent call last):
        ...
        ValueError: samples of 6 qubits take 409600000 numbers, more than the 134217728 that fit
    """
    numbers = int(np.prod(sides, dtype=object))
    if numbers > MOST_NUMBERS:
        raise ValueError(f"{what} take {numbers} numbers, more than the {MOST_NUMBERS} that fit")
