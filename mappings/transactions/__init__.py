"""Writes of several resources that belong together, as transaction Bundles."""
