"""Samples in files: small tables, and the settings that read them."""

from pathlib import Path
from typing import Any

import numpy as np

from ceas_gym.scenario import LearningSettings

HEADER = "width,height,kind"
SAMPLES = np.random.default_rng(0).normal([3.0, -200.0], [1.0, 50.0], (40, 2)).round(3)
KINDS = np.array(["cat", "dog"] * 20)


def table(header: str = HEADER, samples=SAMPLES, kinds=KINDS, line: str = "", at: int = 0) -> str:
    """Writes `data.csv`, with another line in place of one, and returns its text."""
    rows = [",".join(map(str, [*row, kind])) for row, kind in zip(samples, kinds, strict=True)]
    lines = [header, *rows]
    if at:
        lines[at - 1] = line
    Path("data.csv").write_text("\n".join(lines) + "\n")
    return "\n".join(lines)


def settings(**changes: Any) -> LearningSettings:
    given = {"dataset": "data.csv", "classes": ("cat", "dog"), "features": 2, "qubits": 2}
    return LearningSettings(**(given | changes))
