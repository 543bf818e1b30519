"""The JSON views over HTTP: everything below `/api/v1` that is about care, with its answers to refusals."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from fhir_server.api.appointments import appointment_routes
from fhir_server.api.calls import call_routes
from fhir_server.api.consents import consent_routes
from fhir_server.api.described_views import described_routes
from fhir_server.api.documented import document_views
from fhir_server.api.errors import fields_answer
from fhir_server.api.fhir_shortcuts import fhir_routes
from fhir_server.api.forwarding import forward
from fhir_server.api.medical_records import medical_record_routes
from fhir_server.api.notifications import notification_routes
from fhir_server.errors import NotFound
from fhir_server.live.relaying import Relaying
from mappings.errors import Unfit
from mappings.views.describe import Described


def include_views(api: FastAPI, relaying: Relaying, described: Sequence[Described] = ()) -> None:
    """Add the routes to an API that has those of accounts.

    `relaying` knows the servers of calls, `described` are the views that files describe.
    """
    api.add_exception_handler(Unfit, _unfit)
    document_views(api, [each.view for each in described])
    api.add_exception_handler(NotFound, forward)
    for routes in (
        medical_record_routes(),
        appointment_routes(),
        call_routes(relaying),
        notification_routes(),
        consent_routes(),
        fhir_routes(),
        *map(described_routes, described),
    ):
        api.include_router(routes)


async def _unfit(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unfit)
    # Names may be a client's, with halves of surrogate pairs that no answer can hold.
    return fields_answer(
        request, {name.encode("utf-8", "replace").decode(): told for name, told in error.fields.items()}
    )
