"""Resampling of seeds for the bootstrap, or of whole networks where seeds share them.

Seeds that are played on the same layout are not independent: they share its distances and its
memories. An interval that is to hold for other networks, and not just for other seeds of these, has
to resample the layouts, each with all of its seeds. No second stage draws among the seeds of a
layout: the luck of the seeds is already in a layout's mean, and drawing it again would count it
twice.

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
"""Resamples held in memory at once."""
SEED = 0
"""Of the resampling: the same values always give the same interval."""
Groups = Int[np.ndarray, " seeds"]


class Means(NamedTuple):
    """Means of columns over the seeds, with their standard errors."""

    mean: Float[np.ndarray, "*resamples columns"]
    error: Float[np.ndarray, "*resamples columns"]


def check(values: Float[np.ndarray, "seeds columns"], groups: Groups | None) -> None:
    """Makes sure that there is something to resample.

    Raises:
        ValueError: If there is no value, not two axes, a value that is not finite, or not one
            group of each seed.
    """
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"intervals need finite numbers, one of each seed, not {values.tolist()}")
    if groups is not None and np.shape(groups) != values.shape[:1]:
        raise ValueError(f"{len(values)} seeds need as many groups, not {np.shape(groups)}")


def clusters(seeds: int, groups: Groups | None = None) -> Int[np.ndarray, " seeds"]:
    """Returns what is resampled together: the number of every seed's cluster, from zero on.

    A cluster is all seeds of a group. Seeds that are all of one group are a cluster each: their
    interval holds for that one network.

    Args:
        seeds: How many there are.
        groups: Of each seed, such as its layout; by default, all of one.

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

    Of clusters of one seed, it is the usual one, s / sqrt(n).
    """
    one = np.ones((1, clusters(len(values), groups).max() + 1))
    found = _weighted(values, groups, one)
    return Means(found.mean[0], found.error[0])


def resampled(values: Float[np.ndarray, "seeds columns"], groups: Groups | None = None) -> Means:
    """Returns the same of every resample, all columns resampled alike."""
    return _weighted(values, groups, _counts(int(clusters(len(values), groups).max()) + 1))


def draws(clusters: Int[np.ndarray, " seeds"]) -> Iterator[Int[np.ndarray, "resamples drawn"]]:
    """Yields the places of the seeds in all resamples, a batch at a time.

    Args:
        clusters: From `clusters`. Where they differ in size, so do the resamples, and each is a
            batch of its own.
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
    for row in drawn:
        yield np.concatenate([parts[one] for one in row])[None]


def _weighted(
    values: Float[np.ndarray, "seeds columns"],
    groups: Groups | None,
    counts: Float[np.ndarray, "resamples clusters"],
) -> Means:
    # Sums over clusters that come so many times. With the means taken off first, no digits are
    # lost in the squares.
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
