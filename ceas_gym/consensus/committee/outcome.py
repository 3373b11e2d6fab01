"""What came of a round of the committee."""

from dataclasses import dataclass

from ceas_gym.consensus.committee.agreement import Value
from ceas_gym.consensus.committee.members import Model
from ceas_gym.consensus.committee.network import Bodies, Envelope


@dataclass(frozen=True)
class Outcome:
    """The result of a round.

    Attributes:
        taking_part: The nodes that took part, in [0, N), in ascending order.
        accepted: By honest node that took part, the model that it accepted in the first exchange,
            in single precision, shape (parameters,); None if too few members confirmed one.
        corrections: Outcomes of Bell measurements that arrived, by member, in [0, c), and node, in
            [0, N). If a member sent a node none, there is no such entry.
        agreed: By honest member, what it agreed on for each of the N nodes: a digest, or None.
        models: By honest member, the model that it computed for the next round, in the same form.
            It is the model of the last round if no update counts, and None if the member lacks an
            update that counts.
        sent: Number of messages sent, those of Byzantine parties included.
        node_tags: Number of tags for which links of a node and a member used up key.
        member_tags: Number of tags for which links of two members used up key.
        signatures: Number of signatures that members made.
        key_bits: Bits of key that the links used up; both ends use up the same bits, counted once.
        fetches: Number of messages that were due in `fetch`, whether or not they arrived.
        exchanges: Number of exchanges.
        waited: Position (from 0) and name of each exchange in which an honest member waited until
            the deadline for a message that did not arrive.
        traffic: All messages so far, which Byzantine parties may read in later rounds.
    """

    taking_part: tuple[int, ...]
    accepted: dict[int, Model | None]
    corrections: Bodies
    agreed: dict[int, tuple[Value, ...]]
    models: dict[int, Model | None]
    sent: int
    node_tags: int
    member_tags: int
    signatures: int
    key_bits: int
    fetches: int
    exchanges: int
    waited: tuple[tuple[int, str], ...]
    traffic: tuple[Envelope, ...]

    @property
    def timeouts(self) -> int:
        """Returns in how many exchanges an honest member waited until the deadline.

        The number is in [0, E], where E is the number of exchanges.
        """
        return len(self.waited)

    @property
    def deadline(self) -> int:
        """Returns when the last exchange ended in which a member waited, in time-outs.

        It is counted from the start of the first exchange and is in [0, E], where E is the number
        of exchanges; 0 if no member waited.
        """
        return self.waited[-1][0] + 1 if self.waited else 0

    def counted(self) -> set[int]:
        """Returns the nodes whose updates count, in [0, N).

        Raises:
            ValueError: If the honest members do not agree. This is possible only if more than b
                members are Byzantine, or too many links of members are short of key.
        """
        vectors = set(self.agreed.values())
        if len(vectors) != 1:
            raise ValueError(
                "The honest members do not agree: more than b members are Byzantine, or links of "
                "members are short of key."
            )
        return {k for k, value in enumerate(vectors.pop()) if value is not None}
