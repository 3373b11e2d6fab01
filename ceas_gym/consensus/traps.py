"""Traps: samples that the nodes know, by which they find members that teleport false data.

Tags prove who sent a message, not that a teleported state is the one that was asked for. Some
samples are known to the nodes: their classical description came under tags, and b + 1 members
confirmed it. A node asks for one of them as for any other sample. Only when the state has arrived
does the node decide to test it, instead of using it: it undoes the encoding and looks for all
zeros. So a member can't tell a trap from data. The state that was asked for passes with a
probability that is its fidelity after the node's channel. Another state passes with its overlap,
after that channel, with the one that was asked for.

**Fair coins.** For each trap, the node draws the member that serves it, with equal probabilities
for all that are not exposed. Take a trap that passed, and that i or j served. If both are honest,
either of them served it with probability 1/2, whatever the state, the pairs and their age are. So
nothing is calibrated, and neither nodes nor rounds need the same fidelity. It is assumed that
honest members serve a node equally well.

**Bets.** Whoever claims that j is more honest than i bets on each of these coins. With a stake r of
the capital, the capital is multiplied by 1 + r if the trap was j's and by 1 - r if it was i's.
Between honest members this is a fair game. So the capital, 1 at first, ever reaches K with a
probability of at most 1/K (Ville's inequality), even if the number of traps depends on earlier
results. No bound on the number of rounds is needed. Each node has a bet of its own, and their
capitals are multiplied, so the logarithm of the capital is a sum over the nodes.

**Lying nodes.** A Byzantine node may report anything. So the f nodes that speak most against i are
left out, where f is the number of Byzantine nodes that the rule is set for. What remains is at
most the sum over any N - f honest nodes, of N in all, that are chosen before the first trap.

**Exposure.** A member i is exposed if b + 1 members win a bet against it, with any of the stakes in
`STAKES`. One of them is honest, because at most b members are not. With

    K = len(STAKES) (c - 1) / FALSE_ALARM,

the union bound over all stakes and other members j says that an honest member is exposed in an
episode with a probability of at most `FALSE_ALARM`, whatever Byzantine nodes and members do.

At least b + 1 members are honest. So a Byzantine one is exposed in the end if its traps pass less
than ln(1 + r) / -ln(1 - r) times as often as theirs: less than 0.88 times, for the least stake r. A
member that serves false data in less than about an eighth of its shots may never be exposed, but
does that much less harm. Lying nodes can delay an exposure, and many of them can prevent it; in the
simulation all nodes report the truth.

Source:
    Ville, Etude critique de la notion de collectif (1939); as tests by bets: Shafer, J. R. Stat.
    Soc. A 184, 407 (2021), arXiv:1903.06991. Traps, in verified computation: Fitzsimons and
    Kashefi, PRA 96, 012303 (2017), arXiv:1203.5217. What is done here is our own derivation.
"""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Delivery, Members, TrapResults

FALSE_ALARM = 1e-6
"""Greatest probability with which an honest member is exposed in an episode."""
STAKES = (1 / 2, 1 / 4, 1 / 8)
"""Shares of the capital that are bet. Large ones soon find a member that serves only false data;
small ones find one that serves them now and then."""


def doubt(members: int) -> float:
    """Returns the natural logarithm of the capital K at which a bet is won, greater than 0.

    Args:
        members: Number c of members; at least 1.

    Example:
        >>> print(f"{doubt(4):.2f}")
        16.01
    """
    return math.log(len(STAKES) * max(members - 1, 1) / FALSE_ALARM)


def start(members: Members, nodes: int) -> TrapResults | None:
    """Returns what is known before the first trap; None where no traps are set."""
    if not members.sets_traps:
        return None
    nobody = jnp.zeros_like(members.is_byzantine)
    return TrapResults(passed=jnp.zeros((nodes, nobody.size), jnp.int32), exposed=nobody)


def served_by_byzantine(members: Members, results: TrapResults | None) -> Float[Array, ""]:
    """Returns the share of every node's data that Byzantine members serve, in [0, 1).

    All members that are not exposed serve all nodes alike.

    Args:
        members: The committee.
        results: What the traps say of its members; None where no traps are set.
    """
    if results is None:
        return members.is_byzantine.mean()
    serving = ~results.exposed
    return (members.is_byzantine & serving).sum() / jnp.maximum(serving.sum(), 1)


def number(members: Members, shots: Int[Array, " nodes"]) -> Int[Array, " nodes"]:
    """Returns how many of a node's shots are traps: the whole part of their share.

    Args:
        members: The share, in [0, 0.5].
        shots: Shots that the node's pairs allow; at least 0.
    """
    return jnp.floor(members.trap_share * shots).astype(shots.dtype)


def set_aside(members: Members, able: Delivery) -> Delivery:
    """Returns the delivery without the shots that are traps, whether or not anybody lies."""
    if not members.sets_traps:
        return able
    return replace(able, shots=able.shots - number(members, able.shots))


def record(
    members: Members,
    tolerated: Int[Array, ""],
    results: TrapResults,
    made: Int[Array, " nodes"],
    chance: Float[Array, "nodes members"],
    key: Key[Array, ""],
) -> TrapResults:
    """Returns the results after the traps of a round, and who is exposed by then.

    Args:
        members: The committee.
        tolerated: Number f of nodes whose reports may be false.
        results: Results before the round.
        made: Traps that each node reports; at least 0.
        chance: Probability that a trap passes, by node and by the member that served it.
        key: Random key.
    """
    passed = results.passed + draw(results.exposed, made, chance, key)
    found = exposed(members, tolerated, passed)
    return TrapResults(passed=passed, exposed=results.exposed | found)


def draw(
    is_exposed: Bool[Array, " members"],
    made: Int[Array, " nodes"],
    chance: Float[Array, "nodes members"],
    key: Key[Array, ""],
) -> Int[Array, "nodes members"]:
    """Returns how many traps pass, by node and by the member that was drawn to serve them.

    Multinomial numbers are drawn as binomial ones, one member after the other.

    Args:
        is_exposed: Members that serve no data.
        made: Traps of each node; at least 0.
        chance: Probability that a trap passes, in [0, 1].
        key: Random key.

    Source:
        Devroye, Non-Uniform Random Variate Generation (1986), section XI.1.
    """
    share = jnp.where(is_exposed, 0, 1 / jnp.maximum((~is_exposed).sum(), 1))
    passing = (share * chance).T

    def next_member(
        rest: tuple[Array, Array], member: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        (left, likely), (of_member, key) = rest, member
        number = randomness.binomial(key, left, of_member / jnp.maximum(likely, 1e-9))
        return (left - number.astype(left.dtype), likely - of_member), number

    every = (made, jnp.ones_like(passing[0]))
    keys = jax.random.split(key, len(passing))
    return jax.lax.scan(next_member, every, (passing, keys))[1].T


def exposed(
    members: Members, tolerated: Int[Array, ""], passed: Int[Array, "nodes members"]
) -> Bool[Array, " members"]:
    """Returns which members are exposed: b + 1 others win a bet against each of them.

    The f nodes that speak most against a member are left out.

    Args:
        members: The number b, and the capital at which a bet is won.
        tolerated: Number f of nodes whose reports may be false.
        passed: Traps that passed, by node and member.

    Example:
        Of four members, the first serves false data. Two of three nodes have set traps.

        >>> from types import SimpleNamespace
        >>> four = SimpleNamespace(byzantine=1, trap_doubt=doubt(4))
        >>> passed = jnp.array([[9, 80, 80, 80], [9, 80, 80, 80], [0, 0, 0, 0]])
        >>> exposed(four, jnp.int32(1), passed).tolist()
        [True, False, False, False]
        >>> exposed(four, jnp.int32(2), passed).tolist()
        [False, False, False, False]
    """
    stake = jnp.array(STAKES)[:, None, None, None]
    against, of = passed.T[:, None], passed.T[None, :]
    capital = jnp.log1p(stake) * of + jnp.log1p(-stake) * against
    trusted = jnp.arange(len(passed)) < len(passed) - tolerated
    kept = jnp.where(trusted, jnp.sort(capital, axis=-1), 0).sum(axis=-1)
    wins = (kept >= members.trap_doubt).any(axis=0)
    return wins.sum(axis=1) > members.byzantine
