"""`ceas-gym links`: figures against closed forms, and a note where hardware is too poor."""

import sys

import numpy as np
import pytest

from ceas_agents import cli
from ceas_agents.evaluation import contestants, links, play, run
from ceas_gym import config, parameters

WINDOW_S, SPEED_KM_PER_S = 0.05, 200_000.0
LAB = {
    "network.window_s": WINDOW_S,
    "network.cutoff_fidelity": 0.7,
    "network.graph": {
        "hub": "A",
        "edges": [["A", "B", 0.5], ["A", "C", 2.0], ["A", "D", 15.0]],
        "about": "lab.graphml has 4 vertices and 3 fibres",
    },
    "hardware.scheme": "explicit",
    "hardware.success_probability": 0.002,
    "hardware.initial_fidelity": 0.95,
    "hardware.attempt_overhead_s": 1e-5,
    "hardware.fibre_speed_km_per_s": SPEED_KM_PER_S,
    "hardware.modes": 2,
    "hardware.node_coherence_spread": 0.0,
    "hardware.node_coherence_s": 1.0,
    "hardware.hub_coherence_s": 3.0,
    "attack.byzantine_nodes": 0,
}


def scenario(**changes):
    return config.load("tiny", LAB | changes)


def fidelity(windows, km):
    """By hand: a Werner pair after the flight, half a window on average, and some windows."""
    rate = 1 / 3.0 + 1 / 1.0
    waited = (1 - np.exp(-rate * WINDOW_S)) / (rate * WINDOW_S)
    kept = np.exp(-rate * (np.asarray(km) / SPEED_KM_PER_S + windows * WINDOW_S)) * waited
    return (1 + 3 * kept * (4 * 0.95 - 1) / 3) / 4


def test_figures_of_measured_links_are_those_by_hand():
    found, km = links.measured(parameters.build(scenario())), np.array([0.5, 2.0, 15.0])
    attempts = np.floor(WINDOW_S / (1e-5 + km / SPEED_KM_PER_S))
    np.testing.assert_allclose(found.pairs, attempts * 2 * 0.002, rtol=1e-5)
    np.testing.assert_allclose(found.fidelity, fidelity(0, km), rtol=1e-5)
    alive = fidelity(np.arange(64)[:, None], km) >= 0.7
    assert found.lifetime.tolist() == alive.sum(axis=0).tolist()
    assert found.able.all()
    assert 0 < alive.sum() < alive.size


def test_the_table_has_a_row_for_each_node_by_its_name():
    table, lines = links.show(scenario())
    columns = {column.header: list(column.cells) for column in table.columns}
    assert tuple(columns) == links.COLUMNS
    assert columns["node"] == ["B", "C", "D"]
    assert columns["km"] == ["0.5", "2.0", "15.0"]
    assert columns["fidelity"][0] == f"{fidelity(0, 0.5):.3f}"
    assert lines[-1] == "lab.graphml has 4 vertices and 3 fibres"
    assert "never" not in " ".join(lines)


def test_nodes_of_a_star_are_numbered_and_layouts_are_said():
    table, lines = links.show(config.load("tiny", {"episode.layouts": 2}))
    assert list(table.columns[0].cells) == ["0", "1", "2", "3"]
    assert "The table shows the first of 2 layouts." in lines


NOBODY = "only 0 of 3 nodes can ever take part, and a quorum is 1: "
BELOW = (
    "new pairs have a fidelity of {best} at most, and network.cutoff_fidelity is 0.7; shorten "
    "network.window_s, or improve the hardware, or lower the cut-off"
)
KEYLESS = (
    "new pairs have a fidelity of {best} at most, too low for secret key; shorten "
    "network.window_s, or improve the hardware"
)
NO_ATTEMPT = (
    "no attempt to make a pair fits into a window; lengthen network.window_s, or shorten "
    "hardware.attempt_overhead_s"
)
NO_SHOT = "the memories of a link hold 1 pairs, too few for a shot; raise network.memories_per_link"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        # Pairs decay to 1/e in a few milliseconds, but a window has fifty.
        ({"hardware.node_coherence_s": 0.004}, NOBODY + BELOW),
        (
            {"hardware.initial_fidelity": 0.8, "network.cutoff_fidelity": None},
            NOBODY + KEYLESS,
        ),
        ({"hardware.attempt_overhead_s": 0.06}, NOBODY + NO_ATTEMPT),
        ({"network.memories_per_link": 1}, NO_SHOT),
    ],
)
def test_why_nothing_will_be_learned_is_said_before_anything_is_played(changes, why):
    poor = scenario(**changes)
    chosen = [contestants.get("uniform"), contestants.get("ceas")]
    best = float(np.max(links.measured(parameters.build(poor)).fidelity))
    notes = [each for each in run.notes(chosen, play.prepare(poor, chosen)) if "nothing" in each]
    said = f"note: nothing will be learned: {why.format(best=f'{best:.3f}')}"
    assert notes == [f"{said} (`ceas-gym links` shows every link)"]
    assert links.show(poor)[1][-1] == notes[0]


def test_of_several_layouts_the_note_speaks_of_the_first():
    poor = scenario(**{"hardware.node_coherence_s": 0.004, "episode.layouts": 2})
    said = links.poor(parameters.build(poor))
    assert said.startswith("note: nothing will be learned in the first layout: only 0 of 3 nodes")


def test_links_too_slow_for_the_budget_are_said():
    slow = scenario(**{"hardware.success_probability": 1e-7})
    last = links.show(slow)[1][-1]
    windows = int(parameters.build(slow).budget)
    assert f"windows at best, and training has {windows}; add modes or channels" in last


def test_a_team_is_able_if_all_its_nodes_are():
    params = parameters.networks(config.load("circuit"))[0]
    found = links.measured(params)
    assert found.able.shape == (params.network.nodes // params.network.teams.size,)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["tiny"], 0, "next: ceas-gym evaluate tiny"),
        (["tini"], 2, "scenario 'tini' is unknown (did you mean tiny?)"),
    ],
)
def test_it_is_a_command(arguments, code, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ceas-gym", "links", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == code
    assert said in "".join(capsys.readouterr())
