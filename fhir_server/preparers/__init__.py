"""Processes that prepare for the one that writes a store: how they are spoken to, and what they work with."""
