"""The agreement against everything that Byzantine members can do, within and beyond the bound."""

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from consensus.committee import explorer
from consensus.committee.explorer import Game, X, Y, Z
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.consensus.committee import agreement, counts
from ceas_gym.consensus.committee.agreement import State, Value, Word
from ceas_gym.consensus.committee.settings import Committee


def enumerate_all(
    members: int, byzantine: int, bad: int, values: Sequence[Value]
) -> tuple[int, Counter[str]]:
    """Returns how many states are reached and how often each promise is broken, over all cases."""
    states, breaks = 0, Counter[str]()
    for game in explorer.games(members, byzantine, bad):
        for held in itertools.product(values, repeat=members - bad):
            ends, count = explorer.explore(game, held)
            breaks.update(filter(None, (explorer.broken(game, held, end) for end in ends)))
            states += count
    return states, breaks


# --- Within the bound ---


@pytest.mark.parametrize(
    ("values", "least"), [((None, X), 13_000), ((None, X, Y), 48_000)], ids=["one", "two"]
)
def test_one_bad_member_of_four_breaks_nothing(values: Sequence[Value], least: int) -> None:
    states, breaks = enumerate_all(members=4, byzantine=1, bad=1, values=values)
    assert not breaks
    assert states > least


@pytest.mark.slow
@pytest.mark.parametrize("bad", [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (3, 4)])
def test_two_bad_members_of_seven_break_nothing(bad: tuple[int, int]) -> None:
    # Members 3 to 6 are never king, so one order of their values and states represents all.
    game, total = Game(7, 2, bad), 0
    for held in itertools.product((None, X, Y), repeat=5):
        free = [repr(v) for one, v in zip(game.honest, held, strict=True) if one > 2]
        if free == sorted(free):
            ends, states = explorer.explore(game, held, merge=True)
            assert not any(explorer.broken(game, held, end) for end in ends)
            total += states
    assert total > 30_000


@pytest.mark.parametrize("leader", range(4))
def test_place_of_the_bad_member_among_the_leaders_is_all_that_matters(leader: int) -> None:
    # The same game with other numbers: round r with Byzantine member m equals round 0 with m - r.
    turned = explorer.explore(Game(4, 1, (leader,), round_number=leader), (X, X, None))
    first = explorer.explore(Game(4, 1, (0,)), (X, X, None))
    assert turned[1] == first[1]


def play(game: Game, held: Sequence[Value], choose: st.DataObject) -> explorer.Honest:
    states = tuple(State(value) for value in held)
    for exchange in game.exchanges:
        honest = {one: state.word for one, state in zip(game.honest, states, strict=True)}
        told = st.tuples(*[st.sampled_from(explorer.alphabet(exchange)) for _ in game.bad])
        states = tuple(
            explorer.hear(game, exchange, state, honest, choose.draw(told)) for state in states
        )
    return states


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.data())
def test_search_finds_no_break_by_two_bad_members_of_seven(data: st.DataObject) -> None:
    bad = tuple(sorted(data.draw(st.sets(st.integers(0, 6), min_size=2, max_size=2))))
    game = Game(7, 2, bad, data.draw(st.integers(0, 6)))
    held = data.draw(st.tuples(*[st.sampled_from([None, X, Y])] * 5))
    assert not explorer.broken(game, held, play(game, held, data))


@pytest.mark.parametrize("value", [None, X])
@pytest.mark.parametrize("byzantine", range(4))
def test_without_bad_members_what_all_hold_is_agreed_on(byzantine: int, value: Value) -> None:
    members = 3 * byzantine + 1
    game = Game(members, byzantine, bad=())
    ends, states = explorer.explore(game, [value] * members)
    assert {agreement.result(state) for end in ends for state in end} == {value}
    assert states == 1 + len(game.exchanges)


@pytest.mark.parametrize("byzantine", range(4))
def test_number_of_exchanges_is_as_stated_and_one_king_is_honest(byzantine: int) -> None:
    members = 3 * byzantine + 1
    for number in range(2 * members):
        exchanges = agreement.schedule(members, byzantine, number)
        committee = Committee(members=members, byzantine=byzantine)
        assert len(exchanges) == counts.agreement_exchanges(committee) == 5 + 3 * byzantine
        kings = [one.king for one in exchanges if one.king is not None]
        assert len(set(kings)) == len(kings) == byzantine + 1
        assert kings[0] == number % members


# --- Beyond the bound ---


def replayed(game: Game, held: Sequence[Value], moves: list[explorer.Move]) -> set[Value]:
    """Returns the values that honest members end with, given the lies that they are told."""
    states = [State(value) for value in held]
    for exchange, move in zip(game.exchanges, moves, strict=True):
        honest = {one: state.word for one, state in zip(game.honest, states, strict=True)}
        told = zip(states, move.lies, strict=True)
        states = [explorer.hear(game, exchange, state, honest, lie) for state, lie in told]
    return {agreement.result(state) for state in states}


@pytest.mark.parametrize("bad", range(3))
@pytest.mark.parametrize("held", [(X, None), (X, Y)])
def test_one_bad_member_of_three_splits_the_others(bad: int, held: Sequence[Value]) -> None:
    # The bound is tight, whether the Byzantine member is the first king, the second or none.
    game = Game(3, 1, bad=(bad,))
    moves = explorer.attack(game, held, "agreement")
    assert moves
    assert replayed(game, held, moves) == {X, None}


def test_two_bad_members_of_four_break_every_promise() -> None:
    states, breaks = enumerate_all(members=4, byzantine=1, bad=2, values=(None, X))
    assert set(breaks) == {"agreement", "validity", "held by too few"}
    assert states > 25_000


# --- Words that make no sense ---


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 255), st.binary(max_size=3)), min_size=3),
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_nonsense_is_heard_without_an_error(words: list[Word]) -> None:
    for exchange in agreement.schedule(4, 1, 0):
        state = exchange.hear(State(None), words, 4, 1)
        assert state.word in (None, 0, 1, 2) or isinstance(state.word, bytes)


def test_words_are_counted_once_for_each_member() -> None:
    heard: list[Word] = [Z, Z, X, X]
    assert agreement.hear_proposals(State(None), heard, 4, 1).candidate == X
    assert agreement.hear_votes(State(X), [X, X, X, Z], 4, 1).word == X
    assert agreement.hear_votes(State(X), [X, X, Y, Z], 4, 1).word is None
