"""The page: one small file that asks for nothing else, whatever names are in it."""

import json
import re
from collections import Counter
from importlib import resources
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ceas_agents.replay import page
from ceas_agents.replay.record import FATES, Barrier, Episode, Frames
from ceas_gym import config, layouts

NODES, WINDOWS, EVERY, AGES = 50, 400, 8, 16


def crowded(random):
    """Returns an episode in which every node gets pairs in every window, and nothing repeats."""
    made, lives = random.poisson(40, (WINDOWS, NODES)), random.integers(4, AGES, NODES)
    is_alive = np.arange(AGES) < lives[:, None]
    pairs, frames, is_barrier = np.zeros((NODES, AGES), int), [], []
    for window in range(WINDOWS):
        pairs = np.concatenate([made[window][:, None], pairs[:, :-1]], axis=1) * is_alive
        frames.append(pairs)
        is_barrier.append(False)
        if window % EVERY == EVERY - 1:
            pairs = np.where(np.arange(AGES) == 0, pairs % 4, 0)
            frames.append(pairs)
            is_barrier.append(True)
    number, barriers = len(frames), WINDOWS // EVERY
    clock = (~np.array(is_barrier)).cumsum()
    fired = np.array(is_barrier, np.float32)
    values = random.random((3, number)).astype(np.float32)
    metrics = dict(zip(("accuracy", "accuracy_before", "committed"), values, strict=True))
    late: Any = np.zeros(barriers)
    return Episode(
        frames=Frames(
            clock=clock,
            is_barrier=np.array(is_barrier),
            pairs=np.array(frames),
            key=random.random((number, NODES)),
            served=random.random((number, NODES)).round(1),
            links=np.zeros((number, NODES), int),
            fates=random.integers(0, 2000, (number, len(FATES))).cumsum(axis=0),
        ),
        barriers=Barrier(
            counted=random.random((barriers, NODES)) < 0.5,
            weights=random.random((barriers, NODES)) / NODES,
            shots=random.integers(0, 99, (barriers, NODES)),
            late=late,
            exposed=late[:, None] > 0,
        ),
        metrics={**metrics, "fired": fired},
        byzantine=np.arange(NODES) < 12,
        quorum=25,
    )


@pytest.fixture(scope="module")
def crowd():
    """Two sides of fifty nodes and four hundred windows."""
    params: Any = SimpleNamespace(
        budget=WINDOWS,
        consensus=SimpleNamespace(members=SimpleNamespace(is_byzantine=np.array([False]))),
        network=SimpleNamespace(memories=SimpleNamespace(per_link=512)),
    )
    random = np.random.default_rng(0)
    return [page.side(name, "", crowded(random), params) for name in ("one", "two")]


def test_fifty_nodes_and_four_hundred_windows_fit_in_300_kb(crowd):
    text = page.text(page.data(config.load("paper"), 0, crowd))
    assert 100_000 < len(text.encode()) <= 300_000


def test_the_page_asks_for_nothing_else(crowd):
    text = page.text(page.data(config.load("paper"), 0, crowd))
    addresses = set(re.findall(r"\w+://[\w./]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"<(?:link|img|iframe|script [^>]*src)|@import|url\((?!#past)", text)
    assert not re.findall(r"\[\[[A-Z]", text)


def test_no_script_takes_a_name_of_another():
    # A browser would let the later one win, without a word.
    scripts = [(resources.files("ceas_agents.replay") / name).read_text() for name in page.SCRIPTS]
    pattern = r"^(?:async )?(?:function|const|let) (\w+)"
    names = [name for script in scripts for name in re.findall(pattern, script, flags=re.M)]
    assert len(names) > 50
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_names_are_only_text(by_window):
    run, params, episodes = by_window
    name = "</script><script>alert('[[STYLE]]')</script>"
    side = page.side(name, "", episodes["proportional_fair"], params["proportional_fair"])
    scenario = run.scenario.model_copy(update={"name": "<b>&"})
    text = page.text(page.data(scenario, 4, [side]))
    assert text.count("</script>") == 2
    assert "<title>&lt;b&gt;&amp;, seed 4</title>" in text
    found = re.search(r'id="data">(.*?)</script>', text, flags=re.S)
    assert found is not None
    data = json.loads(found[1])
    assert data["sides"][0]["policy"] == name
    assert data["scenario"] == "<b>&"


def test_the_map_is_that_of_the_layout(by_round):
    run, params, episodes = by_round
    side = page.side("uniform", "", episodes["uniform"], params["uniform"])
    maps = [page.data(drawn, 7, [side])["map"]["km"] for drawn in layouts.scenarios(run.scenario)]
    assert maps[0] != maps[1]
    assert run.rows["uniform"][7]["layout"].tolist() == [1.0] * 5
