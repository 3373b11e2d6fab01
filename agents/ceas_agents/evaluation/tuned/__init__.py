"""Tuned settings that come with the package: `NAME.yaml` here, for the scenario of that name.

`ceas-gym tune` finds them, with equal effort for every contestant, and `ceas-gym evaluate` uses
them. To make a file again:

    ceas-gym tune metro && cp runs/tune/metro/tuned.yaml
    agents/ceas_agents/evaluation/tuned/metro.yaml
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from jax.tree_util import Partial
from pydantic import ValidationError

from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import options, registry
from ceas_agents.policies.registry import POLICIES
from ceas_agents.policies.versions import Decision
from ceas_gym import config
from ceas_gym.config import keys, sources, yaml_text
from ceas_gym.registry import nearest
from ceas_gym.scenario.learning import LearningSettings

FOLDER = Path(__file__).parent
RATE = "learning.learning_rate"
OPTIMIZER = "learning.optimizer"
Setting = Mapping[str, float]
"""The learning rate by its dotted key, and options of the policy by their names."""


def shipped() -> list[str]:
    """Returns the names of the scenarios for which tuned settings are shipped, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def contestant(scenario: str, contestant: Contestant, given: Iterable[str] = ()) -> Contestant:
    """Returns the contestant as tuned for a scenario, or unchanged if no settings are shipped.

    Args:
        scenario: Name of the scenario; there are settings for shipped scenarios only.
        contestant: From `evaluation.contestants.get`. It keeps its name.
        given: Dotted keys that the user has set, which stay as they are. A learning rate suits only
            the optimizer that it was tuned with, so `learning.optimizer` excludes a tuned rate.

    Raises:
        ValueError: If the shipped file is damaged; the message names it.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> contestant("tiny", contestants.get("ceas")).overrides
        {}
    """
    name, given = scenario.strip(), set(given)
    if name not in config.shipped() or name not in shipped():
        return contestant
    setting = read(FOLDER / f"{name}.yaml", contestant)
    if OPTIMIZER in given:
        given.add(RATE)
    return changed(contestant, {key: setting[key] for key in setting.keys() - given})


def changed(contestant: Contestant, setting: Setting) -> Contestant:
    """Returns the contestant with these settings in place of its own.

    Options become arguments of the compiled program, so that other values need no recompilation.

    Args:
        contestant: Who plays; its policy has these options.
        setting: The learning rate, above 0; options, such as `share` in [0, 1]; both or none.

    Example:
        >>> focused = Contestant("focused", POLICIES["focused"], {})
        >>> other = changed(focused, {"learning.learning_rate": 0.2, "share": 0.5})
        >>> other.overrides, other.policy.keywords
        ({'learning.learning_rate': 0.2}, {'share': 0.5})
    """
    rate = {key: value for key, value in setting.items() if key == RATE}
    chosen = {key: value for key, value in setting.items() if key != RATE}
    policy = Partial(contestant.policy, **chosen) if chosen else contestant.policy
    return contestant._replace(policy=policy, overrides=contestant.overrides | rate)


def own(contestant: Contestant, decision: Decision = "round") -> dict[str, float]:
    """Returns the numeric options of a contestant's policy, by name, such as `share` in [0, 1].

    The values are the defaults.

    A contestant whose name sets options has none left. Options that are words, such as `placement`
    of `ceas`, are not tuned.

    Args:
        contestant: A contestant; one with a policy of the user's own has none.
        decision: What a step is; a policy has other options for windows than for rounds.

    Example:
        >>> own(Contestant("focused", POLICIES["focused"], {}))
        {'share': 0.6666666666666666}
    """
    if all(contestant.policy is not policy for policy in POLICIES.values()):
        return {}
    version = registry.version(contestant.policy, decision)
    return {} if version is None else options.numbers(version)


def read(path: Path, contestant: Contestant) -> dict[str, float]:
    """Returns the settings that a file has for a contestant; none if it does not name it.

    Args:
        path: Of a file as `ceas-gym tune` writes it.
        contestant: Whose settings are read.

    Raises:
        ValueError: If the file can't be read, or its settings for the contestant are wrong: the
            learning rate must be in [1e-6, 1000], and options must be numbers.
    """
    source = str(path)
    data = yaml_text.mapping(sources.file_text(source), source, "contestants")
    setting = data.get(contestant.name, {})
    with sources.prefixing(lambda: f"{source}: {contestant.name}"):
        if not isinstance(setting, dict):
            raise ValueError(f"must be a mapping of settings, but is {keys.shown(setting)}")
        return {key: _checked(contestant, key, value) for key, value in setting.items()}


def described(contestants: Iterable[Contestant]) -> list[str]:
    """Returns a line that lists the tuned learning rates, or no line if there are none.

    Args:
        contestants: Who plays, as returned by `contestant`.

    Example:
        >>> described([Contestant("focused", POLICIES["focused"], {"learning.learning_rate": 0.2})])
        ['note: tuned learning rates (not with --untuned): focused 0.2']
    """
    everyone = list(contestants)
    tuned = [f"{each.name} {_shown(each)}" for each in everyone if RATE in each.overrides]
    if not tuned:
        return []
    line = f"note: tuned learning rates (not with --untuned): {', '.join(tuned)}"
    if others := [each.name for each in everyone if RATE not in each.overrides]:
        line += f"; the scenario's own: {', '.join(others)}"
    return [line]


def _shown(contestant: Contestant) -> str:
    policy = contestant.policy
    given = options.given(policy) if isinstance(policy, Partial) else {}
    chosen = ", ".join(f"{name}={value:.3g}" for name, value in given.items())
    return f"{contestant.overrides[RATE]:.3g}" + (f" ({chosen})" if chosen else "")


def _checked(contestant: Contestant, key: str, value: object) -> float:
    known = [RATE, *own(contestant), *own(contestant, "window")]
    if key not in known:
        raise ValueError(f"{key} is not a setting; {nearest(key, known)}")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{key} must be a number, but is {keys.shown(value)}")
    if key == RATE:
        try:
            LearningSettings(learning_rate=value)
        except ValidationError:
            expected = keys.allowed(key, is_entry=False)
            raise ValueError(f"{key} must be {expected}, but is {value}") from None
    return float(value)
