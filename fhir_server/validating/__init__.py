"""Validating files without a store: reading them, judging what is in them, and showing what was found where."""
