"""Noise of teleported CZs against density matrices of the protocol, for every Pauli word."""

from functools import reduce

import jax.numpy as jnp
import numpy as np
import pytest
from reference import remote
from reference.learning import LETTERS, words
from reference.pairs import letters, named

from ceas_gym.learning import remote_noise
from ceas_gym.learning.remote_gates import Pack

PAIR = named(I=0.8, X=0.11, Y=0.02, Z=0.07)
LOCAL = 0.93


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("targets", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_factors_are_those_of_the_protocol(targets: int) -> None:
    pack = Pack(0, tuple(range(1, 1 + targets)), (0, 1), last=targets - 1)
    numbers, qubits = np.arange(4 ** (1 + targets)), 1 + targets
    gate = jnp.asarray(letters(PAIR))[None]
    factors = np.asarray(remote_noise.pack_factors(pack, qubits, gate, LOCAL, numbers))[:, 0]
    channel = remote.teleported(PAIR, LOCAL, targets)
    controlled = [remote.controlled(LETTERS["Z"], 0, target, qubits) for target in pack.targets]
    perfect = reduce(np.matmul, controlled)
    for word, factor in zip(words(qubits), factors, strict=True):
        # In the Heisenberg picture, the protocol turns a word into one, times a factor.
        pulled = np.einsum("ba,ijab->ji", word, channel)
        np.testing.assert_allclose(pulled, factor * perfect @ word @ perfect, atol=1e-12)
    # Order matters: a noisy gate with the first target is followed by one with the second.
    assert len(set(np.round(factors, 9))) > 4
