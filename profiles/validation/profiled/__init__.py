"""Validation against profiles: what a StructureDefinition asks for beyond R4 itself."""
