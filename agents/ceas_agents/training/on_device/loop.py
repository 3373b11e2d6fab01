"""A whole training as one function of its state: play, update, again.

The functions are for use in `jit`; `begin_compiled`, `learn_compiled` and `of_seeds_compiled` are
compiled ones.
"""

from typing import Any, NamedTuple, Protocol

import jax
from jaxtyping import Array, Float, PyTree, UInt32

from ceas_agents.policies.node_network import Layers
from ceas_agents.training.on_device.rollout import Episodes
from ceas_gym.jax_utils import parallel
from ceas_gym.jax_utils.fast_compile import often


class Report(NamedTuple):
    """What updates tell, with the updates as first axis."""

    episodes: Episodes
    explained_variance: Float[Array, " updates"]
    """Share of the variance of returns that the critic foresaw, at most 1; NaN without one."""


class Setup(Protocol):
    """What is learned on, and how: fixed when the program is compiled.

    A learner is any pytree of all that changes in a training, so that a run which goes on with it
    is the same, bit for bit.
    """

    @property
    def length(self) -> int:
        """Returns the steps of each row that an update takes, at least 1."""
        ...

    def begin(self, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Any:  # noqa: ANN401
        """Returns a learner before its first update.

        Args:
            params: Parameters of the environment.
            rows: Environments stepped together, at least 1.
            seed: Row i begins with the episode of `seed + i`; it also decides the weights.
        """
        ...

    def one(self, params: PyTree, learner: Any) -> tuple[Any, Report]:  # noqa: ANN401
        """Returns the learner after one update, and what it tells.

        Args:
            params: Parameters of the environment.
            learner: Before the update.
        """
        ...

    def layers(self, learner: Any) -> Layers:  # noqa: ANN401
        """Returns the layers of the agent that has been learned so far.

        Args:
            learner: After any number of updates.
        """
        ...


def begin(setup: Setup, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Any:  # noqa: ANN401
    """Returns a learner before its first update; arguments as for `Setup.begin`."""
    return setup.begin(params, rows, seed)


def learn(setup: Setup, params: PyTree, learner: Any, updates: int) -> tuple[Any, Report]:  # noqa: ANN401
    """Returns the learner after some updates, and what they tell.

    Args:
        setup: What is learned on, and how.
        params: Parameters of the environment.
        learner: Before these updates.
        updates: How many, at least 1; each takes `setup.length` steps of every row.
    """
    return jax.lax.scan(lambda each, _: setup.one(params, each), learner, length=updates)


def of_seeds(
    setup: Setup, params: PyTree, rows: int, seeds: UInt32[Array, " seeds"], updates: int
) -> tuple[Any, Report]:
    """Returns learners of several seeds after some updates, with the seeds as first axis.

    An accelerator trains all of them at once (`vmap`), a core of a processor one after the other.

    Args:
        setup: What is learned on, and how.
        params: Parameters of the environment.
        rows: Environments of each learner, at least 1.
        seeds: At least `rows` apart.
        updates: How many, at least 1.
    """

    def each(seed: Array) -> tuple[Any, Report]:
        return learn(setup, params, setup.begin(params, rows, seed), updates)

    return parallel.each(each, seeds)


begin_compiled = often(begin, static_argnums=(0, 2))
learn_compiled = often(learn, static_argnums=(0, 3), donate_argnums=2)
"""The learner that it is given can't be used afterwards: its memory holds the one returned."""
of_seeds_compiled = often(of_seeds, static_argnums=(0, 2, 4))
