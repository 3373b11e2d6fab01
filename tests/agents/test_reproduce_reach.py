"""Reach at other coherence times: what is stretched, measured and drawn."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from ceas_agents.reproduction.claims import utilization
from ceas_gym import config, parameters

NAMES = ("ceas", "oblivious-fair")


def test_stretching_slows_the_decay_and_nothing_else():
    scenario = config.load("tiny")
    longer = utilization.stretched(scenario, 4.0)
    assert utilization.coherence_s(longer) == pytest.approx(4 * 42 * 20 / 62)
    rates = [parameters.build(case).network.memories.decay_rate for case in (scenario, longer)]
    np.testing.assert_allclose(rates[0], 4 * rates[1], rtol=1e-5)
    assert longer.network == scenario.network


@pytest.fixture(scope="module")
def found():
    """Of two contestants only, since each is compiled."""
    ticks: list[float] = []
    scenario = config.load("tiny", {"episode.rounds": 8})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilization, "BARS", NAMES)
        result = utilization.measure(scenario, quick=True, tick=ticks.append)
    assert np.diff(ticks).min() > 0
    assert ticks[-1] == pytest.approx(1)
    return result


@pytest.mark.slow
def test_measured_figures_agree_with_each_other(found):
    table: list[dict[str, Any]] = utilization.rows(found)
    assert len(table) == len(NAMES) * 3
    assert sorted({row["multiple"] for row in table}) == pytest.approx([0.25, 1, 4])
    for row in table:
        for figure in ("useful", "utilization", "share_of_most_useful"):
            assert row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"]
        assert row["useful"] == pytest.approx(row["most_useful"] * row["share_of_most_useful"])
        used = row["spent usefully"] + row["keyed"]
        assert used * row["generated"] == pytest.approx(row["useful"])
        assert row["utilization"] == pytest.approx(used, abs=0.05)


@pytest.mark.slow
def test_with_longer_coherence_less_expires(found):
    fair = [point["fates"]["expired"] for point in found["points"]["oblivious-fair"]]
    assert fair[0] > fair[1] + 0.1
    assert fair[1] >= fair[2]


@pytest.mark.slow
def test_figure_and_caption_say_what_was_found(found, tmp_path):
    path = utilization.draw(found, tmp_path / "reach.png")
    with Image.open(path) as image:
        assert image.width == 1400
        assert len(set(image.convert("RGB").resize((280, 256)).tobytes())) > 20
    text = utilization.caption(found)
    here = found["points"]["ceas"][1]
    assert f"{100 * here['utilization']:.1f} %" in text
    assert f"{100 * here['most_utilization_when_busy']:.1f} %" in text
    assert "seeds 0 to 2" in text
