"""Samples in files: what they hold, and how they are chosen, scaled and described."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.sample_files import KINDS, SAMPLES, settings, table
from numpy.typing import NDArray

from ceas_gym import config
from ceas_gym.learning import data, encoding, files, own_data
from ceas_gym.scenario import LearningSettings


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(overrides: dict[str, object] | None = None) -> LearningSettings:
    given = {"learning.dataset": "data.csv", "learning.features": 2, "learning.qubits": 4}
    return config.load("tiny", given | (overrides or {})).learning


# --- What they hold ---


def test_a_table_is_read() -> None:
    table()
    found = files.read("data.csv")
    assert found.columns == ("width", "height")
    np.testing.assert_array_equal(found.samples, SAMPLES)
    assert found.classes.tolist() == KINDS.tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n") + "\n\n",
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("cat", '"cat"').replace("width", '"width"'),
    ],
)
def test_a_table_may_be_written_in_other_ways(change) -> None:
    Path("data.csv").write_bytes(change(table()).encode())
    found = files.read("data.csv")
    np.testing.assert_array_equal(found.samples, SAMPLES)
    assert found.classes.tolist() == KINDS.tolist()


def test_the_label_is_asked_for_or_called_so_or_the_last() -> None:
    by_header = {"width,height,kind": ("width", "height"), "width,label,kind": ("width", "kind")}
    numbers = np.arange(40) % 2
    for header, columns in by_header.items():
        table(header, kinds=numbers)
        assert files.read("data.csv").columns == columns
    asked = files.read("data.csv", "width")
    assert asked.columns == ("label", "kind")
    assert asked.classes.tolist() == SAMPLES[:, 0].astype(str).tolist()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["3", "08", "-1"], [3, 8, -1]),
        (["3", "8", "x"], ["3", "8", "x"]),
        (["0.5", "1"], ["0.5", "1"]),
    ],
)
def test_labels_are_whole_numbers_or_text(labels: list[str], expected: list[Any]) -> None:
    Path("data.csv").write_text("a,label\n" + "".join(f"1,{label}\n" for label in labels))
    assert files.read("data.csv").classes.tolist() == expected


@pytest.mark.parametrize(
    "labels", [KINDS, np.arange(40) % 3, np.arange(40) % 2 == 0, (np.arange(40) % 2) * 1.0]
)
def test_arrays_are_read(labels: NDArray[Any]) -> None:
    np.savez("data.npz", features=SAMPLES.astype(np.float32), labels=labels)
    found = files.read("data.npz")
    np.testing.assert_array_equal(found.samples, SAMPLES.astype(np.float32))
    assert found.samples.dtype == np.float64
    assert found.classes.tolist() == labels.tolist()
    assert files.classes("data.npz") == tuple(sorted({*labels.tolist()}))


# --- What becomes of them ---


def test_columns_are_standardized_by_the_training_samples_alone() -> None:
    table()
    chosen = data.choose(settings())
    training = SAMPLES[chosen.splits[0]]
    expected = (SAMPLES - training.mean(axis=0)) / training.std(axis=0)
    np.testing.assert_allclose(chosen.samples, expected, rtol=1e-12)
    assert [len(members) for members in chosen.splits] == [24, 8, 8]
    # Samples of the test split do not change what the others are.
    moved = SAMPLES.copy()
    moved[chosen.splits[2]] += 1e3
    table(samples=moved)
    before, after = chosen.training, data.choose(settings()).training
    np.testing.assert_array_equal(before, after)


def test_units_do_not_count() -> None:
    table()
    before = data.prepare(settings())
    table(samples=SAMPLES * [1000.0, 0.25] + [5.0, 0.0])
    for one, other in zip(before, data.prepare(settings()), strict=True):
        np.testing.assert_allclose(np.abs(one.features), np.abs(other.features), atol=1e-9)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_classes_are_those_of_the_file_unless_some_are_chosen() -> None:
    table(kinds=np.array(["dog", "cat", "ape", "bee"] * 10))
    assert loaded().classes == ("ape", "bee", "cat", "dog")
    chosen = loaded({"learning.classes": ["dog", "ape"]})
    assert chosen.classes == ("dog", "ape")
    labels = np.concatenate([part.labels for part in data.prepare(chosen)])
    assert np.bincount(labels).tolist() == [10, 10]


def test_a_new_file_has_classes_of_its_own() -> None:
    table()
    scenario = config.load("tiny", {"learning.dataset": "data.csv", "learning.features": 2})
    np.savez("data.npz", features=SAMPLES, labels=np.arange(40) % 2)
    again = config.load(scenario, {"learning.dataset": "data.npz"}).learning
    assert again.classes == (0, 1)
    named = {"learning.dataset": "data.csv", "learning.label_column": "kind"}
    assert config.load(config.load(scenario, named), {"learning.dataset": "iris"}).learning == (
        LearningSettings(**(again.model_dump() | {"dataset": "iris", "classes": ("cat", "dog")}))
    )


def test_a_file_is_beside_the_scenario_or_in_the_working_directory(here) -> None:
    (here / "folder").mkdir()
    table()
    (here / "data.csv").rename(here / "folder" / "data.csv")
    (here / "folder" / "my.yaml").write_text("learning: {dataset: data.csv, features: 2}")
    scenario = config.load("folder/my.yaml")
    assert scenario.learning.dataset == str(Path("folder", "data.csv"))
    assert scenario.learning.classes == ("cat", "dog")
    # A run writes its scenario elsewhere, and it still finds them from here.
    (here / "runs").mkdir()
    (here / "runs" / "scenario.yaml").write_text(config.dump(scenario))
    assert config.load("runs/scenario.yaml") == scenario
    assert config.load("tiny", config.flat(scenario)) == scenario


def test_a_circuit_encodes_them() -> None:
    table()
    states = [amplitudes for amplitudes, _ in encoding.encoded(settings(qubits=2))]
    assert [each.shape for each in states] == [(24, 4), (8, 4), (8, 4)]
    np.testing.assert_allclose(np.linalg.norm(states[0], axis=1), 1)


def test_what_becomes_of_them_is_said() -> None:
    table()
    training = data.choose(settings()).training
    values = np.linalg.eigvalsh(np.cov(training.T))
    share = round(100 * values[-1] / values.sum())
    line = own_data.described(settings(features=1))
    assert line == (
        "data.csv: 40 samples (20 of class cat, 20 of class dog) of 2 columns, standardized, "
        f"reduced to 1 principal component with {share}% of the variance; fitted on the 24 "
        "training samples alone; 8 are for validation and 8 for the test"
    )
    kept = own_data.record(settings(features=1))
    assert kept["data"] == line
    own = settings(dataset=f"{__name__}:mine", classes=("a", "b"))
    assert "standardized" not in own_data.described(own)
    assert list(own_data.record(own)) == ["data"]
    assert own_data.record(settings(dataset="iris", classes=(0, 1))) == {}


def mine() -> tuple[NDArray[np.float64], list[str]]:
    return SAMPLES, ["a", "b"] * 20


def test_a_record_tells_files_apart() -> None:
    table()
    digest = own_data.record(settings())["data_sha256"]
    table(line="9,9,cat", at=2)
    assert own_data.record(settings())["data_sha256"] != digest
