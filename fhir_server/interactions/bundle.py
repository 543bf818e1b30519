"""`POST [base]`: a Bundle to be done, as batch or as transaction (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

from fhir_server.errors import BadRequest
from fhir_server.interactions.batch import batch
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.transaction import transaction


async def bundle(call: Call) -> Result:
    """Do what the Bundle asks. Raises BadRequest when the body is no Bundle, or one of another type."""
    if call.resource is None or call.resource.get("resourceType") != "Bundle":
        raise BadRequest(
            "The base URL takes a Bundle of type batch or transaction. A single resource is created with POST "
            "[base]/[type]."
        )
    match call.resource.get("type"):
        case "batch":
            return await batch(call)
        case "transaction":
            return await transaction(call)
    raise BadRequest(
        "The base URL takes Bundles of type batch or transaction. A Bundle that is to be stored as it is goes to "
        "[base]/Bundle.",
        expression="Bundle.type",
    )
