"""What stands beside `/fhir`, on FastAPI: health, accounts, JSON views and the page of a consultation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_server.accounts.desk import Desk
    from fhir_server.settings import Settings
    from mappings.views.describe import Described

Ready = Callable[[], Awaitable[bool]]


def beside(ready: Ready, desk: Callable[[], Desk] | None, settings: Settings, views: Sequence[Described]) -> Any:
    """Return the API, whose libraries are loaded here: a server in open mode, without a desk, needs few of them.

    `ready` says whether the store answers, `views` are those of partners.
    """
    from fastapi import FastAPI

    from fhir_server.api.health import health

    # No redirects of the framework's own: it would take the host for them from the request.
    title, release = "FHIR health data server", version("fhir-health-server")
    api = FastAPI(title=title, version=release, redoc_url=None, redirect_slashes=False)
    api.include_router(health(ready))
    if desk is None:
        from fhir_server.api.closed import closed
        from fhir_server.api.strays import answer_strays

        answer_strays(api)
        api.include_router(closed())
    else:
        from fhir_server.api.accounts import include_accounts
        from fhir_server.api.views import include_views
        from fhir_server.open_live import relaying_of

        # Routes are tried in turn, and these are asked for far more often than those of accounts.
        include_views(api, relaying_of(settings), views)
        include_accounts(api, desk, registration_open=settings.client_registration)
        if settings.consultation_page:
            from fhir_server.api.page import include_page

            include_page(api, Path(settings.consultation_page), settings.root)
    return api
