"""AuditEvent: the audit trail as FHIR resources, and those that other systems bring."""
