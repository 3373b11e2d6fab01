"""The paper's claims, each in a module or a package."""
