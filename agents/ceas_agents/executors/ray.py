"""Jobs as tasks of Ray: on the cluster that `RAY_ADDRESS` names, or on this machine without it."""

import logging
import os
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ceas_agents.executors import workers
from ceas_agents.executors.batches import Check, Lost, Start
from ceas_agents.executors.jobs import Job, perform_all

ADDRESS = "RAY_ADDRESS"
REACHED_S = 5.0
"""Longest time in s that a cluster may take to answer."""


@contextmanager
def begin(number: int, logs: Path) -> Iterator[Start]:
    """Yields what starts a batch as a task on one core.

    Args:
        number: Cores that Ray uses on this machine, at least 1; a cluster has its own.
        logs: Not needed.

    Raises:
        ValueError: If Ray is not installed.
        OSError: If the cluster can't be reached.
    """
    del logs
    # Ray reads this when it is imported. Nothing is reported to its makers unless the user wants.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray import exceptions
    except ImportError:
        raise ValueError("--on: Ray is not installed; pip install 'ceas-gym[ray]'") from None
    with warnings.catch_warnings():
        # JAX warns of forks. Those of Ray are replaced by programs of its own at once.
        warnings.filterwarnings("ignore", message=r"os\.fork", category=RuntimeWarning)
        ray.init(
            **_place(number),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": workers.environment()},
        )
    # Lost batches are started again by the caller, who knows what is left of them.
    task = ray.remote(num_cpus=1, max_retries=0)(perform_all)

    def start(batch: Sequence[Job]) -> Check:
        reference = task.remote(batch, os.getcwd())

        def check() -> str | None:
            if not ray.wait([reference], timeout=0)[0]:
                return None
            try:
                return ray.get(reference)
            except exceptions.RayTaskError:
                raise
            except exceptions.RayError:
                raise Lost from None

        return check

    try:
        yield start
    finally:
        ray.shutdown()


def _place(number: int) -> dict[str, Any]:
    address = os.environ.get(ADDRESS)
    if not address:
        # Only this machine can reach it.
        return {"num_cpus": number, "_node_ip_address": "127.0.0.1"}
    _require_reachable(address)
    return {"address": address}


def _require_reachable(address: str) -> None:
    # Ray itself would try for minutes, and end the process.
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.rpartition("/")[2], int(port)), REACHED_S).close()
    except (OSError, ValueError) as error:
        raise OSError(
            f"--on: {ADDRESS}={address} does not answer ({error}); start a cluster there, as "
            "docs/clusters.md says, or unset it to use this machine"
        ) from None
