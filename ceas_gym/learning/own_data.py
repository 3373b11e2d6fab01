"""What becomes of a user's own data set, told in one line."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ceas_gym import user_files
from ceas_gym.learning import data, encoding, files
from ceas_gym.scenario import LearningSettings


def described(settings: LearningSettings) -> str:
    """Returns how many samples there are, and how they are scaled, reduced and split.

    Args:
        settings: Data set, classes, number of features and seed.

    Returns:
        One line, which is empty for shipped data and quantum data.

    Raises:
        ValueError: As `data.prepare`.

    Example:
        >>> described(LearningSettings(dataset="digits"))
        ''
    """
    is_file = files.is_file(settings.dataset)
    is_own = is_file or ":" in settings.dataset
    if not is_own or settings.feature_map == encoding.NO_MAP:
        return ""
    chosen = data.choose(settings)
    columns = f"{chosen.samples.shape[1]} columns" + ", standardized" * is_file
    variances = _variances(chosen.training)
    kept = variances[: settings.features].sum() / variances.sum()
    training, validation, test = map(len, chosen.splits)
    components = f"{settings.features} principal component{'s' * (settings.features != 1)}"
    return (
        f"{settings.dataset}: {len(chosen.labels)} samples ({_counted(settings, chosen.labels)}) "
        f"of {columns}, reduced to {components} with {kept:.0%} of the variance; fitted on the "
        f"{training} training samples alone; {validation} are for validation and {test} for the "
        "test"
    )


def record(settings: LearningSettings) -> dict[str, object]:
    """Returns what a run keeps of a user's own data set, for JSON; nothing of any other.

    Args:
        settings: As for `described`.

    Raises:
        ValueError: As `described`.
    """
    line = described(settings)
    if not line:
        return {}
    if not files.is_file(settings.dataset):
        return {"data": line}
    digest = hashlib.sha256(user_files.contents(settings.dataset)).hexdigest()
    return {"data": line, "data_sha256": digest}


def _counted(settings: LearningSettings, labels: NDArray[np.int64]) -> str:
    numbers = np.bincount(labels, minlength=len(settings.classes)).tolist()
    counts = zip(numbers, settings.classes, strict=True)
    return ", ".join(f"{number} of class {name}" for number, name in counts)


def _variances(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    # Of all principal components, in descending order, each times the number of samples.
    values = np.linalg.svd(samples - samples.mean(axis=0), compute_uv=False)
    return np.asarray(values**2, np.float64)
