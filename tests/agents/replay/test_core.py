"""The player's calculations, run by Node.js: it reads back what the page has as text."""

import json
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest

from ceas_agents.replay import encoding

NODE = shutil.which("node") or ""
pytestmark = pytest.mark.skipif(not NODE, reason="Node.js is not installed")
CORE = (resources.files("ceas_agents.replay") / "core.js").read_text(encoding="utf-8")
PLAIN = "JSON.stringify(await ({}), (key, value) => ArrayBuffer.isView(value) ? [...value] : value)"


def calculated(expression, given):
    """Returns the value of an expression of JavaScript, in which `given` is known."""
    body = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    script = f"{CORE}\n(async () => {{ {body} console.log({PLAIN.format(expression)}); }})()"
    run = subprocess.run(
        [NODE, "-e", script], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("largest", [1, 255, 256, 70_000])
def test_stacks_are_read_back(largest):
    frames = np.random.default_rng(largest).integers(0, largest + 1, (7, 3))
    frames[0, 0] = largest
    assert calculated("unpacked(given)", encoding.stack(frames)) == frames.tolist()


def test_pairs_are_read_back_with_their_ages():
    random = np.random.default_rng(0)
    clock, is_barrier = np.array([0, 1, 2, 2, 3, 9, 10]), np.array([0, 0, 0, 1, 0, 0, 1])
    pairs = random.integers(0, 300, (7, 3, 4)) * (random.random((7, 3, 4)) < 0.5)
    side = {
        "pairs": encoding.aging(pairs, clock, is_barrier > 0),
        "clock": clock.tolist(),
        "isBarrier": is_barrier.tolist(),
    }
    found = calculated("unpacked(given.pairs, aging(given))", side)
    assert found == pairs.reshape(7, 12).tolist()


def test_pairs_that_only_grow_older_take_no_space():
    # Pairs of a hundred nodes in the first window, and nothing after it.
    pairs, frames = np.zeros((100, 100, 100), int), np.arange(100)
    pairs[frames, :, frames] = np.random.default_rng(0).integers(1, 99, 100)
    waiting = encoding.aging(pairs, frames, np.zeros(100, bool))
    assert len(waiting["data"]) < 2000
    assert len(encoding.stack(pairs)["data"]) > 3 * len(waiting["data"])


def test_a_moment_is_found_by_its_time():
    # Windows end at 0.5 s and 1 s, a barrier without duration at 1 s too, another one at 2.5 s.
    given = {"moments": [0, 2, 4, 5, 11], "times": [0, 0.49, 0.5, 1, 2.4999999, 2.5, 99]}
    found = calculated("given.times.map(t => placeOfTime(given.moments, t, 0.5))", given)
    assert found == [0, 0, 1, 3, 4, 4, 4]
    assert calculated("given.moments.map(m => seconds(m, 0.5))", given) == [0, 0.5, 1, 1, 2.5]


def test_sides_share_their_moments():
    sides = [{"moments": [0, 2, 4]}, {"moments": [0, 2, 7, 10]}]
    assert calculated("allMoments(given)", sides) == [0, 2, 4, 7, 10]
