"""An upper bound on the information that any scheduler can deliver: a linear program.

It bounds the expected return under the reward `information`, given the true link conditions of all
rounds, and the coherence times of the hub's estimate, which that reward uses. It holds for all
schedulers, also for those that know these conditions in advance; only the outcomes of heralding are
unknown to them. It is a bound, not a policy: it divides the expected numbers of pairs, neglects
that key expires and that its pool is limited, counts attempts that a window's end would cut off,
and values stored pairs at a later barrier at what they are worth at the next one.

Why it is a bound: the expected number of pairs is at most linear in the channel-time, so the means
of any scheduler's choices satisfy the program's constraints. The information of a shot is convex in
the logarithm of its process fidelity, so pairs of different fidelity in one shot carry at most the
information that they carry in shots of equal pairs (Jensen's inequality), which is linear in their
numbers.

    maximise    sum_twk v_twk x_twk + v'_twk x'_twk
    subject to  sum_k passes_bk (x_twk + x'_twk + y_twk) <= channels_b,   x_twk, z_tk <= 1,
                sum_w pairs_tk x_twk + u_tk <= memories z_tk,
                sum_{s<=t} u_sk <= sum_{s<t} sum_w pairs_sk x'_swk, equal at the end,
                tag sum_{s<=t} z_sk <= sum_{s<=t} sum_w key_sk y_swk

where x is the channel-time of node k in window w of round t for data that is used at the next
barrier, x' that for data that is used later, and y that for key; z is the chance that the node has
a tag at the barrier, and u the stored pairs that it uses there. A channel-time stands for the mean
number of pairs that are used in this way; as luck decides both that number and whether there is a
tag, x is not limited by z. The value v of a whole channel is the one that CEAS computes
(`policies.planning`), under the true conditions, and v' is what is left of it one round later.
"""

from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from ceas_agents.policies import knowledge
from ceas_agents.policies.rollout import rollout
from ceas_gym import layouts
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.network import conditions, counts, forecast, key_pool
from ceas_gym.types import Network, Observation, Params, State, TimeStep

Numbers = NDArray[np.float64]


class Outlook(NamedTuple):
    """What a whole channel yields in a window of each round, under the true conditions."""

    pairs: Float[Array, "rounds nodes"]
    """Expected pairs of a window; at least 0."""
    key: Float[Array, "rounds nodes"]
    """Secret bits of a window; at least 0."""
    new: Float[Array, "rounds xyz nodes"]
    """Contraction of a new pair at its window's end, in [0, 1]."""
    decay: Float[Array, "rounds xyz nodes"]
    """Factor that a window in memory leaves of X, Y and Z, in [0, 1]."""


class Bound(NamedTuple):
    """The optimum of the program."""

    information: float
    """Bound on the mean return, in the unit of the reward `information`; at least 0."""
    data: Numbers
    """Channel-time for data that is used at the next barrier, as a share of a channel in [0, 1];
    shape (rounds, windows, nodes)."""
    later: Numbers
    """The same for data that is stored for a later barrier."""
    key: Numbers
    """The same for key."""
    tagged: Numbers
    """Chance to have a tag at the barrier, in [0, 1]; shape (rounds, nodes)."""


def bound(params: Params, key: Key[Array, ""]) -> Bound:
    """Returns a bound on the information that the episode of this random key delivers on average.

    Args:
        params: The scenario.
        key: Random key of the episode, as for `dynamics.reset`.

    Returns:
        The bound, and the channel-time in [0, 1] of the solution that attains it in the program.

    Raises:
        ValueError: If a step is a window, or pairs are spent on arrival, purified or verified, or
            wait at relays: the bound does not cover these.
        RuntimeError: If the solver fails.

    Example:
        >>> from ceas_gym import config, parameters
        >>> tiny = parameters.build(config.load("tiny", {"episode.rounds": 2}))
        >>> 0 < bound(tiny, jax.random.key(0)).information < 1
        True
    """
    params = layouts.chosen(params, layouts.number(params, key))
    network = params.network
    # At a relay, the pairs of a link can wait for a round in which the other link is better.
    barred = {
        "steps that are windows": params.by_window,
        "pairs that are spent on arrival": network.spends_on_arrival,
        "purification": network.operations.purification.__name__ != "none",
        "verification": network.verifies,
        "relays": network.routes.is_hop.shape[1] > 1,
        "teams of nodes (see `team_oracle`)": network.teams.size > 1,
    }
    if found := [name for name, present in barred.items() if present]:
        raise ValueError(f"the bound does not cover {', '.join(found)}; choose another scenario")
    outlook = often(foresee, static_argnums=1)(params, int(params.rounds), key)
    return _solve(params, outlook, np.asarray(_values(params.network, outlook), float))


def foresee(params: Params, rounds: int, key: Key[Array, ""]) -> Outlook:
    """Returns what channels yield in every round of the episode of this key; for use in `jit`.

    Args:
        params: The scenario, with the episode's layout.
        rounds: Rounds of the episode; at least 1.
        key: Random key of the episode.

    Returns:
        Numbers for each round, arrays of shape (rounds, ..., nodes).
    """
    network = params.network

    def record(before: State, after: State, timestep: TimeStep) -> Outlook:
        # Conditions do not depend on the schedule.
        del after, timestep
        links = conditions.links(network, before.conditions)
        # Attempts are not rounded down, so that this bounds the pairs of any share of a channel.
        make = network.generation
        tried = make.attempts_per_window * make.modes * links.success_probability
        pairs = jnp.where(network.routes.is_hop, tried, jnp.inf).min(axis=1)
        new = forecast.new_contraction(network, links)
        key_bits = key_pool.bits_per_pair(network.key, new) * pairs
        return Outlook(pairs, key_bits, new, links.decay[-1])

    return rollout(_nothing, rounds, params, key, record)


def _nothing(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    del observation, key
    return -jnp.ones((params.network.windows, params.network.nodes))


def _values(network: Network, outlook: Outlook) -> Float[Array, "2 rounds windows nodes"]:
    # Information of a whole channel's pairs, if used at the next barrier, and one round later.
    def at_barrier(new: Array, decay: Array, waited: Array) -> Array:
        stored = forecast.by_age(new, decay, network.windows) * waited[..., None]
        arriving = counts.fidelity(stored * network.operations.delivery_contraction[..., None])
        alive = counts.fidelity(stored) >= network.memories.cutoff_fidelity
        return jnp.where(alive, knowledge.pair_information(arriving, network.qubits), 0).T[::-1]

    following = jnp.concatenate([outlook.decay[1:], outlook.decay[-1:]])
    waited = jnp.stack([jnp.ones_like(following), following**network.windows])
    rounds = jax.vmap(at_barrier, in_axes=(0, 0, 0))
    per_pair = jax.vmap(rounds, in_axes=(None, None, 0))(outlook.new, outlook.decay, waited)
    return per_pair * outlook.pairs[:, None]


def _solve(params: Params, outlook: Outlook, values: Numbers) -> Bound:
    _, rounds, windows, nodes = values.shape
    sizes = [rounds * windows * nodes] * 3 + [rounds * nodes] * 2
    limits = _limits(params.network, outlook, values.shape)
    found = linprog(
        -np.concatenate([values.ravel(), np.zeros(sum(sizes[2:]))]),
        A_ub=sparse.bmat([blocks for blocks, _ in limits]).tocsr(),
        b_ub=np.concatenate([most for _, most in limits]),
        bounds=[(0, 1)] * sum(sizes[:4]) + [(0, None)] * sizes[4],
        method="highs",
    )
    if not found.success:
        raise RuntimeError(f"The program of the bound was not solved: {found.message}")
    data, later, key, tagged, _ = np.split(found.x, np.cumsum(sizes)[:-1])
    most = nodes * int(params.network.memories.per_link) / params.network.qubits * rounds
    shape = (rounds, windows, nodes)
    return Bound(
        information=float(-found.fun) / most,
        data=data.reshape(shape),
        later=later.reshape(shape),
        key=key.reshape(shape),
        tagged=tagged.reshape(rounds, nodes),
    )


def _limits(
    network: Network, outlook: Outlook, shape: tuple[int, ...]
) -> list[tuple[list[Any], Numbers]]:
    # Rows of blocks by variable (x, x', y, z, u), each with its right-hand side.
    _, rounds, windows, nodes = shape
    passes = _kron(sparse.eye(rounds * windows), np.asarray(network.switch.passes, float))
    same = sparse.eye(rounds * nodes)
    spread = _kron(sparse.eye(rounds), np.ones((windows, 1)), sparse.eye(nodes))
    so_far = _kron(np.tril(np.ones((rounds, rounds))), sparse.eye(nodes))
    before, in_all = so_far - same, _kron(np.ones((1, rounds)), sparse.eye(nodes))
    pairs, key = (
        sparse.csr_array(sparse.diags(np.asarray(rate, float).ravel())) @ spread.T
        for rate in (outlook.pairs, outlook.key)
    )
    channels = np.tile(np.asarray(network.switch.channels, float), rounds * windows)
    each, none = np.zeros(rounds * nodes), None
    limits = [
        ([passes, passes, passes, none, none], channels),
        ([pairs, none, none, -int(network.memories.per_link) * same, same], each),
        ([none, -before @ pairs, none, none, so_far], each),
        ([none, in_all @ pairs, none, none, -in_all], np.zeros(nodes)),
    ]
    if not network.unauthenticated_spend:
        limits.append(
            ([none, none, -so_far @ key, float(network.key.node_bits) * so_far, none], each)
        )
    return limits


def _kron(*factors: Any) -> sparse.csr_array:  # noqa: ANN401 - any matrices
    return sparse.csr_array(reduce(sparse.kron, factors))
