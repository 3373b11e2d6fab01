"""Records an episode window by window, in one compiled program."""

from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.rounds import Steps
from ceas_agents.policies import base
from ceas_agents.policies.base import Policy
from ceas_agents.policies.rollout import most_steps, until_the_end
from ceas_gym import dynamics, layouts
from ceas_gym.consensus import protocol
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.network import key_pool, teams
from ceas_gym.types import Gathered, Ledger, Memory, Params, Round, State, TimeStep

FATES = tuple(fate.name for fate in fields(Ledger))
"""What becomes of pairs, in the order of `Frames.fates`."""


class Look(NamedTuple):
    """What the network holds at one moment."""

    pairs: Int[Array, "nodes ages"]
    key: Float[Array, " nodes"]
    """Share of the key of a round, in [0, 1]."""
    fates: Int[Array, " fates"]
    """What became of the pairs of all nodes since the last barrier."""


class Barrier(NamedTuple):
    """What a step decided; all zero where no barrier fired."""

    counted: Bool[Array, " nodes"]
    weights: Float[Array, " nodes"]
    shots: Int[Array, " nodes"]
    late: Float[Array, ""]
    """Windows that the agreement takes from the next round."""
    exposed: Bool[Array, " members"]
    """Members that traps have exposed by the end of the step."""


class Kept(NamedTuple):
    """What is kept of a step."""

    metrics: dict[str, Array]
    clock: Int[Array, " 2"]
    """Windows of the budget that are over before the step, and after it."""
    looks: Look
    """Before the step, after each of its windows, and after its barrier: (windows + 2, ...)."""
    served: Float[Array, "windows nodes"]
    links: Int[Array, " edges"]
    barrier: Barrier
    byzantine: Bool[Array, " nodes"]
    quorum: Int[Array, ""]


@dataclass(frozen=True, kw_only=True)
class Frames:
    """An episode, frame by frame: the start, then the end of each window and of each barrier."""

    clock: Int[np.ndarray, " frames"]
    """Windows of the budget that are over."""
    is_barrier: Bool[np.ndarray, " frames"]
    """Whether the frame shows the end of a barrier."""
    pairs: Int[np.ndarray, "frames nodes ages"]
    """Stored pairs of hub and node, by age in windows."""
    key: Float[np.ndarray, "frames nodes"]
    """Share of the key of a round that a node holds, in [0, 1]."""
    served: Float[np.ndarray, "frames nodes"]
    """Share of a channel that a node got in the window, in [0, 1]."""
    links: Int[np.ndarray, "frames edges"]
    """Condition of each fibre: 0 is good, 1 degraded, 2 down."""
    fates: Int[np.ndarray, "frames fates"]
    """What became of the pairs of all nodes since the start, by `FATES`."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """An episode of a contestant."""

    frames: Frames
    barriers: Barrier
    """Arrays of NumPy, with the barriers as first axis."""
    metrics: Steps
    """Those of `evaluation.play.episodes`."""
    byzantine: Bool[np.ndarray, " nodes"]
    quorum: int
    """Least number of counted nodes with which the hub commits, at equal weights."""


def episode(contestant: Contestant, params: Params, seed: int) -> Episode:
    """Returns the episode of a seed, which is the one that `evaluation.play.episodes` plays.

    Args:
        contestant: Who plays; only the policy is used.
        params: From `evaluation.play.prepare`.
        seed: Decides everything random; in [0, infinity).
    """
    keys = randomness.keys([seed])
    kept, length = _play(base.as_pytree(contestant.policy), most_steps(params), params, keys)
    steps = jax.tree.map(lambda rows: rows[0, : length[0]], jax.device_get(kept))
    return _assembled(steps)


@partial(often, static_argnums=1)
def _play(
    policy: Partial, steps: int, params: Params, keys: Key[Array, " seeds"]
) -> tuple[Kept, Int[Array, " seeds"]]:
    return parallel.each(partial(_whole, policy, steps, params), keys)


def _whole(policy: Policy, steps: int, params: Params, key: Array) -> tuple[Kept, Array]:
    return until_the_end(policy, steps, params, key, partial(_keep, params))


def _keep(params: Params, before: State, after: State, timestep: TimeStep) -> Kept:
    params, happened = layouts.of(params, before), timestep.round
    assert happened is not None
    traps = after.trap_results
    nobody = jnp.zeros_like(params.consensus.members.is_byzantine)
    return Kept(
        metrics=play.metrics(before, after, timestep),
        clock=jnp.stack([before.clock, after.clock]),
        looks=_looks(params, before, after, happened),
        served=happened.schedule,
        links=before.conditions.link,
        barrier=_barrier(params, after, happened, nobody if traps is None else traps.exposed),
        byzantine=before.byzantine,
        quorum=protocol.quorum(params.consensus),
    )


def _barrier(params: Params, after: State, happened: Round, exposed: Array) -> Barrier:
    of_nodes = partial(teams.of_nodes, params.network.teams)
    return Barrier(
        counted=of_nodes(happened.received.counted),
        weights=of_nodes(happened.verdict.weights),
        shots=of_nodes(happened.delivery.shots),
        late=after.report.late,
        exposed=exposed,
    )


def _looks(params: Params, before: State, after: State, happened: Round) -> Look:
    # A step keeps only what its last window left, so its windows are played once more: with the
    # same random keys they are the same.
    heralding = dynamics.Keys(*jax.random.split(before.key, len(dynamics.Keys._fields))).heralding

    def window(held: Gathered, shares: Array) -> tuple[Gathered, Look]:
        key = jax.random.fold_in(heralding, held.window)
        held = dynamics.window(params, happened.links, held, shares, key)
        return held, _look(params, held.memory, held.ledger)

    start = _look(params, before.memory, before.gathered.ledger)
    looks = jax.lax.scan(window, before.gathered, happened.schedule)[1]
    end = _look(params, after.memory, happened.ledger)
    return jax.tree.map(_joined, start, looks, end)


def _look(params: Params, memory: Memory, ledger: Ledger) -> Look:
    key = key_pool.share_of_round(params.network.key, memory.key_bits)
    fates = jnp.stack([getattr(ledger, fate).sum() for fate in FATES])
    return Look(memory.pairs, key, fates)


def _joined(first: Array, middle: Array, last: Array) -> Array:
    return jnp.concatenate([first[None], middle, last[None]])


def _assembled(steps: Kept) -> Episode:
    fired = np.asarray(steps.metrics["fired"]) > 0
    return Episode(
        frames=_frames(steps, fired),
        barriers=jax.tree.map(lambda rows: rows[fired], steps.barrier),
        metrics={name: np.asarray(values) for name, values in steps.metrics.items()},
        byzantine=np.asarray(steps.byzantine)[0],
        quorum=int(np.asarray(steps.quorum)[0]),
    )


def _frames(steps: Kept, fired: Bool[np.ndarray, " steps"]) -> Frames:
    number, windows = steps.served.shape[:2]
    shown = np.ones((number, windows + 2), bool)
    # What a step begins with is what the one before it has ended with.
    shown[1:, 0], shown[:, -1] = False, fired
    is_barrier = np.zeros_like(shown)
    is_barrier[:, -1] = True
    begins, ends = np.asarray(steps.clock).T
    clock = begins[:, None] + np.arange(windows + 2)
    clock[:, -1] = ends
    served = np.pad(steps.served, ((0, 0), (1, 1), (0, 0)))
    links = np.broadcast_to(steps.links[:, None], (number, windows + 2, steps.links.shape[1]))
    return Frames(
        clock=clock[shown],
        is_barrier=is_barrier[shown],
        pairs=np.asarray(steps.looks.pairs)[shown],
        key=np.asarray(steps.looks.key)[shown],
        served=served[shown],
        links=links[shown],
        fates=_since_the_start(np.asarray(steps.looks.fates)[shown], is_barrier[shown]),
    )


def _since_the_start(
    fates: Int[np.ndarray, "frames fates"], is_barrier: Bool[np.ndarray, " frames"]
) -> Int[np.ndarray, "frames fates"]:
    # After a barrier they are counted anew.
    ended = np.where(is_barrier[:, None], fates, 0).cumsum(axis=0, dtype=np.int64)
    return fates + np.pad(ended[:-1], ((1, 0), (0, 0)))
