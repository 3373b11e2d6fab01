"""Writes the tables of `performance.md` from the results of `ceas-gym bench`.

    ceas-gym bench paper --growth --learners --repeats 5 --out runs/bench
    python docs/performance.py runs/bench

The numbers of the run are kept beside the page, in `performance.json`; a test compares page and
numbers. A run without `--growth` or `--learners` leaves the tables of these as they are, and a run
on an accelerator changes only the table of accelerators.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import show

from ceas_agents.bench.windows import WINDOWS
from ceas_agents.evaluation import results

DOCS = Path(__file__).parent
PAGE, KEPT = DOCS / "performance.md", DOCS / "performance.json"
Record = dict[str, Any]


def page(text: str, found: Record) -> str:
    """Returns the page with the measured tables.

    Raises:
        KeyError: If the page names a table that is not in `TABLES`.
    """
    return show.filled(text, lambda name: TABLES[name](found))


def merged(kept: Record, measured: Record) -> Record:
    """Returns the numbers of the page after another run, on a processor or on an accelerator."""
    machine = measured["machine"]
    if machine["backend"] == "cpu":
        return {**kept, **measured}
    rates = {name: line["rounds per second"] for name, line in measured["all cores"].items()}
    device = {"device": machine["device"], "versions": measured["versions"]}
    return {**kept, "accelerator": {**device, "rounds per second": rates}}


def _rounds(found: Record, part: str = "rounds", by_window: int = 0) -> str:
    # With the windows of a round, if these are what is counted.
    unit = "windows / s" if by_window else "rounds / s"
    lines = [f"| | {unit} | time of a round relative to the first row |", "|---|---:|---:|"]
    for name, line in found[part].items():
        rate, ratio = line["rounds per second"], line["times the first's time"]
        shown = {key: (by_window or 1) * value for key, value in rate.items()}
        lines.append(f"| {name} | {_spread(shown)} | {_spread(ratio)} |")
    return "\n".join(lines)


def _cases(found: Record) -> str:
    lines = [f"| {name} | {_spread(rate)} |" for name, rate in found["cases"].items()]
    return "\n".join(["| scanned core, one core | rounds / s |", "|---|---:|", *lines])


def _stages(found: Record) -> str:
    measured = found["stages"]
    whole, peak = measured["scanned seconds"], measured["peak flops per second"]
    stages = measured["stages"]
    work = sum(stage["flops"] for stage in stages.values())
    stages = {**stages, "whole round, scanned": {"seconds": whole, "flops": work}}
    lines = ["| stage | us | share | kFLOP | GFLOP/s | % of the peak |", "|---|" + "---:|" * 5]
    for name, stage in stages.items():
        seconds, flops = stage["seconds"], stage["flops"]
        rate = flops / max(seconds, 1e-12)
        lines.append(
            f"| {name} | {1e6 * seconds:.1f} | {seconds / whole:.0%} | {flops / 1e3:.0f} "
            f"| {rate / 1e9:.1f} | {100 * rate / peak:.1f} |"
        )
    start = 1e6 * measured["seconds to start an operation"]
    told = (
        f"Peak: {peak / 1e9:.0f} GFLOP/s, in a product of matrices. Operations: "
        f"{measured['operations']}, of which the smallest take {start:.2f} us."
    )
    return "\n".join([*lines, "", told])


def _growth(found: Record) -> str:
    lines = [
        f"| {name} | {curve['sizes'][0]} to {curve['sizes'][-1]} | {curve['exponent']:.2f} "
        f"| {curve['expected']} |"
        for name, curve in found["growth"].items()
    ]
    return "\n".join(["| with | range | measured | expected |", "|---|---|---:|---|", *lines])


def _cold(found: Record) -> str:
    lines = [f"| {name} | {_number(value)} |" for name, value in found["cold start"].items()]
    return "\n".join(["| fresh process, nothing compiled yet | |", "|---|---:|", *lines])


def _accelerator(found: Record) -> str:
    measured = found["accelerator"]
    rates = measured["rounds per second"]
    lines = [f"| {name} | {_spread(rate)} |" for name, rate in rates.items()]
    return "\n".join([f"| {measured['device']} | rounds / s |", "|---|---:|", *lines])


TABLES = {
    "rounds": _rounds,
    "cores": lambda found: _rounds(found, "all cores"),
    "windows": lambda found: _rounds(found, "windows", WINDOWS),
    "learning": lambda found: _rounds(found["learners"], "round"),
    "learning_windows": lambda found: _rounds(found["learners"], "window", by_window=1),
    "cases": _cases,
    "stages": _stages,
    "growth": _growth,
    "cold": _cold,
    "accelerator": _accelerator,
}


def _spread(values: dict[str, float]) -> str:
    median, low, high = (_number(values[name]) for name in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Writes the tables of the page, its figure, and `performance.json`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="the --out of `ceas-gym bench`")
    folder = parser.parse_args().folder
    measured = json.loads((folder / "bench.json").read_text(encoding="utf-8"))
    on_processor = measured["machine"]["backend"] == "cpu"
    found = merged(json.loads(KEPT.read_text(encoding="utf-8")), measured)
    if on_processor and "growth" in measured:
        shutil.copyfile(folder / "growth.png", DOCS / "figures" / "growth.png")
    results.write_json(KEPT, found)
    results.write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), found))


if __name__ == "__main__":
    main()
