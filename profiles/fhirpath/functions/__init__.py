"""FHIRPath functions by subject; each module ends with its RULES."""
