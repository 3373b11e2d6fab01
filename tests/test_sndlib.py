"""Maps in SNDlib's native format, and the settings of maps."""

import pytest
from helpers.refusals import refusal
from helpers.zoo_maps import LINE, asked, loaded, write

from ceas_gym import config
from ceas_gym.scenario import GraphSettings


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- SNDlib ---

SNDLIB = """?SNDlib native format; type: network; version: 1.0
# network toy

# NODE SECTION
#
# <node_id> [(<longitude>, <latitude>)]

NODES (
  Delft ( 4.36 52.01 )
  TheHague ( 4.31 52.08 )
  Leiden ( 4.49 52.16 )
)

# LINK SECTION
#
# <link_id> ( <source> <target> ) <pre_capacity> <cost> <cost> <cost> ( {<capacity> <cost>}* )

LINKS (
  L1 ( Delft TheHague ) 0.00 0.00 0.00 13.00 ( 155.00 13.00 622.00 52.00 )
  L2 ( Leiden TheHague ) 9920.00 0.00 0.00 0.00 ( )
)

DEMANDS (
  D1 ( Delft Leiden ) 1 195.00 UNLIMITED
)
"""


def test_a_map_of_sndlib_is_the_same_as_in_graphml(here) -> None:
    (here / "net.txt").write_text(SNDLIB)
    graph = loaded_sndlib()
    write(*LINE)
    same = [(edge.ends, edge.length_km) for edge in loaded(detour_factor=1.2).edges]
    same = [(tuple(end.replace(" ", "") for end in ends), km) for ends, km in same]
    assert [(edge.ends, edge.length_km) for edge in graph.edges] == same
    assert (graph.hub, graph.relays) == ("TheHague", ())


def loaded_sndlib() -> GraphSettings:
    wishes = asked(detour_factor=1.2) | {"network.graph": "net.txt"}
    graph = config.load("tiny", wishes).network.graph
    assert graph is not None
    return graph


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("?SNDlib", "SNDlib", "its first line does not start with ?SNDlib native format"),
        ("LINKS (", "LINK (", "it has no section LINKS ( ... )"),
        ("  Delft ( 4.36 52.01 )", "Delft ( 4.36 )", "vertex Delft must have coordinates"),
        ("4.36 52.01", "436.0 52.0", "the coordinates of vertex Delft, [436.0, 52.0], are no"),
        ("4.36 52.01", "52.01 lat", "vertex Delft must have coordinates ( longitude latitude )"),
        ("( Leiden The", "( Leyden The", "link L2: 'Leyden' is no vertex; did you mean Leiden?"),
        ("0.00 0.00 0.00 13.00", "0.00 13.00", "link 'L1' must be followed by ( vertex vertex )"),
        ("  TheHague ( 4.31", "  Delft ( 4.31", "vertex Delft appears twice"),
        ("UNLIMITED\n)", "UNLIMITED\n", "a bracket is never closed"),
        ("UNLIMITED\n)", "UNLIMITED\n))", "a bracket is closed that was never opened"),
        ("Delft ( 4.36 52.01 )", "( 4.36 52.01 )", "coordinates stand without a vertex"),
    ],
)
def test_what_is_not_sndlib_s_format_is_named(here, old: str, new: str, message: str) -> None:
    assert old in SNDLIB
    (here / "net.txt").write_text(SNDLIB.replace(old, new, 1))
    said = refusal("tiny", asked() | {"network.graph": "net.txt"})
    words = "overrides: network.graph: net.txt is not in SNDlib's native format: "
    assert said.startswith(words + message)


def test_vertices_of_sndlib_may_lack_coordinates(here) -> None:
    (here / "net.txt").write_text(SNDLIB.replace("Leiden ( 4.49 52.16 )", "Leiden"))
    said = refusal("tiny", asked() | {"network.graph": "net.txt"})
    assert "net.txt: no coordinates are known of 'Leiden'" in said


# --- Settings ---


def test_a_scenario_says_what_becomes_of_its_map(here) -> None:
    write(*LINE)
    (here / "my.yaml").write_text(
        "network: {graph: zoo.graphml, map: {hub: Leiden, detour_factor: 2, leave_out: [0]}}\n"
        "attack: {byzantine_nodes: 0}"
    )
    scenario = config.load("my.yaml")
    graph = scenario.network.graph
    assert graph is not None
    assert (graph.hub, graph.nodes, scenario.network.map.detour_factor) == (
        "Leiden",
        ("The Hague",),
        2,
    )
    # What is written holds the graph itself, and how it came about.
    (here / "out.yaml").write_text(config.dump(scenario))
    (here / "zoo.graphml").unlink()
    assert config.load("out.yaml") == scenario
    # An override counts before the map is read.
    write(*LINE)
    changed = config.load("my.yaml", {"network.map.hub": "central"}).network.graph
    assert changed is not None
    assert changed.hub == "The Hague"


def test_a_new_graph_has_no_wishes_for_an_old_map() -> None:
    write(*LINE)
    scenario = config.load("tiny", asked())
    star = config.load(scenario, {"network.graph": "surfnet-randstad"})
    assert star.network.map == config.load("tiny").network.map


def test_wishes_for_what_is_no_map_are_refused() -> None:
    assert refusal("tiny", {"network.map.hub": "central"}) == (
        "overrides: network.map.hub has no effect, because no map is named in network.graph"
    )
    assert refusal("surfnet", {"network.map.hub": "central"}) == (
        "scenario surfnet: network.graph: graph surfnet-randstad is no map: network.map has no "
        "effect on it, but network.graph.hub has"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("detour_factor", 0.5, "must be a finite number from 1 to 10, or null"),
        ("detour_factor", 20, "but is 20"),
        ("parallel_edges", "join", "must be one of refuse, merge, but is 'join'"),
        ("leave_out", "Delft", "must be a list, each text, but is 'Delft'"),
        ("hub", [1], "must be text, or null, but is [1]"),
        ("hubb", "a", "network.map.hubb is not a setting; did you mean network.map.hub?"),
    ],
)
def test_wrong_settings_of_a_map_are_named(key: str, value: object, message: str) -> None:
    write(*LINE)
    assert message in refusal("tiny", asked(**{key: value}))
