"""Asking the external provider that the operator has named: without proxies or redirects, bounded in time and size."""

from __future__ import annotations

import logging
from collections.abc import Mapping

SECONDS = 5.0
BYTES = 1024 * 1024

log = logging.getLogger("fhir_server.accounts")


async def asking(method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes | None:
    """Return the body of a 200, None for everything else."""
    # Loaded when somebody signs in there, so that the server starts sooner.
    import httpx

    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")):
        log.error("the external provider names an address that is not https")
        return None
    try:
        async with (
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
            client.stream(method, url, data=form, headers=dict(headers)) as answer,
        ):
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > BYTES:
                    return None
            if answer.status_code != 200:
                log.warning("the external provider has refused", extra={"status": answer.status_code})
                return None
            return body
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("the external provider was not reached", extra={"error": type(error).__name__})
        return None
