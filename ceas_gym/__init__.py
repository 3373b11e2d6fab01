"""Entanglement scheduling for distributed quantum neural networks, as Gymnasium environments.

The import registers the ids

- `ceas_gym/CEAS-v1`: a table of the nodes is observed, and an action is shares of the channels;
- `ceas_gym/CEASFlat-v1`: the same in one vector each;
- `ceas_gym/CEASDispatch-v1`: an action is a choice among scheduling rules.

`make_params`, `reset` and `step` are the same environment as pure functions in JAX
(`ceas_gym.envs.functional`). `parallel_env` makes it one of several agents, for PettingZoo
(`ceas_gym.envs.parallel`). Large libraries are loaded when they are first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from gymnasium import register

if TYPE_CHECKING:
    from ceas_gym.envs.functional import make_params, reset, step
    from ceas_gym.envs.parallel import parallel_env

__all__ = ["__version__", "make_params", "parallel_env", "reset", "step"]
__version__ = version("ceas-gym")

_MODULES = {
    "make_params": "functional",
    "reset": "functional",
    "step": "functional",
    "parallel_env": "parallel",
}

for _name, _module in (("CEAS", "env"), ("CEASFlat", "flat"), ("CEASDispatch", "dispatch")):
    _vector_module = "vector_env" if _module == "env" else _module
    register(
        id=f"ceas_gym/{_name}-v1",
        entry_point=f"ceas_gym.envs.{_module}:{_name}Env",
        vector_entry_point=f"ceas_gym.envs.{_vector_module}:{_name}VectorEnv",
    )
for _name in ("tiny", "paper"):
    register(
        id=f"ceas_gym/CEAS{_name.title()}-v0",
        entry_point="ceas_gym.envs.old_ids:make",
        vector_entry_point="ceas_gym.envs.old_ids:make_vec",
        kwargs={"was": _name},
    )


if not TYPE_CHECKING:  # Otherwise a type checker would accept any name.

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - whichever function is asked for
        """Returns a public function; the first use loads its module, and JAX."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"ceas_gym.envs.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
