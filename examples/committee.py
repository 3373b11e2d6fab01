"""A committee of four decides which updates count, and a member tells others different things."""

from dataclasses import replace

import numpy as np

from ceas_gym.consensus.committee import counts, keys
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.round import execute
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.physics import key

BAD = 0
"""The Byzantine member, which is the first king of round 0."""


def mean(updates):
    """Returns the mean of the agreed updates, which are given by node."""
    return np.mean(list(updates.values()), axis=0)


model = np.zeros(8)
updates = np.random.default_rng(1).normal(size=(5, 8))
committee = Committee(members=4, byzantine=1)
longest = counts.longest_message_bits(committee, *updates.shape, pairs_per_node=512)
committee = replace(committee, tag_bits=key.tag_bits(longest, security_bits=64))
most = counts.most_on_link(committee)
store = keys.full(committee, len(updates), np.random.default_rng(2), tags=most)

outcome = execute(
    committee, model, updates, store, mean, bad=[BAD], behaviour=BEHAVIOURS["equivocation"]
)
for member, vector in outcome.agreed.items():
    agreed = " ".join(value.hex()[:6] if value else "nothing" for value in vector)
    print(f"member {member} agreed on {agreed}")
accepted = all(np.array_equal(one, model) for one in outcome.accepted.values())
print(f"all nodes started with the model of the last round: {accepted}")
print(f"tags: {outcome.node_tags} with nodes, {outcome.member_tags} among members")
print(f"of these {outcome.fetches} for updates that the Byzantine member claimed to lack")
print(f"key: {outcome.key_bits} bits, {committee.tag_bits} a tag")
