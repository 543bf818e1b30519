"""FHIR packages of a tenant: archives read, definitions put and taken out, records of both."""
