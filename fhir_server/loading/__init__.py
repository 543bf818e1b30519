"""Bringing files into a store: finding and reading them, writing them resumably, and saying what became of each."""
