"""Makes the graph of a network from a map: names, lengths, a hub, and all vertices in reach."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from ceas_gym.config.keys import shown
from ceas_gym.network import topology
from ceas_gym.registry import nearest
from ceas_gym.scenario import MapSettings
from ceas_gym.scenario.graph import reached

CENTRAL = "central"
"""The word for the most central vertex as hub."""
EXTERNAL, UNLOCATED, UNREACHED = "external", "unlocated", "unreached"
"""Words for several vertices that are left out."""
EARTH_KM = 6371.0088
"""Mean radius of the Earth, in km."""
LISTED = 10
"""Most vertices that a message names."""


class Place(NamedTuple):
    """A vertex of a map, as the file has it."""

    identity: str
    label: str = ""
    at: tuple[float, float] | None = None
    """Latitude and longitude in degrees."""
    relay: bool | None = None
    """None if the file does not say."""
    is_external: bool = False
    """Whether it belongs to another network."""


class Fibre(NamedTuple):
    """An edge of a map, as the file has it."""

    ends: tuple[str, str]
    """Identities of two vertices, the one that comes first in the file first."""
    length_km: float | None = None
    channels: int | None = None


class Map(NamedTuple):
    """A map, as the file has it."""

    places: list[Place]
    fibres: list[Fibre]
    hub: str | None = None
    """Identity or label of the hub."""
    are_relays: bool = False
    """Whether a vertex is a relay of which the file says nothing."""


def settings(drawn: Map, asked: MapSettings) -> dict[str, Any]:
    """Returns the settings of a graph: what became of the map, hub, relays, and edges in km.

    A vertex is called by its label; if that is missing, by its identity, and if others have the
    same, by both. Edges are ordered by their first vertex, so that nodes are numbered in the order
    of the file.

    Args:
        drawn: The map.
        asked: What is to be made of it.

    Raises:
        ValueError: If a length is missing, vertices are out of reach, or a name is unknown.

    Example:
        >>> places = [Place("1", "Delft"), Place("2", "Gouda")]
        >>> found = settings(Map(places, [Fibre(("1", "2"), 30.0)]), MapSettings(hub="Delft"))
        >>> found["about"]
        '2 vertices and 1 fibre'
        >>> found["edges"]
        [{'ends': ['Delft', 'Gouda'], 'length_km': 30.0, 'channels': None}]
    """
    names = _names(drawn.places)
    omitted = _omitted(drawn, names, asked.leave_out)
    places = [place for place in drawn.places if place.identity not in omitted]
    fibres = [each for each in drawn.fibres if not omitted.intersection(each.ends)]
    called = {place.identity: names[place.identity] for place in places}
    edges = _merged(_measured(fibres, places, called, asked.detour_factor), called, asked)
    hub = _hub(drawn, asked, called, edges, places)
    missed = called.keys() - reached(hub, (edge.ends for edge in edges))
    if missed and UNREACHED not in asked.leave_out:
        raise ValueError(
            f"no route leads from the hub {called[hub]!r} to "
            f"{_listed(called[key] for key in called if key in missed)}; leave them out by "
            f"network.map.leave_out = [{UNREACHED}]"
        )
    gone = [names[key] for key in names if key in omitted] + [
        called[key] for key in called if key in missed
    ]
    return {
        "about": _about(drawn, fibres, len(edges), gone, asked),
        "hub": called[hub],
        "relays": [
            called[place.identity]
            for place in places
            if place.identity not in missed and _is_relay(place, drawn, hub)
        ],
        "edges": [
            {
                "ends": [called[end] for end in edge.ends],
                "length_km": edge.length_km,
                "channels": edge.channels,
            }
            for edge in edges
            if edge.ends[0] not in missed
        ],
    }


def _about(drawn: Map, kept: list[Fibre], edges: int, gone: list[str], asked: MapSettings) -> str:
    # What the map has, and what became of it; `kept` are its fibres before the merging.
    measured, merged = sum(fibre.length_km is None for fibre in kept), len(kept) - edges
    parts = [f"{_counted(len(drawn.places), 'vertex')} and {_counted(len(drawn.fibres), 'fibre')}"]
    if gone:
        rest = f" and {len(gone) - LISTED} more" if gone[LISTED:] else ""
        names = ", ".join(gone[:LISTED])
        parts.append(f"{_counted(len(gone), 'vertex')} left out ({names}{rest})")
    if merged:
        parts.append(f"{_counted(merged, 'fibre')} merged with another")
    if measured and asked.detour_factor is not None:
        lengths = _counted(measured, "length")
        parts.append(f"{lengths} made of coordinates, by a factor of {asked.detour_factor:g}")
    return "; ".join(parts)


def _counted(number: int, what: str) -> str:
    plural = {"vertex": "vertices"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"


def great_circle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Returns the distance of two places on a sphere, in km; at least 0.

    With latitudes phi and longitudes lambda it is

        2 R asin sqrt(hav(phi2 - phi1) + cos(phi1) cos(phi2) hav(lambda2 - lambda1)),

    where hav(x) = sin^2(x / 2), and R is the mean radius of the Earth.

    Args:
        one: Latitude and longitude in degrees.
        other: The same of the other place.

    Source:
        The formula: Sinnott, Sky and Telescope 68, 159 (1984). The radius: Moritz, Journal of
        Geodesy 74, 128 (2000).

    Example:
        >>> round(great_circle_km((0.0, 0.0), (0.0, 180.0)), 1)  # half of the equator
        20015.1
    """
    (phi, lam), (phi2, lam2) = (map(math.radians, place) for place in (one, other))
    havs = math.sin((phi2 - phi) / 2) ** 2
    havs += math.cos(phi) * math.cos(phi2) * math.sin((lam2 - lam) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(havs, 1.0)))


# --- Vertices ---


def _names(places: list[Place]) -> dict[str, str]:
    labels = [place.label or place.identity for place in places]
    counts = Counter(labels)
    names = {
        place.identity: label if counts[label] == 1 else f"{label} ({place.identity})"
        for place, label in zip(places, labels, strict=True)
    }
    unique = len(set(names.values())) == len(names)
    return names if unique else {place.identity: place.identity for place in places}


def _omitted(drawn: Map, names: dict[str, str], leave_out: Iterable[str]) -> set[str]:
    words = {
        EXTERNAL: {place.identity for place in drawn.places if place.is_external},
        UNLOCATED: {place.identity for place in drawn.places if place.at is None},
        UNREACHED: set[str](),
    }
    found = (
        words[name] if name in words else {_identity(name, names, "network.map.leave_out")}
        for name in leave_out
    )
    return set[str]().union(*found)


def _identity(name: str, names: dict[str, str], asked_by: str) -> str:
    # Of the vertex that has this identity, or is called so.
    if name in names:
        return name
    for identity, called in names.items():
        if called == name:
            return identity
    raise ValueError(f"{asked_by}: {name!r} is no vertex; {nearest(name, names.values())}")


def _is_relay(place: Place, drawn: Map, hub: str) -> bool:
    # A default does not make the hub a relay; only its own attribute could.
    return place.relay if place.relay is not None else drawn.are_relays and place.identity != hub


def _hub(
    drawn: Map,
    asked: MapSettings,
    called: dict[str, str],
    edges: list[Fibre],
    places: list[Place],
) -> str:
    if asked.hub == CENTRAL:
        candidates = [place.identity for place in places if not place.relay]
        if not candidates:
            raise ValueError("no vertex is left that could be the hub")
        return topology.most_central([(*e.ends, e.length_km or 0.0) for e in edges], candidates)
    if asked.hub is not None:
        return _identity(asked.hub, called, "network.map.hub")
    if drawn.hub is None:
        raise ValueError(
            f"the map names no hub; set network.map.hub to a vertex, or to {CENTRAL} "
            f"(vertices: {_listed(called.values())})"
        )
    return _identity(drawn.hub, called, "the map's hub")


# --- Fibres ---


def _measured(
    fibres: list[Fibre], places: list[Place], called: dict[str, str], factor: float | None
) -> list[Fibre]:
    located = {place.identity: place.at for place in places}
    lost = {end for each in fibres if each.length_km is None for end in each.ends} & {
        identity for identity, at in located.items() if at is None
    }
    if lost and factor is not None:
        raise ValueError(
            f"no coordinates are known of {_listed(called[key] for key in called if key in lost)}, "
            "where fibres end of unknown length; add them, or leave such vertices out by "
            f"network.map.leave_out = [{UNLOCATED}]"
        )
    return [_with_length(each, located, called, factor) for each in fibres]


def _with_length(
    fibre: Fibre,
    located: dict[str, tuple[float, float] | None],
    called: dict[str, str],
    factor: float | None,
) -> Fibre:
    if fibre.length_km is not None:
        return fibre
    one, other = (located[end] for end in fibre.ends)
    name = " - ".join(called[end] for end in fibre.ends)
    if one is None or other is None:
        raise ValueError(
            f"edge {name} has no attribute length_km or length, and no coordinates at both ends"
        )
    if factor is None:
        raise ValueError(
            f"edge {name} has no attribute length_km or length; to make lengths from coordinates, "
            "state by network.map.detour_factor how much longer fibres are than great circles"
        )
    # To the metre, which is finer than any such length is known.
    return fibre._replace(length_km=round(factor * great_circle_km(one, other), 3))


def _merged(fibres: list[Fibre], called: dict[str, str], asked: MapSettings) -> list[Fibre]:
    # One fibre between two vertices, in the order of their first vertices.
    joined: dict[frozenset[str], list[Fibre]] = {}
    for fibre in fibres:
        joined.setdefault(frozenset(fibre.ends), []).append(fibre)
    several = [each for each in joined.values() if len(each) > 1]
    if several and asked.parallel_edges == "refuse":
        pair = " and ".join(repr(called[end]) for end in several[0][0].ends)
        raise ValueError(
            f"{len(several[0])} edges join {pair}; set network.map.parallel_edges = merge, or take "
            "them out"
        )
    order = {identity: place for place, identity in enumerate(called)}
    merged = [_one_of(each) for each in joined.values()]
    return sorted(merged, key=lambda each: order[each.ends[0]])


def _one_of(parallel: list[Fibre]) -> Fibre:
    channels = [fibre.channels for fibre in parallel if fibre.channels is not None]
    whole = sum(channels) if len(channels) == len(parallel) else None
    shortest = min(parallel, key=lambda fibre: fibre.length_km or 0.0)
    return shortest._replace(channels=whole)


def _listed(names: Iterable[str]) -> str:
    quoted = [shown(name) for name in names]
    rest = f" and {len(quoted) - LISTED} more" if quoted[LISTED:] else ""
    return ", ".join(quoted[:LISTED]) + rest
