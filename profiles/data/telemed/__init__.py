"""Our own profiles, extensions and terminology of the telemedicine record, as a FHIR package."""
