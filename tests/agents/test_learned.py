"""Learned schedulers: for any order and number of nodes, on a file, and in the evaluation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from helpers import drawn
from helpers.compiled import compiled, reset, step

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints, networks
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import Layer
from ceas_gym.task import dispatch
from ceas_gym.types import Observation

KEY = jax.random.key(0)
WIDE = {"network.windows": 5}
"""Another number of windows."""
MANY = {"network.nodes": 7, "consensus.tolerated_nodes": 1}
"""Another number of nodes."""


@pytest.fixture(scope="module")
def params():
    return drawn.params()


@pytest.fixture(scope="module")
def agents():
    return {form: drawn.agent(form) for form in drawn.FORMS}


@pytest.fixture(scope="module")
def requests(agents, params):
    """What the network for each node asks for."""
    policy = checkpoints.policy(agents["nodes"])
    return lambda seen: policy(params, seen, KEY)


def test_nodes_in_another_order_get_the_same(requests):
    seen, order = drawn.observation(6, 1), np.random.default_rng(0).permutation(6)
    mixed = requests(Observation(seen.nodes[order], seen.network))
    np.testing.assert_allclose(mixed, requests(seen)[:, order], atol=1e-6)


def test_each_node_sees_the_others(requests):
    seen = drawn.observation(6, 1)
    change = requests(Observation(seen.nodes.at[0].set(0.9), seen.network)) - requests(seen)
    assert np.abs(change[:, 1:]).max() > 1e-4


def test_one_agent_serves_any_number_of_nodes(requests):
    for nodes in (1, 4, 30):
        assert requests(drawn.observation(nodes, 0)).shape == (4, nodes)


@pytest.mark.parametrize("form", networks.PER_NODE)
def test_every_weight_is_trained(form):
    made = drawn.fresh(form)
    before = {name: value.clone() for name, value in made.policy.named_parameters()}
    made.learn(16)
    after = dict(made.policy.named_parameters())
    # The last layer's zeros hide those before it from the first gradient.
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert after["log_std"].shape == (4,)


def test_windows_explore_alike_at_all_nodes():
    made: Any = drawn.learner("nodes", 0)
    with torch.no_grad():
        made.policy.log_std.copy_(torch.arange(4.0))
    seen, _ = made.policy.obs_to_tensor(made.get_env().reset())
    normal: Any = made.policy.get_distribution(seen).distribution
    # What varies for each node alone.
    spread = normal.cov_diag.sqrt().reshape(2, 4, 4)
    expected = torch.arange(4.0).exp()[:, None].expand(4, 4)
    torch.testing.assert_close(spread[0], expected)


@pytest.mark.parametrize("form", drawn.FORMS)
def test_action_lies_in_the_action_space(form, agents, params):
    action = jax.jit(checkpoints.policy(agents[form]))(params, drawn.observation(4, 0), KEY)
    assert action.shape == (4, 4)
    assert action.dtype == jnp.float32
    assert np.abs(action).max() <= 1


# --- Fit ---

INPUTS = "agent was trained for 84 inputs, but the scenario has 135"


@pytest.mark.parametrize(
    ("form", "changes", "said"),
    [
        ("flat", MANY, INPUTS),
        ("squashed", MANY, INPUTS),
        ("flat", WIDE, "agent was trained for 16 requests, but the scenario has 20"),
        ("squashed", WIDE, "agent was trained for 16 requests, but the scenario has 20"),
        ("nodes", WIDE, "trained for 4 requests of each node, but the scenario has 5"),
        ("residual", WIDE, "trained for 37 inputs of each node, but the scenario has 38"),
    ],
)
def test_another_scenario_is_refused_in_one_line(form, changes, said, agents):
    other = drawn.params(changes)
    nodes = other.network.nodes
    with pytest.raises(ValueError, match=said) as error:
        jax.eval_shape(checkpoints.policy(agents[form]), other, drawn.observation(nodes, 0), KEY)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("form", "changes"),
    [("nodes", MANY), ("residual", MANY), ("dispatch", WIDE), ("dispatch", MANY)],
)
def test_another_scenario_is_played_where_it_can_be(form, changes, agents):
    other = drawn.params(changes)
    windows, nodes = other.network.windows, other.network.nodes
    seen = drawn.observation(nodes, 0)
    action = jax.eval_shape(checkpoints.policy(agents[form]), other, seen, KEY)
    assert action.shape == (windows, nodes)


@pytest.mark.parametrize(
    ("decision", "trained", "known"), [("round", 30, 15), ("window", 15, 30), ("round", 9, 15)]
)
def test_another_number_of_choices_is_refused(decision, trained, known):
    other = drawn.params({"episode.decision": decision})
    agent = Agent("dispatch", (Layer(jnp.zeros((33, trained)), jnp.zeros(trained)),))
    said = f"agent was trained for {trained} choices, but the scenario has {known}"
    with pytest.raises(ValueError, match=said):
        jax.eval_shape(checkpoints.policy(agent), other, drawn.observation(4, 0), KEY)


@pytest.mark.parametrize("decision", ["round", "window"])
def test_the_allowed_choice_of_greatest_value_is_played(decision):
    """Each choice is valued most once, so masked ones are passed over."""
    other, seen = drawn.params({"episode.decision": decision}), drawn.observation(4, 0)
    mask, choices = np.asarray(compiled(dispatch.mask)(other, seen)), dispatch.size(other)
    act = jax.jit(lambda layers: checkpoints.policy(Agent("dispatch", layers))(other, seen, KEY))
    assert not mask.all()
    for most in range(choices):
        values = -np.abs(np.arange(choices) - most).astype(np.float32)
        layers = (Layer(jnp.zeros((33, choices)), jnp.asarray(values)),)
        expected = np.argmax(np.where(mask, values, -np.inf))
        assert mask[most] == (expected == most)
        found = act(layers)
        action = compiled(dispatch.action)(other, seen, np.int32(expected))
        np.testing.assert_allclose(found, action, atol=1e-6)


@pytest.mark.parametrize("form", ["nodes", "residual"])
def test_windows_are_refused_by_agents_that_schedule_rounds(form, agents):
    by_window = drawn.params({"episode.decision": "window"})
    with pytest.raises(ValueError, match=r"whole rounds, but episode\.decision .* is window"):
        checkpoints.policy(agents[form])(by_window, drawn.observation(4, 0), KEY)


def test_agents_that_see_all_as_one_vector_may_act_on_windows():
    by_window = drawn.params({"episode.decision": "window"})
    layers = (Layer(jnp.ones((16 + 17 * 4, 5)) / 84, jnp.zeros(5)),)
    action = checkpoints.policy(Agent("flat", layers))(by_window, drawn.observation(4, 0), KEY)
    mean = np.concatenate(
        [part.ravel() for part in jax.tree.leaves(drawn.observation(4, 0))]
    ).mean()
    np.testing.assert_allclose(action, np.full(5, mean), rtol=1e-5)


def test_unknown_form_is_refused(agents):
    with pytest.raises(ValueError, match="did you mean nodes"):
        checkpoints.policy(agents["nodes"]._replace(form="node"))


# --- Evaluation ---


def test_evaluation_plays_what_the_policy_asks_for(agents, params):
    policy = checkpoints.policy(agents["nodes"])
    ((_, rounds),) = play.episodes(Contestant("mine", policy, {}), params, 3, [2])
    act = jax.jit(policy)
    state, timestep = reset(params, jax.random.key(2))
    for reward in rounds["reward"]:
        state, timestep = step(params, state, act(params, timestep.observation, KEY))
        assert timestep.reward == pytest.approx(reward, rel=1e-4, abs=1e-6)


def test_other_weights_compile_nothing_anew(params, monkeypatch):
    traces = []

    def counted(*arguments):
        traces.append(len(traces))
        return networks.nodes(*arguments)

    monkeypatch.setitem(networks.FORMS, "nodes", counted)
    found = []
    for seed in range(3):
        policy = checkpoints.policy(drawn.agent("nodes", seed))
        ((_, rounds),) = play.episodes(Contestant("mine", policy, {}), params, 3, [0])
        found.append((len(traces), rounds["pairs_generated"].sum()))
    counts, pairs = zip(*found, strict=True)
    assert counts[0] > 0
    assert len(set(counts)) == 1
    assert len(set(pairs)) > 1


# --- Files ---


@pytest.mark.parametrize("form", drawn.FORMS)
def test_agent_survives_a_file(form, agents, tmp_path):
    path = tmp_path / "agent.npz"
    checkpoints.save(agents[form], path)
    again = checkpoints.load(path)
    assert again.form == form
    assert again.features == agents[form].features == networks.TODAY
    assert jax.tree.structure(again.layers) == jax.tree.structure(agents[form].layers)
    for one, other in zip(
        jax.tree.leaves(agents[form].layers), jax.tree.leaves(again.layers), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert list(tmp_path.iterdir()) == [path]


# --- Features by their names ---


def test_features_go_by_name_not_by_place(agents, params, tmp_path):
    """The same network with its inputs in another order, which the file says."""
    agent, order = agents["nodes"], np.random.default_rng(1).permutation(17)
    first, *others = agent.layers
    mixed = first._replace(weight=jnp.concatenate([first.weight[:17][order], first.weight[17:]]))
    names = tuple(agent.features.nodes[place] for place in order)
    features = agent.features._replace(nodes=names)
    checkpoints.save(Agent("nodes", (mixed, *others), features), tmp_path / "agent.npz")
    again = checkpoints.load(tmp_path / "agent.npz")
    assert again.features == features
    seen = drawn.observation(5, 2)
    found, expected = (checkpoints.policy(each)(params, seen, KEY) for each in (again, agent))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_feature_that_is_no_more_is_an_error(agents, tmp_path):
    features = networks.TODAY._replace(network=("progress", "weather"))
    checkpoints.save(agents["nodes"]._replace(features=features), tmp_path / "agent.npz")
    with pytest.raises(ValueError, match="trained on the feature 'weather', which is no more"):
        checkpoints.load(tmp_path / "agent.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04cut off", None])
def test_file_of_something_else_is_an_error(content, tmp_path):
    path = tmp_path / "agent.npz"
    if content is None:
        np.savez(path, values=np.ones(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path} holds no learned scheduler") as caught:
        checkpoints.load(path)
    # NumPy would speak of pickled objects and of what is unsafe.
    assert "pickle" not in str(caught.value)


def test_array_alone_is_an_error(tmp_path):
    path = tmp_path / "agent.npz"
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match="holds no learned scheduler"):
        checkpoints.load(path)


def test_file_cut_off_anywhere_is_an_error(agents, tmp_path):
    path = tmp_path / "agent.npz"
    checkpoints.save(agents["flat"], path)
    whole = path.read_bytes()
    for kept in range(0, len(whole), 97):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match="holds no learned scheduler"):
            checkpoints.load(path)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"none\.npz can't be read: no such file"):
        checkpoints.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    "change", [lambda names: names[1:], lambda names: names[::-1], lambda names: [*names, "newer"]]
)
def test_agent_that_knows_choices_by_other_rules_is_an_error(change, agents, tmp_path, monkeypatch):
    path, rules = tmp_path / "agent.npz", list(dispatch.RULES)
    checkpoints.save(agents["dispatch"], path)
    monkeypatch.setattr(checkpoints, "RULES", dict.fromkeys(change(rules)))
    said = r"it picks among key_first, .*, but the rules are .*; train it anew"
    with pytest.raises(ValueError, match=said) as error:
        checkpoints.load(path)
    assert "\n" not in str(error.value)


def test_agent_that_does_not_name_its_features_is_an_error(agents, tmp_path):
    path = tmp_path / "agent.npz"
    checkpoints.save(agents["nodes"], path)
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files if name not in checkpoints.NAMED}
    np.savez(path, allow_pickle=False, **kept)
    with pytest.raises(ValueError, match=r"does not name its features, .* train it anew") as error:
        checkpoints.load(path)
    assert "\n" not in str(error.value)


def test_damaged_agent_is_an_error(agents, tmp_path):
    path, (first, *others) = tmp_path / "agent.npz", agents["nodes"].layers
    broken = {
        "form 'os:system' is unknown": Agent("os:system", (first, *others)),
        "do not fit together": Agent("nodes", (first, *others[:-1])),
        "do not": Agent("flat", (first, others[1])),
        "layers do not fit": Agent("flat", ()),
        "layers do": Agent("nodes", (first._replace(bias=first.bias[:-1]), *others)),
        "not finite": Agent("nodes", (first._replace(bias=first.bias * np.nan), *others)),
    }
    for said, agent in broken.items():
        checkpoints.save(agent, path)
        with pytest.raises(ValueError, match=f"{path} holds no learned scheduler: .*{said}"):
            checkpoints.load(path)
