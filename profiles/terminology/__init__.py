"""Code systems and value sets (http://hl7.org/fhir/R4/terminology-module.html)."""
