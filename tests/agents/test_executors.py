"""Executors: the same results from all, whatever is killed, full, cut off or begun twice."""

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE

import pytest
from helpers import toy_jobs
from helpers.toy_jobs import deadly, environment, noted, thrice, voluminous, wrong

from ceas_agents import console
from ceas_agents.executors import EXECUTORS, batches, jobs, lock, run, slurm
from ceas_agents.executors.jobs import Job
from ceas_agents.executors.run import HERE, Engine

# submitit does not wait for the processes of its local jobs that are cancelled.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
PROCESSES = Engine("processes", 2)
EXPECTED = {n: {"thrice": 3 * n, "odd": [0.1, float("inf")]} for n in range(5)}


def needs_submitit():
    """Skips the test without it, but does not import it: that is for the executor to do."""
    if find_spec("submitit") is None:
        pytest.skip("the extra slurm is not installed")


@pytest.fixture(params=EXECUTORS)
def engine(request, monkeypatch):
    """Two workers of every executor, on this machine."""
    if request.param == "ray":
        pytest.importorskip("ray", reason="the extra ray is not installed")
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    if request.param == "slurm":
        needs_submitit()
        monkeypatch.setattr(slurm, "CLUSTER", "local")
    return Engine(request.param, 2)


def performed(todo, engine):
    """Returns the results by number, after checking that each is handed over once."""
    found = []
    with console.progress_bar() as progress:
        run.run(todo, engine, progress, lambda job, result: found.append((job, result)))
    assert len({job.path for job, _ in found}) == len(found)
    return {job.arguments[0]: result for job, result in found}


def numbers(folder):
    """Returns the numbers of the jobs in the order in which they begin."""
    return [int(line.split()[0]) for line in (folder / "begun").read_text().splitlines()]


# --- What a job is ---


def test_a_key_is_that_of_the_settings():
    assert jobs.key({"a": 1, "b": [2]}) == jobs.key({"b": [2], "a": 1})
    assert jobs.key(Path("x"), range(3)) != jobs.key(Path("x"), range(4))


def test_a_file_that_was_cut_off_anywhere_is_played_again(tmp_path):
    for name, function in {"a": thrice, "b": lambda number, tell: 12345}.items():
        job = Job(tmp_path / name, function, (7,))
        jobs.perform(job, lambda share: None)
        whole, result = job.path.read_bytes(), jobs.result(job)
        for length in range(len(whole)):
            job.path.write_bytes(whole[:length])
            assert jobs.found(job) is None
        assert performed([job], HERE) == {7: result}
        assert job.path.read_bytes() == whole


def test_a_result_that_is_there_is_not_made_again(tmp_path):
    todo = toy_jobs.jobs(tmp_path, noted, 4, tmp_path, 0)
    performed(todo[:2], HERE)
    assert performed(todo, HERE) == {n: {"thrice": 3 * n} for n in range(4)}
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_batches_have_every_job_once_and_one_group_each():
    todo = [Job(Path(f"{n}"), thrice, (n,), group=f"{n % 3}", size=1 + n % 5) for n in range(50)]
    for number in (1, 3, 8, 100):
        divided = batches.divided(todo, number)
        assert sorted(job.arguments for batch in divided for job in batch) == [
            (n,) for n in range(50)
        ]
        assert all(len({job.group for job in batch}) == 1 for batch in divided)
        # Every group begins before any is gone on with.
        assert {batch[0].group for batch in divided[:3]} == {"0", "1", "2"}
        most = -(-sum(job.size for job in todo) // number)
        assert all(sum(job.size for job in batch) < most + 5 for batch in divided)
        assert len(divided) <= number + 3


# --- Everywhere ---


@pytest.mark.slow
def test_results_are_those_of_this_process(engine, tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here = toy_jobs.jobs(tmp_path / "here", thrice, 5)
    there = toy_jobs.jobs(tmp_path / "there", thrice, 5)
    assert performed(here, HERE) == performed(there, engine) == EXPECTED
    for one, other in zip(here, there, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
    assert {path.suffix for path in (tmp_path / "there").glob("*.*")} == {".json"}


@pytest.mark.slow
def test_a_worker_has_one_core_and_the_callers_folder(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    found = performed(toy_jobs.jobs(Path(), environment, 3), engine)
    expected = {"folder": str(tmp_path), "PJRT_NPROC": "1", "OMP_NUM_THREADS": "1"}
    assert found == dict.fromkeys(range(3), expected)
    assert {name: os.environ.get(name) for name in before} == before


@pytest.mark.slow
def test_what_is_wrong_with_a_job_is_one_line_and_others_are_kept(engine, tmp_path):
    todo = toy_jobs.jobs(tmp_path, wrong, 4)
    with pytest.raises(ChildProcessError, match=r"^job 3: 3 is wrong$"):
        performed(todo, engine)
    # It was not among the first that were begun.
    assert any(jobs.found(job) for job in todo[:3])
    assert not todo[3].path.exists()


@pytest.mark.slow
def test_a_job_that_ends_its_workers_is_given_up(engine, tmp_path, monkeypatch):
    todo = toy_jobs.jobs(tmp_path, deadly, 5)
    with pytest.raises(ChildProcessError) as error:
        performed(todo, engine)
    assert str(error.value).startswith("1 jobs ended their worker 3 times each, such as job 2;")
    assert [jobs.found(job) for job in todo] == [[0], [1], None, [3], [4]]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["processes", "ray"], indirect=True)
def test_nothing_is_lost_or_counted_twice_when_workers_are_killed(engine, tmp_path):
    number, kills = 200, 10
    (tmp_path / "jobs").mkdir()
    todo = toy_jobs.jobs(tmp_path / "jobs", noted, number, tmp_path, 0.1)
    killed, over = [], threading.Event()

    def kill():
        luck = random.Random(0)
        while len(killed) < kills and not over.wait(luck.uniform(0.2, 1.0)):
            with suppress(FileNotFoundError, ProcessLookupError):
                pids = [line.split()[1] for line in (tmp_path / "begun").read_text().splitlines()]
                if pids[-1] not in killed:
                    os.kill(int(pids[-1]), (signal.SIGKILL, signal.SIGTERM)[len(killed) % 2])
                    killed.append(pids[-1])

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = performed(todo, engine)
    finally:
        over.set()
        killer.join()
    assert len(set(killed)) == kills
    assert found == {n: {"thrice": 3 * n} for n in range(number)}
    begun = numbers(tmp_path)
    assert set(begun) == set(range(number))
    # A worker that is killed loses no more than the job that it was at.
    assert number <= len(begun) <= number + kills


# --- Disks and folders ---


def test_a_full_disk_here_is_one_line_and_leaves_no_half_a_file(tmp_path, monkeypatch):
    todo = toy_jobs.jobs(tmp_path, thrice, 3)
    write = Path.write_text

    def full(path, text, **options):
        if path.name.startswith(f".{todo[1].path.name}"):
            write(path, text[: len(text) // 2], **options)
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device"):
        performed(todo, HERE)
    assert [path.name for path in tmp_path.iterdir()] == ["0.json"]
    monkeypatch.setattr(Path, "write_text", write)
    assert performed(todo, HERE) == {n: EXPECTED[n] for n in range(3)}


def test_a_disk_that_takes_no_more_from_a_worker_is_one_line(tmp_path):
    todo = toy_jobs.jobs(tmp_path, voluminous, 4)
    with pytest.raises(ChildProcessError, match=r"job 3: .*File too large"):
        performed(todo, PROCESSES)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{n}.json" for n in range(3) if jobs.found(todo[n]) == [n]}
    assert len(names) >= 2


def test_a_second_run_in_a_folder_is_one_line(tmp_path):
    with lock.held(tmp_path / "run"):
        with (
            pytest.raises(ValueError, match="is in use by another run; wait for its end, or"),
            lock.held(tmp_path / "run"),
        ):
            pytest.fail("two runs in one folder")
        with lock.held(tmp_path / "other"):
            pass
    with lock.held(tmp_path / "run"):
        pass


def test_the_lock_ends_with_its_process(tmp_path):
    holding = (
        "import sys, pathlib; from ceas_agents.executors import lock\n"
        "with lock.held(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="in use"), lock.held(tmp_path):
            pytest.fail("two runs in one folder")
        holder.kill()
    with lock.held(tmp_path):
        pass


# --- Engines that are not there ---


def test_unknown_engines_are_named():
    with pytest.raises(ValueError, match="--on: slrum is unknown; did you mean slurm"):
        run.checked("slrum", 1)


def test_a_cluster_that_does_not_answer_is_one_line_within_seconds(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(OSError, match=r"RAY_ADDRESS=127.0.0.1:9 does not answer .*clusters.md"):
        performed(toy_jobs.jobs(tmp_path, thrice, 2), Engine("ray", 2))
    assert time.monotonic() - begun < 20


def test_a_machine_without_slurm_is_one_line(tmp_path, monkeypatch):
    needs_submitit()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="slurm can't be reached, because there is no sbatch"):
        performed(toy_jobs.jobs(tmp_path, thrice, 2), Engine("slurm", 2))


HANDLER = """
import io, logging, sys
from pathlib import Path
from ceas_agents.executors import slurm

class Closing(logging.StreamHandler):
    def close(self):
        self.stream.close()

handler = Closing(io.StringIO())
try:
    with slurm.begin(1, Path()):
        pass
except ValueError as error:
    print(error, handler.stream.closed, "submitit" in sys.modules)
"""


def test_submitit_leaves_the_logging_of_others_alone(monkeypatch):
    needs_submitit()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("SUBMITIT_LOG_LEVEL", raising=False)
    ran = subprocess.run([sys.executable, "-c", HANDLER], stdout=PIPE, text=True, check=True)
    assert ran.stdout.endswith("False True\n")


@pytest.mark.parametrize(("name", "library"), [("ray", "Ray"), ("slurm", "submitit")])
def test_what_is_not_installed_is_one_line(name, library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, {"ray": "ray", "slurm": "submitit"}[name], None)
    with pytest.raises(
        ValueError, match=rf"{library} is not installed; pip install 'ceas-gym.{name}"
    ):
        performed(toy_jobs.jobs(tmp_path, thrice, 2), Engine(name, 2))
