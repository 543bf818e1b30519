"""FHIR NPM packages and what they define: read, ordered by version, found by canonical."""
