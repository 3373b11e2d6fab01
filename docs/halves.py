"""Data sets of eight features, four for each of two processors, with two classes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import data

HALF = 4
"""Features of a processor."""
EACH = 2000
"""Generated training samples, and as many test samples."""
TRAINING_SHARE = 0.6
"""Of the digits."""


class Split(NamedTuple):
    """Angles in [-pi/2, pi/2], in radians, shape (samples, 8), and labels 0 or 1."""

    training: NDArray[np.float64]
    training_labels: NDArray[np.int64]
    test: NDArray[np.float64]
    test_labels: NDArray[np.int64]


def clusters(seed: int) -> Split:
    """Returns normal clusters around corners of a cube of eight dimensions, two for each class.

    Args:
        seed: Decides corners, covariances and samples.

    Source:
        Guyon, Design of experiments for the NIPS 2003 variable selection benchmark, as in
        scikit-learn's `make_classification`.
    """
    from sklearn.datasets import make_classification

    features, labels = make_classification(
        2 * EACH, 2 * HALF, n_informative=2 * HALF, n_redundant=0, flip_y=0, random_state=seed
    )
    return _split(np.asarray(features), np.asarray(labels), EACH)


def products(seed: int) -> Split:
    """Returns uniform samples whose label is the sign of the inner product of their halves.

    Nothing that depends on one half alone tells the label better than a coin.

    Args:
        seed: Decides the samples.
    """
    features = np.random.default_rng(seed).uniform(-1, 1, (2 * EACH, 2 * HALF))
    labels = ((features[:, :HALF] * features[:, HALF:]).sum(axis=1) > 0).astype(int)
    angles = features * np.pi / 2
    return Split(angles[:EACH], labels[:EACH], angles[EACH:], labels[EACH:])


def digits(seed: int) -> Split:
    """Returns digits, of which each processor sees half; the label is whether a digit is odd.

    The features of a processor are the first four principal components of the left or of the right
    half of the image, fitted on the training samples.

    Args:
        seed: Decides the order of the images: the first 60 % are for training.

    Source:
        Alpaydin and Kaynak (1998), as bundled with scikit-learn.
    """
    from sklearn.decomposition import PCA

    pixels, classes = data.digits()
    order = np.random.default_rng(seed).permutation(len(classes))
    images, size = pixels[order].reshape(-1, 8, 8), round(TRAINING_SHARE * len(classes))
    parts = [half.reshape(len(order), -1) for half in np.split(images, 2, axis=2)]
    found = [PCA(HALF, svd_solver="full").fit(part[:size]).transform(part) for part in parts]
    return _split(np.concatenate(found, axis=1), classes[order] % 2, size)


DATASETS = {"clusters": clusters, "products": products, "digits": digits}


def _split(features: NDArray[np.float64], labels: NDArray[np.int64], size: int) -> Split:
    # Two standard deviations of the training samples are pi/2, and larger values are clipped.
    centre, spread = features[:size].mean(axis=0), features[:size].std(axis=0)
    angles = np.clip((features - centre) / (2 * spread), -1, 1) * np.pi / 2
    return Split(angles[:size], labels[:size], angles[size:], labels[size:])
