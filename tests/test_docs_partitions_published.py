"""The page on published partitions says what the kept summary of its run says."""

import json

import numpy as np
import pytest
from helpers import scripts

from ceas_gym.jax_utils.fast_compile import once


@pytest.fixture(scope="module")
def script():
    return scripts.load("partitions_published")


@pytest.fixture(scope="module")
def tables(script):
    return script.partitions_tables


@pytest.fixture(scope="module")
def found(script):
    return json.loads(script.KEPT.read_text())


def fake(script, monkeypatch):
    """Replaces training, and returns what was asked for."""
    asked = []

    def accuracies(case, communication, seed, iterations, fidelity=1.0):
        asked.append((case, communication, seed, fidelity))
        return [0.9 - 0.01 * seed - place / 10 for place in range(len(script.FIDELITIES))]

    def fold_accuracy(pixels, classes, setup, fold, size):
        asked.append((pixels.shape[1], setup.networks, fold, size.layers))
        return [0.8 + fold / 100]

    monkeypatch.setattr(script, "accuracies", accuracies)
    monkeypatch.setattr(script, "fold_accuracy", fold_accuracy)
    return asked


def test_the_page_is_that_of_the_run(script, tables, found):
    text = tables.PAGE.read_text()
    assert tables.page(text, found) == text
    assert all(f"<!-- table: {name} -->" in text for name in tables.TABLES)


def test_another_number_would_be_noticed(tables, found):
    changed = json.loads(json.dumps(found))
    changed["none"]["clusters, 3 layers"][0] -= 0.5
    changed["quantum"]["clusters, 9 layers"]["0.9"][0] -= 0.5
    changed["trained with it"]["0.9"][0] -= 0.5
    changed["slices"]["4"][0] -= 0.5
    for name, lines in tables.TABLES.items():
        assert list(lines(changed)) != list(lines(found)), name


def test_every_cell_has_all_seeds(script, found):
    seeds = found["size"]["seeds"]
    assert found["size"] == script.Size(seeds=seeds)._asdict()
    assert seeds >= 5
    names = [str(case) for case in script.CASES]
    assert list(found["none"]) == list(found["quantum"]) == names
    parts = (found["none"], found["trained with it"], *found["quantum"].values())
    assert {len(column) for part in parts for column in part.values()} == {seeds}
    assert {tuple(part) for part in parts[2:]} == {tuple(map(str, script.FIDELITIES))}
    assert {len(folds) for folds in found["slices"].values()} == {script.FOLDS}


def test_what_was_trained_is_kept(script, monkeypatch, tmp_path, capsys):
    asked = fake(script, monkeypatch)
    script.main(["--quick", "--folder", str(tmp_path)])
    # No communication, quantum communication, and two trainings with worse pairs; five folds.
    trained = (2 * len(script.CASES) + 2) * 2 + len(script.NETWORKS) * 5
    assert len(asked) == len(set(asked)) == trained
    first = capsys.readouterr().out
    assert "| clusters, 3 layers | 89.5 (" in first
    script.main(["--quick", "--folder", str(tmp_path)])
    assert len(asked) == trained
    second = capsys.readouterr().out
    assert second in first
    assert "gap:\n" in second


def test_semeion_is_read_from_the_file(script, monkeypatch, tmp_path, capsys):
    asked = fake(script, monkeypatch)
    lines = [["0"] * 256 + [str(int(digit == place)) for place in range(10)] for digit in range(10)]
    data = tmp_path / "semeion.data"
    data.write_text("\n".join(map(" ".join, lines)))
    script.main(["--quick", "--folder", str(tmp_path), "--data", str(data)])
    folds = [
        (*shape, fold, 2) for shape in ((64, 1), (64, 2), (256, 4), (256, 8)) for fold in range(5)
    ]
    assert asked[: len(folds)] == folds
    assert "| 8 | 32 | 3 | 5 | pi/8 | 0.8200 +- 0.0141 |" in capsys.readouterr().out


def test_a_single_seed_is_refused(script, capsys):
    with pytest.raises(SystemExit):
        script.main(["--seeds", "1"])
    assert "--seeds must be at least 2" in capsys.readouterr().err


def test_a_missing_file_is_one_line(script, tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.main(["--data", str(tmp_path / "none.data")])
    assert f"{tmp_path / 'none.data'} can't be read" in capsys.readouterr().err.splitlines()[-1]


def test_training_helps(script):
    case = script.Case("digits", 1)
    before, after = (
        script.accuracies(case, "none", seed=0, iterations=iterations) for iterations in (0, 60)
    )
    assert after[0] > before[0] + 0.1
    assert len(set(after)) == 1  # There are no pairs that could get worse.


def test_training_of_sliced_networks_lowers_the_loss(script):
    networks, labels = script.sliced_qnns, np.arange(10)
    setup = networks.Setup(networks=1, scale=35.0, largest_angle=np.pi)
    angles, weights = networks.sliced(np.eye(10, 16), setup), networks.start(0, 1, 2, 1)
    trained = networks.train(weights, angles, labels, setup.scale, epochs=60)
    before, after = (
        once(networks.loss)(each, angles, labels, setup.scale) for each in (weights, trained)
    )
    assert np.log(np.e + 9) - 1 < after < before - 0.05


@pytest.mark.parametrize("name", ["clusters", "products", "digits"])
def test_data_have_eight_angles_and_two_classes(script, name):
    split = script.halves.DATASETS[name](seed=3)
    for angles, labels in (split[:2], split[2:]):
        assert angles.shape == (len(labels), 8)
        assert np.abs(angles).max() <= np.pi / 2
        assert 0.45 < labels.mean() < 0.55
