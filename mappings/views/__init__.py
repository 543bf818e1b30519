"""JSON views of applications over FHIR resources: one description per view, and what reads and writes by it."""
