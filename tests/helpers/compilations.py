"""Counts the programs that JAX compiles in a run of the tests; too many fail it.

A test that uses single operations of JAX compiles each of them for each shape. So prepare and
compare data with NumPy, and call the library through `compiled.py`.
"""

import os
from collections import Counter
from typing import Any

import jax
import pytest

BUDGET = 11_000
"""Greatest number of programs in a whole run."""
MOST_OF_A_TEST = 300
EVENT = "/jax/core/compile/backend_compile_duration"

made: Counter[str] = Counter()
"""Programs by test, in all processes that have reported; slow tests do not count."""
slow: set[str] = set()


def _listen(event: str, duration_secs: float, **_: Any) -> None:
    del duration_secs
    test = os.environ.get("PYTEST_CURRENT_TEST", "set-up").split(" ")[0]
    if event == EVENT and test not in slow:
        made[test] += 1


jax.monitoring.register_event_duration_secs_listener(_listen)


def problems() -> list[str]:
    """Returns a line for each budget that is exceeded, with its count of programs."""
    total = made.total()
    found = [f"{total} programs compiled, more than {BUDGET}"] if total > BUDGET else []
    greedy = [(name, count) for name, count in made.most_common(5) if count > MOST_OF_A_TEST]
    return found + [
        f"{name} compiles {count}, more than {MOST_OF_A_TEST}" for name, count in greedy
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes which tests are slow."""
    slow.update(item.nodeid.split(" ")[0] for item in items if item.get_closest_marker("slow"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Reports the counts of a worker process, or fails the run if a budget is exceeded."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["compilations"] = dict(made)
    elif problems() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Adds the counts that a worker process reports when it ends."""
    del error
    made.update(getattr(node, "workeroutput", {}).get("compilations", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the total, and each budget that is exceeded."""
    terminalreporter.write_line(f"{made.total()} programs compiled (at most {BUDGET})")
    for problem in problems():
        terminalreporter.write_line(f"ERROR: {problem}", red=True)
