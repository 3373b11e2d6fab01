"""A graph with a relay and a loop, as the text of its files and as a networkx graph."""

import networkx as nx

EDGES = [["hub", "relay", 10], ["relay", "a", 2.5, 3], ["relay", "b", 4], ["b", "hub", 0]]
YAML = f"hub: hub\nrelays: [relay]\nedges: {EDGES}"
SMALL = "network: {{graph: {}}}\nattack: {{byzantine_nodes: 0}}"
CALM = {"attack.byzantine_nodes": 0}


def graphml(
    hub: str | None = "hub", length="length_km", relay: object = True, drop=None
) -> nx.Graph:
    """Returns the graph with the attributes of a GraphML file, or with mistakes in them.

    Args:
        hub: Name of the hub; None leaves it out.
        length: Name of the attribute with the lengths, which are in km.
        relay: Value that marks a relay.
        drop: Vertex whose edges lack their attributes.
    """
    graph = nx.Graph()
    if hub is not None:
        graph.graph["hub"] = hub
    for one, other, km, *channels in EDGES:
        data = {length: km} | ({"channels": channels[0]} if channels else {})
        graph.add_edge(one, other, **({} if other == drop else data))
    graph.nodes["relay"]["relay"] = relay
    return graph
