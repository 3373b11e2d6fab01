"""The report on the paper's claims: what is made of rows, the page, and the folder."""

import base64
import csv
import io
import json
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pytest
from helpers.next_command import suggested

from ceas_agents.reproduction import parts, report, run
from ceas_agents.reproduction.claims import (
    ablation,
    attacks,
    coherence_map,
    experiments,
    scale,
)
from ceas_agents.reproduction.parts import Part
from ceas_agents.reproduction.report import parameters
from ceas_agents.sweeps.plan import Cell, Plan
from ceas_gym import config

SEEDS = range(4)
LUCK = np.array([0.00, 0.01, 0.02, 0.05])
VOID = {"img", "meta", "link", "br", "hr"}


def a_plan(factors):
    """A plan that varies names with these labels."""
    levels = {name: {label: {} for label in labels} for name, labels in factors.items()}
    cells = [Cell(labels, {}) for labels in product(*factors.values())]
    return Plan("a file", "paper", "ceas", SEEDS, {}, levels, cells, None)


def finished(plan, accuracy, committed=lambda *labels: 1.0):
    """Rows of every cell, whose accuracy is a function of the labels, and luck of the seed."""
    return {
        cell.labels: {
            seed: {
                "final_accuracy": accuracy(*cell.labels) + LUCK[seed],
                "utilization": 0.5,
                "committed_rounds": 40 * committed(*cell.labels),
            }
            for seed in reversed(SEEDS)
        }
        for cell in plan.cells
    }


# --- What is made of rows ---


def test_main_effects_are_means_over_the_other_parts():
    plan = a_plan({"weights": ["on", "off"], "schedule": ["on", "off"], "rule": ["on", "off"]})

    def accuracy(weights, schedule, rule):
        # The schedule is worth 8 points with the rule, and nothing without.
        together = schedule == "on" and rule == "on"
        return 0.5 + 0.02 * (weights == "on") + 0.1 * (rule == "on") + 0.08 * together

    effects = ablation.find(plan, finished(plan, accuracy))["effects"]
    main = {name: effect["main"]["mean"] for name, effect in effects.items()}
    beside = {name: effect["beside all others"]["mean"] for name, effect in effects.items()}
    assert main == pytest.approx({"weights": 0.02, "schedule": 0.04, "rule": 0.14})
    assert beside == pytest.approx({"weights": 0.02, "schedule": 0.08, "rule": 0.18})
    assert "Without any effect" not in ablation.caption(
        ablation.find(plan, finished(plan, accuracy))
    )
    # Luck is shared by all cells of a seed, so that it has no part in a difference.
    assert effects["rule"]["main"]["low"] == pytest.approx(0.14)


def test_a_part_that_never_matters_is_named():
    plan = a_plan({"weights": ["on", "off"], "rule": ["on", "off"]})
    found = ablation.find(plan, finished(plan, lambda weights, rule: 0.5 + 0.25 * (rule == "on")))
    assert "Without any effect in any episode: weights." in ablation.caption(found)


def test_leads_are_paired_by_seed():
    labels = {
        "attack.name": ["alie"],
        "contestant": list(attacks.COLOURS),
        "attack.byzantine_nodes": ["0", "12"],
    }
    plan = a_plan(labels)
    played = finished(plan, lambda attack, name, count: 0.7 - 0.12 * (name == attacks.FAIR))
    found = attacks.find(plan, played)
    cell = found["attacks"]["alie"][attacks.FAIR]["12"]
    assert cell["accuracy"]["mean"] == pytest.approx(0.58 + LUCK.mean())
    assert [cell["ahead"][end] for end in ("mean", "low", "high")] == pytest.approx([0.12] * 3)
    # One of one combination with Byzantine nodes lies in the claim.
    told = attacks.caption(found)
    assert "Of 1 combinations" in told
    assert "1 have a mean within" in told
    assert "1 an interval that reaches 10, 1 one above zero, and 0 one below" in told
    assert "over fair + geometric median from +0.0 (+0.0 to +0.0) points (alie, 12 nodes)" in told
    assert len(attacks.rows(found)) == 2 * len(attacks.COLOURS)


def test_the_map_counts_cells_within_and_above_the_claim():
    plan = a_plan(
        {
            "contestant": ["ceas", attacks.FAIR],
            "coherence": ["0.5", "1"],
            "attack.byzantine_nodes": ["0", "4", "8"],
        }
    )
    leads = {("0.5", "4"): 0.2, ("0.5", "8"): 0.12, ("1", "4"): -0.03, ("1", "8"): 0.149}

    def accuracy(name, time, count):
        return 0.5 + (leads.get((time, count), 0.9) if name == "ceas" else 0)

    found = coherence_map.find(plan, finished(plan, accuracy))
    told = coherence_map.caption(found)
    assert "In 0 cells (brackets)" in told
    assert "Of the 4 others with Byzantine nodes, 2 have a mean within the claim" in told
    assert "3 an interval above zero and 1 one below" in told
    assert "from -3.0 (-3.0 to -3.0) (20 s, 4 nodes) to +20.0 (+20.0 to +20.0) (10 s, 4 nod" in told
    assert len(coherence_map.rows(found)) == 6

    def committed(name, time, count):
        return 0.2 if (name, time, count) == ("ceas", "0.5", "4") else 1.0

    idle = coherence_map.find(plan, finished(plan, accuracy, committed))
    told = coherence_map.caption(idle)
    # What is hardly trained is no lead.
    assert "In 1 cells (brackets)" in told
    assert "Of the 3 others with Byzantine nodes, 2 have a mean within the claim" in told


def test_rounding_makes_no_interval():
    tiny = {"mean": 1e-8, "low": 3e-9, "high": 2e-8}
    assert not experiments.is_above(tiny)
    assert not experiments.is_below({name: -value for name, value in tiny.items()})
    assert experiments.is_above({"mean": 0.02, "low": 0.01, "high": 0.03})
    assert experiments.is_below({"mean": -0.02, "low": -0.03, "high": -0.01})


def test_differences_from_ceas_by_setting():
    plan = a_plan({"contestant": ["ceas", "focused"], "setting": ["small", "large"]})
    played = finished(
        plan, lambda name, setting: 0.6 + 0.1 * (name == "focused" and setting == "large")
    )
    found = scale.find(plan, played)
    assert found["settings"]["small"]["focused"]["more"]["mean"] == pytest.approx(0)
    assert found["settings"]["large"]["focused"]["more"]["mean"] == pytest.approx(0.1)
    told = scale.caption(found)
    assert "focused is above CEAS in 1 and below it in 0 of 2" in told
    assert "In 0 settings" in told
    lost = scale.find(plan, finished(plan, lambda name, setting: 0.4 + 0.2 * (setting == "large")))
    assert "In 1 settings the attack leaves CEAS at or below chance (small)" in scale.caption(lost)
    idle = finished(plan, lambda name, setting: 0.6, lambda name, setting: float(name == "ceas"))
    assert "focused is above CEAS in 0 and below it in 0 of 0" in scale.caption(
        scale.find(plan, idle)
    )
    single = a_plan({"contestant": ["ceas", "focused"]})
    found = scale.find(single, finished(single, lambda name: 0.6), "elsewhere")
    assert list(found["settings"]) == ["elsewhere"]


def test_a_shortened_plan_keeps_what_it_is_told_to():
    plan = a_plan({"contestant": ["ceas", "uniform"], "setting": ["small", "large"]})
    short = experiments.shortened(plan, {"setting": ["large"]}, 2)
    assert [cell.labels for cell in short.cells] == [("ceas", "large"), ("uniform", "large")]
    assert list(short.seeds) == [0, 1]
    assert list(short.factors["setting"]) == ["large"]


def test_a_variant_differs_in_its_changes_alone():
    usual, short = (experiments.plan(name, quick=True) for name in ("extras", "extras-short"))
    assert [cell.labels for cell in usual.cells][:3] == [cell.labels for cell in short.cells]
    assert usual.fixed == {}
    assert short.fixed == experiments.SHORT
    told = experiments.describe_changes(short)
    assert told == " with hardware.hub_coherence_s = 10.5, hardware.node_coherence_s = 5.0"


@pytest.mark.parametrize("name", ["extras", "surfnet"])
def test_quick_sweeps_are_parts_of_the_whole_ones(name):
    whole, quick = (experiments.plan(name, quick=quick) for quick in (False, True))
    assert {cell.labels for cell in quick.cells} <= {cell.labels for cell in whole.cells}
    assert len(quick.seeds) == experiments.QUICK_SEEDS < len(whole.seeds)
    for factor, labels in experiments.QUICK[name].items():
        assert tuple(quick.factors[factor]) == tuple(labels)


# --- The page ---


class Page(HTMLParser):
    """Notes what is opened, closed and loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        if tag in ("img", "script", "link", "iframe", "source"):
            self.loaded.append(given.get("src") or given.get("href") or "inline")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_loads_nothing(tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"a picture")
    rows = [{"name": "<b>", "value": 0.123456}, {"name": "&", "other": 3}]
    sections = [report.Section("One & all", "x < y, `named`", picture, rows)]
    scenario = config.load("tiny")
    record = {"quick": True, "versions": {"jax": "1.0"}}
    page = Page()
    page.feed(report.html(sections, ["it is *so*"], scenario, record))
    assert page.open == []
    (image,) = page.loaded
    assert base64.b64decode(image.removeprefix("data:image/png;base64,")) == b"a picture"
    text = " ".join(page.text)
    for expected in ("One & all", "x < y", "<b>", "0.1235", "jax 1.0", "quick run"):
        assert expected in text
    assert "x &lt; y, <code>named</code>" in report.html(sections, ["it is *so*"], scenario, record)
    assert "it is <em>so</em>" in report.html(sections, ["it is *so*"], scenario, record)
    calm = report.html(sections, ["it is *so*"], scenario, {**record, "quick": False})
    assert "quick run" not in calm


def test_every_parameter_is_listed_with_what_it_is():
    scenario = config.load("paper")
    lines = {line.key: line for line in parameters.table(scenario)}
    for section, values in scenario.model_dump().items():
        names = [section] if not isinstance(values, dict) else [f"{section}.{n}" for n in values]
        for name in names:
            assert any(key == name or key.startswith(f"{name}.") for key in lines), name
    assert lines["attack.byzantine_nodes"].origin == "scenario"
    assert lines["network.window_s"].origin == "default"
    assert "Drmota" in lines["hardware.hub_coherence_s"].about
    assert "generation windows" in lines["network.windows"].about
    assert all(line.about for line in lines.values())
    assert {line.value for line in lines.values()} >= {"50", "42", "white_box", "3, 8"}


# --- The folder ---


@pytest.fixture
def played(monkeypatch):
    """Two parts of a reproduction, the second of which can be made to fail; counts calls."""
    calls = {"first": 0, "second": 0}
    fails = {"second": False}

    def find(name, work):
        calls[name] += 1
        if fails.get(name):
            raise KeyboardInterrupt
        return {"quick": work.quick, "value": 1 / 3}

    def part(name):
        return Part(
            name,
            name.title(),
            lambda work: find(name, work),
            lambda found: [{"value": found["value"]}],
            None,
            lambda found: f"It is {found['value']:.2f}.",
        )

    monkeypatch.setattr(run, "PARTS", (part("first"), part("second")))
    monkeypatch.setattr(parts, "SCENARIO", "tiny")
    monkeypatch.setattr(run.summary, "lines", lambda found: [f"{len(found)} parts"])
    return calls, fails


def test_an_interrupted_run_goes_on(played, tmp_path, capsys, monkeypatch):
    calls, fails = played
    fails["second"] = True
    with pytest.raises(KeyboardInterrupt):
        run.reproduce(tmp_path / "out")
    assert "run it again to go on" in capsys.readouterr().err
    assert not (tmp_path / "out" / run.REPORT).exists()
    fails["second"] = False
    run.reproduce(tmp_path / "out")
    assert calls == {"first": 1, "second": 2}
    summary = json.loads((tmp_path / "out" / run.SUMMARY).read_text())
    assert summary["parts"]["first"] == {"quick": False, "value": 1 / 3}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/data/first.csv").read_text())))
    assert [float(row["value"]) for row in rows] == [1 / 3]
    text = (tmp_path / "out" / run.REPORT).read_text()
    assert "It is 0.33." in text
    assert "2 parts" in text
    printed = capsys.readouterr().out
    assert "It is 0.33." in printed
    assert suggested(printed, monkeypatch)[0] == config.load("tiny")


def test_another_run_in_the_folder_is_refused(played, tmp_path):
    run.reproduce(tmp_path / "out")
    with pytest.raises(ValueError, match="quick differ") as error:
        run.reproduce(tmp_path / "out", quick=True)
    assert "\n" not in str(error.value)
    (tmp_path / "out" / run.FIGURES / "old.png").write_bytes(b"")
    run.reproduce(tmp_path / "out", quick=True, overwrite=True)
    assert not (tmp_path / "out" / run.FIGURES / "old.png").exists()
    assert played[0] == {"first": 2, "second": 2}


def test_a_broken_file_is_one_line(played, tmp_path):
    run.reproduce(tmp_path / "out")
    (tmp_path / "out/data/first.json").write_text("{")
    with pytest.raises(ValueError, match="not as a reproduction leaves them"):
        run.reproduce(tmp_path / "out")


@pytest.mark.slow
def test_a_quick_run_answers_every_question(tmp_path):
    run.reproduce(tmp_path / "out", quick=True)
    page = Page()
    page.feed((tmp_path / "out" / run.REPORT).read_text())
    assert page.open == []
    assert all(image.startswith("data:image/png") for image in page.loaded)
    assert len(page.loaded) == sum(part.draw is not None for part in parts.PARTS)
