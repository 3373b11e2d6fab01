"""Loads the scripts of `docs/` as modules, although they belong to no package."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[2] / "docs"


def load(name: str) -> ModuleType:
    """Returns the script of that name in `docs/` as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    # Scripts import each other; at the end, so that none hides a package of the tests.
    if str(DOCS) not in sys.path:
        sys.path.append(str(DOCS))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
