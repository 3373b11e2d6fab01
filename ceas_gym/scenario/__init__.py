"""All settings: the sections of a scenario. Every setting has a default and, in its name, its unit.

The physical defaults describe trapped ions with multiplexing, and were fixed before any result
was looked at. Each one names its source, or is marked as an assumption where no experiment gives
it.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario import partition
from ceas_gym.scenario.committee import CommitteeSettings
from ceas_gym.scenario.consensus import (
    AttackSettings,
    ConsensusSettings,
    KeySettings,
    VerificationSettings,
)
from ceas_gym.scenario.graph import EdgeSettings, GraphSettings, MapSettings
from ceas_gym.scenario.hardware import HardwareSettings
from ceas_gym.scenario.learning import LearningSettings
from ceas_gym.scenario.network import ConditionSettings, NetworkSettings
from ceas_gym.scenario.section import Count, Probability, Section

__all__ = [
    "AttackSettings",
    "CommitteeSettings",
    "ConditionSettings",
    "ConsensusSettings",
    "EdgeSettings",
    "EpisodeSettings",
    "GraphSettings",
    "HardwareSettings",
    "KeySettings",
    "LearningSettings",
    "MapSettings",
    "NetworkSettings",
    "Scenario",
    "Section",
    "VerificationSettings",
]


class EpisodeSettings(Section, frozen=True):
    """The training budget, the reward, and the number of layouts."""

    decision: Literal["round", "window"] = "round"
    """What a step is. `round`: the action is the schedule of `network.windows` windows, after which
    the barrier fires. `window`: the action gives the shares of one window, and says whether the
    barrier fires at its end."""
    rounds: Count = 60
    """The budget, if there is no `budget_s`: so many rounds of `network.windows` windows and a
    barrier each. Training without attack is near its plateau by then."""
    budget_s: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    """The budget as time, in s; it replaces `rounds`. A window or a barrier that would end later
    is not begun."""
    target_accuracy: Probability = 0.86
    """Test accuracy; results report the first round that reaches it. In the shipped scenarios it is
    five percentage points below the mean accuracy that exact gradients reach within the budget,
    without noise and attack, over layouts and twenty starts, rounded down to a whole per cent
    (`tests/helpers/noiseless.py`)."""
    reward: str = "loss_decrease"
    """Name of the reward of the scheduler; it changes nothing else."""
    layouts: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of layouts (a network and a split of the data each), of which an episode plays one.
    Seed s plays layout s modulo this number. Layout j is the scenario with `network.layout_seed`
    and `learning.data_seed` raised by j."""


class Scenario(Section, frozen=True):
    """All settings, which are fixed before an episode starts.

    Example:
        >>> Scenario().network.nodes
        10
    """

    name: str = "custom"
    """Name of the scenario in tables and figures."""
    network: NetworkSettings = NetworkSettings()
    hardware: HardwareSettings = HardwareSettings()
    learning: LearningSettings = LearningSettings()
    consensus: ConsensusSettings = ConsensusSettings()
    attack: AttackSettings = AttackSettings()
    episode: EpisodeSettings = EpisodeSettings()

    @property
    def tolerated_nodes(self) -> int:
        """Returns the number of Byzantine nodes that the rule is set for, in [0, nodes / 2)."""
        tolerated = self.consensus.tolerated_nodes
        return self.attack.byzantine_nodes if tolerated is None else tolerated

    @property
    def teams(self) -> int:
        """Returns the number of teams, each of which makes one update; at least 1."""
        return self.network.nodes // self.network.team_size

    @model_validator(mode="after")
    def _check(self) -> "Scenario":
        partition.check(self.network, self.learning, self.consensus)
        tolerated = "consensus.tolerated_nodes"
        for key, bad, most in (
            ("attack.byzantine_nodes", self.attack.byzantine_nodes, self.network.nodes),
            (tolerated, self.tolerated_nodes, self.network.nodes),
        ):
            if 2 * bad >= most:
                raise ValueError(
                    f"{key} = {bad} is not below half of network.nodes = {most}: no rule "
                    f"withstands that many; set it to {(most - 1) // 2} at most"
                )
        if 2 * self.tolerated_nodes >= self.teams:
            is_set = self.consensus.tolerated_nodes is not None
            source = tolerated if is_set else f"{tolerated}, by default attack.byzantine_nodes,"
            raise ValueError(
                f"{source} = {self.tolerated_nodes} is not below half of the {self.teams} teams of "
                f"network.team_size = {self.network.team_size}, and each such node may spoil one: "
                "no rule withstands that many; tolerate fewer, or take more nodes"
            )
        share = self.tolerated_nodes / self.teams
        if share > self.consensus.largest_share:
            spoiled = " among the teams, if each spoils one" if self.network.team_size > 1 else ""
            raise ValueError(
                f"consensus.largest_share = {self.consensus.largest_share} is below the share "
                f"{share:.3f} of the tolerated nodes{spoiled}: no round could ever be committed"
            )
        if self.network.spend == "on_arrival" and self.consensus.verification.pairs > 0:
            raise ValueError(
                f"network.spend = on_arrival, but consensus.verification.pairs = "
                f"{self.consensus.verification.pairs}: pairs are tested at the barrier; set it to 0"
            )
        return self
