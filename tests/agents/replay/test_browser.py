"""The page in a browser: what it shows at given times is what the rows of the run say."""

import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from ceas_agents.replay import page

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
NAMES = ["proportional_fair", "uniform:cadence=5"]
SEED = 4
DRIVEN = """
<script>
// Without a screen, the browser asks for no pictures.
window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);
(async () => {
  const press = (key, more) => dispatchEvent(new KeyboardEvent("keydown", { key, ...more }));
  const click = (id) => document.getElementById(id).click();
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const log = [];
  const note = () => log.push(document.getElementById("time").textContent.split(" ")[0]);
  while (!document.getElementById("time").textContent) await wait(10);
  ACTIONS
  document.body.dataset.log = log.join(" ");
})();
</script>
"""
"""A person at the page, who notes its time after each action."""


class Shown(HTMLParser):
    """Collects the texts of a page by the side and the name of what they are."""

    def __init__(self):
        super().__init__()
        self.texts, self.side, self.name, self.log = {}, None, None, ""

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.side = known.get("data-side", self.side)
        self.name = known.get("data-is") or known.get("id")
        self.log = known.get("data-log") or self.log

    def handle_endtag(self, tag):
        self.name = None
        if tag == "section":
            self.side = None

    def handle_data(self, data):
        side = None if self.side is None else int(self.side)
        self.texts.setdefault((side, self.name), data.strip())


def browse(path, fragment, *options):
    """Returns what the browser prints about a page."""
    profile = path.parent / "profile"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    time = ["--virtual-time-budget=20000", "--host-resolver-rules=MAP * ~NOTFOUND"]
    address = f"{path.as_uri()}#{fragment}"
    run = subprocess.run(
        [*command, *time, *options, address],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return run.stdout


def shown(path, fragment):
    """Returns the texts of the page at a fragment of its address."""
    found = Shown()
    found.feed(browse(path, fragment, "--dump-dom"))
    return found


@pytest.fixture(scope="module")
def opened(by_window, tmp_path_factory):
    """The page of both policies as a file."""
    run, params, episodes = by_window
    sides = [page.side(name, "", episodes[name], params[name]) for name in NAMES]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page.text(page.data(run.scenario, SEED, sides)), encoding="utf-8")
    return path


@pytest.mark.parametrize("place", [0, 2, -1])
def test_barriers_show_the_numbers_of_the_rows(opened, by_window, place):
    rows = by_window.run.rows[NAMES[1]][SEED]
    fired = np.flatnonzero(rows["fired"])[place]
    found = shown(opened, f"t={rows['time_s'][fired]}").texts
    so_far = {name: f"{values[: fired + 1].sum():,.0f}" for name, values in rows.items()}
    assert found[1, "policy"] == NAMES[1]
    assert found[1, "accuracy"] == f"{100 * rows['accuracy'][fired]:.1f} %"
    assert found[1, "round"] == str(fired + 1)
    assert found[1, "updates"] == so_far["committed"]
    assert found[1, "stored"] == f"{rows['pairs_stored'][fired]:,.0f}"
    for fate in ("generated", "spent", "keyed", "expired"):
        assert found[1, fate] == so_far[f"pairs_{fate}"]
    assert found[1, "counted"] == f"{rows['accepted_nodes'][fired]:.0f} of 4"
    assert found[1, "shots"] == f"{rows['shots'][fired]:,.0f}"
    mark = "✓" if rows["committed"][fired] else "✕"
    assert found[1, "state"].startswith(f"{mark} barrier {fired + 1}: ")


def test_between_barriers_each_side_shows_its_own_window(opened, by_window):
    scenario, windows = by_window.run.scenario, 11
    found = shown(opened, f"t={windows * scenario.network.window_s}").texts
    for number, name in enumerate(NAMES):
        frames = by_window.episodes[name].frames
        frame = np.searchsorted(frames.clock, windows, side="right") - 1
        rows, barriers = by_window.run.rows[name][SEED], frames.is_barrier[: frame + 1].sum()
        before = [rows["accuracy_before"][0], *rows["accuracy"]][barriers]
        assert found[number, "accuracy"] == f"{100 * before:.1f} %"
        assert found[number, "stored"] == f"{frames.pairs[frame].sum():,}"
    assert found[None, "time"] == "11 s of 40 s"
    assert (None, "problem") not in found


@pytest.mark.parametrize("fragment", ["", "t=", "t=nonsense", "t=0", "other"])
def test_it_opens_at_the_start(opened, fragment):
    found = shown(opened, fragment).texts
    assert found[None, "time"] == "0 s of 40 s"
    assert found[0, "generated"] == found[1, "stored"] == "0"


def test_keys_and_buttons_move_it(opened, by_window):
    actions = """
      press("ArrowRight"); press("ArrowRight"); note();
      press("ArrowLeft"); note();
      press("End"); note();
      press("Home"); note();
      press("ArrowRight", { shiftKey: true }); note();
      click("first"); click("forward"); note();
      click("barrier"); note();
      document.getElementById("scrub").value = 3;
      document.getElementById("scrub").dispatchEvent(new Event("input")); note();
      location.hash = "t=20"; await wait(200); note();
      press("+"); press("+"); press(" "); await wait(3000); press(" "); note();
      await wait(500); note();
      log.push(location.hash);
    """
    text = opened.read_text(encoding="utf-8")
    script = DRIVEN.replace("ACTIONS", actions)
    changed = opened.with_name("moved.html")
    changed.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
    log = shown(changed, "").log.split()
    *moved, played, later, address = log
    barriers = [by_window.episodes[name].frames for name in NAMES]
    first = min(frames.clock[frames.is_barrier][0] for frames in barriers)
    assert moved == ["2", "1", "40", "0", str(first), "1", str(first), "3", "20"]
    # It has played for a while, and then it stands still, where the address says.
    assert 20 < int(played) <= 40
    assert later == played
    assert address == f"#t={played}"


def test_a_picture_is_drawn(opened):
    pillow = pytest.importorskip("PIL.Image")
    picture = opened.with_name("picture.png")
    browse(opened, "t=11", f"--screenshot={picture}", "--window-size=390,1500")
    with pillow.open(picture) as image:
        colours = image.convert("RGB").getcolors(1 << 20)
    seen = {colour for count, colour in colours if count >= 5}
    # Hub, fresh pairs and Byzantine nodes, on the map of a phone.
    for wanted in ((28, 39, 51), (27, 58, 143), (155, 44, 124)):
        assert wanted in seen
