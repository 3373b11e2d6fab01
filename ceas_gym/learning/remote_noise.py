"""The noise of remote gates: factors on Pauli words, in the Heisenberg picture.

A teleported pack of CZs is the same CZs, followed by Pauli errors: Z on the control, on all of the
targets, or on both, with the probabilities of the pair's errors. So an observable is multiplied
word by word before it is pulled back through the CZs.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ceas_gym.learning import pauli
from ceas_gym.learning.reach import Words
from ceas_gym.learning.remote_gates import Pack, Remote

Diagonal = Callable[[Words], Float[Array, "words teams"]]
"""From numbers of Pauli words to the factor of each, for each team."""


def diagonals(
    remote: Remote,
    qubits: int,
    gates: Float[Array, "teams packs xyz"],
    idle: Float[Array, "teams runs qpus xyz"],
    local: ArrayLike,
) -> Mapping[int, Diagonal]:
    """Returns the noise of all packs, and of the time in which their signals travel.

    A word is multiplied by `pack` for each pack. At the last pack of a run, it is also multiplied
    by `waiting`, since all qubits wait after the gates of the run.

    Args:
        remote: Packs.
        qubits: Of the circuit.
        gates: Contraction of X, Y and Z by the pair of each pack, with the errors of its two
            readouts, in [-1, 1]: r is the probability of a right readout, and a pair contracts by
            (x, y, z), then these are x (2r - 1), y (2r - 1)^2 and z (2r - 1).
        idle: Factor by which X, Y and Z of a qubit decay on each QPU during the signals of a run,
            in [0, 1].
        local: Contraction g of the noise of local two-qubit gates, in [0, 1].

    Returns:
        By the number of a step (`Pack.last`), the function that gives the factors of the words
        after this step, from their numbers in [0, 4**qubits).

    Example:
        >>> one = Remote(home=(0, 1), packs=(Pack(0, (1,), (0, 1), last=0),), run=(0,))
        >>> gates, idle = jnp.array([[[0.7, 0.8, 0.9]]]), jnp.ones((1, 1, 2, 3))
        >>> noise = diagonals(one, 2, gates, idle, 1.0)
        >>> print(noise[0](np.array([0, 1, 4, 5]))[:, 0])  # II, IX, XI and XX
        [1.  0.9 0.7 0.8]
    """
    lasts = {run: number for number, run in enumerate(remote.run)}
    return {
        pack.last: partial(
            _product,
            partial(pack_factors, pack, qubits, gates[:, number], local),
            partial(idle_factors, remote.home, idle[:, run]) if lasts[run] == number else None,
        )
        for number, (pack, run) in enumerate(zip(remote.packs, remote.run, strict=True))
    }


def pack_factors(
    pack: Pack, qubits: int, gate: Float[Array, "teams xyz"], local: ArrayLike, words: Words
) -> Float[Array, "words teams"]:
    """Returns the factors by which a teleported pack multiplies Pauli words.

    Let A be 1 if the letter of the word P on the control is X or Y, and B be 1 if an odd number of
    its letters on the targets are; otherwise they are 0. The pair multiplies P by

        1, x, z or y for (A, B) = (0, 0), (1, 0), (0, 1) or (1, 1).

    A local gate, before which its two qubits depolarize, multiplies it by g, but by 1 if the word
    is I on both at that time. For the CNOT at the control, from the control to its half of the
    pair, this is if the control's letter is I and B = 0. For the CZ between the copy and a target,
    it is if this target's letter is I, A = 0, and an even number of the later targets' letters is X
    or Y.

    The pack's own CZs turn no such word into one of another kind, so the factors are the same for
    the words before and after them. Those of other CZs do, so the order of packs matters.

    Args:
        pack: Control and targets.
        qubits: Of the circuit.
        gate: Contraction of X, Y and Z by the pair and the readouts.
        local: Contraction g of the noise of local two-qubit gates.
        words: Numbers in [0, 4**qubits).

    Source:
        Eisert et al., PRA 62, 052317 (2000), for one target. The rest is checked against density
        matrices of the circuit in `tests/learning/test_remote_noise.py`.
    """
    control, targets = _letters(pack, qubits, words)
    flips, parities = _flips(control), _later(targets)
    place = np.array([[0, 3], [1, 2]])[flips, parities[:, 0]]
    factors = jnp.concatenate([jnp.ones_like(gate[:, :1]), gate], axis=1).T[place]
    kept = [(control == 0) & (parities[:, 0] == 0)]
    kept += [
        (letter == 0) & (flips == 0) & (later == 0)
        for letter, later in zip(targets.T, parities[:, 1:].T, strict=True)
    ]
    contraction = jnp.asarray(local, factors.dtype)
    return factors * jnp.where(np.stack(kept), 1.0, contraction).prod(axis=0)[:, None]


def idle_factors(
    home: tuple[int, ...], idle: Float[Array, "teams qpus xyz"], words: Words
) -> Float[Array, "words teams"]:
    """Returns the factors by which waiting multiplies Pauli words: one for each letter but I.

    Args:
        home: Number of the QPU of each qubit.
        idle: Factor of X, Y and Z of a qubit on each QPU, in [0, 1].
        words: Numbers in [0, 4**qubits).

    Example:
        >>> print(idle_factors((0, 0), jnp.array([[[0.5, 0.5, 0.9]]]), np.array([7])))  # XZ
        [[0.45]]
    """
    table = jnp.concatenate([jnp.ones_like(idle[..., :1]), idle], axis=-1)
    letters = pauli.letters(len(home), words.tolist()).T
    each = [table[:, qpu].T[found] for qpu, found in zip(home, letters, strict=True)]
    return reduce(jnp.multiply, each)


def _product(pack: Diagonal, waiting: Diagonal | None, words: Words) -> Float[Array, "words teams"]:
    return pack(words) if waiting is None else pack(words) * waiting(words)


def _letters(pack: Pack, qubits: int, words: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = pauli.letters(qubits, words.tolist())
    return found[:, pack.control], found[:, list(pack.targets)]


def _flips(letters: NDArray[np.int64]) -> NDArray[np.int64]:
    # 1 for X and Y, which Z errors flip.
    return np.isin(letters, (1, 2)).astype(np.int64)


def _later(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    # Parity of X and Y from each target on, then 0: the parity of all targets is in column 0, and
    # that of the targets after the k-th, counted from 0, in column k + 1.
    sums = np.cumsum(_flips(targets)[:, ::-1], axis=1)[:, ::-1] % 2
    return np.concatenate([sums, np.zeros((len(targets), 1), np.int64)], axis=1)
