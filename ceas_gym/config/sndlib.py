"""Reads maps in SNDlib's native format: the vertices with their coordinates, and the links.

Capacities, costs and demands are ignored. A vertex is `name ( longitude latitude )`, and a link
`name ( vertex vertex ) capacity cost cost cost ( modules )`. Some maps of SNDlib have coordinates
of a drawing in place of degrees, which the format does not tell apart.

Source:
    Orlowski, Wessaely, Pioro and Tomaszewski, Networks 55, 276 (2010), and the concepts and formats
    at https://sndlib.put.poznan.pl.
"""

import re
from itertools import pairwise
from typing import Any

from ceas_gym.config import sources
from ceas_gym.config.keys import shown
from ceas_gym.config.maps import Fibre, Map, Place
from ceas_gym.registry import nearest

HEADER = "?SNDlib native format"
NUMBERS_OF_LINK = 4
"""Pre-installed capacity and its cost, routing cost and set-up cost."""
Group = list[Any]
"""Words, and groups in brackets."""


def read(text: str, source: str) -> Map:
    r"""Returns the map that a file holds; it names no hub, and states no lengths.

    Args:
        text: Contents of the file.
        source: What messages call it.

    Raises:
        ScenarioError: If it is not in SNDlib's native format.

    Example:
        >>> nodes = "NODES ( Delft ( 4.36 52.01 ) Gouda ( 4.71 52.02 ) )"
        >>> links = "LINKS ( L1 ( Delft Gouda ) 0.00 0.00 0.00 0.00 ( 40.00 1.00 ) )"
        >>> read(f"?SNDlib native format; version: 1.0\n{nodes} {links}", "my.txt").fibres
        [Fibre(ends=('Delft', 'Gouda'), length_km=None, channels=None)]
    """
    with sources.prefixing(lambda: f"{source} is not in SNDlib's native format"):
        sections = _sections(text)
        places = _places(sections["NODES"])
        return Map(list(places.values()), _fibres(sections["LINKS"], list(places)))


def _sections(text: str) -> dict[str, Group]:
    first, _, rest = text.partition("\n")
    if not first.strip().startswith(HEADER):
        raise ValueError(f"its first line does not start with {HEADER}")
    words = re.findall(r"[()]|[^\s()]+", re.sub(r"#.*", "", rest))
    content = _grouped(words)
    found = {
        name: group
        for name, group in pairwise(content)
        if isinstance(name, str) and isinstance(group, list)
    }
    for name in ("NODES", "LINKS"):
        if name not in found:
            raise ValueError(f"it has no section {name} ( ... )")
    return found


def _grouped(words: list[str]) -> Group:
    # Brackets as nested lists.
    open_groups: list[Group] = [[]]
    for word in words:
        if word == "(":
            open_groups.append([])
        elif word == ")" and len(open_groups) > 1:
            group = open_groups.pop()
            open_groups[-1].append(group)
        elif word == ")":
            raise ValueError("a bracket is closed that was never opened")
        else:
            open_groups[-1].append(word)
    if len(open_groups) > 1:
        raise ValueError("a bracket is never closed")
    return open_groups[0]


def _places(nodes: Group) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for before, each in pairwise(["", *nodes]):
        if not isinstance(each, list):
            if each in found:
                raise ValueError(f"vertex {each} appears twice")
            found[each] = Place(each)
        elif isinstance(before, str) and before:
            found[before] = Place(before, at=_degrees(before, each))
        else:
            raise ValueError(f"coordinates stand without a vertex: {shown(each)}")
    return found


def _degrees(name: str, place: Group) -> tuple[float, float]:
    try:
        longitude, latitude = map(float, place)
    except (ValueError, TypeError):
        raise ValueError(f"vertex {name} must have coordinates ( longitude latitude )") from None
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise ValueError(
            f"the coordinates of vertex {name}, {shown((longitude, latitude))}, are no degrees of "
            "longitude and latitude, perhaps of a drawing; put degrees in their place"
        )
    return latitude, longitude


def _fibres(links: Group, vertices: list[str]) -> list[Fibre]:
    order = {name: place for place, name in enumerate(vertices)}
    size = NUMBERS_OF_LINK + 3
    found: list[Fibre] = []
    for start in range(0, len(links), size):
        name, ends, *others = links[start : start + size]
        kinds = [isinstance(each, list) for each in (ends, *others)]
        if kinds != [True, *[False] * NUMBERS_OF_LINK, True] or len(ends) != 2:
            raise ValueError(
                f"link {shown(name)} must be followed by ( vertex vertex ), {NUMBERS_OF_LINK} "
                "numbers and ( modules )"
            )
        for end in ends:
            if end not in order:
                raise ValueError(f"link {name}: {end!r} is no vertex; {nearest(end, vertices)}")
        one, other = sorted(ends, key=order.__getitem__)
        found.append(Fibre((one, other)))
    return found
