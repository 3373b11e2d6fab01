"""The tables of the page on learned schedulers say what the folders of an evaluation hold."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "docs" / "agents.py"
SEEDS, ROUNDS = 8, 4
CURVES = {
    "ceas": np.linspace(0.2, 0.8, ROUNDS),
    "early": np.array([0.2, 0.85, 0.9, 0.9]),
    "late": np.array([0.2, 0.3, 0.4, 0.5]),
}


def played():
    """Accuracies by policy, shape (seeds, rounds); one seed of one policy is far off."""
    luck = 0.01 * np.arange(SEEDS)[:, None]
    found = {name: curve + luck for name, curve in CURVES.items()}
    found["early"][3, -1] = 0.1
    return found


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "mine"
    folder.mkdir()
    episodes, rounds = [], []
    for name, accuracy in played().items():
        # In any order: rows are paired by their seed.
        for seed in reversed(range(SEEDS)):
            curve = accuracy[seed].tolist()
            rounds += [
                {"policy": name, "seed": seed, "round": number + 1, "accuracy": value}
                for number, value in enumerate(curve)
            ]
            pairs = 100 if name == "ceas" else 50
            figures = {"final_accuracy": curve[-1], "pairs_generated": pairs, "utilization": 0.5}
            episodes.append({"policy": name, "seed": seed, **figures})
    for path, rows in (("episodes.csv", episodes), ("rounds.csv", rounds)):
        with (folder / path).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    command = [sys.executable, "-W", "error", str(SCRIPT), str(folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {cells[0]: cells for cells in lines[2:]}


def test_middles_and_differences(printed):
    found = played()
    final = {name: 100 * accuracy[:, -1] for name, accuracy in found.items()}
    for name, cells in printed.items():
        middle = np.sort(final[name])[SEEDS // 4 : -SEEDS // 4].mean()
        assert float(cells[1].split()[0]) == pytest.approx(middle, abs=0.051)
        if name != "ceas":
            difference = final[name] - final["ceas"]
            middle = np.sort(difference)[SEEDS // 4 : -SEEDS // 4].mean()
            assert float(cells[2].split()[0]) == pytest.approx(middle, abs=0.051)
            assert float(cells[3].split()[0]) == pytest.approx(difference.mean(), abs=0.051)


def test_one_seed_moves_the_mean_and_not_the_middle(printed):
    assert float(printed["early"][2].split()[0]) == pytest.approx(10, abs=0.1)
    assert float(printed["early"][3].split()[0]) < 1


def test_rounds_pairs_and_use(printed):
    assert [printed[name][4] for name in CURVES] == ["4", "2", "never"]
    assert [printed[name][5] for name in CURVES] == ["1.00", "0.50", "0.50"]
    assert printed["late"][6] == "50 %"
