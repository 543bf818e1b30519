"""No request is handed to a thread: what a route or what it depends on does, it does on the event loop."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest.mock import AsyncMock, Mock

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from fhir_server.beside import beside
from fhir_server.settings import Settings


def called(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from called(each)


def routes(found: Iterable[object]) -> Iterator[APIRoute]:
    """Yield the routes of an API, those of its routers too."""
    for each in found:
        if isinstance(each, APIRoute):
            yield each
        yield from routes(getattr(getattr(each, "original_router", each), "routes", ()))


def is_on_the_loop(call: object) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


def test_routes_and_what_they_depend_on_are_coroutines(tmp_path: Path) -> None:
    api = beside(AsyncMock(), Mock(), Settings(store=f"sqlite:///{tmp_path}/fhir.db"), [])
    found = list(routes(api.routes))
    assert len(found) > 50
    threaded = {f"{each.path}: {call}" for each in found for call in called(each.dependant) if not is_on_the_loop(call)}
    assert threaded == set()
