"""The reader of the Semeion digits, on small files of the same form."""

import re

import numpy as np
import pytest
from helpers import scripts

from ceas_gym import config
from ceas_gym.learning import data


@pytest.fixture(scope="module")
def semeion():
    return scripts.load("semeion")


def line(digit, pixels=None):
    """A line of the file: blanks between numbers, and one at its end."""
    shown = np.zeros(256, int) if pixels is None else pixels
    flags = " ".join(str(int(place == digit)) for place in range(10))
    return " ".join(f"{pixel:.4f}" for pixel in shown) + f" {flags} \n"


def test_images_and_classes_are_read(semeion, tmp_path):
    random = np.random.default_rng(0)
    pixels, classes = random.integers(0, 2, (20, 256)), np.arange(20) % 10
    path = tmp_path / "semeion.data"
    path.write_text("".join(map(line, classes, pixels)))
    found, digits = semeion.read(path)
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(digits, classes)


def test_file_is_a_data_set_of_the_library(semeion, tmp_path, monkeypatch):
    random = np.random.default_rng(1)
    lines = [line(digit, random.integers(0, 2, 256)) for digit in (3, 8) for _ in range(20)]
    (tmp_path / "semeion.data").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    changes = {"learning.dataset": "semeion:read", "learning.classes": (3, 8)}
    training, _, test = data.prepare(config.load("tiny", changes).learning)
    assert len(training.labels) == 24
    assert set(test.labels) == {0, 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(1) + "0 1\n", "line 2 has 2 columns instead of 266"),
        (line(1) + line(2).replace("0.0000", "wrong", 1), "line 2 has 'wrong' instead of 0 or 1"),
        (line(1).replace("0.0000", "0.5", 1), "line 1 has '0.5' instead of 0 or 1"),
        (line(1).replace("0.0000", "nan", 1), "line 1 has 'nan' instead of 0 or 1"),
        (line(10), "line 1 has no single 1 among its last ten columns"),
        ("\n", "has no images"),
        (None, "can't be read (No such file or directory)"),
    ],
)
def test_errors_name_file_line_and_remedy(semeion, tmp_path, text, expected):
    path = tmp_path / "semeion.data"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(expected)) as error:
        semeion.read(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert message.endswith(semeion.WHERE)
    assert "\n" not in message


def test_file_that_is_no_text_is_refused(semeion, tmp_path):
    path = tmp_path / "semeion.data"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not a text file"):
        semeion.read(path)


def test_a_halved_image_has_means_of_four_pixels(semeion):
    pixels = np.zeros((16, 16))
    pixels[2:4, 4:6] = [[1, 1], [1, 0]]
    small = semeion.halved(pixels.reshape(1, -1)).reshape(8, 8)
    assert small[1, 2] == 0.75
    assert small.sum() == 0.75
