"""The R4 profiles of Subscriptions R5 Backport 1.1.0, as differentials: what its pages say of each element.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/artifacts.html
"""

from __future__ import annotations

import json
from typing import Any

from fhir_server.interactions.judging import ProfileJudge
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator

Json = dict[str, Any]
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport"
CORE = "http://hl7.org/fhir"
STATUS, NOTIFICATION, SUBSCRIPTION = (
    f"{GUIDE}/StructureDefinition/backport-{name}"
    for name in ("subscription-status-r4", "subscription-notification-r4", "subscription")
)


def _structure(name: str, of: str, *rows: Json, **more: Any) -> Json:
    made: Json = {"resourceType": "StructureDefinition", "id": name, "url": f"{GUIDE}/StructureDefinition/{name}"}
    made |= {"version": "1.1.0", "name": name.replace("-", ""), "status": "active", "kind": "resource"}
    made |= {"abstract": False, "type": of, "baseDefinition": f"{CORE}/StructureDefinition/{of}"}
    return made | {"derivation": "constraint", "fhirVersion": "4.0.1", "differential": {"element": list(rows)}} | more


def _element(id: str, **more: Any) -> Json:
    path = ".".join(part.partition(":")[0] for part in id.split("."))
    named = {"sliceName": id.rpartition(":")[2]} if ":" in id.rpartition(".")[2] else {}
    return {"id": id, "path": path} | named | more


def _slicing(id: str, kind: str, path: str, **more: Any) -> Json:
    discriminator = [{"type": kind, "path": path}]
    return _element(id, slicing={"discriminator": discriminator, "rules": "open", "ordered": False}, **more)


def _parameter(within: str, slice: str, name: str, type: str, low: int, high: str = "1", **more: Any) -> list[Json]:
    """Return the slice of parameters, or parts, that are called `name`; `more` is about its value."""
    id = f"{within}:{slice}"
    least = more.pop("least", low)
    return [
        _element(id, min=low, max=high),
        _element(f"{id}.name", fixedString=name),
        _element(f"{id}.value[x]", min=least, max="1", type=[{"code": type} | more.pop("target", {})], **more),
    ]


def _codes(name: str, *codes: str, base: str = CORE) -> list[Json]:
    system = f"{base}/CodeSystem/{name}"
    about: Json = {"version": "1.1.0", "status": "active"}
    concepts = [{"code": each} for each in codes]
    return [
        {"resourceType": "CodeSystem", "id": name, "url": system, "content": "complete", "concept": concepts} | about,
        {
            "resourceType": "ValueSet",
            "id": name,
            "url": f"{base}/ValueSet/{name}",
            "compose": {"include": [{"system": system}]},
        }
        | about,
    ]


def _bound(name: str, base: str = CORE) -> Json:
    return {"binding": {"strength": "required", "valueSet": f"{base}/ValueSet/{name}"}}


def _status() -> Json:
    row, part = "Parameters.parameter", "Parameters.parameter:notificationEvent.part"
    subscription = {"target": {"targetProfile": [f"{CORE}/StructureDefinition/Subscription"]}}
    return _structure(
        "backport-subscription-status-r4",
        "Parameters",
        _element("Parameters"),
        _slicing(row, "value", "name", min=3),
        *_parameter(row, "subscription", "subscription", "Reference", 1, **subscription),
        *_parameter(row, "topic", "topic", "canonical", 0),
        *_parameter(row, "status", "status", "code", 1, **_bound("subscription-status")),
        *_parameter(row, "type", "type", "code", 1, **_bound("subscription-notification-type")),
        *_parameter(row, "eventsSinceSubscriptionStart", "events-since-subscription-start", "string", 0),
        _element(f"{row}:notificationEvent", min=0, max="*"),
        _element(f"{row}:notificationEvent.name", fixedString="notification-event"),
        _slicing(part, "value", "name", min=1),
        *_parameter(part, "eventNumber", "event-number", "string", 1),
        *_parameter(part, "eventTimestamp", "timestamp", "instant", 0),
        *_parameter(part, "eventFocus", "focus", "Reference", 0),
        *_parameter(part, "eventAdditionalContext", "additional-context", "Reference", 0, "*", least=0),
        *_parameter(row, "error", "error", "CodeableConcept", 0, "*", least=0),
    )


def _notification() -> Json:
    rule: Json = {"key": "backport-notification-bundle-r4-1", "severity": "error"}
    rule |= {"human": "A notification bundle MUST have a Parameters as the first entry"}
    rule |= {"expression": "(entry.first().resource.is(Parameters))"}
    slice = "Bundle.entry:subscriptionStatus"
    return _structure(
        "backport-subscription-notification-r4",
        "Bundle",
        _element("Bundle", constraint=[rule]),
        _element("Bundle.type", patternCode="history"),
        _slicing("Bundle.entry", "type", "resource", min=1),
        _element(slice, min=1, max="1"),
        _element(f"{slice}.resource", min=1, type=[{"code": "Parameters", "profile": [STATUS]}]),
    )


def _extension(name: str, kind: str, **more: Any) -> Json:
    url = f"{GUIDE}/StructureDefinition/{name}"
    made = _structure(
        name,
        "Extension",
        _element("Extension"),
        _element("Extension.extension", max="0"),
        _element("Extension.url", fixedUri=url),
        _element("Extension.value[x]", min=1, type=[{"code": kind}], **more),
    )
    context = [{"type": "element", "expression": "Element"}]
    return made | {"kind": "complex-type", "context": context}


def _subscription() -> Json:
    rows = [_element("Subscription")]
    sliced = (
        ("Subscription.criteria", (("filterCriteria", "backport-filter-criteria", 0, "*"),)),
        (
            "Subscription.channel",
            (
                ("heartbeatPeriod", "backport-heartbeat-period", 0, "1"),
                ("timeout", "backport-timeout", 0, "1"),
                ("maxCount", "backport-max-count", 0, "1"),
            ),
        ),
        ("Subscription.channel.payload", (("content", "backport-payload-content", 1, "1"),)),
    )
    for path, slices in sliced:
        if path.endswith("payload"):
            rows.append(_element(path, min=1))
        rows.append(_slicing(f"{path}.extension", "value", "url"))
        for name, extension, low, high in slices:
            profile = [f"{GUIDE}/StructureDefinition/{extension}"]
            type = [{"code": "Extension", "profile": profile}]
            rows.append(_element(f"{path}.extension:{name}", min=low, max=high, type=type))
    return _structure("backport-subscription", "Subscription", *rows)


def backport() -> list[Json]:
    """Return the definitions, with the codes that R4 does not have."""
    kinds = ("handshake", "heartbeat", "event-notification", "query-status", "query-event")
    return [
        _status(),
        _notification(),
        _subscription(),
        _extension("backport-filter-criteria", "string"),
        _extension("backport-payload-content", "code", **_bound("backport-content-value-set", GUIDE)),
        _extension("backport-heartbeat-period", "unsignedInt"),
        _extension("backport-timeout", "unsignedInt"),
        _extension("backport-max-count", "positiveInt"),
        *_codes("subscription-notification-type", *kinds),
        *_codes("backport-content-value-set", "empty", "id-only", "full-resource", base=GUIDE),
    ]


def guide_judge() -> ProfileJudge:
    """Return who judges by the profiles of the guide."""
    catalogue = Catalogue()
    for each in backport():
        catalogue.keep(f"{each['resourceType']}/{each['id']}", each, json.dumps(each).encode())
    return ProfileJudge(catalogue, Validator())
