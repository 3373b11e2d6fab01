"""The gradients of the reference, as the nodes measure them, with the noise of their shots."""

from fractions import Fraction
from math import floor

import numpy as np
from scipy import stats

from ceas_gym.scenario import Scenario
from ceas_gym.types import Learning, Params, Split, State
from reference import remote, teams
from reference.barrier import arriving
from reference.learning import density, descend, expect, parts, slopes_of, teleport, weights
from reference.luck import Draws, Luck
from reference.network import Node
from reference.pairs import Array

MOST_REPEATS = 32
"""Greatest number of shots that measure one prediction."""


def learn(
    scenario: Scenario,
    params: Params,
    state: State,
    nodes: list[Node],
    luck: Luck,
    served: Fraction,
) -> Array:
    """Returns the nodes' momentum, shape (nodes, parameters): m <- mu m + (1 - mu) g.

    It is unchanged where a node had no shots to measure a gradient g.

    Args:
        scenario: Names the attack.
        params: The same scenario as arrays.
        state: State before the round.
        nodes: Nodes after the barrier.
        luck: Decides the minibatches and the outcomes of the shots.
        served: Share of the shots that Byzantine members serve, in [0, 1).

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333.
    """
    momentum, begun = np.array(state.workers.momentum), scenario.attack.onset_round or 0
    lies = "false_data" in scenario.attack.name and int(state.round) >= begun
    for k, node in enumerate(nodes):
        if not node.shots:
            continue
        false = floor(served * node.shots + Fraction(float(luck.rests[k]))) if lies else 0
        poisoned = bool(state.byzantine[k]) and scenario.attack.name == "label_flip"
        gradient = np.zeros(momentum[k].shape)
        for shots, wrong, draws in (
            (node.shots - false, poisoned, luck.true),
            (false, True, luck.false),
        ):
            if shots:
                part = estimate(params, state, k, node, shots, draws, wrong=wrong)
                gradient += shots / node.shots * part
        momentum[k] += (1 - params.consensus.momentum) * (gradient - momentum[k])
    return momentum


def estimate(
    params: Params, state: State, k: int, node: Node, shots: int, draws: Draws, *, wrong: bool
) -> Array:
    """Returns the gradient that node k measures with some shots, shape (parameters,).

    Args:
        params: The scenario as arrays.
        state: State before the round.
        k: Index of the node.
        node: The node, after the barrier.
        shots: At least 1.
        draws: Decides the minibatch and the outcomes of the shots.
        wrong: Whether each label is replaced by the next one.
    """
    learning, parameters, drawn = params.learning, state.model.parameters, draws.samples[k]
    batch = Split(learning.training.paulis[drawn], learning.training.labels[drawn])
    labels = (batch.labels + wrong) % len(learning.readout)
    rho, predict = density(learning, batch), expect
    if learning.scheme.sliced:
        slopes = slopes_of(learning, predict(learning, weights(learning, parameters), rho), labels)
        rho = arrive(params, k, node, rho)
        gradient = descend(learning, parameters, rho, slopes)
        return gradient + noise_of_slices(params, gradient, slopes, node, draws.normals[k])
    if learning.remote is not None:
        predict = remote.executed(params, k, node)
    else:
        rho = arrive(params, k, node, rho)
    expected = predict(learning, weights(learning, parameters), rho)
    seen, left = measure(learning, expected, shots, draws.luck_of_slopes[k])
    slopes = slopes_of(learning, seen, labels)
    gradient = descend(learning, parameters, rho, slopes, predict)
    return gradient + shot_noise(gradient, slopes, draws.normals[k]) / np.sqrt(left)


def arrive(params: Params, k: int, team: Node, rho: Array) -> Array:
    """Returns the data as they arrive at the QPUs of team k, shape (samples, dim, dim)."""
    members, first = teams.members(params.network)[k], 0
    for node, taken, size in zip(
        members, team.of_qpus or [team], params.network.teams.shot.data, strict=True
    ):
        errors = {pair: arriving(params.network, node, pair)[0] for pair in taken.spent}
        rho = teleport(rho, taken.spent, errors, range(first, first + size))
        first += size
    return rho


def noise_of_slices(
    params: Params, gradient: Array, slopes: Array, team: Node, normal: Array
) -> Array:
    """Returns the error of a gradient whose slices each have their own shots, (parameters,).

    Args:
        params: The scenario as arrays.
        gradient: Without shot noise.
        slopes: Of all slices, shape (samples, observables).
        team: Has the shots of every QPU.
        normal: Standard normal numbers, shape (parameters,).
    """
    noise, number = np.zeros(len(gradient)), len(team.of_qpus)
    own = slopes[:, : slopes.shape[1] // number]
    for node, mine in zip(team.of_qpus, parts(params.learning), strict=True):
        noise[mine] = shot_noise(gradient[mine], own, normal[mine]) / np.sqrt(node.shots)
    return noise


def measure(learning: Learning, expected: Array, shots: int, luck: Array) -> tuple[Array, int]:
    """Returns predictions measured with a share of the shots, and the number of the other shots.

    Args:
        learning: Has the share, in [0, 1].
        expected: Exact predictions in [-1, 1], shape (samples, observables).
        shots: Shots of the node, at least 1.
        luck: Uniform numbers in [0, 1), shape (samples, observables).
    """
    if learning.slope_share == 0:
        return expected, shots
    repeats = min(int(learning.slope_share * shots / expected.size), MOST_REPEATS)
    if repeats == 0:
        return np.zeros(expected.shape), shots
    # The count of the rarer outcome is drawn by inversion, as in the simulation.
    plus = (1 + expected) / 2
    rare = stats.binom.ppf(luck, repeats, np.minimum(plus, 1 - plus))
    ups = np.where(plus > 0.5, repeats - rare, rare)
    return 2 * ups / repeats - 1, shots - repeats * expected.size


def shot_noise(gradient: Array, slopes: Array, normal: Array) -> Array:
    """Returns the error of a gradient estimated from one shot, shape (parameters,).

    The shot draws a sample, an angle, a sign and an observable. Its outcome of +1 or -1 is scaled
    for all K angles and Q observables, so the estimate has the second moment K Q mean |slopes|^2 in
    each angle. Its covariance is this minus g g^T.

    Args:
        gradient: The mean g, shape (parameters,).
        slopes: From `slopes_of`, shape (samples, observables).
        normal: Standard normal numbers, shape (parameters,).

    Source:
        Sweke et al., Quantum 4, 314 (2020), arXiv:1910.01155 (doubly stochastic estimator). The
        covariance is our own derivation.
    """
    second = len(gradient) * slopes.shape[1] * (slopes**2).sum(axis=1).mean()
    covariance = second * np.eye(len(gradient)) - np.outer(gradient, gradient)
    values, vectors = np.linalg.eigh(covariance)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0.0))) @ vectors.T @ normal
