"""capabilities: `GET [base]/metadata` (http://hl7.org/fhir/R4/http.html#capabilities).

The CapabilityStatement is derived: the interactions from the routes, the search parameters from the tenant's registry
and what `search.parse` answers of it, guides and profiles from its catalogue, the media types from what HTTP
negotiates. Nothing of it is written by hand.

`services.capabilities` holds the facts of the installation: `interactions` ({"type": codes, "system": codes}),
`formats`, `patch_formats`, `operations` ([{name, definition, resource?}]), `version` of the software, `date` (FHIR
dateTime of the release), `security` (the rest.security of the server, or None), `websocket` (where subscriptions are
heard, or None).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions import audit
from fhir_server.interactions.audit_events.condition import PARAMETERS as TRAIL
from fhir_server.interactions.audit_events.external import TYPE as AUDIT_EVENT
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.subscribing.tables import TYPE as SUBSCRIPTION
from fhir_server.interactions.terminology_capabilities import terminology_capabilities
from fhir_server.model.compartments import URLS
from fhir_server.search.parameters import Parameter, Registry
from fhir_server.search.parse import is_answered
from fhir_server.search.parse_reference import canonical_of, holds_references
from profiles import definitions
from realtime.subscriptions.subscription import GUIDE
from realtime.subscriptions.subscription import PROFILE as BACKPORT

MODES = ("full", "normative", "terminology")
FHIR_VERSION = "4.0.1"
WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
TOPICS = f"{GUIDE}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
SERVER = f"{GUIDE}/CapabilityStatement/backport-subscription-server-r4"
"""What is demanded of a server that knows topics, in Subscriptions R5 Backport."""
CONDITIONAL: Mapping[str, Mapping[str, Any]] = {
    "create": {"conditionalCreate": True},
    "read": {"conditionalRead": "full-support"},
    "update": {"updateCreate": True, "conditionalUpdate": True},
    "delete": {"conditionalDelete": "multiple"},
}
"""What the interactions of this package do beyond their plain form."""
TRAIL_INTERACTIONS = frozenset(("read", "search-type", "create"))
TRAIL_FACTS: Mapping[str, Any] = {
    "versioning": "no-version",
    "readHistory": False,
    "updateCreate": False,
    "conditionalUpdate": False,
    "conditionalDelete": "not-supported",
}
"""What holds of AuditEvents, which are never changed."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Answers:
    """By resource type: the parameters that are answered, and the references to follow from it and to it.

    `everywhere` are the parameters of every type.
    """

    parameters: dict[str, list[Parameter]]
    including: dict[str, list[str]]
    reverse: dict[str, list[str]]
    everywhere: list[Parameter]

    @classmethod
    def of(cls, registry: Registry) -> _Answers:
        types = definitions.resource_types()
        self = cls({}, {type: [] for type in types}, {type: [] for type in types}, [])
        by_url = {type for type in types if canonical_of(registry, type) is not None}
        for type in types:
            found = registry.all_for(type).values()
            self.parameters[type] = [
                each for each in found if is_answered(each) and (type != AUDIT_EVENT or each.code in TRAIL)
            ]
            if type == AUDIT_EVENT:
                # Nothing leads from the trail or to it (`audit_events.find`).
                continue
            for each in self.parameters[type]:
                if each.type == "reference" and each.answers and not each.nested:
                    name = f"{type}:{each.code}"
                    self.including[type].append(name)
                    reached = set(each.targets or types)
                    for target in reached if holds_references(each) else reached & by_url:
                        self.reverse[target].append(name)
        self.reverse[AUDIT_EVENT].clear()
        stored = (found for type, found in self.parameters.items() if type != AUDIT_EVENT)
        shared = set.intersection(*({(each.code, each.url) for each in found} for found in stored))
        self.everywhere.extend(each for each in self.parameters[types[0]] if (each.code, each.url) in shared)
        return self


async def capabilities(call: Call) -> Result:
    """Return the CapabilityStatement of this server, or with mode=terminology its TerminologyCapabilities: 200.

    Raises BadRequest for another mode than those of http://hl7.org/fhir/R4/http.html#capabilities.
    """
    modes = [value for name, value in call.parameters if name == "mode"] or [MODES[0]]
    if len(modes) > 1 or modes[0] not in MODES:
        raise BadRequest(f"mode must be one of {', '.join(MODES)}, given once.", expression="mode")
    made = terminology_capabilities(call.services) if modes == ["terminology"] else statement(call)
    return await audit.seen(call, "capabilities", Result(200, resource=made))


def statement(call: Call) -> Json:
    """Return the CapabilityStatement of the tenant that `call` is for."""
    services = call.services
    facts = services.capabilities
    content: Json = {
        "resourceType": "CapabilityStatement",
        "url": f"{services.base}/metadata",
        "version": facts["version"],
        "name": "FhirServer",
        "title": "FHIR health data server",
        "status": "active",
        "date": facts["date"],
        "kind": "instance",
        **({"instantiates": [SERVER]} if services.subscribing.topics else {}),
        "software": {"name": "fhir-health-server", "version": facts["version"]},
        "implementation": {"description": "FHIR R4 health data server", "url": services.base},
        "fhirVersion": FHIR_VERSION,
        "format": list(facts["formats"]),
    }
    if facts["patch_formats"]:
        content["patchFormat"] = list(facts["patch_formats"])
    if guides := [each.guide for each in services.catalogue.packages if each.guide]:
        content["implementationGuide"] = guides
    content["rest"] = [_rest(call, facts)]
    return content


def _rest(call: Call, facts: Mapping[str, Any]) -> Json:
    codes = list(facts["interactions"]["type"])
    system_codes = facts["interactions"]["system"]
    limit = call.services.limits.delete_matches
    operations = facts.get("operations", ())
    answers = _Answers.of(call.services.registry)
    resources = [_resource(type, codes, answers, limit, operations) for type in definitions.resource_types()]
    profiles = call.services.catalogue.profiles()
    resources = [_with_profiles(resource, profiles.get(resource["type"], ())) for resource in resources]
    resources = [_with_topics(resource, call.services.subscribing.topics) for resource in resources]
    security = facts.get("security")
    heard = facts.get("websocket")
    rest: Json = {
        **({"extension": [{"url": WEBSOCKET, "valueUri": heard}]} if heard else {}),
        "mode": "server",
        **({"security": security} if security else {}),
        "resource": resources,
        "interaction": [{"code": code} for code in system_codes],
    }
    if "search-system" in system_codes:
        rest["searchParam"] = _stated(answers.everywhere)
    if "search-type" in codes:
        rest["compartment"] = list(URLS.values())
    if system := _operations(operations, None):
        rest["operation"] = system
    return rest


def _with_profiles(resource: Json, profiles: Sequence[str]) -> Json:
    """Return the statement on a type with the profiles of it that are stored, from packages or not."""
    if not profiles:
        return resource
    return {"type": resource["type"], "profile": resource["profile"], "supportedProfile": list(profiles)} | resource


def _with_topics(resource: Json, topics: Collection[str]) -> Json:
    """Return the statement on Subscription with the topics that there are; on every other type as it is."""
    if resource["type"] != SUBSCRIPTION or not topics:
        return resource
    extension = [{"url": TOPICS, "valueCanonical": each} for each in sorted(topics)]
    profiles = [*resource.get("supportedProfile", ()), BACKPORT]
    return {"extension": extension, "type": SUBSCRIPTION} | resource | {"supportedProfile": profiles}


def _resource(
    type: str, codes: Sequence[str], answers: _Answers, limit: int, operations: Sequence[Mapping[str, str]]
) -> Json:
    content: Json = {
        "type": type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{type}",
        "interaction": [{"code": code} for code in codes if type != AUDIT_EVENT or code in TRAIL_INTERACTIONS],
        "versioning": "versioned",
        "readHistory": "vread" in codes,
    }
    for code, facts in CONDITIONAL.items():
        if code in codes:
            content |= facts
    if "delete" in codes and limit == 1:
        content["conditionalDelete"] = "single"
    if type == AUDIT_EVENT:
        content |= TRAIL_FACTS
    content["referencePolicy"] = ["literal", "logical", "local"]
    if "search-type" in codes:
        if including := answers.including[type]:
            content["searchInclude"] = [f"{type}:*", *including]
        if reverse := answers.reverse[type]:
            content["searchRevInclude"] = reverse
        content["searchParam"] = _stated(answers.parameters[type])
    if own := _operations(operations, type):
        content["operation"] = own
    return content


def _stated(parameters: Sequence[Parameter]) -> list[Json]:
    return [{"name": each.code, "definition": each.url, "type": each.type} for each in parameters]


def _operations(operations: Sequence[Mapping[str, str]], type: str | None) -> list[Json]:
    at = (None,) if type is None else (type, "Resource")
    return [
        {"name": each["name"], "definition": each["definition"]} for each in operations if each.get("resource") in at
    ]
