"""How a parcel gets to who asked for it: `rest-hook` over HTTP, `email` as a letter that says nothing of anybody."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from auth.ports import Letter
from fhir_server.addresses import AddressRefused
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.subscriptions.parcel import Parcel
from realtime.subscriptions.subscription import address, header

if TYPE_CHECKING:
    from fhir_server.fetching import Fetcher

SECONDS, LONGEST = 10.0, 60.0
"""How long an endpoint may take, unless its subscription says otherwise, and how long at most."""

SUBJECT = "Something new for you"
TEXT = """There is something new that you asked to be told of.

Sign in to see what it is. This letter says nothing of it, because it is not sealed.

You get it because of your subscription {id}; delete it to get no more.
"""


class NotTaken(Exception):
    """Nobody has taken it; the text says why, without the address. `read` is the parcel that may have been read."""

    def __init__(self, why: str, read: Parcel | None = None) -> None:
        super().__init__(why)
        self.read = read


class RestHooks:
    """Sends parcels over HTTP; `origins` are those that the operator lists. `close` it at the end."""

    def __init__(self, origins: Collection[str] = ()) -> None:
        self._origins = origins
        self._fetching: Any = None
        self._fetcher: Fetcher | None = None

    async def send(self, entry: Entry, parcel: Parcel) -> None:
        """Send a parcel to the endpoint of a subscription. Raises NotTaken unless it answers with success."""
        # What asks others is loaded when somebody is asked, beside everything else.
        fetching = self._fetching or await asyncio.to_thread(importlib.import_module, "fhir_server.fetching")
        self._fetching = fetching
        # Each subscription has one connection at a time.
        self._fetcher = self._fetcher or fetching.Fetcher(self._origins, connections=None)
        asked = entry.asked
        url = f"{asked.endpoint.rstrip('/')}/{parcel.path}" if parcel.path else asked.endpoint
        headers = [read for read in map(header, asked.headers) if read is not None]
        if parcel.media:
            headers.append(("Content-Type", f"{parcel.media}; charset=utf-8"))
        seconds = min(float(asked.timeout), LONGEST) or SECONDS
        given: dict[str, Any] = {"headers": headers, "content": parcel.body, "seconds": seconds}
        try:
            status = await self._fetcher.send(parcel.method, url, **given)
        except AddressRefused as refusal:
            raise NotTaken(str(refusal)) from None
        except fetching.FetchFailed as failure:
            raise NotTaken(str(failure), parcel) from None
        if not 200 <= status < 300:
            more = "; redirects are not followed" if 300 <= status < 400 else ""
            raise NotTaken(f"The endpoint answered with status {status}{more}.", parcel)

    async def close(self) -> None:
        """Close the connections."""
        if self._fetcher is not None:
            await self._fetcher.close()


Post = Callable[[Letter], Awaitable[None]]
"""Takes a letter over for delivery."""


async def by_letter(post: Post, entry: Entry, email: str) -> None:
    """Write to the owner that there is something. Raises NotTaken for an address that is not their own."""
    to = address(entry.asked.endpoint)
    if not email or to.casefold() != email.casefold():
        raise NotTaken("Letters go to the confirmed address of the owner's own account alone.")
    await post(Letter(to, SUBJECT, TEXT.format(id=entry.id)))
