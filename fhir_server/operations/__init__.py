"""The FHIR operations: a registry, and one file for each `$name`."""
