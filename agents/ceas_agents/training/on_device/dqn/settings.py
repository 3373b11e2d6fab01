"""The hyperparameters of DQN, by the names and with the defaults of Stable-Baselines3."""

from collections.abc import Mapping

from ceas_agents.settings import Checked
from ceas_agents.training.on_device.settings import Count, Positive, Share, checked


class DQN(Checked, frozen=True):
    """How DQN learns."""

    learning_rate: Positive = 1e-4
    """Of Adam."""
    buffer_size: Count = 1_000_000
    """Latest steps, over all rows, that are learned from."""
    learning_starts: Count = 100
    """Steps, over all rows, before the first update; until then, all choices are random."""
    batch_size: Count = 32
    """Steps of a batch, drawn from the buffer."""
    tau: Share = 1.0
    """How far the target network follows the trained one each time; 1 copies it."""
    gamma: Share = 0.99
    """Discount of a reward one step later."""
    train_freq: Count = 4
    """Steps of each row between two updates."""
    gradient_steps: Count = 1
    """Batches of an update."""
    target_update_interval: Count = 10_000
    """Steps, over all rows, after which the target network follows."""
    exploration_fraction: Share = 0.1
    """Share of the training in which the share of random choices falls."""
    exploration_initial_eps: Share = 1.0
    """Share of random choices at first."""
    exploration_final_eps: Share = 0.05
    """Share of random choices at last."""
    max_grad_norm: Positive = 10.0
    """Greatest length of the gradient over all weights."""


class Network(Checked, frozen=True):
    """The network that values choices."""

    net_arch: tuple[Count, ...] = (64, 64)
    """Widths of the hidden layers."""


def hyperparameters(given: Mapping[str, object], rows: int, source: str) -> DQN:
    """Returns the hyperparameters, after checking them.

    Args:
        given: Values by name; the others have their defaults.
        rows: Environments stepped together, at least 1.
        source: What error messages call the file.

    Raises:
        ValueError: If a name is unknown, or a value is wrong.
    """
    made = checked(DQN, given, f"{source}: hyperparameters")
    if (least := rows * made.train_freq) > made.buffer_size:
        raise ValueError(
            f"{source}: hyperparameters: buffer_size must be at least the {least} steps between "
            f"two updates (rows * train_freq), but is {made.buffer_size}"
        )
    return made


def network(given: Mapping[str, object], source: str) -> Network:
    """Returns the arguments of the network; arguments and errors as for `hyperparameters`."""
    # YAML has lists, but what a program is compiled for must not change.
    fixed = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    return checked(Network, fixed, f"{source}: network")
