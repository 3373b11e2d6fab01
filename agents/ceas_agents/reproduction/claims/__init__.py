"""The paper's claims, a module or a room each."""
