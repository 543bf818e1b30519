"""Validation of resources against R4 (http://hl7.org/fhir/R4/validation.html)."""
