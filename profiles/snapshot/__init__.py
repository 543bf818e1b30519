"""Snapshots of StructureDefinitions, generated from their differentials."""
