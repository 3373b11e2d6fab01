"""The network of `policies.networks` that serves every node, as a policy with a critic."""

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
"""Of a feature over the nodes: one that is more alike directs no exploration."""


class Exploration(DiagGaussianDistribution):
    """Requests that vary for each node and window alone, and together for nodes that look alike.

    What independent noise does at many nodes averages out in the reward, so it tells little. The
    common draw of a round, a normal number for each feature of the nodes, asks what it brings to
    serve those more that have much of it. Both are normal, so the likelihood is exact.
    """

    def of(self, mean: Tensor, spread: Tensor, directions: Tensor) -> "Exploration":
        """Sets mean and standard deviation (batch, actions), and directions (.., .., features)."""
        self.distribution: Any = torch.distributions.LowRankMultivariateNormal(
            mean, directions, spread**2, validate_args=False
        )
        return self

    def log_prob(self, actions: Tensor) -> Tensor:
        """Returns the logarithm of the density of each action."""
        return self.distribution.log_prob(actions)

    def entropy(self) -> Tensor:
        """Returns the entropy of each distribution, in nats."""
        return self.distribution.entropy()


class Actor(nn.Module):
    """Requests of every node, from its own features and the mean over the nodes."""

    def __init__(self, features: int, hidden: int, windows: int) -> None:
        """Makes the four layers."""
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(2 * hidden, hidden)
        self.last = nn.Linear(hidden, windows)

    def forward(self, seen: Tensor) -> Tensor:
        """Returns requests, shape (batch, windows, nodes), from (batch, nodes, features)."""
        each = torch.tanh(self.second(torch.tanh(self.first(seen))))
        pooled = each.mean(dim=1, keepdim=True).expand_as(each)
        hidden = torch.tanh(self.third(torch.cat([each, pooled], dim=2)))
        return self.last(hidden).transpose(1, 2)


class Critic(nn.Module):
    """What the value is read from: the mean over the nodes of what a network makes of each."""

    def __init__(self, features: int, hidden: int) -> None:
        """Makes the layers."""
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.pooled = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh())

    def forward(self, seen: Tensor) -> Tensor:
        """Returns hidden values, shape (batch, hidden), from (batch, nodes, features)."""
        return self.pooled(self.each(seen).mean(dim=1))


class Extractor(nn.Module):
    """Actor and critic behind the flat features in which Stable-Baselines3 hands them over."""

    def __init__(self, space: spaces.Dict, windows: int, hidden: int) -> None:
        """Makes both networks.

        Args:
            space: Of the observations.
            windows: Of a round.
            hidden: Width of the layers.
        """
        super().__init__()
        shapes: dict[str, Any] = {name: part.shape for name, part in space.spaces.items()}
        # Flat, the parts come in the order of their names.
        self.parts = {name: shapes[name] for name in sorted(shapes)}
        self.nodes, self.own = shapes["nodes"]
        features = self.own + shapes["network"][0] + (windows if BASE in shapes else 0)
        self.actor = Actor(features, hidden, windows)
        self.critic = Critic(features, hidden)
        self.windows = windows
        self.latent_dim_pi, self.latent_dim_vf = self.nodes * (windows + self.own), hidden

    def forward(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what the action and what the value is read from."""
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: Tensor) -> Tensor:
        """Returns the mean action and how much each node has of each feature, both flat."""
        found = self._split(flat)
        seen, base = self._seen(found), found.get(BASE)
        asked = self.actor(seen) if base is None else base + self.actor(seen)
        return torch.cat([asked.flatten(1), _much(found["nodes"]).flatten(1)], dim=1)

    def unpack(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what `forward_actor` did: actions flat, features (batch, nodes, features)."""
        mean, much = latent.split([self.windows * self.nodes, self.nodes * self.own], dim=1)
        return mean, much.unflatten(1, (self.nodes, self.own))

    def forward_critic(self, flat: Tensor) -> Tensor:
        """Returns what the value is read from."""
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
    # Of each feature, in units of its spread over the nodes.
    from_mean = nodes - nodes.mean(dim=1, keepdim=True)
    return from_mean / nodes.std(dim=1, keepdim=True).clamp(min=LEAST_SPREAD)


class NodePolicy(MultiInputActorCriticPolicy):
    """Actor and critic that treat all nodes alike, so that one agent serves any number of them.

    Args:
        *arguments: As for any policy.
        hidden: Width of the layers.
        common_std: With which requests vary together at first, all features taken together;
            `log_std_init` is of what varies alone.
        **keywords: As for any policy.
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
        # A residual starts at what it adds to, and all windows explore alike at all nodes.
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
        # All windows of a node alike.
        directions = (much * self.log_common_std.exp()).repeat(1, self.windows, 1)
        return self.action_dist.of(mean, spread.expand_as(mean), directions)
