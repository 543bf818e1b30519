"""What a patient is told who objects to the processing of data: what stops, and what the law keeps."""

from __future__ import annotations

from collections.abc import Sequence

from auth.consent import LEGAL_BASIS, objects
from fhir_server.interactions.call import Resource
from profiles.issues import Issue


def objecting(resource: Resource) -> Sequence[Issue]:
    """Return the finding beside the success of a Consent that objects; none for any other resource.

    `Prefer: return=OperationOutcome` shows it.
    """
    if resource["resourceType"] != "Consent" or not objects(resource):
        return ()
    return (Issue("information", "informational", LEGAL_BASIS, "Consent.status"),)
