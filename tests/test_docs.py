"""The comparison with published laws: its command runs, and its page says what it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGE = (DOCS / "two-links.md").read_text()
SCRIPT = DOCS / "two_links.py"
OPTIMIZED = "--xla_backend_optimization_level=1"
NUMBER, BETWEEN = r"([-+]?\d+(?:\.\d+)?)", r"\s+(?:\+-\s+|\|\s+)?"
ROW = re.compile(rf"^{BETWEEN.join([NUMBER] * 10)}$", flags=re.MULTILINE)

TIMES = {0.05: 29.743590, 0.1: 14.736842, 0.3: 4.705882}
CONTRACTIONS = {
    (0.3, 20): 0.786235,
    (0.1, 50): 0.725427,
    (0.05, 200): 0.836929,
    (0.1, 20): 0.514378,
    (0.3, 500): 0.989143,
}
"""Of the same closed forms, worked out elsewhere."""


class Figures(NamedTuple):
    law: float
    mean: float
    half_width: float
    deviation: float


def rows(text: str) -> dict[tuple[float, float], tuple[Figures, Figures]]:
    """Returns time and contraction of a printed table by probability and coherence time."""
    found = [[float(number) for number in row] for row in ROW.findall(text)]
    return {(p, t): (Figures(*rest[:4]), Figures(*rest[4:])) for p, t, *rest in found}


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docs") / "new" / "two-links.png"


@pytest.fixture(scope="module")
def printed(figure: Path) -> str:
    """What the command prints for a fortieth of the pairs."""
    command = [sys.executable, "-W", "error", str(SCRIPT), "--samples", "500", "--out", str(figure)]
    # Unoptimized, as `conftest.py` has it, the simulation takes longer than its compilation saves.
    environment = os.environ | {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} {OPTIMIZED}"}
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    ).stdout


def enumerated(success: float, coherence: float) -> tuple[float, float]:
    """Mean of the later of two geometric times, and what two memories keep over the difference."""
    times = np.arange(1, 1000)
    law = success * (1 - success) ** (times - 1)
    both = np.outer(law, law)
    later, wait = np.maximum.outer(times, times), np.abs(np.subtract.outer(times, times))
    return float((both * later).sum()), float((both * np.exp(-2 * wait / coherence)).sum())


def check(table: str) -> None:
    """Asserts that all curves are there, the laws are right, and the simulation follows them."""
    points = rows(table)
    assert set(points) == {(p, t) for p in (0.05, 0.1, 0.3) for t in (20, 50, 100, 200, 500)}
    for (success, coherence), shown in points.items():
        laws = enumerated(success, coherence)
        for law, last_digit, figures in zip(laws, (1e-4, 1e-6), shown, strict=True):
            assert figures.law == pytest.approx(law, abs=0.51 * last_digit)
            error = figures.half_width / 1.96
            deviation = (figures.mean - figures.law) / error
            assert abs(deviation) <= 4, (success, coherence, figures)
            assert figures.deviation == pytest.approx(deviation, abs=0.03)
    deviations = np.array([figures.deviation for both in points.values() for figures in both])
    assert f"deviations: {np.abs(deviations).max():.2f} standard errors" in table


def test_command_prints_a_simulation_that_follows_the_laws(printed: str) -> None:
    check(printed)


def test_errors_are_small_enough_to_tell(printed: str) -> None:
    # One window too many, or the factor of the wait within a window, is more than five of them.
    times, contraction = rows(printed)[0.3, 20]
    assert 0 < times.half_width / 1.96 < 1 / 5
    factor = ((1 - np.exp(-0.1)) / 0.1) ** 2
    assert 0 < contraction.half_width / 1.96 < contraction.law * (1 - factor) / 5


def test_command_draws_the_figure(printed: str, figure: Path) -> None:
    assert printed
    with Image.open(figure) as drawn, Image.open(DOCS / "figures" / "two-links.png") as shipped:
        assert drawn.format == shipped.format == "PNG"
        assert drawn.size == shipped.size
    assert (DOCS / "figures" / "two-links.png").stat().st_size < 150_000


def test_page_shows_what_the_command_prints(printed: str) -> None:
    check(PAGE)
    # Layout and laws are the same however many pairs there are.
    block = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    assert block.splitlines()[:2] == printed.splitlines()[:2]
    assert len(block.splitlines()) == len(printed.splitlines())


def test_laws_have_the_values_worked_out_elsewhere() -> None:
    points = rows(PAGE)
    for (success, _), (times, _) in points.items():
        assert times.law == pytest.approx(TIMES[success], abs=1e-4)
    for point, expected in CONTRACTIONS.items():
        assert points[point][1].law == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("samples", ["0", "150"])
def test_command_refuses_samples_that_replicas_cannot_share(samples: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--samples", samples, "--out", str(tmp_path / "x.png")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 2
    assert "--samples must be a multiple of 100" in run.stderr
    assert not list(tmp_path.iterdir())


def test_files_that_the_pages_name_exist() -> None:
    for page in DOCS.rglob("*.md"):
        text = page.read_text()
        named = re.findall(r"\]\(([^)#:]+)\)", text)
        assert named
        for path in named:
            assert (page.parent / path).exists(), path
        for path in re.findall(r"\bdocs/[\w./-]+\w", text):
            assert (ROOT / path).is_file(), path
