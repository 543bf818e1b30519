"""A web server of files that says nothing about whom it serves."""

from __future__ import annotations

from http.server import SimpleHTTPRequestHandler
from typing import Any


class Quiet(SimpleHTTPRequestHandler):
    """Serves files."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
