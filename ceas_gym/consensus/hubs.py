"""The committee of a scenario: its protocol, the tags that it needs, and what a round costs it."""

from dataclasses import replace

import numpy as np

from ceas_gym.consensus import traps
from ceas_gym.consensus.committee import counts
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.physics import key
from ceas_gym.registry import asked_by
from ceas_gym.scenario import ConsensusSettings
from ceas_gym.types import MemberLink, Members, Tags

HEADER_BITS = 64
"""Length of the node's number and the round, which a tag covers in addition to the update, where
only updates have tags."""
WORD_BITS = 32
"""Length of each parameter in an update."""


def committee(
    settings: ConsensusSettings, nodes: int, parameters: int, pairs_of_node: int
) -> Committee:
    """Returns the protocol of a scenario's committee.

    Args:
        settings: Section `consensus` of the scenario.
        nodes: Number of nodes.
        parameters: Number of parameters in an update.
        pairs_of_node: Largest number of pairs that a node spends on shots in a round; each takes a
            Bell measurement, whose outcome is sent to the node.

    Raises:
        ValueError: If there are too few members for the Byzantine ones.
    """
    hubs = settings.committee
    with asked_by("consensus.committee"):
        protocol = Committee(
            members=hubs.members,
            byzantine=hubs.byzantine,
            signatures=hubs.signatures,
            timeout_windows=hubs.timeout_windows,
        )
    longest = WORD_BITS * parameters + HEADER_BITS
    if tags_on_link(settings) > 1:
        longest = counts.longest_message_bits(protocol, nodes, parameters, pairs_of_node)
    bits = key.tag_bits(longest, settings.key.security_bits)
    return replace(protocol, tag_bits=bits)


def tags_on_link(settings: ConsensusSettings) -> int:
    """Returns how many tags a node and each member exchange in a round, 1 or 2.

    Args:
        settings: Section `consensus` of the scenario.

    Example:
        >>> tags_on_link(ConsensusSettings(tagged_messages="all"))
        2
    """
    by_default = "updates" if settings.committee.members == 1 else "all"
    return 1 if (settings.tagged_messages or by_default) == "updates" else 2


def tags(settings: ConsensusSettings, protocol: Committee) -> Tags:
    """Returns what the protocol asks of the links between nodes and members.

    Args:
        settings: Section `consensus` of the scenario.
        protocol: From `committee`.
    """
    return Tags(protocol.tag_bits, tags_on_link(settings), protocol.members)


def members(protocol: Committee, link: MemberLink | None, trap_share: float = 0.0) -> Members:
    """Returns the committee as the compiled round needs it.

    Args:
        protocol: From `committee`.
        link: The link of two members; None for a single hub, which has none.
        trap_share: Share of a node's shots that are traps, in [0, 0.5].
    """
    bad = counts.spread(protocol)
    late = [counts.leader_delay(protocol, bad, r) for r in range(protocol.members)]
    pairs, fetch_pairs = (0.0, 0.0) if link is None else _pairs(protocol, link)
    return Members(
        is_byzantine=array(np.isin(range(protocol.members), bad), bool),
        delay=array(np.multiply(late, protocol.timeout_windows)),
        pairs=array(pairs),
        fetch_pairs=array(fetch_pairs),
        trap_share=array(trap_share),
        trap_doubt=array(traps.doubt(protocol.members)),
        sets_traps=trap_share > 0,
    )


def check(protocol: Committee, link: MemberLink | None, windows: int) -> None:
    """Checks that a round has time and key for the agreement; returns nothing.

    Args:
        protocol: From `committee`.
        link: The link of two members; None for a single hub.
        windows: Windows of a round.

    Raises:
        ValueError: If the time-outs of all exchanges may last longer than the windows of a round,
            or the link of two members makes too little key.
    """
    if link is None:
        return
    exchanges = counts.of_round(protocol, nodes=0).exchanges
    longest = exchanges * protocol.timeout_windows
    if longest > windows:
        raise ValueError(
            f"consensus.committee.timeout_windows = {protocol.timeout_windows:g}: the {exchanges} "
            f"exchanges of a round may take {exchanges} * timeout_windows = {longest:g} windows, "
            f"more than network.windows = {windows}"
        )
    if link.bits == 0:
        raise ValueError(
            "consensus.committee: pairs of two members yield no key, because their link is too "
            "long (link_km), or their fidelity or the readout (hardware.readout) too low"
        )
    made = link.pairs * link.bits * windows
    needed = counts.most_on_link(protocol) * protocol.tag_bits
    if made < needed:
        raise ValueError(
            f"consensus.committee: the link of two members makes {made:.0f} bits of key in a round "
            f"on average, but the agreement may take {needed}; shorten the link (link_km), or give "
            "it more interfaces (link_interfaces)"
        )


def _pairs(protocol: Committee, link: MemberLink) -> tuple[float, float]:
    # Without nodes, only the members' own links use up key.
    agreement = counts.of_round(protocol, nodes=0).key_bits
    fetches = counts.most_fetches(protocol) * protocol.tag_bits
    return agreement / link.bits, fetches / link.bits
