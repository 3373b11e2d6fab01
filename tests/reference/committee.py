"""The committee of the reference: a round's messages are executed one by one, with real tags."""

import numpy as np

from ceas_gym.consensus.committee import counts
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.network import Behaviour, Envelope, Scene
from ceas_gym.consensus.committee.round import Outcome, execute
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.scenario import Scenario
from reference.pairs import Array

SPARE = 1 + 1e-6
"""The sum of a node's bits may be rounded to just below what the tags of a round take."""


def play(
    scenario: Scenario, tag_bits: int, number: int, updates: Array, key_bits: list[list[float]]
) -> Outcome:
    """Returns the outcome of a round of the scenario's committee.

    Args:
        scenario: Names the protocol, and what Byzantine members do.
        tag_bits: Length of a tag, in bits.
        number: Index of the round; at least 0.
        updates: Of all nodes, shape (nodes, parameters).
        key_bits: Key that each node shares with each member, in bits.
    """
    asked = scenario.consensus.committee
    committee = Committee(
        members=asked.members,
        byzantine=asked.byzantine,
        signatures=asked.signatures,
        timeout_windows=asked.timeout_windows,
        tag_bits=tag_bits,
    )
    random, c, store = np.random.default_rng(number), committee.members, KeyStore(tag_bits)
    store.deal(
        random, [(one, m) for m in range(c) for one in range(m)], counts.most_on_link(committee)
    )
    for k, pools in enumerate(key_bits):
        for m, bits in enumerate(pools):
            store.deal(random, [(m, c + k)], tags=int(bits * SPARE) // tag_bits)
    return execute(
        committee,
        np.zeros(updates.shape[1]),
        updates,
        store,
        lambda chosen: np.mean(list(chosen.values()), axis=0),
        round_number=number,
        bad=counts.spread(committee),
        behaviour=behaviour(scenario.attack.name, number >= (scenario.attack.onset_round or 0)),
    )


def behaviour(attack: str, acting: bool) -> Behaviour:
    """Returns what Byzantine members do under the name of an attack, if it has begun."""
    parts = [BEHAVIOURS[part] for part in attack.split("+") if acting and part in BEHAVIOURS]

    def act(scene: Scene) -> list[Envelope]:
        # Each of these behaviours sends nothing in one exchange, and obeys in the others.
        return min((list(part(scene)) for part in parts), key=len, default=scene.obey())

    return act


def late_windows(scenario: Scenario, number: int) -> float:
    """Returns by how many windows the agreement of a round was late, at least 0."""
    asked = scenario.consensus.committee
    outcome = play(scenario, 8, number, np.zeros((1, 1)), [[16.0] * asked.members])
    return outcome.deadline * asked.timeout_windows


def bits_of_agreement(scenario: Scenario, tag_bits: int) -> int:
    """Returns the bits of key that members use up in a round if nobody lies; at least 1."""
    asked = scenario.consensus.committee
    c, phases = asked.members, asked.byzantine + 1
    if asked.signatures == "none":
        return max(tag_bits * (c - 1) * (2 * c + phases * (2 * c + 1)), 1)
    signatures = c * c if asked.byzantine else c
    return max(tag_bits * (c - 1) * (phases * c + 3 * signatures), 1)
