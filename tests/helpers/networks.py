"""Networks with some fields replaced, whichever of their parts has them."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jax.numpy as jnp

from ceas_gym.types import Network


def altered(network: Network, **changes: Any) -> Network:
    """Returns the network with some fields replaced: arrays from lists, static ones as they are.

    A field of a part goes by its own name where no other part has it (`decay_rate`), or by that of
    the part and its own (`key_slots`).
    """
    for name, value in changes.items():
        part, field = _place(network, name)
        new = {field: _array(value)}
        network = replace(
            network, **({part: replace(getattr(network, part), **new)} if part else new)
        )
    return network


def _place(network: Network, name: str) -> tuple[str, str]:
    if name in {field.name for field in fields(network)}:
        return "", name
    found = [
        (part.name, field.name)
        for part in fields(network)
        if is_dataclass(getattr(network, part.name))
        for field in fields(getattr(network, part.name))
        if name in (field.name, f"{part.name}_{field.name}")
    ]
    assert len(found) == 1, f"{name} is in {found}"
    return found[0]


def _array(value: Any) -> Any:
    fixed = isinstance(value, bool | int | Callable) or is_dataclass(value)
    return value if fixed else jnp.asarray(value)
