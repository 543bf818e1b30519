"""$validate: `POST [base]/[type]/$validate`, `POST` and `GET [base]/[type]/[id]/$validate`.

Would this server take the resource, and what do profiles say of it? Nothing is stored
(http://hl7.org/fhir/R4/resource-operation-validate.html). The answer is 200 whenever validation could be run, however
wrong the resource is; only a request that asks nothing clear is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.errors import BadRequest, Gone, NotFound, Refusal
from fhir_server.interactions import audit, binary, commit, own_parameters, preconditions, update
from fhir_server.interactions import profiles as profiling
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.targets import missing_targets
from fhir_server.model.fhir_json import parse_stored
from fhir_server.model.issues import operation_outcome
from fhir_server.model.resource import is_id
from fhir_server.operations.validating import Asked, asked_of
from fhir_server.store.base import Key, Version
from profiles.definitions import is_resource_type
from profiles.issues import Issue
from profiles.validation.readable import readable

_PLAIN = (None, "profile")


async def validate(call: Call) -> Result:
    """Return what is wrong with the resource, or "All OK": 200. Raises BadRequest, or NotFound and Gone."""
    asked = asked_of(call)
    patients: Sequence[str] = ()
    if asked.mode == "delete":
        issues, patients = await _delete(call)
    elif asked.faults:
        issues = [*asked.faults, profiling.UNCHECKED]
    elif asked.resource is None:
        version = await _stored(call, asked)
        resource = parse_stored(await binary.whole(call, version))
        patients = audit.patients_of(version)
        issues = await _content(call, resource, asked.profiles)
    elif asked.mode in _PLAIN:
        issues = await _content(call, asked.resource, asked.profiles)
    else:
        issues = await _write(call, asked.resource, asked)
    result = Result(200, resource=operation_outcome(issues), patients=patients)
    details = {"mode": asked.mode} if asked.mode else {}
    return await audit.seen(
        call,
        "$validate",
        result,
        details | ({"profile": [each[:200] for each in asked.profiles]} if asked.profiles else {}),
    )


async def _content(call: Call, resource: Resource, asked: Sequence[str]) -> list[Issue]:
    """Return what the base, the policy, the resource's own claims and the profiles asked for say, and the store."""
    services = call.services
    required = services.policy.required.get(str(resource.get("resourceType")), ())
    issues = profiling.judged(resource, asked, validator=services.validator, judge=services.judge, required=required)
    if stranger := _another_type(call, resource):
        issues.insert(0, stranger)
    if readable(issues):
        issues += own_parameters.faults(resource, services.registry)
        issues += await missing_targets(call, resource)
    return issues


def _another_type(call: Call, resource: Resource) -> Issue | None:
    found = resource.get("resourceType")
    if found == call.type or not isinstance(found, str) or not is_resource_type(found):
        return None
    what = (
        f"The resource is a {found}, the URL asks for {call.type}: send one of that type, or use the URL of its type."
    )
    return Issue("error", "invalid", what, f"{found}.resourceType")


async def _write(call: Call, resource: Resource, asked: Asked) -> list[Issue]:
    """Return what a create or update of the resource would be told, and what the profiles asked for say of it."""
    if stranger := _another_type(call, resource):
        return [stranger]
    if not isinstance(resource.get("resourceType"), str) or resource["resourceType"] != call.type:
        return call.services.validator.validate(resource)
    if asked.mode == "create" and call.id is not None:
        raise BadRequest("A create is asked for at the type, without an id in the URL.", expression="mode")
    issues: list[Issue] = []
    if asked.mode == "update":
        issues += await _update(call, resource)
    issues += _prepared(call, resource)
    if asked.profiles and not readable(issues):
        return [*issues, profiling.UNCHECKED]
    if asked.profiles:
        issues += call.services.judge(resource, asked.profiles, False)
    return list(dict.fromkeys(issues))


def _prepared(call: Call, resource: Resource) -> list[Issue]:
    id = call.id or resource.get("id")
    key = Key(resource["resourceType"], id if isinstance(id, str) and is_id(id) else call.new_id())
    try:
        return list(commit.prepare(call, resource, key).warnings)
    except Refusal as refusal:
        return list(refusal.issues)


async def _update(call: Call, resource: Resource) -> list[Issue]:
    """Return why the resource could not replace the one of the URL or, without one there, that of its own id."""
    own = resource.get("id")
    if call.id is None and own is None:
        return [Issue("error", "required", f"An update needs {call.type}.id: add it, or create.", f"{call.type}.id")]
    alike = replace(call, id=call.id or str(own), resource=resource, parameters=())
    try:
        identity = await update.identify(alike, call.reader)
        before = await commit.current(call, call.reader, identity.keys[0], "update", making=True, chosen=True)
        preconditions.demand(call.preconditions, before)
    except Refusal as refusal:
        return list(refusal.issues)
    return []


async def _delete(call: Call) -> tuple[list[Issue], Sequence[str]]:
    """Return why the resource of the URL could not be deleted, and whose data it is."""
    if call.id is None:
        raise BadRequest("A delete is asked for at a resource: [type]/[id]/$validate.", expression="mode")
    assert call.type is not None
    try:
        before = await commit.current(call, call.reader, Key(call.type, call.id), "delete")
        preconditions.demand(call.preconditions, before)
    except Refusal as refusal:
        return list(refusal.issues), ()
    if before is None or before.deleted:
        what = f"{call.type}/{call.id} is not there. Deleting it would be answered with 204 and change nothing."
        return [Issue("information", "informational", what)], ()
    return [], audit.patients_of(before)


async def _stored(call: Call, asked: Asked) -> Version:
    """Return the current version of the URL's resource. Raises BadRequest where there must be one in the body."""
    if call.id is None or asked.mode not in _PLAIN:
        raise BadRequest(
            "There is nothing to validate: send a resource as the body or in Parameters, or ask for a stored one at "
            "[type]/[id]/$validate.",
            expression="resource",
        )
    assert call.type is not None
    demand(call, "read", call.type)
    version = await call.reader.read(Key(call.type, call.id), restriction=within(call, "read", call.type))
    if version is None:
        raise NotFound(f"{call.type}/{call.id} does not exist.")
    if version.deleted:
        raise Gone(f"{call.type}/{call.id} was deleted with version {version.number}.")
    return version
