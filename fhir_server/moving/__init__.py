"""Moving a platform in and out: its users, records, appointments, notifications and consents as files of JSON lines."""
