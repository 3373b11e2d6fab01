"""Teams with noise between their gates: equal to density matrices in PennyLane."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.noisy_circuits import CIRCUITS, TEAMS, case, channels, diagonal, program_of
from numpy.typing import NDArray

from ceas_gym.learning import blocks, circuit, light_cone, pauli, pullback, reach, team_pullback
from ceas_gym.learning.pauli import Program
from ceas_gym.learning.team_pullback import Diagonal


def both(
    program: Program, noise: dict[int, Diagonal], parameters: jax.Array, moment: jax.Array
) -> tuple[jax.Array, jax.Array]:
    pulled, tape = team_pullback.pull(program, parameters, noise, moment.shape[-1])
    return pulled, team_pullback.push(program, tape, moment)


# --- Against default.mixed ---


@pytest.fixture(params=["words of all qubits", "tables", "both"])
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks whose matrices lie between words of all qubits, or act on the rows of tables."""
    most = {"words of all qubits": 4**9, "tables": 0, "both": 600}[request.param]
    monkeypatch.setattr(blocks, "MOST_ENTRIES", most)
    blocks.of_program.cache_clear()
    yield
    blocks.of_program.cache_clear()


def deviations(name: str, dtype: str) -> tuple[float, float]:
    """Returns the greatest errors of the values and of the derivatives."""
    program, expected = program_of(name), case(name)
    noise = {channel[0]: diagonal(channel, program.qubits, dtype) for channel in channels(name)}
    pulled, slopes = jax.jit(functools.partial(both, program, noise))(
        jnp.asarray(expected.weights, dtype), jnp.asarray(expected.moment, dtype)
    )
    assert pulled.dtype == slopes.dtype == dtype
    values = np.einsum("p,pot->ot", expected.arriving, np.asarray(pulled, float))
    return (
        float(np.abs(values - expected.values).max()),
        float(np.abs(np.asarray(slopes) - expected.slopes).max()),
    )


@pytest.mark.usefixtures("exact", "tables")
@pytest.mark.parametrize("name", CIRCUITS)
def test_equals_default_mixed(name: str) -> None:
    values, slopes = deviations(name, "float64")
    assert values < 1e-10
    assert slopes < 1e-10


@pytest.mark.parametrize("name", CIRCUITS)
def test_equals_default_mixed_in_single_precision(name: str) -> None:
    values, slopes = deviations(name, "float32")
    assert values < 2e-7
    assert slopes < 4e-7


@pytest.mark.parametrize("name", CIRCUITS)
def test_what_is_compared_is_not_small(name: str) -> None:
    found = case(name)
    assert np.abs(found.values).max(axis=0).min() > 0.05
    assert np.abs(found.slopes).max(axis=1).min() > 0.05


# --- Against the pull-back that all nodes share ---


@functools.cache
def noise_of(name: str) -> dict[int, Diagonal]:
    return {each[0]: diagonal(each, program_of(name).qubits) for each in channels(name)}


@functools.cache
def point(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Random weights, and a random moment for all words."""
    program, random = program_of(name), np.random.default_rng(5)
    shape = (4**program.qubits, program.observables, TEAMS)
    return random.normal(size=program.parameters), random.normal(size=shape)


def reached(
    program: Program, noise: dict[int, Diagonal], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observables and slopes of a program with some of the circuit's weights and words."""
    weights, moment = point(name)
    weights = weights if program.trained is None else weights[list(program.trained)]
    moment = moment if program.words is None else moment[list(program.words)]
    found = jax.jit(functools.partial(both, program, noise))(jnp.asarray(weights), moment)
    return np.asarray(found[0]), np.asarray(found[1])


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", CIRCUITS)
def test_without_noise_it_is_the_shared_pull_back(name: str) -> None:
    weights, moment = point(name)
    program = program_of(name)
    shared = jax.jit(functools.partial(pullback.pull, program))(jnp.asarray(weights))
    pulled, slopes = reached(program, {}, name)
    expected = np.broadcast_to(np.asarray(shared.observables).T[:, :, None], pulled.shape)
    assert np.abs(pulled - expected).max() < 1e-12
    expected = np.einsum("pot,opk->tk", moment, np.asarray(shared.derivatives))
    assert np.abs(slopes - expected).max() < 1e-12


@pytest.mark.usefixtures("exact", "tables")
@pytest.mark.parametrize("name", ["hardware_efficient", "mixed_gates"])
@pytest.mark.parametrize("tables", ["tables", "both"], indirect=True)
def test_trimmed_programs_give_the_same(name: str) -> None:
    """They have fewer words, as data without a letter Y have, and only the angles that matter."""
    full = program_of(name)
    kept = np.flatnonzero((pauli.letters(full.qubits) != 2).all(axis=1))
    some = replace(full, words=tuple(kept.tolist()))
    short = light_cone.trimmed(some)
    assert short.words is not None
    assert short.trained is not None
    assert len(short.words) < len(kept) < 4**full.qubits
    # Only rotations are left out, so the noise follows the same constant gates.
    place = dict(zip(_constants(full), _constants(short), strict=True))
    noise = {gate: each for gate, each in noise_of(name).items() if gate in place}
    moved = {place[gate]: each for gate, each in noise.items()}
    (all_words, _), (few, slopes) = reached(full, noise, name), reached(some, noise, name)
    (fewer, trained), chosen = reached(short, moved, name), list(short.trained)
    assert np.abs(few - all_words[kept]).max() < 1e-12
    assert np.abs(fewer - all_words[list(short.words)]).max() < 1e-12
    assert np.abs((slopes @ full.jacobian)[:, chosen] - trained @ short.jacobian).max() < 1e-12


def _constants(program: Program) -> list[int]:
    return [place for place, step in enumerate(program.steps) if isinstance(step, pauli.Constant)]


@pytest.mark.usefixtures("exact")
def test_noise_does_not_commute_with_the_gates_of_a_ring() -> None:
    name = "hardware_efficient"
    factors = diagonal(channels(name)[0], 4)
    found = [reached(program_of(name), {gate: factors}, name) for gate in (7, 8, 9)]
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one[0] - other[0]).max() > 0.005
        assert np.abs(one[1] - other[1]).max() > 0.05


@pytest.mark.usefixtures("exact")
def test_noise_of_one_team_leaves_the_others_alone() -> None:
    name = "hardware_efficient"
    program = program_of(name)

    def strong(words: NDArray[np.int64]) -> jax.Array:
        return jnp.asarray(
            np.where(np.arange(TEAMS) == 1, 0.5 * np.sign(words)[:, None] + 0.2, 1.0)
        )

    clean, noisy = reached(program, {}, name), reached(program, {9: strong, 20: strong}, name)
    for before, after in ((clean[0], noisy[0]), (clean[1].T, noisy[1].T)):
        changed = np.abs(before - after).max(axis=tuple(range(before.ndim - 1)))
        assert changed[[0, 2]] == pytest.approx([0, 0], abs=1e-12)
        assert changed[1] > 0.01


# --- Programs at the edges ---


@pytest.mark.usefixtures("exact")
def test_words_that_the_read_out_never_meets() -> None:
    """The identity, which no observable becomes."""
    program = replace(program_of("hardware_efficient"), words=(0,))
    pulled, slopes = reached(program, noise_of("hardware_efficient"), "hardware_efficient")
    assert pulled.shape == (1, 2, TEAMS)
    assert slopes.shape == (TEAMS, program.angles)
    assert not pulled.any()
    assert not slopes.any()


@pytest.mark.usefixtures("exact")
def test_no_gates_and_one_gate() -> None:
    none = Program(1, 1, (), np.zeros((0, 1)), np.zeros(0))
    one = Program(1, 1, (pauli.Rotation("X", (0,), 0),), np.eye(1), np.zeros(1))
    moment = np.arange(8.0).reshape(4, 1, 2)
    pulled, slopes = jax.jit(functools.partial(both, none, {}))(np.ones(1), moment)
    assert np.asarray(pulled).tolist() == [[[0, 0]], [[0, 0]], [[0, 0]], [[1, 1]]]
    assert slopes.shape == (2, 0)
    half = {0: lambda words: jnp.asarray(np.where(words == 3, 0.5, 1.0)[:, None] * [1.0, 0.1])}
    pulled, slopes = jax.jit(functools.partial(both, one, half))(np.ones(1), moment)
    # Z turns into cos(angle) Z + sin(angle) Y, and the noise on it halves it.
    expected = np.outer([0, 0, np.sin(1), np.cos(1)], [0.5, 0.05])
    assert np.asarray(pulled)[:, 0] == pytest.approx(expected, abs=1e-12)
    by_angle = np.outer([0, 0, np.cos(1), -np.sin(1)], [0.5, 0.05])
    expected = (moment[:, 0] * by_angle).sum(axis=0)[:, None]
    assert np.asarray(slopes) == pytest.approx(expected, abs=1e-12)


@pytest.mark.usefixtures("exact")
def test_clifford_gate_that_does_not_undo_itself() -> None:
    """It carries 01 to 10, 10 to 11, and 11 to 01."""
    matrix = pauli.transfer_matrix(np.eye(4, dtype=complex)[[0, 3, 1, 2]])
    program = Program(2, 2, (pauli.Constant(matrix, (0, 1)),), np.zeros((0, 1)), np.zeros(0))
    assert np.abs(matrix - matrix.T).max() == pytest.approx(1)
    run = jax.jit(functools.partial(both, program, {}))
    pulled, _ = run(np.ones(1), np.ones((16, 2, 1)))
    assert np.asarray(pulled)[:, :, 0] == pytest.approx(matrix[:, program.readout], abs=1e-12)


def test_every_product_of_matrices_has_full_precision() -> None:
    """An accelerator would otherwise round the factors to ten bits."""
    name = "mixed_gates"
    weights, moment = (np.asarray(each, "float32") for each in point(name))
    run = functools.partial(both, program_of(name), {})
    products = str(jax.make_jaxpr(run)(weights, moment)).split("dot_general[")[1:]
    # The first turns weights into angles, as in `pullback`.
    assert len(products) > 10
    assert all("HIGHEST" in each.split("preferred")[0] for each in products[1:])


@pytest.mark.parametrize("gates", [(24,), (-1, 3)])
def test_noise_after_a_gate_that_is_not_there(gates: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="there are 24 gates"):
        blocks.of_program(program_of("hardware_efficient"), gates)


def test_too_many_words() -> None:
    program = circuit.read_program("hardware_efficient", (5, 8, 2), observables=1)
    with pytest.raises(ValueError, match=f"more than the {reach.MOST_WORDS}"):
        blocks.of_program(program, ())


@pytest.mark.usefixtures("exact")
def test_batches_and_loops() -> None:
    name = "hardware_efficient"
    program, noise, moment = program_of(name), noise_of(name), point(name)[1]
    points = np.random.default_rng(8).normal(size=(2, program.parameters))
    run = functools.partial(both, program, noise)
    alone = [jax.jit(run)(jnp.asarray(each), moment) for each in points]
    batch = jax.jit(jax.vmap(run, in_axes=(0, None)))(points, moment)

    def step(carry: None, each: jax.Array) -> tuple[None, tuple[jax.Array, jax.Array]]:
        return carry, run(each, jnp.asarray(moment))

    loop = jax.jit(lambda points: jax.lax.scan(step, None, points)[1])(points)
    for found in (batch, loop):
        for place, expected in itertools.product(range(2), range(2)):
            difference = np.asarray(found[place][expected]) - np.asarray(alone[expected][place])
            assert np.abs(difference).max() < 1e-12


@pytest.mark.usefixtures("exact")
def test_derivatives_are_those_of_jax() -> None:
    """Two passes, compiled one by one."""
    program, noise = program_of("pairs"), noise_of("pairs")
    weights, moment = point("pairs")
    pulled, tape = jax.jit(lambda at: team_pullback.pull(program, at, noise, TEAMS))(weights)
    slopes = jax.jit(functools.partial(team_pullback.push, program))(tape, moment)
    loss = jax.jit(
        jax.jacobian(
            lambda at: (both(program, noise, at, jnp.asarray(moment))[0] * moment).sum((0, 1))
        )
    )
    assert pulled.shape == (16, 1, TEAMS)
    expected = np.asarray(loss(jnp.asarray(weights)))
    assert np.asarray(slopes) @ program.jacobian == pytest.approx(expected, abs=1e-12)


def test_shallow_circuits_need_few_words() -> None:
    """The default circuit, read at one qubit; and one of eight qubits."""
    for qubits, last in ((4, 34), (8, 74)):
        program = circuit.read_program("hardware_efficient", (3, qubits, 2), observables=1)
        kept = np.flatnonzero((pauli.letters(qubits) != 2).all(axis=1))
        short = light_cone.trimmed(replace(program, words=tuple(kept.tolist())))
        sizes = [block.same.shape for block in blocks.of_program(short, ()).blocks]
        assert sizes == [(2, 1), (14, 2), (last, 14)]
