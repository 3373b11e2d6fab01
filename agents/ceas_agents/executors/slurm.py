"""Jobs on a cluster with Slurm, which submitit submits: one Slurm job for each batch."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ceas_agents.executors import workers
from ceas_agents.executors.batches import Check, Lost, Start
from ceas_agents.executors.jobs import Job, perform_all

CLUSTER = "slurm"
"""How submitit calls where jobs go; `local` is this machine."""
LONGEST_MIN = 240
"""Time in minutes after which Slurm ends a batch, unless `SBATCH_TIMELIMIT` says otherwise."""


@contextmanager
def begin(number: int, logs: Path) -> Iterator[Start]:
    """Yields what submits a batch as a job on one core.

    Args:
        number: Not needed: as many Slurm jobs are submitted as batches are started at a time.
        logs: Folder for scripts and logs, which all machines share.

    Raises:
        ValueError: If submitit is not installed, or there is no Slurm here.
    """
    del number
    # Read on import: else submitit would set up the logging of the whole process anew, and close
    # the streams of handlers that are there.
    os.environ.setdefault("SUBMITIT_LOG_LEVEL", "NOCONFIG")
    try:
        import submitit
    except ImportError:
        raise ValueError("--on: submitit is not installed; pip install 'ceas-gym[slurm]'") from None
    if CLUSTER == "slurm" and not shutil.which("sbatch"):
        raise ValueError(
            "--on: slurm can't be reached, because there is no sbatch here; run this on a machine "
            "from which jobs are submitted, or choose processes or ray"
        )
    submitter = submitit.AutoExecutor(logs, cluster=CLUSTER)
    submitter.update_parameters(name="ceas-gym", cpus_per_task=1, timeout_min=LONGEST_MIN)
    submitted: list[submitit.Job[str]] = []

    def start(batch: Sequence[Job]) -> Check:
        job = submitter.submit(perform_all, batch, os.getcwd())
        submitted.append(job)
        return lambda: _checked(submitit, job)

    with workers.inherited():
        try:
            yield start
        finally:
            for job in submitted:
                if not job.done():
                    job.cancel()


def _checked(submitit: Any, job: Any) -> str | None:  # noqa: ANN401 - a module and its job
    if not job.done():
        return None
    try:
        return job.result()
    except submitit.core.utils.FailedJobError:
        raise
    except submitit.core.utils.UncompletedJobError:
        raise Lost from None
