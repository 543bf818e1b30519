"""Asking addresses that others have named: apps of their keys, the external provider of its parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlencode

from auth.oidc import Ask
from auth.ports import Fetch
from fhir_server.addresses import AddressRefused
from fhir_server.fetching import Fetched, Fetcher, FetchFailed

OK = 200

log = logging.getLogger("fhir_server.accounts")


def getting(fetcher: Fetcher) -> Fetch:
    """Return what gets an address that an app has named; None when it may not be asked, or does not answer."""

    async def fetch(url: str) -> Fetched | None:
        return await _asked(fetcher, "an app", url, "GET", {}, b"")

    return fetch


def asking(fetcher: Fetcher) -> Ask:
    """Return what asks the external provider, and gives the body of a 200, None for everything else."""

    async def ask(method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes | None:
        sent = {"Accept": "application/json", **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        answer = await _asked(fetcher, "the external provider", url, method, sent, urlencode(form or {}).encode())
        if answer is not None and answer.status != OK:
            log.warning("the external provider has refused", extra={"status": answer.status})
        return answer.content if answer is not None and answer.status == OK else None

    return ask


async def _asked(
    fetcher: Fetcher, who: str, url: str, method: str, headers: Mapping[str, str], content: bytes
) -> Fetched | None:
    try:
        return await fetcher.fetch(url, method=method, headers=headers.items(), content=content)
    except (FetchFailed, AddressRefused) as refusal:
        log.warning("an address was not asked", extra={"named_by": who, "reason": str(refusal)})
        return None
