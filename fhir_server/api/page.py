"""`/consultation/`: the built page of a video consultation, which is the only thing here that runs in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS = "assets/"
"""Below it each file has a name of its own for each content."""
AT = "/consultation"


def include_page(api: FastAPI, folder: Path, root: str) -> None:
    """Serve the page in `folder`; `root` is the server's address as clients see it."""

    @api.get(AT, include_in_schema=False)
    async def bare() -> Response:
        return RedirectResponse(f"{AT}/", 308)

    api.mount(AT, Page(folder, root))


class Page(StaticFiles):
    """The files of a folder, with what a browser may do on them: only what is this server's own, and no more."""

    def __init__(self, folder: Path, root: str) -> None:
        """`root` is the server's address as clients see it."""
        super().__init__(directory=folder)
        # Browsers differ in whether 'self' is sockets, too.
        sockets = root.replace("http", "ws", 1)
        self._headers = {
            "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"media-src 'self' blob:; connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'",
            "permissions-policy": "camera=(self), microphone=(self)",
        }

    async def get_response(self, path: str, scope: Any) -> Response:
        """See `StaticFiles.get_response`."""
        response = await super().get_response("index.html" if path == "." else path, scope)
        kept = "public, max-age=31536000, immutable" if path.startswith(ASSETS) else "no-cache"
        response.headers.update({**self._headers, "cache-control": kept})
        return response
