"""The hyperparameters of PPO, by the names and with the defaults of Stable-Baselines3."""

from collections.abc import Mapping

from ceas_agents.settings import Checked
from ceas_agents.training.on_device.settings import Count, Positive, Share, Weight, checked


class PPO(Checked, frozen=True):
    """How PPO learns."""

    learning_rate: Positive = 3e-4
    """Of Adam."""
    n_steps: Count = 2048
    """Steps of each row between two updates."""
    batch_size: Count = 64
    """Steps of a minibatch; must divide the steps of all rows between two updates."""
    n_epochs: Count = 10
    """How often an update goes through these steps."""
    gamma: Share = 0.99
    """Discount of a reward one step later."""
    gae_lambda: Share = 0.95
    """Weight of later differences in an advantage."""
    clip_range: Positive = 0.2
    """How far the ratio of densities may go from one."""
    ent_coef: Weight = 0.0
    """Weight of the entropy in the loss."""
    vf_coef: Weight = 0.5
    """Weight of the critic's squared error in the loss."""
    max_grad_norm: Positive = 0.5
    """Greatest length of the gradient over all weights."""
    normalize_advantage: bool = True
    """Whether advantages have mean 0 and standard deviation 1 in each minibatch."""


class Network(Checked, frozen=True):
    """The network of each node, and of the critic."""

    hidden: Count = 64
    """Width of the hidden layers."""
    log_std_init: float = 0.0
    """Logarithm of the standard deviation of requests before training."""
    leaning_init: float = 0.0
    """Where a step is a window: how much the network leans towards the barrier before training,
    beside what the base does; -2 fires in one of eight windows."""


def hyperparameters(given: Mapping[str, object], rows: int, source: str) -> PPO:
    """Returns the hyperparameters, after checking them.

    Args:
        given: Values by name; the others have their defaults.
        rows: Environments stepped together, at least 1.
        source: What error messages call the file.

    Raises:
        ValueError: If a name is unknown, or a value is wrong.
    """
    made = checked(PPO, given, f"{source}: hyperparameters")
    if (steps := rows * made.n_steps) % made.batch_size:
        raise ValueError(
            f"{source}: hyperparameters: batch_size must divide the {steps} steps of an update "
            f"(rows * n_steps), but is {made.batch_size}"
        )
    return made


def network(given: Mapping[str, object], source: str) -> Network:
    """Returns the arguments of the network; arguments and errors as for `hyperparameters`."""
    return checked(Network, given, f"{source}: network")
