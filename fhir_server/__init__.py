"""The server: HTTP in, FHIR rules, data kept. Import nothing here; every floor is imported by its own name."""
