"""The suite: what every policy plays, with public seeds and networks, or with those held back.

What is held back is named here by the hash of a salt. Whoever has the salt derives the seeds from
it, and the seeds of networks and of data; nobody can tune on them before the salt is told.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import NamedTuple

from ceas_gym import config
from ceas_gym.config import sources, yaml_text

VERSION = 1
"""Is raised when the suite changes."""
RESULTS_OF = "ceas_gym/CEAS-v1"
"""Id of the environment, whose version is raised by changes that alter results."""
WINDOWS, PARTITIONS = "windows", "partitions"
SCENARIOS = {
    WINDOWS: (
        *("paper-loop", "short-memory-loop", "scarce-loop", "metro-loop", "unequal-loop"),
        *("drift-loop", "paper-committee-loop"),
    ),
    PARTITIONS: ("circuit", "features"),
}
"""Shipped scenarios by track. A policy has a score for each track all of which it can play."""
PLACEMENTS = ("random", "best_links")
LAYOUTS = 16
PUBLIC_SEEDS = range(60_000, 60_040)
"""Those of `docs/closed_loop.py`. Tuning begins at seed 900,000, validation at 2**29 and training
at 2**30."""
HELD_BACK, APART = 2**28, 2**24
"""First of the seeds that may be held back, and the number of places where they may begin."""
SALT_SHA256 = "b0a07542b318c4fc62ec9d23c67e1cad1bf383a390466fef8a677da623b4fe9c"
"""Hash of the text in the file of the salt, without white space around it."""
Changes = dict[str, object]


class Cell(NamedTuple):
    """A scenario with one placement of the attackers."""

    track: str
    scenario: str
    placement: str
    layouts: int = LAYOUTS
    networks: tuple[tuple[str, int], ...] = ()
    """Seeds of networks and data, by dotted key; without them, those of the scenario."""

    @property
    def name(self) -> str:
        """Returns what the cell is called, such as `paper-loop, random`."""
        return f"{self.scenario}, {self.placement}"

    @property
    def changes(self) -> Changes:
        """Returns what is changed in the scenario, by dotted key."""
        placed: Changes = {"episode.layouts": self.layouts, "attack.placement": self.placement}
        return placed | dict(self.networks)


class Suite(NamedTuple):
    """Cells, and the episodes of each."""

    cells: tuple[Cell, ...]
    seeds: range = PUBLIC_SEEDS
    salt: str = ""
    """Hash of the salt that it is derived from, or nothing if it is public."""

    @property
    def record(self) -> dict[str, object]:
        """Returns what a row says of the suite, for JSON; of what is held back, only the hash."""
        return {"version": VERSION, "hash": digest(self), "salt_sha256": self.salt}


SUITE = Suite(
    tuple(
        Cell(track, name, placement)
        for track, names in SCENARIOS.items()
        for name in names
        for placement in PLACEMENTS
    )
)
"""The public suite."""


def tracks(suite: Suite) -> dict[str, list[Cell]]:
    """Returns the cells of each track, in order.

    Args:
        suite: Public or held back.
    """
    found: dict[str, list[Cell]] = {}
    for cell in suite.cells:
        found.setdefault(cell.track, []).append(cell)
    return found


def hidden(suite: Suite) -> Suite:
    """Returns a suite with the record of the one that is held back, for those without the salt.

    Args:
        suite: The public suite.
    """
    return suite._replace(salt=SALT_SHA256)


def digest(suite: Suite) -> str:
    """Returns a hash of all that is played: SHA-256 in hexadecimal, 64 characters.

    It covers the settings in the scenarios' files, but not their comments and not the defaults of
    settings; a default that alters results raises the version of the environment's id. Of what is
    held back it covers the hash of the salt, so that everybody can check it.

    Args:
        suite: Public or held back.
    """
    names = sorted({cell.scenario for cell in suite.cells})
    settings = {name: yaml_text.mapping(_text(name), name, "settings") for name in names}
    cells = [cell._replace(networks=()) for cell in suite.cells]
    seeds = suite.salt or suite.seeds.start, len(suite.seeds)
    played = (VERSION, RESULTS_OF, cells, seeds, settings)
    return hashlib.sha256(json.dumps(played, sort_keys=True).encode()).hexdigest()


def salted(suite: Suite, file: Path) -> Suite:
    """Returns the suite with the seeds and networks that a salt stands for.

    The seeds follow each other, so that all layouts are played about equally often.

    Args:
        suite: The public suite.
        file: Holds the salt.

    Raises:
        ValueError: If the file can't be read, or holds another salt than `SALT_SHA256` tells.
    """
    try:
        salt = file.read_text(encoding="utf-8").strip().encode()
    except OSError as error:
        raise ValueError(f"--salt: {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"--salt: {file} holds no text; ask the maintainers for it") from None
    found = hashlib.sha256(salt).hexdigest()
    if found != SALT_SHA256:
        raise ValueError(
            f"--salt: {file} has the SHA-256 {found[:12]}..., but suite {VERSION} holds back "
            f"{SALT_SHA256[:12]}...; ask the maintainers, or leave --salt out"
        )
    first = HELD_BACK + LAYOUTS * number(salt, "seeds", APART)
    cells = tuple(cell._replace(networks=_networks(salt, cell.scenario)) for cell in suite.cells)
    return Suite(cells, range(first, first + len(suite.seeds)), found)


def number(salt: bytes, label: str, below: int) -> int:
    """Returns a number in [0, below) that a salt stands for, by HMAC with SHA-256.

    Args:
        salt: Of any length.
        label: What the number is for; others have other numbers.
        below: A power of two, up to 2**256.

    Source:
        Krawczyk, Bellare and Canetti, HMAC: Keyed-Hashing for Message Authentication, RFC 2104.

    Example:
        >>> number(b"Jefe", "what do ya want for nothing?", 2**32) == 0x64EC3843
        True
    """
    return int(hmac.new(salt, label.encode(), hashlib.sha256).hexdigest(), 16) % below


def _networks(salt: bytes, scenario: str) -> tuple[tuple[str, int], ...]:
    # Seeds of layouts and data are in [0, 2**31).
    keys = ("network.layout_seed", "learning.data_seed")
    return tuple((key, number(salt, f"{key} {scenario}", 2**31)) for key in keys)


def _text(name: str) -> str:
    shipped = name in config.shipped()
    return sources.shipped_text(name) if shipped else sources.file_text(name)
