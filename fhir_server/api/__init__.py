"""Endpoints with a fixed JSON shape, served by FastAPI beside the FHIR API."""
