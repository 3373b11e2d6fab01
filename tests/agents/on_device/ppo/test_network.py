"""The network on the device: any order and number of nodes, exact densities, CEAS as a start."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from helpers import drawn
from scipy import stats

from ceas_agents.policies import checkpoints, node_network
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.node_network import Seen
from ceas_agents.policies.registry import POLICIES
from ceas_agents.training.on_device import scheduling
from ceas_agents.training.on_device.ppo import network
from ceas_agents.training.on_device.ppo.settings import Network
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.types import Observation

SHAPE = Network(hidden=8, log_std_init=-0.5)
BY_WINDOW = {"episode.decision": "window", "network.barrier_windows": 1}
KEY = jax.random.key(0)


@pytest.fixture(scope="module", params=["round", "window"])
def params(request):
    return drawn.params(BY_WINDOW if request.param == "window" else {})


def weights_of(params, policy="nodes", spread=0.3):
    """Weights that are all random, so that none of them could be left out unnoticed."""
    seen = seen_of(params, drawn.observation(4, 0), policy)
    fires, windows = params.by_window, 1 if params.by_window else params.network.windows
    begun = network.begin(KEY, node_network.width(seen), windows, SHAPE, fires=fires)
    random = np.random.default_rng(0)
    draw = partial(random.normal, scale=spread)
    return jax.tree.map(lambda each: np.float32(each + draw(size=each.shape)), begun)


def seen_of(params, observation, policy="nodes"):
    base = None
    if policy == "residual":
        base = jax.jit(scheduling.networks.base)(params, observation, KEY)
    return jax.jit(node_network.see)(params, observation, base)


ask = jax.jit(lambda weights, seen: node_network.ask(weights.actor, seen))
value = jax.jit(network.value)


def test_nodes_in_another_order_get_the_same(params):
    weights, observation = weights_of(params), drawn.observation(6, 1)
    order = np.random.default_rng(0).permutation(6)
    mixed = Observation(observation.nodes[order], observation.network)
    first, other = (seen_of(params, each) for each in (observation, mixed))
    asked, moved = ask(weights, first), ask(weights, other)
    np.testing.assert_allclose(moved.requests, np.asarray(asked.requests)[:, order], atol=1e-5)
    assert np.ptp(asked.requests) > 0.05
    np.testing.assert_allclose(value(weights, first), value(weights, other), atol=1e-5)
    if params.by_window:
        np.testing.assert_allclose(asked.leaning, moved.leaning, atol=1e-5)


@pytest.mark.parametrize("copies", [2, 10])
def test_more_nodes_of_the_same_kind_change_nothing(params, copies):
    weights, observation = weights_of(params), drawn.observation(3, 1)
    nodes = np.tile(observation.nodes, (copies, 1))
    few = seen_of(params, observation)
    many = few._replace(nodes=nodes)
    asked, more = ask(weights, few), ask(weights, many)
    np.testing.assert_allclose(more.requests, np.tile(asked.requests, (1, copies)), atol=1e-5)
    np.testing.assert_allclose(value(weights, many), value(weights, few), atol=1e-5)


def test_density_and_entropy_are_those_of_scipy(params):
    weights = weights_of(params)
    seen = jax.tree.map(
        lambda *each: np.stack(each),
        *(seen_of(params, drawn.observation(4, seed)) for seed in range(5)),
    )
    choice, density = jax.jit(network.draw)(weights, seen, KEY)
    asked, spread = ask(weights, seen), np.exp(weights.log_std)[:, None]
    normal: Any = stats.norm(asked.requests, spread)
    expected, entropy = normal.logpdf(choice.requests).sum((1, 2)), normal.entropy().sum((1, 2))
    if params.by_window:
        chance: Any = stats.bernoulli(1 / (1 + np.exp(-np.asarray(asked.leaning, float))))
        expected, entropy = expected + chance.logpmf(choice.fires), entropy + chance.entropy()
    found = jax.jit(network.judge)(weights, seen, choice)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4)
    np.testing.assert_allclose(found[1], entropy, rtol=1e-4)
    np.testing.assert_allclose(density, found[0], rtol=1e-5)


def test_gradients_of_a_layer_are_those_of_its_product():
    random = np.random.default_rng(0)
    shapes = [(3, 5), (5,), (2, 4, 3), (2, 4, 5)]
    weight, bias, seen, slope = (array(random.normal(size=shape)) for shape in shapes)
    layer = node_network.Layer(weight, bias)
    pulled = jax.jit(lambda *given: jax.vjp(node_network.apply, *given[:2])[1](given[2]))
    of_layer, of_seen = pulled(layer, seen, slope)
    np.testing.assert_allclose(of_layer.weight, np.einsum("abi,abo->io", seen, slope), rtol=1e-4)
    np.testing.assert_allclose(of_layer.bias, slope.sum((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(of_seen, np.einsum("abo,io->abi", slope, weight), rtol=1e-4)


def test_choices_are_spread_as_the_weights_say():
    params = drawn.params(BY_WINDOW)
    weights = weights_of(params)
    seen = seen_of(params, drawn.observation(4, 2))
    many = jax.tree.map(lambda each: np.broadcast_to(each, (4000, *each.shape)), seen)
    choice, _ = jax.jit(network.draw)(weights, many, KEY)
    asked = ask(weights, seen)
    spread = np.std(choice.requests, axis=0)
    np.testing.assert_allclose(spread, np.exp(weights.log_std) * np.ones((1, 4)), rtol=0.1)
    np.testing.assert_allclose(np.mean(choice.requests, axis=0), asked.requests, atol=0.05)
    assert np.mean(choice.fires) == pytest.approx(1 / (1 + np.exp(-asked.leaning)), abs=0.03)


def test_a_network_begins_as_likely_to_fire_as_it_is_told():
    params = drawn.params(BY_WINDOW)
    seen = seen_of(params, drawn.observation(4, 2))
    shape = Network(hidden=8, leaning_init=-2.0)
    weights = network.begin(KEY, node_network.width(seen), 1, shape, fires=True)
    assert ask(weights, seen).leaning == -2


@pytest.mark.parametrize("policy", ["nodes", "residual"])
def test_agent_does_what_the_network_asks_for(params, policy):
    weights, observation = weights_of(params, policy), drawn.observation(4, 3)
    asked = ask(weights, seen_of(params, observation, policy))
    fires = None if asked.leaning is None else asked.leaning > 0
    agent = checkpoints.policy(Agent(policy, weights.actor))
    found = jax.jit(agent)(params, observation, KEY)
    np.testing.assert_allclose(found, node_network.action(asked.requests, fires), atol=1e-5)


def test_a_residual_begins_as_ceas(params):
    observation = drawn.observation(4, 3)
    width = node_network.width(seen_of(params, observation, "residual"))
    fires, windows = params.by_window, 1 if params.by_window else params.network.windows
    weights = network.begin(KEY, width, windows, SHAPE, fires=fires)
    found = jax.jit(checkpoints.policy(Agent("residual", weights.actor)))(params, observation, KEY)
    expected = jax.jit(POLICIES["ceas"])(params, observation, KEY)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_agent_is_read_back_as_it_was(params, tmp_path):
    agent = Agent("nodes", weights_of(params).actor)
    checkpoints.save(agent, tmp_path / "agent.npz")
    read = checkpoints.load(tmp_path / "agent.npz")
    for one, other in zip(read.layers, agent.layers, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
    wrong = agent._replace(layers=agent.layers[:-1])
    checkpoints.save(wrong, tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match="do not fit together"):
        checkpoints.load(tmp_path / "wrong.npz")


def test_agents_of_windows_are_refused_by_rounds():
    agent = Agent("nodes", weights_of(drawn.params(BY_WINDOW)).actor)
    with pytest.raises(ValueError, match="schedules single windows, but episode"):
        checkpoints.policy(agent)(drawn.params(), drawn.observation(4, 0), KEY)


def test_seen_has_the_axes_of_rows_in_front(params):
    weights = weights_of(params)
    each = [seen_of(params, drawn.observation(4, seed)) for seed in range(3)]
    together: Seen = jax.tree.map(lambda *parts: np.stack(parts), *each)
    requests = ask(weights, together).requests
    for place, one in enumerate(each):
        np.testing.assert_allclose(requests[place], ask(weights, one).requests, atol=1e-5)
