"""Requests for channel-time, where the hub or a fibre that nodes share is short of channels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network import built
from numpy.typing import NDArray

from ceas_gym.network import topology
from ceas_gym.task import actions
from ceas_gym.types import Network

decode = jax.jit(actions.decode)
MOST = 8


def tree(parents: list[int], edge_channels: list[int], channels: int) -> Network:
    """Returns a tree: node k + 1 hangs on a vertex before it, and all vertices are nodes.

    It is filled up to eight nodes and as many bottlenecks, so that one program serves all trees.
    """
    edges = [
        (f"v{parent}", f"v{child}", 1.0, fibre)
        for child, (parent, fibre) in enumerate(zip(parents, edge_channels, strict=True), start=1)
    ]
    routes = topology.from_graph(built.graph(*edges, hub="v0"), channels, edge_channels=1)
    rows, columns = routes.passes.shape
    passes = np.pad(routes.passes, ((0, MOST + 1 - rows), (0, MOST - columns)))
    limits = np.pad(routes.channels, (0, MOST + 1 - rows), constant_values=1.0)
    return built.star(channels=limits, passes=passes)


def got_of(network: Network, request: NDArray[np.float64]) -> NDArray[np.float64]:
    """The schedule of the nodes that ask, others asking for nothing."""
    nodes = request.shape[1]
    padded = np.pad(request, ((0, 0), (0, MOST - nodes)), constant_values=-1.0)
    return np.asarray(decode(network.switch, jnp.asarray(padded)), float)[:, :nodes]


def routes_of(parents: list[int]) -> list[set[int]]:
    """For each node the fibres between it and the hub; the fibre above node k is number k."""
    routes = []
    for node in range(1, len(parents) + 1):
        fibres = set()
        while node:
            fibres.add(node - 1)
            node = parents[node - 1]
        routes.append(fibres)
    return routes


def asked(action: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.clip(action, -1, 1) + 1) / 2


def cut_to(limit: int, requests: NDArray[np.float64]) -> float:
    return 1.0 if requests.sum() <= limit else limit / requests.sum()


trees = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        st.tuples(*(st.integers(0, child) for child in range(size))).map(list),
        st.lists(st.integers(1, 3), min_size=size, max_size=size),
        st.integers(1, 4),
    )
)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(tree_of=trees, seed=st.integers(0, 2**16))
def test_any_request_becomes_feasible_on_any_tree(
    tree_of: tuple[list[int], list[int], int], seed: int
) -> None:
    parents, fibre_channels, channels = tree_of
    request = np.random.default_rng(seed).uniform(-1.2, 1.2, (3, len(parents)))
    got = got_of(tree(*tree_of), request)
    wanted, routes = asked(request), routes_of(parents)
    assert (got >= 0).all()
    assert (got <= wanted + 1e-6).all()
    assert (got.sum(axis=1) <= channels + 1e-5).all()
    for window in range(3):
        cuts = [cut_to(channels, wanted[window])]
        for fibre, limit in enumerate(fibre_channels):
            users = [node for node, route in enumerate(routes) if fibre in route]
            assert got[window, users].sum() <= limit + 1e-5
            cuts.append(cut_to(limit, wanted[window, users]))
        # Each by the worst bottleneck of its route: nobody is cut for a fibre that it doesn't use.
        for node, route in enumerate(routes):
            cut = min([cuts[0], *(cuts[1 + fibre] for fibre in route)])
            assert got[window, node] == pytest.approx(cut * wanted[window, node], abs=1e-6)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(
    request=st.lists(
        st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3), min_size=4, max_size=4
    ),
    channels=st.integers(1, 4),
)
def test_star_scales_all_requests_of_a_full_window_alike(
    request: list[list[float]], channels: int
) -> None:
    network = built.star(channels=[float(channels)])
    wanted = asked(np.array(request))
    total = wanted.sum(axis=1, keepdims=True)
    expected = np.where(total > channels, wanted * channels / np.maximum(total, 1e-9), wanted)
    got = decode(network.switch, jnp.array(request))
    assert np.asarray(got) == pytest.approx(expected, abs=1e-6)


def test_nodes_behind_a_full_fibre_leave_the_rest_of_the_hub_unused() -> None:
    # Nodes 2 and 3 hang on 1, whose fibre carries one channel; node 4 has its own.
    network = tree([0, 1, 1, 0], [1, 1, 1, 1], channels=2)
    got = got_of(network, np.ones((3, 4)))
    assert got[0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 2])


def test_schedule_that_fits_is_what_was_asked_for() -> None:
    network = tree([0, 1, 1, 0], [2, 1, 1, 1], channels=3)
    schedule = np.array([[1.0, 0.5, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0], [0.25, 0.75, 1.0, 0.125]])
    request = np.asarray(actions.encode(jnp.asarray(schedule)))
    assert got_of(network, request).tolist() == schedule.tolist()
