"""Accounts over HTTP: everything below `/api/v1/auth`, `/api/v1/me` and `/admin`, with its answers to refusals."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from fhir_server.accounts.desk import Desk
from fhir_server.api.admin import admin_routes
from fhir_server.api.auth import auth_routes
from fhir_server.api.break_glass import break_glass_routes
from fhir_server.api.errors import answer_errors
from fhir_server.api.external import external_routes
from fhir_server.api.factors import factor_routes
from fhir_server.api.me import me_routes


def include_accounts(api: FastAPI, desk: Callable[[], Desk]) -> None:
    """Add the routes; `desk` returns the desk of the tenant."""
    api.state.desk = desk
    answer_errors(api)
    for routes in (
        auth_routes(),
        break_glass_routes(),
        external_routes(),
        factor_routes(),
        me_routes(),
        admin_routes(),
    ):
        api.include_router(routes)
