"""What is not used costs nothing: pure floors load no driver and no web framework, adapters only their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "fastapi",
    "starlette",
    "uvicorn",
    "apsw",
    "sqlite3",
    "httpx",
    "structlog",
    "pydantic",
    "typer",
    "rich",
    "redis",
    "socketio",
    "asyncio",
)


def loaded(*modules: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, {', '.join(modules)}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        (("profiles.validation.validator", "profiles.fhirpath.engine"), set()),
        (("mappings.views.registry", "mappings.transactions.record", "mappings.documents.document"), set()),
        (("fhir_server.model.fhir_json", "fhir_server.model.fhir_xml", "fhir_server.model.bundle"), set()),
        (("fhir_server.search.parse", "fhir_server.search.extract", "fhir_server.search.match"), set()),
        (("fhir_server.interactions.table", "fhir_server.interactions.bundle"), {"asyncio"}),
        (("fhir_server.http.rest", "fhir_server.http.middleware"), {"asyncio"}),
        (("fhir_server.store.connect",), {"asyncio"}),
        (("auth.policy", "auth.rights", "auth.scopes", "auth.accounts", "auth.grants"), set()),
        (("auth.auth",), {"asyncio"}),
        (("fhir_server.live.opening", "fhir_server.live.doors", "realtime.bus.connect"), {"asyncio"}),
        (("fhir_server.cli",), {"asyncio", "typer", "rich"}),
    ],
)
def test_importing_loads_only_what_is_needed(modules: tuple[str, ...], allowed: set[str]) -> None:
    assert loaded(*modules) <= allowed
