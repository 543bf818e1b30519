"""Paths of FHIRPath that can be written as well as read."""
