"""The frozen records that the stages of a round pass to each other.

Axes have the same names everywhere:

- `nodes`, `windows`; `hops` of a node's route from the hub; `edges` and `vertices` of the fibres;
- `ages`: whole windows since the end of the one in which a pair was heralded; `slots`: rounds
  since key was distilled;
- `teams` of nodes that work on one circuit, and the `qpus` of a team; `gates` that are teleported;
- `xyz`: X, Y and Z; the contractions of these three describe a pair (`physics.bell.teleport`);
- `truth_and_estimate`: the truth first, the hub's estimate last; where nothing drifts and nothing
  is tested, the estimate is the truth, and the axis has one entry;
- `bottlenecks`: the hub, then every fibre that several routes share;
- `conditions` of a link: good, degraded, down;
- `members` of the committee;
- `parameters` of the circuit; `paulis`, the Pauli words of the register that the observables need;
  `pauli_types`, the numbers of X, Y and Z in a Pauli word (`physics.register.pauli_types`).
"""

from ceas_gym.types.network import (
    ConditionModel,
    Generation,
    KeyBudget,
    MemberLink,
    Memories,
    Network,
    Operations,
    Pace,
    Routes,
    Switch,
    Tags,
    Verification,
)
from ceas_gym.types.params import (
    Adversary,
    Consensus,
    Layouts,
    Learning,
    Members,
    Params,
    Partition,
    Sabotage,
    Split,
    TrapChances,
)
from ceas_gym.types.round import (
    Coalition,
    Links,
    Metrics,
    Observation,
    Pulled,
    Received,
    Round,
    TimeStep,
    Verdict,
)
from ceas_gym.types.state import (
    Cache,
    Conditions,
    Evidence,
    Model,
    Report,
    Scores,
    State,
    TrapResults,
    Workers,
)
from ceas_gym.types.stores import Delivery, Gathered, Ledger, Memory
from ceas_gym.types.teams import Shot, Teams

__all__ = [
    "Adversary",
    "Cache",
    "Coalition",
    "ConditionModel",
    "Conditions",
    "Consensus",
    "Delivery",
    "Evidence",
    "Gathered",
    "Generation",
    "KeyBudget",
    "Layouts",
    "Learning",
    "Ledger",
    "Links",
    "MemberLink",
    "Members",
    "Memories",
    "Memory",
    "Metrics",
    "Model",
    "Network",
    "Observation",
    "Operations",
    "Pace",
    "Params",
    "Partition",
    "Pulled",
    "Received",
    "Report",
    "Round",
    "Routes",
    "Sabotage",
    "Scores",
    "Shot",
    "Split",
    "State",
    "Switch",
    "Tags",
    "Teams",
    "TimeStep",
    "TrapChances",
    "TrapResults",
    "Verdict",
    "Verification",
    "Workers",
]
