"""Splits, scaling and shards of the data."""

import math
from itertools import chain
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn import datasets
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from ceas_gym.learning import data
from ceas_gym.scenario import LearningSettings

HERE = __name__
COUNT = 300


def numbered() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two features; the first one numbers the samples, so that they can be told apart."""
    random = np.random.default_rng(0)
    classes = np.repeat([7, 1, 4], [150, 100, 50])
    # The number is small enough never to be clipped, and by far the first principal component.
    features = np.stack([np.arange(COUNT) * 1.0, random.normal(size=COUNT) * 1e-3], axis=1)
    return features.astype(np.float64), classes


def outlier_in_test() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The same, with one sample of the test split moved far out."""
    features, classes = numbered()
    features[members_of_splits()[2][0]] *= -1e3
    return features, classes


def settings(**changes: Any) -> LearningSettings:
    defaults: dict[str, Any] = {
        "dataset": f"{HERE}:numbered",
        "classes": (7, 1, 4),
        "features": 2,
        "qubits": 3,
    }
    return LearningSettings(**(defaults | changes))


def members_of_splits() -> list[NDArray[np.int64]]:
    """Returns the samples of the three splits: angles rise or fall with the sample's number."""
    parts = data.prepare(settings(features=1))
    angles = [part.features[:, 0] for part in parts]
    ranks = [np.searchsorted(np.sort(np.concatenate(angles)), part - 1e-12) for part in angles]
    # The first class is that of the lowest numbers.
    rises = parts[0].labels[np.argmin(angles[0])] == 0
    return [rank if rises else COUNT - 1 - rank for rank in ranks]


# --- Splits ---


def test_splits_are_disjoint_and_complete() -> None:
    training, validation, test = members_of_splits()
    assert (len(training), len(validation), len(test)) == (180, 60, 60)
    assert sorted(np.concatenate([training, validation, test]).tolist()) == list(range(COUNT))


def test_labels_belong_to_their_samples_and_count_from_zero() -> None:
    for members, part in zip(members_of_splits(), data.prepare(settings()), strict=True):
        expected = np.searchsorted([150, 250], members, side="right")
        assert part.labels.tolist() == expected.tolist()


def test_splits_are_stratified() -> None:
    for part, counts in zip(
        data.prepare(settings()), [(90, 60, 30), (30, 20, 10), (30, 20, 10)], strict=True
    ):
        assert np.bincount(part.labels).tolist() == list(counts)


def test_other_classes_are_left_out_and_labels_follow_the_asked_order() -> None:
    parts = data.prepare(settings(classes=(4, 7)))
    assert [np.bincount(part.labels).tolist() for part in parts] == [[30, 90], [10, 30], [10, 30]]


def test_same_seed_same_data() -> None:
    first, again = data.prepare(settings()), data.prepare(settings())
    other = data.prepare(settings(data_seed=1))
    for a, b in zip(first, again, strict=True):
        assert (a.features == b.features).all()
        assert (a.labels == b.labels).all()
    assert not np.allclose(first[0].features, other[0].features)


# --- Scale ---


@pytest.mark.parametrize("features", [2, 4, 10])
def test_components_and_scale_come_from_the_training_split(features: int) -> None:
    asked = LearningSettings(features=features)
    training, _, test = data.prepare(asked)
    raw, classes = load_digits(return_X_y=True)
    chosen = np.isin(classes, (3, 8))
    rest = _split_of_scikit_learn(classes[chosen] == 8)
    fitted = PCA(features, svd_solver="full").fit(raw[chosen][rest[0]])
    spread = fitted.transform(raw[chosen][rest[0]]).std(axis=0)
    for part, members in ((training, rest[0]), (test, rest[2])):
        angles = fitted.transform(raw[chosen][members]) / spread * np.pi / 4
        clipped = np.clip(angles, -np.pi / 2, np.pi / 2)
        assert np.abs(part.features - clipped).max() < 1e-9


def _split_of_scikit_learn(labels: NDArray[Any]) -> tuple[Any, Any, Any]:
    everything = np.arange(len(labels))
    rest, test = train_test_split(everything, test_size=0.2, random_state=0, stratify=labels)
    kept, validation = train_test_split(rest, test_size=0.25, random_state=0, stratify=labels[rest])
    return kept, validation, test


def test_test_samples_do_not_move_the_scale() -> None:
    before = data.prepare(settings(features=1))[0].features
    after = data.prepare(settings(features=1, dataset=f"{HERE}:outlier_in_test"))[0].features
    assert np.abs(before - after).max() < 1e-12


def test_angles_are_at_most_a_quarter_turn() -> None:
    for part in data.prepare(LearningSettings(features=8)):
        assert np.abs(part.features).max() <= np.pi / 2
        assert np.abs(part.features).max() > 1.0


# --- Shards ---


LABELS = np.random.default_rng(5).integers(0, 3, 500)


def owned(shards: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[list[int]]:
    return [row[:size].tolist() for row, size in zip(shards, sizes, strict=True)]


def test_iid_nodes_share_everything() -> None:
    shards, sizes = data.shards(settings(), LABELS, nodes=4)
    assert owned(shards, sizes) == [list(range(500))] * 4


@pytest.mark.parametrize("concentration", [0.5, 5.0])
def test_dirichlet_shards_partition_the_training_split(concentration: float) -> None:
    asked = settings(partition="dirichlet", dirichlet_concentration=concentration)
    shards, sizes = data.shards(asked, LABELS, nodes=6)
    members = list(chain.from_iterable(owned(shards, sizes)))
    assert sorted(members) == list(range(500))
    assert shards.shape == (6, sizes.max())


def test_node_left_with_nothing_gets_one_sample() -> None:
    asked = settings(partition="dirichlet", dirichlet_concentration=0.01)
    shards, sizes = data.shards(asked, LABELS, nodes=20)
    assert sizes.min() == 1
    extra = sizes.sum() - 500
    assert extra > 0
    members = list(chain.from_iterable(owned(shards, sizes)))
    assert set(members) == set(range(500))
    # All that is held twice is held by a node with that one sample.
    counts = np.bincount(members)
    alone = [shard[0] for shard in owned(shards, sizes) if len(shard) == 1]
    assert set(np.flatnonzero(counts > 1).tolist()) <= set(alone)


def skew(concentration: float) -> float:
    """Mean distance of the nodes' class mix from an equal one."""
    asked = settings(partition="dirichlet", dirichlet_concentration=concentration)
    shards, sizes = data.shards(asked, LABELS, nodes=10)
    mixes = [np.bincount(LABELS[shard], minlength=3) for shard in owned(shards, sizes)]
    return float(np.mean([np.abs(mix / mix.sum() - 1 / 3).sum() for mix in mixes]))


def test_smaller_concentration_makes_nodes_less_alike() -> None:
    assert skew(0.1) > skew(1.0) > skew(100.0)
    assert skew(1e5) < 0.1


def test_shards_belong_to_the_seed() -> None:
    asked = settings(partition="dirichlet")
    first, again = data.shards(asked, LABELS, 5)[0], data.shards(asked, LABELS, 5)[0]
    other = data.shards(settings(partition="dirichlet", data_seed=1), LABELS, 5)[0]
    assert (first == again).all()
    assert first.shape != other.shape or (first != other).any()


# --- Refusals ---


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": (7, 9)}, r"classes \[9\] do not occur"),
        ({"features": 3}, "features = 3, but .* has 2"),
        ({"dataset": "digit"}, "dataset 'digit' is unknown; did you mean digits"),
        ({"dataset": f"{HERE}:nothing"}, "can't be imported"),
    ],
)
def test_data_that_is_not_there(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        data.prepare(settings(**changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": (3, 3)}, "names a class twice"),
        ({"classes": (0, 1, 2), "qubits": 2}, "need as many qubits"),
        ({"classes": (0,)}, "classes"),
    ],
)
def test_settings_that_do_not_fit_each_other(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LearningSettings(**changes)


def test_digits_are_those_of_scikit_learn() -> None:
    samples, classes = data.digits()
    assert samples.shape == (1797, 64)
    assert sorted(set(classes.tolist())) == list(range(10))


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer"])
def test_bundled_sets_are_those_of_scikit_learn_in_other_units(name: str) -> None:
    raw, expected = getattr(datasets, f"load_{name}")(return_X_y=True)
    samples, classes = data.DATASETS[name]()
    np.testing.assert_array_equal(classes, expected)
    # Scale and origin of a measurement are free, nothing else is.
    for column, measured in enumerate(raw.T):
        assert np.corrcoef(measured, samples[:, column])[0, 1] == pytest.approx(1, abs=1e-12)
    if name == "iris":
        np.testing.assert_array_equal(samples, raw)
    else:
        np.testing.assert_allclose(samples.std(axis=0), 1, rtol=1e-12)


def test_gaussians_are_as_hard_as_they_say() -> None:
    samples, classes = data.gaussians()
    two = classes < 2
    guessed = np.where(samples[two, 0] > samples[two, 1], 0, 1)
    right = (guessed == classes[two]).mean()
    best = NormalDist().cdf(math.sqrt(2))
    assert best == pytest.approx(0.921, abs=5e-4)
    assert right == pytest.approx(best, abs=4 * math.sqrt(best * (1 - best) / two.sum()))
    centres = np.stack([samples[classes == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(centres, 2 * np.eye(4), atol=4 / math.sqrt(400))
