"""The per-node network of `policies.networks`, as an actor with a critic for PPO."""

import math
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from ceas_agents.wrappers.action_repeat import BASE

LEAST_SPREAD = 0.02
"""Least standard deviation over the nodes by which a feature in [0, 1] is divided.

Features that differ less among the nodes direct less of the exploration.
"""


class Exploration(DiagGaussianDistribution):
    """Normal noise in the requests: independent noise, and noise common to similar nodes.

    The effects of independent noise at many nodes cancel in the reward, so the reward says little
    about them. The common noise draws one normal number for each feature of the nodes in each
    round, and raises or lowers the request of a node in proportion to that feature's deviation
    from the mean over the nodes. So the reward tells whether it pays to serve nodes with much of
    the feature more. Both parts are normal, so the density of an action is exact.
    """

    def of(self, mean: Tensor, spread: Tensor, directions: Tensor) -> "Exploration":
        """Returns this object with another distribution.

        Args:
            mean: Mean requests, shape (batch, actions).
            spread: Standard deviation of the independent noise, shape (batch, actions), above 0.
            directions: Effect of each common number on each action, shape
                (batch, actions, features).

        Source:
            The covariance is diag(spread^2) + directions directions^T, a factor model.
        """
        self.distribution: Any = torch.distributions.LowRankMultivariateNormal(
            mean, directions, spread**2, validate_args=False
        )
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Returns the natural logarithm of the density of each action, shape (batch,).

        Args:
            actions: Requests, shape (batch, actions).
        """
        return self.distribution.log_prob(actions)

    def entropy(self) -> Tensor:
        """Returns the differential entropy of each distribution, in nats, shape (batch,)."""
        return self.distribution.entropy()


class Actor(nn.Module):
    """Makes the requests of every node, from its own features and the mean over the nodes.

    Source:
        Zaheer et al., Deep Sets, NeurIPS 30 (2017), arXiv:1703.06114.
    """

    def __init__(self, features: int, hidden: int, windows: int) -> None:
        """Makes the four layers."""
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(2 * hidden, hidden)
        self.last = nn.Linear(hidden, windows)

    def forward(self, seen: Tensor) -> Tensor:
        """Returns requests, shape (batch, windows, nodes); they are not clipped to [-1, 1].

        Args:
            seen: What each node's network sees, shape (batch, nodes, features).
        """
        each = torch.tanh(self.second(torch.tanh(self.first(seen))))
        pooled = each.mean(dim=1, keepdim=True).expand_as(each)
        hidden = torch.tanh(self.third(torch.cat([each, pooled], dim=2)))
        return self.last(hidden).transpose(1, 2)


class Critic(nn.Module):
    """Makes the hidden layer of the value function, from the mean over the nodes.

    Source:
        Zaheer et al., Deep Sets, NeurIPS 30 (2017), arXiv:1703.06114.
    """

    def __init__(self, features: int, hidden: int) -> None:
        """Makes the layers."""
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.pooled = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh())

    def forward(self, seen: Tensor) -> Tensor:
        """Returns hidden values in [-1, 1], shape (batch, hidden).

        Args:
            seen: What each node's network sees, shape (batch, nodes, features).
        """
        return self.pooled(self.each(seen).mean(dim=1))


class Extractor(nn.Module):
    """Applies actor and critic to the observation, which Stable-Baselines3 flattens."""

    def __init__(self, space: spaces.Dict, windows: int, hidden: int) -> None:
        """Makes both networks.

        Args:
            space: Observation space, with the parts `nodes` and `network`, and maybe a base action.
            windows: Windows of a round, at least 1.
            hidden: Width of the hidden layers, at least 1.
        """
        super().__init__()
        shapes: dict[str, Any] = {name: part.shape for name, part in space.spaces.items()}
        # Stable-Baselines3 concatenates the parts in the order of their names.
        self.parts = {name: shapes[name] for name in sorted(shapes)}
        self.nodes, self.own = shapes["nodes"]
        features = self.own + shapes["network"][0] + (windows if BASE in shapes else 0)
        self.actor = Actor(features, hidden, windows)
        self.critic = Critic(features, hidden)
        self.windows = windows
        self.latent_dim_pi, self.latent_dim_vf = self.nodes * (windows + self.own), hidden

    def forward(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the latent vectors of policy and value function.

        Args:
            flat: Observations, shape (batch, inputs).

        Returns:
            As `forward_actor` and `forward_critic`.
        """
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: Tensor) -> Tensor:
        """Returns mean requests and standardized features, concatenated.

        Args:
            flat: Observations, shape (batch, inputs).

        Returns:
            Shape (batch, windows * nodes + nodes * features).
        """
        found = self._split(flat)
        seen, base = self._seen(found), found.get(BASE)
        asked = self.actor(seen) if base is None else base + self.actor(seen)
        return torch.cat([asked.flatten(1), _much(found["nodes"]).flatten(1)], dim=1)

    def unpack(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean requests and standardized features, separated again.

        Args:
            latent: From `forward_actor`, shape (batch, windows * nodes + nodes * features).

        Returns:
            Shapes (batch, windows * nodes) and (batch, nodes, features).
        """
        mean, much = latent.split([self.windows * self.nodes, self.nodes * self.own], dim=1)
        return mean, much.unflatten(1, (self.nodes, self.own))

    def forward_critic(self, flat: Tensor) -> Tensor:
        """Returns the hidden layer of the value function, shape (batch, hidden), in [-1, 1].

        Args:
            flat: Observations, shape (batch, inputs).
        """
        return self.critic(self._seen(self._split(flat)))

    def _split(self, flat: Tensor) -> dict[str, Tensor]:
        sizes = [int(torch.Size(shape).numel()) for shape in self.parts.values()]
        pieces = zip(self.parts.items(), flat.split(sizes, dim=1), strict=True)
        return {name: piece.unflatten(1, shape) for (name, shape), piece in pieces}

    def _seen(self, found: dict[str, Tensor]) -> Tensor:
        common = found["network"][:, None].expand(-1, self.nodes, -1)
        shown = [found[BASE].mT] if BASE in found else []
        return torch.cat([found["nodes"], common, *shown], dim=2)


def _much(nodes: Tensor) -> Tensor:
    # Deviation of each feature from its mean over the nodes, in standard deviations.
    from_mean = nodes - nodes.mean(dim=1, keepdim=True)
    return from_mean / nodes.std(dim=1, keepdim=True).clamp(min=LEAST_SPREAD)


class NodePolicy(MultiInputActorCriticPolicy):
    """Actor and critic that apply the same network to every node, so their number may change.

    Args:
        *arguments: As for any policy of Stable-Baselines3.
        hidden: Width of the hidden layers, at least 1.
        common_std: Standard deviation of the common noise in the requests at the start of training,
            over all features together, above 0; `log_std_init` is for the independent noise.
        **keywords: As for any policy of Stable-Baselines3.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        hidden: int = 64,
        common_std: float = 0.3,
        **keywords: Any,  # noqa: ANN401
    ) -> None:
        """Makes the policy."""
        self.width, self.common_std = hidden, common_std
        super().__init__(*arguments, **keywords)

    def _build_mlp_extractor(self) -> None:
        assert isinstance(self.observation_space, spaces.Dict)
        self.windows = (self.action_space.shape or (0,))[0]
        self.mlp_extractor: Any = Extractor(self.observation_space, self.windows, self.width)

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        actor = self.mlp_extractor.actor
        # Zero, so that a residual scheduler starts with the base action itself.
        nn.init.zeros_(actor.last.weight)
        nn.init.zeros_(actor.last.bias)
        self.action_net = nn.Identity()
        self.log_std = nn.Parameter(torch.full((self.windows,), float(self.log_std_init)))
        self.action_dist = Exploration(self.windows * self.mlp_extractor.nodes)
        features = self.mlp_extractor.own
        each = math.log(self.common_std / features**0.5)
        self.log_common_std = nn.Parameter(torch.full((features,), each))
        make: Any = self.optimizer_class
        self.optimizer = make(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        assert isinstance(self.action_dist, Exploration)
        mean, much = self.mlp_extractor.unpack(latent_pi)
        spread = self.log_std.exp().repeat_interleave(self.mlp_extractor.nodes)
        # The common noise is the same in all windows of a node.
        directions = (much * self.log_common_std.exp()).repeat(1, self.windows, 1)
        return self.action_dist.of(mean, spread.expand_as(mean), directions)
