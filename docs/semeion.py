"""Reads the Semeion handwritten digits from the file `semeion.data` of the UCI repository.

The file is not shipped. It has a line for each of 1593 images: 16 x 16 pixels, 0 or 1, and then ten
numbers, of which the one at the place of the digit is 1. With this
folder on `PYTHONPATH`, and in a folder that holds the file, the nodes learn from it by

    ceas-gym evaluate tiny --policy uniform --set learning.dataset=semeion:read

Source:
    Buscema, MetaNet: the theory of independent judges, Substance Use & Misuse 33, 439 (1998);
    https://archive.ics.uci.edu/dataset/178/semeion+handwritten+digit.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE, CLASSES = 16, 10
COLUMNS = SIDE**2 + CLASSES
WHERE = "get semeion.data from https://archive.ics.uci.edu/dataset/178"


def read(path: str | Path = "semeion.data") -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the images of the file, and which digits they show.

    Args:
        path: The file.

    Returns:
        Pixels, 0 or 1, shape (images, 256), and classes 0 to 9, shape (images,).

    Raises:
        ValueError: If there is no such file, or a line is not as described above; it names the file
            and the line, and says what to do.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ValueError(f"{path} can't be read ({reason}); {WHERE}") from error
    rows = [_row(line, f"{path}, line {place}") for place, line in enumerate(lines, 1) if line]
    if not rows:
        raise ValueError(f"{path} has no images; {WHERE}")
    table = np.array(rows)
    return table[:, : SIDE**2], table[:, SIDE**2 :].argmax(axis=1)


def _row(line: str, where: str) -> list[float]:
    words = line.split()
    if len(words) != COLUMNS:
        raise ValueError(f"{where} has {len(words)} columns instead of {COLUMNS}; {WHERE}")
    numbers = [_number(word, where) for word in words]
    if sum(numbers[SIDE**2 :]) != 1:
        raise ValueError(f"{where} has no single 1 among its last ten columns; {WHERE}")
    return numbers


def _number(word: str, where: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if number not in (0, 1):
        raise ValueError(f"{where} has {word[:20]!r} instead of 0 or 1; {WHERE}")
    return number


def halved(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns images of 8 x 8 pixels, each the mean of four.

    Args:
        pixels: Shape (images, 256).

    Returns:
        Shape (images, 64).

    Example:
        >>> halved(np.ones((1, 256))).shape
        (1, 64)
    """
    half = SIDE // 2
    return pixels.reshape(-1, half, 2, half, 2).mean(axis=(2, 4)).reshape(-1, half**2)
