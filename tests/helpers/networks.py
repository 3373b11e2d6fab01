"""Networks with some fields replaced, by the names of the fields in any of their parts."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import jax.numpy as jnp

from ceas_gym.types import Network, Shot


def altered(network: Network, **changes: Any) -> Network:
    """Returns the network with some fields replaced; lists become arrays, static fields do not.

    A field of a part has its own name if no other part has such a field (`decay_rate`), or else the
    names of part and field (`key_slots`). Of the data partition, `qubits` says all of a shot.

    Args:
        network: The network.
        **changes: New values, in the units and shapes of the fields.
    """
    qubits = changes.pop("qubits", None)
    for name, value in changes.items():
        part, field = _place(network, name)
        new = {field: _array(value)}
        network = replace(
            network, **({part: replace(getattr(network, part), **new)} if part else new)
        )
    if qubits is None:
        return network
    shot = Shot(qubits=qubits, data=(qubits,))
    return replace(network, teams=replace(network.teams, shot=shot))


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
