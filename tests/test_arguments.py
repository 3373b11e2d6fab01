"""What the environments accept of actions, seeds, masks and modes, and what is said of the rest."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import gymnasium as gym
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from ceas_gym.envs import arguments
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv

SHAPE = (4, 4)
REAL = "Argument `action` must be an array of real numbers, but is made of "


@pytest.fixture(scope="module")
def env():
    env = CEASEnv("tiny", overrides={"episode.rounds": 1})
    env.reset(seed=0)
    return env


@pytest.fixture(scope="module")
def envs():
    envs = CEASVectorEnv(2, "tiny", overrides={"episode.rounds": 3})
    envs.reset(seed=0)
    return envs


def said(call, *given, **named) -> str:
    """Returns the one line of a refusal."""
    with pytest.raises(ValueError, match="Argument") as caught:
        call(*given, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- Actions ---


NUMBERS = [
    np.zeros(SHAPE),
    np.zeros(SHAPE, np.float16),
    np.zeros(SHAPE, np.longdouble),
    np.zeros(SHAPE, np.int64),
    np.zeros(SHAPE, np.uint8),
    np.zeros(SHAPE).tolist(),
    [[0] * 4] * 4,
    [np.zeros(4)] * 4,
    jnp.zeros(SHAPE),
    jnp.zeros(SHAPE, jnp.bfloat16),
    [[jnp.float32(0)] * 4] * 4,
    np.asfortranarray(np.zeros(SHAPE)),
    torch.zeros(SHAPE),
]


@pytest.mark.parametrize(
    "action", NUMBERS, ids=lambda a: f"{type(a).__name__}-{np.asarray(a).dtype}"
)
def test_real_numbers_of_any_kind_are_the_same_action(action):
    checked = arguments.action(action, SHAPE)
    assert checked.dtype == np.float32
    assert checked.tolist() == np.zeros(SHAPE).tolist()


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (np.full(SHAPE, "0"), "text"),
        ([["0.5"] * 4] * 4, "text"),
        ("0", "text"),
        (np.full(SHAPE, b"0"), "bytes"),
        (np.full(SHAPE, np.datetime64("2026-01-01")), "dates"),
        (np.full(SHAPE, np.timedelta64(1, "s")), "time spans"),
        (np.zeros(SHAPE, complex), "complex numbers"),
        (np.zeros(SHAPE, bool), "booleans"),
        ([[True] * 4] * 4, "booleans"),
        (np.zeros(SHAPE, [("a", float)]), "records"),
        ({"a": 1}, "objects such as a dict"),
        ({1, 2}, "objects such as a set"),
        (None, "objects such as a NoneType"),
        (object(), "objects such as a object"),
        ([[None] * 4] * 4, "objects such as a NoneType"),
        ([[datetime(2026, 1, 1)] * 4] * 4, "objects such as a datetime"),
        ([[Decimal(1)] * 4] * 4, "objects such as a Decimal"),
        ([[Fraction(1, 2)] * 4] * 4, "objects such as a Fraction"),
        ([[10**400] * 4] * 4, "objects such as a int"),
        ((value for value in [1]), "objects such as a generator"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_real_number_is_named(env, action, kind):
    assert said(env.step, action) == f"{REAL}{kind}."


@pytest.mark.parametrize(
    "action",
    [
        np.ma.masked_array(np.zeros(SHAPE), mask=np.eye(4, dtype=bool)),
        np.ma.masked_array(np.zeros(SHAPE)),
        [np.ma.masked_array(np.zeros(4), mask=[False, False, False, True])] * 4,
        [[np.ma.masked] * 4] * 4,
    ],
)
def test_masked_actions_are_refused(env, action):
    assert said(env.step, action) == (
        "Argument `action` must not be masked; fill in what is missing."
    )


def test_what_can_not_be_read_as_an_array_is_named(env):
    assert said(env.step, [[0.0], [0.0, 1.0]]).startswith(
        "Argument `action` can't be read as an array: setting an array element with a sequence"
    )
    followed = torch.zeros(SHAPE, requires_grad=True)
    assert said(env.step, followed).startswith("Argument `action` can't be read as an array: ")


def test_a_refused_action_changes_nothing(env):
    twin: Any = CEASEnv("tiny", overrides={"episode.rounds": 1})
    twin.reset(seed=4)
    env.reset(seed=4)
    said(env.step, "up")
    action = np.full(SHAPE, 0.25)
    assert env.step(action)[1] == twin.step(action.tolist())[1]


def test_numbers_beyond_32_bits_are_clipped_like_any_beyond_the_space():
    envs: list[Any] = [CEASEnv("tiny") for _ in range(2)]
    for env in envs:
        env.reset(seed=0)
    far, near = (env.step(np.full(SHAPE, sent)) for env, sent in zip(envs, (1e300, 1), strict=True))
    assert far[1] == near[1]
    assert said(envs[0].step, np.full(SHAPE, np.inf)).startswith(
        "Argument `action` must be finite, but is inf at (0, 0)"
    )


def test_a_batch_has_the_same_rules(envs):
    assert said(envs.step, np.full((2, *SHAPE), "0")) == f"{REAL}text."
    assert said(envs.step, [{}, {}]) == f"{REAL}objects such as a dict."
    assert said(envs.step, np.zeros(SHAPE)).startswith(
        "Argument `action` must have shape (2, 4, 4)"
    )
    assert envs.step(np.zeros((2, *SHAPE)).tolist())[1].shape == (2,)


# --- Seeds ---


NO_SEEDS = ["3", 3.0, 3.5, -1, True, np.float64(3), b"3", {3}, {}, np.array([1.0]), "", -(2**70)]


@pytest.mark.parametrize("seed", NO_SEEDS, ids=repr)
def test_what_is_no_seed_is_named(env, envs, seed):
    shown = said(env.reset, seed=seed)
    assert shown.startswith("Argument `seed` must be a whole number from 0 on, but is ")
    assert shown.endswith(f"{seed!r}.")
    if not isinstance(seed, np.ndarray):
        assert said(envs.reset, seed=seed) == shown
    assert said(envs.reset, seed=[0, seed]) == shown


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), jnp.int32(3), np.array(3)])
def test_whole_numbers_of_other_libraries_are_seeds(env, envs, seed):
    assert env.reset(seed=seed)[1] == env.reset(seed=3)[1]
    for given in (seed, [seed, 4], np.array([3, 4]), (3, 4), jnp.array([3, 4])):
        again = envs.reset(seed=given)[0]["network"]
        np.testing.assert_array_equal(again, envs.reset(seed=3)[0]["network"])


def test_a_refused_seed_changes_nothing(env):
    env.reset(seed=5)
    expected = env.reset()[1]
    env.reset(seed=5)
    said(env.reset, seed="5")
    assert env.reset()[1] == expected


def test_a_seed_for_each_row_is_needed(envs):
    assert said(envs.reset, seed=[1]) == "Argument `seed` has 1 entries for 2 rows."
    assert said(envs.reset, seed=np.arange(3)) == "Argument `seed` has 3 entries for 2 rows."


# --- Masks and options ---


@pytest.mark.parametrize("mask", [[True, False], np.array([True, False]), jnp.array([True, False])])
def test_a_mask_of_booleans_is_taken(envs, mask):
    envs.reset(seed=0)
    _, info = envs.reset(options={"reset_mask": mask})
    assert info["_accuracy"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([1, 0], "must be booleans, but is made of int64."),
        (np.array([0.0, 1.0]), "must be booleans, but is made of float64."),
        (["True", "False"], "must be booleans, but is made of text."),
        (None, "must be booleans, but is made of objects such as a NoneType."),
        ([True], "must have shape (2,), but has (1,)."),
        (True, "must have shape (2,), but has ()."),
        (np.ma.masked_array([True, False]), "must not be masked; fill in what is missing."),
        ([[True], [True, False]], "can't be read as an array: "),
    ],
)
def test_what_is_no_mask_is_named(envs, mask, message):
    refused = said(envs.reset, options={"reset_mask": mask})
    assert refused.startswith(f"Argument `reset_mask` {message}")


def test_options_that_are_none_are_named(envs):
    assert said(envs.reset, options=["reset_mask"]) == (
        "Argument `options` must be a mapping, but is ['reset_mask']."
    )
    assert said(envs.reset, options={"reset_maks": [True, False]}) == (
        "Argument `options` holds 'reset_maks', unknown; did you mean reset_mask?"
    )
    assert envs.reset(seed=1, options={})[1]["_accuracy"].all()


# --- Sizes and modes ---


@pytest.mark.parametrize("name", ["num_envs", "max_episode_steps"])
@pytest.mark.parametrize(
    "value", [0, -1, True, 2.0, "2", [2], np.bool_(1), np.float64(2)], ids=repr
)
def test_what_is_no_number_of_things_is_named(name, value):
    assert said(CEASVectorEnv, scenario="tiny", **{name: value}) == (
        f"Argument `{name}` must be a whole number from 1 on, but is {value!r}."
    )


@pytest.mark.parametrize("value", [np.int64(2), jnp.int32(2), 2])
def test_whole_numbers_are_numbers_of_things(value):
    envs = CEASVectorEnv(value, "tiny", max_episode_steps=value)
    assert (envs.num_envs, envs.action_space.shape) == (2, (2, *SHAPE))
    assert CEASVectorEnv(1, "tiny", max_episode_steps=10**12).num_envs == 1


@pytest.mark.parametrize("mode", ["bogus", "rgb_array_list", "", 5, ["rgb_array"]], ids=repr)
def test_unknown_modes_of_rendering_are_named(mode):
    message = said(CEASEnv, "tiny", render_mode=mode)
    assert message.startswith(f"Argument `render_mode` is {mode!r}, unknown; ")
    assert "rgb_array" in message
    assert said(CEASVectorEnv, 1, "tiny", render_mode=mode).startswith(
        f"Argument `render_mode` is {mode!r}, unknown; "
    )


def test_modes_that_gymnasium_makes_of_rgb_array_work():
    env = gym.make("ceas_gym/CEAS-v1", scenario="tiny", render_mode="rgb_array_list")
    env.reset(seed=0)
    frames = env.render()
    assert isinstance(frames, list)
    assert len(frames) == 1


@pytest.mark.parametrize("mode", ["same step", 5, None, ["SAME_STEP"]], ids=repr)
def test_unknown_modes_of_resetting_are_named(mode):
    message = said(CEASVectorEnv, 1, "tiny", autoreset_mode=mode)
    assert message.startswith(f"Argument `autoreset_mode` is {mode!r}, unknown; ")
