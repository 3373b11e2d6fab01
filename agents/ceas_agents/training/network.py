"""The network of `ceas_agents.learned` as a policy of Stable-Baselines3, with a critic."""

from typing import Any

import jax.numpy as jnp
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import BasePolicy, MultiInputActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from ceas_agents.learned import Layer, Weights

BASE = "base"
"""Part of the observation that a residual scheduler adds to: an action."""


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
        self.nodes, features = shapes["nodes"]
        features += shapes["network"][0] + (windows if BASE in shapes else 0)
        self.actor = Actor(features, hidden, windows)
        self.critic = Critic(features, hidden)
        self.latent_dim_pi, self.latent_dim_vf = windows * self.nodes, hidden

    def forward(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mean action, flat, and what the value is read from."""
        return self.forward_actor(flat), self.forward_critic(flat)

    def forward_actor(self, flat: Tensor) -> Tensor:
        """Returns the mean action, flat."""
        seen, base = self._split(flat)
        asked = self.actor(seen).flatten(1)
        return asked if base is None else base.flatten(1) + asked

    def forward_critic(self, flat: Tensor) -> Tensor:
        """Returns what the value is read from."""
        return self.critic(self._split(flat)[0])

    def _split(self, flat: Tensor) -> tuple[Tensor, Tensor | None]:
        sizes = [int(torch.Size(shape).numel()) for shape in self.parts.values()]
        pieces = zip(self.parts.items(), flat.split(sizes, dim=1), strict=True)
        found = {name: piece.unflatten(1, shape) for (name, shape), piece in pieces}
        common = found["network"][:, None].expand(-1, self.nodes, -1)
        base = found.get(BASE)
        seen = [found["nodes"], common] if base is None else [found["nodes"], common, base.mT]
        return torch.cat(seen, dim=2), base


class NodePolicy(MultiInputActorCriticPolicy):
    """Actor and critic that treat all nodes alike, so that one agent serves any number of them."""

    def __init__(self, *arguments: Any, hidden: int = 64, **keywords: Any) -> None:  # noqa: ANN401
        """Makes the policy; `hidden` is the width of its layers."""
        self.width = hidden
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
        make: Any = self.optimizer_class
        self.optimizer = make(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        assert isinstance(self.action_dist, DiagGaussianDistribution)
        spread = self.log_std.repeat_interleave(self.mlp_extractor.nodes)
        return self.action_dist.proba_distribution(latent_pi, spread)


def weights(policy: BasePolicy) -> Weights:
    """Returns the weights of a `NodePolicy`'s actor, for `ceas_agents.learned`."""
    actor: Any = policy.get_submodule("mlp_extractor.actor")

    def layer(linear: nn.Linear) -> Layer:
        weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
        return Layer(jnp.asarray(weight.T), jnp.asarray(bias))

    return Weights(*(layer(getattr(actor, name)) for name in Weights._fields))
