"""A whole server over ASGI, without a socket: requests of callers whose principals a test chooses.

The guard of this server believes a header; everything behind it is the real thing, on a real store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fhir_server.app import ROUTED
from fhir_server.http.headers import Headers
from fhir_server.http.rest import Rest
from fhir_server.interactions import binary
from fhir_server.interactions.call import Principal
from fhir_server.model.fhir_json import parse
from fhir_server.operations import reindexing
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.subjects import subjects
from fhir_server.store.base import Key, NewVersion, Transaction
from profiles.validation.validator import Validator
from tests.fakes.callers import OWNER
from tests.fakes.clock import Clock
from tests.fakes.server import BASE, services_at

Json = dict[str, Any]
CALLER = b"x-test-caller"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        found: Json = parse(self.body)
        return found

    @property
    def ids(self) -> list[str]:
        """The `Type/id` of the entries of a Bundle, in order."""
        return [
            f"{r['resourceType']}/{r['id']}" for e in self.json.get("entry", ()) if "id" in (r := e.get("resource", {}))
        ]


class Guard:
    """Believes who a request says it comes from."""

    def __init__(self) -> None:
        self.callers: dict[bytes, Principal] = {b"owner": OWNER}

    def check(self, method: str, headers: Headers) -> None:
        """Let everybody knock."""

    async def admit(self, method: str, headers: Headers) -> Principal:
        """Return the caller that the header names."""
        return self.callers[headers[CALLER]]


class Asking:
    """The server, on a loop of its own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.clock = Clock()
        self.registry = Registry()
        self.extractor = Extractor(self.registry)
        self.guard = Guard()
        self.services = self._runner.run(services_at(url, self.registry, self.extractor, Validator(), self.clock))
        self.rest = Rest(self.services, ROUTED, self.guard)

    @classmethod
    def on_file(cls, folder: Path) -> Asking:
        """Return one over SQLite."""
        return cls(f"sqlite:///{folder / 'fhir.db'}")

    def close(self) -> None:
        """Close the store."""
        self._runner.run(self.services.store.close())
        self._runner.close()

    def named(self, name: str, principal: Principal) -> str:
        """Let requests of `name` come from `principal`; return the name."""
        self.guard.callers[name.encode()] = principal
        return name

    def put(self, resources: Iterable[Json], author: str = "owner") -> None:
        """Keep resources as they are, valid or not, in one commit, as if `author` had written them."""
        given = list(resources)

        async def work(tx: Transaction) -> None:
            for resource in given:
                entries = self.extractor.entries(resource, base=BASE)
                key = Key(resource["resourceType"], resource["id"])
                body = msgspec.json.encode(resource | {"meta": resource.get("meta", {}) | {"versionId": "1"}})
                owners = [Key(*each) for each in self.extractor.owners(resource, entries)]
                about = [Key(*each) for each in subjects(resource, entries)]
                if key.type == "Binary":
                    owners = about = await binary.subjects_of(tx, body)
                labels = self.extractor.labels(resource)
                await tx.put(NewVersion(key, 1, "PUT", author, body, owners, labels, subjects=about), entries)

        self._runner.run(self.services.store.write(work))

    def run_jobs(self) -> None:
        """Do what background jobs would do."""

        async def run() -> None:
            while jobs := await reindexing.unfinished(self.services.store):
                await reindexing.advance(self.services, jobs[0])

        self._runner.run(run())

    def ask(self, who: str, method: str, path: str, body: Json | list[Any] | None = None, **headers: str) -> Answer:
        """Return the answer to one request; the keys of `headers` have underscores for hyphens."""
        return self._runner.run(self._ask(who, method, path, body, headers))

    async def _ask(self, who: str, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        sent: list[Any] = []
        content = b"" if body is None else msgspec.json.encode(body)
        pairs = [(CALLER, who.encode()), (b"host", b"example.org")]
        if body is not None:
            kind = "application/json-patch+json" if isinstance(body, list) else "application/fhir+json"
            pairs += [(b"content-type", kind.encode()), (b"content-length", str(len(content)).encode())]
        pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        path, _, query = path.partition("?")

        async def receive() -> Json:
            return {"type": "http.request", "body": content}

        async def send(message: Json) -> None:
            sent.append(message)

        raw = f"/fhir/{path}".encode() if path else b"/fhir"
        scope = {"type": "http", "method": method, "raw_path": raw, "query_string": query.encode(), "headers": pairs}
        await self.rest(scope, receive, send)
        start, *rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(each.get("body", b"") for each in rest))
