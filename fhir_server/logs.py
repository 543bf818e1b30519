"""The server's own log on standard error: text for people, or one JSON object a line for machines.

What is logged is counted and named, never quoted: no query, no body, no exception text; they may hold personal data.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: str, format: str) -> None:
    """Send everything below the logger `fhir_server` to standard error, as `text` or `json`, from `level` on."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end = structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, end]
        )
    )
    log = logging.getLogger("fhir_server")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False
