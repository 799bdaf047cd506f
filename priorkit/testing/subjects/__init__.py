"""How components of each kind are built and called by the checks."""
