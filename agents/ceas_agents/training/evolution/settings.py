"""The settings of a search by evolution, as in the file of a training."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from ceas_agents.policies.networks import Features
from ceas_agents.settings import Checked
from ceas_agents.training.evolution.weights import SIGNS, WARY_HIDDEN
from ceas_agents.training.on_device.settings import checked
from ceas_gym.registry import nearest
from ceas_gym.task.observations import NODE_FEATURES, PLACE

Count = Annotated[int, Field(ge=1)]


class Evolution(Checked, frozen=True):
    """How the search goes on."""

    episodes: Count = 8
    """Episodes of each candidate on each scenario; all candidates play the same."""
    spread: Annotated[float, Field(gt=0)] = 1.0
    """Standard deviation of the candidates in each weight, before the first generation."""


class Network(Checked, frozen=True):
    """The network that steers CEAS."""

    network_features: list[str] = Field(default_factory=lambda: ["progress", "validation_accuracy"])
    """Features of the whole network that it sees."""
    node_features: list[str] = Field(default_factory=list[str])
    """Features of the nodes, of which it sees the means."""
    hidden: list[Count] = Field(default_factory=list[int])
    """Widths of hidden layers; none for a network of one layer."""
    start: Literal["ceas", "wary"] = "ceas"
    """What the search begins with: CEAS, or a rule that loses its trust in the best links."""

    @property
    def features(self) -> Features:
        """Returns the names of all features."""
        return Features(tuple(self.node_features), tuple(self.network_features))


def hyperparameters(given: Mapping[str, object], source: str) -> Evolution:
    """Returns the hyperparameters, after checking them.

    Args:
        given: Values by name; the others have their defaults.
        source: What error messages call the file.

    Raises:
        ValueError: If a name is unknown, or a value is wrong.
    """
    return checked(Evolution, given, f"{source}: hyperparameters")


def network(given: Mapping[str, object], source: str) -> Network:
    """Returns the arguments of the network; arguments and errors as for `hyperparameters`."""
    made = checked(Network, given, f"{source}: network")
    of_nodes = [feature.name for feature in NODE_FEATURES]
    for place, names, known in (
        ("network_features", made.network_features, list(PLACE)),
        ("node_features", made.node_features, of_nodes),
    ):
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{source}: network: {place}: {name!r} is no feature; {nearest(name, known)}"
                )
    if not [*made.network_features, *made.node_features]:
        raise ValueError(f"{source}: network: it sees nothing; name at least one feature")
    choices = " or ".join(f"[{', '.join(sees)}]" for sees in SIGNS)
    if made.start == "wary" and not _may_be_wary(made):
        raise ValueError(
            f"{source}: network: start: wary is a network with hidden [{WARY_HIDDEN}] and "
            f"network_features {choices}; set them, or start to ceas"
        )
    return made


def _may_be_wary(made: Network) -> bool:
    features = made.features
    return features.network in SIGNS and not features.nodes and made.hidden == [WARY_HIDDEN]
