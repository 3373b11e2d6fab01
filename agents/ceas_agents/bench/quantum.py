"""Alternatives that a user would write with PennyLane, for the gradients of a round only.

The gradients of the compiled alternatives are compared with ours before anything is timed.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ceas_agents.bench.timing import Contender
from ceas_gym.learning import circuit, data, learners, pauli, pullback
from ceas_gym.registry import resolve
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning, Split

Numbers = NDArray[np.float64]
Loss = Callable[[Array, Array, Array], Array]

NAIVE = "default.qubit, parameter shift, node by node"
COMPILED = "default.qubit, compiled, all nodes at once"
MIXED = "default.mixed with the noise, compiled, all at once"
CONTRACTION = 0.9
"""Contraction of each data qubit in the alternative with noise."""
TOLERANCE = 2e-5
"""Allowed difference of gradients in single precision."""


def contenders(settings: LearningSettings, learning: Learning, nodes: int) -> list[Contender]:
    """Returns the three alternatives, after a check of the gradients of the compiled ones.

    Under JAX 0.11 and newer there is the first one only, because PennyLane 0.45 compiles nothing.

    Args:
        settings: Settings of data and circuit.
        learning: The same data and circuit, as arrays.
        nodes: Number of nodes; gradients have the shape (nodes, parameters).

    Raises:
        AssertionError: If the gradients differ from ours.
    """
    with warnings.catch_warnings():
        # PennyLane calls deprecated functions of JAX, and asks for double precision.
        warnings.simplefilter("ignore")
        return _contenders(settings, learning, nodes)


def _contenders(settings: LearningSettings, learning: Learning, nodes: int) -> list[Contender]:
    features = data.prepare(settings)[0].features
    drawn = np.random.default_rng(0).integers(0, len(features), (nodes, settings.batch_size))
    shape = (settings.layers, settings.qubits, settings.angles_per_qubit)
    weights = jax.random.normal(jax.random.key(2), (math.prod(shape),))
    trained = np.array(learning.program.trained or range(weights.size))
    inputs = jnp.asarray(features[drawn], jnp.float32)
    labels = learning.training.labels[drawn]
    found = [_naive(settings, learning, features[0], np.asarray(weights), drawn.size)]
    for name, contraction in _compilable().items():
        loss = _loss(settings, learning, contraction)
        gradients = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))
        compiled = jax.jit(gradients).lower(weights, inputs, labels).compile()
        ours = _ours(learning, weights[trained], drawn, contraction)
        theirs = np.asarray(compiled(weights, inputs, labels))
        np.testing.assert_allclose(theirs[:, trained], ours, atol=TOLERANCE)
        np.testing.assert_allclose(np.delete(theirs, trained, axis=1), 0, atol=TOLERANCE)
        found.append(Contender(name, lambda call=compiled: call(weights, inputs, labels)))
    return found


def _compilable() -> dict[str, float]:
    # When PennyLane 0.45 compiles, it calls a function that JAX 0.11 has removed.
    return {COMPILED: 1.0, MIXED: CONTRACTION} if jax.__version_info__ < (0, 11) else {}


def _naive(
    settings: LearningSettings, learning: Learning, sample: Numbers, weights: Numbers, samples: int
) -> Contender:
    # The gradient of the expectation values of one sample; a round needs one for every sample.
    import pennylane as qml
    from pennylane import numpy as qnp

    run = _node(settings, learning, 1.0, "parameter-shift", "autograd")
    jacobian = qml.jacobian(lambda weights: qnp.stack(run(weights, sample)))
    point = qnp.array(weights, requires_grad=True)
    return Contender(NAIVE, lambda: jacobian(point), 1 / samples)


def _loss(settings: LearningSettings, learning: Learning, contraction: float) -> Loss:
    run = _node(settings, learning, contraction, "backprop", "jax")

    def loss(weights: Array, inputs: Array, labels: Array) -> Array:
        expected = jax.vmap(lambda sample: jnp.stack(run(weights, sample)))(inputs)
        scores = learning.logit_scale * expected.astype(jnp.float32) @ learning.readout.T
        return learners.cross_entropy(scores, labels)

    return loss


def _node(
    settings: LearningSettings, learning: Learning, contraction: float, method: str, interface: str
) -> Callable[..., Any]:
    import pennylane as qml

    encode = resolve("feature map", settings.feature_map, circuit.FEATURE_MAPS)
    ansatz = resolve("ansatz", settings.ansatz, circuit.ANSATZE)
    shape = (settings.layers, settings.qubits, settings.angles_per_qubit)
    wires, noisy = range(settings.qubits), contraction < 1
    device = qml.device("default.mixed" if noisy else "default.qubit", wires=settings.qubits)

    @qml.qnode(device, interface=interface, diff_method=method)
    def run(weights: Any, sample: Any) -> Any:  # noqa: ANN401
        encode(sample, wires)
        for wire in wires if noisy else ():
            qml.DepolarizingChannel(0.75 * (1 - contraction), wires=wire)
        ansatz(weights.reshape(shape), wires)
        return [qml.expval(qml.Z(wire)) for wire in range(learning.program.observables)]

    return run


def _ours(
    learning: Learning, weights: Array, drawn: NDArray[np.int64], contraction: float
) -> Float[Array, "nodes parameters"]:
    program = learning.program
    letters = pauli.letter_counts(program.qubits, program.words).sum(axis=1)
    left = jnp.asarray(contraction**letters, jnp.float32)
    pulled = pullback.pull(program, weights)

    def gradient(samples: Array) -> Array:
        batch = Split(learning.training.paulis[samples] * left, learning.training.labels[samples])
        return learners.full_gradient(learning, pulled, batch)

    return jax.vmap(gradient)(jnp.asarray(drawn))
