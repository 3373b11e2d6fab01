"""The environment for several agents. PettingZoo is loaded when one is made."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ceas_gym.scenario import Scenario

if TYPE_CHECKING:
    from ceas_gym.envs.auction import AuctionEnv


def parallel_env(
    scenario: str | os.PathLike[str] | Scenario = "small",
    *,
    overrides: Mapping[str, object] | None = None,
    render_mode: str | None = None,
) -> "AuctionEnv":
    """Returns a scenario as a parallel environment of PettingZoo, in which the nodes bid.

    It is `ceas_gym.envs.auction.AuctionEnv`, whose docstring describes agents, actions,
    observations and rewards.

    Args:
        scenario: A shipped name (`ceas-gym list scenarios` shows them), a path to a YAML file, or a
            `Scenario`.
        overrides: Single settings by dotted key, such as `{"attack.name": "none"}`.
        render_mode: `"rgb_array"`, `"human"`, `"ansi"`, or None.

    Raises:
        ModuleNotFoundError: If PettingZoo is not installed.
        ValueError: If there is no such scenario, or a setting is not allowed; it names the setting.

    Example:
        >>> env = parallel_env("micro")
        >>> observations, infos = env.reset(seed=1)
        >>> bids = {agent: env.action_space(agent).sample() for agent in env.agents}
        >>> observations, rewards, terminations, truncations, infos = env.step(bids)
        >>> observations["node_0"].shape, rewards["node_0"] == rewards["node_1"]
        ((33,), True)
    """
    try:
        from ceas_gym.envs.auction import AuctionEnv
    except ModuleNotFoundError as error:
        remedy = "install the extra: pip install 'ceas-gym[pettingzoo]'"
        raise ModuleNotFoundError(f"{error}; {remedy}", name=error.name) from error
    return AuctionEnv(scenario, overrides=overrides, render_mode=render_mode)
