"""Where versions, records and audit rows are kept. Adapters store rows; they know no FHIR."""
