"""What FHIR means: definitions, data types, FHIRPath, validation, terminology. Pure; it knows no server."""
