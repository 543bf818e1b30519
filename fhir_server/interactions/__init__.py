"""FHIR interactions, one file each (http://hl7.org/fhir/R4/http.html)."""
