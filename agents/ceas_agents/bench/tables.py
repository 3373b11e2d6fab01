"""The tables that `ceas-gym bench` prints."""

from typing import Any

from rich.table import Table

from ceas_agents.bench import learners, windows

SPREAD = "median (least to greatest); ratios of calls that take turns"


def of(found: dict[str, Any]) -> list[Table]:
    """Returns the tables of a run.

    Args:
        found: The contents of `bench.json`, with times in s.
    """
    machine = found["machine"]
    name, where = found["scenario"]["name"], machine["processor"]
    tables = [
        _rounds(found["rounds"], f"{name}, one core of {where}"),
        _rounds(found["all cores"], f"{name}, all {machine['cores']} cores"),
        _rounds(
            found["windows"], f"{name}, eight windows and a barrier, one core", windows.WINDOWS
        ),
        _stages(found["stages"]),
        _cases(found["cases"]),
        _cold(found["cold start"]),
    ]
    for step, learned in found.get("learners", {}).items():
        title = f"{name}, {learners.ROWS} rows, learning on one core, a step is a {step}"
        tables.append(_rounds(learned, title, by_window=int(step == "window")))
    return [*tables, _growth(found["growth"])] if "growth" in found else tables


def _rounds(rounds: dict[str, Any], title: str, by_window: int = 0) -> Table:
    # With the windows of a round, if these are what is counted.
    unit = "windows / s" if by_window else "rounds / s"
    table = Table(title=title, caption=SPREAD)
    for heading in ("", unit, "time of a round relative to the first row"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figures in rounds.items():
        rate, ratio = figures["rounds per second"], figures["times the first's time"]
        shown = {key: (by_window or 1) * value for key, value in rate.items()}
        table.add_row(name, _spread(shown), _spread(ratio))
    return table


def _stages(found: dict[str, Any]) -> Table:
    whole, peak = found["scanned seconds"], found["peak flops per second"]
    start = 1e6 * found["seconds to start an operation"]
    caption = (
        f"each stage alone, on one core; peak {peak / 1e9:.0f} GFLOP/s (product of matrices);\n"
        f"{found['operations']} operations, of which the smallest take {start:.2f} us each"
    )
    table = Table(title="a round's time", caption=caption)
    for heading in ("stage", "us", "share of the round", "kFLOP", "GFLOP/s", "% of the peak"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    rows = found["stages"].items()
    for name, figures in rows:
        table.add_row(name, *_work(figures["seconds"], figures["flops"], whole, peak))
    table.add_section()
    total = sum(figures["flops"] for _, figures in rows)
    table.add_row("whole round, scanned", *_work(whole, total, whole, peak))
    return table


def _work(seconds: float, flops: float, whole: float, peak: float) -> list[str]:
    rate = flops / max(seconds, 1e-12)
    return [
        f"{1e6 * seconds:.1f}",
        f"{seconds / whole:.0%}",
        f"{flops / 1e3:.0f}",
        f"{rate / 1e9:.1f}",
        f"{100 * rate / peak:.1f}",
    ]


def _cases(cases: dict[str, Any]) -> Table:
    table = Table(title="scanned core, one core", caption="without attack, where none is named")
    table.add_column("scenario")
    table.add_column("rounds / s", justify="right")
    for name, rate in cases.items():
        table.add_row(name, _spread(rate))
    return table


def _cold(figures: dict[str, float]) -> Table:
    table = Table(title="in a fresh process, with nothing compiled yet")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.1f}" if value < 100 else f"{value:.0f}")
    return table


def _growth(found: dict[str, Any]) -> Table:
    table = Table(title="growth of a round's time t ~ x^exponent, over the upper half of the range")
    for heading in ("with", "range", "measured", "expected"):
        table.add_column(heading, justify="left" if heading == "with" else "right")
    for name, curve in found.items():
        sizes = f"{curve['sizes'][0]} to {curve['sizes'][-1]}"
        table.add_row(name, sizes, f"{curve['exponent']:.2f}", curve["expected"])
    return table


def _spread(figures: dict[str, float]) -> str:
    median, low, high = (_number(figures[name]) for name in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
