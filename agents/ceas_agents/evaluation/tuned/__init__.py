"""Tuned settings that come with the package: `NAME.yaml` here, for the scenario of that name.

`ceas-gym tune` finds them, with equal effort for every contestant, and `ceas-gym evaluate` plays
with what is here. To make one anew:

    ceas-gym tune metro && cp runs/tune/metro/tuned.yaml
    agents/ceas_agents/evaluation/tuned/metro.yaml
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from jax.tree_util import Partial
from pydantic import ValidationError

from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import options
from ceas_agents.policies.registry import POLICIES
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
    """Returns the names of the scenarios for which tuned settings are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def contestant(scenario: str, contestant: Contestant, given: Iterable[str] = ()) -> Contestant:
    """Returns the contestant as tuned for a scenario, or as it is where nothing is shipped for it.

    Args:
        scenario: Name of a shipped scenario; nothing is known of others.
        contestant: From `evaluation.contestants.get`. It goes by the same name when it is tuned.
        given: Dotted keys that the user has set: these are left to them. A rate is of use with
            its optimizer only, so whoever sets `learning.optimizer` gets no tuned rate.

    Raises:
        ValueError: If the shipped file is damaged; it is named.

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
    """Returns the contestant with a setting in place of its own.

    Options become arguments of the compiled program, so that others compile nothing anew.

    Args:
        contestant: Who plays; its policy has these options.
        setting: The rate, options, both or none.

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


def own(contestant: Contestant) -> dict[str, float]:
    """Returns the numbers that a contestant's policy can be given, by name, with their defaults.

    What the contestant's name spells out is given already. What a policy believes, such as
    `placement` of `ceas`, is no number and is not tuned.

    Example:
        >>> own(Contestant("focused", POLICIES["focused"], {}))
        {'share': 0.6666666666666666}
    """
    if all(contestant.policy is not policy for policy in POLICIES.values()):
        return {}
    return options.numbers(contestant.policy)


def read(path: Path, contestant: Contestant) -> dict[str, float]:
    """Returns what a file has for a contestant; nothing if it does not name it.

    Args:
        path: Of a file as `ceas-gym tune` writes it.
        contestant: Whose setting is read.

    Raises:
        ValueError: If the file can't be read, or what it has for the contestant is wrong.
    """
    source = str(path)
    data = yaml_text.mapping(sources.file_text(source), source, "contestants")
    setting = data.get(contestant.name, {})
    with sources.prefixing(lambda: f"{source}: {contestant.name}"):
        if not isinstance(setting, dict):
            raise ValueError(f"must be a mapping of settings, but is {keys.shown(setting)}")
        return {key: _checked(contestant, key, value) for key, value in setting.items()}


def described(contestants: Iterable[Contestant]) -> list[str]:
    """Returns a line that says who plays with which tuned rate; none if nobody does.

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
    known = [RATE, *own(contestant)]
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
