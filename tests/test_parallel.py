"""Rows of a batch: each as alone, and shared out among the cores."""

import jax
import jax.numpy as jnp
import pytest

from ceas_gym.jax_utils import parallel


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 256])
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_parts_are_equal_and_cover_all_rows_once(rows: int, cores: int) -> None:
    parts = parallel.parts(rows, cores)
    assert [row for part in parts for row in range(rows)[part]] == list(range(rows))
    assert len({part.stop - part.start for part in parts}) == 1
    assert len(parts) <= cores


def test_cores_that_divide_the_rows_are_all_used() -> None:
    assert [len(parallel.parts(64, cores)) for cores in (1, 2, 4, 16)] == [1, 2, 4, 16]
    assert [len(parallel.parts(rows, 4)) for rows in (6, 7, 9)] == [3, 1, 3]


def test_a_worker_uses_the_cores_that_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = parallel.usable_cores()
    monkeypatch.setenv("PJRT_NPROC", f"{allowed + 3}")
    assert parallel.usable_cores() == allowed + 3
    monkeypatch.setenv("PJRT_NPROC", "")
    assert parallel.usable_cores() == allowed


def test_accelerator_takes_all_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (jnp.arange(6.0).reshape(3, 2), jnp.arange(3.0))
    looped = parallel.each(lambda a, b: {"sum": a.sum() + b}, *rows)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert parallel.usable_cores() == 1
    assert "scan" not in str(
        jax.make_jaxpr(lambda *r: parallel.each(jnp.add, *r))(rows[1], rows[1])
    )
    assert parallel.each(lambda a, b: {"sum": a.sum() + b}, *rows)["sum"].tolist() == [
        1.0,
        6.0,
        11.0,
    ]
    assert looped["sum"].tolist() == [1.0, 6.0, 11.0]
