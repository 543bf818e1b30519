"""Subscriptions as clients write them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TOPIC = "urn:fhir-health-server:telemed/SubscriptionTopic"


def subscription(criteria: str, endpoint: str, *, payload: str | None = "application/fhir+json", **more: Any) -> Json:
    """Return an R4 subscription with a rest-hook."""
    channel: Json = {"type": "rest-hook", "endpoint": endpoint}
    if payload is not None:
        channel["payload"] = payload
    channel |= more.pop("channel", {})
    made: Json = {"resourceType": "Subscription", "status": "requested", "reason": "to know", "criteria": criteria}
    return made | {"channel": channel} | more


def topical(
    topic: str, endpoint: str, *filters: str, content: str = "id-only", channel: Json | None = None, **numbers: int
) -> Json:
    """Return a subscription to a topic; `numbers` are those of the guide's extensions, such as `max_count`."""
    made = subscription(f"{TOPIC}/{topic}", endpoint, channel=channel or {})
    if filters:
        url = f"{GUIDE}/backport-filter-criteria"
        made["_criteria"] = {"extension": [{"url": url, "valueString": each} for each in filters]}
    made["channel"]["_payload"] = {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": content}]}
    kinds = {"max_count": "valuePositiveInt"}
    if numbers:
        made["channel"]["extension"] = [
            {"url": f"{GUIDE}/backport-{name.replace('_', '-')}", kinds.get(name, "valueUnsignedInt"): value}
            for name, value in numbers.items()
        ]
    return made


def weight(patient: str | None = None, value: float = 70, **more: Any) -> Json:
    """Return an Observation of a body weight."""
    made: Json = {"resourceType": "Observation", "status": "final", "valueQuantity": {"value": value, "unit": "kg"}}
    made["code"] = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    return made | ({} if patient is None else {"subject": {"reference": f"Patient/{patient}"}}) | more


WEIGHTS = "Observation?code=http://loinc.org|29463-7"
