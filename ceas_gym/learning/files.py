"""Data sets in files: tables in CSV, and arrays of NumPy."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym import user_files
from ceas_gym.registry import nearest, one_line

SUFFIXES = (".csv", ".npz")
LABEL = "label"
"""The column of labels, if a table has a column of this name and none is asked for."""
FEATURES, LABELS = "features", "labels"
"""Arrays that a file of NumPy's must have."""
WRITE = f"write it with numpy.savez(path, {FEATURES}=..., {LABELS}=...)"
MOST_CLASSES = 4
SHOWN = 10
"""Most classes that a message lists."""
WHOLE = re.compile(r"[-+]?\d+")


class Table(NamedTuple):
    """Samples with their classes, as a file has them."""

    columns: tuple[str, ...]
    """Names of the features."""
    samples: NDArray[np.float64]
    """Finite numbers, shape (samples, features)."""
    classes: NDArray[Any]
    """Integers or text, shape (samples,)."""


def is_file(dataset: str) -> bool:
    """Returns whether the name of a data set means a file: it ends in `.csv` or `.npz`.

    Args:
        dataset: As in `learning.dataset`.

    Example:
        >>> is_file("data/flowers.CSV"), is_file("digits"), is_file("my_data:read")
        (True, False, False)
    """
    return dataset.lower().endswith(SUFFIXES)


def read(path: str, label_column: str | None = None) -> Table:
    """Returns the samples of a file and their classes.

    A CSV file has a header, commas between columns, and a sample in each further line. One column
    holds the classes; all others are features, and hold numbers. A file of NumPy's has the arrays
    `features`, shape (samples, features), and `labels`, shape (samples,). Classes are integers if
    all of them are whole numbers, and text otherwise.

    Args:
        path: Of a file that ends in `.csv` or `.npz`.
        label_column: Column that holds the classes; by default `label`, or else the last one.

    Raises:
        ValueError: If the file can't be read as such; it names the file, the place and the remedy.
    """
    if path.lower().endswith(".npz"):
        return _arrays(path)
    return _table(path, label_column)


def classes(path: str, label_column: str | None = None) -> tuple[int | str, ...]:
    """Returns the classes of a file in ascending order; from 2 to 4.

    Args:
        path: Of the file, as for `read`.
        label_column: As for `read`.

    Raises:
        ValueError: As `read`, or if the file has one class, or more than can be told apart.
    """
    found = np.unique(read(path, label_column).classes).tolist()
    another = ", or name another learning.label_column" * path.lower().endswith(".csv")
    if len(found) == 1:
        raise ValueError(
            f"{path} has one class, {found[0]!r}, but at least 2 are told apart; add samples of "
            f"another{another}"
        )
    if len(found) > MOST_CLASSES:
        raise ValueError(
            f"{path} has {len(found)} classes ({listed(found)}), but at most {MOST_CLASSES} are "
            f"told apart; choose some by learning.classes{another}"
        )
    return tuple(found)


def listed(found: list[Any]) -> str:
    """Returns values as a message lists them: the first ten.

    Args:
        found: Values, such as classes.

    Example:
        >>> listed(["cat", 5])
        "'cat', 5"
    """
    rest = ", ..." if found[SHOWN:] else ""
    return ", ".join(map(repr, found[:SHOWN])) + rest


# --- Tables in CSV ---


def _table(path: str, label_column: str | None) -> Table:
    lines = _lines(path)
    header = _header(path, next(lines, (1, []))[1])
    label = _label(path, header, label_column)
    columns = [name for name in header if name != label]
    samples, labels = list[list[float]](), list[str]()
    for line, cells in lines:
        row = _row(f"{path}, line {line}", header, cells)
        labels.append(_stated(f"{path}, line {line}", label, row.pop(label)))
        samples.append([_number(f"{path}, line {line}", *cell) for cell in row.items()])
    if not samples:
        raise ValueError(f"{path} has a header, but no samples below it")
    return Table(tuple(columns), np.array(samples), _whole(labels))


def _lines(path: str) -> Iterator[tuple[int, list[str]]]:
    # Cells of each line that is not blank, with its number; a quoted cell may span several lines.
    reader = csv.reader(io.StringIO(user_files.text(path), newline=""), strict=True)
    number = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if cells is None:
            return
        if cells:
            yield number, [cell.strip() for cell in cells]
        number = reader.line_num + 1


def _header(path: str, names: list[str]) -> list[str]:
    if not names:
        raise ValueError(f"{path} is empty")
    if len(names) == 1:
        raise ValueError(
            f"{path}, line 1: there is one column, {names[0]!r}, but at least a feature and the "
            "label are needed; separate columns by commas"
        )
    if all(map(_is_number, names)) or any(_is_number(n) and not WHOLE.fullmatch(n) for n in names):
        raise ValueError(f"{path}, line 1: numbers stand in place of a header; name the columns")
    for place, name in enumerate(names, 1):
        if not name:
            raise ValueError(
                f"{path}, line 1: column {place} has no name; name it, or take it out (pandas "
                "writes no such column with index=False)"
            )
        if name in names[: place - 1]:
            raise ValueError(f"{path}, line 1: two columns are named {name!r}; rename one")
    return names


def _label(path: str, header: list[str], asked: str | None) -> str:
    if asked is None:
        return LABEL if LABEL in header else header[-1]
    if asked not in header:
        raise ValueError(
            f"{path} has no column {asked!r} (learning.label_column); {nearest(asked, header)}"
        )
    return asked


def _row(place: str, header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise ValueError(
            f"{place} has {len(cells)} cells, but the header has {len(header)}; correct the line, "
            "or take it out"
        )
    return dict(zip(header, cells, strict=True))


def _stated(place: str, column: str, label: str) -> str:
    if not label:
        raise ValueError(f"{place} has no label in column {column!r}; add it, or take out the line")
    return label


def _number(place: str, column: str, cell: str) -> float:
    if not (_is_number(cell) and np.isfinite(float(cell))):
        raise ValueError(
            f"{place}: {cell!r} in column {column!r} is no finite number; correct it, or take out "
            "the line or the column"
        )
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _whole(labels: list[str]) -> NDArray[Any]:
    are_whole = all(map(WHOLE.fullmatch, labels))
    return np.array([int(label) for label in labels] if are_whole else labels)


# --- Arrays of NumPy ---


def _arrays(path: str) -> Table:
    found = _loaded(path)
    missing = [name for name in (FEATURES, LABELS) if name not in found]
    if missing:
        raise ValueError(
            f"{path} has no array {' and no array '.join(missing)}, but {listed([*found])}; {WRITE}"
        )
    samples, labels = found[FEATURES], found[LABELS]
    if samples.ndim != 2 or labels.shape != samples.shape[:1] or not samples.size:
        raise ValueError(
            f"{path}: features and labels must have the shapes (samples, features) and (samples,), "
            f"but have {samples.shape} and {labels.shape}"
        )
    if samples.dtype.kind not in "iuf":
        raise ValueError(f"{path}: features must be numbers, but are of type {samples.dtype}")
    if not np.isfinite(samples).all():
        row, column = np.argwhere(~np.isfinite(samples))[0].tolist()
        raise ValueError(
            f"{path}: features[{row}, {column}] is {samples[row, column]}, which is no finite "
            "number; correct it, or take out the sample or the column"
        )
    columns = tuple(f"{FEATURES}[:, {place}]" for place in range(samples.shape[1]))
    return Table(columns, samples.astype(np.float64), _plain(path, labels))


def _loaded(path: str) -> dict[str, NDArray[Any]]:
    contents = io.BytesIO(user_files.contents(path))
    if not zipfile.is_zipfile(contents):
        raise ValueError(f"{path} is no archive of NumPy's; {WRITE}")
    try:
        with np.load(contents, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    # What is damaged, or no array, raises errors of many kinds.
    except Exception as error:
        raise ValueError(f"{path} can't be read: {one_line(error)}; {WRITE}") from error


def _plain(path: str, labels: NDArray[Any]) -> NDArray[Any]:
    # Classes as integers or text.
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f" and (np.isfinite(labels) & (labels == np.round(labels))).all():
        return labels.astype(np.int64)
    if labels.dtype.kind != "U":
        raise ValueError(
            f"{path}: labels must be whole numbers or text, but are of type {labels.dtype}, such "
            f"as {labels[0]}"
        )
    return labels
