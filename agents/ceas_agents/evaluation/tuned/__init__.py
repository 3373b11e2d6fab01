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

from ceas_agents.evaluation.contestants import CADENCE, Contestant
from ceas_agents.policies import options, registry
from ceas_agents.policies.versions import Decision
from ceas_gym import config
from ceas_gym.config import keys, sources, yaml_text
from ceas_gym.registry import nearest
from ceas_gym.scenario.learning import LearningSettings

FOLDER = Path(__file__).parent
RATE = "learning.learning_rate"
OPTIMIZER, WINDOWS = "learning.optimizer", "network.windows"
Setting = Mapping[str, float]
"""The learning rate by its dotted key, and cadence and options of the policy by their names."""


def shipped() -> list[str]:
    """Returns the names of the scenarios for which tuned settings are shipped, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def contestant(
    scenario: str,
    contestant: Contestant,
    given: Iterable[str] = (),
    decision: Decision | None = None,
) -> Contestant:
    """Returns the contestant as tuned for a scenario, or unchanged if no settings are shipped.

    Args:
        scenario: Name of the scenario; there are settings for shipped scenarios only.
        contestant: From `evaluation.contestants.get`. It keeps its name.
        given: Dotted keys that the user has set, which stay as they are. A learning rate suits only
            the optimizer that it was tuned with, so `learning.optimizer` excludes a tuned rate, and
            `network.windows` excludes a tuned cadence.
        decision: What a step is, if the user has set it.

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
    excluded = {OPTIMIZER: RATE, WINDOWS: CADENCE}
    given |= {excluded[key] for key in given & excluded.keys()}
    used = keys_of(contestant, decision or config.load(name).episode.decision)
    return changed(contestant, {key: setting[key] for key in used if key in setting.keys() - given})


def changed(contestant: Contestant, setting: Setting) -> Contestant:
    """Returns the contestant with these settings in place of its own.

    Options become arguments of the compiled program, so that other values need no recompilation.
    The cadence of a contestant that plays open loop is the number of windows of a round.

    Args:
        contestant: Who plays; its policy has these options.
        setting: The learning rate, above 0; the cadence, at least 1; options, such as `share` in
            [0, 1]; all or none.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> focused = contestants.get("focused")
        >>> other = changed(focused, {"learning.learning_rate": 0.2, "share": 0.5})
        >>> other.overrides, other.policy.keywords
        ({'learning.learning_rate': 0.2}, {'share': 0.5})
    """
    chosen = dict(setting)
    changes: dict[str, object] = {RATE: chosen.pop(RATE)} if RATE in chosen else {}
    if contestant.is_open_loop and CADENCE in chosen:
        changes[WINDOWS] = chosen.pop(CADENCE)
    policy = Partial(contestant.policy, **chosen) if chosen else contestant.policy
    return contestant._replace(policy=policy, overrides=contestant.overrides | changes)


def keys_of(contestant: Contestant, decision: Decision) -> list[str]:
    """Returns what is tuned of a contestant: learning rate, cadence, and numbers of its policy.

    Args:
        contestant: A contestant.
        decision: What a step is; the cadence is tuned only where it is a window.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> keys_of(contestants.get("focused"), "round")
        ['learning.learning_rate', 'share']
    """
    paced = [CADENCE] if contestant.has_cadence and decision == "window" else []
    return [RATE, *paced, *own(contestant, decision)]


def own(contestant: Contestant, decision: Decision = "round") -> dict[str, float]:
    """Returns the numeric options of a contestant's policy, by name, with their defaults.

    The cadence is not among them, and neither are options that the contestant's name sets. Options
    that are words, such as `placement` of `ceas`, are not tuned.

    Args:
        contestant: A contestant; one with a policy of the user's own has none.
        decision: What a step is.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> own(contestants.get("focused"), "round")
        {'share': 0.6666666666666666}
    """
    version = contestant.version(decision)
    if version is None or not registry.is_shipped(contestant.policy):
        return {}
    set_already = {CADENCE, *options.given(contestant.policy)}
    numbers = options.numbers(version)
    return {name: value for name, value in numbers.items() if name not in set_already}


def cadence(contestant: Contestant) -> float:
    """Returns the untuned cadence of a contestant in windows; 0 stands for `network.windows`.

    Args:
        contestant: One that has a cadence.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> cadence(contestants.get("ceas-paced")), cadence(contestants.get("ceas-open"))
        (8.0, 0.0)
    """
    given = options.given(contestant.policy)
    return given.get(CADENCE, options.numbers(contestant.without_options).get(CADENCE, 0.0))


def read(path: Path, contestant: Contestant) -> dict[str, float]:
    """Returns the settings that a file has for a contestant; none if it does not name it.

    Args:
        path: Of a file as `ceas-gym tune` writes it.
        contestant: Whose settings are read.

    Raises:
        ValueError: If the file can't be read, or its settings for the contestant are wrong: the
            learning rate must be in [1e-6, 1000], a cadence at least 1, and options must be
            numbers.
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
        >>> from ceas_agents.evaluation import contestants
        >>> described([changed(contestants.get("focused"), {"learning.learning_rate": 0.2})])
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
    if contestant.is_open_loop and WINDOWS in contestant.overrides:
        given |= {CADENCE: contestant.overrides[WINDOWS]}
    chosen = ", ".join(f"{name}={value:.3g}" for name, value in given.items())
    return f"{contestant.overrides[RATE]:.3g}" + (f" ({chosen})" if chosen else "")


def _checked(contestant: Contestant, key: str, value: object) -> float:
    known = dict.fromkeys(keys_of(contestant, "round") + keys_of(contestant, "window"))
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
    if key == CADENCE:
        if value < 1 or value != int(value):
            raise ValueError(f"{key} must be a whole number of at least 1, but is {value}")
        return int(value)
    return float(value)
