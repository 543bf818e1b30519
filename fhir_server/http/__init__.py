"""HTTP: bytes to `Call`, `Result` to bytes. No FHIR rules live here."""
