"""Functions of the user's own that fail: one line that names the setting, when all is built."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import pennylane as qml
import pytest

from ceas_gym import config, parameters
from ceas_gym.envs.env import CEASEnv
from ceas_gym.network.purification import Offer
from ceas_gym.types import Sabotage

HERE = __name__
FEW = {"learning.qubits": 2, "learning.features": 2, "learning.layers": 1, "episode.rounds": 2}


class UnhappyError(Exception):
    """An error that derives from nothing that one might catch."""


def failing(*given: Any) -> Any:
    raise UnhappyError("the left phalange\nis missing")


RAISES = failing.__code__.co_firstlineno + 1


def silent(*given: Any) -> Any:
    raise KeyError


def branching(*given: Any) -> Any:
    first = jax.tree.leaves(given)[0]
    return first if first.sum() > 0 else -first


def refusal(setting: str, name: str) -> tuple[str, BaseException | None]:
    """Returns what is said of a setting that names a function of this module, and its cause."""
    with pytest.raises(config.ScenarioError) as caught:
        CEASEnv("tiny", overrides=FEW | {setting: name})
    message = str(caught.value)
    assert message.isprintable()
    prefix = f"scenario tiny: {setting}: "
    assert message.startswith(prefix)
    cause: BaseException | None = caught.value
    while cause is not None and isinstance(cause, ValueError):
        cause = cause.__cause__
    return message.removeprefix(prefix), cause


SHAPE_OF_WEIGHTS = "; its weights have shape (1, 2, 2)"
KINDS = {
    "learning.dataset": "dataset",
    "learning.feature_map": "feature map",
    "learning.ansatz": "ansatz",
    "learning.optimizer": "optimizer",
    "consensus.rule": "rule",
    "consensus.weights": "weights",
    "attack.name": "attack",
    "network.purification": "purification",
    "episode.reward": "reward",
}


@pytest.mark.parametrize("setting", KINDS)
def test_any_error_names_setting_and_function_and_is_the_cause(setting: str) -> None:
    name = f"{HERE}:failing"
    message, cause = refusal(setting, name)
    said = f"{KINDS[setting]} '{name}' raised UnhappyError: the left phalange"
    # A circuit is also told of the shape of what it is called with.
    shapes = {"feature map": "; its features have shape (2,)", "ansatz": SHAPE_OF_WEIGHTS}
    place = f" ({Path(__file__).name}, line {RAISES})"
    assert message == said + place + shapes.get(KINDS[setting], "")
    assert isinstance(cause, UnhappyError)


@pytest.mark.parametrize("setting", KINDS)
def test_an_unknown_name_is_told_with_its_setting_once(setting: str) -> None:
    message, _ = refusal(setting, "bogus")
    assert message.startswith(f"{KINDS[setting]} 'bogus' is unknown; ")


def test_an_error_without_words_is_named() -> None:
    assert ":silent' raised KeyError (" in refusal("episode.reward", f"{HERE}:silent")[0]


def test_a_part_of_a_rule_is_tried_too() -> None:
    name = f"clip+{HERE}:failing+median"
    assert refusal("consensus.rule", name)[0].startswith(f"rule '{name}' raised UnhappyError")


def test_what_jax_can_not_trace_is_refused() -> None:
    message, cause = refusal("episode.reward", f"{HERE}:branching")
    assert "raised TracerBoolConversionError: Attempted boolean conversion" in message
    assert isinstance(cause, jax.errors.TracerBoolConversionError)


# --- Results that the step can't use ---


def word(*given: Any) -> str:
    return "up"


def complex_number(*given: Any) -> Any:
    return jnp.complex64(1j)


def pair(*given: Any) -> Any:
    return jnp.zeros(2)


def unscaled(rate: Any) -> None:
    """An optimizer that forgets to return anything."""


class Count(NamedTuple):
    count: Any


def drifting(rate: Any) -> optax.GradientTransformation:
    """An optimizer that counts in whole numbers at first, and in halves later."""

    def start(params: Any) -> Any:
        return Count(jnp.int32(0))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        return -rate * updates, Count(state.count + 0.5)

    return optax.GradientTransformation(start, update)


def doubling(network: Any, links: Any, memory: Any, taking_part: Any, key: Any) -> Offer:
    return Offer(jnp.concatenate([memory.pairs] * 2), memory.contraction)


@pytest.mark.parametrize(
    ("setting", "function", "said"),
    [
        ("episode.reward", "word", "raised TypeError"),
        ("episode.reward", "pair", "must return real numbers of shape (), but returned float32 of"),
        ("episode.reward", "complex_number", "but returned complex64 of shape ()"),
        ("consensus.rule", "pair", "must return real numbers of shape (1,), but returned float32"),
        ("consensus.weights", "pair", "must return real numbers of shape (4,)"),
        ("attack.name", "pair", "must return real numbers of shape (1,) or (4, 1)"),
        ("learning.optimizer", "unscaled", "raised AttributeError"),
        ("learning.optimizer", "drifting", "must return updates that keep the state's types"),
        ("network.purification", "doubling", "raised ValueError: Incompatible shapes"),
    ],
)
def test_a_result_of_another_kind_is_refused(setting: str, function: str, said: str) -> None:
    message, _ = refusal(setting, f"{HERE}:{function}")
    assert message.startswith(f"{KINDS[setting]} '{HERE}:{function}' ")
    assert said in message


# --- Circuits ---


def endless_angle(values: Any, wires: Any) -> None:
    qml.RX(float("nan") * values.sum(), wires=wires[0])


def batched(values: Any, wires: Any) -> None:
    qml.RX(values.ravel(), wires=wires[0])


def measured(values: Any, wires: Any) -> None:
    del values
    qml.AmplitudeDamping(0.1, wires=wires[0])


@pytest.mark.parametrize("setting", ["learning.ansatz", "learning.feature_map"])
@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("endless_angle", "the angle of RX on wires [0] must be a finite number, but is nan"),
        ("batched", "the angle of RX on wires [0] must be a finite number, but is ["),
        ("measured", "gates ['AmplitudeDamping'] can't be decomposed into"),
    ],
)
def test_gates_that_are_not_allowed_are_named(setting: str, function: str, said: str) -> None:
    assert refusal(setting, f"{HERE}:{function}")[0].startswith(said)


# --- Sabotage ---


def hooked(**hooks: Any) -> Sabotage:
    return Sabotage(about="", **hooks)


nothing = hooked(links=lambda params, coalition, links: None)
two_arguments = hooked(schedule=lambda params, asked: asked)
of_one_node = hooked(
    links=lambda params, coalition, links: replace(links, decay=links.decay[..., :1])
)
a_number = hooked(tests=lambda params, coalition, fakes: 1.0)
shots = hooked(delivery=lambda params, coalition, delivery: delivery.shots)
nobody = hooked(trap_chance=lambda params, coalition, chance, delivery: chance[:, None])
no_function = hooked(learn=lambda params, coalition, learn: None)
one_gradient = hooked(learn=lambda params, coalition, learn: lambda *of: learn(*of)[0])
no_delivery = hooked(received=lambda params, coalition, received: received)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("nothing", "'links' must return float32[4, 1], "),
        ("two_arguments", "'schedule' raised TypeError: "),
        ("of_one_node", "'links' must return float32[4, 1], float32[1, 3, 4, 1], "),
        ("a_number", "'tests' must return bool[4], but returned float32[]"),
        ("shots", "'delivery' must return int32[4], float32[4, 10], "),
        ("nobody", "'trap_chance' must return float32[4], but returned float32[4, 1]"),
        ("no_function", "'learn' must return a function that returns float32[4, "),
        ("one_gradient", "'learn' must return a function that returns float32[4, "),
        ("no_delivery", "'received' raised TypeError: "),
    ],
)
def test_every_hook_of_sabotage_is_tried(record: str, said: str) -> None:
    found = refusal("attack.name", f"alie+{HERE}:{record}")[0]
    assert found.startswith(f"sabotage '{HERE}:{record}': hook {said}")
    assert "\n" not in found


# --- What works is left alone ---


def own_rule(updates: Any, weights: Any, byzantine: Any) -> Any:
    return weights @ updates


def own_attack(view: Any) -> Any:
    return -view.aggregate(view.updates)


def own_reward(params: Any, before: Any, after: Any) -> Any:
    return after.scores.accuracy - before.scores.accuracy


def test_functions_that_work_are_taken() -> None:
    own: dict[str, object] = {
        "consensus.rule": f"nnm+{HERE}:own_rule",
        "attack.name": f"{HERE}:own_attack+jamming",
        "episode.reward": f"{HERE}:own_reward",
    }
    params = parameters.build(config.load("tiny", FEW | own))
    assert params.reward is own_reward


def test_shipped_functions_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "eval_shape", failing)
    params = parameters.build(config.load("tiny", FEW | {"episode.rounds": 77}))
    assert int(params.rounds) == 77


def test_a_module_that_fails_to_import_is_named(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "broken_here.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "misspelt_here.py").write_text("def f(:", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    message, cause = refusal("episode.reward", "broken_here:reward")
    place = "(broken_here.py, line 1)"
    assert message == f"reward 'broken_here:reward' can't be imported: division by zero {place}"
    assert isinstance(cause, ZeroDivisionError)
    assert "can't be imported: " in refusal("consensus.rule", "misspelt_here:f")[0]
