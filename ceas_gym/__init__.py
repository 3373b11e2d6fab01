"""Entanglement scheduling for distributed quantum neural networks, as Gymnasium environments.

Importing this registers the ids `ceas_gym/CEAS-v0`, `ceas_gym/CEASTiny-v0` and
`ceas_gym/CEASPaper-v0`; everything heavy is loaded when an environment is made.
"""

from importlib.metadata import version

from gymnasium import register

__version__ = version("ceas-gym")

for _name, _kwargs in (
    ("CEAS", {}),
    ("CEASTiny", {"scenario": "tiny"}),
    ("CEASPaper", {"scenario": "paper"}),
):
    register(
        id=f"ceas_gym/{_name}-v0",
        entry_point="ceas_gym.env:CEASEnv",
        vector_entry_point="ceas_gym.vector_env:CEASVectorEnv",
        kwargs=_kwargs,
    )
