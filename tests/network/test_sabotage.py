"""What the coalition does to the network: exhaustion against its closed form and quota, jamming."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import adversaries
from helpers.coalitions import coalition
from network import built
from numpy.typing import NDArray

from ceas_gym import sabotage
from ceas_gym.network import conditions
from ceas_gym.scenario import AttackSettings
from ceas_gym.types import Adversary, Delivery, Network

Floats = NDArray[np.float64]
NODES, WINDOWS, CHANNELS = 10, 4, 2
BAD = np.arange(NODES) < 3


class Scene(NamedTuple):
    """The parameters that sabotage looks at."""

    network: Network | None
    adversary: Adversary


def scene(name: str, network: Network | None = None, **settings: Any) -> Any:
    adversary = adversaries.build_adversary(AttackSettings(name=name, **settings), rounds=10)
    return Scene(network, adversary)


exhaust, jam, withhold = map(jax.jit, (sabotage.schedule, sabotage.links, sabotage.delivery))


def star(quota: float = 1.25) -> Network:
    return built.build(nodes=NODES, channels=CHANNELS, windows=WINDOWS, quota=quota)


def granted(schedule: Floats, factor: float, quota: float, name: str = "exhaustion") -> Floats:
    given = scene(name, star(quota), request_factor=factor)
    found = exhaust(given, coalition(BAD), jnp.asarray(schedule, jnp.float32))
    return np.asarray(found, float)


EQUAL = np.full((WINDOWS, NODES), CHANNELS / NODES)
FAIR = WINDOWS * CHANNELS / NODES


@pytest.mark.parametrize("factor", [1.0, 2.0, 4.0])
def test_without_a_quota_honest_nodes_keep_what_the_closed_form_says(factor: float) -> None:
    found = granted(EQUAL, factor, quota=1e6)
    bad = BAD.sum()
    left = NODES / (factor * bad + NODES - bad)
    assert found[:, ~BAD] == pytest.approx(EQUAL[:, ~BAD] * left, rel=1e-6)
    assert found[:, BAD] == pytest.approx(EQUAL[:, BAD] * left * factor, rel=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.full(WINDOWS, CHANNELS), rel=1e-6)


def test_ten_of_fifty_that_ask_fourfold() -> None:
    # The sheet's figure: 0.625 for f = 10 of n = 50 and q = 4.
    network = built.build(nodes=50, channels=5, windows=1, quota=1e6)
    bad = jnp.arange(50) < 10
    equal = jnp.full((1, 50), 0.1)
    found = exhaust(scene("exhaustion", network), coalition(bad), equal)
    assert float(found[0, -1]) == pytest.approx(0.625 * 0.1, rel=1e-6)


@pytest.mark.parametrize("quota", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("factor", [4.0, 1e6])
def test_quota_holds_whatever_is_asked(quota: float, factor: float) -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        schedule = random.dirichlet(np.ones(NODES), WINDOWS) * CHANNELS
        schedule = np.minimum(schedule, 1)
        totals = granted(schedule, factor, quota).sum(axis=0)
        most = np.maximum(schedule.sum(axis=0), quota * FAIR)
        assert (totals[BAD] <= most[BAD] * (1 + 1e-6)).all()


def test_quota_of_a_window_is_its_part_of_a_rounds() -> None:
    """Where a step is a window, all that a node may have of it is the quota of this window."""
    found = granted(EQUAL[:1] / 4, factor=100.0, quota=1.25)
    assert found[0, BAD] == pytest.approx(np.full(3, 1.25 * CHANNELS / NODES), rel=1e-6)


def test_quota_of_an_equal_share_leaves_equal_shares_alone() -> None:
    assert granted(EQUAL, 1e6, quota=1.0) == pytest.approx(EQUAL, rel=1e-6)


def test_schedule_may_give_more_than_the_quota_and_nothing_asks_for_nothing() -> None:
    schedule = np.zeros((WINDOWS, NODES))
    schedule[:, 0] = 1.0
    found = granted(schedule, factor=10.0, quota=1.0)
    assert found == pytest.approx(schedule, rel=1e-6)


def test_idle_channels_are_taken_up_to_the_quota_at_nobodys_cost() -> None:
    schedule = EQUAL / 4
    found = granted(schedule, factor=100.0, quota=1.25)
    assert found[:, ~BAD] == pytest.approx(schedule[:, ~BAD], rel=1e-6)
    assert found[:, BAD].sum(axis=0) == pytest.approx(np.full(3, 1.25 * FAIR), rel=1e-6)


def test_nobody_asks_under_another_name_or_before_the_onset() -> None:
    schedule = jnp.asarray(EQUAL, jnp.float32)
    other = exhaust(scene("jamming", star()), coalition(BAD), schedule)
    before = exhaust(scene("exhaustion", star()), coalition(np.zeros(NODES)), schedule)
    assert (other == schedule).all()
    assert np.asarray(before) == pytest.approx(EQUAL, rel=1e-6)


@pytest.mark.parametrize("acting", [True, False])
def test_jamming_cuts_the_rate_of_the_others(acting: bool) -> None:
    network = star()
    links = conditions.links(network, conditions.steady(network))
    found = jam(scene("jamming", jammed_rate=0.25), coalition(BAD & acting), links)
    factor = np.where(BAD | (not acting), 1.0, 0.25)
    expected = np.asarray(links.success_probability) * factor[:, None]
    assert np.asarray(found.success_probability) == pytest.approx(expected)
    assert (found.fresh == links.fresh).all()


@pytest.mark.parametrize("acting", [True, False])
def test_of_who_withholds_the_hub_knows_neither_shots_nor_tag(acting: bool) -> None:
    full = jnp.ones(NODES)
    able = Delivery(
        shots=jnp.arange(NODES) + 1,
        contraction=full,
        signal=full,
        authenticated=jnp.arange(NODES) != 1,
    )
    who = coalition(BAD & acting)
    found = withhold(scene("withholding"), who, able)
    silent = BAD & acting
    assert found.shots.tolist() == np.where(silent, 0, np.arange(NODES) + 1).tolist()
    assert found.authenticated.tolist() == [k != 1 and not silent[k] for k in range(NODES)]
    assert withhold(scene("white_box"), who, able).shots.tolist() == able.shots.tolist()
