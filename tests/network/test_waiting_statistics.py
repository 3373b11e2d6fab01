"""Monte Carlo of heralding and relays against closed forms of waiting times and of a switch.

Slot semantics. A window of the simulator is a slot of the laws. In each slot every link makes one
attempt; at the slot's end the waiting pairs have grown older by one, those heralded in it have age
0 and are stored if a memory is free, and the relay swaps as soon as all hops of the route hold a
pair: both that were heralded in the same slot, too. So a relay with one memory a link swaps after
max(G_1, G_2) slots, G being geometric, and the older pair has waited for |G_1 - G_2|. Hops that
hold all they can hold go on attempting to no avail, which the laws do not tell from pausing. A pair
has already decayed by its average wait within its own window, a known factor, divided out.
"""

from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import for_long
from network import built
from network.measured import agree, herald, links_of
from numpy.typing import NDArray

from ceas_gym.network import relays
from ceas_gym.types import Network

REPLICAS, SLOTS, BURN_IN = 64, 1600, 200


@pytest.mark.parametrize(
    ("success", "expected"), [(0.001, 0.09520785288629), (0.05, 0.9940794707797)]
)
def test_window_of_a_hundred_attempts_succeeds_as_often_as_it_should(
    success: float, expected: float
) -> None:
    nodes = 500
    network = built.replicas(np.full((nodes, 1), success), 0.01, 4, 1)
    network = built.altered(network, attempts_per_window=jnp.full((nodes, 1), 100.0))
    pairs = herald(network, links_of(network), 100, jax.random.key(0))
    agree((np.asarray(pairs)[..., 0] > 0).mean(axis=0), expected, resolved=0.01)


@partial(for_long, static_argnames=("slots", "burn_in"))
def swaps(network: Network, slots: int, burn_in: int, seed: int) -> tuple[Any, Any]:
    """Returns for each node the swaps in a slot, and the sum of the contractions they leave."""
    links = links_of(network)
    values = relays.contraction_by_age(network, links)
    heralded = herald(network, links, burn_in + slots, jax.random.key(seed))

    def slot(waiting: jax.Array, new: jax.Array) -> tuple[jax.Array, tuple[Any, Any]]:
        waiting, swapped, contraction = relays.connect(network, values, waiting, new)
        return waiting, (swapped, swapped * contraction[0, 0])

    nothing = jnp.zeros((*network.routes.is_hop.shape, network.memories.ages), jnp.int32)
    _, seen = jax.lax.scan(slot, nothing, heralded)
    number, total = (one[burn_in:].mean(axis=0) for one in seen)
    within_window = jnp.where(network.routes.is_hop, links.fresh[0, 0], 1).prod(axis=-1)
    return number, total / within_window


# --- One memory a link: waiting times ---

# Success probabilities of the hops, decay of a pair in a slot, slots to a swap, contraction left.
ROUTES: list[tuple[list[float], float, float, float | None]] = [
    ([0.3, 0.3], 2 / 20, 4.705882, 0.786235),
    ([0.1, 0.1], 2 / 50, 14.736842, 0.725427),
    ([0.1, 0.1], 2 / 20, 14.736842, 0.514378),
    ([0.2, 0.2], 0.05, 7.222222222222, 0.818624949120),
    ([0.1, 0.05], 0.01, 23.10344827586, 0.862006700130),
    ([0.2, 0.2, 0.2], 0.05, 8.715846994536, None),
]


def two_links(p: float, other: float, decay: float) -> tuple[float, float]:
    """Mean time until both links have a pair, and what the older one keeps until then."""
    q, r, y = 1 - p, 1 - other, np.exp(-decay)
    time = 1 / p + 1 / other - 1 / (1 - q * r)
    return time, p * other / (1 - q * r) * (1 + q * y / (1 - q * y) + r * y / (1 - r * y))


@pytest.fixture(scope="module")
def measured_routes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Swaps and contraction sums of all routes at once, shape (routes, replicas)."""
    success = np.array([hops + [-1.0] * (3 - len(hops)) for hops, *_ in ROUTES])
    decay = np.array([decay for _, decay, *_ in ROUTES])
    # Both ends of a link decay, each at half of the pair's rate.
    rates = np.repeat(decay / 2, REPLICAS)
    network = built.replicas(
        np.repeat(success, REPLICAS, axis=0), rates, ages=128, memories=1, letters=1
    )
    number, total = (np.asarray(one, float) for one in swaps(network, SLOTS, BURN_IN, 1))
    return number.reshape(-1, REPLICAS), total.reshape(-1, REPLICAS)


@pytest.mark.parametrize("route", range(len(ROUTES)))
def test_relay_swaps_as_often_as_the_slowest_link_allows(
    measured_routes: tuple[NDArray[np.float64], NDArray[np.float64]], route: int
) -> None:
    """One over the mean of the longest of two or three geometric waiting times."""
    hops, decay, time, _ = ROUTES[route]
    if len(hops) == 2:
        assert two_links(hops[0], hops[1], decay)[0] == pytest.approx(time, abs=1e-6)
    agree(measured_routes[0][route], 1 / time, resolved=0.06 / time)


@pytest.mark.parametrize("route", range(len(ROUTES) - 1))
def test_older_link_decays_while_it_waits_for_the_other(
    measured_routes: tuple[NDArray[np.float64], NDArray[np.float64]], route: int
) -> None:
    hops, decay, _, contraction = ROUTES[route]
    assert contraction is not None
    assert two_links(hops[0], hops[1], decay)[1] == pytest.approx(contraction, abs=1e-6)
    if hops[0] == hops[1]:
        p, x = hops[0], (1 - hops[0]) * np.exp(-decay)
        assert p / (2 - p) * (1 + x) / (1 - x) == pytest.approx(contraction, abs=1e-6)
    number, total = (one[route] for one in measured_routes)
    agree(total - contraction * number, 0.0, resolved=0.04 * number.mean())


# --- Buffers: the relay as a switch of two users ---


def balance(up: list[float], down: float) -> float:
    """Probability that a birth-death chain with these rates is in its lowest state."""
    weights = np.cumprod([1.0, *(rate / down for rate in up)])
    return float(1 / weights.sum())


def slotted(success: tuple[float, float], buffer: int) -> float:
    """Swaps in a slot of a relay with two links, both of which may succeed in one slot.

    The state is how many more pairs the first link holds than the second; one of them holds none.
    """
    size = 2 * buffer + 1
    moves, swapped = np.zeros((size, size)), np.zeros(size)
    for state, new in product(range(-buffer, buffer + 1), product((0, 1), repeat=2)):
        chance = np.prod([p if one else 1 - p for p, one in zip(success, new, strict=True)])
        held = [
            min(buffer, max(0, side * state) + one) for side, one in zip((1, -1), new, strict=True)
        ]
        moves[state + buffer, held[0] - held[1] + buffer] += chance
        swapped[state + buffer] += chance * min(held)
    system = np.vstack([moves.T - np.eye(size), np.ones(size)])
    law = np.linalg.lstsq(system, np.eye(size + 1)[-1], rcond=None)[0]
    return float(law @ swapped)


def switch(success: tuple[float, float], ages: int, memories: int) -> Network:
    return built.replicas(np.tile(success, (REPLICAS, 1)), 0.0, ages, memories, letters=1)


def capacity(rates: tuple[float, float]) -> float:
    """Of a switch with one memory a link, in continuous time, for users of unlike rates."""
    total = sum(rates)
    return total / (1 + sum(rate / (total - rate) for rate in rates))


@pytest.mark.parametrize("buffer", [1, 2, 3])
def test_relay_with_a_buffer_has_the_capacity_of_a_switch(buffer: int) -> None:
    """The swaps of two links that meet at one relay, with `buffer` memories for each of them.

    This is the entanglement switch of Vardoyan et al. (arXiv:1903.04420) with k = 2 users, no
    decoherence and swaps that succeed (q = 1): the capacity is (k - 1) mu (1 - pi_0), which is
    2 mu / 3 for one memory. The law is of continuous time; in slots both links may succeed at once,
    so it holds for small p = mu, where the slotted chain that the relay follows exactly meets it.

    The star of the simulator is otherwise not that switch, though a hub is in its middle: the hub
    is itself an end of every pair and never swaps pairs of two nodes with each other, each node's
    pairs wait in memories of their own, and they leave at the barrier, not by being matched.
    """
    law = 1 - balance([2.0] + [1.0] * (buffer - 1), down=1.0)
    assert slotted((1e-5, 1e-5), buffer) / 1e-5 == pytest.approx(law, rel=1e-4)
    if buffer == 1:
        assert law == pytest.approx(2 / 3)
    number, _ = swaps(switch((0.25, 0.25), 160, buffer), SLOTS, BURN_IN, 2)
    agree(number, slotted((0.25, 0.25), buffer), resolved=0.005)


def test_buffered_relay_of_unlike_links_follows_the_same_chain() -> None:
    number, _ = swaps(switch((0.2, 0.35), 160, 2), SLOTS, BURN_IN, 3)
    agree(number, slotted((0.2, 0.35), 2), resolved=0.005)


@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.02, 0.04)])
def test_capacity_of_one_memory_at_small_rates(rates: tuple[float, float]) -> None:
    """Of links with unlike rates, C = gamma / (1 + sum_l mu_l / (gamma - mu_l)), gamma their sum.

    With one memory and equal rates that is 2 mu / 3. Slots change it by half a per cent.
    """
    assert capacity((0.02, 0.02)) == pytest.approx(0.02 * 2 / 3)
    assert capacity(rates) == pytest.approx(slotted(rates, 1), rel=6e-3)
    number, _ = swaps(switch(rates, 320, 1), 2 * SLOTS, BURN_IN, 4)
    agree(number, capacity(rates), resolved=0.07 * capacity(rates))
