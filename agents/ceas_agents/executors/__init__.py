"""Where jobs run: `--on processes`, `ray` or `slurm`, with the same results on all of them.

A command makes a list of jobs (`executors.jobs`), and `executors.run` has those performed whose
file is missing. An executor only starts batches of jobs and says which have ended. Results travel
through files in a folder that all workers share, never through the executor. So it may lose a
worker at any time.
"""

from ceas_agents.executors import processes, ray, slurm
from ceas_agents.executors.batches import Executor

PROCESSES = "processes"
EXECUTORS: dict[str, Executor] = {
    PROCESSES: Executor(processes.begin, pieces=4),
    "ray": Executor(ray.begin, pieces=4),
    # A batch starts a new process, after a while in a queue.
    "slurm": Executor(slurm.begin, pieces=1),
}
