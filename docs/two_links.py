"""Compares the simulated repeater, two links and one swap, with closed forms of the literature.

    python docs/two_links.py

It prints a table and draws a figure. `two-links.md` says what is compared, and why.
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from rich.console import Console
from rich.progress import track

from ceas_agents.figures import style
from ceas_gym import config
from ceas_gym.jax_utils import randomness
from ceas_gym.network import forecast, generation, setup, storage
from ceas_gym.types import Memory, Network, Shot, Tags

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).parent
SUCCESS = (0.05, 0.1, 0.3)
COHERENCE = (20, 50, 100, 200, 500)
"""In windows."""
REPLICAS = 100
"""Repeaters that are simulated side by side."""
STRETCH = 256
"""Windows that are simulated at a time."""
NORMAL = 1.96
"""Standard errors in half a 95 % interval."""
STYLES = {0.05: ("#0072B2", "o", 0.9), 0.1: ("#D55E00", "s", 1.0), 0.3: ("#009E73", "^", 1.11)}
"""Of each success probability: colour, marker, and the factor that sets its deviations aside."""


class Estimate(NamedTuple):
    """A mean over pairs, and what it should be."""

    law: float
    mean: float
    error: float
    """Standard error."""

    @property
    def deviation(self) -> float:
        """Returns the deviation from the law in standard errors."""
        return (self.mean - self.law) / self.error


class Point(NamedTuple):
    """A point of the curves."""

    success: float
    coherence: float
    time: Estimate
    contraction: Estimate


# --- The laws ---


def mean_time(success: float) -> float:
    """Returns the mean number of slots until both links have a pair."""
    return (3 - 2 * success) / (success * (2 - success))


def mean_contraction(success: float, coherence: float) -> float:
    """Returns the mean contraction after the swap; the older pair has decayed in two memories."""
    kept = (1 - success) * np.exp(-2 / coherence)
    return success / (2 - success) * (1 + kept) / (1 - kept)


# --- The simulation ---


def build(success: float, coherence: float) -> Network:
    """Returns the network of `two_links.yaml` with this probability and coherence time."""
    scenario = config.load(
        HERE / "two_links.yaml",
        {
            "hardware.success_probability": success,
            "hardware.hub_coherence_s": float(coherence),
            "hardware.node_coherence_s": float(coherence),
        },
    )
    return setup.build(
        scenario.network,
        scenario.hardware,
        scenario.consensus.key,
        tags=Tags(bits=33),
        shot=Shot(qubits=1, data=(1,)),
        accepts_unauthenticated=False,
    )


@jax.jit
def advance(
    network: Network, memories: Memory, keys: Key[Array, " replicas"]
) -> tuple[Memory, tuple[Int[Array, "replicas windows"], Float[Array, "replicas windows"]]]:
    """Returns the replicas `STRETCH` windows later, and the pairs of each of those windows.

    Args:
        network: Hub, relay and node.
        memories: Of every replica.
        keys: A random key for each of them.

    Returns:
        The memories; the number of new end-to-end pairs, 0 or 1, and their contraction.
    """
    links = forecast.nominal(network)
    tried = generation.attempts(network, jnp.ones((STRETCH, 1)))

    def window(memory: Memory, heralded: Array) -> tuple[Memory, tuple[Array, Array]]:
        memory, ledger = storage.store(network, links, memory, heralded[None])
        # The relay does not depend on what becomes of the new pair at hub and node. A Werner pair
        # has the same contraction of X, Y and Z, so that of X is returned.
        return memory, (ledger.generated[0], memory.contraction[0, 0, 0, 0])

    def replica(memory: Memory, key: Array) -> tuple[Memory, tuple[Array, Array]]:
        return jax.lax.scan(window, memory, generation.herald(links, tried, key))

    return jax.vmap(replica)(memories, keys)


def simulate(
    network: Network, each: int, key: Key[Array, ""]
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]]:
    """Returns how many windows each pair took, and its contraction.

    These are the first `each` pairs of every replica, so that slow replicas count as much as fast
    ones. All pairs are independent, because a swap leaves the relay empty.
    """
    memories = jax.tree.map(lambda one: jnp.stack([one] * REPLICAS), storage.empty(network))
    stretches, made = [], np.zeros(REPLICAS, int)
    while made.min() < each:
        key, stretch_key = jax.random.split(key)
        memories, seen = advance(network, memories, jax.random.split(stretch_key, REPLICAS))
        stretches.append([np.asarray(one) for one in seen])
        made += stretches[-1][0].sum(axis=1)
    pairs, contraction = (np.concatenate(one, axis=1) for one in zip(*stretches, strict=True))
    ends = np.stack([np.flatnonzero(replica)[:each] for replica in pairs])
    times = np.diff(ends, prepend=-1)
    kept = np.take_along_axis(contraction, ends, axis=1)
    return times.ravel().astype(float), kept.ravel().astype(float)


def estimate(law: float, samples: Float[np.ndarray, " pairs"]) -> Estimate:
    """Returns mean and standard error of independent samples."""
    return Estimate(law, samples.mean(), samples.std(ddof=1) / np.sqrt(len(samples)))


def measure(success: float, coherence: float, each: int, key: Key[Array, ""]) -> Point:
    """Returns a point of the curves, without the decay within the window of heralding."""
    times, contraction = simulate(build(success, coherence), each, key)
    rate = 2 / coherence
    within_window = -np.expm1(-rate) / rate
    return Point(
        success,
        coherence,
        estimate(mean_time(success), times),
        estimate(mean_contraction(success, coherence), contraction / within_window**2),
    )


# --- Table and figure ---


def table(points: Sequence[Point]) -> Iterator[str]:
    """Yields the lines of the table."""
    yield "               windows to a pair             |  contraction"
    yield "   p    t      law    simulated      dev.    |  law       simulated          dev."
    for success, coherence, time, kept in points:
        yield (
            f"{success:4.2f}  {coherence:3.0f}  {time.law:7.4f}"
            f"  {time.mean:7.4f} +- {NORMAL * time.error:6.4f}  {time.deviation:+5.2f}  |"
            f"  {kept.law:8.6f}  {kept.mean:8.6f} +- {NORMAL * kept.error:8.6f}"
            f"  {kept.deviation:+5.2f}"
        )
    deviations = np.array([(one.time.deviation, one.contraction.deviation) for one in points])
    yield (
        f"largest of {deviations.size} deviations: {np.abs(deviations).max():.2f} standard errors; "
        f"their mean square: {np.mean(deviations**2):.2f} (expected: 1)"
    )


def draw(points: Sequence[Point], path: Path) -> None:
    """Draws the curves and points, and the deviations below them."""
    with style.applied():
        figure = style.figure(height_inches=4.6)
        panels = figure.subplots(2, 2, sharex=True, height_ratios=(2.2, 1))
        for column, field in enumerate(("time", "contraction")):
            _draw_curves(panels[0, column], points, field)
            _draw_deviations(panels[1, column], points, field)
        panels[0, 0].set(ylim=(0, 34), ylabel="mean windows to a pair")
        panels[0, 1].set(ylim=(0, 1.05), ylabel="mean contraction of the pair")
        panels[1, 0].set_ylabel("deviation\n(standard errors)")
        figure.suptitle(
            "Two links, one swap: closed forms (lines) and simulation (points, 95 %)",
            x=style.MARGIN,
            ha="left",
            fontweight="bold",
            fontsize=11,
        )
        style.save(figure, path)


def _draw_curves(axes: "Axes", points: Sequence[Point], field: str) -> None:
    fine = np.geomspace(COHERENCE[0] / 1.2, COHERENCE[-1] * 1.2, 100)
    for success, (colour, marker, _) in STYLES.items():
        law = [
            mean_time(success) if field == "time" else mean_contraction(success, t) for t in fine
        ]
        axes.plot(fine, law, color=colour, linewidth=1.2)
        chosen = [point for point in points if point.success == success]
        shown: list[Estimate] = [getattr(point, field) for point in chosen]
        axes.errorbar(
            [point.coherence for point in chosen],
            [one.mean for one in shown],
            [NORMAL * one.error for one in shown],
            fmt=marker,
            color=colour,
            markerfacecolor="white",
            capsize=2,
            elinewidth=1,
            label=f"p = {success}",
        )
    axes.set_xscale("log")
    axes.grid(color=style.GRID)
    if field == "contraction":
        axes.legend(loc="lower right", frameon=False)


def _draw_deviations(axes: "Axes", points: Sequence[Point], field: str) -> None:
    axes.axhspan(-NORMAL, NORMAL, color=style.GRID)
    axes.axhline(0, color=style.GREY, linewidth=0.8)
    for point in points:
        colour, marker, aside = STYLES[point.success]
        shown: Estimate = getattr(point, field)
        place = point.coherence * aside
        axes.plot(place, shown.deviation, marker, color=colour, markerfacecolor="white")
    axes.set(ylim=(-4, 4), yticks=(-4, -2, 0, 2, 4), xlabel="coherence time of a memory (windows)")
    axes.set_xticks(COHERENCE, [str(time) for time in COHERENCE])
    axes.minorticks_off()


# --- The command ---


def arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Compares the simulated repeater with its laws.")
    parser.add_argument("--out", type=Path, default=HERE / "figures" / "two-links.png")
    parser.add_argument("--samples", type=int, default=20_000, help="pairs behind every point")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.samples < REPLICAS or given.samples % REPLICAS:
        parser.error(f"--samples must be a multiple of {REPLICAS}")
    if given.seed < 0:
        parser.error(f"--seed must be at least 0, but is {given.seed}")
    return given


def main() -> None:
    """Prints the table and writes the figure."""
    given = arguments()
    settings = list(product(SUCCESS, COHERENCE))
    keys = jax.random.split(randomness.key(given.seed), len(settings))
    measured = partial(measure, each=given.samples // REPLICAS)
    progress = track(
        zip(settings, keys, strict=True),
        "simulating",
        total=len(settings),
        console=Console(stderr=True),
        transient=True,
    )
    points = [measured(*setting, key=key) for setting, key in progress]
    print(*table(points), sep="\n")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    draw(points, given.out)


if __name__ == "__main__":
    main()
