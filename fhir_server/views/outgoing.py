"""The tables of what goes out by itself: letters of notifications, and reminders of appointments."""

from __future__ import annotations

from fhir_server.store.base import RecordTable

LETTERS = RecordTable("notification_letter")
"""Letters that wait. Key: the moment from which one is due, in microseconds since 1970, and an id. Value: the
`account`, the `kind` of the notification with its `words` and `link`, and how often it was tried (`tries`)."""
REMINDED = RecordTable("reminded")
"""Key: `<appointment>/<lead>/<start>` of a reminder that was made; expires when the appointment has been."""
REMINDERS = RecordTable("reminders")
"""Key: a lead in minutes. Value: the moment up to which (`until`) reminders with that lead were looked for."""
TABLES = (LETTERS, REMINDED, REMINDERS)
