"""What the names of attacks stand for, and when an attack begins."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import adversaries
from helpers.attack_rounds import BAD, corrupted, honest_figures, round_of

from ceas_gym.consensus import attacks
from ceas_gym.sabotage import SABOTAGE
from ceas_gym.scenario import AttackSettings

# --- Names ---


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
def test_every_attack_goes_by_its_name_and_says_what_it_does(name: str) -> None:
    plan = adversaries.plan(name)
    assert plan == (attacks.ATTACKS[name], (), "random", 0.0)
    line = (plan.send.__doc__ or "").split("\n")[0]
    assert line.endswith(".")
    assert len(line) <= 100


@pytest.mark.parametrize(
    ("name", "send", "sabotage"),
    [
        ("min_max+jamming", attacks.min_max, {"jamming"}),
        ("jamming+min_max", attacks.min_max, {"jamming"}),
        ("jamming", attacks.none, {"jamming"}),
        ("mimic+forgery+exhaustion", attacks.mimic, {"forgery", "exhaustion"}),
        ("sleeper+jamming", attacks.white_box, {"jamming"}),
        ("ceas_adversary+jamming", attacks.white_box, {"exhaustion", "forgery", "jamming"}),
        (f"{__name__}:own+withholding", None, {"withholding"}),
    ],
)
def test_parts_are_joined(name: str, send: Any, sabotage: set[str]) -> None:
    plan = adversaries.plan(name)
    assert set(plan.sabotage) == {SABOTAGE[each] for each in sabotage}
    assert plan.send is send if send else plan.send.__name__ == "own"


def own(view: attacks.View) -> jax.Array:
    return view.mean


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whitebox", "attack 'whitebox' is unknown; did you mean white_box?"),
        ("min_mx", "attack 'min_mx' is unknown; did you mean min_max?"),
        ("min_max+jaming", "attack 'jaming' is unknown; did you mean jamming?"),
        ("sleeper+alie", "attack 'sleeper+alie' sends both 'sleeper' and 'alie'; name one"),
        ("ipm++jamming", "attack 'ipm++jamming' has an empty part"),
        ("ipm+alie", "attack 'ipm+alie' sends both 'ipm' and 'alie'; name one"),
        ("jaming", "attack 'jaming' is unknown; did you mean jamming?"),
        ("lapse_synchronised", "attack 'lapse_synchronised' is now called 'opportunistic'"),
        ("slepeer", "attack 'slepeer' is unknown; did you mean sleeper?"),
        (f"{__name__}:nothing", "can't be imported"),
        (f"{__name__}:BAD", "is neither a function nor a Sabotage"),
    ],
)
def test_bad_names_are_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ValueError, match="attack") as caught:
        adversaries.plan(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_strength_that_is_not_set_is_left_to_the_attack() -> None:
    unset = adversaries.build_adversary(AttackSettings(name="ipm"), 30)
    assert np.isnan(float(unset.strength))
    set_by_user = adversaries.build_adversary(AttackSettings(name="ipm", strength=0.0), 30)
    assert float(set_by_user.strength) == 0.0


# --- Onset ---


@pytest.mark.parametrize(
    ("settings", "rounds", "onset"),
    [
        ({"name": "sleeper"}, 90, 30),
        ({"name": "sleeper"}, 100, 33),
        ({"name": "sleeper", "onset_round": 7}, 90, 7),
        ({"name": "sleeper", "onset_round": 0}, 90, 0),
        ({"name": "min_max"}, 90, 0),
        ({"name": "min_max", "onset_round": 12}, 90, 12),
    ],
)
def test_round_of_the_onset(settings: dict[str, Any], rounds: int, onset: int) -> None:
    assert int(adversaries.build_adversary(AttackSettings(**settings), rounds).onset) == onset


def test_sleeper_attacks_like_the_white_box() -> None:
    assert adversaries.plan("sleeper").send is attacks.white_box


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    "name", ["sleeper", "ceas_adversary", *sorted(attacks.ATTACKS.keys() - {"none", "label_flip"})]
)
def test_before_the_onset_the_honest_mean_is_sent(name: str) -> None:
    case, mean = round_of(0), honest_figures()[0]
    before, after = (corrupted(case, name, acting=acting) for acting in (False, True))
    assert before[:BAD] == pytest.approx(np.tile(mean, (BAD, 1)), abs=1e-12)
    assert (before[BAD:] == np.asarray(case.received.updates)[BAD:]).all()
    # Nobody lacks a tag but one of nine, for which it does not pay to wake up.
    if name != "opportunistic":
        assert not np.allclose(after[:BAD], mean, atol=1e-3)


@pytest.mark.parametrize("name", ["none", "label_flip"])
def test_who_sends_honest_work_sends_his_own_before_the_onset(name: str) -> None:
    case = round_of(0)
    found = corrupted(case, name, acting=False)
    assert (found == np.asarray(case.received.updates, jnp.float32)).all()
