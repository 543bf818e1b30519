"""Requests to the demo clinic that are worth a try."""

from __future__ import annotations

NEWCOMER = '{"resourceType":"Patient","name":[{"family":"Martin","given":["Zoé"]}],"birthDate":"1990-04-12"}'
REQUESTS = (
    "  curl '{base}/Patient/camille-moreau?_pretty=true'",
    "  curl '{base}/Appointment?status=booked&_pretty=true'",
    f"  curl -i '{{base}}/Patient' -H 'Content-Type: application/fhir+json' -d '{NEWCOMER}'",
)
"""What the demo proposes; `{base}` stands for its address."""
