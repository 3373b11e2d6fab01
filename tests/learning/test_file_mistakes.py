"""Samples in files that can't be used: one line for every mistake, with its place and remedy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.refusals import refusal
from helpers.sample_files import KINDS, SAMPLES, settings, table

from ceas_gym.learning import data, encoding, files

WRITE = "write it with numpy.savez(path, features=..., labels=...)"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(**changes: Any) -> str:
    with pytest.raises(ValueError, match=r"learning\.") as caught:
        data.prepare(settings(**changes))
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,abc,cat", "'abc' in column 'height' is no finite number"),
        ("1,nan,cat", "'nan' in column 'height' is no finite number"),
        ("inf,1,cat", "'inf' in column 'width' is no finite number"),
        ("1,,cat", "'' in column 'height' is no finite number"),
        ("1,cat", "line 17 has 2 cells, but the header has 3; correct the line, or take it out"),
        ("1,2,3,cat", "line 17 has 4 cells, but the header has 3"),
        ("1,2, ", "line 17 has no label in column 'kind'; add it, or take out the line"),
        ('1,"2"3,cat', "line 17: ',' expected after '\"'"),
        ('1,2,"cat', "line 17: unexpected end of data"),
    ],
)
def test_a_bad_row_is_named_by_its_line(line: str, message: str) -> None:
    table(line=line, at=17)
    said = refused()
    assert said.startswith("learning.dataset: data.csv, line 17")
    assert message in said


def test_lines_are_those_of_an_editor() -> None:
    Path("data.csv").write_text('"wi\ndth",kind\n\n1,cat\n"2",dog\n\nx,cat\n')
    assert "data.csv, line 7: 'x' in column 'wi\\ndth' is no finite" in refused()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("1.5,2.5,cat", "line 1: numbers stand in place of a header; name the columns"),
        ("1,2,3", "line 1: numbers stand in place of a header; name the columns"),
        (",height,kind", "line 1: column 1 has no name; name it, or take it out (pandas writes"),
        ("width,width,kind", "line 1: two columns are named 'width'; rename one"),
        ("width;height;kind", "line 1: there is one column, 'width;height;kind', but at least a"),
    ],
)
def test_a_wrong_header_is_refused(header: str, message: str) -> None:
    table(header)
    assert refused().startswith(f"learning.dataset: data.csv, {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv is empty"),
        ("\n\n", "data.csv is empty"),
        ("a,b\n", "data.csv has a header, but no samples below it"),
    ],
)
def test_a_table_without_samples_is_refused(text: str, message: str) -> None:
    Path("data.csv").write_text(text)
    assert refused() == f"learning.dataset: {message}"


def test_constant_columns_are_named() -> None:
    table(samples=SAMPLES * [0.0, 1.0] + [0.1, 0.0])
    assert refused() == (
        "learning.dataset: data.csv: column 'width' is the same in all training samples; take it "
        "out"
    )
    np.savez("data.npz", features=np.ones((40, 2)), labels=KINDS)
    assert refused(dataset="data.npz") == (
        "learning.dataset: data.npz: columns 'features[:, 0]', 'features[:, 1]' are the same in "
        "all training samples; take them out"
    )


def test_too_few_samples_of_a_class_are_counted() -> None:
    table(kinds=np.array(["cat"] * 38 + ["dog"] * 2))
    said = (
        "learning.classes: class 'dog' of dataset 'data.csv' has 2 of 40 samples, too few for "
        "training, validation and test; give at least 5 of each class"
    )
    assert refused() == said
    Path("data.csv").write_text("a,b,kind\n1,2,cat\n3,4,dog\n5,6,dog\n")
    assert "class 'cat' of dataset 'data.csv' has 1 of 3 samples" in refused()


@pytest.mark.parametrize("counts", [(5, 5), (5, 6), (5, 7, 9), (5, 5, 5, 5), (5, 200), (6, 5, 33)])
def test_five_samples_of_a_class_are_enough(counts: tuple[int, ...]) -> None:
    names = "cat", "dog", "ape", "bee"
    kinds = np.repeat(names[: len(counts)], counts)
    samples = np.random.default_rng(1).normal(size=(len(kinds), 2))
    table(samples=samples, kinds=kinds)
    for seed in range(20):
        asked = settings(classes=names[: len(counts)], qubits=4, data_seed=seed)
        for part in data.prepare(asked):
            assert set(part.labels) == set(range(len(counts)))


def test_one_class_and_many_are_refused() -> None:
    whole = {"learning.dataset": "data.csv"}
    table(kinds=np.full(40, "cat"))
    assert refusal("tiny", whole) == (
        "overrides: learning.dataset: data.csv has one class, 'cat', but at least 2 are told "
        "apart; add samples of another, or name another learning.label_column"
    )
    table(kinds=np.arange(40) % 7)
    assert refusal("tiny", whole) == (
        "overrides: learning.dataset: data.csv has 7 classes (0, 1, 2, 3, 4, 5, 6), but at most 4 "
        "are told apart; choose some by learning.classes, or name another learning.label_column"
    )


def test_names_that_do_not_occur_are_refused_with_those_that_do() -> None:
    table()
    assert refused(classes=("cat", "cow")) == (
        "learning.classes: classes ['cow'] do not occur in dataset 'data.csv', which has 'cat', "
        "'dog'"
    )
    assert refused(label_column="knd").endswith(
        "data.csv has no column 'knd' (learning.label_column); did you mean kind?"
    )
    assert refused(features=3).endswith("has 2 principal components; set features to 2 at most")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"X": SAMPLES, "y": KINDS},
            f"no array features and no array labels, but 'X', 'y'; {WRITE}",
        ),
        ({"features": SAMPLES}, f"no array labels, but 'features'; {WRITE}"),
        ({"features": SAMPLES, "labels": KINDS[1:]}, "but have (40, 2) and (39,)"),
        ({"features": SAMPLES[:, 0], "labels": KINDS}, "but have (40,) and (40,)"),
        ({"features": SAMPLES.astype(str), "labels": KINDS}, "features must be numbers"),
        ({"features": SAMPLES, "labels": SAMPLES[:, 0]}, "labels must be whole numbers or text"),
        ({"features": SAMPLES, "labels": np.full(40, np.nan)}, "labels must be whole numbers"),
        ({"features": SAMPLES, "labels": np.full(40, np.inf)}, "labels must be whole numbers"),
        ({"features": SAMPLES, "labels": KINDS.astype(object)}, "data.npz can't be read: Object"),
    ],
)
def test_wrong_arrays_are_refused(arrays: dict[str, Any], message: str) -> None:
    np.savez("data.npz", **arrays)
    assert message in refused(dataset="data.npz")


def test_a_number_that_is_not_finite_is_named_by_its_place() -> None:
    holed = SAMPLES.copy()
    holed[16, 1] = np.nan
    np.savez("data.npz", features=holed, labels=KINDS)
    assert refused(dataset="data.npz") == (
        "learning.dataset: data.npz: features[16, 1] is nan, which is no finite number; correct "
        "it, or take out the sample or the column"
    )


def test_what_is_no_archive_is_refused_and_damage_is_no_traceback() -> None:
    np.save("data.npy", SAMPLES)
    Path("data.npy").rename("data.npz")
    assert refused(dataset="data.npz") == (
        f"learning.dataset: data.npz is no archive of NumPy's; {WRITE}"
    )
    np.savez_compressed("data.npz", features=SAMPLES, labels=KINDS)
    whole, random = Path("data.npz").read_bytes(), np.random.default_rng(0)
    refusals: list[str] = []
    for _ in range(100):
        start = random.integers(len(whole) - 20)
        damaged = whole[:start] + random.bytes(20) + whole[start + 20 :]
        Path("data.npz").write_bytes(damaged)
        try:
            files.read("data.npz")
        except ValueError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all(each.startswith("data.npz") and each.isprintable() for each in refusals)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("no.csv", "no.csv can't be read: no such file or directory"),
        ("no.npz", "no.npz can't be read: no such file or directory"),
        ("data.txt", "dataset 'data.txt' can't be read: a file ends in .csv or .npz"),
        ("digit", "dataset 'digit' is unknown; did you mean digits?"),
    ],
)
def test_a_file_that_is_not_there_is_named(dataset: str, message: str) -> None:
    assert refused(dataset=dataset) == f"learning.dataset: {message}"


def test_a_file_that_is_no_text_is_named() -> None:
    Path("data.csv").write_bytes(b"a,kind\n\xff,cat\n")
    assert refused().endswith("data.csv can't be read: byte 7 is not UTF-8 text")


def test_a_column_is_named_for_tables_only() -> None:
    assert refusal("tiny", {"learning.label_column": "kind"}).endswith(
        "learning.label_column = 'kind' is for CSV files, but dataset = 'digits'"
    )


def test_samples_in_files_are_no_quantum_data() -> None:
    with pytest.raises(ValueError, match=r"the samples of 'data.csv' are numbers, which need"):
        encoding.encoded(settings(feature_map="none"))


@pytest.mark.parametrize("label", [True, 1.5, None, "", "x" * 101, 2_000_000])
def test_a_class_is_a_whole_number_or_a_short_text(label: object) -> None:
    assert refusal("tiny", {"learning.classes": ["cat", label]}).startswith(
        "overrides: learning.classes[1] must be an integer from -1000000 to 1000000, or text, but"
    )
