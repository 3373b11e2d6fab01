"""Policies with a version for each decision: one for whole rounds, one for single windows."""

import inspect
import typing
from typing import Any, Literal, NamedTuple

from jaxtyping import Array, Float, Key

from ceas_agents.policies import options
from ceas_agents.policies.base import Policy
from ceas_gym.types import Observation, Params

Decision = Literal["round", "window"]
"""What a step is: a whole round, or a window at whose end the barrier may fire."""


class Versions(NamedTuple):
    """A policy's functions by what `episode.decision` is; None where there is none."""

    round: Policy | None = None
    window: Policy | None = None
    window_teams: bool = False
    """Whether the version for windows covers nodes that form teams."""

    @property
    def functions(self) -> list[Policy]:
        """Returns the versions that there are, at least one."""
        return [each for each in (self.round, self.window) if each is not None]


def joined(name: str, versions: Versions) -> Policy:
    """Returns the policy that acts by the version for the scenario's decision.

    Its options are those of both versions. A default that both have must be the same. The policy
    raises a `ValueError` if it has no version for the decision, or if an option is set that the
    version does not have.

    Args:
        name: What error messages call the policy.
        versions: At least one of them.

    Example:
        >>> from ceas_agents.policies.baselines import max_rate
        >>> options.options(joined("max_rate", Versions(round=max_rate)))
        {}
    """

    def policy(
        params: Params,
        observation: Observation,
        key: Key[Array, ""],
        **chosen: Any,  # noqa: ANN401 - numbers and words
    ) -> Float[Array, "..."]:
        return _version(name, versions, params, chosen)(params, observation, key, **chosen)

    functions = versions.functions
    policy.__name__, policy.__doc__ = name, inspect.getdoc(functions[0])
    for function in functions:
        policy.__annotations__ |= typing.get_type_hints(function)
    merged = {each.name: each for function in functions for each in _parameters(function)}
    signature = inspect.Signature(list(merged.values()))
    policy.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return policy


def _parameters(function: Policy) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _version(name: str, versions: Versions, params: Params, chosen: dict[str, object]) -> Policy:
    decision, other = ("window", "round") if params.by_window else ("round", "window")
    version = getattr(versions, decision)
    if version is None:
        raise ValueError(
            f"policy {name!r} has no version for episode.decision = {decision}; set it to {other}, "
            "or choose another policy (ceas-gym list policies)"
        )
    if params.by_window and params.network.teams.size > 1 and not versions.window_teams:
        raise ValueError(
            f"policy {name!r} has no version for episode.decision = window with nodes that form "
            "teams (learning.scheme = circuit or features); set episode.decision to round, or "
            "choose uniform or subset_hold"
        )
    for option in sorted(chosen.keys() - options.options(version).keys()):
        raise ValueError(
            f"policy {name!r}: option {option!r} is for episode.decision = {other}, "
            f"but the scenario has {decision}"
        )
    return version
