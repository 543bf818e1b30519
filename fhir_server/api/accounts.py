"""Accounts, apps and sockets over HTTP: `/api/v1/auth`, `/api/v1/me`, `/api/v1/socket`, `/admin` and `/auth`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from auth.smart.errors import Refusal, Stray
from fhir_server.accounts.desk import Desk
from fhir_server.api.admin import admin_routes
from fhir_server.api.auth import auth_routes
from fhir_server.api.break_glass import break_glass_routes
from fhir_server.api.errors import answer_errors
from fhir_server.api.external import external_routes
from fhir_server.api.factors import factor_routes
from fhir_server.api.me import me_routes
from fhir_server.api.smart import answer_refusal, discovery_routes, smart_routes
from fhir_server.api.smart_apps import app_routes
from fhir_server.api.smart_browser import answer_stray
from fhir_server.api.smart_clients import client_routes, launch_routes, registration_routes
from fhir_server.api.smart_logout import logout_routes
from fhir_server.api.smart_pages import page_routes, step_routes
from fhir_server.api.socket import plain_routes, socket_routes


def include_accounts(api: FastAPI, desk: Callable[[], Desk], *, registration_open: bool = False) -> None:
    """Add the routes; `desk` returns the desk of the tenant. `registration_open` lets apps register themselves."""
    api.state.desk = desk
    answer_errors(api)
    api.add_exception_handler(Refusal, answer_refusal)
    api.add_exception_handler(Stray, answer_stray)
    own = (
        auth_routes(),
        break_glass_routes(),
        external_routes(),
        factor_routes(),
        me_routes(),
        admin_routes(),
        socket_routes(),
        plain_routes(),
    )
    smart = (
        smart_routes(),
        discovery_routes(),
        page_routes(),
        step_routes(),
        app_routes(),
        logout_routes(),
        launch_routes(),
        client_routes(),
    )
    for routes in (*own, *smart, *((registration_routes(),) if registration_open else ())):
        api.include_router(routes)
