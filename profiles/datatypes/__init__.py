"""Primitive, temporal and quantity values of FHIR R4 (http://hl7.org/fhir/R4/datatypes.html)."""
