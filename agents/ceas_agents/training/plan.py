"""Reads the YAML file of a training and checks its settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from ceas_agents.settings import Checked, check
from ceas_gym import config
from ceas_gym.config import keys, sources, yaml_text
from ceas_gym.scenario import Scenario

Policies = Literal["mlp", "nodes", "residual", "dispatch", "steered"]
Learners = Literal["sb3.ppo", "sb3.sac", "sb3.dqn", "jax.ppo", "jax.dqn", "jax.snes"]
"""By library: Stable-Baselines3, or those in JAX: `training.on_device` and `training.evolution`."""
LEARNS: dict[Learners, tuple[Policies, ...]] = {
    "sb3.ppo": ("mlp", "nodes", "residual", "dispatch"),
    "sb3.sac": ("mlp",),
    "sb3.dqn": ("dispatch",),
    "jax.ppo": ("nodes", "residual"),
    "jax.dqn": ("dispatch",),
    "jax.snes": ("steered",),
}
"""Which policies each learner can train."""
SEARCH: Learners = "jax.snes"
"""The learner that compares whole episodes, on as many scenarios as one likes."""
SHORT: dict[str, Learners] = {
    name.removeprefix("sb3."): name for name in LEARNS if name.startswith("sb3.")
}
"""Names without the library, as files of earlier versions have them."""
BY_WINDOW = "jax.dqn or sb3.dqn (policy: dispatch), or jax.ppo"
"""Learners that train agents for windows."""
TRAINING_SEEDS, VALIDATION_SEEDS = 2**30, 2**29
"""First seeds of training and validation, far from the seeds of evaluations."""
RUNS_APART = 2**20
"""Seeds between the first seeds of two runs, so that their episodes differ."""
MOST_RUNS = (2**32 - TRAINING_SEEDS) // RUNS_APART
Count = Annotated[int, Field(ge=1)]


class Validation(Checked, frozen=True):
    """How the agent is validated during training."""

    every: Count = 50_000
    """Steps between two validations, each followed by a checkpoint."""
    episodes: Count = 20
    """Episodes of each validation, which always have the same seeds."""
    measure: Literal["return", "final_accuracy", "mean_accuracy", "utilization"] = "return"
    """Metric whose mean over the episodes decides which agent is the best."""


class Variant(Checked, frozen=True):
    """A further scenario on which an agent is trained at the same time."""

    scenario: str
    set: dict[str, Any] = Field(default_factory=dict)
    """Overrides by dotted key, in addition to those of the first scenario."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Of its return in the mean over all scenarios, above 0; the first scenario has weight 1."""


class Settings(Checked, frozen=True):
    """The settings of a training, as in its file."""

    scenario: str
    set: dict[str, Any] = Field(default_factory=dict)
    """Overrides of the scenario by dotted key."""
    also: list[Variant] = Field(default_factory=list[Variant])
    """Further scenarios; only for `jax.snes`."""
    learner: Annotated[Learners, BeforeValidator(lambda name: _full(name))] = "sb3.ppo"
    """With its library; `ppo`, `sac` and `dqn` are those of Stable-Baselines3."""
    policy: Policies = "nodes"
    steps: Count = 1_000_000
    """Decisions in total, over all rows."""
    action_repeat: Count = 1
    """Rounds for which a decision lasts in training; a trained agent decides in every round."""
    reward_scale: Annotated[float, Field(gt=0)] = 1.0
    """Factor on the rewards that the learner gets, above 0."""
    rows: Count = 32
    """Environments stepped together; for `jax.snes`, the candidates of a generation."""
    seed: Annotated[int, Field(ge=0, lt=MOST_RUNS)] = 0
    seeds: Count = 1
    """Trainings, with seeds from `seed` on; each is a run of its own."""
    validation: Validation = Field(default_factory=Validation)
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the learner, by Stable-Baselines3's names, whatever the library."""
    network: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the policy's network (`policy_kwargs`), such as `hidden` or `net_arch`."""


def _full(name: object) -> object:
    return SHORT.get(name, name) if isinstance(name, str) else name


class Plan(NamedTuple):
    """A training whose settings are checked."""

    name: str
    """Name of the file, without its extension."""
    settings: Settings
    scenario: Scenario
    others: tuple[Scenario, ...] = ()
    """On which the agent is trained at the same time."""

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Returns all scenarios, the first one first."""
        return (self.scenario, *self.others)

    @property
    def weights(self) -> list[float]:
        """Returns the weight of each scenario in means over them, above 0."""
        return [1.0, *(each.weight for each in self.settings.also)]

    @property
    def record(self) -> dict[str, object]:
        """Returns all that determines the trained agent, for JSON: settings and first seeds."""
        stage_seeds = {"training": seeds(self, 0), "validation": VALIDATION_SEEDS}
        settings = self.settings.model_dump(mode="json", exclude={"seeds"})
        return {**settings, "first seeds": stage_seeds}


def load(path: Path, overrides: Mapping[str, object] | None = None, **changes: int | None) -> Plan:
    """Returns the plan of a file.

    Args:
        path: YAML file.
        overrides: Values by dotted key of the scenario, instead of those under the file's `set`.
        **changes: Settings instead of the file's, where not None, such as `seed` in [0, 3072).

    Raises:
        ValueError: If the file can't be read or a setting is wrong.
    """
    source = str(path)
    data = yaml_text.mapping(sources.file_text(source), source, "settings")
    if "hold" in data:
        raise ValueError(f"{source}: hold is now called action_repeat")
    data |= {name: value for name, value in changes.items() if value is not None}
    settings = check(Settings, data, source, {"validation": Validation, "also": Variant})
    with sources.prefixing(lambda: source):
        fixed = config.stripped(settings.set) | config.stripped(overrides or {})
        settings = settings.model_copy(update={"set": fixed})
        _require_trainable(settings)
        first, *others = [
            _scenario(name, found, path.parent) for name, found in _variants(settings)
        ]
        for scenario in (first, *others):
            _require_fit(settings, scenario)
    return Plan(path.stem, settings, first, tuple(others))


def _variants(settings: Settings) -> list[tuple[str, dict[str, Any]]]:
    others = [(each.scenario, settings.set | config.stripped(each.set)) for each in settings.also]
    return [(settings.scenario, settings.set), *others]


def _scenario(name: str, overrides: Mapping[str, Any], folder: Path) -> Scenario:
    if sources.is_path(name, folder=folder):
        name = str(folder / name)
    return config.load(name, overrides)


def _require_trainable(settings: Settings) -> None:
    for key in [*settings.set, *(key for each in settings.also for key in each.set)]:
        if key not in keys.KEYS:
            raise ValueError(f"set: {keys.unknown(key)}")
    if settings.policy not in (known := LEARNS[settings.learner]):
        raise ValueError(
            f"policy: {settings.learner} trains {' or '.join(known)}, not {settings.policy}"
        )
    if settings.also and settings.learner != SEARCH:
        raise ValueError(
            f"also: {settings.learner} trains on one scenario; leave it out, or set learner to "
            f"{SEARCH}"
        )
    if settings.seed + settings.seeds > MOST_RUNS:
        raise ValueError(
            f"seeds: {settings.seeds} from {settings.seed} on are too many; the last one must be "
            f"below {MOST_RUNS}"
        )
    stages = settings.steps // settings.validation.every + 1
    if stages * settings.rows > RUNS_APART:
        raise ValueError(f"validation.every: {stages} stages are too many; validate less often")


def _require_fit(settings: Settings, scenario: Scenario) -> None:
    _require_repeat(settings, scenario)
    if settings.learner == SEARCH:
        _require_search(settings, scenario)
    if settings.learner.startswith("jax.") or settings.policy == "dispatch":
        return
    if scenario.episode.decision != "round":
        raise ValueError(
            f"set: episode.decision is {scenario.episode.decision}, but {settings.learner} trains "
            f"agents for whole rounds; set it to round, or learner to {BY_WINDOW}"
        )
    if settings.policy == "residual" and scenario.episode.layouts > 1:
        raise ValueError(
            f"policy: residual is trained on one layout by {settings.learner}, but "
            f"episode.layouts is {scenario.episode.layouts}; set it to 1"
        )


def _require_search(settings: Settings, scenario: Scenario) -> None:
    if scenario.episode.decision == "round":
        raise ValueError(
            f"scenario: in {scenario.name}, a step is a round, but {settings.policy} agents "
            "schedule single windows; set episode.decision to window"
        )
    if settings.reward_scale != 1:
        raise ValueError(
            f"reward_scale: for {SEARCH} only the order of candidates counts, so it can't be "
            f"{settings.reward_scale:g}; leave it out"
        )
    if settings.rows % 2:
        raise ValueError(
            f"rows: {SEARCH} has pairs of candidates, so it can't be {settings.rows}; set it to an "
            "even number"
        )


def _require_repeat(settings: Settings, scenario: Scenario) -> None:
    repeat, rounds = settings.action_repeat, scenario.episode.rounds
    by_window = scenario.episode.decision == "window"
    if repeat > 1 and (by_window or settings.learner.startswith("jax.")):
        who = f"episode.decision is {scenario.episode.decision} and the learner {settings.learner}"
        raise ValueError(
            f"action_repeat: {who}, which decides in every step, so it can't be {repeat}; "
            "set it to 1"
        )
    if not by_window and rounds % repeat:
        raise ValueError(f"action_repeat: {repeat} does not divide the {rounds} rounds")


def seeds(plan: Plan, stage: int) -> int:
    """Returns the seed of a stage's learner, which is also that of the first row's first episode.

    Row i begins with this seed plus i, so the seeds of two stages are `rows` apart.

    Args:
        plan: The training.
        stage: Its index, in [0, 2**20 / rows).

    Returns:
        A seed in [2**30, 2**32).
    """
    return TRAINING_SEEDS + plan.settings.seed * RUNS_APART + stage * plan.settings.rows


def stage_end(plan: Plan, steps: int) -> int:
    """Returns the steps after which a stage is over, in decisions over all rows.

    Args:
        plan: The training.
        steps: Steps at the start of the stage, at least 0.
    """
    every = plan.settings.validation.every
    return min((steps // every + 1) * every, plan.settings.steps)
