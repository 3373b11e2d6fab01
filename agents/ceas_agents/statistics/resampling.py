"""Resampling of seeds for the bootstrap, or of whole networks where seeds share them.

Seeds that are played on the same layout are not independent: they share its distances and its
memories. For an interval that holds for other networks, and not just for other seeds of these, the
layouts must be resampled, each with all of its seeds. There is no second stage that draws among the
seeds of a layout: the variation between seeds is already in the mean of a layout, and a second
stage would count it twice.

Source:
    Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8: of the two ways
    to resample hierarchical data, the one without replacement within groups comes closest to the
    data's variation.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

RESAMPLES = 9999
BATCH = 1000
"""Resamples that are held in memory at once."""
SEED = 0
"""Seed of the resampling, so that the same values always give the same interval."""
Groups = Int[np.ndarray, " seeds"]
"""Any number that identifies the group of each seed."""


class Means(NamedTuple):
    """Means of columns over the seeds, with their standard errors."""

    mean: Float[np.ndarray, "*resamples columns"]
    error: Float[np.ndarray, "*resamples columns"]


def check(values: Float[np.ndarray, "seeds columns"], groups: Groups | None) -> None:
    """Checks that the values can be resampled.

    Args:
        values: One row for each seed, at least one.
        groups: Group of each seed, or none.

    Raises:
        ValueError: If there is no value, not two axes, a value that is not finite, or not one
            group of each seed.
    """
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"intervals need finite numbers, one of each seed, not {values.tolist()}")
    if groups is not None and np.shape(groups) != values.shape[:1]:
        raise ValueError(f"{len(values)} seeds need as many groups, not {np.shape(groups)}")


def clusters(seeds: int, groups: Groups | None = None) -> Int[np.ndarray, " seeds"]:
    """Returns the cluster of each seed, numbered from zero; a cluster is resampled as a whole.

    A cluster is all seeds of a group. If there is one group only, each seed is a cluster: the
    interval then holds for that one network.

    Args:
        seeds: Number of seeds; at least 1.
        groups: Group of each seed, such as its layout; by default, all are in one.

    Example:
        >>> clusters(3), clusters(3, np.array([7, 2, 7])), clusters(2, np.array([5, 5]))
        (array([0, 1, 2]), array([1, 0, 1]), array([0, 1]))
    """
    if groups is None:
        return np.arange(seeds)
    found, place = np.unique(groups, return_inverse=True)
    return place if len(found) > 1 else np.arange(seeds)


def estimates(values: Float[np.ndarray, "seeds columns"], groups: Groups | None = None) -> Means:
    """Returns the mean of each column, and its standard error between clusters.

    If each cluster is one seed, this is the usual standard error, s / sqrt(n).

    Args:
        values: One row for each seed.
        groups: Group of each seed, or none.
    """
    one = np.ones((1, clusters(len(values), groups).max() + 1))
    found = _weighted(values, groups, one)
    return Means(found.mean[0], found.error[0])


def resampled(values: Float[np.ndarray, "seeds columns"], groups: Groups | None = None) -> Means:
    """Returns the mean and the standard error of every resample; all columns are resampled alike.

    Args:
        values: One row for each seed.
        groups: Group of each seed, or none.

    Returns:
        Arrays of shape (resamples, columns).
    """
    return _weighted(values, groups, _counts(int(clusters(len(values), groups).max()) + 1))


def draws(clusters: Int[np.ndarray, " seeds"]) -> Iterator[Int[np.ndarray, "resamples drawn"]]:
    """Yields the indices of the seeds in all resamples, a batch at a time.

    Args:
        clusters: From `clusters`. If they differ in size, so do the resamples, and those of the
            same size are in batches together.
    """
    order, sizes = np.argsort(clusters, kind="stable"), np.bincount(clusters)
    drawn = _indices(len(sizes))
    if sizes.min() == sizes.max():
        members = order.reshape(len(sizes), -1)
        for first in range(0, RESAMPLES, BATCH):
            rows = drawn[first : first + BATCH]
            yield members[rows].reshape(len(rows), -1)
        return
    parts = np.split(order, np.cumsum(sizes)[:-1])
    lengths = sizes[drawn].sum(axis=1)
    for length in np.unique(lengths):
        same = drawn[lengths == length]
        for first in range(0, len(same), BATCH):
            rows = same[first : first + BATCH]
            yield np.stack([np.concatenate([parts[one] for one in row]) for row in rows])


def _weighted(
    values: Float[np.ndarray, "seeds columns"],
    groups: Groups | None,
    counts: Float[np.ndarray, "resamples clusters"],
) -> Means:
    # Sums over clusters, each counted as often as it was drawn. The means are subtracted first, so
    # that no digits are lost in the squares.
    cluster, middle = clusters(len(values), groups), values.mean(axis=0)
    sizes = np.bincount(cluster).astype(float)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, cluster, values - middle)
    seeds = (counts @ sizes)[:, None]
    off = counts @ sums / seeds
    moments = counts @ sums**2, counts @ (sums * sizes[:, None]), (counts @ sizes**2)[:, None]
    squares = moments[0] - 2 * off * moments[1] + off**2 * moments[2]
    drawn = max(len(sizes), 2)
    spread = np.sqrt(np.maximum(squares, 0) * drawn / (drawn - 1))
    return Means(middle + off, spread / seeds)


@lru_cache(maxsize=4)
def _counts(number: int) -> Float[np.ndarray, "resamples clusters"]:
    rows = _indices(number) + number * np.arange(RESAMPLES)[:, None]
    return np.bincount(rows.ravel(), minlength=RESAMPLES * number).reshape(-1, number) * 1.0


def _indices(number: int) -> Int[np.ndarray, "resamples clusters"]:
    return np.random.default_rng(SEED).integers(0, number, (RESAMPLES, number))
