"""The learners of Stable-Baselines3 and the environments that a plan asks for."""

import inspect
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics, TransformReward
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import configure
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from ceas_agents.policies.ceas import ceas
from ceas_agents.training import adapter
from ceas_agents.training.adapter import Wrapper
from ceas_agents.training.network import NodePolicy
from ceas_agents.training.plan import Plan, Settings
from ceas_agents.wrappers import ActionRepeat, Dispatch, Residual
from ceas_gym.registry import nearest

Learner = BaseAlgorithm
LEARNERS: dict[str, type[Learner]] = {"ppo": PPO, "sac": SAC, "dqn": DQN}
NETWORKS: dict[str, str | type[NodePolicy]] = {
    "mlp": "MultiInputPolicy",
    "dispatch": "MlpPolicy",
    "nodes": NodePolicy,
    "residual": NodePolicy,
}
WRAPPERS: dict[str, Wrapper] = {
    "residual": partial(Residual, policy=ceas),
    "dispatch": Dispatch,
}
"""What the environments of a policy are wrapped in, by the policy's name."""
CHECKPOINT = "checkpoint.zip"
SET_ELSEWHERE = ("self", "policy", "env", "policy_kwargs", "seed", "device", "verbose")
WATCHED = ("accuracy", "utilization")
"""Last figures of a training episode that are logged beside its return."""


def environments(plan: Plan) -> VecEnv:
    """Returns the rows that the agent learns from."""
    # More threads of torch would wait for each other while the rows are stepped on all cores.
    torch.set_num_threads(1)
    settings = plan.settings
    return adapter.vec_env(plan.scenario, settings.rows, wrappers=_wrappers(settings))


def _wrappers(settings: Settings) -> Iterator[Wrapper]:
    if wrapper := WRAPPERS.get(settings.policy):
        yield wrapper
    if settings.action_repeat > 1:
        yield partial(ActionRepeat, rounds=settings.action_repeat)
    # Logged are the rewards of the scenario, before they are scaled.
    yield RecordEpisodeStatistics
    # A factor as precise as the learner's rewards.
    yield partial(TransformReward, func=partial(np.multiply, np.float32(settings.reward_scale)))


def make(plan: Plan, envs: VecEnv) -> Learner:
    """Returns a learner that has learned nothing yet.

    Raises:
        ValueError: If an argument of the learner or of its network is wrong.
    """
    settings = plan.settings
    learner = LEARNERS[settings.learner]
    known = [name for name in inspect.signature(learner).parameters if name not in SET_ELSEWHERE]
    for name in settings.hyperparameters:
        if name not in known:
            raise ValueError(
                f"{plan.name}: hyperparameters: {name} is unknown; {nearest(name, known)}"
            )
    with _as_value_error(f"{plan.name}: hyperparameters and network"):
        # The learner writes into the network's arguments.
        return learner(
            NETWORKS[settings.policy],
            envs,
            policy_kwargs=dict(settings.network),
            seed=settings.seed,
            device="cpu",
            **settings.hyperparameters,
        )


def log(model: Learner, folder: Path) -> None:
    """Lets the learner write what it says of itself for TensorBoard, from now on."""
    model.set_logger(configure(str(folder), ["tensorboard"]))


def save(model: Learner, folder: Path) -> None:
    """Writes all that the learner goes on from, as whole files, in place of what was there.

    Args:
        model: Between two stages.
        folder: For the checkpoint, which is written last, so whoever finds it finds the rest, too.
    """
    old = set(folder.glob(_replay("*")))
    if isinstance(model, OffPolicyAlgorithm):
        model.save_replay_buffer(folder / _replay(model.num_timesteps))
        old.discard(folder / _replay(model.num_timesteps))
    beside = folder / f".{CHECKPOINT}"
    with beside.open("wb") as file:
        model.save(file)
    beside.replace(folder / CHECKPOINT)
    for path in old:
        path.unlink()


def resume(plan: Plan, envs: VecEnv, folder: Path) -> Learner:
    """Returns the learner as it was saved.

    Raises:
        ValueError: If a file is not what `save` wrote.
        OSError: If one can't be read.
    """
    path = folder / CHECKPOINT
    with _as_value_error(f"{path} can't be resumed"), path.open("rb") as file:
        model = LEARNERS[plan.settings.learner].load(file, env=envs, device="cpu")
        if isinstance(model, OffPolicyAlgorithm):
            model.load_replay_buffer(folder / _replay(model.num_timesteps))
        return model


def _replay(steps: int | str) -> str:
    # What the learner remembers, after so many steps.
    return f"replay-{steps}.pkl"


@contextmanager
def _as_value_error(what: str) -> Generator[None, None, None]:
    # Stable-Baselines3 has many ways to refuse.
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{what}: {error}") from error
