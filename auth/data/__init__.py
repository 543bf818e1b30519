"""Texts and rules that are data."""
