"""Enumerates all states that Byzantine members can bring about in an agreement."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ceas_gym.consensus.committee import agreement
from ceas_gym.consensus.committee.agreement import Exchange, State, Value, Word

X, Y, Z = b"x", b"y", b"z"
"""Z is a value that no honest member holds."""
VALUES: tuple[Word, ...] = (None, X, Y, Z)
BITS: tuple[Word, ...] = (None, 0, 1, agreement.UNDECIDED)
Honest = tuple[State, ...]


class Game(NamedTuple):
    """Who is Byzantine, of how many members, and how many the protocol is to withstand."""

    members: int
    byzantine: int
    bad: tuple[int, ...]
    round_number: int = 0

    @property
    def honest(self) -> list[int]:
        return [one for one in range(self.members) if one not in self.bad]

    @property
    def exchanges(self) -> list[Exchange]:
        return agreement.schedule(self.members, self.byzantine, self.round_number)


def alphabet(exchange: Exchange) -> tuple[Word, ...]:
    """Returns the words that a Byzantine member can send; None stands for silence and nonsense."""
    return VALUES if exchange.name in ("vote", "second") else BITS


def hear(
    game: Game, exchange: Exchange, state: State, honest: dict[int, Word], lies: Sequence[Word]
) -> State:
    """Returns an honest member's next state, given the honest words and the lies told to it."""
    words = honest | dict(zip(game.bad, lies, strict=True))
    heard = [words[one] for one in agreement.speakers(exchange, game.members)]
    return exchange.hear(state, heard, game.members, game.byzantine)


def lies(game: Game, exchange: Exchange) -> list[tuple[Word, ...]]:
    """Returns all combinations of words that the Byzantine members can tell one honest member."""
    return list(itertools.product(alphabet(exchange), repeat=len(game.bad)))


def options(game: Game, exchange: Exchange, states: Honest) -> list[dict[State, tuple[Word, ...]]]:
    """Returns the states that each honest member can reach, and a lie that leads to each."""
    honest = {one: state.word for one, state in zip(game.honest, states, strict=True)}
    return [
        {hear(game, exchange, state, honest, lie): lie for lie in lies(game, exchange)}
        for state in states
    ]


def merged(game: Game, exchange: int, states: Honest) -> Honest:
    """Returns the states with those of honest members that will not be king again in sorted order.

    These members are interchangeable in all later exchanges, so one order represents all.
    """
    kings = {one.king for one in game.exchanges[exchange + 1 :]}
    free = [place for place, one in enumerate(game.honest) if one not in kings]
    ordered = iter(sorted((states[place] for place in free), key=repr))
    return tuple(next(ordered) if p in free else state for p, state in enumerate(states))


def explore(game: Game, held: Sequence[Value], merge: bool = False) -> tuple[set[Honest], int]:
    """Returns the final states reachable from the held values, and the number of all states."""
    reached, count = {tuple(State(value) for value in held)}, 1
    for number, exchange in enumerate(game.exchanges):
        after = {
            merged(game, number, new) if merge else new
            for states in reached
            for new in itertools.product(*options(game, exchange, states))
        }
        reached, count = after, count + len(after)
    return reached, count


def games(members: int, byzantine: int, bad: int) -> Iterator[Game]:
    """Yields a game for every choice of the Byzantine members."""
    for places in itertools.combinations(range(members), bad):
        yield Game(members, byzantine, places)


def broken(game: Game, held: Sequence[Value], end: Honest) -> str:
    """Returns which promise the final states break, or an empty string."""
    results = {agreement.result(state) for state in end}
    if len(results) > 1:
        return "agreement"
    (agreed,) = results
    if len(set(held)) == 1 and agreed != held[0]:
        return "validity"
    if agreed is not None and held.count(agreed) < game.members - 2 * game.byzantine:
        return "held by too few"
    return ""


class Move(NamedTuple):
    """What the Byzantine members tell each honest member in an exchange."""

    name: str
    lies: tuple[tuple[Word, ...], ...]


def attack(game: Game, held: Sequence[Value], promise: str) -> list[Move] | None:
    """Returns lies that break a promise, exchange by exchange; None if no lies do."""
    paths: dict[Honest, list[Move]] = {tuple(State(value) for value in held): []}
    for exchange in game.exchanges:
        after: dict[Honest, list[Move]] = {}
        for states, path in paths.items():
            each = options(game, exchange, states)
            for new in itertools.product(*each):
                told = tuple(one[state] for one, state in zip(each, new, strict=True))
                after.setdefault(new, [*path, Move(exchange.name, told)])
        paths = after
    return next((path for end, path in paths.items() if broken(game, held, end) == promise), None)
