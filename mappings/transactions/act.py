"""Who writes, when, and what a transaction Bundle says of each resource (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mappings.concepts.names import HL7
from mappings.paths.path import Json
from mappings.views.view import Parts


@dataclass(frozen=True, slots=True)
class Act:
    """One write: `by` whom (`Practitioner/1`), `moment` (instant), and `new_id` that makes logical ids.

    `remote` says of a new record that it is of a consultation at a distance, not of a visit; `appointment` is the id of
    the Appointment that was made for it, `encounter` the Encounter that is there of it, `ended` when it was over, as
    far as that is known. With `french` the Encounter claims the profiles of FR Core, which has to be installed.
    """

    by: str
    moment: str
    new_id: Callable[[], str]
    remote: bool = True
    french: bool = False
    appointment: str | None = None
    encounter: Json | None = None
    ended: str | None = None


def transaction(entries: Iterable[Json]) -> Json:
    """Return the transaction Bundle of these entries."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def create(resource: Json) -> Json:
    """Return the entry that makes a resource under its id, and fails where there is one."""
    return {
        "resource": resource,
        "request": {"method": "PUT", "url": _url(resource), "ifNoneMatch": "*"},
    }


def update(resource: Json) -> Json:
    """Return the entry that replaces a resource, and fails unless the stored version is the one it came from."""
    request: Json = {"method": "PUT", "url": _url(resource)}
    version = resource.get("meta", {}).get("versionId")
    if version is not None:
        request["ifMatch"] = f'W/"{version}"'
    return {"resource": resource, "request": request}


def changes(before: Parts, after: Parts) -> list[Json]:
    """Return the entries that lead from stored parts to written ones: what is new and what is not as it was."""
    known = {_url(each): each for resources in before.values() for each in resources}
    every = [each for resources in after.values() for each in resources]
    return [update(each) if _url(each) in known else create(each) for each in every if known.get(_url(each)) != each]


def provenance(act: Act, activity: str, targets: Sequence[str]) -> Json:
    """Return the entry of a Provenance: who did what (`CREATE`, `UPDATE`, `DELETE`) to which resources, when.

    The patient belongs among the targets: by it the Provenance is part of the record.
    """
    resource: Json = {
        "resourceType": "Provenance",
        "target": [{"reference": each} for each in targets],
        "recorded": act.moment,
        "activity": {"coding": [{"system": f"{HL7}/v3-DataOperation", "code": activity}]},
        "agent": [
            {
                "type": {"coding": [{"system": f"{HL7}/provenance-participant-type", "code": "author"}]},
                "who": {"reference": act.by},
            }
        ],
    }
    return {"resource": resource, "request": {"method": "POST", "url": "Provenance"}}


def _url(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
