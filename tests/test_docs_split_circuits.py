"""The circuits behind the page on published partitions are those of PennyLane, with noise, too."""

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
import pytest
from helpers import scripts

from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.learning import pauli

FLIPS = [np.diag(np.kron(one, two)) for one in ([1, 1], [1, -1]) for two in ([1, 1], [1, -1])]


@pytest.fixture(scope="module")
def processors():
    return scripts.load("two_qpus")


@pytest.fixture(scope="module")
def networks():
    return scripts.load("sliced_qnns")


def channel(kept, ends):
    """A remote CZ through a pair: a word without X and Y stays, others are contracted."""
    chances = (1 - kept) / 4 + kept * (np.arange(4) == 0)
    operators = [np.sqrt(chance) * flip for chance, flip in zip(chances, FLIPS, strict=True)]
    qml.QubitChannel(operators, wires=ends)


def expected(processors, features, angles, communication, kept):
    """Expectation values of the two processors' readout by density matrices."""

    @qml.qnode(qml.device("default.mixed", wires=8))
    def circuit():
        for qubit, feature in enumerate(features):
            qml.RY(feature, wires=qubit)
        for turns in angles:
            for ends in (*processors.LOCAL, *processors.REMOTE[communication]):
                qml.CZ(wires=ends)
            for ends in processors.REMOTE[communication]:
                channel(kept, ends)
            for qubit, (about_z, about_y) in enumerate(turns):
                qml.RZ(about_z, wires=qubit)
                qml.RY(about_y, wires=qubit)
        return qml.expval(qml.Z(0)), qml.expval(qml.Z(4)), qml.expval(qml.Z(0) @ qml.Z(4))

    return np.array(circuit(), float)


@pytest.mark.parametrize(("communication", "fidelity"), [("quantum", 0.9), ("none", 0.9)])
def test_two_processors_are_those_of_density_matrices(processors, communication, fidelity):
    random = np.random.default_rng(3)
    features, angles = random.uniform(-1.5, 1.5, 8), random.uniform(-3, 3, (2, 8, 2))
    kept = processors.contraction(fidelity)
    with jax.enable_x64(True):
        layer = jax.tree.map(jnp.asarray, processors.gates(communication))
        data = processors.samples(features[None], np.zeros(1))
        found = once(processors.expectations)(jnp.asarray(angles), data, layer, kept)
    law = expected(processors, features, angles, communication, kept)
    assert np.abs(law).min() > 1e-3
    np.testing.assert_allclose(np.asarray(found)[0], law, atol=1e-6)


def test_channel_is_that_of_a_gate_through_a_werner_pair(processors):
    # A remote CZ of wires 0 and 3: the cat-entangler copies 0 to 2 through the pair 1, 2.
    fidelity, angles = 0.85, np.random.default_rng(5).uniform(-3, 3, (2, 3))
    kept = processors.contraction(fidelity)
    words = pauli.words(2)[1:]

    @qml.qnode(qml.device("default.mixed", wires=4))
    def teleported():
        qml.Hadamard(wires=1)
        qml.CNOT(wires=[1, 2])
        qml.DepolarizingChannel(3 * (1 - kept) / 4, wires=2)
        for wire, turns in zip((0, 3), angles, strict=True):
            qml.Rot(*turns, wires=wire)
        # Measurements are deferred: a measured wire controls what its outcome decides.
        qml.CNOT(wires=[0, 1])
        qml.CNOT(wires=[1, 2])
        qml.CZ(wires=[2, 3])
        qml.Hadamard(wires=2)
        qml.CZ(wires=[2, 0])
        return [qml.expval(qml.Hermitian(word, wires=[0, 3])) for word in words]

    @qml.qnode(qml.device("default.mixed", wires=4))
    def modelled():
        for wire, turns in zip((0, 3), angles, strict=True):
            qml.Rot(*turns, wires=wire)
        qml.CZ(wires=[0, 3])
        channel(kept, [0, 3])
        return [qml.expval(qml.Hermitian(word, wires=[0, 3])) for word in words]

    np.testing.assert_allclose(teleported(), modelled(), atol=1e-9)


def test_sliced_networks_are_those_of_state_vectors(networks):
    random = np.random.default_rng(4)
    pixels = random.uniform(0, 1, (2, 64))
    setup = networks.Setup(networks=2, scale=1.0, largest_angle=0.7)
    weights = networks.start(1, setup.networks, blocks=3, layers=2)

    @qml.qnode(qml.device("default.qubit", wires=8))
    def circuit(angles, features):
        layers = [layer for block in angles for layer in block]
        for place, turns in enumerate(layers):
            _layer(turns, ring=place < len(layers) - 1)
            if place % 2 and place < len(layers) - 1:
                _layer(features[place // 2], ring=True)
        letters = (qml.X, qml.Z)
        return [qml.expval(letter(qubit)) for letter in letters for qubit in range(5)]

    found = once(networks.outputs)(weights, networks.sliced(pixels, setup))
    for sample, row in zip(pixels, np.asarray(found), strict=True):
        parts = (0.7 * sample).reshape(2, 2, 2, 8)
        summed = sum(
            np.array(circuit(*each)) for each in zip(np.asarray(weights, float), parts, strict=True)
        )
        np.testing.assert_allclose(row, summed, atol=5e-6)


def _layer(turns, ring):
    for gate, angles in zip((qml.RX, qml.RY), turns, strict=True):
        for qubit, angle in enumerate(angles):
            gate(angle, wires=qubit)
    if ring:
        for qubit in range(8):
            qml.CZ(wires=[qubit, (qubit + 1) % 8])
