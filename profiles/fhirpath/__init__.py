"""FHIRPath, compiled to closures (http://hl7.org/fhirpath/N1/, http://hl7.org/fhir/R4/fhirpath.html)."""
