"""Data sets by name: split into three, reduced to a few angles, and shared among the nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import checks, files
from ceas_gym.registry import asked_by, calling, resolve
from ceas_gym.scenario import LearningSettings

Samples = tuple[NDArray[np.float64], NDArray[np.int64]]
Dataset = Callable[[], Samples]

TEST_SHARE = VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Part:
    """Samples of one split."""

    features: NDArray[np.float64]
    """Angles in [-pi/2, pi/2], in radians, shape (samples, features)."""
    labels: NDArray[np.int64]
    """Places in `learning.classes`, counted from zero, shape (samples,)."""


class Chosen(NamedTuple):
    """Samples of the chosen classes, before the reduction."""

    samples: NDArray[np.float64]
    """Standardized if they are of a file, shape (samples, raw features)."""
    labels: NDArray[np.int64]
    """Places in `learning.classes`, shape (samples,)."""
    splits: list[NDArray[np.int64]]
    """Indices of the training, validation and test split."""

    @property
    def training(self) -> NDArray[np.float64]:
        """Returns the samples of the training split."""
        return self.samples[self.splits[0]]


def digits() -> Samples:
    """Returns 1797 images of handwritten digits, shape (1797, 64), and their classes 0 to 9.

    A feature is the grey value of a pixel, in [0, 16].

    Source:
        Alpaydin and Kaynak (1998), as bundled with scikit-learn.
    """
    from sklearn.datasets import load_digits

    samples, classes = load_digits(return_X_y=True)
    return np.asarray(samples), np.asarray(classes)


def wine() -> Samples:
    """Returns 178 wines of three growers by 13 standardized measurements, shape (178, 13).

    The classes are 0 to 2.

    Source:
        Forina et al. (1988), as bundled with scikit-learn.
    """
    from sklearn.datasets import load_wine

    samples, classes = load_wine(return_X_y=True)
    return _standardized(samples, samples), np.asarray(classes)


def iris() -> Samples:
    """Returns 150 flowers of three species by four measurements in cm, shape (150, 4).

    The classes are 0 to 2.

    Source:
        Fisher, Annals of Eugenics 7, 179 (1936), as bundled with scikit-learn.
    """
    from sklearn.datasets import load_iris

    samples, classes = load_iris(return_X_y=True)
    return np.asarray(samples), np.asarray(classes)


def breast_cancer() -> Samples:
    """Returns 569 tumours by 30 standardized measurements, shape (569, 30).

    The classes are 0 for malignant and 1 for benign.

    Source:
        Street, Wolberg and Mangasarian (1993), as bundled with scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer

    samples, classes = load_breast_cancer(return_X_y=True)
    return _standardized(samples, samples), np.asarray(classes)


def gaussians() -> Samples:
    """Returns 400 generated samples of each of four classes, shape (1600, 4).

    Class k is normally distributed with unit covariance around the point 2 on axis k. The highest
    accuracy that is possible between two of the classes is therefore Phi(sqrt(2)) = 0.921.
    """
    classes = np.repeat(np.arange(4), 400)
    noise = np.random.default_rng(0).normal(size=(len(classes), 4))
    return 2.0 * np.eye(4)[classes] + noise, classes


DATASETS: dict[str, Dataset] = {
    "digits": digits,
    "wine": wine,
    "iris": iris,
    "breast_cancer": breast_cancer,
    "gaussians": gaussians,
}


def prepare(settings: LearningSettings) -> tuple[Part, Part, Part]:
    """Returns the training, validation and test split.

    Samples of other classes are left out. The columns of a file are standardized: zero mean and
    unit deviation. Means, deviations, principal components and their scale are fitted on the
    training split alone; only the standardization of `wine` and `breast_cancer` uses all samples. A
    component becomes an angle: two standard deviations are pi/2, and larger ones are clipped.

    Args:
        settings: Data set, classes, number of features and seed. The data set is a shipped name, a
            file that ends in `.csv` or `.npz` (`learning.files`), or `module:function` that returns
            samples, shape (samples, raw features), and their classes, shape (samples,), as integers
            or text.

    Returns:
        60, 20 and 20 % of the samples, with equal shares of each class.

    Raises:
        ValueError: If the data set is unknown or not one, a class does not occur or has too few
            samples, a column of a file is constant, or the training split has fewer principal
            components than features are asked for; it names the setting.

    Source:
        Principal components: Bishop, Pattern Recognition and Machine Learning, section 12.1.
    """
    chosen = choose(settings)
    angles = _angles(chosen.samples, chosen.splits[0], settings.features)
    training, validation, test = (Part(angles[m], chosen.labels[m]) for m in chosen.splits)
    return training, validation, test


def choose(settings: LearningSettings) -> Chosen:
    """Returns the samples of `learning.classes`, standardized if they are of a file, and the split.

    Args:
        settings: As for `prepare`.

    Raises:
        ValueError: As `prepare`.
    """
    with asked_by("learning.dataset"):
        table = _loaded(settings)
    chosen, labels = labels_of(settings, table.classes)
    with asked_by("learning.classes"):
        splits = _split(settings, labels)
    samples = table.samples[chosen]
    if files.is_file(settings.dataset):
        with asked_by("learning.dataset"):
            checks.check_columns(settings.dataset, table.columns, samples[splits[0]])
        samples = _standardized(samples, samples[splits[0]])
    with asked_by("learning.features"):
        checks.check_features(settings.dataset, settings.features, samples[splits[0]])
    return Chosen(samples, labels, splits)


def labels_of(
    settings: LearningSettings, classes: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Returns which samples are of `learning.classes`, and the labels of these.

    Args:
        settings: Classes that are told apart.
        classes: Class of each sample, shape (samples,).

    Returns:
        Flags, shape (samples,), and places in `learning.classes`, in [0, classes).

    Raises:
        ValueError: If a class does not occur.
    """
    with asked_by("learning.classes"):
        missing = [name for name in settings.classes if name not in classes.tolist()]
        if missing:
            raise ValueError(
                f"classes {missing} do not occur in dataset {settings.dataset!r}, which has "
                f"{files.listed(np.unique(classes).tolist())}"
            )
    chosen = np.isin(classes, settings.classes)
    labels = [settings.classes.index(label) for label in classes[chosen]]
    return chosen, np.array(labels, dtype=np.int64)


def shards(
    settings: LearningSettings, labels: NDArray[np.int64], nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns which training samples each node may draw, and how many they are.

    With `iid`, all nodes draw from the whole training split. With `dirichlet`, each class is
    divided among the nodes in proportions drawn from a Dirichlet distribution. A node that is left
    without samples gets one at random.

    Args:
        settings: Partition and its seed.
        labels: Labels of the training split, shape (samples,).
        nodes: Number of nodes; at least 1.

    Returns:
        Indices in [0, samples), padded with zeros, shape (nodes, largest shard), and the sizes of
        the shards, at least 1, shape (nodes,).

    Source:
        Hsu, Qi and Brown, arXiv:1909.06335. They draw the classes' proportions for each node; here
        the nodes' proportions are drawn for each class.
    """
    if settings.partition == "iid":
        everything = np.tile(np.arange(len(labels)), (nodes, 1))
        return everything, np.full(nodes, len(labels))
    random = np.random.default_rng([settings.data_seed, nodes])
    owned: list[list[int]] = [[] for _ in range(nodes)]
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        proportions = random.dirichlet(np.full(nodes, settings.dirichlet_concentration))
        cuts = (np.cumsum(proportions)[:-1] * len(members)).round().astype(int)
        for shard, part in zip(owned, np.split(members, cuts), strict=True):
            shard.extend(part.tolist())
    owned = [shard or [int(random.integers(len(labels)))] for shard in owned]
    sizes = np.array([len(shard) for shard in owned])
    padded = np.zeros((nodes, sizes.max()), dtype=np.int64)
    for row, shard in zip(padded, owned, strict=True):
        row[: len(shard)] = shard
    return padded, sizes


def _loaded(settings: LearningSettings) -> files.Table:
    name = settings.dataset
    if files.is_file(name):
        return files.read(name, settings.label_column)
    if "." in name and ":" not in name:
        raise ValueError(f"dataset {name!r} can't be read: a file ends in .csv or .npz")
    dataset = resolve("dataset", name, DATASETS)
    with calling("dataset", name):
        found = dataset()
    samples, classes = checks.samples(name, found)
    return files.Table((), samples, classes)


def _standardized(samples: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    # The measurements have different units; without this, PCA would see only the one with the
    # largest variance.
    return (samples - of.mean(axis=0)) / of.std(axis=0)


def _split(settings: LearningSettings, labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    # Indices of the training, validation and test split, each with the same shares of classes.
    from sklearn.model_selection import train_test_split

    def part(members: NDArray[np.int64], share: float) -> tuple[Any, Any]:
        kept, taken = train_test_split(
            members, test_size=share, random_state=settings.data_seed, stratify=labels[members]
        )
        return kept, taken

    try:
        rest, test = part(np.arange(len(labels)), TEST_SHARE)
        splits = [*part(rest, VALIDATION_SHARE / (1 - TEST_SHARE)), test]
    except ValueError:  # A class has fewer samples than there are splits.
        splits = []
    checks.check_splits(settings.dataset, settings.classes, labels, splits)
    return splits


def _angles(
    samples: NDArray[np.float64], training: NDArray[np.int64], features: int
) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    components = PCA(features, svd_solver="full").fit(samples[training]).transform(samples)
    scaled = components / (2 * components[training].std(axis=0))
    return np.clip(scaled, -1, 1) * np.pi / 2
