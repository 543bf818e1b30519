"""Other shapes <-> FHIR, pure: JSON views of applications, documents, and the tables of codes between them."""
