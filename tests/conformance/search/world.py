"""A whole `/fhir` in this process, over a store of choice, with the resources of one topic in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import jiter
import msgspec

from fhir_server.app import ROUTED, open_tenant
from fhir_server.http.guard import OpenGuard
from fhir_server.http.rest import Rest
from fhir_server.interactions.call import system_clock
from fhir_server.settings import Settings
from tests.conformance.search.cases import Case, Json, Topic, encoded, target

ROOT = "http://example.org"
BASE = f"{ROOT}/fhir"
MOST_PAGES = 100
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its status and its resource."""

    status: int
    resource: Json


class Watch:
    """The clock of the interactions: the system's, put forward by `seconds`."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> int:
        return system_clock() + self.seconds * 1_000_000


@dataclass(slots=True)
class World:
    """The application and the loop it runs on."""

    runner: asyncio.Runner
    watch: Watch = field(default_factory=Watch)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _rest: Rest | None = None

    def open(self, store: str, topic: Topic) -> None:
        """Open the store at the URL `store` and put the topic's resources into it, one request each."""
        self.runner.run(self._enter(store))
        self.take([{"put": resource} for resource in topic.resources])
        self.take(topic.steps)

    def close(self) -> None:
        """Close the store."""
        self.runner.run(self._open.aclose())

    def take(self, steps: Iterable[Json]) -> None:
        """Do what the steps say: `put` a resource or `delete` a Type/id."""
        for step in steps:
            if "put" in step:
                resource = step["put"]
                at = f"{BASE}/{resource['resourceType']}/{resource['id']}"
                reply = self.ask("PUT", at, {"content-type": "application/fhir+json"}, _ENCODE(resource))
            else:
                reply = self.ask("DELETE", f"{BASE}/{step['delete']}")
            assert reply.status in (200, 201, 204), f"{step}\n{reply.resource}"

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Return the answer to one request to an absolute, encoded URL."""
        return self.runner.run(self._ask(method, url, headers or {}, body))

    def first(self, case: Case) -> Reply:
        """Return the answer to the request of a case."""
        method, path, query = target(case.told["request"])
        url = BASE + (f"/{path}" if path else "") + (f"?{query}" if query else "")
        headers, form = case.told.get("headers", {}), case.told.get("form")
        if form is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        return self.ask(method, url, headers, encoded(form or "").encode())

    def pages(self, case: Case) -> list[Reply]:
        """Return the answers of a walk from the case's first page to its last; `during` happens after the first."""
        found = [self.first(case)]
        self.take(case.told.get("during", ()))
        while (following := link(found[-1], "next")) is not None and len(found) < MOST_PAGES:
            found.append(self.ask("GET", following, case.told.get("headers")))
        return found

    async def _enter(self, store: str) -> None:
        settings = Settings(store=store, auth="open", public_url=ROOT, or_values=1000, telemed_profiles=False)
        tenant = await self._open.enter_async_context(open_tenant(settings))
        self._rest = Rest(replace(tenant.services, now=self.watch), ROUTED, OpenGuard(tenant.services.base))

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        path, _, query = url.removeprefix(ROOT).partition("?")
        named = {"host": "example.org", "accept": "application/fhir+json"} | {k.lower(): v for k, v in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        assert self._rest is not None
        await self._rest(scope, receive, send)
        told = b"".join(message.get("body", b"") for message in sent[1:])
        return Reply(sent[0]["status"], jiter.from_json(told, float_mode="decimal") if told else {})


def link(reply: Reply, relation: str) -> str | None:
    """Return the link of a Bundle by its relation."""
    return next((each["url"] for each in reply.resource.get("link", ()) if each["relation"] == relation), None)
