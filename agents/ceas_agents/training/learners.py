"""Makes, saves and resumes the learner of a plan, and makes its training environments."""

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
from ceas_agents.wrappers import ActionRepeat, Residual
from ceas_gym.envs.dispatch import CEASDispatchVectorEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.registry import nearest

Learner = BaseAlgorithm
LEARNERS: dict[str, type[Learner]] = {"sb3.ppo": PPO, "sb3.sac": SAC, "sb3.dqn": DQN}
NETWORKS: dict[str, str | type[NodePolicy]] = {
    "mlp": "MultiInputPolicy",
    "dispatch": "MlpPolicy",
    "nodes": NodePolicy,
    "residual": NodePolicy,
}
ALWAYS: dict[str, dict[str, object]] = {"dispatch": {"activation_fn": torch.nn.ReLU}}
"""Arguments of the network that the form of the agent asks for, by the policy's name."""
KINDS = {"dispatch": CEASDispatchVectorEnv}
"""The environments that a policy is trained on, by the policy's name, if not `CEASVectorEnv`."""
WRAPPERS: dict[str, Wrapper] = {"residual": partial(Residual, policy=ceas)}
"""The wrapper around the environments that a policy is trained on, by the policy's name."""
CHECKPOINT = "checkpoint.zip"
SET_ELSEWHERE = ("self", "policy", "env", "policy_kwargs", "seed", "device", "verbose")
WATCHED = ("accuracy", "utilization")
"""Metrics of the last round of a training episode that are logged beside its return."""


def environments(plan: Plan) -> VecEnv:
    """Returns the wrapped environments on which the agent is trained.

    With the policy `dispatch`, the learner may also make choices that are masked, since learners of
    Stable-Baselines3 know no masks. The trained agent makes allowed ones only.

    Args:
        plan: Says how many rows there are, at least 1.

    Returns:
        Environments of shape (rows, ...), whose rewards are scaled by the plan's `reward_scale`.
    """
    # The rows are stepped on all cores, so more threads of torch would compete for them.
    torch.set_num_threads(1)
    settings = plan.settings
    kind = KINDS.get(settings.policy, CEASVectorEnv)
    return adapter.vec_env(plan.scenario, settings.rows, kind=kind, wrappers=_wrappers(settings))


def _wrappers(settings: Settings) -> Iterator[Wrapper]:
    if wrapper := WRAPPERS.get(settings.policy):
        yield wrapper
    if settings.action_repeat > 1:
        yield partial(ActionRepeat, rounds=settings.action_repeat)
    # Before the scaling, so that the scenario's own rewards are logged.
    yield RecordEpisodeStatistics
    # Single precision, like the learner's rewards.
    yield partial(TransformReward, func=partial(np.multiply, np.float32(settings.reward_scale)))


def make(plan: Plan, envs: VecEnv) -> Learner:
    """Returns an untrained learner.

    Args:
        plan: Names the learner, its policy and their arguments.
        envs: From `environments`, with observations of shape (rows, ...).

    Raises:
        ValueError: If an argument of the learner or of its network is wrong.

    Source:
        Schulman et al., Proximal policy optimization, arXiv:1707.06347; Haarnoja et al., Soft
        actor-critic, ICML 2018, arXiv:1801.01290; Mnih et al., Nature 518, 529 (2015), for DQN.
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
        # A copy, because the learner changes the network's arguments.
        return learner(
            NETWORKS[settings.policy],
            envs,
            policy_kwargs=ALWAYS.get(settings.policy, {}) | settings.network,
            seed=settings.seed,
            device="cpu",
            **settings.hyperparameters,
        )


def log(model: Learner, folder: Path) -> None:
    """Makes the learner write its logs for TensorBoard from now on.

    Args:
        model: The learner, which counts its steps in decisions over all rows.
        folder: Where the event files are written.
    """
    model.set_logger(configure(str(folder), ["tensorboard"]))


def save(model: Learner, folder: Path) -> None:
    """Writes the checkpoint, and the replay buffer if there is one, in place of older ones.

    Args:
        model: A learner between two stages.
        folder: Where the files are written. The checkpoint comes last and appears as a whole, so a
            checkpoint in the folder means that its replay buffer is complete.

    Raises:
        OSError: If a file can't be written.
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

    Args:
        plan: The plan of the learner that was saved.
        envs: From `environments`, with observations of shape (rows, ...).
        folder: Where `save` wrote its files.

    Raises:
        ValueError: If a file is not what `save` wrote.
        OSError: If a file can't be read.
    """
    path = folder / CHECKPOINT
    with _as_value_error(f"{path} can't be resumed"), path.open("rb") as file:
        model = LEARNERS[plan.settings.learner].load(file, env=envs, device="cpu")
        if isinstance(model, OffPolicyAlgorithm):
            model.load_replay_buffer(folder / _replay(model.num_timesteps))
        return model


def _replay(steps: int | str) -> str:
    # The replay buffer's file, after so many steps.
    return f"replay-{steps}.pkl"


@contextmanager
def _as_value_error(what: str) -> Generator[None, None, None]:
    # Stable-Baselines3 raises many types of exceptions for wrong arguments.
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{what}: {error}") from error
